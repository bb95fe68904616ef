"""Watches for versions that do not arrive: what is missing after a moment was lost on its way."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from .reader import log_failure, retry_delays

Missing = Callable[[], tuple[int, int] | None]  # the first and the last missing version
Repair = Callable[[], Awaitable[None]]

log = logging.getLogger("roomcast.room")

REORDER_TIMEOUT = 0.25  # seconds for an event that a later one has overtaken


class GapWatch:
    """Repairs a room when the versions that its buffered events wait for stay out."""

    def __init__(self, room_id: int) -> None:
        self._room_id = room_id
        self._task: asyncio.Task[None] | None = None
        self.is_stopped = False

    def start(self, missing: Missing, repair: Repair) -> None:
        """Watch from here on, if it is not done already.

        The room's methods are not kept: a cycle would leave each room to the garbage collector.
        """
        if self._task is None or self._task.done():
            name = f"room:{self._room_id} gap"
            self._task = asyncio.create_task(self._run(missing, repair), name=name)

    def stop(self) -> None:
        self.is_stopped = True
        if self._task is not None:
            self._task.cancel()

    async def _run(self, missing: Missing, repair: Repair) -> None:
        """Until nothing is missing, or one repair has succeeded."""
        for delay in retry_delays(REORDER_TIMEOUT):
            await asyncio.sleep(delay)
            if (versions := missing()) is None:
                return
            log.info("gap repair: room=%d versions=%d to %d", self._room_id, *versions)
            try:
                await repair()
            except Exception as error:
                log_failure(self._room_id, error)
            else:
                return
