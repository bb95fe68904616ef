"""Rooms that may have missed something: many are compared in one statement, few are read."""

import asyncio
import logging
from collections.abc import Iterable

from .room import PATIENCE, Room, RoomReader, log_failure, retry_delays

log = logging.getLogger("roomcast.fanout")

AT_ONCE = 500  # rooms in one statement


class Doubts:
    """Compares rooms of this process with the database, and has those catch up that differ.

    However many rooms are doubted at the same moment: one statement at a time, and for the rest as
    few reads at a time as their reader allows.
    """

    def __init__(self, reader: RoomReader) -> None:
        self._reader = reader
        self._rooms: dict[Room, None] = {}  # in the order in which they came into doubt
        self._some = asyncio.Event()

    def add(self, rooms: Iterable[Room]) -> None:
        self._rooms.update(dict.fromkeys(rooms))
        self._some.set()

    async def settle(self) -> None:
        """For ever. After a failure the next look waits, longer after each."""
        delays = retry_delays(PATIENCE)
        while True:
            await self._some.wait()
            self._some.clear()
            while rooms := list(self._rooms)[:AT_ONCE]:
                for room in rooms:  # what comes into doubt from here on wants another look
                    del self._rooms[room]
                if await self._compare([room for room in rooms if room.guests]):
                    delays = retry_delays(PATIENCE)
                else:
                    await asyncio.sleep(next(delays))

    async def _compare(self, rooms: list[Room]) -> bool:
        """Whether all went well; whatever the database can't say now is asked again."""
        stood = {room: room.stand for room in rooms}
        try:
            stands = await self._reader.stands([room.id for room in rooms])
        except Exception as error:
            log.warning("gap repair failed: rooms=%d error=%s", len(rooms), error)
            self.add(rooms)
            return False
        # A room that tells on meanwhile is compared as it was before the database was asked.
        behind = [room for room, stand in stood.items() if stands.get(room.id) != stand]
        return all(await asyncio.gather(*map(self._catch_up, behind)))

    async def _catch_up(self, room: Room) -> bool:
        try:
            await room.refresh()
        except Exception as error:
            log_failure(room.id, error)
            self.add([room])
            return False
        return True
