"""Gap repair: one statement for many rooms, those that differ are read, none is forgotten."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from roomcast.chat.room_reader import MAX_CONCURRENT_READS
from roomcast.chat.rooms import RoomDetails
from roomcast.protocol.errors import Close
from roomcast.realtime import gap_repair as module
from roomcast.realtime.gap_repair import GapRepair
from roomcast.realtime.hub import Hub
from roomcast.realtime.reader import MissedChanges, RoomHead
from roomcast.realtime.room import Room
from roomcast.store.messages import Add
from roomcast.store.store import DatabaseUnavailable

from ..inside import ADA, BOB, Rows, a_chat, a_member, as_of, room_of, until

NOBODY = {ADA: (0, 0), BOB: (0, 0)}


class Database(Rows):
    """It has all rooms at version 1; those that are read are noted."""

    def __init__(self) -> None:
        super().__init__()
        self.version = 1
        self.asked: list[int] = []
        self.is_away = False
        self.read: list[int] = []

    async def find_heads(self, room_ids: Sequence[int]) -> dict[int, RoomHead]:
        self.asked.append(len(room_ids))
        if self.is_away:
            raise DatabaseUnavailable("away")
        return dict.fromkeys(room_ids, (self.version, 0, 0))

    async def load_changes_since(
        self, room_id: int, version: int, top: int
    ) -> MissedChanges | None:
        self.read.append(room_id)
        return MissedChanges(self.version, 0, "", [], [], dict(NOBODY))


async def a_room(source: Database, id_: int, version: int) -> Room:
    room = room_of(id_, source)
    await room.wait_for_snapshot(as_of(version, NOBODY, 0))
    return room


@asynccontextmanager
async def settling(repair: GapRepair) -> AsyncIterator[None]:
    task = asyncio.create_task(repair.run())
    try:
        async with asyncio.timeout(10):
            yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_many_are_compared_at_once_and_few_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "ROOMS_PER_COMPARISON", 100)
    source = Database()
    rooms = [await a_room(source, id_, 0 if id_ in (7, 70) else 1) for id_ in range(150)]
    repair = GapRepair(source)
    repair.request(rooms)
    async with settling(repair):
        await rooms[7].wait_until_delivered(1, {})
        await rooms[70].wait_until_delivered(1, {})
        await until(lambda: sum(source.asked) == 150)
    assert source.asked == [100, 50]
    assert source.read == [7, 70]


async def test_rooms_stay_in_doubt_while_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "FIRST_RETRY_DELAY", 0.0)
    source = Database()
    source.is_away = True
    room = await a_room(source, 1, 0)
    repair = GapRepair(source)
    repair.request([room])
    async with settling(repair):
        await until(lambda: len(source.asked) == 3)
        source.is_away = False
        await room.wait_until_delivered(1, {})


async def test_a_room_that_the_database_knows_less_of_ends() -> None:
    source = Database()
    room = await a_room(source, 1, 5)
    repair = GapRepair(source)
    repair.request([room])
    async with settling(repair):
        await until(lambda: room.close_reason is not None)
    assert room.close_reason is Close.RESTART


class Counter:
    """Reads of rooms with a gap, and how many of them there were at the same time."""

    def __init__(self, read: Callable[..., Awaitable[Any]]) -> None:
        self._read = read
        self._now = self.most = 0

    async def __call__(self, work: Any) -> Any:
        if "load_changes_since" not in getattr(work, "__qualname__", ""):
            return await self._read(work)  # of another task, such as the one that orders the lists
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            return await self._read(work)
        finally:
            self._now -= 1


async def test_after_a_gap_in_all_rooms_few_are_read_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(hub: Hub, events: object) -> None:
        """What is published goes nowhere."""

    async with a_chat(tmp_path) as (chat, _), AsyncExitStack() as stack:
        ids = [
            (await chat.rooms.open(ADA, [ADA, BOB], RoomDetails(f"{n}"))).room.id for n in range(12)
        ]
        rooms = [
            (await stack.enter_async_context(a_member(chat, id_, BOB, is_manual=True)))[0]
            for id_ in ids
        ]
        with monkeypatch.context() as away:
            away.setattr(Hub, "publish", lost)
            for id_ in ids[::2]:
                await chat.messages.make(Add(id_, ADA, "lost on the way"))
        counter = Counter(chat.store.read)
        monkeypatch.setattr(chat.store, "read", counter)
        for room in rooms:
            await chat.hub.channels.publish_gap(room.id)
        await until(lambda: all(room.sequence.has(1) for room in rooms[::2]))
    assert not rooms[1].sequence.has(1)
    assert counter.most == MAX_CONCURRENT_READS
