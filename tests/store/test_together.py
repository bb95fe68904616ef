"""Several processes do the same to one database at the same moment, and none of them fails."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from broadcaster import Broadcast as Broadcaster
from roomcast.chat.chat import ChatServices
from roomcast.chat.room_lists import RoomLists
from roomcast.chat.rooms import RoomDetails
from roomcast.protocol import actions
from roomcast.protocol.actions import FileUploaded
from roomcast.settings import AttachmentSettings, Broadcast, Database, Settings
from roomcast.store import blocks, members, outbox, room_words, rooms, uploads
from roomcast.store.maintenance import recount
from roomcast.store.messages import Add, Added, Repeated
from roomcast.store.outbox import Listeners
from roomcast.store.room_pages import RoomQuery
from roomcast.store.store import Connection, Store

from ..engines.postgres import Postgres, execute
from ..inside import ADA, BOB
from ..protocol.files import TEXT
from .test_migrations import old

TEN = 10
WALKED = "select sum(seq_scan) from pg_stat_user_tables"
READ = "select idx_tup_fetch from pg_stat_user_tables where relname = 'messages'"
OTHERS = "select count(*) from pg_stat_activity where application_name = 'roomcast'"
PLANS = """
    select custom_plans, generic_plans from pg_prepared_statements
     where statement like '%UPDATE' || ' members%'
"""
LEFT = """
    select (select count(*) from rooms) + (select count(*) from messages)
         + (select count(*) from attachments) + (select count(*) from uploads)
"""


async def test_ten_that_start_at_once_make_the_tables_once(postgres: Postgres) -> None:
    url = postgres.create_database()
    stores = [Store(url, alone=False) for _ in range(TEN)]
    async with asyncio.timeout(60):
        await asyncio.gather(*(store.open() for store in stores))
    assert len({(store.epoch, store.file_key) for store in stores}) == 1
    assert await execute(url, "select count(*) from meta where name = 'epoch'") == 1
    for store in stores:
        await store.aclose()


async def test_ten_that_start_at_once_on_an_earlier_schema_bring_it_up_once(
    postgres: Postgres,
) -> None:
    url = postgres.create_database()
    connection = await asyncpg.connect(url)
    for statement in old(1, "postgresql"):
        await connection.execute(statement)
    await connection.close()
    stores = [Store(url, alone=False) for _ in range(TEN)]
    async with asyncio.timeout(60):
        await asyncio.gather(*(store.open() for store in stores))
    assert len({store.epoch for store in stores}) == 1
    for store in stores:
        await store.aclose()


@pytest.fixture
async def chats(postgres: Postgres, tmp_path: Path) -> AsyncIterator[list[ChatServices]]:
    """Three processes' worth, on one database and one folder; no events are needed here."""
    chosen = Settings(
        database=Database(url=postgres.create_database()),
        broadcast=Broadcast(url="redis://127.0.0.1:1"),  # not memory: others share the database
        attachments=AttachmentSettings(url=f"file:{tmp_path}/files"),
    )
    async with AsyncExitStack() as stack:
        chats = [ChatServices(chosen) for _ in range(3)]
        for chat in chats:
            chat.hub.channels.broadcast, chat.hub.channels.backend = Broadcaster("memory://"), None
            await chat.open()
            stack.push_async_callback(chat.aclose)
        yield chats


async def test_several_that_sweep_at_once_leave_nothing_and_fail_at_nothing(
    chats: list[ChatServices], tmp_path: Path
) -> None:
    first = chats[0]
    for number in range(4):
        room = (await first.rooms.open(ADA, [ADA, BOB], RoomDetails(f"{number}"))).room.id
        file = actions.File("a.txt", len(TEXT), "text/plain")
        for _ in range(5):
            _, path = await first.attachments.offer(room, ADA, file, "http://x")
            await first.attachments.bucket.put(path, TEXT)
            await first.messages.send(room, ADA, FileUploaded(path, "look").as_send(), "")
        _, never_sent = await first.attachments.offer(room, ADA, file, "http://x")
        await first.attachments.bucket.put(never_sent, TEXT)
        await first.store.write(lambda db, key=never_sent: uploads.expire(db, [key]))
        await first.rooms.delete(room, ADA)
    for _ in range(3):
        await asyncio.gather(*(chat.housekeeping.clean() for chat in chats))
    assert await execute(first.settings.database.url, LEFT) == 0
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


