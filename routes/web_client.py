"""The pages made of the custom elements: at `/`, and at `/embed/` for frames of other sites."""

import json
import mimetypes
from functools import partial
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.staticfiles import StaticFiles

from ..settings import Settings

mimetypes.init()  # reads the system's list now, so that the first request need not wait

WEB = Path(__file__).parent.with_name("web")
ICON = WEB / "page/icon.svg"
ICON_DATA = f"data:image/svg+xml,{quote(ICON.read_text().strip())}"  # one request fewer
TEMPLATE = (WEB / "page/index.html").read_text()
REVALIDATED = {"Cache-Control": "no-cache"}  # validated on each use: an upgrade is seen at once
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data: http: https:; connect-src 'self' http: https: ws: wss:; "
    "form-action 'none'; base-uri 'none'; require-trusted-types-for 'script'; frame-ancestors "
)
HEADERS = REVALIDATED | {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


async def _inbox(request: Request, language: str = "") -> Response:
    """Answer the page with all conversations; a token is in its fragment, which no server sees."""
    root = _root(request, 1 if language else 0)
    return _page(request, root=root, view="inbox", language=language, ancestors="'none'")


async def _embedded(request: Request) -> Response:
    """Answer the page for a frame in pages of the origins that the settings allow."""
    ancestors = " ".join(_settings(request).server.frame_ancestors)
    return _page(request, root=_root(request, 1), view="embed", language="", ancestors=ancestors)


def _page(request: Request, *, root: str, view: str, language: str, ancestors: str) -> Response:
    web = _settings(request).web
    logo = web.logo or ICON_DATA
    about = {
        "name": web.name,
        "logo": logo,
        "accent": web.accent,
        "root": root,
        "login": "site" if request.app.state.auth.by_hook else "token",
        "view": view,
        "language": language,
    }
    values = {"lang": language or "en", "settings": json.dumps(about), "name": web.name}
    text = TEMPLATE
    for name, value in (values | {"logo": logo, "root": root}).items():
        text = text.replace("{{" + name + "}}", escape(value))
    headers = HEADERS | {"Content-Security-Policy": CONTENT_SECURITY_POLICY + ancestors}
    return Response(text, media_type="text/html", headers=headers)


def _root(request: Request, depth: int) -> str:
    """Return the path of the mount relative to this page, also behind a proxy with a prefix."""
    raw: bytes = request.scope.get("raw_path") or b"/"
    if raw.endswith(b"/"):
        return "../" * depth or "./"
    return "./" if depth else raw.rpartition(b"/")[2].decode() + "/"


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.settings
    return settings


class Assets(StaticFiles):
    """Static files that a browser validates on each use."""

    def file_response(self, *args: Any, **options: Any) -> Response:
        answer = super().file_response(*args, **options)
        answer.headers.update(REVALIDATED)
        return answer


def routes(settings: Settings) -> list[BaseRoute]:
    """Return the routes of the pages that the settings enable."""
    paths: list[BaseRoute] = []
    if settings.server.web_client:
        paths.append(Route("/", _inbox, methods=["GET"]))
        for language in settings.server.languages:
            in_language = partial(_inbox, language=language)
            paths.append(Route(f"/{language}", in_language, methods=["GET"]))
    if settings.server.frame_ancestors:
        paths.append(Route("/embed", _embedded, methods=["GET"]))
    return paths
