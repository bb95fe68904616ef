"""No work depends on who wrote or deleted what: rows are counted, on data made to be the worst.

What an operation visits is counted by the engines: PostgreSQL counts rows of tables and indexes,
SQLite steps of its machine, of which each row takes several.
"""
# ruff: noqa: S608 # no one's words but ours

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import asyncpg
import pytest
from roomcast.chat.room_lists import RoomLists
from roomcast.store import (
    account,
    blocks,
    receipts,
    room_list,
    room_words,
    rooms,
    site_rooms,
    unread,
    unread_reminders,
)
from roomcast.store.maintenance import retention
from roomcast.store.messages import (
    Add,
    DeleteChange,
    EditChange,
    HistoryQuery,
    ReactionChange,
    between,
    find,
    get,
    message_blocks,
    page,
    since,
)
from roomcast.store.room_pages import RoomQuery
from roomcast.store.room_places import RoomPlace
from roomcast.store.search import index
from roomcast.store.site_rooms import RoomFilter
from roomcast.store.snapshot import SnapshotQuery
from roomcast.store.store import Connection, Store

from ..engines.postgres import Postgres
from . import other_rows
from .other_rows import OTHER_ROWS, REASONS, Work, reads, writes
from .statements import STORE, statements

MANY = 20_000  # messages of a room, or rooms of a user
MOST_ROWS = 4_000  # of tables and indexes, in one operation on PostgreSQL
MOST_STEPS = 40_000  # of SQLite's machine; 20,000 rows are 120,000 and more
STEP = 100
ONE_WRITER, ALL_DELETED, FAR_BEHIND, TURNED_OVER, UNREAD_BELOW, UNREAD_ABOVE = range(1, 7)  # rooms

SERIES = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"


def said(room: int, sender: str, *, is_deleted: bool = False) -> str:
    """The statement by which the sender writes all these messages."""
    text, deleted_at = ("", "i") if is_deleted else ("text", "NULL")
    return f"""
        INSERT INTO messages (room_id, sender_id, text, created_at, updated_at, version, deleted_at)
        {SERIES.format(count=MANY)}
        SELECT {room}, '{sender}', '{text}', i, i, i, {deleted_at} FROM n ORDER BY i
    """


def first(room: int, sender: str) -> str:
    return f"""
        INSERT INTO messages (room_id, sender_id, text, created_at, updated_at, version)
        VALUES ({room}, '{sender}', 'first', 1, 1, 100000)
    """


READ = """
    UPDATE members SET read_upto = 9000000, delivered_upto = 9000000
     WHERE user_id <> 'behind' AND (room_id <> 2 OR user_id <> 'reader')
       AND (room_id < 5 OR user_id <> 'writer')
"""
# Who has read anything here has read all of it.
COUNTED = """
    UPDATE members
       SET sent = (SELECT count(*) FROM messages m
                    WHERE m.room_id = members.room_id AND m.sender_id = members.user_id)
     WHERE room_id < 10 AND user_id IN ('writer', 'reader', 'erased')
"""
TOTALS = """
    UPDATE rooms SET total = (SELECT count(*) FROM messages m WHERE m.room_id = rooms.id),
                     version = 20000
"""
SEEN = """
    UPDATE members SET seen = (SELECT r.total FROM rooms r WHERE r.id = members.room_id) - sent
     WHERE read_upto > 0
"""
UNREAD_DELETED = """
    UPDATE members SET unread_deleted = (SELECT r.total FROM rooms r WHERE r.id = members.room_id)
     WHERE room_id = 2 AND user_id = 'reader'
"""
VISITED = """
    SELECT sum(pg_stat_get_tuples_returned(oid) + pg_stat_get_tuples_fetched(oid))::bigint
      FROM pg_class WHERE relnamespace = current_schema()::regnamespace
"""


