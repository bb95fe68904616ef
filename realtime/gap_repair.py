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

    It runs one statement at a time for up to ROOMS_PER_COMPARISON rooms. The RoomReader limits how
    many of the rooms that differ are read at the same time.
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
        """Repair requested rooms until cancelled; consecutive failures make the pause longer."""
        delays = retry_delays(FIRST_RETRY_DELAY)
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            while rooms := list(self._requested)[:ROOMS_PER_COMPARISON]:
                for room in rooms:  # a request from now on needs another comparison
                    del self._requested[room]
                if await self._compare([room for room in rooms if not room.is_stopped]):
                    delays = retry_delays(FIRST_RETRY_DELAY)
                else:
                    await asyncio.sleep(next(delays))

    async def _compare(self, rooms: list[Room]) -> bool:
        """Repair rooms that differ from the database; return False if some are requested again."""
        heads_before = {room: room.head for room in rooms}
        try:
            found = await self._reader.find_heads([room.id for room in rooms])
        except Exception as error:
            log.warning("gap repair failed: rooms=%d error=%s", len(rooms), error)
            self.request(rooms)
            return False
        # A room that delivers events meanwhile is compared by its state before the query.
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
