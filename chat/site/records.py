"""The records that the site's calls return, in Python and as JSON over HTTP."""

from collections.abc import Iterator
from typing import Any, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from ...protocol.events import About, Message
from ...protocol.ids import when, wire_user
from ...store.bans import Ban
from ...store.profiles import SiteProfile
from ...store.room_list import Person
from ...store.site_rooms import SiteRoom
from ...store.stats import Totals
from ..about import read_about

T = TypeVar("T")
User = int | str


class MemberRecord(Struct):
    """A member of a room; name and picture are the last known ones, else null."""

    user_id: int | str
    name: str | None
    picture: str | None
    online: bool
    last_seen: str | None


class RoomRecord(Struct):
    """A room, as the site sees it; `id` and `room_id` are the same."""

    id: int
    room_id: int
    title: str | None
    context: str | None
    created_at: str
    members: list[MemberRecord]
    version: int
    about: About | UnsetType = UNSET
    data: dict[str, Any] | UnsetType = UNSET
    frozen: bool | UnsetType = UNSET

    @property
    def member_ids(self) -> list[User]:
        """The ids of the members."""
        return [member.user_id for member in self.members]


class RoomCreated(Struct):
    """A room in the answer to opening it, with the ids of its members."""

    id: int
    room_id: int
    title: str | None
    context: str | None
    created_at: str
    members: list[int | str]
    version: int
    about: About | UnsetType = UNSET
    data: dict[str, Any] | UnsetType = UNSET
    frozen: bool | UnsetType = UNSET


class BanRecord(Struct):
    """A ban: until when (null: for good), and the reason."""

    until: str | None
    reason: str


class UserRecord(Struct):
    """A user, as the site sees them."""

    user_id: int | str
    name: str | None
    picture: str | None
    email: str | None
    language: str | None
    online: bool
    last_seen: str | None
    banned: BanRecord | Literal[False]


class DayRecord(Struct):
    """The number of messages sent on one day (UTC), such as `2026-11-28`."""

    day: str
    messages: int


class StatsRecord(Struct):
    """Totals of the whole chat; `bytes` is of attachments, `sockets` of this process."""

    users: int
    rooms: int
    messages: int
    bytes: int
    sockets: int
    days: list[DayRecord]


class Page(Struct, Generic[T]):
    """A page of a list; `next` is the cursor of the page after it, None on the last one."""

    results: list[T]
    next: str | UnsetType | None = UNSET

    def __iter__(self) -> Iterator[T]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, index: int) -> T:
        return self.results[index]


class MessageList(Page[Message]):
    """Messages, oldest first; `next` is the id that the next page starts from."""


def member_of(person: Person) -> MemberRecord:
    seen = None if person.last_seen is None else when(person.last_seen)
    return MemberRecord(
        wire_user(person.user_id), person.name, person.picture, person.is_online, seen
    )


def room_of(room: SiteRoom) -> RoomRecord:
    return RoomRecord(
        room.id,
        room.id,
        room.title or None,
        room.context or None,
        when(room.created_at),
        [member_of(person) for person in room.members],
        room.version,
        read_about(room.about) or UNSET,
        UNSET if room.data is None else msgspec.json.decode(room.data),
        True if room.frozen else UNSET,
    )


def created_of(room: RoomRecord) -> RoomCreated:
    return RoomCreated(
        room.id,
        room.room_id,
        room.title,
        room.context,
        room.created_at,
        room.member_ids,
        room.version,
        room.about,
        room.data,
        room.frozen,
    )


def user_record(profile: SiteProfile, ban: Ban | None) -> UserRecord:
    return UserRecord(
        wire_user(profile.user_id),
        profile.name,
        profile.picture,
        profile.email,
        profile.language,
        profile.is_online,
        None if profile.last_seen is None else when(profile.last_seen),
        ban_record(ban) if ban else False,
    )


def ban_record(ban: Ban) -> BanRecord:
    return BanRecord(None if ban.until is None else when(ban.until), ban.reason)


def stats_of(totals: Totals, sockets: int) -> StatsRecord:
    days = [DayRecord(when(d.day * 86_400_000_000)[:10], d.messages) for d in totals.days]
    return StatsRecord(totals.users, totals.rooms, totals.messages, totals.size, sockets, days)
