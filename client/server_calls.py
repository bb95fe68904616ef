"""The calls of the server API as data: the request, and the type of the answer."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypedDict, TypeVar, Unpack
from urllib.parse import parse_qs, quote, urlsplit

from .files import LocalFile
from .records import (
    MessageInfo,
    Record,
    ReportInfo,
    ResultPage,
    RoomInfo,
    StatsInfo,
    TokenInfo,
    UnreadInfo,
    UserId,
    UserInfo,
)

T = TypeVar("T")
R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class ServerCall(Generic[T]):
    """A request below /api/v1/server/, and the type of its answer.

    Every call may be repeated: the server recognizes repetitions by the `client_id` or the key.
    """

    method: str
    path: str
    read: Callable[[Any], T]
    body: Mapping[str, Any] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None  # the Idempotency-Key


class RoomFields(TypedDict, total=False):
    """The fields of a room; a field that is left out keeps its value."""

    title: str | None
    context: str
    about: Mapping[str, Any] | None
    data: Mapping[str, Any] | None
    frozen: bool


class MessageFields(TypedDict, total=False):
    """The fields of a message beside its text; without `sender` it is the site's own."""

    sender: UserId | None
    data: Mapping[str, Any] | None
    actions: Sequence[Mapping[str, Any]]
    files: Sequence[LocalFile]
    reply_to: int | None
    client_id: str


class ProfileFields(TypedDict, total=False):
    """The fields of a user's profile; a field that is left out keeps its value."""

    name: str | None
    picture: str | None
    email: str | None
    language: str | None


class EditFields(TypedDict, total=False):
    """The fields of a message's edit; a field that is left out keeps its value."""

    text: str
    data: Mapping[str, Any] | None
    actions: Sequence[Mapping[str, Any]]


RoomRef = int | RoomInfo
MessageRef = int | MessageInfo

# ---------------------------------------------------------------- rooms


def open_room(members: Sequence[UserId], **fields: Unpack[RoomFields]) -> ServerCall[RoomInfo]:
    """Open a room, or find the one that these two members share for this context."""
    body = {"members": list(members), **fields}
    return ServerCall("POST", "rooms/", _one(RoomInfo), body, key=uuid.uuid4().hex)


def rooms(
    *,
    user: UserId | None = None,
    context: str | None = None,
    query: str | None = None,
    cursor: str | None = None,
) -> ServerCall[ResultPage[RoomInfo]]:
    """List rooms, of one user, of one context, or matching a query; a page at a time."""
    params = _given(user_id=user, context=context, q=query, cursor=cursor)
    return ServerCall("GET", "rooms/", _page(RoomInfo), params=params)


def room(room: RoomRef) -> ServerCall[RoomInfo]:
    """Show one room."""
    return ServerCall("GET", _room(room), _one(RoomInfo))


def update_room(room: RoomRef, **fields: Unpack[RoomFields]) -> ServerCall[RoomInfo]:
    """Change the given fields of a room; its sockets get `room_changed`."""
    return ServerCall("PATCH", _room(room), _one(RoomInfo), {**fields})


def delete_room(room: RoomRef) -> ServerCall[None]:
    """Delete a room with its messages and files; its sockets close with 4004."""
    return ServerCall("DELETE", _room(room), _nothing)


def add_member(room: RoomRef, user: UserId) -> ServerCall[None]:
    """Add a user to a room."""
    return ServerCall("POST", f"{_room(room)}members/", _nothing, {"user_id": user})


def remove_member(room: RoomRef, user: UserId) -> ServerCall[None]:
    """Remove a user from a room; their sockets in it close with 4003."""
    return ServerCall("DELETE", f"{_room(room)}members/{_user(user)}/", _nothing)


# ---------------------------------------------------------------- messages


def post(room: RoomRef, text: str = "", **fields: Unpack[MessageFields]) -> ServerCall[MessageInfo]:
    """Post a message; with a repeated `client_id`, return the existing message."""
    body: dict[str, Any] = {"text": text, "client_id": uuid.uuid4().hex, **fields}
    if "files" in fields:
        body["files"] = [file.inline() for file in fields["files"]]
    return ServerCall("POST", f"{_room(room)}messages/", _one(MessageInfo), body)


def edit(
    room: RoomRef, message: MessageRef, **fields: Unpack[EditFields]
) -> ServerCall[MessageInfo]:
    """Change a message's text, data or buttons; its room gets `message_edited`."""
    return ServerCall("PATCH", _message(room, message), _one(MessageInfo), {**fields})


