"""Rooms: open one, list one's own, delete one."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ..chat.rate_limit import MEMBERS_PER_TOKEN
from ..chat.rooms import RoomDetails
from ..protocol import codec
from ..protocol.codec import decode_as
from ..protocol.errors import Forbidden, InvalidFrame
from ..protocol.ids import user_of
from ..store.room_list import Listed
from ..store.rooms import RoomPatch
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
from .room_shapes import (
    NewRoom,
    RoomListed,
    RoomPage,
    RoomShown,
    RoomWish,
    add_profiles,
    listed_room,
    opened_room,
    shown_room,
)

SMALL_ROOM = 50  # members


async def create(request: Request) -> Response:
    """Opens a room: 201 for a new one, 200 for the one that these two already share."""
    caller = await caller_of(request)
    body = await body_of(request)
    wanted = decode_as(body, NewRoom) if body.strip() else NewRoom()
    members = _members(wanted, request, caller.user_id)
    bucket_of(request, caller.user_id).take_request(len(members) - 1)
    details = RoomDetails(wanted.context or "", wanted.title or "")
    opened = await chat_of(request).rooms.open(caller.user_id, members, details)
    room = await _find_room(request, opened.room.id, caller.user_id)
    return Reply(
        opened_room(opened, room, caller.user_id), status_code=201 if opened.is_new else 200
    )


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
    return _reply(found)


def _reply(page: RoomPage) -> Response:
    """A page of large rooms goes out room by room: it may have 20 MB."""
    if all(len(room.members) <= SMALL_ROOM for room in page.results):
        return Reply(page)
    return StreamingResponse(_pieces(page), media_type=Reply.media_type)


async def _pieces(page: RoomPage) -> AsyncIterator[bytes]:
    end = b"]}"
    yield codec.encode(RoomPage(page.count, page.next, page.previous, [])).removesuffix(end)
    for number, room in enumerate(page.results):
        yield (b"," if number else b"") + codec.encode(room)
        await asyncio.sleep(0)
    yield end


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
        add_profiles(listed)
    return RoomPage(
        count,
        url_of(request, page=page + 1) if page < last else None,
        url_of(request, page=page - 1) if page > 1 else None,
        listed,
    )


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
        listed.append(listed_room(room, user_id))
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
    return shown_room(await _find_room(request, room_id, user_id), user_id)


async def _find_room(request: Request, room_id: int, user_id: str) -> Listed:
    found = await chat_of(request).members.room(room_id, user_id)
    await _name(request, [found])
    return found


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
