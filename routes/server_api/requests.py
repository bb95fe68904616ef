"""Authentication of the server API's calls: every call needs a key."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps

from starlette.requests import Request
from starlette.responses import Response

from ...auth.site_keys import SiteKeys
from ...integrations import audit
from ...protocol import codec
from ...protocol.errors import InvalidFrame, Refusal, Unauthenticated
from ..requests import body_of, chat_of, url_of

Call = Callable[[Request], Awaitable[Response]]


def with_key(call: Call) -> Call:
    """Let the call require a key, whose name is recorded in the audit log."""

    @wraps(call)
    async def checked(request: Request) -> Response:
        async with _acting(request):
            return await call(request)

    return checked


@asynccontextmanager
async def _acting(request: Request) -> AsyncIterator[None]:
    keys: SiteKeys = request.app.state.site_keys
    source = request.client.host if request.client else ""
    try:
        fingerprint = keys.check(request)
    except Unauthenticated:
        stranger = audit.Actor("unknown", source)
        audit.record("key_refused", "unauthenticated", by=stranger, path=request.url.path)
        raise
    with audit.acting(audit.Actor(f"key:{fingerprint}", source)):
        try:
            yield
        except Refusal as refusal:
            if request.method not in ("GET", "HEAD"):
                method, path = request.method, request.url.path
                audit.record("call_refused", refusal.code, method=method, path=path)
            raise


async def fields_of(request: Request) -> dict[str, object]:
    """Return the body's fields, unchecked; an empty body has none."""
    body = await body_of(request)
    return codec.decode_as(body, dict[str, object]) if body.strip() else {}


def next_url(request: Request, **query: str | None) -> str | None:
    """Return the absolute URL of the next page, or None after the last one."""
    ((name, value),) = query.items()
    return None if value is None else url_of(request, **{name: value})


def optional_text(request: Request, name: str, most: int = 200) -> str | None:
    """Return a query parameter, if given. Raises InvalidFrame for one that is too long."""
    given = request.query_params.get(name)
    if given is not None and len(given) > most:
        raise InvalidFrame(f"{name}: at most {most} characters.")
    return given


__all__ = ["chat_of", "fields_of", "next_url", "optional_text", "with_key"]
