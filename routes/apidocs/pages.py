"""The documentation of the protocol, from the same types that decode the requests."""

import asyncio
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from swagger_ui_bundle import swagger_ui_path  # type: ignore[import-untyped]  # no stubs

from ...auth.base_url import ROOT_KEY
from ...protocol import codec
from ...protocol.errors import NotFound
from ...settings import Settings
from .. import (
    attachments,
    blocks,
    config,
    files,
    health,
    me,
    members,
    messages,
    receipts,
    room_list,
    rooms,
    search,
    server_api,
    unread,
)
from ..requests import base_of_request, chat_of
from ..web_client import ICON, REVALIDATED, WEB, Assets
from . import asyncapi, openapi
from .call import JSON

SWAGGER = WEB / "swagger"
FILES = Assets(directory=SWAGGER)
ASSETS = {
    "icon.svg": ICON,
    "swagger.js": SWAGGER / "swagger.js",
    "swagger-ui.css": swagger_ui_path / "swagger-ui.css",
    "swagger-ui-bundle.js": swagger_ui_path / "swagger-ui-bundle.js",
}
PAGE = (SWAGGER / "index.html").read_text()
HEADERS = REVALIDATED | {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' blob: data:; connect-src 'self'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


async def swagger(request: Request) -> Response:
    """Shows all HTTP calls, to read and to try out."""
    raw: bytes = request.scope.get("raw_path") or b"/"
    here = "" if raw.endswith(b"/") else "swagger/"  # relative URLs depend on the last slash
    return Response(PAGE.replace("{here}", here), media_type="text/html", headers=HEADERS)


async def asset(request: Request) -> Response:
    """Serves a static file of the documentation page, which loads nothing from other hosts."""
    path = ASSETS.get(request.path_params["name"])
    if path is None:
        raise NotFound
    answer = FILES.file_response(path, await asyncio.to_thread(path.stat), request.scope)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


async def schema(request: Request) -> Response:
    """Describes the HTTP API for programs: OpenAPI 3.1."""
    root = urlsplit(base_of_request(request)).path
    prefix = request.scope["root_path"].removeprefix(request.scope[ROOT_KEY])
    # It takes some ten milliseconds, and reads the package's metadata.
    body = await asyncio.to_thread(_schema, chat_of(request).settings, root, prefix)
    return Response(body, media_type=JSON)


@lru_cache(16)
def _schema(settings: Settings, root: str, prefix: str) -> bytes:
    site = server_api.API if settings.server_api.keys else []
    api = [*(route for route in API if route.include_in_schema), *site]
    counted = health.counted if settings.server.metrics else []
    apart = [*health.routes, *counted, *files.routes]
    return codec.encode(openapi.document(api, apart, settings, root + prefix, root or "/"))


async def sockets(request: Request) -> Response:
    """Describes the WebSocket API for programs: AsyncAPI 3.0."""
    settings, base = chat_of(request).settings, base_of_request(request)
    document = await asyncio.to_thread(asyncapi.document, settings, base)
    return Response(codec.encode(document), media_type=JSON)


# fmt: off
routes = [
    Route("/swagger",        swagger, methods=["GET"]),
    Route("/swagger/{name}", asset,   methods=["GET"], include_in_schema=False),
    Route("/schema",         schema,  methods=["GET"]),
    Route("/asyncapi",       sockets, methods=["GET"]),
]

TABLES = (
    rooms, room_list, members, messages, receipts, attachments, blocks, search, unread, me, config,
)  # fmt: skip
API = [*(route for table in TABLES for route in table.routes), *routes]
