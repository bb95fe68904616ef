"""What a room tells its sockets of statuses: once each, in order, and only of what went out."""

import pytest
from roomcast.protocol import codec, events
from roomcast.protocol.errors import Close, Closing
from roomcast.protocol.events import MessageEdited
from roomcast.realtime import unread_buffer
from roomcast.realtime.connections import RoomSocket
from roomcast.realtime.events import Change, OldMessage, RoomEvent, pack
from roomcast.realtime.reader import GapTooLarge, MissedChanges, retry_delays
from roomcast.realtime.room import REPAIR_WRITE_SIZE, Room
from roomcast.realtime.send_queue import Batch

from ..inside import ADA, BOB, EVE, Marks, Recorded, Rows, as_of, deliver, enter, line, room_of

NOBODY: Marks = {ADA: (0, 0), BOB: (0, 0)}
DELIVERED, READ = "mark_message_as_delivered", "mark_message_as_read"


async def a_room(source: Rows, version: int = 0, marks: Marks = NOBODY) -> Room:
    room = room_of(1, source)
    await room.wait_for_snapshot(as_of(version, marks, version))
    return room


async def test_marks_of_forgotten_and_of_remembered_messages_are_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unread_buffer, "MAX_UNREAD_MESSAGES", 2)
    sent = [(1, BOB), *((id_, ADA) for id_ in range(2, 7)), (7, BOB)]
    source = Rows([OldMessage(*one, line(*one)) for one in sent])
    room = await a_room(source)
    _, ada = enter(room, ADA, is_manual=True)
    for one in sent:
        await deliver(room, one)
    unread = room.statuses.unread
    assert unread.incomplete_upto > 1  # ada's are forgotten, bob's first is kept and just as old
    assert unread.last_sent_status(BOB, 1) == "send"
    for upto in ((1, 0), (1, 1), (7, 1), (7, 7)):
        for user in (ADA, BOB):
            await deliver(room, marks={user: upto})
    for id_, _ in sent:
        assert ada.types_about(id_) == ["chat_message", DELIVERED, READ], id_


async def test_one_event_that_passes_messages_of_two_senders_marks_each_once() -> None:
    source = Rows([OldMessage(1, BOB, line(1, BOB)), OldMessage(2, ADA, line(2, ADA))])
    room = await a_room(source, 2)
    _, ada = enter(room, ADA, is_manual=True)
    await deliver(room, (3, ADA), (4, BOB))
    source.older += [OldMessage(3, ADA, line(3, ADA)), OldMessage(4, BOB, line(4, BOB))]
    await deliver(room, marks={ADA: (4, 4), BOB: (4, 4)})
    assert [ada.types_about(id_) for id_ in (1, 2)] == [[DELIVERED, READ]] * 2
    assert [ada.types_about(id_) for id_ in (3, 4)] == [["chat_message", DELIVERED, READ]] * 2


async def test_what_waits_for_a_slow_reader_is_not_marked_until_it_went_out() -> None:
    source = Rows()
    room = await a_room(source)
    _, bob = enter(room, BOB)
    bob.waits = True
    await deliver(room, (1, ADA))
    assert source.marks == {}
    bob.on_drained()
    assert source.marks == {BOB: (1, 1)}


async def test_a_slow_readers_own_message_does_not_hide_what_he_is_owed() -> None:
    source = Rows()
    room = await a_room(source)
    _, bob = enter(room, BOB)
    bob.waits = True
    await deliver(room, (1, ADA))
    await deliver(room, (2, BOB))
    bob.on_drained()
    assert source.marks == {BOB: (1, 1)}


async def test_what_waits_at_joining_is_not_marked_until_it_went_out() -> None:
    source = Rows()
    room = await a_room(source)
    bob = Recorded()
    bob.waits = True
    socket = RoomSocket(BOB, bob, is_manual=False, is_compact=False)
    room.connections.start_buffering(socket)
    await deliver(room, (1, ADA))
    room.activate(socket, b"{}", above=0, top=0)
    assert source.marks == {}
    bob.on_drained()
    assert source.marks == {BOB: (1, 1)}


async def test_what_a_room_remembers_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread_buffer, "MAX_UNREAD_SIZE", 3 * len(line(1, ADA)))
    source = Rows()
    room = await a_room(source)
    _, bob = enter(room, BOB, is_manual=True)
    for id_ in range(1, 9):
        await deliver(room, (id_, ADA))
        source.older.append(OldMessage(id_, ADA, line(id_, ADA)))
    unread = room.statuses.unread
    assert 0 < len(unread) < 8
    assert unread.size <= unread_buffer.MAX_UNREAD_SIZE
    await deliver(room, marks={BOB: (8, 8)})
    for id_ in range(1, 9):  # those that were forgotten too, from the database
        assert bob.types_about(id_) == ["chat_message", DELIVERED, READ]
    assert unread.size == 0


async def test_admission_to_compact_receipts_tells_only_of_those_who_have_something() -> None:
    room = await a_room(Rows(), 0, NOBODY | {EVE: (0, 0)})
    bob = Recorded()
    socket = RoomSocket(BOB, bob, is_manual=True, is_compact=True)
    room.connections.start_buffering(socket)
    await deliver(room, (1, ADA), marks={EVE: (1, 0), ADA: (1, 1)})
    room.activate(socket, b"{}", above=0, top=0)
    receipts = [frame for frame in bob.frames if frame.get("type") == "receipt"]
    assert receipts == [{"type": "receipt", "room_id": 1, "user_id": 3, "delivered": 1, "read": 0}]


