"""Reading what a room of this process has missed, and the delays between failed tries."""

import logging
from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from ..store.room_look import PLAIN, RoomLook
from ..store.store import DatabaseUnavailable
from .events import Change, OldMessage, Watermarks

log = logging.getLogger("roomcast.room")

FIRST_RETRY_DELAY = 1.0  # seconds until a failed comparison or repair is tried again
MAX_RETRY_DELAY = 10.0  # seconds between two tries

RoomHead = tuple[int, int, int]  # version, members_version, and the sum of all watermarks


class GapTooLarge(Exception):
    """A room missed more than a repair may read."""


class MissedChanges(Struct):
    """A room as the database has it, and the changes since a version."""

    version: int
    members_version: int
    title: str
    changes: list[Change]
    frames: list[bytes]
    watermarks: dict[str, Watermarks]
    look: RoomLook = PLAIN


class RoomReader(Protocol):
    """Reads what a room of this process has missed: see `chat/room_reader.py`."""

    async def load_changes_since(
        self, room_id: int, version: int, top: int
    ) -> MissedChanges | None:
        """Load the changes since the version; None where the room is deleted.

        Messages with ids above `top` are new. Raises GapTooLarge where that is too much for one
        repair.
        """
        ...

    async def find_heads(self, room_ids: Sequence[int]) -> dict[int, RoomHead]:
        """Find the position of each of these rooms; deleted ones are missing."""
        ...

    async def load_between(
        self, room_id: int, above: int, upto: int, most: int
    ) -> list[OldMessage]:
        """Load the newest messages of these ids, oldest first."""
        ...


def retry_delays(first: float) -> Iterator[float]:
    """Yield the seconds before each try, without an end: twice as many after each failure."""
    delay = first
    while True:
        yield delay
        delay = min(2 * delay, MAX_RETRY_DELAY)


def log_failure(room_id: int, error: Exception) -> None:
    """Log a failed repair: with its traceback, unless the database is unavailable."""
    is_unavailable = isinstance(error, DatabaseUnavailable)
    log.warning("gap repair failed: room=%d error=%s", room_id, error, exc_info=not is_unavailable)
