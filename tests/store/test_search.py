"""Search on both engines: bounded looks that leave nothing out, and following the messages."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from roomcast.chat.search import Search
from roomcast.settings import Limits
from roomcast.store import rooms
from roomcast.store.maintenance import retention
from roomcast.store.messages import Add, Added, DeleteChange, EditChange
from roomcast.store.search import index as search
from roomcast.store.search import postgres as search_postgres
from roomcast.store.search import sqlite
from roomcast.store.search.index import IndexDelta
from roomcast.store.store import Connection, Store

from ..engines.postgres import Postgres, execute

ADA, BOB, EVE = "1", "2", "3"


async def opens(store: Store, *members: str, context: str = "") -> int:
    opened = await store.write(lambda db: rooms.open_(db, members[0], members, context, "", 1))
    return opened.room.id


async def says(store: Store, room: int, *texts: str, sender: str = ADA) -> list[int]:
    made, *_ = await store.commit([Add(room, sender, text) for text in texts], {})
    return [outcome.message.id for outcome in made if isinstance(outcome, Added)]


async def unlearned(store: Store, room: int) -> list[IndexDelta]:
    look = partial(search.load_changes, dialect=store.dialect, room_ids=[room], limit=9)
    return (await store.read(look))[0]


async def pages(store: Store, user: str, question: str, limit: int = 2) -> list[list[int]]:
    """The ids on each page."""
    found, before = [], 2**53
    looking = Search(Limits(search_page_size=limit), store)
    while True:
        page = await looking.find(user, question, before)
        found.append([message.id for message, _ in page.messages])
        if page.before is None:
            return found
        assert page.before < before
        before = page.before


@pytest.fixture(params=["named", "sorted out"])
def narrow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look goes through few messages; a user's rooms can be named, or are too many."""
    monkeypatch.setattr(search, "MAX_NAMED_ROOMS", 256 if request.param == "named" else 0)
    monkeypatch.setattr(sqlite, "MAX_WALKED_MESSAGES", 3)
    monkeypatch.setattr(search_postgres, "MAX_RANGE_HITS", 3)
    monkeypatch.setattr(search_postgres, "MAX_NAMED_ROOMS", 1)
    monkeypatch.setattr(search_postgres, "RANGE_SHIFTS", (1, 3))
    monkeypatch.setattr(search_postgres, "WIDTHS", ((1, 2), (3, 2)))
    monkeypatch.setattr(search_postgres, "TIME_BUDGET", 0)


@pytest.mark.usefixtures("narrow")
async def test_narrow_looks_find_all_of_it_in_the_end(store: Store) -> None:
    mine, others = await opens(store, ADA, BOB), await opens(store, BOB, EVE)
    also_mine = await opens(store, ADA, EVE)
    wanted = []
    for n in range(12):
        where = [mine, also_mine][n % 8 == 0]
        wanted += await says(store, where, "tea", "coffee") if n % 4 == 0 else []
        await says(store, others, *["tea"] * 3, sender=BOB)
    wanted = wanted[::2]
    found = await pages(store, ADA, "tea")
    assert [id_ for page in found for id_ in page] == wanted[::-1]
    assert not any(await pages(store, ADA, "coffee tea"))
    everything = await pages(store, BOB, "tea")
    assert sum(map(len, everything)) == 1 + 36


async def test_a_user_of_many_rooms_finds_in_all_of_them(store: Store) -> None:
    many = [await opens(store, ADA, BOB, context=str(n)) for n in range(search.MAX_NAMED_ROOMS + 2)]
    sent = [(await says(store, room, f"tea {n}"))[0] for n, room in enumerate(many[::60])]
    found = await pages(store, ADA, "tea")
    assert [id_ for page in found for id_ in page] == sent[::-1]


