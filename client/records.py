"""Answers of the server as typed records: dicts whose keys are attributes too."""

from typing import Any, Generic, TypeVar, get_type_hints

T = TypeVar("T")
UserId = int | str


class Record(dict[str, Any]):
    """A JSON object of the server: `message["text"]` and `message.text` are the same.

    A field that the class names and the server left out reads as None.
    """

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        if name in _fields_of(type(self)):
            return None
        raise AttributeError(f"{type(self).__name__} has no {name}")


_known_fields: dict[type[Record], frozenset[str]] = {}


def _fields_of(kind: type[Record]) -> frozenset[str]:
    if kind not in _known_fields:
        _known_fields[kind] = frozenset(get_type_hints(kind))
    return _known_fields[kind]


class MemberInfo(Record):
    """A user in a room, as the others see them."""

    user_id: UserId
    name: str | None
    picture: str | None
    online: bool
    last_seen: str | None


class RoomInfo(Record):
    """A room, as the server API shows it to the site."""

    room_id: int
    title: str | None
    context: str | None
    about: dict[str, Any] | None
    data: dict[str, Any] | None
    members: list[Any]
    frozen: bool | None
    created_at: str
    version: int | None


class MessageInfo(Record):
    """A message, the same wherever it appears; `sender_id` is None for the site itself."""

    message_id: int
    room_id: int
    sender_id: UserId | None
    text: str
    status: str
    created_at: str
    updated_at: str
    version: int
    attachments: list[dict[str, Any]]
    client_id: str | None
    kind: str | None
    data: dict[str, Any] | None
    actions: list[dict[str, Any]] | None
    chosen: dict[str, Any] | None
    reply_to: dict[str, Any] | None
    reactions: list[dict[str, Any]] | None


class UserInfo(Record):
    """A user, as the server API shows them: `banned` is False or `{"until", "reason"}`."""

    user_id: UserId
    name: str | None
    picture: str | None
    email: str | None
    language: str | None
    online: bool
    last_seen: str | None
    banned: Any


class TokenInfo(Record):
    """A token for a user, and when it expires."""

    token: str
    expires_at: str


class UnreadInfo(Record):
    """The unread messages of a user: their number, and the rooms that they are in."""

    counter: int
    messages: list[dict[str, Any]]


class ReportInfo(Record):
    """A message that a member reported: `state` is "open" or "resolved"."""

    id: int
    room_id: int
    message_id: int
    reporter_id: UserId
    reason: str
    text: str | None
    state: str
    note: str | None
    at: str


class StatsInfo(Record):
    """Statistics of the whole chat."""

    users: int
    rooms: int
    messages: int
    bytes: int
    sockets: int
    days: list[Any]


class ResultPage(list[T], Generic[T]):
    """One page of a list; `cursor` asks for the next one and is None on the last.

    A page of messages has `has_more` instead: whether there are more in that direction.
    """

    def __init__(
        self, items: list[T], *, cursor: str | None = None, has_more: bool = False
    ) -> None:
        super().__init__(items)
        self.cursor = cursor
        self.has_more = has_more or cursor is not None
