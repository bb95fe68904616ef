"""Rooms: open one, list one's own, delete one."""

import asyncio
from collections.abc import Sequence
from typing import Literal

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..chat.rate_limit import MEMBERS_PER_TOKEN
from ..chat.rooms import RoomDetails
from ..chat.serializers import kind_of, sender_of, summaries_of
from ..protocol import codec, events
from ..protocol.codec import decode_as
from ..protocol.errors import Forbidden, InvalidFrame
from ..protocol.ids import user_of, when, wire_user, wire_users
from ..protocol.room_look import look_of
from ..store.room_list import Listed, Person
from ..store.rooms import Opened, RoomPatch
from .requests import (
    Reply,
    body_of,
    bucket_of,
    caller_of,
    chat_of,
    integer,
    room_id_of,
    url_of,
)

SMALL_ROOM = 50  # members


Right = Literal["send", "edit_title", "add_member", "remove_member", "leave", "delete"]


class NewRoom(Struct):
    """A new room: of the caller and `second_user`, or of all `members` and the caller."""

    second_user: int | str | None = None
    first_user: int | str | None = None
    members: list[int | str] | None = None
    context: str | None = None
    title: str | None = None


class RoomOpened(Struct):
    """A room, as its opener gets it; `id` and `room_id` are the same."""

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
    """Somebody in a room; name and picture are what the site last said, else null."""

    user_id: int | str
    name: str | None
    picture: str | None
    online: bool
    last_seen: str | None


class LastMessage(Struct):
    """The newest message of a room that is not deleted.

    `attachments` are its files; without any the field is left out.
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
    """A member of a room of two, as the first client reads it."""

    id: int | str
    username: str | None
    picture: str | None


class RoomListed(Struct):
    """A room, as one of its members sees it in the list.

    The two profiles are there in rooms of two, for those who ask with `profile_id`.
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
    """A room as one of its members has it; muted and archived are this member's own."""

    muted: bool
    archived: bool
    version: int
    can: list[Right]


class RoomWish(Struct):
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


async def create(request: Request) -> Response:
    """Opens a room: 201 for a new one, 200 for the one that these two already share."""
    caller = await caller_of(request)
    body = await body_of(request)
    wanted = decode_as(body, NewRoom) if body.strip() else NewRoom()
    members = _members(wanted, request, caller.user_id)
    bucket_of(request, caller.user_id).take_request(len(members) - 1)
    details = RoomDetails(wanted.context or "", wanted.title or "")
    opened = await chat_of(request).rooms.open(caller.user_id, members, details)
    room = await _listed_room(request, opened.room.id, caller.user_id)
    return Reply(_opened(opened, room, caller.user_id), status_code=201 if opened.is_new else 200)


def _members(wanted: NewRoom, request: Request, caller: str) -> list[str]:
    if wanted.members is not None:
        most = chat_of(request).settings.limits.max_members
        if len(wanted.members) > most:
            raise InvalidFrame(f"members: at most {most} in a room.")
        named = [user_of(user, "members") for user in wanted.members]
    else:
        named = _pair(wanted, request, caller)
    if not named:
        raise InvalidFrame("members: nobody is named.")
    if caller not in named:
        raise Forbidden("You can only open a room that you are in.")
    return named


def _pair(wanted: NewRoom, request: Request, caller: str) -> list[str]:
    """The two users of the body, or of the query as earlier clients wrote it."""
    query = request.query_params
    first, second = wanted.first_user, wanted.second_user
    if first is None:
        first = query.get("first_user") or query.get("first_profile_id")
    if second is None:
        second = query.get("second_user") or query.get("second_profile_id")
    if second is None:
        raise InvalidFrame("second_user: is missing.")
    other = user_of(second, "second_user")
    return [caller if first is None else user_of(first, "first_user"), other]


def _opened(opened: Opened, listed: Listed, user_id: str) -> RoomOpened:
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
    """The permissions of the user in the room."""
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


async def mine(request: Request) -> Response:
    """Lists the caller's rooms, the one with the newest activity first."""
    caller = await caller_of(request)
    query = request.query_params
    asked = query.get("first_user", query.get("profile_id"))
    if asked is not None and user_of(asked, "first_user") != caller.user_id:
        raise Forbidden("These are another user's rooms.")
    bucket = bucket_of(request, caller.user_id)
    async with bucket.costly():
        found = await _page(request, caller.user_id)
        bucket.charge(sum(len(room.members) for room in found.results) / MEMBERS_PER_TOKEN)
    return Reply(found)