# ---------------------------------------------------------------- commits of several processes


@pytest.fixture
async def stores(postgres: Postgres) -> AsyncIterator[list[Store]]:
    url = postgres.create_database()
    async with AsyncExitStack() as stack:
        opened = [Store(url, alone=False) for _ in range(3)]
        for store in opened:
            await store.open()
            stack.push_async_callback(store.aclose)
        yield opened


async def a_group(store: Store, *people: str) -> int:
    return (
        await store.write(lambda db: rooms.open_(db, people[0], list(people), "", "", 1))
    ).room.id


async def versions(store: Store, room_id: int) -> list[int]:
    """In the order of the ids."""
    query = "SELECT version FROM messages WHERE room_id = :room_id ORDER BY id"
    rows = await store.read(lambda db: db.fetch_all(query, {"room_id": room_id}))
    return [row["version"] for row in rows]


async def test_what_two_processes_store_at_once_under_one_name_is_stored_once(
    stores: list[Store],
) -> None:
    room_id = await a_group(stores[0], "1", "2", "3")
    for n in range(20):
        batches = [[Add(room_id, "1", "hi", f"n{n}"), Add(room_id, "2", "and")] for _ in stores]
        done = await asyncio.gather(
            *(store.commit(batch, {}) for store, batch in zip(stores, batches, strict=True))
        )
        named = [outcomes[0] for outcomes, _, _ in done]
        assert sorted(type(outcome).__name__ for outcome in named) == [
            "Added", "Repeated", "Repeated",
        ]  # fmt: skip
        assert len({o.message.id for o in named if isinstance(o, Added | Repeated)}) == 1
        assert all(isinstance(outcomes[1], Added) for outcomes, _, _ in done)
    assert await versions(stores[0], room_id) == list(range(1, 20 * 4 + 1))


async def test_counters_and_versions_are_exact_whatever_several_do_at_once(
    stores: list[Store],
) -> None:
    people = [str(n) for n in range(1, 5)]
    places = [await a_group(stores[0], *people) for _ in range(3)]
    places += [await a_group(stores[0], "1", other) for other in ("2", "3")]

    async def talks(store: Store, chance: random.Random) -> None:
        newest: dict[int, int] = {}
        for _ in range(150):
            adds = [
                Add(
                    chance.choice(places),
                    chance.choice(people),
                    "hi",
                    chance.choice([None, f"n{chance.randrange(10**6)}"]),
                    reply_to=chance.choice([None] * 9 + [10**9]),
                )
                for _ in range(chance.randrange(12))
            ]
            marks = {
                (room, chance.choice(people)): (upto, chance.choice([0, upto]))
                for room, upto in newest.items()
            }
            outcomes, _, _ = await store.commit(adds, marks)
            for outcome in outcomes:
                if isinstance(outcome, Added):
                    newest[outcome.message.room_id] = outcome.message.id

    async def regroups(store: Store, chance: random.Random) -> None:
        for _ in range(150):
            room_id, guest = chance.choice(places[:3]), chance.choice(people[1:])
            let_in = partial(members.add, room_id=room_id, user_id="1", guest_id=guest, most=9)
            put_out = partial(members.remove, room_id=room_id, user_id="1", other_id=guest)
            await store.write(partial(chance.choice([let_in, put_out]), now=1))
            await store.write(partial(blocks.add, user_id="1", blocked_id="2", now=1))
            await store.write(partial(blocks.remove, user_id="1", blocked_id="2"))

    work = [talks(store, random.Random(n)) for n, store in enumerate(stores)]
    await asyncio.gather(*work, regroups(stores[0], random.Random(9)))
    for room_id in places:
        stored = await versions(stores[0], room_id)
        assert len(stored) > 20
        assert stored == list(range(1, len(stored) + 1))
    assert await stores[0].read(lambda db: recount.wrong(db, places[0], places[-1])) == []


