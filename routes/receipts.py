"""The caller's receipts: mark a room's messages as read."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..protocol import actions, events
from ..protocol.codec import decode_as
from ..protocol.ids import id_of, wire_user
from .requests import Reply, body_of, caller_of, chat_of, room_id_of


async def read(request: Request) -> Response:
    """Marks all messages up to one as read, and answers the caller's receipts.

    As on a socket, an id above the newest counts as the newest, and a receipt never goes back.
    """
    caller = await caller_of(request)
    room_id = room_id_of(request)
    given = decode_as(await body_of(request), actions.Read)
    upto = id_of(given.message_id, "message_id")
    reached = await chat_of(request).receipts.read_at_once(room_id, caller.user_id, upto)
    return Reply(events.Receipt(wire_user(caller.user_id), *reached))


# fmt: off
routes = [
    Route("/chat/rooms/{room_id}/read", read, methods=["POST"]),
]
