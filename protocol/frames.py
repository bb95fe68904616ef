"""The wire: actions in, events out, one decoder, one encoder. No I/O."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from ..store.messages import QUOTED, Reacted
from ..store.messages import Attachment as StoredAttachment
from ..store.messages import Message as StoredMessage
from ..store.messages import Quote as StoredQuote
from ..store.reactions import Reaction as StoredReaction
from .errors import InvalidFrame, InvalidJSON, Refusal

SECOND_LOOK = 1 << 16  # bytes of a broken frame that are worth a closer look
MOST_OBJECTS = 10_000  # in a larger one: each costs more than its bytes
ENDS = 1 << 10  # of a larger one, where its fields stand around what makes it large
MAX_ID = 2**53  # what JavaScript holds exactly

Body = TypeVar("Body")


# ---------------------------------------------------------------- values


def id_of(value: int | str, name: str) -> int:
    """A room or message id as a request may spell it: an integer or its plain ASCII decimal."""
    if isinstance(value, str):
        value = int(value) if _is_decimal(value) else -1
    if 0 <= value < MAX_ID:
        return value
    raise InvalidFrame(f"{name}: an integer from 0 to 2^53 - 1 is needed.")


def _is_decimal(text: str) -> bool:
    plain = text.isascii() and text.isdigit() and len(text) <= 16
    return plain and (text == "0" or text[0] != "0")


def user_of(value: object, name: str = "user_id") -> str:
    """A user id as it is kept: a string of 1 to 255 code points; 2 and "2" are the same user."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and 0 < len(value) <= 255 and is_clean(value):
        return value
    raise InvalidFrame(f"{name}: an integer or a string of 1 to 255 characters is needed.")


@lru_cache(16_384)
def wire_user(user_id: str) -> int | str:
    """A user id as clients see it: a number where JavaScript holds it exactly, else a string."""
    digits = user_id.removeprefix("-")
    if not _is_decimal(digits) or user_id == "-0":
        return user_id
    number = int(user_id)
    return number if abs(number) < MAX_ID else user_id


def wire_users(user_ids: Iterable[str]) -> list[int | str]:
    """As clients see them: numbers first, by size."""
    wire = [wire_user(user) for user in user_ids]
    return sorted(wire, key=lambda user: (isinstance(user, str), user))


def is_clean(text: str) -> bool:
    """No NUL and no lone surrogate: neither survives every database and every client."""
    if "\0" in text:
        return False
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


@lru_cache(4096)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.")


@lru_cache(4096)
def when(microseconds: int) -> str:
    """RFC 3339 in UTC with microseconds; all messages of a commit have the same."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{_second(seconds)}{rest:06d}+00:00"


# ---------------------------------------------------------------- actions


class Action(Struct, tag_field="action"):
    """One JSON object from a client; unknown fields are ignored."""


class File(Struct):
    """Bytes in base64 (`data`), a finished upload (`file_path`), or, with neither, a wish."""

    name: str = ""
    size: int | None = None
    type: str = ""
    data: str | None = None
    file_path: str | None = None

    def __post_init__(self) -> None:
        if self.file_path is not None:
            return
        if not self.name:
            raise ValueError("file.name is missing")
        if self.size is None or self.size < 0:
            raise ValueError("file.size is missing or negative")
        if not self.type:
            raise ValueError("file.type is missing")


class Send(Action, tag="send", gc=False):
    """A new message with text, files or both; `client_id` makes it safe to send again."""

    message: str = ""
    file: File | None = None
    files: list[File] | None = None
    client_id: str | None = None
    reply_to: int | str | None = None

    @property
    def all_files(self) -> list[File]:
        return ([self.file] if self.file else []) + (self.files or [])


class FileUploaded(Action, tag="file_uploaded"):
    """The bytes were PUT to the presigned URL: check them and send the message."""

    file_path: str
    message: str = ""
    client_id: str | None = None
    reply_to: int | str | None = None

    def as_send(self) -> Send:
        """The same as a message with a finished upload."""
        file = File(file_path=self.file_path)
        return Send(self.message, file, client_id=self.client_id, reply_to=self.reply_to)


def answered(send: Send | FileUploaded) -> int | None:
    """The id of the message that this one answers."""
    return None if send.reply_to is None else id_of(send.reply_to, "reply_to")


class Edit(Action, tag="edit"):
    """Another text for a message of one's own."""

    message_id: int | str
    text: str


