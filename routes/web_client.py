"""The page at `/`: two people can talk with nothing but a link."""

import mimetypes
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

mimetypes.init()  # reads the system's list, which else the first request would wait for

STATIC = Path(__file__).parent.with_name("static")
FRESH = {"Cache-Control": "no-cache"}  # kept, but asked for each time: an upgrade shows at once
HEADERS = FRESH | {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' blob: data: http: https:; connect-src 'self' http: https: ws: wss:; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


async def page(request: Request) -> Response:
    """The token stands in the fragment: it reaches no server and no log."""
    return FileResponse(STATIC / "index.html", headers=HEADERS)


class Assets(StaticFiles):
    """The page's script and style."""

    def file_response(self, *args: Any, **options: Any) -> Response:
        answer = super().file_response(*args, **options)
        answer.headers.update(FRESH)
        return answer


# fmt: off
routes: list[BaseRoute] = [
    Route("/",       page, methods=["GET"]),
    Mount("/static", Assets(directory=STATIC)),
]
