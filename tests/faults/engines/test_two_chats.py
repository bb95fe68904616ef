"""Two chats on one PostgreSQL, and a broker between them that is as bad as can be.

What it does to each event, for each of the two, is chosen at random: it passes, is lost, comes
twice, waits for the next one, or comes much later. As brokers do, it says at last that some are
lost.
"""

import asyncio
import itertools
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from broadcaster import Broadcast, BroadcastBackend, Event
from hypothesis import given, settings
from hypothesis import strategies as st
from roomcast.chat.chat import ChatServices
from roomcast.chat.rooms import RoomDetails
from roomcast.chat.serializers import message_of
from roomcast.protocol import codec, events
from roomcast.protocol.errors import Close
from roomcast.protocol.events import Sync
from roomcast.protocol.ids import wire_user
from roomcast.realtime.brokers import GAP
from roomcast.realtime.connections import RoomSocket
from roomcast.realtime.room import Room
from roomcast.realtime.send_queue import Batch
from roomcast.settings import AttachmentSettings, Database, Limits, Settings
from roomcast.settings import Broadcast as Broker
from roomcast.store.messages import Add, DeleteChange, EditChange
from roomcast.store.snapshot import Snapshot, SnapshotQuery

from ...engines.postgres import Postgres
from ..history import ConnectionLog, History, Received, check

ADA, BOB = "1", "2"
EXAMPLES = 15
LIMIT = 20.0  # seconds for one of them
FAULTS = ["pass", "pass", "lose", "double", "swap", "delay"]