async def test_an_edit_that_was_held_back_comes_after_the_marks_of_what_it_edits() -> None:
    room = await a_room(Rows())
    ada = Recorded()
    socket = RoomSocket(ADA, ada, is_manual=True, is_compact=False)
    room.connections.start_buffering(socket)
    await deliver(room, (1, ADA), marks={BOB: (1, 1)})
    await edit(room, 1, 2)
    room.activate(socket, b"{}", above=0, top=0)
    assert ada.types_about(1) == ["chat_message", DELIVERED, READ, "message_edited"]
    assert ada.frames[-1]["message"]["status"] == "read"


async def test_an_edit_in_the_same_event_says_no_more_than_was_told_before_it() -> None:
    room = await a_room(Rows())
    _, ada = enter(room, ADA, is_manual=True)
    await deliver(room, marks={BOB: (1, 1)})  # who joins reads what is stored and not told yet
    changes = [Change(1, 1, ADA, "sent"), Change(2, 1, ADA, "edited")]
    frames = [line(1, ADA), edited(1, 2)]
    await room.on_event(pack(RoomEvent(1, 2, changes, frames=frames)))
    assert ada.types_about(1) == ["chat_message", "message_edited", DELIVERED, READ]
    assert ada.frames[1]["message"]["status"] == "send"


async def test_a_gap_told_as_sent_is_an_edit_to_who_has_the_message_already() -> None:
    class Ahead(Rows):
        async def load_changes_since(
            self, room_id: int, version: int, top: int
        ) -> MissedChanges | None:
            return MissedChanges(2, 0, "", [Change(2, 1, ADA, "sent")], [line(1, ADA)], NOBODY)

    room = await a_room(Ahead())
    _, bob = enter(room, BOB, is_manual=True)
    ada = Recorded()
    socket = RoomSocket(ADA, ada, is_manual=True, is_compact=False)
    room.connections.start_buffering(socket)
    await room.repair_gap()
    room.activate(socket, b"{}", above=1, top=1)  # its snapshot has the message, before the edit
    assert bob.types_about(1) == ["chat_message"]
    assert ada.types_about(1) == ["message_edited"]
    assert ada.frames[-1]["text"] == "hi"


def edited(message_id: int, version: int) -> bytes:
    said = events.Message("edited", message_id, int(ADA), "send", "", "", [], 1, version)
    return codec.encode(MessageEdited(version, message_id, "edited", said))


async def edit(room: Room, message_id: int, version: int) -> None:
    changes = [Change(version, message_id, ADA, "edited")]
    frames = [edited(message_id, version)]
    await room.on_event(pack(RoomEvent(version, version, changes, frames=frames)))


async def test_a_gap_that_comes_before_the_first_snapshot_is_looked_into() -> None:
    class Later(Rows):
        async def load_changes_since(
            self, room_id: int, version: int, top: int
        ) -> MissedChanges | None:
            assert (version, top) == (0, 0)
            return MissedChanges(1, 0, "", [Change(1, 1, ADA, "sent")], [line(1, ADA)], NOBODY)

    room = room_of(1, Later())
    await room.repair_gap()
    assert room.sequence.version is None
    await room.wait_for_snapshot(as_of(0, NOBODY, 0))
    assert room.sequence.has(1)


# ---------------------------------------------------------------- gaps that are large


async def test_a_gap_too_large_closes_the_room_so_that_its_sockets_resume() -> None:
    class Far(Rows):
        async def load_changes_since(
            self, room_id: int, version: int, top: int
        ) -> MissedChanges | None:
            raise GapTooLarge("1001 changes")

    room = await a_room(Far())
    _, ada = enter(room, ADA)
    await room.repair_gap()
    assert ada.closed is Close.RESTART
    with pytest.raises(Closing):
        await room.wait_until_delivered(1, {})


async def test_a_repair_goes_out_in_slices_and_in_order() -> None:
    texts = {n: str(n) * 9_000 for n in range(1, 30)}

    class Behind(Rows):
        async def load_changes_since(
            self, room_id: int, version: int, top: int
        ) -> MissedChanges | None:
            changes = [Change(2 * n, n, ADA, "sent") for n in texts]
            return MissedChanges(
                59, 0, "", changes, [line(n, ADA, t) for n, t in texts.items()], NOBODY
            )

    room = await a_room(Behind())
    sizes: list[int] = []

    class Counted(Recorded):
        def put(self, batch: Batch) -> bool:
            sizes.append(batch.size)
            return super().put(batch)

    bob = Counted()
    socket = RoomSocket(BOB, bob, is_manual=True, is_compact=False)
    room.connections.start_buffering(socket)
    room.activate(socket, b"{}", above=0, top=0)
    bob.frames.clear()
    await room.repair_gap()
    assert [f["message"]["text"] for f in bob.frames] == list(texts.values())
    assert len(sizes) > 5
    assert max(sizes) < 2 * REPAIR_WRITE_SIZE
    assert room.sequence.version == 59


def test_a_failed_repair_is_tried_again_later_and_later() -> None:
    delays = [delay for delay, _ in zip(retry_delays(0.25), range(8), strict=False)]
    assert delays == [0.25, 0.5, 1, 2, 4, 8, 10, 10]
