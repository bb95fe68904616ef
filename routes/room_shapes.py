"""Rooms in HTTP calls: the bodies of requests, and a room as one of its members sees it."""

from collections.abc import Sequence
from typing import Literal

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict

from ..chat.serializers import kind_of, sender_of, summaries_of
from ..protocol import events
from ..protocol.ids import when, wire_user, wire_users
from ..protocol.room_look import look_of
from ..store.room_list import Listed, Person
from ..store.rooms import Opened

Right = Literal["send", "edit_title", "add_member", "remove_member", "leave", "delete"]


class NewRoom(Struct):
    """A new room: of the caller and `second_user`, or of all `members` and the caller."""

    second_user: int | str | None = None
    first_user: int | str | None = None
    members: list[int | str] | None = None
    context: str | None = None
    title: str | None = None


class RoomOpened(Struct):
    """A room, as the user who opened it gets it; `id` and `room_id` are the same."""

    id: int
    room_id: int
    members: list[int | str]
    title: str | None
    context: str | None
    created_at: str
    can: list[Right]
    about: events.About | UnsetType = UNSET
    data: events.JsonObject | UnsetType = UNSET
    frozen: bool | UnsetType = UNSET


class Member(Struct):
    """A member of a room; name and picture are the last ones that the site gave, or null."""

    user_id: int | str
    name: str | None
    picture: str | None
    online: bool
    last_seen: str | None


class LastMessage(Struct):
    """The newest message of a room that is not deleted.

    `attachments` are its files; the field is left out if there are none.
    """

    content: str
    created_at: str
    from_this_user: bool
    message_id: int
    sender_id: int | str | None
    status: events.Status
    attachments: list[events.FileSummary] | UnsetType = UNSET
    kind: Literal["system"] | UnsetType = UNSET


class UserProfile(Struct):
    """A member of a room of two, in the shape that the first client reads."""

    id: int | str
    username: str | None
    picture: str | None


class RoomListed(Struct):
    """A room, as one of its members sees it in the list.

    Rooms of two have the two profiles if the request has `profile_id`.
    """

    room_id: int
    title: str | None
    context: str | None
    created_at: str
    members: list[Member]
    unread: int
    last_message: LastMessage | None
    about: events.About | UnsetType = UNSET
    data: events.JsonObject | UnsetType = UNSET
    frozen: bool | UnsetType = UNSET
    marked_unread: bool | UnsetType = UNSET
    first_user_profile: UserProfile | UnsetType = UNSET
    second_user_profile: UserProfile | UnsetType = UNSET


class RoomShown(RoomListed, kw_only=True):
    """A room, as one of its members sees it; `muted` and `archived` are this member's."""

    muted: bool
    archived: bool
    version: int
    can: list[Right]


class RoomEdit(Struct):
    """The changes to a room; a field that is left out keeps its value.

    A title of `""` or null removes it.
    """

    muted: bool | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    title: str | UnsetType | None = UNSET
    marked_unread: bool | UnsetType = UNSET


class RoomPage(Struct):
    """A page of the caller's rooms, the one with the newest activity first."""

    count: int
    next: str | None
    previous: str | None
    results: list[RoomListed]


def opened_room(opened: Opened, listed: Listed, user_id: str) -> RoomOpened:
    """Return the room as the user who opened it gets it."""
    room = listed.room
    return RoomOpened(
        room.id,
        room.id,
        wire_users(opened.members),
        room.title or None,
        room.context or None,
        when(room.created_at),
        rights_of(listed, user_id),
        *look_of(room.about, room.data, is_frozen=bool(room.frozen)),
    )


def rights_of(listed: Listed, user_id: str) -> list[Right]:
    """Return the permissions of the user in the room."""
    is_creator, is_group = listed.creator_id == user_id, not listed.is_pair
    rights: dict[Right, bool] = {
        "send": not listed.is_silenced,
        "edit_title": is_creator,
        "add_member": is_creator and is_group,
        "remove_member": is_creator and is_group,
        "leave": is_group,
        "delete": is_creator or listed.is_pair,
    }
    return [right for right, has in rights.items() if has]


def listed_room(listed: Listed, user_id: str) -> RoomListed:
    """Return the room as a member sees it in the list."""
    room = listed.room
    members = [_member(person) for person in listed.members]
    return RoomListed(
        room.id,
        room.title or None,
        room.context or None,
        when(room.created_at),
        members,
        listed.unread,
        _last_message(listed, user_id),
        *look_of(room.about, room.data, is_frozen=bool(room.frozen)),
        True if listed.is_marked_unread else UNSET,
    )


def _member(person: Person) -> Member:
    seen = None if person.last_seen is None else when(person.last_seen)
    user_id = wire_user(person.user_id)
    return Member(user_id, person.name, person.picture, person.is_online, seen)


def _last_message(listed: Listed, user_id: str) -> LastMessage | None:
    message = listed.last_message
    if message is None:
        return None
    return LastMessage(
        message.text,
        when(message.created_at),
        message.sender_id == user_id,
        message.id,
        sender_of(message.sender_id),
        listed.status,
        summaries_of(message.attachments),
        kind_of(message.sender_id),
    )


def shown_room(listed: Listed, user_id: str) -> RoomShown:
    """Return the room with the member's own fields."""
    return RoomShown(
        **asdict(listed_room(listed, user_id)),
        muted=listed.is_muted,
        archived=listed.is_archived,
        version=listed.version,
        can=rights_of(listed, user_id),
    )


def add_profiles(rooms: Sequence[RoomListed]) -> None:
    """Add the profiles of the two members to rooms of two, in the order of ids."""
    for room in rooms:
        if len(room.members) == 2:
            profiles = [UserProfile(m.user_id, m.name, m.picture) for m in room.members]
            profiles.sort(key=lambda profile: (isinstance(profile.id, str), profile.id))
            room.first_user_profile, room.second_user_profile = profiles
