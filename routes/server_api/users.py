"""The server API: users, their tokens, bans and data."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from urllib.parse import unquote_to_bytes

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...auth.site_keys import sign_token
from ...protocol import codec
from ...protocol.errors import InvalidFrame, NotFound
from ...protocol.ids import user_of, when
from ..requests import LinesReply, Reply, base_of_request, body_of, chat_of
from .requests import with_key

DEFAULT_TTL = 3_600.0  # seconds


class SiteUserPatch(Struct):
    """The profile that the site gives a user.

    A field that is left out keeps its value; null removes it.
    """

    name: str | UnsetType | None = UNSET
    picture: str | UnsetType | None = UNSET
    email: str | UnsetType | None = UNSET
    language: str | UnsetType | None = UNSET


class NewToken(Struct):
    """The lifetime of the token in seconds; an hour if left out."""

    ttl: float | None = None


class TokenRecord(Struct):
    """A token of a user, and when it expires."""

    token: str
    expires_at: str


class NewBan(Struct):
    """The end of the ban (RFC 3339; null: no end), and its reason, which only the site sees."""

    until: str | None = None
    reason: str | None = None


def site_user_of(request: Request) -> str:
    """Return the user in the path: percent-encoded, `/` included.

    Raises InvalidFrame for a text that is no user id, NotFound for a slash that is not encoded.
    """
    raw: bytes | None = request.scope.get("raw_path")
    decoded: str = request.path_params["user_id"]
    if raw:
        parts = raw.rstrip(b"/").partition(b"/server/users/")[2].split(b"/")
        try:
            segment = unquote_to_bytes(parts[0]).decode()
        except UnicodeDecodeError:
            raise InvalidFrame("user_id: this is not UTF-8.") from None
        if segment.rstrip("/") != decoded.rstrip("/"):
            raise NotFound
        decoded = segment
    return user_of(decoded, "user_id")


@with_key
async def one(request: Request) -> Response:
    """Shows a user. Every id is valid; a user whom the chat does not know has no name."""
    return Reply(await chat_of(request).site_users.get(site_user_of(request)))


@with_key
async def put(request: Request) -> Response:
    """Sets the given fields of a user's profile."""
    user_id = site_user_of(request)
    given = codec.decode_as(await body_of(request), SiteUserPatch)
    fields = {name: value for name, value in asdict(given).items() if value is not UNSET}
    return Reply(await chat_of(request).site_users.put(user_id, fields))


@with_key
async def erase(request: Request) -> Response:
    """Erases a user's messages, files, reactions, name and picture."""
    await chat_of(request).site_users.erase(site_user_of(request))
    return Response(status_code=204)


@with_key
async def export(request: Request) -> Response:
    """Exports a user's data: one JSON object a line, the last one an `end`."""
    user_id, base = site_user_of(request), base_of_request(request)
    lines = chat_of(request).site_users.export(user_id, base)
    return LinesReply(_encoded(lines))


async def _encoded(lines: AsyncGenerator[Any, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(lines):
        async for line in lines:
            yield codec.encode(line) + b"\n"


@with_key
async def unread(request: Request) -> Response:
    """Counts the unread messages of a user."""
    return Reply(await chat_of(request).inboxes.unread(site_user_of(request)))


@with_key
async def token(request: Request) -> Response:
    """Signs a token for a user, with `auth.secret`."""
    user_id = site_user_of(request)
    body = await body_of(request)
    given = codec.decode_as(body, NewToken) if body.strip() else NewToken()
    auth = chat_of(request).settings.auth
    signed, at = sign_token(auth, user_id, DEFAULT_TTL if given.ttl is None else given.ttl)
    return Reply(TokenRecord(signed, when(at * 1_000_000)))


@with_key
async def disconnect(request: Request) -> Response:
    """Closes all sockets of a user with 4005."""
    await chat_of(request).site_users.disconnect(site_user_of(request))
    return Response(status_code=204)


@with_key
async def ban(request: Request) -> Response:
    """Bans a user: their requests get 403, and their open sockets close with 4005."""
    user_id = site_user_of(request)
    body = await body_of(request)
    given = codec.decode_as(body, NewBan) if body.strip() else NewBan()
    await chat_of(request).site_users.ban(user_id, given.until, given.reason or "")
    return Response(status_code=204)


@with_key
async def unban(request: Request) -> Response:
    """Lifts the ban of a user, if there is one."""
    await chat_of(request).site_users.unban(site_user_of(request))
    return Response(status_code=204)


# fmt: off
routes = [
    Route("/server/users/{user_id:path}/export",     export,     methods=["GET"]),
    Route("/server/users/{user_id:path}/unread",     unread,     methods=["GET"]),
    Route("/server/users/{user_id:path}/token",      token,      methods=["POST"]),
    Route("/server/users/{user_id:path}/disconnect", disconnect, methods=["POST"]),
    Route("/server/users/{user_id:path}/ban",        ban,        methods=["PUT"]),
    Route("/server/users/{user_id:path}/ban",        unban,      methods=["DELETE"]),
    Route("/server/users/{user_id:path}",            one,        methods=["GET"]),
    Route("/server/users/{user_id:path}",            put,        methods=["PUT"]),
    Route("/server/users/{user_id:path}",            erase,      methods=["DELETE"]),
]
