"""Gap repair: rooms that may have missed events are compared with the database.

Many rooms are compared in one statement; only those that differ are read.
"""

import asyncio
import logging
from collections.abc import Iterable

from .reader import FIRST_RETRY_DELAY, RoomReader, log_failure, retry_delays
from .room import Room

log = logging.getLogger("roomcast.hub")

ROOMS_PER_COMPARISON = 500  # rooms in one statement


class GapRepair:
    """Compares rooms of this process with the database, and repairs those that differ.

    However many rooms are requested at the same moment: one statement at a time, and for the rest
    as few reads at a time as their reader allows.
    """

    def __init__(self, reader: RoomReader) -> None:
        self._reader = reader
        self._requested: dict[Room, None] = {}  # in the order of their requests
        self._is_due = asyncio.Event()

    def request(self, rooms: Iterable[Room]) -> None:
        """Compare these rooms with the database soon."""
        self._requested.update(dict.fromkeys(rooms))
        self._is_due.set()

    async def run(self) -> None:
        """Repair requested rooms until cancelled; each failure in a row makes the pause longer."""
        delays = retry_delays(FIRST_RETRY_DELAY)
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            while rooms := list(self._requested)[:ROOMS_PER_COMPARISON]:
                for room in rooms:  # a request from here on needs another comparison
                    del self._requested[room]
                if await self._compare([room for room in rooms if not room.is_stopped]):
                    delays = retry_delays(FIRST_RETRY_DELAY)
                else:
                    await asyncio.sleep(next(delays))

    async def _compare(self, rooms: list[Room]) -> bool:
        """Repair what differs from the database; False where some rooms are requested again."""
        heads_before = {room: room.head for room in rooms}
        try:
            found = await self._reader.find_heads([room.id for room in rooms])
        except Exception as error:
            log.warning("gap repair failed: rooms=%d error=%s", len(rooms), error)
            self.request(rooms)
            return False
        # A room that delivers meanwhile is compared as it was before the database was asked.
        behind = [room for room, head in heads_before.items() if found.get(room.id) != head]
        return all(await asyncio.gather(*map(self._repair, behind)))

    async def _repair(self, room: Room) -> bool:
        try:
            await room.repair_gap()
        except Exception as error:
            log_failure(room.id, error)
            self.request([room])
            return False
        return True
