"""Watches for versions that do not arrive: after a short time they count as lost."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from .reader import log_failure, retry_delays

Missing = Callable[[], tuple[int, int] | None]  # the first and the last missing version
Repair = Callable[[], Awaitable[None]]

log = logging.getLogger("roomcast.room")

REORDER_TIMEOUT = 0.25  # seconds to wait for an event that arrives after a later one


class GapWatch:
    """Repairs a room when the versions before its buffered events do not arrive."""

    def __init__(self, room_id: int) -> None:
        self._room_id = room_id
        self._task: asyncio.Task[None] | None = None
        self.is_stopped = False

    def start(self, missing: Missing, repair: Repair) -> None:
        """Start watching, if no watch is running.

        The room's methods are not stored: the reference cycle would delay freeing each room.
        """
        if self._task is None or self._task.done():
            name = f"room:{self._room_id} gap"
            self._task = asyncio.create_task(self._run(missing, repair), name=name)

    def stop(self) -> None:
        self.is_stopped = True
        if self._task is not None:
            self._task.cancel()

    async def _run(self, missing: Missing, repair: Repair) -> None:
        """Repair until nothing is missing, or one repair has succeeded."""
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
