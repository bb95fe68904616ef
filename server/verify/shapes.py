"""Checks of the shape of frames and HTTP answers, field by field; each error is a sentence."""

import re
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

Problems = Iterator[str]
Shape = Callable[[Any, str], Problems]  # (value, its path) → its errors

MARKS = {"mark_message_as_delivered": "delivered", "mark_message_as_read": "read"}
RANKS = {"send": 0, "delivered": 1, "read": 2}
STATUS_OF_CODE = {
    "invalid_json": 400, "invalid_frame": 400, "empty_message": 400, "too_long": 400,
    "file_type": 400, "file_invalid": 400, "file_missing": 400, "unauthenticated": 401,
    "forbidden": 403, "not_found": 404, "method_not_allowed": 405, "conflict": 409,
    "file_too_large": 413, "rate_limited": 429, "internal": 500, "unavailable": 503,
    "storage_unavailable": 503,
}  # fmt: skip
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
_CANONICAL = re.compile(r"-?[1-9][0-9]{0,14}|0")
_INTERNALS = re.compile(r"Traceback|Exception\b|sqlite|psycopg|asyncpg|0x[0-9a-f]{6}|<class")


def _is(test: Callable[[Any], bool], kind: str) -> Shape:
    def check(value: Any, path: str) -> Problems:
        if not test(value):
            yield f"{path} is {value!r:.80}, not {kind}"

    return check


def one_of(*values: Any) -> Shape:
    """One of a few values."""
    return _is(lambda value: value in values, f"one of {', '.join(map(str, values))}")


def optional_null(shape: Shape) -> Shape:
    """The shape, or null."""

    def check(value: Any, path: str) -> Problems:
        if value is not None:
            yield from shape(value, path)

    return check


def list_of(shape: Shape) -> Shape:
    """A list whose items all have the shape."""

    def check(value: Any, path: str) -> Problems:
        if not isinstance(value, list):
            yield f"{path} is {value!r:.80}, not a list"
            return
        for number, item in enumerate(value):
            yield from shape(item, f"{path}[{number}]")

    return check


class Fields:
    """An object with required and optional fields; other fields are `unknown`."""

    unknown: ClassVar[set[str]] = set()

    def __init__(self, needed: dict[str, Shape], maybe: dict[str, Shape] | None = None) -> None:
        self._needed = needed
        self._maybe = maybe or {}

    def __call__(self, value: Any, path: str) -> Problems:
        if not isinstance(value, dict):
            yield f"{path} is {value!r:.80}, not an object"
            return
        for name, shape in self._needed.items():
            if name in value:
                yield from shape(value[name], f"{path}.{name}")
            else:
                yield f"{path}.{name} is missing"
        for name, shape in self._maybe.items():
            if name in value:
                yield from shape(value[name], f"{path}.{name}")
        for name in value.keys() - self._needed.keys() - self._maybe.keys():
            self.unknown.add(f"{path.partition('[')[0]}.{name}")


def _is_user(value: Any) -> bool:
    if type(value) is int:
        return abs(value) < 2**53
    return isinstance(value, str) and 0 < len(value) <= 255 and not _CANONICAL.fullmatch(value)


identifier = _is(lambda v: type(v) is int and 0 <= v < 2**53, "an integer from 0 to 2^53 - 1")
positive = _is(lambda v: type(v) is int and v > 0, "a positive integer")
user = _is(_is_user, "a user id (a number where JavaScript holds it exactly, else a string)")
text = _is(lambda v: isinstance(v, str), "a string")
boolean = _is(lambda v: isinstance(v, bool), "true or false")
anything = _is(lambda _: True, "anything")
an_object = _is(lambda v: isinstance(v, dict), "an object")
moment = _is(
    lambda v: isinstance(v, str) and bool(_TIME.fullmatch(v)), "a time in UTC with microseconds"
)
address = _is(
    lambda v: isinstance(v, str) and v.startswith(("http://", "https://")), "an absolute URL"
)
status = one_of(*RANKS)

QUOTE = Fields({"message_id": identifier, "sender_id": optional_null(user),
                "text": optional_null(text)})  # fmt: skip
