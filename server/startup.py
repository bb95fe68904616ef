"""Reasons why a server cannot start, in one sentence each, and which of them may pass."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from ..app import App
from ..realtime.brokers import NotYetReachable, Unreachable
from ..settings import Settings
from ..store.objects.bucket import BucketUnavailable
from ..store.store import CannotOpen, NotYetOpen
from .listen import CannotServe

log = logging.getLogger("roomcast.serve")

CANNOT_START = (CannotServe, CannotOpen, BucketUnavailable, Unreachable)
MAY_PASS = (NotYetOpen, NotYetReachable)
RETRY_INTERVAL = 1.0  # seconds between two tries to reach the engines
LOG_INTERVAL = 10.0  # seconds between two lines in the log about it


@asynccontextmanager
async def started_when_reachable(chat: App, max_wait: float) -> AsyncIterator[None]:
    """Start the chat; wait up to `max_wait` seconds for engines that do not answer yet.

    Raises one of CANNOT_START.
    """
    give_up_at, log_at = time.monotonic() + max_wait, 0.0
    async with AsyncExitStack() as stack:
        while True:
            try:
                await stack.enter_async_context(chat.started())
                break
            except MAY_PASS as error:
                now = time.monotonic()
                if now >= give_up_at:
                    raise
                if now >= log_at:
                    log.warning("start waits: up to %.0f s more: %s", give_up_at - now, error)
                    log_at = now + LOG_INTERVAL
            await asyncio.sleep(RETRY_INTERVAL)
        yield


def refuse_workers(settings: Settings) -> None:
    """Raise CannotServe for several processes without a database and a broker for all of them."""
    wanted = []
    if settings.database.url.startswith("sqlite:"):
        wanted.append("database.url to postgresql://…")
    if settings.broadcast.url.startswith("memory:"):
        wanted.append("broadcast.url to redis://… or postgresql://…")
    if settings.server.workers > 1 and wanted:
        raise CannotServe(
            f"server.workers = {settings.server.workers}: the processes would not get each other's "
            f"events; set {' and '.join(wanted)}, or server.workers = 1."
        )