class Ear(BroadcastBackend):
    """One process's end of the broker."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._queue: asyncio.Queue[Event] = asyncio.Queue()
        self._swapped: list[Event] = []
        self._delayed: deque[Event] = deque()
        self.faults: Iterable[str] = iter(())

    async def connect(self) -> None: ...
    async def disconnect(self) -> None: ...
    async def subscribe(self, channel: str) -> None: ...
    async def unsubscribe(self, channel: str) -> None: ...

    async def publish(self, channel: str, message: str) -> None:
        for ear in self._hub.ears:
            if channel.startswith("room:"):
                ear.hear(Event(channel, message))

    async def next_published(self) -> Event:
        return await self._queue.get()

    def hear(self, event: Event) -> None:
        swapped, self._swapped = self._swapped, []
        match next(iter(self.faults), "pass"):
            case "pass":
                self._put(event)
            case "double":
                self._put(event, event)
            case "swap":
                self._swapped.append(event)
            case "delay":
                self._delayed.append(event)
        self._put(*swapped)
        if len(self._delayed) > 3:
            self._put(self._delayed.popleft())

    def _put(self, *events: Event) -> None:
        for event in events:
            self._queue.put_nowait(event)

    def confess(self, channel: str) -> None:
        self._put(*self._swapped, *self._delayed, Event(channel, GAP))
        self._swapped.clear()
        self._delayed.clear()


class Hub:
    def __init__(self) -> None:
        self.ears = Ear(self), Ear(self)


class Recorder:
    """An outbox that writes down what a client gets."""

    on_drained: Callable[[], None] | None = None

    def __init__(self, name: str, user_id: str) -> None:
        self.life = ConnectionLog(0)
        self.history = History(name, int(user_id), [self.life])

    def put(self, batch: Batch) -> bool:
        for text in batch.frames:
            self._hear(json.loads(text))
        return True

    def _hear(self, frame: Any) -> None:
        self.life.received.append(Received(time.time(), frame))

    def close(self, close: Close) -> None:
        raise AssertionError(close)


class World:
    """Two chats that share a database, opened once; each example has a room of its own."""

    def __init__(self, folder: Path, database: str) -> None:
        self.hub = Hub()
        self.chats = [self._chat(folder, database, ear) for ear in self.hub.ears]
        self._rooms = itertools.count()

    def _chat(self, folder: Path, database: str, ear: Ear) -> ChatServices:
        chosen = Settings(
            database=Database(url=database),
            broadcast=Broker(url="redis://127.0.0.1:1"),  # not memory: others share the database
            attachments=AttachmentSettings(url=f"file:{folder}"),
            limits=Limits(rooms_per_day=0),  # each example has a room of its own
        )
        chat = ChatServices(chosen)
        chat.hub.channels.broadcast = Broadcast(backend=ear)
        return chat

    async def open(self) -> None:
        for chat in self.chats:
            await chat.open()

    async def aclose(self) -> None:
        for chat in self.chats:
            await chat.aclose()

    async def is_true(self, faults: Sequence[list[str]], changes: Sequence[list[str]]) -> None:
        """All join and write at the same time; in the end all four have the same log."""
        context = f"example {next(self._rooms)}"
        room_id = (await self.chats[0].rooms.open(ADA, [ADA, BOB], RoomDetails(context))).room.id
        async with AsyncExitStack() as stack:
            for ear, chosen in zip(self.hub.ears, faults, strict=True):
                ear.faults = iter(chosen)
            joining = [
                stack.enter_async_context(joined(chat, room_id, user, f"{user} at {number}"))
                for number, chat in enumerate(self.chats)
                for user in (ADA, BOB)
            ]
            *recorders, _, _ = await asyncio.gather(
                *joining,
                writes(self.chats[0], room_id, ADA, changes[0]),
                writes(self.chats[1], room_id, BOB, changes[1]),
            )
            await self._comes_to_rest(room_id)
            stored, version = await self._stored(room_id)
        check([recorder.history for recorder in recorders], stored, version)
        for recorder in recorders:
            view = recorder.history.replay()
            assert all(view.rank(message_id) == 2 for message_id in view.messages)

    async def _comes_to_rest(self, room_id: int) -> None:
        """Receipts are written by those who hear: after three turns nothing more is to be heard."""
        for _ in range(3):
            for chat in self.chats:
                await chat.queue.marked()
            for ear, chat in zip(self.hub.ears, self.chats, strict=True):
                ear.confess(f"room:{room_id}")
                found = await chat.store.snapshot(SnapshotQuery(room_id, ADA, 0, 50, 1_000))
                assert not isinstance(found, str)
                async with chat.hub.room(room_id) as room:
                    await room.wait_for_snapshot(found)

    async def _stored(self, room_id: int) -> tuple[list[dict[str, Any]], int]:
        chat = self.chats[0]
        found = await chat.store.snapshot(SnapshotQuery(room_id, ADA, 0, 50, 1_000))
        assert not isinstance(found, str)
        shown = [message_of(m, chat.attachments.link("http://test")) for m in found.messages or ()]
        return json.loads(codec.encode(shown)), found.version


@asynccontextmanager
async def joined(chat: ChatServices, room_id: int, user: str, name: str) -> AsyncIterator[Recorder]:
    """As a socket joins that resumes from nothing."""
    recorder = Recorder(name, user)
    async with chat.hub.room(room_id) as room:
        socket = RoomSocket(user, recorder, is_manual=False, is_compact=False)
        room.connections.start_buffering(socket)
        found = await chat.joining.enter(
            room, SnapshotQuery(room_id, user, 0, 50, 1_000), is_manual=False
        )
        first = codec.encode(synced(chat, room, found))
        room.activate(socket, first, above=found.version, top=found.top)
        try:
            yield recorder
        finally:
            room.connections.remove(socket)


def synced(chat: ChatServices, room: Room, found: Snapshot) -> Sync:
    shown = [
        message_of(m, chat.attachments.link(""), room.statuses.status(m.sender_id, m.id))
        for m in found.messages or ()
    ]
    receipts = [events.Receipt(wire_user(u), *upto) for u, upto in room.statuses.watermarks.items()]
    return Sync("one", found.version, shown, found.deleted, receipts, found.reset)


async def writes(chat: ChatServices, room_id: int, user: str, changes: list[str]) -> None:
    mine: list[int] = []
    for number, kind in enumerate(changes):
        text = f"{user} writes {number}"
        if kind == "send" or not mine:
            added = await chat.messages.make(Add(room_id, user, text))
            mine.append(added.message.id)
        elif kind == "edit":
            await chat.messages.make(EditChange(room_id, user, mine[-1], text))
        else:
            await chat.messages.make(DeleteChange(room_id, user, mine.pop()))


CHANGES = st.lists(st.sampled_from(["send", "send", "edit", "delete"]), max_size=15)
CHOSEN = st.lists(st.sampled_from(FAULTS), max_size=60)


def test_whatever_is_done_to_their_events_both_processes_tell_the_same(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roomcast.realtime.gap_watch.REORDER_TIMEOUT", 0.02)
    with asyncio.Runner() as runner:
        world = World(tmp_path, postgres.create_database())
        runner.run(world.open())

        @settings(max_examples=EXAMPLES)
        @given(faults=st.tuples(CHOSEN, CHOSEN), changes=st.tuples(CHANGES, CHANGES))
        def holds(faults: Sequence[list[str]], changes: Sequence[list[str]]) -> None:
            runner.run(asyncio.wait_for(world.is_true(faults, changes), LIMIT))

        try:
            holds()
        finally:
            runner.run(world.aclose())
