"""The interface for reading what a room has missed, and the delays between failed attempts."""

import logging
from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from ..store.room_look import PLAIN, RoomLook
from ..store.store import DatabaseUnavailable
from .events import Change, OldMessage, Watermarks

log = logging.getLogger("roomcast.room")

FIRST_RETRY_DELAY = 1.0  # seconds until a failed comparison or repair is repeated
MAX_RETRY_DELAY = 10.0  # seconds between two attempts

RoomHead = tuple[int, int, int]  # version, members_version, and the sum of all watermarks


class GapTooLarge(Exception):
    """A room missed more changes than one repair may load."""


class MissedChanges(Struct):
    """The state of a room in the database, and its changes since a version."""

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
        """Load the changes since the version; return None if the room is deleted.

        Messages with ids above `top` are new. Raises GapTooLarge if the changes are too many for
        one repair.
        """
        ...

    async def find_heads(self, room_ids: Sequence[int]) -> dict[int, RoomHead]:
        """Find the heads of these rooms; deleted rooms are left out."""
        ...

    async def load_between(
        self, room_id: int, above: int, upto: int, most: int
    ) -> list[OldMessage]:
        """Load the newest messages with above < id <= upto, at most `most`, oldest first."""
        ...


def retry_delays(first: float) -> Iterator[float]:
    """Yield the seconds before each attempt: they double up to MAX_RETRY_DELAY, without an end."""
    delay = first
    while True:
        yield delay
        delay = min(2 * delay, MAX_RETRY_DELAY)


def log_failure(room_id: int, error: Exception) -> None:
    """Log a failed repair: with its traceback, unless the database is unavailable."""
    is_unavailable = isinstance(error, DatabaseUnavailable)
    log.warning("gap repair failed: room=%d error=%s", room_id, error, exc_info=not is_unavailable)