REACTION = Fields({"emoji": text, "count": positive, "user_ids": list_of(user)})
ATTACHMENT = Fields(
    {"file_url": address, "file_name": text, "content_type": text, "size": identifier},
    {"width": positive, "height": positive},
)
_MESSAGE = Fields(
    {
        "text": text, "message_id": identifier, "sender_id": optional_null(user), "status": status,
        "created_at": moment, "updated_at": moment, "attachments": list_of(ATTACHMENT),
        "room_id": identifier, "version": identifier,
    },
    {
        "client_id": text, "reply_to": QUOTE, "reactions": list_of(REACTION), "data": an_object,
        "kind": text, "actions": list_of(an_object), "chosen": an_object,
    },
)  # fmt: skip


def message(value: Any, path: str) -> Problems:
    """A message, wherever it appears."""
    before = len(found := list(_MESSAGE(value, path)))
    yield from found
    if before:
        return
    if value["updated_at"] < value["created_at"]:
        yield f"{path} was updated before it was created"
    for reaction in value.get("reactions", ()):
        if reaction["count"] != len(set(reaction["user_ids"])):
            yield f"{path}.reactions counts {reaction['count']} of {reaction['user_ids']}"


def messages(value: Any, path: str) -> Problems:
    """A list of messages, oldest first, each once."""
    before = len(found := list(list_of(message)(value, path)))
    yield from found
    ids = [each["message_id"] for each in value] if not before else []
    if ids != sorted(set(ids)):
        yield f"{path} is not ordered, oldest first, each once: {ids}"


ABOUT = an_object
MEMBER = Fields({"user_id": user, "name": optional_null(text), "picture": optional_null(text),
                 "online": boolean, "last_seen": optional_null(moment)})  # fmt: skip
LAST_MESSAGE = Fields(
    {"content": text, "created_at": moment, "from_this_user": boolean, "message_id": identifier,
     "sender_id": optional_null(user), "status": status},
    {"kind": text, "data": an_object, "attachments": list_of(anything)},
)  # fmt: skip
PROFILE = Fields({"id": user, "username": optional_null(text), "picture": optional_null(text)})
_SITE_FIELDS = {
    "about": optional_null(ABOUT), "data": optional_null(an_object), "frozen": boolean,
    "marked_unread": boolean, "can": list_of(text),
}  # fmt: skip
_ROOM = {
    "room_id": identifier, "title": optional_null(text), "context": optional_null(text),
    "created_at": moment, "members": list_of(MEMBER), "unread": identifier,
    "last_message": optional_null(LAST_MESSAGE),
}  # fmt: skip
ROOM_ITEM = Fields(
    _ROOM, _SITE_FIELDS | {"first_user_profile": PROFILE, "second_user_profile": PROFILE}
)
ROOM_SHOWN = Fields(
    _ROOM | {"muted": boolean, "archived": boolean, "version": identifier}, _SITE_FIELDS
)
ROOM_OPENED = Fields(
    {"id": identifier, "room_id": identifier, "members": list_of(user), "created_at": moment},
    {"title": optional_null(text), "context": optional_null(text)} | _SITE_FIELDS,
)
ROOM_PAGE = Fields({"count": identifier, "next": optional_null(address),
                    "previous": optional_null(address), "results": list_of(ROOM_ITEM)})  # fmt: skip
MESSAGE_PAGE = Fields({"messages": messages, "has_more": boolean}, {"has_newer": boolean})
RECEIPT = Fields({"user_id": user, "delivered": identifier, "read": identifier})
BLOCK_PAGE = Fields({"results": list_of(Fields({"user_id": user, "at": moment})),
                     "next": optional_null(address)})  # fmt: skip
