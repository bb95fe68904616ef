"""Events: what a client receives, and the values inside them."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType


class Attachment(Struct):
    """A file of a message; `file_url` is signed and expires.

    A picture has the width and height, in pixels, with which it is shown.
    """

    file_url: str
    file_name: str
    content_type: str
    size: int
    width: int | UnsetType = UNSET
    height: int | UnsetType = UNSET


class Quote(Struct):
    """The excerpt of a message that another one answers."""

    message_id: int
    sender_id: int | str | None
    text: str | None


class Reaction(Struct):
    """An emoji on a message, and the users who gave it."""

    emoji: str
    count: int
    user_ids: list[int | str]


class About(Struct, omit_defaults=True, frozen=True):
    """The subject of a room; all but the title may be missing. URLs are http or https."""

    title: str
    url: str | None = None
    picture: str | None = None
    price: str | None = None
    status: str | None = None


class Button(Struct):
    """A button of a message: with an `id` it is pressed by `act`, with a `url` it is a link."""

    label: str
    id: str | UnsetType = UNSET
    style: str | UnsetType = UNSET
    once: bool | UnsetType = UNSET
    url: str | UnsetType = UNSET


class Chosen(Struct):
    """The pressed button of those that can be pressed once, its user and the time."""

    id: str
    user_id: int | str
    at: str


Status = Literal["send", "delivered", "read"]
JsonObject = Annotated[Any, Meta(extra_json_schema={"type": "object"})]


class Message(Struct, gc=False):
    """A message as every client sees it."""

    text: str
    message_id: int
    sender_id: int | str | None
    status: Status
    created_at: str
    updated_at: str
    attachments: list[Attachment]
    room_id: int
    version: int
    client_id: str | UnsetType = UNSET
    reply_to: Quote | UnsetType = UNSET
    reactions: list[Reaction] | UnsetType = UNSET
    kind: Literal["system"] | UnsetType = UNSET
    data: JsonObject | UnsetType = UNSET
    actions: list[Button] | UnsetType = UNSET
    chosen: Chosen | UnsetType = UNSET


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
    """The message was changed."""

    version: int
    message_id: int
    text: str
    message: Message


class MessageDeleted(Event, tag="message_deleted"):
    """The message was deleted."""

    version: int
    message_id: int


class MessageReacted(Event, tag="message_reacted"):
    """A reaction to a message was added or removed; these are its reactions now."""

    version: int
    message_id: int
    reactions: list[Reaction]


class ButtonPressed(Event, tag="acted"):
    """The socket's user pressed a button; `reply` is the site's answer."""

    message_id: int
    id: str
    reply: str | UnsetType = UNSET


class ReceiptMoved(Event, tag="receipt"):
    """The message ids that a member has received and read up to (`receipts=compact`)."""

    room_id: int
    user_id: int | str
    delivered: int
    read: int


class Typed(Event, tag="typing"):
    """Another member is writing."""

    user_id: int | str
    room_id: int


class RoomChanged(Event, tag="room_changed"):
    """The members, the title or other fields of the room changed; `members` are all of them."""

    room_id: int
    members: list[int | str]
    title: str | None
    about: About | UnsetType = UNSET
    data: JsonObject | UnsetType = UNSET
    frozen: bool | UnsetType = UNSET


class PresenceChanged(Event, tag="presence"):
    """Another member came online or went offline."""

    user_id: int | str
    online: bool
    last_seen: str


class FileSummary(Struct):
    """A file of a message in a notification; `size` is in bytes."""

    file_name: str
    content_type: str
    size: int


class Notice(Struct):
    """A room with unread messages, and the newest of them.

    `attachments` are its files; the field is left out if there are none.
    """

    room_id: int
    counter_by_room: int
    last_message: str
    status: Status
    sender_id: int | str | None
    sender_status: Literal["online", "offline"]
    created_at: str
    updated_at: str
    attachments: list[FileSummary] | UnsetType = UNSET
    kind: Literal["system"] | UnsetType = UNSET
    about: About | UnsetType = UNSET


class Notified(Event, tag="notify"):
    """The unread counter of all rooms, and the rooms with unread messages (`format=flat`)."""

    counter: int
    messages: list[Notice]


class UnreadCount(Struct):
    """The unread counter of all rooms, and the rooms with unread messages."""

    counter: int
    messages: list[Notice]


class NotifiedNested(Event, tag="notify"):
    """The unread counters in the nested shape of the first client (without `format=flat`)."""

    messages: UnreadCount


class RoomDeleted(Event, tag="room_deleted"):
    """The room was deleted; the socket closes with 4004."""

    room_id: int


class Receipt(Struct):
    """A member's two watermarks: message ids up to which they have received and read."""

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
    """A page of the history, oldest first; `has_newer` answers `after`, `around` and `at`."""

    messages: list[Message]
    has_more: bool
    has_newer: bool | UnsetType = UNSET


class UploadOffered(Event, tag="presigned_url"):
    """The URL and headers to PUT the bytes of a file with, and the seconds that they are valid."""

    presigned_url: str
    file_path: str
    file_name: str
    message: str
    client_id: str | None
    headers: dict[str, str]
    expires_in: int


class AuthRenewed(Event, tag="auth"):
    """The token was renewed; the socket may stay open until `expires_at`."""

    expires_at: str


class Pong(Event, tag="pong"):
    """The answer to `ping`."""


class Error(Event, tag="error", omit_defaults=True):
    """An action of this socket failed; nothing was stored or sent to others."""

    message: str
    code: str
    action: str | UnsetType = UNSET
    client_id: str | UnsetType = UNSET
    message_id: int | str | UnsetType = UNSET
