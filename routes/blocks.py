"""Who the caller wants to hear no more of."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .requests import caller_of, chat_of, user_id_of


async def add(request: Request) -> Response:
    """Blocks somebody: in rooms of two they can't say anything to the caller any more.

    Safe to repeat. They are not told: what they send is refused from then on.
    """
    caller = await caller_of(request)
    await chat_of(request).roster.block(caller.user_id, user_id_of(request))
    return Response(status_code=204)


async def remove(request: Request) -> Response:
    """Hears them again. Safe to repeat."""
    caller = await caller_of(request)
    await chat_of(request).roster.unblock(caller.user_id, user_id_of(request))
    return Response(status_code=204)


# fmt: off
routes = [
    Route("/chat/blocks/{user_id:path}", add,    methods=["POST"]),
    Route("/chat/blocks/{user_id:path}", remove, methods=["DELETE"]),
]
