"""Order, completeness and statuses of a room, while its broker loses, doubles and swaps events."""

import asyncio
import json
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from broadcaster import Broadcast, BroadcastBackend, Event
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from roomcast.protocol import codec
from roomcast.protocol.errors import Close, Closing
from roomcast.realtime.connections import RoomSocket
from roomcast.realtime.events import Change, Mark, RoomEvent, split
from roomcast.realtime.reader import MissedChanges
from roomcast.store import messages
from roomcast.store.messages import Add, DeleteChange, EditChange
from roomcast.store.snapshot import SnapshotQuery

from .. import inside
from ..inside import as_of

ADA, BOB = "1", "2"


class Faulty(BroadcastBackend):
    """A broker that does to each event what it is told: pass, drop, double, or hold it back."""

    def __init__(self, faults):
        self.faults = iter(faults)
        self.held = []

    async def connect(self):
        self.published = asyncio.Queue()

    async def disconnect(self): ...
    async def subscribe(self, channel): ...
    async def unsubscribe(self, channel): ...

    async def publish(self, channel, message):
        event = Event(channel, message)
        fault = next(self.faults, "pass")
        if fault == "swap":
            self.held.append(event)
            return
        for each in {"pass": [event], "double": [event, event], "drop": []}[fault] + self.held:
            await self.published.put(each)
        self.held.clear()

    async def next_published(self):
        return await self.published.get()


class Recorded:
    """An outbox whose socket never goes away."""

    is_empty = True

    def __init__(self):
        self.frames = []
        self.closed = None

    def put(self, batch):
        self.frames += [json.loads(frame) for frame in batch.frames]
        return True

    def close(self, close):
        self.closed = close


@asynccontextmanager
async def a_chat(faults=()):
    with tempfile.TemporaryDirectory() as folder:
        async with inside.a_chat(Path(folder), Broadcast(backend=Faulty(faults))) as here:
            yield here


@asynccontextmanager
async def a_socket(chat, room_id, user, **wish):
    """Joins as the consumer does; yields the recorded frames after the first."""
    async with chat.hub.room(room_id) as room:
        wants = {"is_manual": False, "is_compact": False} | wish
        socket = RoomSocket(user, Recorded(), **wants)
        room.connections.start_buffering(socket)
        ask = SnapshotQuery(room_id, user, None, 50, 1000)
        found = await chat.joining.enter(room, ask, is_manual=wants["is_manual"])
        room.activate(socket, b"[]", above=found.version, top=found.top)
        socket.send_queue.frames.clear()
        try:
            yield room, socket.send_queue
        finally:
            room.connections.remove(socket)


def versions(outbox):
    return [frame["version"] for frame in outbox.frames if "version" in frame]


def replayed(outbox):
    """What a client makes of its frames: texts by message id."""
    texts = {}
    for frame in outbox.frames:
        match frame["type"]:
            case "chat_message" | "message_edited":
                texts[frame["message"]["message_id"]] = frame["message"]["text"]
            case "message_deleted":
                texts.pop(frame["message_id"], None)
    return texts


RANK = {"send": 0, "delivered": 1, "read": 2}


def check_statuses(outbox):
    """No status goes back, and each mark is told once."""
    rank, marks = {}, []
    for frame in outbox.frames:
        if "message" in frame:
            id_, status = frame["message"]["message_id"], RANK[frame["message"]["status"]]
            assert status >= rank.get(id_, 0)
            rank[id_] = status
            if frame["type"].startswith("mark_"):
                marks.append((id_, frame["type"]))
    assert len(marks) == len(set(marks))


CHANGES = st.lists(
    st.tuples(st.sampled_from(["send", "send", "edit", "delete"]), st.sampled_from([ADA, BOB])),
    min_size=1,
    max_size=25,
)
FAULTS = st.lists(st.sampled_from(["pass", "drop", "double", "swap"]), max_size=60)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=CHANGES, faults=FAULTS)
def test_whatever_the_broker_does_every_socket_sees_the_same_log_in_order(changes, faults):
    asyncio.run(everybody_sees_all(changes, faults))


