"""The unread messages of the caller, in all of their rooms."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..chat.rate_limit import ANSWER_BYTES_PER_TOKEN
from .requests import Reply, bucket_of, caller_of, chat_of


async def unread(request: Request) -> Response:
    """Counts the caller's unread messages, and lists the rooms with the newest of them."""
    caller = await caller_of(request)
    bucket = bucket_of(request, caller.user_id)
    async with bucket.costly():
        answer = Reply(await chat_of(request).inboxes.unread(caller.user_id))
        bucket.charge(len(answer.body) / ANSWER_BYTES_PER_TOKEN)
    return answer


# fmt: off
routes = [
    Route("/chat/unread", unread, methods=["GET"]),
]