async def test_a_message_is_learned_again_after_each_change(store: Store) -> None:
    room = await opens(store, ADA, BOB)
    one, two = await says(store, room, "tea", "tea")
    assert await pages(store, ADA, "tea") == [[two, one], []]
    await store.commit([EditChange(room, ADA, one, "coffee"), DeleteChange(room, ADA, two)], {})
    assert await pages(store, ADA, "tea") == [[]]
    assert await pages(store, ADA, "coffee") == [[one]]
    assert await store.read(partial(search.behind, above=0, limit=9)) == []


async def test_what_another_process_has_learned_is_not_unlearned(store: Store) -> None:
    room = await opens(store, ADA, BOB)
    (one,) = await says(store, room, "tea")
    old = await unlearned(store, room)
    await store.commit([EditChange(room, ADA, one, "coffee")], {})
    assert await pages(store, ADA, "coffee") == [[one]]

    assert [of_room.room_id for of_room in old] == [room]
    learn = partial(search.learn, finder=store.finder, changes=old)
    assert await store.write(learn) == set()
    assert await pages(store, ADA, "tea") == [[]]


async def test_a_swept_room_leaves_no_words(store: Store) -> None:
    room = await opens(store, ADA, BOB)
    (one,) = await says(store, room, "tea")
    assert await pages(store, ADA, "tea") == [[one]]
    await store.write(lambda db: rooms.delete(db, room, ADA, 5))
    while await store.write(partial(rooms.sweep, limit=9)):
        pass
    assert await store.read(known) == []


async def known(db: Connection) -> list[Any]:
    return await db.fetch_all("SELECT rowid AS id FROM search")


on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@on_postgresql
async def test_search_waits_for_nobody_who_changes_a_message(store: Store) -> None:
    room = await opens(store, ADA, BOB)
    (one,) = await says(store, room, "tea")

    async def amid(db: Connection) -> None:
        await db.execute("UPDATE messages SET version = version + 1 WHERE id = :id", {"id": one})
        async with asyncio.timeout(2):
            assert await Search(Limits(), store).step([room]) == []

    await store.write(amid)
    assert len(await store.read(known)) == 1


@on_postgresql
async def test_who_takes_messages_away_waits_for_search_and_takes_their_words_too(
    store: Store, postgres: Postgres
) -> None:
    room = await opens(store, ADA, BOB)
    await says(store, room, "tea")
    news = await unlearned(store, room)
    prune = partial(retention.prune, room_id=room, before=2**60, limit=9)
    waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"

    async def learn(db: Connection) -> asyncio.Task[int]:
        assert await search.learn(db, store.finder, search.read(news)) == {room}
        taking = asyncio.create_task(store.write(prune))
        while not await execute(postgres.url, waits):
            assert not taking.done()
        return taking

    assert await (await store.write(learn)) == 1
    assert await store.read(known) == []


async def test_many_rooms_are_learned_at_once_and_none_is_left_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roomcast.chat.search.MESSAGE_BATCH", 10)
    quiet, *many = [await opens(store, ADA, BOB, context=str(n)) for n in range(25)]
    for room in many[:-1]:
        await says(store, room, "tea")
    await says(store, many[-1], *["tea"] * 12)
    following, steps = Search(Limits(), store), 0
    room_ids: Sequence[int] = [quiet, *many]
    while room_ids:
        room_ids, steps = await following.step(room_ids), steps + 1
    assert steps == 4
    assert await store.read(partial(search.behind, above=0, limit=9)) == []
    found = await pages(store, ADA, "tea")
    assert len({id_ for page in found for id_ in page}) == 23 + 12


async def test_a_room_with_very_much_to_learn_keeps_no_question_from_the_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roomcast.chat.search.MESSAGE_BATCH", 2)
    large, small = await opens(store, ADA, BOB), await opens(store, ADA, EVE)
    await says(store, large, *["tea"] * 300)
    (wanted,) = await says(store, small, "needle")
    await says(store, large, "tea")  # it is the newest
    found = await Search(Limits(), store).find(ADA, "needle", 2**53)
    assert [m.id for m, _ in found.messages] == [wanted]


