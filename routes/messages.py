"""Messages by HTTP: the calls do the same as the actions of a socket."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..chat.history import HistoryRequest
from ..chat.rate_limit import ANSWER_BYTES_PER_TOKEN
from ..chat.serializers import message_of, reactions_of
from ..protocol import actions, events
from ..protocol.actions import Send
from ..protocol.codec import decode_as
from ..store import receipts
from ..store.messages import Added, DeleteChange, EditChange, ReactionChange
from ..store.reports import NewReport, Reason
from .requests import (
    Reply,
    base_of_request,
    body_of,
    bucket_of,
    caller_of,
    chat_of,
    integer,
    large_body_of,
    last_part_of,
    message_id_of,
    room_id_of,
)


class MessagePage(Struct):
    """Messages of a room, oldest first; `has_newer` answers `after`, `around` and `at`."""

    messages: list[events.Message]
    has_more: bool
    has_newer: bool | UnsetType = UNSET


class MessagePatch(Struct):
    """The changes to a message; a field that is left out keeps its value."""

    text: str | UnsetType = UNSET
    data: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.text is UNSET and self.data is None:
            raise ValueError("text is missing")


class ButtonPress(Struct):
    """The button that is pressed, and more data for the site."""

    id: str
    params: dict[str, Any] | None = None


class MessagePressed(events.Message, kw_only=True):
    """The message as it is after the button was pressed."""

    reply: str | UnsetType = UNSET


class MessageReport(Struct):
    """Why a message is reported to the site."""

    reason: Reason
    text: str = ""


class Reactions(Struct):
    """The reactions to a message as they are now."""

    reactions: list[events.Reaction]


async def page(request: Request) -> Response:
    """Lists messages of a room, oldest first: the newest, or those around a place.

    With `around` and `at`, `has_more` says whether there are older ones, with `after` newer ones.
    """
    caller = await caller_of(request)
    chat, given = chat_of(request), request.query_params
    before, after, around, at = (given.get(n) for n in ("before", "after", "around", "at"))
    limit = integer(request, "limit", chat.settings.limits.history_page_size)
    query = HistoryRequest(before, after, around, at, limit)
    bucket = bucket_of(request, caller.user_id)
    async with bucket.costly():
        found = await chat.history.page(room_id_of(request), caller.user_id, query)
        chat.metrics.count_answer("history", has_more=found.has_more)
    link = chat.attachments.link(base_of_request(request))
    shown = [
        message_of(m, link, receipts.status(found.marks, m.sender_id, m.id)) for m in found.messages
    ]
    answer = Reply(MessagePage(shown, found.has_more, found.has_newer))
    bucket.charge(len(answer.body) / ANSWER_BYTES_PER_TOKEN)
    return answer


async def post(request: Request) -> Response:
    """Sends a message: 201, or 200 and the message that was sent before with its `client_id`."""
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


async def change(request: Request) -> Response:
    """Changes the text of a message of the caller's own, as `edit` on a socket does."""
    caller = await caller_of(request)
    chat, base = chat_of(request), base_of_request(request)
    given = decode_as(await body_of(request), MessagePatch)
    action = actions.Edit(message_id_of(request), given.text, given.data)
    wanted = chat.messages.change_of(room_id_of(request), caller.user_id, action, base)
    assert isinstance(wanted, EditChange)
    edited = (await chat.messages.edit(wanted)).message
    status = await chat.receipts.status(edited)
    return Reply(message_of(edited, chat.attachments.link(base), status))


async def delete(request: Request) -> Response:
    """Deletes a message of the caller's own, as `delete` on a socket does: 204, then 404."""
    caller = await caller_of(request)
    await chat_of(request).messages.make(
        DeleteChange(room_id_of(request), caller.user_id, message_id_of(request))
    )
    return Response(status_code=204)


async def add_reaction(request: Request) -> Response:
    """Adds the caller's reaction to a message, as `react` with `on` does. Safe to repeat."""
    return await _react(request, on=True)


async def remove_reaction(request: Request) -> Response:
    """Removes the caller's reaction. Safe to repeat."""
    return await _react(request, on=False)


async def _react(request: Request, *, on: bool) -> Response:
    caller = await caller_of(request)
    chat = chat_of(request)
    action = actions.React(message_id_of(request), last_part_of(request, "emoji"), on)
    wanted = chat.messages.change_of(room_id_of(request), caller.user_id, action, "")
    assert isinstance(wanted, ReactionChange)
    reacted = await chat.messages.react(wanted)
    return Reply(Reactions(reactions_of(reacted.reactions)))


async def act(request: Request) -> Response:
    """Presses a button of a message, as `act` on a socket does, and answers with the message.

    `reply` is the site's answer to the caller, if it gives one.
    """
    caller = await caller_of(request)
    chat, base = chat_of(request), base_of_request(request)
    given = decode_as(await body_of(request), ButtonPress)
    action = actions.Act(message_id_of(request), given.id, given.params)
    message, reply = await chat.buttons.press(room_id_of(request), caller.user_id, action)
    status = await chat.receipts.status(message)
    shown = message_of(message, chat.attachments.link(base), status)
    fields = {name: getattr(shown, name) for name in shown.__struct_fields__}
    return Reply(MessagePressed(**fields, reply=UNSET if reply is None else reply))


async def report(request: Request) -> Response:
    """Reports a message to the site: 204, also when repeated; the first report counts."""
    caller = await caller_of(request)
    given = decode_as(await body_of(request), MessageReport)
    new_report = NewReport(
        room_id_of(request), message_id_of(request), caller.user_id, given.reason, given.text
    )
    await chat_of(request).reports.add(new_report)
    return Response(status_code=204)


# fmt: off
routes = [
    Route("/chat/rooms/{room_id}/messages", page, methods=["GET"]),
    Route("/chat/rooms/{room_id}/messages", post, methods=["POST"]),
    Route("/chat/rooms/{room_id}/messages/{message_id}", change, methods=["PATCH"]),
    Route("/chat/rooms/{room_id}/messages/{message_id}", delete, methods=["DELETE"]),
    Route("/chat/rooms/{room_id}/messages/{message_id}/act", act, methods=["POST"]),
    Route("/chat/rooms/{room_id}/messages/{message_id}/report", report, methods=["POST"]),
    Route("/chat/rooms/{room_id}/messages/{message_id}/reactions/{emoji:path}",
          add_reaction,    methods=["PUT"]),
    Route("/chat/rooms/{room_id}/messages/{message_id}/reactions/{emoji:path}",
          remove_reaction, methods=["DELETE"]),
]