class Delete(Action, tag="delete"):
    """Takes back a message of one's own."""

    message_id: int | str


class React(Action, tag="react"):
    """An emoji under a message: there, gone, or (without `on`) the other of the two."""

    message_id: int | str
    emoji: str
    on: bool | None = None


class History(Action, tag="history"):
    """An older page, to this socket alone."""

    before: int | str | None = None
    limit: int | None = None


class Read(Action, tag="read"):
    """Everything up to this message was read."""

    message_id: int | str


class Auth(Action, tag="auth"):
    """A fresh token of the same user, before the old one expires."""

    token: str


class Typing(Action, tag="typing"):
    """The user is writing; the others are told so, at most every two seconds."""


class Ping(Action, tag="ping"):
    """Is the server there?"""


AnyAction = Send | FileUploaded | Edit | Delete | React | History | Read | Typing | Auth | Ping

_decode: Callable[[bytes | str], AnyAction] = msgspec.json.Decoder(AnyAction).decode


class Hint(Struct):
    """What can be said of a broken frame, so that the client knows which of its requests failed."""

    action: Any = None
    client_id: Any = None
    message_id: Any = None


_decode_hint = msgspec.json.Decoder(Hint).decode


def decode(data: bytes | str) -> AnyAction:
    """One frame from a client.

    Raises InvalidJSON, or InvalidFrame with the name of the field.
    """
    if len(data) > SECOND_LOOK:
        _check_plain(data)
    try:
        return _decode(data)
    except msgspec.ValidationError as error:
        raise InvalidFrame(_in_words(error)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise _why_not(data) from None


def decode_as(data: bytes | bytearray, shape: type[Body]) -> Body:
    """An HTTP body, by the same rules as a frame."""
    if len(data) > SECOND_LOOK:
        _check_plain(data)
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.ValidationError as error:
        raise InvalidFrame(_in_words(error)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise _why_not(data) from None


def _check_plain(data: bytes | bytearray | str) -> None:
    """Files are large, but there are few of them."""
    marks = ("{", "[") if isinstance(data, str) else (b"{", b"[")
    if any(data.count(mark) > MOST_OBJECTS for mark in marks):  # type: ignore[arg-type]
        raise InvalidFrame(f"More than {MOST_OBJECTS:,} objects or lists are too many.")


def _why_not(data: bytes | bytearray | str) -> Refusal:
    """A lone surrogate is JSON that no text can hold; everything else here is no JSON."""
    if len(data) > SECOND_LOOK:
        return InvalidJSON()
    try:
        json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return InvalidJSON()
    return InvalidFrame("A text holds a lone surrogate (half of a character) or goes too deep.")


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity are no JSON (RFC 8259, 6)


def _in_words(error: msgspec.ValidationError) -> str:
    words = str(error)
    if words.endswith("`$.action`"):
        return "action: unknown."
    return words.replace("`$.", "`").replace(" - at `$`", "") + "."


def hint(data: bytes | str) -> Hint:
    """What a refused frame said of itself; empty where it can't be read."""
    if len(data) > SECOND_LOOK:
        return _glimpse(data)
    try:
        found = _decode_hint(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return Hint()
    return hint_of(found.action, found.client_id, found.message_id)


_NAMED = re.compile(r'"(action|client_id|message_id)"\s*:\s*(?:"([^"\\]*)"|(\d{1,16}))\s*[,}]')


def _glimpse(data: bytes | str) -> Hint:
    """The same of a large one: to decode it again would take as long as the first time."""
    ends = data[:ENDS] + data[-ENDS:]  # type: ignore[operator] # both are of one kind
    text = ends if isinstance(ends, str) else ends.decode(errors="replace")
    found = {name: int(number) if number else word for name, word, number in _NAMED.findall(text)}
    return hint_of(found.get("action"), found.get("client_id"), found.get("message_id"))


def hint_of(action: object, client_id: object, message_id: object) -> Hint:
    """Without what a client can make long."""
    return Hint(_short(action), _short(client_id), _short(message_id))


def _short(value: object) -> int | str | None:
    """What may be said again: nothing that a client can make long."""
    is_short = isinstance(value, int) or (isinstance(value, str) and len(value) <= 64)
    return value if is_short and not isinstance(value, bool) else None  # type: ignore[return-value]


# ---------------------------------------------------------------- events


class Attachment(Struct):
    """A file of a message; `file_url` is signed and expires."""

    file_url: str
    file_name: str
    content_type: str
    size: int


class Quote(Struct):
    """What is shown of the message that another one answers."""

    message_id: int
    sender_id: int | str
    text: str | None


class Reaction(Struct):
    """An emoji under a message, and whose it is."""

    emoji: str
    count: int
    user_ids: list[int | str]


Status = Literal["send", "delivered", "read"]


class Message(Struct, gc=False):
    """A message as every client sees it."""

    text: str
    message_id: int
    sender_id: int | str
    status: Status
    created_at: str
    updated_at: str
    attachments: list[Attachment]
    room_id: int
    version: int
    client_id: str | UnsetType = UNSET
    reply_to: Quote | UnsetType = UNSET
    reactions: list[Reaction] | UnsetType = UNSET


class Event(Struct, tag_field="type"):
    """One JSON object to clients."""


class MessageSent(Event, tag="chat_message", gc=False):
    """A message was stored."""

    version: int
    message: Message


class MessageDelivered(Event, tag="mark_message_as_delivered"):
    """Every recipient's device has the message."""

    message: Message


class MessageRead(Event, tag="mark_message_as_read"):
    """Every recipient has the room open and has seen the message."""

    message: Message


class MessageEdited(Event, tag="message_edited"):
    """The sender changed the text."""

    version: int
    message_id: int
    text: str
    message: Message


class MessageDeleted(Event, tag="message_deleted"):
    """The sender took the message back."""

    version: int
    message_id: int


class MessageReacted(Event, tag="message_reacted"):
    """Somebody reacted to a message, or took it back: these are its reactions now."""

    version: int
    message_id: int
    reactions: list[Reaction]


class ReceiptMoved(Event, tag="receipt"):
    """How far a member has received and read (`receipts=compact`)."""

    room_id: int
    user_id: int | str
    delivered: int
    read: int


class Typed(Event, tag="typing"):
    """Another member is writing, as of now."""

    user_id: int | str
    room_id: int


class RoomChanged(Event, tag="room_changed"):
    """Somebody came or left, or the title is another one; `members` are all who are in it now."""

    room_id: int
    members: list[int | str]
    title: str | None


class PresenceChanged(Event, tag="presence"):
    """Another member came online, or is offline for some seconds."""

    user_id: int | str
    online: bool
    last_seen: str


class Notice(Struct):
    """A room with unread messages, and the newest of them."""

    room_id: int
    counter_by_room: int
    last_message: str
    status: Status
    sender_id: int | str
    sender_status: Literal["online", "offline"]
    created_at: str
    updated_at: str


class Notified(Event, tag="notify"):
    """How much is unread, in all rooms, and the rooms in which something is."""

    counter: int
    messages: list[Notice]


class RoomDeleted(Event, tag="room_deleted"):
    """The room is gone; the socket closes with 4004."""

    room_id: int


class Receipt(Struct):
    """A member's two watermarks: message ids up to which he has received and read."""

    user_id: int | str
    delivered: int
    read: int


class Sync(Event, tag="sync"):
    """The first frame with `after`: everything that changed since, in its present state."""

    epoch: str
    version: int
    messages: list[Message]
    deleted: list[int]
    receipts: list[Receipt]
    reset: bool


class HistoryPage(Event, tag="history"):
    """An older page, oldest first."""

    messages: list[Message]
    has_more: bool


class UploadOffered(Event, tag="presigned_url"):
    """Where to PUT the bytes of a file, with which headers, within how many seconds."""

    presigned_url: str
    file_path: str
    file_name: str
    message: str
    client_id: str | None
    headers: dict[str, str]
    expires_in: int


class AuthRenewed(Event, tag="auth"):
    """The token was renewed; the socket now lives until `expires_at`."""

    expires_at: str


class Pong(Event, tag="pong"):
    """The server is there."""


class Error(Event, tag="error", omit_defaults=True):
    """A frame failed, alone: nothing was stored, nobody else saw anything."""

    message: str
    code: str
    action: str | UnsetType = UNSET
    client_id: str | UnsetType = UNSET
    message_id: int | str | UnsetType = UNSET


encode: Callable[[object], bytes] = msgspec.json.Encoder().encode

Link = Callable[[StoredAttachment], str]  # an attachment's signed URL


def message_of(row: StoredMessage, link: Link, status: Status = "send") -> Message:
    """A stored message as clients see it."""
    return Message(
        row.text,
        row.id,
        wire_user(row.sender_id),
        status,
        when(row.created_at),
        when(row.updated_at),
        [Attachment(link(a), a.name, a.content_type, a.size) for a in row.attachments]
        if row.attachments
        else [],
        row.room_id,
        row.version,
        UNSET if row.client_id is None else row.client_id,
        UNSET if row.quote is None else _quote_of(row.quote),
        reactions_of(row.reactions) if row.reactions else UNSET,
    )


def _quote_of(quote: StoredQuote) -> Quote:
    return Quote(quote.message_id, wire_user(quote.sender_id), quote.text)


def reactions_of(rows: Sequence[StoredReaction]) -> list[Reaction]:
    return [
        Reaction(row.emoji, len(row.user_ids), [wire_user(user) for user in row.user_ids])
        for row in rows
    ]


def reacted_of(reacted: Reacted) -> MessageReacted:
    shown = reactions_of(reacted.reactions)
    return MessageReacted(reacted.version, reacted.message_id, shown)


def error_of(refusal: Refusal, about: Hint) -> Error:
    """What the one socket hears whose frame was refused."""
    message_id = about.message_id if refusal.message_id is None else refusal.message_id
    return Error(
        str(refusal),
        refusal.code,
        about.action or UNSET,
        UNSET if about.client_id is None else about.client_id,
        UNSET if message_id is None else message_id,
    )


# A message becomes text once, as it was sent. Its later frames are cut from that text: the bare
# quotes of `"status":"send"` cannot stand inside a JSON string, so the cut is exact.
_SENT = b'"status":"send"'
_MESSAGE = b'"message":'
_STATUS = {s: b'"status":"%s"' % s.encode() for s in ("send", "delivered", "read")}
_MARK = {s: b'{"type":"mark_message_as_%s","message":' % s.encode() for s in ("delivered", "read")}


def body_of(frame: bytes) -> bytes:
    """The message inside a `chat_message` or `message_edited` frame, as text."""
    return frame[frame.index(_MESSAGE + b"{") + len(_MESSAGE) : -1]


def as_edited(frame: bytes) -> bytes:
    """What a `chat_message` is to those who have the message already."""
    sent = msgspec.json.decode(frame, type=MessageSent)
    text = sent.message.text
    return encode(MessageEdited(sent.version, sent.message.message_id, text, sent.message))


def with_status(text: bytes, status: Status) -> bytes:
    """The same text, with the status it has by now."""
    return text if status == "send" else text.replace(_SENT, _STATUS[status], 1)


_decode_reacted = msgspec.json.Decoder(MessageReacted).decode
_decode_message = msgspec.json.Decoder(Message).decode


def with_reactions(body: bytes, frame: bytes) -> bytes:
    """The text of a message, with the reactions that this `message_reacted` tells of."""
    reacted, message = _decode_reacted(frame), _decode_message(body)
    message.version, message.reactions = reacted.version, reacted.reactions or UNSET
    return encode(message)


def quoted_of(body: bytes) -> str:
    """What is shown of a message where another one answers it."""
    return _decode_message(body).text[:QUOTED]


def requoted(body: bytes, message_id: int, text: str | None) -> bytes:
    """The text of a message; where it answers that one, with what that one says by now."""
    if b'"reply_to":{"message_id":%d,' % message_id not in body:
        return body
    message = _decode_message(body)
    assert isinstance(message.reply_to, Quote)
    message.reply_to.text = text
    return encode(message)


def mark(body: bytes, status: Literal["delivered", "read"]) -> bytes:
    """The `mark_message_as_…` frame of a message that is kept as text."""
    return b"".join((_MARK[status], body.replace(_SENT, _STATUS[status], 1), b"}"))
