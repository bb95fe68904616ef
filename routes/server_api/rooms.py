"""The server API: rooms and their members."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict, replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...chat.site.records import Page, RoomRecord, created_of
from ...chat.site.rooms import RoomChanges, SiteRoomQuery, details_of
from ...protocol import codec
from ...protocol.errors import InvalidFrame
from ...protocol.events import About
from ...protocol.ids import user_of
from ..requests import Reply, body_of, chat_of, room_id_of, user_id_of
from .requests import next_url, optional_text, with_key


class SiteNewRoom(Struct):
    """A new room: its members, title, context and other details."""

    members: list[int | str]
    context: str | None = None
    title: str | None = None
    about: About | None = None
    data: dict[str, Any] | None = None
    frozen: bool = False


class SiteRoomPatch(Struct):
    """The changes to a room; a field that is left out keeps its value.

    A title of `""` or null removes it.
    """

    title: str | UnsetType | None = UNSET
    about: About | UnsetType | None = UNSET
    data: dict[str, Any] | UnsetType | None = UNSET
    frozen: bool | UnsetType = UNSET


class SiteNewMember(Struct):
    """The user to add to the room."""

    user_id: int | str


class SiteRoomPage(Struct):
    """A page of rooms."""

    results: list[RoomRecord]
    next: str | None


@with_key
async def create(request: Request) -> Response:
    """Opens a room: 201 for a new one, 200 for one that exists.

    Two members share one room for each context. A request with an `Idempotency-Key` opens one room,
    however often it is sent.
    """
    given = codec.decode_as(await body_of(request), SiteNewRoom)
    most = chat_of(request).settings.limits.max_members
    if len(given.members) > most:
        raise InvalidFrame(f"members: at most {most} in a room.")
    users = [user_of(user, "members") for user in given.members]
    details = details_of(given.context, given.title, given.about, given.data)
    details = replace(details, is_frozen=given.frozen)
    key = request.headers.get("idempotency-key")
    room, is_new = await chat_of(request).site_rooms.open(users, details, key)
    return Reply(created_of(room), status_code=201 if is_new else 200)


@with_key
async def listed(request: Request) -> Response:
    """Lists a user's rooms by their activity, or all rooms by their age; the newest first."""
    user = request.query_params.get("user_id")
    wanted = SiteRoomQuery(
        None if user is None else user_of(user),
        optional_text(request, "context"),
        optional_text(request, "q"),
    )
    page: Page[RoomRecord] = await chat_of(request).site_rooms.page(
        wanted, request.query_params.get("cursor")
    )
    return Reply(SiteRoomPage(page.results, next_url(request, cursor=page.next or None)))


@with_key
async def one(request: Request) -> Response:
    """Shows a room."""
    return Reply(await chat_of(request).site_rooms.get(room_id_of(request)))


@with_key
async def change(request: Request) -> Response:
    """Changes the given fields of a room; its members' sockets get `room_changed`."""
    room_id = room_id_of(request)
    given = codec.decode_as(await body_of(request), SiteRoomPatch)
    return Reply(await chat_of(request).site_rooms.update(room_id, RoomChanges(**asdict(given))))


@with_key
async def delete(request: Request) -> Response:
    """Deletes a room for all its members: once 204, then 404."""
    await chat_of(request).site_rooms.delete(room_id_of(request))
    return Response(status_code=204)


@with_key
async def add_member(request: Request) -> Response:
    """Adds a user to a room of several people: 201, or 200 if they are a member already."""
    room_id = room_id_of(request)
    given = codec.decode_as(await body_of(request), SiteNewMember)
    rooms = chat_of(request).site_rooms
    is_new = await rooms.add_member(room_id, user_of(given.user_id))
    return Reply(await rooms.get(room_id), status_code=201 if is_new else 200)


@with_key
async def remove_member(request: Request) -> Response:
    """Removes a user from a room of several people."""
    await chat_of(request).site_rooms.remove_member(room_id_of(request), user_id_of(request))
    return Response(status_code=204)


# fmt: off
routes = [
    Route("/server/rooms",                                   create,        methods=["POST"]),
    Route("/server/rooms",                                   listed,        methods=["GET"]),
    Route("/server/rooms/{room_id}",                         one,           methods=["GET"]),
    Route("/server/rooms/{room_id}",                         change,        methods=["PATCH"]),
    Route("/server/rooms/{room_id}",                         delete,        methods=["DELETE"]),
    Route("/server/rooms/{room_id}/members",                 add_member,    methods=["POST"]),
    Route("/server/rooms/{room_id}/members/{user_id:path}",  remove_member, methods=["DELETE"]),
]
