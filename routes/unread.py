"""The unread messages of the caller, in all of their rooms."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .requests import Reply, caller_of, chat_of


async def unread(request: Request) -> Response:
    """Counts the caller's unread messages, and lists the rooms with the newest of them."""
    caller = await caller_of(request)
    return Reply(await chat_of(request).inboxes.unread(caller.user_id))


# fmt: off
routes = [
    Route("/chat/unread", unread, methods=["GET"]),
]
