"""Watches for versions that do not arrive: what is missing after a moment was lost on its way."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from .reader import log_failure, retry_delays

log = logging.getLogger("roomcast.room")

REORDER_TIMEOUT = 0.25  # seconds for an event that a later one has overtaken


class GapWatch:
    """Repairs a room when the versions that its buffered events wait for stay out."""

    def __init__(
        self,
        room_id: int,
        missing: Callable[[], tuple[int, int] | None],
        repair: Callable[[], Awaitable[None]],
    ) -> None:
        """`missing` returns the first and the last missing version, or None."""
        self._room_id = room_id
        self._missing = missing
        self._repair = repair
        self._task: asyncio.Task[None] | None = None
        self.is_stopped = False

    def start(self) -> None:
        """Watch from here on, if it is not done already."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"room:{self._room_id} gap")

    def stop(self) -> None:
        self.is_stopped = True
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        """Until nothing is missing, or one repair has succeeded."""
        for delay in retry_delays(REORDER_TIMEOUT):
            await asyncio.sleep(delay)
            if (missing := self._missing()) is None:
                return
            log.info("Room %d missed versions %d to %d", self._room_id, *missing)
            try:
                await self._repair()
            except Exception as error:
                log_failure(self._room_id, error)
            else:
                return
