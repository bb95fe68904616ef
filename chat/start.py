"""Starts a mounted chat whose database another process may have open."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress

from ..store.store import DatabaseInUse

log = logging.getLogger("roomcast")

NOT_OURS = (
    "The database of this chat is open in another process: %s The site goes on without a chat in "
    "this process, which answers 503 and tries again every %g seconds. For several workers set "
    "database.url to postgresql://… and broadcast.url to redis://… or postgresql://…."
)
RETRY_INTERVAL = 5.0  # seconds between two attempts to open the database


@asynccontextmanager
async def started_when_free(
    start: Callable[[], AbstractAsyncContextManager[None]], on_refused: Callable[[], None]
) -> AsyncIterator[None]:
    """Start the chat; while another process uses its database, retry in the background.

    The host keeps running meanwhile: `on_refused` marks only the chat as unavailable.
    """
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(start())
        except DatabaseInUse as error:
            log.error(NOT_OURS, error, RETRY_INTERVAL)
            on_refused()
            trying = asyncio.create_task(_start_again(start, stack))
            stack.push_async_callback(_end, trying)
        yield


async def _start_again(
    start: Callable[[], AbstractAsyncContextManager[None]], stack: AsyncExitStack
) -> None:
    while True:
        await asyncio.sleep(RETRY_INTERVAL)
        with suppress(DatabaseInUse):
            await stack.enter_async_context(start())
            log.info("database is free: the chat has started")
            return


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
