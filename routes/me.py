"""The caller: who they are, the export of their data, and its erasure."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ..chat.account.export import ExportLine, lines
from ..chat.rate_limit import TokenBucket
from ..protocol import codec
from ..protocol.ids import when, wire_user
from ..store.store import DatabaseUnavailable
from .requests import LinesReply, Reply, base_of_request, bucket_of, caller_of, chat_of

log = logging.getLogger("roomcast")
CHUNK_SIZE = 1 << 15  # bytes
MAX_EXPORT_PAUSE = 0.05  # seconds after each chunk, for other requests


class Me(Struct):
    """The user of the token or cookie; `expires_at` is null where it does not expire."""

    user_id: int | str
    name: str | None
    picture: str | None
    expires_at: str | None


async def show(request: Request) -> Response:
    """Shows the caller's id and when their token expires."""
    caller = await caller_of(request)
    profile = await chat_of(request).profiles.of(caller)
    ends = None if caller.expires_at is None else when(int(caller.expires_at * 1_000_000))
    return Reply(Me(wire_user(caller.user_id), *profile, ends))


async def export(request: Request) -> Response:
    """Exports the caller's data: one JSON object a line, the last one an `end`.

    It has their profile, rooms, messages with links to files, reactions and blocks, and no messages
    of others.
    """
    caller = await caller_of(request)
    chat = chat_of(request)
    link = chat.attachments.link(base_of_request(request))
    found = lines(chat.store, caller.user_id, link)
    bucket = bucket_of(request, caller.user_id)
    with bucket.export():  # an unavailable database is reported before the answer begins
        first = await anext(found)
    return ExportReply(_encode_lines(first, found), bucket)


class ExportReply(LinesReply):
    """An export. The user's next one waits until it has ended, also if the client has left."""

    def __init__(self, lines: AsyncGenerator[bytes, None], bucket: TokenBucket) -> None:
        super().__init__(lines, {"Content-Disposition": 'attachment; filename="export.ndjson"'})
        self._bucket = bucket

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._bucket.export():
            await super().__call__(scope, receive, send)


async def _encode_lines(
    first: ExportLine, rest: AsyncGenerator[ExportLine, None]
) -> AsyncGenerator[bytes, None]:
    """Yield a few lines at a time, with pauses; an export without an `end` is incomplete."""
    text, began = bytearray(codec.encode(first) + b"\n"), time.monotonic()
    try:
        async with aclosing(rest):
            async for line in rest:
                text += codec.encode(line) + b"\n"
                if len(text) > CHUNK_SIZE:
                    yield bytes(text)
                    text.clear()
                    await asyncio.sleep(min(time.monotonic() - began, MAX_EXPORT_PAUSE))
                    began = time.monotonic()
    except DatabaseUnavailable as error:
        log.warning("export incomplete: error=%s", error)
    yield bytes(text)


async def erase(request: Request) -> Response:
    """Erases the caller's messages, files, reactions, name and picture.

    They stay a member of their rooms and keep their receipts, so that no status goes back. Open
    sockets get `message_deleted`. If there is much data, the erasure continues after the answer.
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