async def everybody_sees_all(changes, faults):
    async with (
        a_chat(faults) as (chat, room_id),
        a_socket(chat, room_id, ADA) as (room, ada),
        a_socket(chat, room_id, BOB, is_compact=True) as (_, bob),
    ):
        mine = {ADA: [], BOB: []}
        for n, (kind, user) in enumerate(changes):
            await make(chat, room_id, user, kind, mine, f"text {n}")
        await chat.queue.marked()
        await room.repair_gap()
        stored = await chat.store.read(lambda db: messages.between(db, room_id, 0, 2**53, 1000))
        for outbox in (ada, bob):
            seen = versions(outbox)
            assert seen == sorted(set(seen))
            assert replayed(outbox) == {m.id: m.text for m in stored}
            check_statuses(outbox)


async def make(chat, room_id, user, kind, mine, text):
    if kind == "send" or not mine[user]:
        added = await chat.messages.make(Add(room_id, user, text))
        mine[user].append(added.message.id)
    elif kind == "edit":
        await chat.messages.make(EditChange(room_id, user, mine[user][-1], text))
    else:
        await chat.messages.make(DeleteChange(room_id, user, mine[user].pop()))


@given(
    sizes=st.lists(st.integers(1, 50), max_size=12), marked=st.booleans(), most=st.integers(1, 80)
)
def test_an_event_in_parts_says_the_same(sizes, marked, most):
    changes = [Change(5 + n, n, ADA, "sent") for n in range(len(sizes))]
    lines = [b"x" * size for size in sizes]
    marks = [Mark(BOB, 1, 1, False)] if marked else []
    last = 4 + len(sizes) if sizes else 0
    parts = split(
        RoomEvent(5 if sizes else 0, last, changes, marks, members_version=7, frames=lines), most
    )
    assert {part.members_version for part in parts} == {7}
    assert [change for part in parts for change in part.changes] == changes
    assert [frame for part in parts for frame in part.frames] == lines
    assert [part.marks for part in parts] == [[]] * (len(parts) - 1) + [marks]
    for part in parts:
        assert len(part.frames) <= 1 or sum(map(len, part.frames)) <= most
        assert (part.first, part.last) == (
            (part.changes[0].version, part.changes[-1].version) if part.frames else (0, 0)
        )


async def test_a_swapped_event_is_told_in_its_place():
    async with (
        a_chat(["pass", "swap"]) as (chat, room_id),
        a_socket(chat, room_id, ADA, is_manual=True) as (room, ada),
    ):
        for text in ("one", "two", "three"):
            await chat.messages.make(Add(room_id, ADA, text))
        await room.wait_until_delivered(3, {})
        assert [f["message"]["text"] for f in ada.frames] == ["one", "two", "three"]


async def test_a_lost_last_event_is_found_by_who_waits_for_it():
    async with (
        a_chat(["drop"]) as (chat, room_id),
        a_socket(chat, room_id, ADA, is_manual=True) as (room, ada),
    ):
        await chat.messages.make(Add(room_id, ADA, "lost on the way"))
        assert not ada.frames
        await room.wait_until_delivered(1, {})
        assert [f["message"]["text"] for f in ada.frames] == ["lost on the way"]


async def test_a_join_tells_marks_of_the_newest_fifty_only():
    async with a_chat() as (chat, room_id), a_socket(chat, room_id, ADA) as (room, ada):
        for n in range(60):
            await chat.messages.make(Add(room_id, ADA, f"{n}"))
        await room.wait_until_delivered(60, {})
        ada.frames.clear()
        async with a_socket(chat, room_id, BOB):
            read = [f for f in ada.frames if f["type"] == "mark_message_as_read"]
            assert [f["message"]["text"] for f in read] == [f"{n}" for n in range(10, 60)]


async def test_messages_from_before_this_process_listened_are_marked_too():
    async with a_chat() as (chat, room_id):
        for n in range(3):
            await chat.messages.make(Add(room_id, ADA, f"{n}"))
        async with a_socket(chat, room_id, ADA) as (_, ada), a_socket(chat, room_id, BOB):
            assert [f["type"] for f in ada.frames] == [
                "mark_message_as_delivered",
                "mark_message_as_read",
            ] * 3
            assert [f["message"]["text"] for f in ada.frames[::2]] == ["0", "1", "2"]


