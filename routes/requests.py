"""Helpers that every route uses to read a request and to answer it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from math import ceil
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from ..auth.authenticator import Authenticator
from ..auth.base_url import ROOT_KEY, base_of
from ..auth.claims import Identity
from ..chat.chat import ChatServices
from ..chat.rate_limit import UPLOAD_BYTES_PER_TOKEN, RateLimiter, TokenBucket
from ..integrations import audit
from ..protocol import codec
from ..protocol.errors import (
    InvalidFrame,
    NotFound,
    RateLimited,
    Refusal,
    Unauthenticated,
)
from ..protocol.ids import id_of, user_of
from .bodies import BodiesInFlight

NDJSON = "application/x-ndjson"
PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Reply(Response):
    """JSON by the encoder of the frames; it is for one caller, so no cache may store it."""

    media_type = "application/json"

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        super().init_headers(PRIVATE | dict(headers or {}))

    def render(self, content: Any) -> bytes:
        return codec.encode(content)


class StreamedReply(StreamingResponse):
    """A Reply in pieces. Their generator is closed at once if the client leaves."""

    media_type = Reply.media_type

    def __init__(
        self, pieces: AsyncGenerator[bytes, None], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(pieces, headers=PRIVATE | dict(headers or {}))
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._pieces):
            await super().__call__(scope, receive, send)


class LinesReply(StreamedReply):
    """JSON lines for one caller."""

    media_type = NDJSON


def chat_of(request: Request) -> ChatServices:
    chat: ChatServices = request.app.state.chat
    return chat


async def caller_of(request: Request) -> Identity:
    """Authenticate the caller. Raises Unauthenticated, RateLimited and Forbidden.

    Forbidden is raised if a page of a foreign origin sends the caller's cookies.
    """
    auth: Authenticator = request.app.state.auth
    try:
        identity = await auth.authenticate(request)
    except Unauthenticated:
        refuse_login(request)
        raise
    bucket_of(request, identity.user_id).take_request()
    request.state.user_id = identity.user_id
    await chat_of(request).bans.check(identity.user_id)
    await chat_of(request).profiles.record(identity)
    return identity


def actor_of(connection: HTTPConnection, user_id: str = "") -> audit.Actor:
    """Return the actor of a request, for the audit log."""
    source = connection.client.host if connection.client else ""
    return audit.Actor(f"user:{user_id}" if user_id else "unknown", source)


def refuse_login(connection: HTTPConnection) -> None:
    """Record a refused login in the audit log, without its token."""
    path = connection.url.path
    audit.record("login_refused", "unauthenticated", by=actor_of(connection), path=path)


def bucket_of(request: Request, user_id: str) -> TokenBucket:
    """Return the token bucket of this user; expensive calls take more tokens."""
    limiter: RateLimiter = request.app.state.rate_limiter
    return limiter.bucket_of(user_id)


def base_of_request(request: Request) -> str:
    return base_of(request, chat_of(request).settings.server.public_url)


def url_of(request: Request, **query: object) -> str:
    """Return the absolute URL of this request with other query parameters."""
    path = request.scope["path"].removeprefix(request.scope[ROOT_KEY])
    url = request.url.include_query_params(**query)
    return f"{base_of_request(request)}{path}/?{url.query}"


def room_id_of(request: Request) -> int:
    """Return the id of the room in the path. Raises NotFound for a text that is no id."""
    try:
        return id_of(request.path_params["room_id"], "room_id")
    except InvalidFrame:
        raise NotFound from None


def message_id_of(request: Request) -> int:
    """Return the id of the message in the path. Raises NotFound for a text that is no id."""
    try:
        return id_of(request.path_params["message_id"], "message_id")
    except InvalidFrame:
        raise NotFound from None


def user_id_of(request: Request) -> str:
    """Return the user of `{user_id:path}`, the path's end. Raises InvalidFrame and NotFound."""
    return user_of(last_part_of(request, "user_id"), "user_id")


def last_part_of(request: Request, name: str) -> str:
    """Return the parameter `{name:path}` at the path's end: percent-encoded, `/` included.

    Raises InvalidFrame if it is not UTF-8, NotFound for a slash that is not encoded.
    """
    decoded: str = request.path_params[name]
    raw: bytes | None = request.scope.get("raw_path")
    if raw:
        try:
            last = unquote_to_bytes(raw.rstrip(b"/").rpartition(b"/")[2]).decode()
        except UnicodeDecodeError:
            raise InvalidFrame(f"{name}: this is not UTF-8.") from None
        if last.rstrip("/") != decoded.rstrip("/"):
            raise NotFound
        decoded = last
    return decoded


def integer(request: Request, name: str, default: int) -> int:
    """Return an integer from 0 in the query. Raises InvalidFrame, which names the parameter."""
    given = request.query_params.get(name)
    return default if given is None else id_of(given, name)


async def body_of(request: Request) -> bytearray:
    """Return the body, of at most 1 MiB."""
    return await bodies_of(request).read(request)


async def large_body_of(request: Request, user_id: str) -> bytearray:
    """Return a body with files, at most as large as a frame; a user sends a few at once."""
    bodies = bodies_of(request)
    with bodies.of_user(user_id):
        body = await bodies.read(request, chat_of(request).settings.limits.max_frame_size)
    if user_id:
        bucket_of(request, user_id).charge(len(body) / UPLOAD_BYTES_PER_TOKEN)
    return body


def bodies_of(request: Request) -> BodiesInFlight:
    bodies: BodiesInFlight = request.app.state.bodies
    return bodies


def answer_refusal(request: Request, error: Exception) -> Response:
    """Return the response for a refusal; all HTTP errors have this shape."""
    assert isinstance(error, Refusal)
    if (chat := getattr(request.app.state, "chat", None)) is not None:
        chat.metrics.refusals.labels(error.code).inc()
    user_id, room_id = getattr(request.state, "user_id", ""), request.path_params.get("room_id")
    if user_id and room_id and error.status in (403, 404):
        audit.record("room_refused", error.code, by=actor_of(request, user_id), room_id=room_id)
    headers = dict(getattr(request.state, "headers", {}))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.status in (408, 413) and request.scope.get("http_version") in ("1.0", "1.1"):
        headers["Connection"] = "close"  # the rest of the body is not read
    if error.status in (429, 503):
        seconds = error.retry_after if isinstance(error, RateLimited) else 1
        headers["Retry-After"] = str(max(1, ceil(seconds)))
    body = {"detail": str(error), "code": error.code}
    return Reply(body, status_code=error.status, headers=headers)