async def _page(request: Request, user_id: str) -> RoomPage:
    limits = chat_of(request).settings.limits
    page = integer(request, "page", 1)
    size = min(integer(request, "page_size", limits.room_page_size), limits.max_room_page_size)
    if page < 1 or size < 1:
        raise InvalidFrame("page and page_size: integers from 1 are needed.")
    count, found = await chat_of(request).rooms.list(
        user_id, size, (page - 1) * size, is_archived=_is_archived(request)
    )
    await _name(request, found)
    last = max(1, -(-count // size))
    if page > last:
        raise InvalidFrame(f"page: the last one is {last}.")
    listed = await _all_listed(found, user_id)
    if "profile_id" in request.query_params:
        _add_profiles(listed)
    return RoomPage(
        count,
        url_of(request, page=page + 1) if page < last else None,
        url_of(request, page=page - 1) if page > 1 else None,
        listed,
    )


def _add_profiles(rooms: Sequence[RoomListed]) -> None:
    """The two members of each room of two, in the order of ids."""
    for room in rooms:
        if len(room.members) == 2:
            profiles = [UserProfile(m.user_id, m.name, m.picture) for m in room.members]
            profiles.sort(key=lambda profile: (isinstance(profile.id, str), profile.id))
            room.first_user_profile, room.second_user_profile = profiles


async def _name(request: Request, found: Sequence[Listed]) -> None:
    """Members by the names that the host tells, rooms by what it says of their contexts."""
    blank = [room.room for room in found if room.room.about is None]
    abouts = await chat_of(request).contexts.describe(room.context for room in blank)
    for room in blank:
        if about := abouts.get(room.context):
            room.about = codec.encode(about).decode()
    if faces := chat_of(request).faces:
        people = [person for room in found for person in room.members]
        told = await faces.of(person.user_id for person in people)
        for person in people:
            if face := told.get(person.user_id):
                person.name, person.picture = face


async def _all_listed(found: Sequence[Listed], user_id: str) -> list[RoomListed]:
    """A hundred rooms may have 25,600 members in all: others get their turn between two rooms."""
    listed = []
    for room in found:
        listed.append(_listed(room, user_id))
        if len(room.members) > SMALL_ROOM:
            await asyncio.sleep(0)
    return listed


def _is_archived(request: Request) -> bool:
    given = request.query_params.get("archived", "0")
    if given not in ("0", "1"):
        raise InvalidFrame("archived: 0 or 1 is needed.")
    return given == "1"


async def one(request: Request) -> Response:
    """Shows a room as the caller has it."""
    caller = await caller_of(request)
    return Reply(await shown(request, room_id_of(request), caller.user_id))


async def change(request: Request) -> Response:
    """Mutes or archives a room for the caller; its creator names it for all.

    An archived room is out of the list until the next message.
    """
    caller = await caller_of(request)
    room_id = room_id_of(request)
    given = decode_as(await body_of(request), RoomWish)
    wish = RoomPatch(
        None if given.muted is UNSET else given.muted,
        None if given.archived is UNSET else given.archived,
        None if given.title is UNSET else given.title or "",
        None if given.marked_unread is UNSET else given.marked_unread,
    )
    await chat_of(request).members.change(room_id, caller.user_id, wish)
    return Reply(await shown(request, room_id, caller.user_id))


async def shown(request: Request, room_id: int, user_id: str) -> RoomShown:
    found = await _listed_room(request, room_id, user_id)
    return RoomShown(
        **asdict(_listed(found, user_id)),
        muted=found.is_muted,
        archived=found.is_archived,
        version=found.version,
        can=rights_of(found, user_id),
    )


async def _listed_room(request: Request, room_id: int, user_id: str) -> Listed:
    found = await chat_of(request).members.room(room_id, user_id)
    await _name(request, [found])
    return found


def _listed(listed: Listed, user_id: str) -> RoomListed:
    room = listed.room
    members = [_member(person) for person in listed.members]
    return RoomListed(
        room.id,
        room.title or None,
        room.context or None,
        when(room.created_at),
        members,
        listed.unread,
        _last(listed, user_id),
        *look_of(room.about, room.data, is_frozen=bool(room.frozen)),
        True if listed.is_marked_unread else UNSET,
    )


def _member(person: Person) -> Member:
    seen = None if person.last_seen is None else when(person.last_seen)
    user_id = wire_user(person.user_id)
    return Member(user_id, person.name, person.picture, person.is_online, seen)


def _last(listed: Listed, user_id: str) -> LastMessage | None:
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


async def delete(request: Request) -> Response:
    """Deletes a room for all its members: once 204, then 404."""
    caller = await caller_of(request)
    await chat_of(request).rooms.delete(room_id_of(request), caller.user_id)
    return Response(status_code=204)


# fmt: off
routes = [
    Route("/chat/create",           create, methods=["POST"]),
    Route("/chat/recieve",          mine,   methods=["GET"]),
    Route("/chat/receive",          mine,   methods=["GET"]),
    Route("/chat/delete/{room_id}", delete, methods=["DELETE"]),
    Route("/chat/rooms/{room_id}",  one,    methods=["GET"]),
    Route("/chat/rooms/{room_id}",  change, methods=["PATCH"]),
]
