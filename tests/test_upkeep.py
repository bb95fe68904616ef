"""What commands do to a whole database, on both engines: pruning, and counting anew."""

from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from roomcast.server.commands import upkeep
from roomcast.settings import Database, Settings
from roomcast.store import room_list, rooms
from roomcast.store.maintenance import recount, retention
from roomcast.store.messages import Add, Added, DeleteChange, ReactionChange
from roomcast.store.room_list import Listed
from roomcast.store.search import index
from roomcast.store.snapshot import Snapshot, SnapshotQuery
from roomcast.store.store import Connection, Store

ADA, BOB, EVE = "1", "2", "3"


def unheard(count: int) -> None:
    """Nobody looks at the progress."""


async def opens(store: Store, *members: str, context: str = "") -> int:
    opened = await store.write(lambda db: rooms.open_(db, members[0], members, context, "", 1))
    return opened.room.id


async def says(store: Store, room: int, sender: str, *ats: int) -> list[int]:
    """Messages of those times (microseconds since 1970)."""
    ids = []
    for at in ats:
        made, _ = await store.engine.commit([Add(room, sender, f"tea at {at}")], {}, at)
        assert isinstance(made[0], Added)
        ids.append(made[0].message.id)
    return ids


async def sees(store: Store, room: int, user: str) -> Listed:
    find = partial(room_list.of_ids, user_id=user, room_ids=[room])
    return (await store.read(find))[0]


async def joins(store: Store, room: int, user: str, after: int | None = None) -> Snapshot:
    found = await store.snapshot(SnapshotQuery(room, user, after, 50, 1000))
    assert isinstance(found, Snapshot)
    return found


async def prune(store: Store, room: int, before: int, limit: int = 500) -> int:
    return await store.write(partial(retention.prune, room_id=room, before=before, limit=limit))


async def wrong(store: Store) -> list[recount.Wrong]:
    return await store.read(partial(recount.wrong, first=0, last=2**53))


# ---------------------------------------------------------------- pruning


async def test_what_is_older_goes_with_all_that_hangs_on_it(store: Store) -> None:
    room = await opens(store, ADA, BOB)
    old = await says(store, room, ADA, 10, 20)
    new = await says(store, room, ADA, 30)
    await store.commit([ReactionChange(room, BOB, old[0], "👍", True, 9)], {})
    news, _ = await store.read(
        partial(index.load_changes, dialect=store.dialect, room_ids=[room], limit=9)
    )
    assert [of_room.room_id for of_room in news] == [room]
    await store.write(lambda db: index.learn(db, store.finder, index.read(news)))
    assert await prune(store, room, before=30) == 2
    assert [m.id for m in (await joins(store, room, BOB)).messages or ()] == new

    async def left(db: Connection) -> list[int]:
        tables = ("messages", "reactions", "search")
        found = [await db.fetch_one(f"SELECT count(*) AS n FROM {t}") for t in tables]  # noqa: S608
        return [row["n"] for row in found if row is not None]

    assert await store.read(left) == [1, 0, 1]
    assert await prune(store, room, before=30) == 0


async def test_a_cursor_from_before_starts_afresh_and_a_later_one_goes_on(store: Store) -> None:
    room = await opens(store, ADA, BOB)
    old = await says(store, room, ADA, 10, 20, 30)
    await store.commit([ReactionChange(room, BOB, old[1], "👍", True, 9)], {})
    await says(store, room, ADA, 40)
    before = [await joins(store, room, BOB, after) for after in range(6)]
    assert not any(found.reset for found in before)
    assert await prune(store, room, before=25) == 2
    after = [await joins(store, room, BOB, after) for after in range(6)]
    assert [found.reset for found in after] == [True, True, True, True, False, False]
    assert [len(found.messages or ()) for found in after] == [2, 2, 2, 2, 1, 0]
    assert {found.version for found in after} == {5}


async def test_a_page_that_is_known_is_not_what_is_left(store: Store) -> None:
    room = await opens(store, ADA, BOB)
    await says(store, room, ADA, 10, 20)
    found = await joins(store, room, BOB)
    known = SnapshotQuery(room, BOB, None, 50, 1000, known=(found.version, found.total))
    same = await store.snapshot(known)
    assert isinstance(same, Snapshot)
    assert same.messages is None
    await prune(store, room, before=15)
    now = await store.snapshot(known)
    assert isinstance(now, Snapshot)
    assert len(now.messages or ()) == 1


