"""Errors of HTTP: the app's handlers, and the answers of a chat that can't serve a request."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Receive, Scope, Send

from ..auth.base_url import ROOT_KEY
from ..protocol import errors
from ..protocol.errors import Close, Refusal
from ..store.store import DatabaseUnavailable
from .requests import Reply, answer_refusal

log = logging.getLogger("roomcast")

NOT_STARTED = (
    "This chat was not started: a mounted app's lifespan is not run by its host. Give the host "
    "`lifespan=chat.lifespan`, or put `async with chat.lifespan():` into its own lifespan. "
    "A server that runs no lifespan at all, as Daphne does, can't serve it: use uvicorn, hypercorn "
    "or granian."
)
NO_UPGRADE = (
    "This is the address of a WebSocket, and the request asks for no upgrade. If it came from a "
    "WebSocket client, a proxy in between has dropped its headers: let it use HTTP/1.1 and pass on "
    "Upgrade and Connection (nginx: proxy_http_version 1.1; proxy_set_header Upgrade "
    "$http_upgrade; proxy_set_header Connection upgrade;)."
)


async def refuse_unstarted(scope: Scope, receive: Receive, send: Send, *, is_refused: bool) -> None:
    """Answers while no chat is running: none was started, or its database is in use elsewhere."""
    if is_refused:
        refusal: Refusal = errors.Unavailable("The chat is not available in this process.")
        close = Close.TRY_LATER
    else:
        log.error(NOT_STARTED)
        refusal, close = errors.Unavailable(NOT_STARTED), Close.INTERNAL
    if scope["type"] == "http":
        body = {"detail": str(refusal), "code": refusal.code}
        return await Reply(body, status_code=refusal.status)(scope, receive, send)
    await send({"type": "websocket.accept"})
    return await send({"type": "websocket.close", "code": close.code, "reason": close.reason})


async def refuse_http(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers an HTTP request to the address of a WebSocket (RFC 9110, 15.5.22)."""
    body = {"detail": NO_UPGRADE, "code": "invalid_frame"}
    headers = {"Upgrade": "websocket"}
    await Reply(body, status_code=426, headers=headers)(scope, receive, send)


def _http_error(request: Request, error: Exception) -> Response:
    """Answer an error of Starlette: an unknown path or a wrong method."""
    assert isinstance(error, HTTPException)
    refusal = errors.MethodNotAllowed() if error.status_code == 405 else errors.NotFound()
    answer = answer_refusal(request, refusal)
    answer.headers.update(error.headers or {})
    if error.status_code == 405:
        scope = {**request.scope, "root_path": request.scope[ROOT_KEY]}  # as the app got it
        answer.headers["Allow"] = ", ".join(sorted(_methods(request.app.routes, scope)))
    return answer


def _methods(routes: Sequence[BaseRoute], scope: Scope) -> set[str]:
    """Return all methods of the path (RFC 9110, 10.2.1); Starlette knows those of one route."""
    found: set[str] = set()
    for route in routes:
        match, inner = route.matches(scope)
        if match is not Match.NONE and isinstance(route, Mount):
            found |= _methods(route.routes, {**scope, **inner})
        elif match is not Match.NONE and isinstance(route, Route):
            found |= route.methods or set()
    return found


def _database_unavailable(request: Request, error: Exception) -> Response:
    log.warning("request refused: %s", error)
    return answer_refusal(request, errors.Unavailable())


def _internal(request: Request, error: Exception) -> Response:
    return answer_refusal(request, errors.Internal())


def _client_disconnected(request: Request, error: Exception) -> Response:
    """The client disconnected in the middle of its body: nobody reads this response."""
    return Response(status_code=400)


HANDLERS: Mapping[Any, Any] = {
    Refusal: answer_refusal,
    HTTPException: _http_error,
    DatabaseUnavailable: _database_unavailable,
    ClientDisconnect: _client_disconnected,
    Exception: _internal,
}
