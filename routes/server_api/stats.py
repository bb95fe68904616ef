"""The server API: statistics of the whole chat."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..requests import Reply, chat_of
from .requests import with_key


@with_key
async def stats(request: Request) -> Response:
    """Counts users, rooms, messages, bytes and sockets, and the messages of each day."""
    chat = chat_of(request)
    return Reply(await chat.site_users.stats(chat.hub.open_sockets()))


# fmt: off
routes = [
    Route("/server/stats", stats, methods=["GET"]),
]