async def test_old_messages_that_are_read_later_are_all_marked():
    async with a_chat() as (chat, room_id):
        for n in range(60):
            await chat.messages.make(Add(room_id, ADA, f"{n}"))
        async with (
            a_socket(chat, room_id, ADA) as (room, ada),
            a_socket(chat, room_id, BOB, is_manual=True),
        ):
            ada.frames.clear()
            await chat.receipts.read(room_id, BOB, 2**53 - 1)
            await chat.queue.marked()
            await room.wait_until_delivered(60, {BOB: (60, 60)})
            assert [f["message"]["text"] for f in ada.frames] == [f"{n}" for n in range(60)]
            assert {f["type"] for f in ada.frames} == {"mark_message_as_read"}


async def test_what_is_forgotten_from_memory_is_marked_from_the_database(monkeypatch):
    monkeypatch.setattr("roomcast.realtime.unread_buffer.MAX_UNREAD_MESSAGES", 2)
    async with (
        a_chat() as (chat, room_id),
        a_socket(chat, room_id, ADA, is_manual=True) as (_room, ada),
    ):
        for n in range(5):
            await chat.messages.make(Add(room_id, ADA, f"{n}"))
        async with a_socket(chat, room_id, BOB):
            read = [f for f in ada.frames if f["type"] == "mark_message_as_read"]
            assert [f["message"]["text"] for f in read] == ["0", "1", "2", "3", "4"]
            check_statuses(ada)


async def test_an_edit_and_a_deletion_before_it_is_read_change_what_the_mark_says():
    async with a_chat() as (chat, room_id), a_socket(chat, room_id, ADA) as (room, ada):
        first = (await chat.messages.make(Add(room_id, ADA, "tpyo"))).message.id
        second = (await chat.messages.make(Add(room_id, ADA, "taken back"))).message.id
        await chat.messages.make(EditChange(room_id, ADA, first, "typo"))
        await chat.messages.make(DeleteChange(room_id, ADA, second))
        await room.wait_until_delivered(4, {})
        ada.frames.clear()
        async with a_socket(chat, room_id, BOB):
            assert [f["message"]["text"] for f in ada.frames] == ["typo", "typo"]


async def test_an_edit_of_what_was_read_says_read():
    async with (
        a_chat() as (chat, room_id),
        a_socket(chat, room_id, ADA) as (room, ada),
        a_socket(chat, room_id, BOB),
    ):
        first = (await chat.messages.make(Add(room_id, ADA, "tpyo"))).message.id
        await room.wait_until_delivered(1, {BOB: (first, first)})
        await chat.messages.make(EditChange(room_id, ADA, first, "typo"))
        await room.wait_until_delivered(2, {})
        assert ada.frames[-1]["type"] == "message_edited"
        assert ada.frames[-1]["message"]["status"] == "read"


async def test_nobody_joins_a_room_that_was_deleted_meanwhile():
    async with (
        a_chat(["drop"]) as (chat, room_id),
        a_socket(chat, room_id, ADA) as (room, ada),
    ):
        await chat.rooms.delete(room_id, BOB)
        with pytest.raises(Closing) as closing:
            await room.wait_until_delivered(1, {})
        assert closing.value.close is Close.NOT_FOUND
        assert ada.frames == [{"type": "room_deleted", "room_id": room_id}]
        assert ada.closed is Close.NOT_FOUND


class Flaky:
    """A source that fails once, then knows one message."""

    def __init__(self):
        self.calls = 0

    async def load_changes_since(self, room_id, version, top):
        self.calls += 1
        if self.calls == 1:
            raise OSError("away")
        line = codec.encode({"type": "chat_message", "version": 1, "message": {"status": "send"}})
        change = Change(1, 1, ADA, "sent")
        return MissedChanges(1, 0, "", [change], [line], {ADA: (0, 0), BOB: (0, 0)})

    async def load_between(self, *span):
        return []

    def mark(self, *upto): ...


async def test_a_room_that_could_not_be_filled_is_filled_as_soon_as_it_can_be(monkeypatch):
    monkeypatch.setattr("roomcast.realtime.gap_watch.REORDER_TIMEOUT", 0.01)
    async with a_chat() as (chat, _room_id):
        chat.hub.reader = Flaky()
        async with chat.hub.room(99) as room:
            await room.wait_for_snapshot(as_of(0, {ADA: (0, 0), BOB: (0, 0)}))
            event = RoomEvent(3, 3, [Change(3, 3, ADA, "sent")], frames=[b"{}"])
            await chat.hub.publish({99: event})
            async with asyncio.timeout(5):
                while room.sequence.version != 1:
                    await room.changed.wait()
        assert chat.hub.reader.calls == 2
