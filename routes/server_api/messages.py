"""The server API: messages of members and of the site."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...chat.site.messages import MessageQuery, SiteEdit, SitePost
from ...protocol import codec
from ...protocol.actions import File, Send
from ...protocol.errors import InvalidFrame, NotFound
from ...protocol.events import Message
from ...protocol.ids import id_of, user_of
from ...store.messages.extra import SITE, StoredButton
from ..requests import (
    Reply,
    base_of_request,
    body_of,
    chat_of,
    integer,
    large_body_of,
    room_id_of,
    url_of,
)
from .requests import with_key


class SiteNewMessage(Struct):
    """A message of the site itself, or of the member in `sender`."""

    text: str = ""
    sender: int | str | None = None
    data: dict[str, Any] | None = None
    actions: list[StoredButton] | None = None
    files: list[File] | None = None
    reply_to: int | str | None = None
    client_id: str | None = None


class SiteMessagePatch(Struct):
    """The changes to a message; a field that is left out keeps its value, null removes it.

    New buttons can be pressed again.
    """

    text: str | UnsetType = UNSET
    data: dict[str, Any] | UnsetType | None = UNSET
    actions: list[StoredButton] | None = None


class SiteMessagePage(Struct):
    """Messages of a room, oldest first; `next` continues in the direction of the request."""

    results: list[Message]
    next: str | None


@with_key
async def listed(request: Request) -> Response:
    """Lists messages of a room, oldest first."""
    query = request.query_params
    is_after = "after" in query
    wanted = MessageQuery(
        integer(request, "before", 0) if "before" in query else None,
        integer(request, "after", 0) if is_after else None,
        integer(request, "limit", 50),
    )
    base = base_of_request(request)
    page = await chat_of(request).site_messages.page(room_id_of(request), wanted, base)
    place = "after" if is_after else "before"
    following = url_of(request, **{place: page.next}) if page.next else None
    return Reply(SiteMessagePage(page.results, following))


@with_key
async def post(request: Request) -> Response:
    """Sends a message: 201, or 200 and the message that was sent before with its `client_id`."""
    given = codec.decode_as(await large_body_of(request, ""), SiteNewMessage)
    key = given.client_id if given.client_id is not None else request.headers.get("idempotency-key")
    reply_to = None if given.reply_to is None else id_of(given.reply_to, "reply_to")
    named = key or None, reply_to, given.data
    send = Send(given.text, None, given.files, *named)
    sender = SITE if given.sender is None else user_of(given.sender, "sender")
    room_id, base = room_id_of(request), base_of_request(request)
    new = SitePost(sender, send, given.actions or ())
    message, is_new = await chat_of(request).site_messages.post(room_id, new, base)
    return Reply(message, status_code=201 if is_new else 200)


def message_id_of(request: Request) -> int:
    """Return the id of the message in the path. Raises NotFound for a text that is no id."""
    try:
        return id_of(request.path_params["message_id"], "message_id")
    except InvalidFrame:
        raise NotFound from None


@with_key
async def change(request: Request) -> Response:
    """Changes a message of any sender; everybody in the room gets `message_edited`."""
    room_id, message_id = room_id_of(request), message_id_of(request)
    given = codec.decode_as(await body_of(request), SiteMessagePatch)
    base = base_of_request(request)
    text = None if given.text is UNSET else given.text
    patch = SiteEdit(text, given.data, given.actions)
    messages = chat_of(request).site_messages
    return Reply(await messages.edit(room_id, message_id, patch, base))


@with_key
async def delete(request: Request) -> Response:
    """Deletes a message of any sender, with its files."""
    await chat_of(request).site_messages.delete(room_id_of(request), message_id_of(request))
    return Response(status_code=204)


# fmt: off
routes = [
    Route("/server/rooms/{room_id}/messages",              listed, methods=["GET"]),
    Route("/server/rooms/{room_id}/messages",              post,   methods=["POST"]),
    Route("/server/rooms/{room_id}/messages/{message_id}", change, methods=["PATCH"]),
    Route("/server/rooms/{room_id}/messages/{message_id}", delete, methods=["DELETE"]),
]
