"""Messages by HTTP: the same action, the same verb, the same frames as by a socket."""

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..chat.serializers import message_of
from ..protocol import events
from ..protocol.actions import Send
from ..protocol.codec import decode_as
from ..protocol.ids import MAX_ID
from ..store import receipts
from ..store.messages import Added, HistoryQuery
from .requests import Reply, base_of_request, caller_of, chat_of, integer, large_body_of, room_id_of


class MessagePage(Struct):
    """Messages of a room, oldest first."""

    messages: list[events.Message]
    has_more: bool


async def page(request: Request) -> Response:
    """Lists messages of a room, oldest first."""
    caller = await caller_of(request)
    chat = chat_of(request)
    where = HistoryQuery(
        room_id_of(request),
        caller.user_id,
        before=integer(request, "before", MAX_ID),
        after=integer(request, "after", 0) if "after" in request.query_params else None,
        limit=integer(request, "limit", chat.settings.limits.history_page_size),
    )
    found, marks, has_more = await chat.messages.page(where)
    link = chat.attachments.link(base_of_request(request))
    shown = [message_of(m, link, receipts.status(marks, m.sender_id, m.id)) for m in found]
    return Reply(MessagePage(shown, has_more))


async def post(request: Request) -> Response:
    """Sends a message: 201, or 200 and the one that its client_id has already sent."""
    caller = await caller_of(request)
    chat, base = chat_of(request), base_of_request(request)
    send = decode_as(await large_body_of(request, caller.user_id), Send)
    if send.client_id is None:
        send.client_id = request.headers.get("idempotency-key") or None
    room_id = room_id_of(request)
    sent = await chat.messages.send(room_id, caller.user_id, send, base)
    link = chat.attachments.link(base)
    if isinstance(sent, Added):
        return Reply(message_of(sent.message, link), status_code=201)
    return Reply(message_of(sent.message, link, await chat.receipts.status(sent.message)))


# fmt: off
routes = [
    Route("/chat/rooms/{room_id}/messages", page, methods=["GET"]),
    Route("/chat/rooms/{room_id}/messages", post, methods=["POST"]),
]
