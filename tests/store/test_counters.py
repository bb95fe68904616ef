"""Counters say what the rows say, by whichever way a receipt counts what it passes."""

from collections.abc import AsyncIterator

import pytest
from roomcast.store import room_list, rooms
from roomcast.store.maintenance import recount, retention
from roomcast.store.messages import Add, DeleteChange
from roomcast.store.store import Connection, Store

MANY = 4_000
FILL = f"""
    INSERT INTO messages (room_id, sender_id, text, created_at, updated_at, version)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY})
    SELECT 1, CASE WHEN i - i / 3 * 3 = 0 THEN 'bob' ELSE 'ada' END, 'text', i, i, i
      FROM n ORDER BY i
"""  # noqa: S608 # no one's words but ours


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = Store(database_url, "OFF")
    await store.open()

    async def filled(db: Connection) -> None:
        await rooms.open_(db, "ada", ["ada", "bob", "eve"], "", "", 1)
        await db.execute(FILL)
        await db.execute("UPDATE rooms SET version = :n, total = :n", {"n": MANY})
        query = """
            UPDATE members SET sent = (SELECT count(*) FROM messages m
                                        WHERE m.sender_id = members.user_id),
                               is_behind = 1
        """
        await db.execute(query)

    await store.write(filled)
    yield store
    await store.aclose()


async def wrong(store: Store) -> list[recount.Wrong]:
    return await store.read(lambda db: recount.wrong(db, 1, 1))


async def unread(store: Store, user: str) -> int:
    return await store.read(lambda db: room_list.unread(db, 1, user))


async def test_counters_stay_right(store: Store) -> None:
    assert await wrong(store) == []
    for ids in (range(1, 40), range(1_500, 1_540), range(3_950, 4_001)):
        for id_ in ids:
            sender = "bob" if id_ % 3 == 0 else "ada"
            await store.commit([DeleteChange(1, sender, id_)], {})
    assert await wrong(store) == []
    assert await unread(store, "eve") == MANY - 39 - 40 - 51
    # Few passed; more passed than are above; as many on both sides; all; nothing more.
    for user, upto in (
        ("eve", 20), ("bob", 3_500), ("eve", 2_000), ("eve", 3_960), ("ada", 4_000), ("eve", 3_000),
    ):  # fmt: skip
        await store.commit([], {(1, user): (upto, upto)})
        assert await wrong(store) == [], (user, upto)
    both = [Add(1, "ada", "new"), DeleteChange(1, "bob", 3_000)]
    await store.commit(both, {(1, "eve"): (4_000, 4_000), (1, "bob"): (4_000, 4_000)})
    assert await wrong(store) == []
    assert await unread(store, "eve") == 1
    while await store.write(lambda db: retention.prune(db, 1, 2_000, 500)):
        assert await wrong(store) == []
    assert await unread(store, "bob") == 1
