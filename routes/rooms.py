"""Rooms: open one, show one, change it, delete it."""

from collections.abc import Sequence

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
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
    room_id_of,
)
from .room_shapes import (
    NewRoom,
    RoomEdit,
    RoomShown,
    opened_room,
    shown_room,
)


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
    """Return the two users of the body, or of the query, which earlier clients send."""
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


async def describe(request: Request, found: Sequence[Listed]) -> None:
    """Ask the host for the names of members and for the details of contexts."""
    blank = [room.room for room in found if room.room.about is None]
    abouts = await chat_of(request).contexts.describe(room.context for room in blank)
    for room in blank:
        if about := abouts.get(room.context):
            room.about = codec.encode(about).decode()
    if host_profiles := chat_of(request).host_profiles:
        people = [person for room in found for person in room.members]
        profiles = await host_profiles.of(person.user_id for person in people)
        for person in people:
            if profile := profiles.get(person.user_id):
                person.name, person.picture = profile


async def one(request: Request) -> Response:
    """Shows a room as the caller sees it."""
    caller = await caller_of(request)
    async with bucket_of(request, caller.user_id).costly():
        return Reply(await shown(request, room_id_of(request), caller.user_id))


async def change(request: Request) -> Response:
    """Mutes or archives a room for the caller; its creator sets its title for all.

    An archived room is hidden from the list until its next message.
    """
    caller = await caller_of(request)
    room_id = room_id_of(request)
    given = decode_as(await body_of(request), RoomEdit)
    patch = RoomPatch(
        None if given.muted is UNSET else given.muted,
        None if given.archived is UNSET else given.archived,
        None if given.title is UNSET else given.title or "",
        None if given.marked_unread is UNSET else given.marked_unread,
    )
    async with bucket_of(request, caller.user_id).costly():
        await chat_of(request).members.change(room_id, caller.user_id, patch)
        return Reply(await shown(request, room_id, caller.user_id))


async def shown(request: Request, room_id: int, user_id: str) -> RoomShown:
    return shown_room(await _find_room(request, room_id, user_id), user_id)


async def _find_room(request: Request, room_id: int, user_id: str) -> Listed:
    found = await chat_of(request).members.room(room_id, user_id)
    bucket_of(request, user_id).charge(len(found.members) / MEMBERS_PER_TOKEN)
    await describe(request, [found])
    return found


async def delete(request: Request) -> Response:
    """Deletes a room for all its members: once 204, then 404."""
    caller = await caller_of(request)
    await chat_of(request).rooms.delete(room_id_of(request), caller.user_id)
    return Response(status_code=204)


# fmt: off
routes = [
    Route("/chat/create",           create, methods=["POST"]),
    Route("/chat/delete/{room_id}", delete, methods=["DELETE"]),
    Route("/chat/rooms/{room_id}",  one,    methods=["GET"]),
    Route("/chat/rooms/{room_id}",  change, methods=["PATCH"]),
]