async def open_rooms(db: Connection) -> None:
    """Room 1 is one writer's; in room 2 all is deleted; in 3 one of 256 has read nothing.

    In rooms 5 and 6 the writer has not read one message, below all of their own or above them.
    """
    for room, users in (
        (ONE_WRITER, ["writer", "reader"]),
        (ALL_DELETED, ["writer", "reader"]),
        (FAR_BEHIND, ["writer", "behind", *(f"u{n}" for n in range(254))]),
        (TURNED_OVER, ["writer", "erased"]),
        (UNREAD_BELOW, ["writer", "reader"]),
        (UNREAD_ABOVE, ["writer", "reader"]),
    ):
        opened = await rooms.open_(db, "writer", users, str(room), "", 1)
        assert opened.room.id == room


MANY_ROOMS = (
    f"""
    INSERT INTO rooms (id, creator_id, context, created_at, active_at)
    {SERIES.format(count=MANY // 2)} SELECT 1000 + i, 'many', '', i, i FROM n
    """,
    f"""
    INSERT INTO members (room_id, user_id, listed_at, is_behind)
    {SERIES.format(count=MANY // 2)}
    SELECT 1000 + i, 'many', i, CASE WHEN i IN (7, 2007, 8007) THEN 1 ELSE 0 END FROM n
    """,
    f"""
    INSERT INTO members (room_id, user_id, listed_at, archived_at_total)
    {SERIES.format(count=MANY // 2)} SELECT 1000 + i, 'archiver', i, 0 FROM n
    """,
    f"""
    INSERT INTO members (room_id, user_id, listed_at, is_behind)
    {SERIES.format(count=MANY // 2)} SELECT 1000 + i, 'unreading', i, 1 FROM n
    """,
    *(
        f"""
        INSERT INTO room_words (room_id, user_id, word)
        {SERIES.format(count=MANY // 2)} SELECT 1000 + i, '{owner}', {word} FROM n
        """
        for owner in ("many", "")
        for word in ("'common'", "'=listing:' || i", "'rare' || i")
    ),
    """
    INSERT INTO room_counts (user_id, listed, archived)
    SELECT user_id, count(*) - count(archived_at_total), count(archived_at_total)
      FROM members WHERE room_id > 1000 GROUP BY user_id
    """,
)


FILLED = (
    first(ONE_WRITER, "reader"),
    said(ONE_WRITER, "writer"),
    said(ALL_DELETED, "writer", is_deleted=True),
    said(FAR_BEHIND, "writer"),
    said(TURNED_OVER, "erased", is_deleted=True),
    first(UNREAD_BELOW, "reader"),
    said(UNREAD_BELOW, "writer"),
    said(UNREAD_ABOVE, "writer"),
    first(UNREAD_ABOVE, "reader"),
    *(READ, COUNTED, TOTALS, SEEN, UNREAD_DELETED),
    *MANY_ROOMS,
    *other_rows.FILLED,
)


async def add_blocks(store: Store) -> None:
    """Do what the background does after each second of sends."""
    for room_id in range(1, 7):
        while await store.write(partial(message_blocks.extend, room_id=room_id)):
            pass


