"""Pages of other origins: those that may act for a user, and those that may read answers (CORS)."""

from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALLOW_ORIGIN = "Access-Control-Allow-Origin"
ALLOWED_METHODS = "GET, HEAD, POST, PATCH, DELETE"
PREFLIGHT_MAX_AGE = "600"  # seconds for which a browser need not ask again
ANY_ORIGIN = "*"


class Cors:
    """An app whose answers and errors can be read by pages of the allowed origins.

    With "*" every page can, but then browsers send no login. Answers with CORS headers of their
    own, such as files, are not changed.
    """

    def __init__(self, app: ASGIApp, allowed: Iterable[str]) -> None:
        self._app = app
        self._allowed = tuple(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        own = self._cors_headers_for(headers.getlist("origin"))
        if ALLOW_ORIGIN in own and _is_preflight(scope, headers):
            answer = Response(status_code=204, headers=own | _permits(headers))
            return await answer(scope, receive, send)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add(MutableHeaders(scope=message), own)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _cors_headers_for(self, origins: list[str]) -> dict[str, str]:
        """Return the CORS headers for these origins; Vary keeps them apart in caches."""
        if ANY_ORIGIN in self._allowed:
            return {ALLOW_ORIGIN: ANY_ORIGIN, "Access-Control-Expose-Headers": "Retry-After"}
        if len(origins) != 1 or is_foreign(origins[0], "", self._allowed):
            return {"Vary": "Origin"}
        return {
            ALLOW_ORIGIN: origins[0],
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Expose-Headers": "Retry-After",
            "Vary": "Origin",
        }


def _is_preflight(scope: Scope, headers: Headers) -> bool:
    return scope["method"] == "OPTIONS" and "access-control-request-method" in headers


def _permits(asked: Headers) -> dict[str, str]:
    """Return the headers of a preflight answer; an allowed origin may send any headers."""
    wanted = {
        "Access-Control-Allow-Methods": ALLOWED_METHODS,
        "Access-Control-Max-Age": PREFLIGHT_MAX_AGE,
    }
    if names := asked.get("access-control-request-headers"):
        wanted["Access-Control-Allow-Headers"] = names
    wanted["Vary"] = "Origin, Access-Control-Request-Headers"
    return wanted


def _add(headers: MutableHeaders, added: dict[str, str]) -> None:
    if ALLOW_ORIGIN in headers:
        return
    for name, value in added.items():
        if name == "Vary":
            headers.add_vary_header(value)
        else:
            headers[name] = value


# ---------------------------------------------------------------- the origin of a page

_PORTS = {"http": 80, "https": 443}


def is_foreign(origin: str, host: str, allowed: Iterable[str]) -> bool:
    """Return whether an origin is neither the requested host (http or https) nor an allowed one."""
    if origin != "null" and origin in allowed:
        return False
    theirs = _origin(origin)
    if theirs is None:
        return True
    # A proxy may have ended TLS: a port missing in Host is that of the page's scheme.
    return theirs != _origin(f"{theirs[0]}://{host}") and theirs not in map(_origin, allowed)


def _origin(text: str) -> tuple[str, str, int] | None:
    parts = parts_of(text)
    if parts is None or parts.username is not None or parts.path not in ("", "/"):
        return None
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    return parts.scheme, parts.hostname or "", port


def origin_of(url: str) -> str:
    """Return the origin of an absolute http(s) URL, otherwise ""."""
    parts = parts_of(url)
    return f"{parts.scheme}://{parts.netloc}" if parts else ""


def parts_of(url: str) -> SplitResult | None:
    """Return the parts of an absolute http(s) URL with a valid port, or None."""
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in _PORTS and parts.hostname and (parts.port or 0) >= 0:
            return parts
    return None