async def test_a_commit_walks_no_table_though_its_plan_was_made_when_they_were_small(
    postgres: Postgres,
) -> None:
    url = postgres.create_database()

    async def walked(commits: int) -> int:
        """How often a table is walked by who opens the database and commits so often."""
        before = await execute(url, WALKED)
        store = Store(url)
        await store.open()
        for n in range(commits):
            adds = [Add(room_id, "1", "hi", f"{n} {k}") for k in range(3)]
            outcomes, _, _ = await store.commit(adds, {(room_id, "2"): (newest, newest)})
            assert isinstance(outcomes[-1], Added)
            (alone,), _, _ = await store.commit([Add(room_id, "1", "hi", f"{n}")], {})
            assert isinstance(alone, Added)
        await store.aclose()
        while await execute(url, OTHERS):
            await execute(url, "select pg_sleep(0.01)")
        return int(await execute(url, WALKED)) - int(before)

    async with AsyncExitStack() as stack:
        store = Store(url)
        await store.open()
        stack.push_async_callback(store.aclose)
        room_id = await a_group(store, "1", "2", "3")
        (said,), _, _ = await store.commit([Add(room_id, "1", "hi")], {})
        assert isinstance(said, Added)
        newest = said.message.id
    await execute(url, "analyze")
    assert await walked(10) == await walked(0)


async def test_what_the_journal_does_is_planned_once(postgres: Postgres) -> None:
    async with AsyncExitStack() as stack:
        store = Store(postgres.create_database())
        await store.open()
        stack.push_async_callback(store.aclose)
        room_id = await a_group(store, "1", "2", "3")
        for n in range(10):
            (said,), _, _ = await store.commit([Add(room_id, "1", "hi", f"{n}")], {})
            assert isinstance(said, Added)
            upto = said.message.id, said.message.id
            await store.commit([Add(room_id, "1", "hi")] * 2, {(room_id, "2"): upto})
            await store.commit([], {(room_id, "3"): upto})
        journal = await store.engine.committer.get()  # type: ignore[attr-defined]
        plans = await journal.raw_connection.fetch(PLANS)
        assert [tuple(row) for row in plans] == [(0, 10)] * 3


async def test_a_receipt_reads_what_it_covers_though_its_plan_was_made_when_nothing_was_said(
    postgres: Postgres,
) -> None:
    url, newest = postgres.create_database(), 0
    async with AsyncExitStack() as stack:
        store = Store(url)
        await store.open()
        stack.push_async_callback(store.aclose)
        room_id = await a_group(store, "1", "2", "3")
        await execute(url, "vacuum analyze")
        for _ in range(20):
            adds = [Add(room_id, "1", "hi") for _ in range(50)]
            outcomes, _, _ = await store.commit(adds, {(room_id, "2"): (newest, newest)})
            assert isinstance(outcomes[-1], Added)
            newest = outcomes[-1].message.id
    while await execute(url, OTHERS):
        await execute(url, "select pg_sleep(0.01)")
    assert 19 * 50 <= await execute(url, READ) < 2 * 20 * 50


