"""The caller: all that is theirs, to be handed out or to be erased."""

import logging
from collections.abc import AsyncIterator

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ..chat.account.export import Line, lines
from ..protocol import codec
from ..protocol.ids import when, wire_user
from ..store.store import DatabaseUnavailable
from .requests import Reply, base_of_request, caller_of, chat_of

log = logging.getLogger("roomcast")
CHUNK = 1 << 16  # bytes
NDJSON = "application/x-ndjson"


class Me(Struct):
    """Who the token or the cookie is; `expires_at` is null where it does not expire."""

    user_id: int | str
    name: str | None
    picture: str | None
    expires_at: str | None


async def show(request: Request) -> Response:
    """Says who the caller is, and until when their token is good."""
    caller = await caller_of(request)
    profile = await chat_of(request).profiles.of(caller)
    ends = None if caller.expires_at is None else when(int(caller.expires_at * 1_000_000))
    return Reply(Me(wire_user(caller.user_id), *profile, ends))


async def export(request: Request) -> Response:
    """Hands out all that is the caller's: one JSON object a line, the last one an `end`.

    Who they are, their rooms, their messages with links to their files, their reactions, and whom
    they have blocked. What others said is theirs.
    """
    caller = await caller_of(request)
    chat = chat_of(request)
    link = chat.attachments.link(base_of_request(request))
    found = lines(chat.store, caller.user_id, link)
    first = await anext(found)  # a database that is away says so in time
    headers = {"Content-Disposition": 'attachment; filename="export.ndjson"'}
    return StreamingResponse(_written(first, found), media_type=NDJSON, headers=headers)


async def _written(first: Line, rest: AsyncIterator[Line]) -> AsyncIterator[bytes]:
    """A few lines at a time; what breaks off has no `end`."""
    text = bytearray(codec.encode(first) + b"\n")
    try:
        async for line in rest:
            text += codec.encode(line) + b"\n"
            if len(text) > CHUNK:
                yield bytes(text)
                text.clear()
    except DatabaseUnavailable as error:
        log.warning("An export breaks off: %s", error)
    yield bytes(text)


async def erase(request: Request) -> Response:
    """Erases all that is the caller's: messages, files, reactions, name and picture.

    They stay a member of their rooms, and how far they have read stays too, so that no status goes
    back. Open sockets hear `message_deleted`. What is much goes on after the answer.
    """
    caller = await caller_of(request)
    await chat_of(request).erasures.erase(caller.user_id)
    return Response(status_code=204)


# fmt: off
routes = [
    Route("/chat/export", export, methods=["GET"]),
    Route("/chat/me",     show,   methods=["GET"]),
    Route("/chat/me",     erase,  methods=["DELETE"]),
]
