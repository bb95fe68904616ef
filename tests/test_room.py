"""What a room tells its sockets of statuses: once each, in order, and only of what went out."""

import pytest
from roomcast import room as rooms
from roomcast.room import Room, Socket

from .inside import ADA, BOB, EVE, Marks, Recorded, Rows, as_of, enter, hear, line

NOBODY: Marks = {ADA: (0, 0), BOB: (0, 0)}
DELIVERED, READ = "mark_message_as_delivered", "mark_message_as_read"


async def a_room(source: Rows, version: int = 0, marks: Marks = NOBODY) -> Room:
    room = Room(1, source)
    await room.meet(as_of(version, marks, version))
    return room


async def test_marks_of_forgotten_and_of_remembered_messages_are_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rooms, "PENDING", 2)
    sent = [(1, BOB), *((id_, ADA) for id_ in range(2, 7)), (7, BOB)]
    source = Rows([(*one, line(*one)) for one in sent])
    room = await a_room(source)
    _, ada = enter(room, ADA, is_manual=True)
    for one in sent:
        await hear(room, one)
    assert room._known > 1  # ada's are forgotten, bob's first is remembered and just as old
    assert room._pending[BOB].holds(1)
    for upto in ((1, 0), (1, 1), (7, 1), (7, 7)):
        for user in (ADA, BOB):
            await hear(room, marks={user: upto})
    for id_, _ in sent:
        assert ada.told(id_) == ["chat_message", DELIVERED, READ], id_


async def test_one_event_that_passes_messages_of_two_senders_marks_each_once() -> None:
    source = Rows([(1, BOB, line(1, BOB)), (2, ADA, line(2, ADA))])
    room = await a_room(source, 2)
    _, ada = enter(room, ADA, is_manual=True)
    await hear(room, (3, ADA), (4, BOB))
    source.older += [(3, ADA, line(3, ADA)), (4, BOB, line(4, BOB))]
    await hear(room, marks={ADA: (4, 4), BOB: (4, 4)})
    assert [ada.told(id_) for id_ in (1, 2)] == [[DELIVERED, READ]] * 2
    assert [ada.told(id_) for id_ in (3, 4)] == [["chat_message", DELIVERED, READ]] * 2


async def test_what_waits_for_a_slow_reader_is_not_marked_until_it_went_out() -> None:
    source = Rows()
    room = await a_room(source)
    _, bob = enter(room, BOB)
    bob.waits = True
    await hear(room, (1, ADA))
    assert source.marks == {}
    bob.on_free()
    assert source.marks == {BOB: (1, 1)}


async def test_a_slow_readers_own_message_does_not_hide_what_he_is_owed() -> None:
    source = Rows()
    room = await a_room(source)
    _, bob = enter(room, BOB)
    bob.waits = True
    await hear(room, (1, ADA))
    await hear(room, (2, BOB))
    bob.on_free()
    assert source.marks == {BOB: (1, 1)}


async def test_what_waits_at_joining_is_not_marked_until_it_went_out() -> None:
    source = Rows()
    room = await a_room(source)
    bob = Recorded()
    bob.waits = True
    socket = Socket(BOB, bob, is_manual=False, is_compact=False)
    room.hold(socket)
    await hear(room, (1, ADA))
    room.admit(socket, b"{}", above=0)
    assert source.marks == {}
    bob.on_free()
    assert source.marks == {BOB: (1, 1)}


async def test_what_a_room_remembers_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "PENDING_SIZE", 3 * len(line(1, ADA)))
    source = Rows()
    room = await a_room(source)
    _, bob = enter(room, BOB, is_manual=True)
    for id_ in range(1, 9):
        await hear(room, (id_, ADA))
        source.older.append((id_, ADA, line(id_, ADA)))
    pending = room._pending[ADA]
    kept = [*pending.fresh, *pending.delivered]
    assert 0 < len(kept) < 8
    assert sum(len(body) for _, body in kept) == pending.size <= rooms.PENDING_SIZE
    await hear(room, marks={BOB: (8, 8)})
    for id_ in range(1, 9):  # those that were forgotten too, from the database
        assert bob.told(id_) == ["chat_message", DELIVERED, READ]
    assert pending.size == 0


async def test_what_a_room_remembers_is_counted_through_edits_and_deletions() -> None:
    pending = rooms.Pending()
    for id_, size in ((1, 10), (2, 20), (3, 30)):
        pending.add(id_, b'"status":"send"'.ljust(15 + size))
    pending.replace(1, b'"status":"send"')
    pending.replace(2, None)
    assert pending.size == 15 + 45
    assert len(list(pending.advance(1, 1))) == 2
    assert pending.size == 45
    assert len(list(pending.advance(3, 1))) == 1
    assert pending.size == 45
    assert len(list(pending.advance(3, 3))) == 1
    assert pending.size == 0


async def test_admission_to_compact_receipts_tells_only_of_those_who_have_something() -> None:
    room = await a_room(Rows(), 0, NOBODY | {EVE: (0, 0)})
    bob = Recorded()
    socket = Socket(BOB, bob, is_manual=True, is_compact=True)
    room.hold(socket)
    await hear(room, (1, ADA), marks={EVE: (1, 0), ADA: (1, 1)})
    room.admit(socket, b"{}", above=0)
    receipts = [frame for frame in bob.frames if frame.get("type") == "receipt"]
    assert receipts == [{"type": "receipt", "room_id": 1, "user_id": 3, "delivered": 1, "read": 0}]