class Visits:
    """The functions of the store that have run, `file: function`, in whatever thread."""

    def __init__(self) -> None:
        self.functions: set[str] = set()
        self.done: set[str] = set()  # names of rows

    def note(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(f"{STORE}/"):
            file = code.co_filename.removeprefix(f"{STORE}/")
            self.functions.add(f"{file}: {code.co_name}")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """In this thread; those that begin meanwhile go on being watched."""
        before = sys.getprofile()
        sys.setprofile(self.note)
        threading.setprofile(self.note)
        try:
            yield
        finally:
            sys.setprofile(before)
            threading.setprofile(None)  # type: ignore[arg-type] # as its documentation has it


class Meter:
    """What the sessions of a store have visited so far, on SQLite."""

    dialect = "sqlite"

    def __init__(self, store: Store) -> None:
        self.store = store
        self.engine: Any = store.engine
        self.visits = Visits()
        self._steps = 0
        self.most = MOST_STEPS

    async def fill(self) -> None:
        async def work(db: Connection) -> None:
            await open_rooms(db)
            for statement in FILLED:
                await db.execute(statement)

        await self.store.write(work)
        await add_blocks(self.store)

    async def open(self) -> None:
        for held in self.engine.held:
            await held.raw_connection.set_progress_handler(self._step, STEP)

    def _step(self) -> int:
        self._steps += STEP
        return 0

    async def read(self) -> int:
        return self._steps

    async def aclose(self) -> None: ...


class PostgresMeter:
    """The same on PostgreSQL."""

    dialect = "postgresql"

    def __init__(self, store: Store, url: str) -> None:
        self.store = store
        self.engine: Any = store.engine
        self.visits = Visits()
        self._url = url
        self.most = MOST_ROWS

    async def fill(self) -> None:
        """By a session of its own, which has no timeouts."""
        self._db = await asyncpg.connect(self._url)
        await self.store.write(open_rooms)
        for statement in FILLED:
            await self._db.execute(statement)
        await add_blocks(self.store)

    async def open(self) -> None:
        await self._db.execute("ANALYZE")

    async def read(self) -> int:
        pools = self.engine.readers, self.engine.joiners, self.engine.writers
        for held in [self.engine.committer, *(each for pool in pools for each in pool.connections)]:
            if held.connection is not None:
                raw = held.connection.raw_connection
                await raw.execute("SELECT pg_stat_force_next_flush()")
        return int(await self._db.fetchval(VISITED))

    async def aclose(self) -> None:
        await self._db.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
async def worlds(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Store, Meter | PostgresMeter]]:
    """A store with the worst of data, and what counts the rows that it visits."""
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("rows")
        store = Store(f"sqlite:///{folder}/chat.db", "OFF")
        meter: Meter | PostgresMeter = Meter(store)
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.create_database()
        store = Store(url)
        meter = PostgresMeter(store, url)
    with meter.visits.watching():
        await store.open()
    await meter.fill()
    await meter.open()
    meter.visits.functions.clear()  # what the start has run no row has measured
    yield store, meter
    await meter.aclose()
    await store.aclose()


NOW = 2**50


def commits(*changes: Any, **marks: int) -> Work:
    moved = {(FAR_BEHIND, user): (upto, upto) for user, upto in marks.items()}
    return lambda store: store.commit(changes, moved)


def first_commit(**marks: int) -> Work:
    """Of a receipt that was far behind: only the first time there is something to do."""
    done = False

    async def work(store: Store) -> object:
        nonlocal done
        if done:
            return await commits(**marks)(store)
        done = True

    return work


def joins(room: int, user: str, after: int | None = None) -> Work:
    return lambda store: store.snapshot(SnapshotQuery(room, user, after, 50, 1000))


def pages(room: int, user: str, before: int = 2**60, after: int | None = None) -> Work:
    return reads(page, HistoryQuery(room, user, before, after, 50), 50)


async def everywhere(store: Store, user: str) -> object:
    return await store.read(lambda db: unread.everywhere(db, store.dialect, user))


def lists(question: str = "", user: str = "many", **query: Any) -> Work:
    async def work(store: Store) -> object:
        terms = (*room_words.terms_of(question), *query.get("terms", ()))
        wanted = RoomQuery(**{"user_id": user, "limit": 42} | query | {"terms": terms})
        return await RoomLists(store).page(wanted)

    return work


async def carry_over(store: Store) -> object:
    return await store.carry_over(100)


async def read_below(store: Store) -> object:
    """The writer reads one message of two below all of their own, and stays behind."""

    async def work(db: Connection) -> int:
        query = """
            UPDATE members SET read_upto = 0, delivered_upto = 0, is_behind = 1
             WHERE room_id = 6 AND user_id = 'writer'
        """
        await db.execute(query)
        (row,) = await db.fetch_all("SELECT min(id) AS id FROM messages WHERE room_id = 6")
        return int(row["id"])

    upto = await store.write(work)
    _, moved, _ = await store.commit([], {(UNREAD_ABOVE, "writer"): (upto, upto)})
    assert len(moved) == 1
    query = "SELECT is_behind FROM members WHERE room_id = 6 AND user_id = 'writer'"
    (row,) = await store.read(lambda db: db.fetch_all(query))
    assert row["is_behind"] == 1
    return row


