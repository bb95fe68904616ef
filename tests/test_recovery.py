"""Unconfirmed commits are looked up until all of them are, whatever fails meanwhile."""

import asyncio
from typing import Any

import pytest
from roomcast.chat import recovery as module
from roomcast.chat.recovery import Recovery
from roomcast.store.errors import DatabaseError, DatabaseUnavailable


class Database:
    """Answers with each of these errors once, then as it should."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    async def check(self) -> None:
        if self.errors:
            raise self.errors.pop(0)


class Rooms:
    """What the hub and the dispatcher are asked to repair."""

    def __init__(self, fails: int = 0) -> None:
        self.fails = fails
        self.found: list[set[int]] = []
        self.done = asyncio.Event()

    def note_rooms(self, room_ids: Any) -> None:
        assert room_ids

    async def publish_gaps(self, room_ids: set[int]) -> None:
        if self.fails:
            self.fails -= 1
            raise RuntimeError("a room failed")
        self.found.append(room_ids)
        self.done.set()


@pytest.mark.parametrize("fails", [0, 1])
async def test_lookups_go_on_after_any_error(fails: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECK_INTERVAL", 0.001)
    rooms: Any = Rooms(fails)
    database: Any = Database(
        DatabaseUnavailable("gone"), DatabaseError("could not serialize access"), OSError("reset")
    )
    nothing: Any = None
    recovery = Recovery(database, nothing, rooms, rooms, nothing, nothing)
    recovery.on_unconfirmed({1, 2})
    async with asyncio.timeout(5):
        await rooms.done.wait()
        assert rooms.found == [{1, 2}]
        rooms.done.clear()
        recovery.on_unconfirmed({3})
        await rooms.done.wait()
    assert rooms.found == [{1, 2}, {3}]
    await recovery.aclose()
