"""No statement of the store walks a whole table, and one that is new is looked at by itself.

Each statement stands in the code as a literal: it is found there, and its engine is asked how it
would go about it. What an operation visits on the worst of data is in test_rows_visited.py.
"""

import re
import sqlite3

import asyncpg
from roomcast.store import schema
from roomcast.store.postgres.session import GENERIC_PLANS
from roomcast.store.store import Store

from ..engines.postgres import Postgres
from .statements import Statement, statements

# Tables that stay small: what waits there is taken away at once, or there are few of it.
SMALL = {
    "list_changes": "taken away every second",
    "word_changes": "taken away at once",
    "listeners": "one for each listener of the site",
    "erasures": "one for each erasure under way",
    "outbox_rooms": "one for each room with events that are not delivered",
    "processes": "one for each process",
    "meta": "ten values",
}
# Statements that walk a table or an index, and why they may.
WALKS = {
    "account.py: forget": "once for each erasure: uploads and events of the last day",
    "bans.py: current": "the bans themselves are asked for",
    "blocks.py: find_blockers": "ends at the first row: whether there is any block",
    "presence.py: _hide": "ends at the first row: whether there is any block",
    "stats.py: load": "the site asks for numbers of everything",
}
SQLITE_WALKS = {
    "listeners.py: forget": "once for each listener that is gone",
    "maintenance/retention.py: count_rooms": "once for each retention run",
    "quotas.py: forget_old": "once an hour, of the last days",
    "sqlite/commit.py: _find_silenced": "ends at the first row: whether any room is frozen",
}
POSTGRES_WALKS = {
    "list_order.py: module": "it begins with list_changes where rooms are many",
    "rooms.py: sweep": "the index of deleted rooms",
}
# Put together from parts: test_rows_visited.py runs them.
IN_PARTS = {
    "messages/message_blocks.py: module",
    "room_pages.py: _count",
    "room_pages.py: _read_places",
    "room_pages.py: _walk",
    "room_pages.py: _with_word",
    "rooms.py: _add_members",
    "rooms.py: sweep",
    "site_rooms.py: _by_age",
    "site_rooms.py: _of_ids",
    "site_rooms.py: one",
}
SCAN = re.compile(r"(?<!Bitmap )(?:Seq|Index|Only) Scan (?:Backward )?(?:using \w+ )?on (\w+)")
TABLES = re.findall(r"^create table (\w+)", schema.SCHEMA.read_text(), re.MULTILINE)


def table_of(name: str, statement: str) -> str | None:
    """The table that the name, which may be an alias, stands for, if any."""
    if name in TABLES:
        return name
    found = re.search(rf"\b({'|'.join(TABLES)})\s+(?:AS\s+)?{name}\b", statement)
    return found[1] if found else None


def sqlite_walks(db: sqlite3.Connection, statement: Statement) -> set[str]:
    """The tables that SQLite would walk."""
    text = statement.text
    names: dict[str, None] = dict.fromkeys(re.findall(r"(?<!:)[:$](\w+)", text))
    numbered = [int(number) for number in re.findall(r"\?(\d+)", text)]
    values = names or [None] * max(numbered, default=text.count("?"))
    rows = db.execute(f"EXPLAIN QUERY PLAN {text}", values).fetchall()
    walked = [re.match(r"SCAN (\w+)(?! VIRTUAL)(?:$| )", row[3]) for row in rows]
    found = {table_of(match[1], text) for match in walked if match}
    return {table for table in found if table and table not in SMALL}


def test_no_statement_walks_a_table_on_sqlite() -> None:
    walking, in_parts = {}, set()
    with sqlite3.connect(":memory:") as db:
        for made in schema.statements_of(schema.SCHEMA.read_text(), "sqlite"):
            db.execute(made)
        for statement in statements("sqlite"):
            if not statement.is_whole:
                in_parts.add(statement.place)
            elif tables := sqlite_walks(db, statement):
                walking[statement.place] = tables
    assert in_parts == IN_PARTS
    assert walking.keys() == (WALKS | SQLITE_WALKS).keys(), walking


async def postgres_walks(db: asyncpg.Connection, statement: Statement) -> set[str]:
    """The tables that PostgreSQL would walk, whatever the values."""
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"${numbers.setdefault(found[1], len(numbers) + 1)}"

    text = re.sub(r"(?<![:\w]):(\w+)", number, statement.text)
    await db.execute(f"DEALLOCATE ALL; PREPARE looked_at AS {text}")
    count = max(map(int, re.findall(r"\$(\d+)", text)), default=0)
    values = f"({', '.join(['NULL'] * count)})" if count else ""
    rows = await db.fetch(f"EXPLAIN (COSTS OFF) EXECUTE looked_at{values}")
    plan = [row[0] for row in rows]
    walked = set()
    for line, below in zip(plan, [*plan[1:], ""], strict=True):
        if found := SCAN.search(line):
            # A walk along a whole index has no condition of the index.
            walked |= {found[1]} if "Index Cond" not in below else set()
    return {table for table in walked if table in TABLES and table not in SMALL}


async def test_no_statement_walks_a_table_on_postgresql(postgres: Postgres) -> None:
    """Where it may choose, it takes an index wherever one helps."""
    url = postgres.create_database()
    store = Store(url)
    await store.open()
    await store.aclose()
    db = await asyncpg.connect(url, statement_cache_size=0)
    walking, wrong = {}, {}
    try:
        await db.execute(GENERIC_PLANS)
        for statement in statements("postgresql"):
            if not statement.is_whole:
                continue
            try:
                if tables := await postgres_walks(db, statement):
                    walking[statement.place] = tables
            except asyncpg.PostgresError as error:
                wrong[statement.place] = str(error)
    finally:
        await db.close()
    assert wrong == {}
    assert walking.keys() == (WALKS | POSTGRES_WALKS).keys(), walking