def delete_message(room: RoomRef, message: MessageRef) -> ServerCall[None]:
    """Delete a message and its files; its room gets `message_deleted`."""
    return ServerCall("DELETE", _message(room, message), _nothing)


def messages(
    room: RoomRef, *, before: int | None = None, after: int | None = None, limit: int = 50
) -> ServerCall[ResultPage[MessageInfo]]:
    """Read a page of a room's messages, oldest first: the newest, or those before or after one."""
    params = _given(before=before, after=after, limit=limit)
    return ServerCall("GET", f"{_room(room)}messages/", _page(MessageInfo), params=params)


# ---------------------------------------------------------------- users


def user(user: UserId) -> ServerCall[UserInfo]:
    """Show a user: profile, whether they are online, and whether they are banned."""
    return ServerCall("GET", _of_user(user), _one(UserInfo))


def set_user(user: UserId, **fields: Unpack[ProfileFields]) -> ServerCall[UserInfo]:
    """Set a user's name, picture, e-mail address or language."""
    return ServerCall("PUT", _of_user(user), _one(UserInfo), {**fields})


def erase_user(user: UserId) -> ServerCall[None]:
    """Erase a user's messages, files, reactions, name and picture."""
    return ServerCall("DELETE", _of_user(user), _nothing)


def unread(user: UserId) -> ServerCall[UnreadInfo]:
    """Count the unread messages of a user."""
    return ServerCall("GET", f"{_of_user(user)}unread/", _one(UnreadInfo))


def create_token(user: UserId, ttl: float | None = None) -> ServerCall[TokenInfo]:
    """Sign a token for a user, for so many seconds; needs `auth.secret` on the server."""
    body = _given(ttl=ttl)
    return ServerCall("POST", f"{_of_user(user)}token/", _one(TokenInfo), body)


def disconnect(user: UserId) -> ServerCall[None]:
    """Close all sockets of a user with 4005."""
    return ServerCall("POST", f"{_of_user(user)}disconnect/", _nothing, {})


def ban(user: UserId, *, until: datetime | str | None = None, reason: str = "") -> ServerCall[None]:
    """Ban a user until a time or without an end; their sockets close with 4005."""
    end = until.isoformat() if isinstance(until, datetime) else until
    return ServerCall("PUT", f"{_of_user(user)}ban/", _nothing, {"until": end, "reason": reason})


def unban(user: UserId) -> ServerCall[None]:
    """Lift a user's ban."""
    return ServerCall("DELETE", f"{_of_user(user)}ban/", _nothing)


# ---------------------------------------------------------------- moderation


def reports(
    *, state: str = "open", cursor: str | None = None
) -> ServerCall[ResultPage[ReportInfo]]:
    """List what members reported: `state` is "open" or "resolved"."""
    params = _given(state=state, cursor=cursor)
    return ServerCall("GET", "reports/", _page(ReportInfo), params=params)


def resolve_report(report: int | ReportInfo, note: str = "") -> ServerCall[ReportInfo]:
    """Mark a report as resolved, with a note for the other moderators."""
    id_ = report if isinstance(report, int) else report.id
    body = {"state": "resolved", "note": note}
    return ServerCall("PATCH", f"reports/{id_}/", _one(ReportInfo), body)


def stats() -> ServerCall[StatsInfo]:
    """Count users, rooms, messages, bytes and sockets, also by day."""
    return ServerCall("GET", "stats/", _one(StatsInfo))


# ---------------------------------------------------------------- paths and answers


def export_path(user: UserId) -> str:
    """Return the path of a user's export, which streams one JSON object a line."""
    return f"{_of_user(user)}export/"


def _user(user: UserId) -> str:
    return quote(str(user), safe="")


def _of_user(user: UserId) -> str:
    return f"users/{_user(user)}/"


def _room(room: RoomRef) -> str:
    return f"rooms/{room if isinstance(room, int) else room.room_id}/"


def _message(room: RoomRef, message: MessageRef) -> str:
    id_ = message if isinstance(message, int) else message.message_id
    return f"{_room(room)}messages/{id_}/"


def _given(**params: Any) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _one(kind: type[R]) -> Callable[[Any], R]:
    return kind


def _nothing(_: Any) -> None:
    return None


def _page(kind: type[R]) -> Callable[[Any], ResultPage[R]]:
    def read(answer: Any) -> ResultPage[R]:
        items = answer.get("messages", answer.get("results", []))
        query = parse_qs(urlsplit(answer.get("next") or "").query)
        cursor = query.get("cursor", [None])[0]
        has_more = answer.get("has_more", answer.get("next") is not None)
        return ResultPage([kind(item) for item in items], cursor=cursor, has_more=has_more)

    return read
