"""The members of a room: add a member, remove one, leave."""

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..protocol.codec import decode_as
from ..protocol.ids import user_of
from .requests import Reply, body_of, caller_of, chat_of, room_id_of, user_id_of
from .rooms import shown


class NewMember(Struct):
    """The user to add to the room."""

    user_id: int | str


async def add(request: Request) -> Response:
    """Adds a user to a room of several people: 201, or 200 if they are a member already.

    Only the room's creator may. The new member sees the whole history, and none of it is unread.
    """
    caller = await caller_of(request)
    room_id = room_id_of(request)
    given = decode_as(await body_of(request), NewMember)
    guest_id = user_of(given.user_id)
    is_new = await chat_of(request).members.add(room_id, caller.user_id, guest_id)
    room = await shown(request, room_id, caller.user_id)
    return Reply(room, status_code=201 if is_new else 200)


async def remove(request: Request) -> Response:
    """Removes a user from a room of several people; the caller's own id leaves the room.

    Only the room's creator removes others. If the creator leaves, the member who joined first takes
    their place; after the last member, the room is deleted.
    """
    caller = await caller_of(request)
    members = chat_of(request).members
    await members.remove(room_id_of(request), caller.user_id, user_id_of(request))
    return Response(status_code=204)


# fmt: off
routes = [
    Route("/chat/rooms/{room_id}/members",                add,    methods=["POST"]),
    Route("/chat/rooms/{room_id}/members/{user_id:path}", remove, methods=["DELETE"]),
]
