"""A send that meets a removal, and counters of those who come and go, on both engines."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from roomcast.store import blocks, members, room_list, rooms, unread
from roomcast.store.members import MembershipChange
from roomcast.store.messages import Add, Added, RefusedChange
from roomcast.store.store import Connection, Store

from ..engines.postgres import Postgres

ADA, BOB, CARL = "1", "2", "4"
WAITING = """
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@asynccontextmanager
async def a_group(url: str) -> AsyncIterator[tuple[Store, int]]:
    """Ada's room with bob and carl."""
    store = Store(url)
    await store.open()
    try:

        async def open_(db: Connection) -> int:
            return (await rooms.open_(db, ADA, [ADA, BOB, CARL], "", "", 1)).room.id

        yield store, await store.write(open_)
    finally:
        await store.aclose()


async def lock(postgres: Any, room_id: int) -> None:
    query = "UPDATE rooms SET members_version = members_version + 1 WHERE id = $1"
    await postgres.execute(query, room_id)


async def until_somebody_waits(postgres: Any) -> None:
    async with asyncio.timeout(5):
        while not await postgres.fetchval(WAITING):
            await postgres.execute("SELECT pg_sleep(0.01)")


async def test_a_send_that_waits_for_a_removal_is_refused_by_it(postgres: Postgres) -> None:
    url = postgres.create_database()
    watch, remover = await asyncpg.connect(url), await asyncpg.connect(url)
    async with a_group(url) as (store, room_id):
        marks = {(room_id, CARL): (1, 0)}
        removal = remover.transaction()
        await removal.start()
        await lock(remover, room_id)
        await remover.execute("DELETE FROM members WHERE user_id = $1", BOB)
        adds = [Add(room_id, ADA, "one"), Add(room_id, BOB, "no"), Add(room_id, ADA, "two")]
        commit = asyncio.create_task(store.commit(adds, marks))
        await until_somebody_waits(watch)
        await removal.commit()
        (one, no, two), moved, _ = await commit
        assert isinstance(one, Added)
        assert isinstance(two, Added)
        assert no == RefusedChange("not_found")
        assert (one.message.version, two.message.version) == (1, 2)
        assert (one.members_version, two.members_version) == (1, 1)
        assert [m.user_id for m in moved] == [CARL]
        counts = await watch.fetch("SELECT user_id, sent FROM members ORDER BY user_id")
        assert [tuple(row) for row in counts] == [(ADA, 2), (CARL, 0)]
        assert await watch.fetchval("SELECT total FROM rooms") == 2
    for each in (watch, remover):
        await each.close()


async def test_a_send_that_waits_for_a_block_is_refused_by_it(postgres: Postgres) -> None:
    url = postgres.create_database()
    watch, blocker = await asyncpg.connect(url), await asyncpg.connect(url)
    async with a_group(url) as (store, _):
        pair = await store.write(lambda db: rooms.open_(db, ADA, [ADA, BOB], "", "", 1))
        others_turn = blocker.transaction()
        await others_turn.start()
        await lock(blocker, pair.room.id)
        await blocker.execute("INSERT INTO blocks VALUES ($1, $2, 1)", ADA, BOB)
        adds = [Add(pair.room.id, BOB, "no"), Add(pair.room.id, ADA, "yes")]
        commit = asyncio.create_task(store.commit(adds, {}))
        await until_somebody_waits(watch)
        await others_turn.commit()
        (no, yes), _, _ = await commit
        assert no == RefusedChange("forbidden")
        assert isinstance(yes, Added)
        assert yes.message.version == 1
    for each in (watch, blocker):
        await each.close()


async def test_nobody_who_may_not_changes_the_roster(database_url: str) -> None:
    async with a_group(database_url) as (store, room_id):

        async def tries(db: Connection) -> list[MembershipChange | members.Reason]:
            return [
                await members.add(db, room_id, BOB, "9", 256, 1),
                await members.add(db, room_id, "9", "9", 256, 1),
                await members.add(db, room_id, ADA, BOB, 256, 1),
                await members.remove(db, room_id, BOB, CARL, 1),
                await members.remove(db, room_id, "9", CARL, 1),
                await rooms.change(db, room_id, BOB, rooms.RoomPatch(title="mine")),
            ]

        assert await store.write(tries) == [
            "forbidden", "not_found", MembershipChange(), "forbidden", "not_found", "forbidden",
        ]  # fmt: skip
        (sent,), _, _ = await store.commit([Add(room_id, ADA, "still the first")], {})
        assert isinstance(sent, Added)
        assert sent.members_version == 0


async def test_a_block_is_of_the_rooms_of_these_two_and_makes_them_a_new_roster(
    database_url: str,
) -> None:
    async with a_group(database_url) as (store, group):

        async def arrange(db: Connection) -> list[int]:
            pairs = [(ADA, BOB, ""), (BOB, ADA, "x"), (BOB, CARL, "")]
            opened = [await rooms.open_(db, a, [a, b], c, "", 1) for a, b, c in pairs]
            for _ in range(2):
                await blocks.add(db, ADA, BOB, 1)
            return [each.room.id for each in opened]

        here, there, elsewhere = await store.write(arrange)
        places = (here, there, elsewhere, group)
        outcomes, _, _ = await store.commit([Add(room, BOB, "hi") for room in places], {})
        assert [type(o) for o in outcomes] == [RefusedChange, RefusedChange, Added, Added]
        outcomes, _, _ = await store.commit([Add(room, ADA, "hi") for room in (here, there)], {})
        assert [o.members_version for o in outcomes if isinstance(o, Added)] == [1, 1]


async def test_a_change_says_under_which_roster_it_was_made(database_url: str) -> None:
    async with a_group(database_url) as (store, room_id):
        now = time.time_ns() // 1000
        for n, guest in enumerate(("7", "8"), 1):

            async def let_in(
                db: Connection, guest: str = guest
            ) -> MembershipChange | members.Reason:
                return await members.add(db, room_id, ADA, guest, 256, now)

            assert await store.write(let_in) == MembershipChange(n)
            (sent,), _, _ = await store.commit([Add(room_id, guest, "hello")], {})
            assert isinstance(sent, Added)
            assert sent.members_version == n


# ---------------------------------------------------------------- members of many rooms


async def test_members_of_large_rooms_are_read_some_at_a_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def open_(db: Connection) -> dict[int, list[str]]:
        opened = dict[int, list[str]]()
        for number, size in enumerate([2, 3, 5, 1, 4, 2, 3]):
            users = [f"{number}-{n}" for n in range(size)]
            opened[(await rooms.open_(db, users[0], users, f"{number}", "", 1)).room.id] = users
        return opened

    opened = await store.write(open_)
    found = await store.read(
        lambda db: unread.members(db, store.dialect, list(opened))  # by one row for each room
    )
    assert {id_: sorted(users) for id_, users in found.items()} == opened
    for at_once, rooms_at_once in ((1, 1), (2, 1), (3, 2), (4, 4), (100, 1)):
        monkeypatch.setattr(room_list, "MEMBER_BATCH", at_once)
        monkeypatch.setattr(room_list, "LARGE_ROOM_BATCH", rooms_at_once)
        people, marks = await store.read(lambda db: room_list.load_members(db, [*opened][::-1]))
        assert {id_: [p.user_id for p in all_] for id_, all_ in people.items()} == opened
        assert {id_: list(all_) for id_, all_ in marks.items()} == opened