async def test_more_changed_rooms_than_it_remembers_are_learned_too(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roomcast.chat.search.INDEX_DELAY", 0)
    monkeypatch.setattr("roomcast.chat.search.MAX_CHANGED_ROOMS", 3)
    first, *others = [await opens(store, ADA, BOB, context=str(n)) for n in range(6)]
    following, caught_up = Search(Limits(), store), asyncio.Event()
    step = following.step

    async def amid(room_ids: Sequence[int]) -> Sequence[int]:
        left = await step(room_ids)
        if room_ids == [first]:
            for room in others:
                await says(store, room, "tea")
            following.note(others, 5)
        if not await store.read(partial(search.behind, above=0, limit=9)):
            caught_up.set()
        return left

    monkeypatch.setattr(following, "step", amid)
    task = asyncio.create_task(following.run())
    await says(store, first, "tea")
    following.note([first], 1)
    async with asyncio.timeout(10):
        await caught_up.wait()
    task.cancel()


async def test_it_follows_by_itself(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roomcast.chat.search.INDEX_DELAY", 0)
    before, during = await opens(store, ADA, BOB), await opens(store, ADA, EVE)
    await says(store, before, *["tea"] * 250)
    following, done = Search(Limits(), store), asyncio.Queue[Sequence[int]]()
    bring_up = following.bring_up

    async def noted(room_ids: Sequence[int]) -> None:
        await bring_up(room_ids)
        done.put_nowait(room_ids)

    monkeypatch.setattr(following, "bring_up", noted)
    task = asyncio.create_task(following.run())
    assert await done.get() == [before]
    await says(store, during, "tea")
    following.note([during], 1)
    assert await done.get() == [during]
    task.cancel()
    assert await store.read(partial(search.behind, above=0, limit=9)) == []


async def test_words_that_are_deleted_or_edited_leave_the_index_at_once(store: Store) -> None:
    room = await opens(store, ADA, BOB)
    deleted, edited, kept = await says(store, room, "secret tea", "bitter tea", "tea")
    assert await pages(store, ADA, "tea", limit=5) == [[kept, edited, deleted]]
    changes = [DeleteChange(room, ADA, deleted), EditChange(room, ADA, edited, "sweet")]
    await store.commit(changes, {})
    assert [row["id"] for row in await store.read(known)] == [kept]
    assert await pages(store, ADA, "sweet") == [[edited]]


async def test_the_client_ids_of_what_is_erased_are_erased(store: Store) -> None:
    async def client_ids(db: Connection) -> list[Any]:
        rows = await db.fetch_all("SELECT client_id FROM messages ORDER BY id")
        return [row["client_id"] for row in rows]

    room = await opens(store, ADA, BOB)
    made, *_ = await store.commit([Add(room, ADA, "tea", "one"), Add(room, ADA, "tea", "two")], {})
    one, two = [outcome.message.id for outcome in made if isinstance(outcome, Added)]
    await store.commit(
        [DeleteChange(room, ADA, one), DeleteChange(room, ADA, two, is_erasure=True)], {}
    )
    assert await store.read(client_ids) == ["one", None]


async def test_a_database_whose_words_were_found_by_other_rules_is_indexed_again(
    store: Store,
) -> None:
    room = await opens(store, ADA, BOB)
    await says(store, room, "l'hôtel")
    assert await pages(store, ADA, "hotel") != [[]]
    assert await unlearned(store, room) == []

    async def by_older_rules(db: Connection) -> None:
        await db.execute("UPDATE meta SET value = '1' WHERE name = 'tokenizer'")

    await store.write(by_older_rules)
    await store.aclose()
    await store.open()
    assert len(await unlearned(store, room)) == 1
    await store.aclose()
    await store.open()
    assert await pages(store, ADA, "hotel") != [[]]
    assert await unlearned(store, room) == []