async def test_a_claim_of_host_events_waits_for_no_commit(stores: list[Store]) -> None:
    """The rows of a commit are locked in another order: the two would wait for each other."""
    one, two, _ = stores
    places = [await a_group(one, "1", other) for other in ("2", "3")]
    one.listeners.add(Listeners(("web",)))
    for room_id in places:
        await one.commit([Add(room_id, "1", "hi")], {})
    claims = partial(
        outbox.claim, dialect=two.dialect, names=["web"], now=2**60, until=2**61, limit=9
    )

    async def is_under_way(db: Connection) -> list[int]:
        """The claim of another process, while the first room is being written to."""
        values = {"room_id": places[0]}
        await db.execute("UPDATE outbox_rooms SET tries = 0 WHERE room_id = :room_id", values)
        return [claim.room_id for claim in await two.write(claims)]

    assert await one.write(is_under_way) == [places[1]]
    assert [claim.room_id for claim in await two.write(claims)] == [places[0]]


class Paused:
    """A connection that waits before one of its statements."""

    def __init__(self, db: Connection, before: str) -> None:
        self._db = db
        self._before = before
        self.is_there, self.may_go_on = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    async def execute(self, query: Any, values: Any = None) -> Any:
        if self._before in str(query):
            self.is_there.set()
            await self.may_go_on.wait()
        return await self._db.execute(query, values)


async def test_words_found_beside_a_deletion_of_their_room_are_no_deadlock(
    postgres: Postgres,
) -> None:
    """The one has taken the old words away and writes the new ones, the other deletes the room."""
    url = postgres.create_database()
    store, tries, paused = Store(url), [0, 0], asyncio.Queue[Paused]()
    await store.open()
    open_ = partial(
        rooms.open_, creator_id=ADA, members=[ADA, BOB], context="c", title="Garden", now=1
    )
    room = (await store.write(open_)).room.id

    async def find_words(db: Connection) -> None:
        tries[0] += 1
        paused.put_nowait(held := Paused(db, "INSERT INTO room_words"))
        await room_words.refresh(held, store.dialect, [room])  # type: ignore[arg-type]

    async def delete(db: Connection) -> bool:
        tries[1] += 1
        return await rooms.delete(db, room, ADA, 2)

    await store.write(partial(room_words.refresh, dialect=store.dialect, room_ids=[room]))
    await store.write(partial(room_words.mark_room, room_id=room))
    finding = asyncio.create_task(store.write(find_words))
    held = await paused.get()
    await held.is_there.wait()
    deleting = asyncio.create_task(store.write(delete))
    while await execute(url, "select count(*) from pg_locks where not granted") == 0:
        continue  # until the deletion waits: nothing tells of that
    held.may_go_on.set()
    await finding
    assert await deleting
    assert tries == [1, 1]
    assert await execute(url, "select count(*) from room_words") == 0
    await store.aclose()


async def test_a_list_has_the_rooms_whose_words_another_process_is_writing(
    postgres: Postgres,
) -> None:
    """The other one has taken them up and has not committed: they were left out of the answer."""
    url = postgres.create_database()
    one, two = Store(url, alone=False), Store(url, alone=False)
    await one.open()
    await two.open()
    context, opened = "listing:55", []
    for number in range(3):
        open_ = partial(
            rooms.open_, creator_id=ADA, members=[ADA, BOB], context=f"{context}:{number}",
            title="", now=number + 1,
        )  # fmt: skip
        opened.append((await one.write(open_)).room.id)
    paused = asyncio.Queue[Paused]()

    async def find_words(db: Connection) -> None:
        paused.put_nowait(held := Paused(db, "INSERT INTO room_words"))
        await room_words.refresh(held, one.dialect, opened[:2])  # type: ignore[arg-type]

    finding = asyncio.create_task(one.write(find_words))
    held = await paused.get()
    await held.is_there.wait()
    query = RoomQuery(ADA, 10, terms=(room_words.context_prefix_term(context),))
    listing = asyncio.create_task(RoomLists(two).page(query))
    while await execute(url, "select count(*) from pg_locks where not granted") == 0:
        assert not listing.done(), "the list did not wait for the words"
    held.may_go_on.set()
    await finding
    assert [room.room.id for room in (await listing).rooms] == opened[::-1]
    await one.aclose()
    await two.aclose()
