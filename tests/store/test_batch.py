"""What one commit makes of many texts, on both engines: who may, what is new, in which order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from roomcast.store import blocks, receipts, rooms
from roomcast.store.maintenance import recount
from roomcast.store.messages import Add, Added, Outcome, RefusedChange, Repeated
from roomcast.store.store import Connection, Store

from ..engines.postgres import Postgres

ADA, BOB, EVE = "1", "2", "3"


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        yield store


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = Store(url)
    await store.open()
    try:
        yield store
    finally:
        await store.aclose()


async def a_room(store: Store, *people: str) -> int:
    async def open_(db: Connection) -> int:
        return (await rooms.open_(db, people[0], list(people), "", "", 1)).room.id

    return await store.write(open_)


async def counters(store: Store, room_id: int) -> dict[str, Any]:
    async def look(db: Connection) -> dict[str, Any]:
        query = "SELECT user_id, sent FROM members WHERE room_id = :id"
        sent = {row["user_id"]: row["sent"] for row in await db.fetch_all(query, {"id": room_id})}
        query = "SELECT version, total FROM rooms WHERE id = :id"
        row = await db.fetch_one(query, {"id": room_id})
        assert row is not None
        return sent | {"version": row["version"], "total": row["total"]}

    return await store.read(look)


def shape(outcome: Outcome) -> tuple[str, Any]:
    match outcome:
        case Added(message) | Repeated(message):
            return type(outcome).__name__, (message.text, message.version)
        case RefusedChange(code, message_id):
            return code, message_id
        case _:
            raise AssertionError(outcome)


async def test_each_text_of_a_batch_has_an_outcome_of_its_own(store: Store) -> None:
    one, two = await a_room(store, ADA, BOB), await a_room(store, ADA, EVE)
    (first,), _, _ = await store.commit([Add(one, ADA, "first", "known")], {})
    assert isinstance(first, Added)
    outcomes, moved, _ = await store.commit(
        [
            Add(one, ADA, "a"),
            Add(one, EVE, "no member"),
            Add(two, EVE, "b"),
            Add(one, ADA, "first", "known"),
            Add(one, EVE, "first", "known"),
            Add(one, ADA, "other", "new", reply_to=10**9),
            Add(one, EVE, "no member", reply_to=first.message.id),
            Add(one, BOB, "c", "new"),
            Add(two, BOB, "no member", "new"),
            Add(two, ADA, "d"),
            Add(one, ADA, "e", reply_to=first.message.id),
        ],
        {(one, BOB): (first.message.id, 0), (one, EVE): (first.message.id, first.message.id)},
    )
    assert [shape(outcome) for outcome in outcomes] == [
        ("Added", ("a", 2)),
        ("not_found", None),
        ("Added", ("b", 1)),
        ("Repeated", ("first", 1)),
        ("not_found", None),
        ("not_found", 10**9),
        ("not_found", None),
        ("Added", ("c", 3)),
        ("not_found", None),
        ("Added", ("d", 2)),
        ("Added", ("e", 4)),
    ]
    assert [(m.room_id, m.user_id, m.delivered) for m in moved] == [(one, BOB, first.message.id)]
    assert await counters(store, one) == {ADA: 3, BOB: 1, "version": 4, "total": 4}
    assert await counters(store, two) == {ADA: 1, EVE: 1, "version": 2, "total": 2}


async def test_ids_are_those_of_the_rows(store: Store) -> None:
    one, two = await a_room(store, ADA, BOB), await a_room(store, ADA, EVE)
    said = [Add(room, ADA, f"{room} {n}") for n in range(20) for room in (two, one)]
    for batch in (said[:11], said[11:]):
        outcomes, _, _ = await store.commit(batch, {})
        ids = {o.message.id: o.message.text for o in outcomes if isinstance(o, Added)}
        assert [*ids] == sorted(ids)
        assert [*ids.values()] == [add.text for add in batch]

        async def look(db: Connection, ids: Any = ids) -> dict[int, str]:
            query = "SELECT id, text FROM messages WHERE id >= :first"
            rows = await db.fetch_all(query, {"first": min(ids)})
            return {row["id"]: row["text"] for row in rows}

        assert await store.read(look) == ids


async def test_a_marked_stranger_may_not_send(store: Store) -> None:
    room_id = await a_room(store, ADA, BOB)
    (said,), _, _ = await store.commit([Add(room_id, ADA, "hi")], {})
    assert isinstance(said, Added)
    marks = {(room_id, BOB): (said.message.id, said.message.id)}
    outcomes, moved, _ = await store.commit([Add(room_id, EVE, "I too")], marks)
    assert outcomes == [RefusedChange("not_found")]
    assert [m.user_id for m in moved] == [BOB]


async def test_who_may_not_send_holds_nobody_up(store: Store) -> None:
    pair, other = await a_room(store, ADA, BOB), await a_room(store, ADA, EVE)
    (said,), _, _ = await store.commit([Add(pair, ADA, "hi", "known")], {})
    assert isinstance(said, Added)
    await store.write(lambda db: blocks.add(db, BOB, ADA, 1))
    read = said.message.id, said.message.id
    outcomes, moved, _ = await store.commit(
        [
            Add(other, EVE, "a"),
            Add(pair, ADA, "blocked"),
            Add(pair, ADA, "hi", "known"),
            Add(pair, ADA, "something else", "known"),
            Add(pair, ADA, "blocked", "new"),
            Add(pair, BOB, "b"),
            Add(other, ADA, "c", "known"),
            Add(10**9, ADA, "nowhere"),
        ],
        {(pair, BOB): read},
    )
    assert [shape(outcome) for outcome in outcomes] == [
        ("Added", ("a", 1)),
        ("forbidden", None),
        ("Repeated", ("hi", 1)),
        ("conflict", said.message.id),
        ("forbidden", None),
        ("Added", ("b", 2)),
        ("Added", ("c", 2)),
        ("not_found", None),
    ]
    # What who has blocked the other reads stays theirs.
    assert [(m.user_id, m.delivered, m.read) for m in moved] == [(BOB, 0, 0)]
    assert await store.read(lambda db: receipts.of_member(db, pair, BOB)) == read
    assert await counters(store, pair) == {ADA: 1, BOB: 1, "version": 2, "total": 2}
    assert await store.read(lambda db: recount.wrong(db, pair, other)) == []


async def test_a_batch_of_none_that_may_send_still_moves_the_marks(store: Store) -> None:
    room_id = await a_room(store, ADA, BOB)
    (said,), _, _ = await store.commit([Add(room_id, ADA, "hi", "known")], {})
    assert isinstance(said, Added)
    marks = {(room_id, BOB): (said.message.id, 0)}
    again, moved, _ = await store.commit([Add(room_id, ADA, "hi", "known")], marks)
    assert [shape(outcome) for outcome in again] == [("Repeated", ("hi", 1))]
    assert [(m.user_id, m.delivered, m.read) for m in moved] == [(BOB, said.message.id, 0)]
    assert await counters(store, room_id) == {ADA: 1, BOB: 0, "version": 1, "total": 1}


async def test_a_unit_of_work_that_met_anothers_is_done_again(postgres: Postgres) -> None:
    store = Store(postgres.create_database())
    await store.open()
    attempts = []

    async def work(db: Connection) -> str:
        attempts.append(1)
        if len(attempts) < 3:  # as one that lost a race for a unique key
            await db.execute("INSERT INTO meta (name, value) VALUES ('schema', '')")
        return "done"

    try:
        assert await store.write(work) == "done"
    finally:
        await store.aclose()
    assert len(attempts) == 3