async def delete_below(store: Store) -> object:
    """Delete a message that its block names."""

    async def work(db: Connection) -> int:
        query = "SELECT max(upto) AS id FROM message_blocks WHERE room_id = 5"
        (row,) = await db.fetch_all(query)
        return int(row["id"])

    id_ = await store.read(work)
    return await store.commit([DeleteChange(UNREAD_BELOW, "writer", id_, by_site=True)], {})


async def site_rooms_found(store: Store, question: str) -> object:
    wanted = RoomFilter(terms=room_words.terms_of(question))
    return await store.read(lambda db: site_rooms.page(db, store.dialect, wanted, 51))


WORST = [
    (f"{name} {user} {room}", make(room, user))
    for name, make in (
        ("join", joins),
        ("page", pages),
        ("first page", partial(pages, after=0)),
        ("reach", lambda room, user: reads(receipts.reach, room, user, 2**60)),
        ("unread", lambda room, user: reads(unread.of_rooms, user, [room])),
        ("undelivered", lambda room, user: reads(unread.undelivered, user, [room])),
        ("listed", lambda room, user: reads(room_list.of_ids, user, [room])),
        ("blocked", lambda room, user: reads(blocks.is_silenced, room, user)),
        ("own", lambda room, user: reads(account.own, user, room, 0, 500, 500)),
        ("tombstones", lambda room, user: reads(account.named_tombstones, user, room, 500)),
        ("found", lambda room, user: reads(find, room, user, "never")),
        ("message", lambda room, user: reads(get, room, user, 10_000)),
    )
    for room, user in (
        (ONE_WRITER, "writer"),
        (ONE_WRITER, "reader"),
        (ALL_DELETED, "writer"),
        (ALL_DELETED, "reader"),
        (FAR_BEHIND, "writer"),
        (FAR_BEHIND, "behind"),
        (TURNED_OVER, "writer"),
        (TURNED_OVER, "erased"),
        (UNREAD_BELOW, "writer"),
        (UNREAD_ABOVE, "writer"),
        (UNREAD_BELOW, "reader"),
    )
]
MORE = [
    ("resumed join", joins(ONE_WRITER, "reader", 19_990)),
    ("join after all was deleted", joins(ALL_DELETED, "writer", 19_990)),
    ("since", reads(since, ONE_WRITER, 19_990)),
    ("between", reads(between, ALL_DELETED, 0, 2**60, 50)),
    ("inbox", partial(everywhere, user="writer")),
    ("inbox of who has read nothing", partial(everywhere, user="reader")),
    ("reminders", writes(unread_reminders.claim_unread, 1, NOW, 10)),
    ("add", commits(Add(ONE_WRITER, "writer", "one"))),
    ("add with client_id", commits(Add(ALL_DELETED, "writer", "one", client_id="c1"))),
    ("add reply", commits(Add(FAR_BEHIND, "writer", "one", reply_to=50_000))),
    ("add two", commits(Add(ONE_WRITER, "writer", "1"), Add(FAR_BEHIND, "u1", "2"))),
    ("edit", commits(EditChange(ONE_WRITER, "writer", 9_000, "else"))),
    ("delete", commits(DeleteChange(ONE_WRITER, "writer", 9_001))),
    ("react", commits(ReactionChange(ONE_WRITER, "reader", 9_002, "👍", True, 20))),
    ("reach among own", reads(receipts.reach, UNREAD_BELOW, "writer", 90_000)),
    ("reach above own", reads(receipts.reach, UNREAD_ABOVE, "writer", 115_000)),
    ("delete below own", delete_below),
    ("receipt below own", read_below),
    ("rooms due for blocks", reads(message_blocks.find_due, 0, 100)),
    ("receipt", commits(u1=9_000_001)),
    ("receipt of all", first_commit(behind=60_001)),
    ("prune", writes(retention.prune, ONE_WRITER, 100, 50)),
    ("sweep", writes(rooms.sweep, 50)),
    ("count", reads(account.count, "writer")),
    ("carry over", carry_over),
    ("heads", reads(rooms.find_heads, [ONE_WRITER, FAR_BEHIND])),
    ("blocked members", reads(blocks.find_blocked_members, ONE_WRITER, "writer")),
    ("places", reads(account.places, "many", 0, 100)),
    ("rooms to index", reads(index.behind_of, "many", [7, 1_007, 2_000], 10)),
]


