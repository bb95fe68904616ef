"""Blocks of messages pass a member's own, and always answer what the messages themselves say."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from roomcast.chat import room_lists
from roomcast.store import list_order, receipts, rooms, unread
from roomcast.store.maintenance import recount, retention
from roomcast.store.messages import Add, DeleteChange, message_blocks
from roomcast.store.messages.others import with_others
from roomcast.store.snapshot import Snapshot, SnapshotQuery
from roomcast.store.store import Connection, Store

USERS = ("ada", "bob", "eve")
OWN = 1_200


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = Store(database_url, "OFF")
    await store.open()
    await store.write(lambda db: rooms.open_(db, "ada", list(USERS), "", "", 1))
    yield store
    await store.aclose()


async def follow(store: Store) -> None:
    """Do what the background does."""
    for room_id in await store.read(lambda db: message_blocks.find_due(db, 0, 10)):
        while await store.write(lambda db, id_=room_id: message_blocks.extend(db, id_)):
            pass
    await store.carry_over(10)


async def say(store: Store, sender: str, count: int) -> None:
    await store.commit([Add(1, sender, "text") for _ in range(count)], {})


async def load(store: Store, query: str, **values: object) -> list[tuple[object, ...]]:
    async def work(db: Connection) -> list[tuple[object, ...]]:
        return [tuple(row._mapping.values()) for row in await db.fetch_all(query, values)]

    return await store.read(work)


async def check(store: Store, chance: random.Random) -> None:
    """Compare the answers for each member with the messages."""
    query = "SELECT id, sender_id FROM messages WHERE room_id = 1 AND deleted_at IS NULL"
    present = await load(store, query)
    marks = dict(await load(store, "SELECT user_id, read_upto FROM members"))
    found = with_others("""
        SELECT {oldest_of_others} AS oldest
          FROM members me JOIN rooms r ON r.id = me.room_id
         WHERE me.user_id = :user AND r.total > me.sent + me.seen
    """)
    for user, read in marks.items():
        others = sorted(id_ for id_, who in present if who != user and id_ > read)
        joined = await store.snapshot(SnapshotQuery(1, user, None, 1, 1))
        assert isinstance(joined, Snapshot)
        assert joined.newest == max(others, default=read)
        newest = await store.read(lambda db, me=user: unread.of_rooms(db, me, [1]))
        assert [each.id for _, each in newest.values()] == others[-1:]
        oldest = [id_ for (id_,) in await load(store, found, user=user) if id_ is not None]
        assert oldest == others[:1]
        ids = sorted(id_ for id_, _ in present)
        for upto in (*chance.sample(ids, k=min(len(ids), 5)), 2**60):
            assert await reach(store, user, upto) == max(
                (id_ for id_ in others if id_ <= upto), default=0
            )


async def reach(store: Store, user: str, upto: int) -> int:
    return await store.read(lambda db: receipts.reach(db, 1, user, upto))


async def test_whatever_happens_the_answers_are_those_of_the_messages(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_blocks, "BLOCK_SIZE", 4)
    monkeypatch.setattr(message_blocks, "BLOCKS_AT_ONCE", 2)
    chance = random.Random(7)
    for turn in range(20):
        await say(store, chance.choice(USERS), chance.randint(1, 9))
        ids = [id_ for (id_,) in await load(store, "SELECT id FROM messages ORDER BY id")]
        for id_ in chance.sample(ids, k=min(len(ids), chance.choice((0, 2, 9)))):
            await store.commit([DeleteChange(1, "ada", id_, by_site=True)], {})
        if turn % 10 == 9:
            await store.write(lambda db: retention.prune(db, 1, 2**60, 7))
        if chance.random() < 0.7:
            await follow(store)
        upto = await reach(store, user := chance.choice(USERS), chance.choice(ids))
        await store.commit([], {(1, user): (upto, upto)} if upto else {})
        await check(store, chance)
        assert await store.read(lambda db: recount.wrong(db, 1, 1)) == []
    named = await load(store, "SELECT count(*) FROM message_blocks")
    assert named[0][0] > 5
    await store.write(lambda db: recount.mend(db, 1))
    await check(store, chance)
    await follow(store)
    await check(store, chance)


async def test_a_room_stays_unread_below_many_own_messages(store: Store) -> None:
    for sender, count in (("bob", 2), ("ada", OWN), ("bob", 1)):
        await say(store, sender, count)
    for _ in range(2):  # before the background has followed, and after it
        await store.commit([], {(1, "ada"): (1, 1)})
        await follow(store)
        await store.commit([], {(1, "ada"): (2, 2)})
        behind = "SELECT is_behind FROM members WHERE user_id = 'ada'"
        assert await load(store, behind) == [(1,)]
    await store.commit([], {(1, "ada"): (OWN + 3, OWN + 3)})
    assert await load(store, behind) == [(0,)]


async def test_a_busy_room_does_not_hold_up_the_lists(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_blocks, "BLOCK_SIZE", 2)
    monkeypatch.setattr(room_lists, "UPDATE_DELAY", 0.0)
    extend = message_blocks.extend
    blocks = "SELECT upto FROM message_blocks"
    calls = 0

    async def extend_beside_sends(db: Connection, room_id: int) -> bool:
        nonlocal calls
        calls += 1
        is_more = await extend(db, room_id)
        await db.execute("UPDATE rooms SET version = version + 100 WHERE id = 1")  # due again
        return is_more

    monkeypatch.setattr(message_blocks, "extend", extend_beside_sends)
    await say(store, "ada", 3)
    lists = room_lists.RoomLists(store)
    running = asyncio.create_task(lists.run())
    async with asyncio.timeout(20):
        while await store.read(list_order.has_changes) or not await load(store, blocks):
            continue
    running.cancel()
    await asyncio.wait([running])
    assert calls == 1
    assert await load(store, blocks) == [(2,)]