SEARCH_PAGE = Fields({"results": list_of(message), "next": optional_null(address)})
UPLOAD = {
    "presigned_url": address, "file_path": text, "file_name": text, "message": optional_null(text),
    "client_id": optional_null(text), "headers": an_object, "expires_in": positive,
}  # fmt: skip
NOTICE = Fields(
    {"room_id": identifier, "counter_by_room": positive, "last_message": optional_null(text),
     "status": status, "sender_id": optional_null(user),
     "sender_status": one_of("online", "offline"), "created_at": moment, "updated_at": moment},
    {"about": optional_null(ABOUT), "kind": text, "data": an_object,
     "attachments": list_of(anything)},
)  # fmt: skip
UNREAD = Fields({"counter": identifier, "messages": list_of(NOTICE)}, {"type": one_of("notify")})
UNREAD_WRAPPED = Fields({"type": one_of("notify"), "messages": UNREAD})
REFUSAL = Fields({"detail": text, "code": one_of(*STATUS_OF_CODE)}, {"message_id": identifier})
SOCKET_CODES = [c for c in STATUS_OF_CODE if c not in ("unauthenticated", "method_not_allowed")]
_FRAMES: dict[str, Fields] = {
    "chat_message": Fields({"version": identifier, "message": message}),
    "mark_message_as_delivered": Fields({"message": message}),
    "mark_message_as_read": Fields({"message": message}),
    "message_edited": Fields(
        {"version": identifier, "message_id": identifier, "text": text, "message": message}
    ),
    "message_deleted": Fields({"version": identifier, "message_id": identifier}),
    "message_reacted": Fields(
        {"version": identifier, "message_id": identifier, "reactions": list_of(REACTION)}
    ),
    "receipt": Fields({"room_id": identifier, "user_id": user, "delivered": identifier,
                       "read": identifier}),
    "typing": Fields({"user_id": user, "room_id": identifier}),
    "presence": Fields(
        {"user_id": user, "online": boolean, "last_seen": optional_null(moment)}
    ),
    "room_changed": Fields(
        {"room_id": identifier, "members": list_of(user), "title": optional_null(text)},
        _SITE_FIELDS,
    ),
    "room_deleted": Fields({"room_id": identifier}),
    "sync": Fields({"epoch": text, "version": identifier, "messages": messages,
                    "deleted": list_of(identifier), "receipts": list_of(RECEIPT),
                    "reset": boolean}),
    "history": Fields({"messages": messages, "has_more": boolean}, {"has_newer": boolean}),
    "presigned_url": Fields(UPLOAD),
    "auth": Fields({"expires_at": optional_null(moment)}),
    "acted": Fields({"message_id": identifier, "id": text}, {"reply": text}),
    "pong": Fields({}),
    "error": Fields(
        {"message": text, "code": one_of(*SOCKET_CODES)},
        {"action": anything, "client_id": anything, "message_id": anything},
    ),
}  # fmt: skip


def frame_problems(frame: Any) -> Problems:
    """Yield the errors of a frame of a room's socket."""
    if isinstance(frame, list):
        yield from messages(frame, "first")
        return
    kind = frame.get("type") if isinstance(frame, dict) else None
    if kind == "notify":
        shape = UNREAD_WRAPPED if isinstance(frame.get("messages"), dict) else UNREAD
        yield from shape(frame, "notify")
        return
    if kind not in _FRAMES:
        yield f"a frame of an unknown type: {frame!r:.200}"
        return
    untyped = {name: value for name, value in frame.items() if name != "type"}
    before = len(found := list(_FRAMES[kind](untyped, kind)))
    yield from found
    if not before:
        yield from _contradictions_in(kind, frame)


def _contradictions_in(kind: str, frame: Any) -> Problems:
    inner = frame.get("message")
    if kind in MARKS and inner["status"] != MARKS[kind]:
        yield f"{kind} holds a message whose status is {inner['status']}"
    if kind in ("chat_message", "message_edited") and inner["version"] != frame["version"]:
        yield f"{kind} has version {frame['version']}, its message {inner['version']}"
    if kind == "message_edited" and (inner["text"], inner["message_id"]) != (
        frame["text"], frame["message_id"],
    ):  # fmt: skip
        yield f"message_edited tells of another message than it holds: {frame!r:.200}"
    if kind == "error" and _INTERNALS.search(frame["message"]):
        yield f"error shows internals of the server: {frame['message']:.200}"
    if kind == "sync" and frame["reset"] and frame["deleted"]:
        yield "sync resets, and has deleted messages all the same"
