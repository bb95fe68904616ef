"""Search: messages by their words, in the caller's own rooms."""

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..chat.rate_limit import SEARCH_COST
from ..chat.search_cursor import read_cursor, write_cursor
from ..chat.serializers import message_of
from ..protocol import events
from ..protocol.ids import MAX_ID
from .requests import Reply, base_of_request, bucket_of, caller_of, chat_of, integer, url_of


class SearchPage(Struct):
    """Messages that were found, newest first, and the URL of the page with older ones."""

    results: list[events.Message]
    next: str | None


async def search(request: Request) -> Response:
    """Finds messages in the caller's rooms, or in one of them, by their words, newest first.

    A message is found if its text or the names of its files have all of the words; case and accents
    don't matter. A page may be short or empty although there are more results: then follow `next`.
    """
    caller = await caller_of(request)
    chat = chat_of(request)
    before = integer(request, "before", MAX_ID)
    secret = chat.attachments.secret
    if cursor := request.query_params.get("cursor"):
        before = read_cursor(secret, caller.user_id, cursor)
    within = integer(request, "room_id", 0) if "room_id" in request.query_params else None
    words = request.query_params.get("q", "")
    bucket = bucket_of(request, caller.user_id)
    bucket.take_request(SEARCH_COST - 1)
    async with bucket.costly():
        found = await chat.search.find(caller.user_id, words, before, within)
        chat.metrics.count_answer("search", has_more=found.before is not None)
    link = chat.attachments.link(base_of_request(request))
    shown = [message_of(message, link, status) for message, status in found.messages]
    if found.before is None:
        return Reply(SearchPage(shown, None))
    cursor = write_cursor(secret, caller.user_id, found.before)
    return Reply(SearchPage(shown, url_of(request, cursor=cursor)))


# fmt: off
routes = [
    Route("/chat/search", search, methods=["GET"]),
]
