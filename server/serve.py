"""Serving until SIGTERM or Ctrl+C, in one process or in several."""

import asyncio
from collections.abc import Awaitable, Callable

from ..app import App
from ..settings import Settings
from .listen import listen, url_of
from .logs import log_to_stderr
from .startup import refuse_workers
from .uvicorn_server import Reload, run_here
from .workers import run_workers


def run(
    chat: App,
    settings: Settings,
    *,
    before: Callable[[App], Awaitable[None]] | None = None,
    ready: Callable[[str], None],
    reload: Reload | None = None,
) -> None:
    """Serve until SIGTERM or Ctrl+C; `before` runs on the started chat, `ready` gets the URL.

    Raises CannotServe, and the errors of a chat that can't start.
    """
    refuse_workers(settings)
    log_to_stderr(settings.server.log_level)
    sockets = listen(settings.server.host, settings.server.port)
    url = url_of(sockets[0])
    try:
        if settings.server.workers == 1:
            run_here(
                chat, settings, sockets, before=before, ready=lambda: ready(url), reload=reload
            )
        else:
            assert before is None
            asyncio.run(run_workers(settings, sockets, lambda: ready(url), reload))
    finally:
        for listening in sockets:
            listening.close()
