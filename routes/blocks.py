"""The users whom the caller has blocked: list, block and unblock them."""

from functools import partial

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..protocol.ids import MAX_ID, when, wire_user
from ..store import blocks
from .requests import Reply, caller_of, chat_of, integer, url_of, user_id_of

PAGE_SIZE = 100  # blocks in an answer


class Block(Struct):
    """A user whom the caller has blocked, and since when."""

    user_id: int | str
    at: str


class BlockPage(Struct):
    """Whom the caller has blocked, the latest first; `next` is the URL of the next page."""

    results: list[Block]
    next: str | None


async def mine(request: Request) -> Response:
    """Lists whom the caller has blocked, the latest first."""
    caller = await caller_of(request)
    chat = chat_of(request)
    before = integer(request, "before", MAX_ID)
    found = await chat.store.read(
        partial(blocks.of_user, user_id=caller.user_id, before=before, limit=PAGE_SIZE + 1)
    )
    shown = [Block(wire_user(each.user_id), when(each.created_at)) for each in found[:PAGE_SIZE]]
    is_more = len(found) > PAGE_SIZE
    more = url_of(request, before=found[PAGE_SIZE - 1].created_at) if is_more else None
    return Reply(BlockPage(shown, more))


async def add(request: Request) -> Response:
    """Blocks a user: in rooms of two, they can't send messages to the caller any more.

    Safe to repeat. The user gets no event, but their next message is refused.
    """
    caller = await caller_of(request)
    await chat_of(request).members.block(caller.user_id, user_id_of(request))
    return Response(status_code=204)


async def remove(request: Request) -> Response:
    """Unblocks a user. Safe to repeat."""
    caller = await caller_of(request)
    await chat_of(request).members.unblock(caller.user_id, user_id_of(request))
    return Response(status_code=204)


# fmt: off
routes = [
    Route("/chat/blocks",                mine,   methods=["GET"]),
    Route("/chat/blocks/{user_id:path}", add,    methods=["POST"]),
    Route("/chat/blocks/{user_id:path}", remove, methods=["DELETE"]),
]