MIDDLE = RoomPlace(5_000, 6_000)
LISTS = [
    ("list", lists()),
    ("list from the middle", lists(place=MIDDLE, as_of=10_000)),
    ("list back from the middle", lists(place=MIDDLE, as_of=10_000, is_backwards=True)),
    ("list of an old cursor", lists(place=MIDDLE, as_of=9_900)),
    ("list of unread", lists(only_unread=True)),
    ("list of many unread", lists(user="unreading", only_unread=True)),
    ("archive of nothing", lists(is_archived=True)),
    ("archive of many", lists(user="archiver", is_archived=True)),
    ("list of who archived all", lists(user="archiver")),
    ("list by a common word", lists("common")),
    ("list by a beginning of many", lists("rar")),
    ("list by a rare word", lists("rare5001")),
    ("list by two words", lists("common rare5001")),
    ("list by a context", lists(terms=(room_words.context_term("listing:77"),))),
    ("list by a beginning of contexts", lists(terms=(room_words.context_prefix_term("listing"),))),
    ("site by a common word", partial(site_rooms_found, question="common")),
    ("site by a rare word", partial(site_rooms_found, question="rare5001")),
]


RUNS_UNTIL_KEPT = 14  # seven on each of two connections: PostgreSQL decides at the sixth
WORST_INBOX = partial(everywhere, user="writer")
ROWS = [*WORST, *MORE, *LISTS, *OTHER_ROWS]


@pytest.mark.parametrize(
    ("name", "work"), ROWS, ids=lambda value: value if isinstance(value, str) else ""
)
async def test_rows_visited(
    name: str, work: Work, worlds: tuple[Store, Meter | PostgresMeter]
) -> None:
    store, meter = worlds
    with meter.visits.watching():
        await work(store)  # plans are made, caches are filled
    meter.visits.done.add(name)
    before = await meter.read()
    await work(store)
    await asyncio.sleep(0)
    visited = await meter.read() - before
    assert visited <= meter.most, f"{name} visits {visited}"


@pytest.mark.parametrize(("name", "work"), [("inbox", WORST_INBOX), *LISTS[:3]])
async def test_rows_visited_when_a_plan_might_be_kept(
    name: str, work: Work, worlds: tuple[Store, Meter | PostgresMeter]
) -> None:
    store, meter = worlds
    for _ in range(RUNS_UNTIL_KEPT):
        await work(store)
    before = await meter.read()
    await work(store)
    visited = await meter.read() - before
    assert visited <= meter.most, f"{name} visits {visited}"


async def test_every_function_with_a_statement_has_a_row_or_a_reason(
    worlds: tuple[Store, Meter | PostgresMeter],
) -> None:
    store, meter = worlds
    with meter.visits.watching():
        for name, work in ROWS:
            if name not in meter.visits.done:  # this test is run alone
                await work(store)
    places = {statement.place for statement in statements(meter.dialect)}
    wanted = {place for place in places if ".py: " in place and not place.endswith(": module")}
    assert len(wanted) > 100
    assert wanted - meter.visits.functions - REASONS.keys() == set()
    everywhere = {s.place for engine in ("sqlite", "postgresql") for s in statements(engine)}
    assert REASONS.keys() <= everywhere, "a reason for a function that is gone"