async def test_an_archived_room_stays_archived(store: Store) -> None:
    room, back = await opens(store, ADA, BOB), await opens(store, ADA, BOB, context="x")
    for each in (room, back):
        await says(store, each, BOB, 10, 20)
        archive = rooms.RoomPatch(is_archived=True)
        await store.write(partial(rooms.change, room_id=each, user_id=ADA, patch=archive))
    await says(store, back, BOB, 30)
    assert [(await sees(store, r, ADA)).is_archived for r in (room, back)] == [True, False]
    for each in (room, back):
        await prune(store, each, before=15)
    assert [(await sees(store, r, ADA)).is_archived for r in (room, back)] == [True, False]


step = st.tuples(
    st.sampled_from(["says"] * 4 + ["deletes", "reads", "prunes"]),
    st.sampled_from([ADA, BOB, EVE]),
    st.integers(0, 9),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(step, max_size=25))
async def test_counters_stay_what_the_rows_say(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, int]]
) -> None:
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('p')}/chat.db")
    await store.open()
    try:
        room = await opens(store, ADA, BOB, EVE)
        sent: list[tuple[int, str]] = []
        for at, (what, who, which) in enumerate(steps, start=1):
            if what == "says":
                sent += [(id_, who) for id_ in await says(store, room, who, at)]
            elif what == "prunes":
                await prune(store, room, before=at - which, limit=3)
            elif sent:
                id_, sender = sent[which % len(sent)]
                change = [DeleteChange(room, sender, id_)] if what == "deletes" else []
                await store.commit(change, {} if change else {(room, who): (id_, id_)})
            await agree(store, room)
    finally:
        await store.aclose()


async def agree(store: Store, room: int) -> None:
    async def count(db: Connection, user: str) -> int:
        query = """
            SELECT count(*) AS n FROM messages m JOIN members me ON me.room_id = m.room_id
             WHERE me.user_id = :user AND m.sender_id <> :user AND m.deleted_at IS NULL
               AND m.id > me.read_upto
        """
        row = await db.fetch_one(query, {"user": user})
        assert row is not None
        return int(row["n"])

    for user in (ADA, BOB, EVE):
        assert (await sees(store, room, user)).unread == await store.read(partial(count, user=user))
    assert await wrong(store) == []


# ---------------------------------------------------------------- whole databases


def chosen(url: str) -> Settings:
    return Settings(database=Database(url=url))


async def test_pruning_a_database_can_be_done_in_parts(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "MESSAGE_BATCH", 2)
    monkeypatch.setattr(upkeep, "ROOM_BATCH", 2)
    store = Store(database_url)
    await store.open()
    found = [await opens(store, ADA, BOB, context=str(n)) for n in range(5)]
    for room in found:
        await says(store, room, ADA, *range(10))
    await store.aclose()
    seen: list[int] = []
    assert await upkeep.prune(chosen(database_url), 5, seen.append, seen.append) == 25
    assert seen == [5, 2, 2, 1]
    assert await upkeep.prune(chosen(database_url), 5, unheard, unheard) == 0


async def test_wrong_counters_are_found_and_mended(database_url: str) -> None:
    store = Store(database_url)
    await store.open()
    good, bad, worse = [await opens(store, ADA, BOB, context=str(n)) for n in range(3)]
    for room in (good, bad, worse):
        await says(store, room, ADA, 1, 2, 3)

    async def spoil(db: Connection) -> None:
        await db.execute("UPDATE rooms SET total = 7 WHERE id = :id", {"id": bad})
        query = "UPDATE members SET seen = 2 WHERE room_id = :id AND user_id = '2'"
        await db.execute(query, {"id": worse})

    await store.write(spoil)
    assert (await sees(store, bad, BOB)).unread == 7
    await store.aclose()
    both: dict[str, Any] = {"expect": unheard, "done": unheard}
    for mends in (False, True):
        found = await upkeep.recount(chosen(database_url), mends=mends, **both)
        assert [(w.room_id, w.total, w.counted, w.members) for w in found] == [
            (bad, 7, 3, 0),
            (worse, 3, 3, 1),
        ]
    assert await upkeep.recount(chosen(database_url), mends=True, **both) == []
    store = Store(database_url)
    await store.open()
    assert [(await sees(store, r, BOB)).unread for r in (good, bad, worse)] == [3, 3, 3]
    await store.aclose()
