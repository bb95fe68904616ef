"""A database of an earlier version is brought up to this one, and nothing of it is lost."""

import sqlite3
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from roomcast.store import schema
from roomcast.store.store import Store

from ..engines.postgres import Postgres
from .listing import list_rooms

SCHEMAS = Path(__file__).with_name("schemas")
OLD = [1, 2]
PEOPLE = """
    INSERT INTO meta
    VALUES ('schema', '{version}'), ('epoch', 'abc'), ('file_key', '00'), ('life', '');
    INSERT INTO rooms (id, creator_id, low_user, high_user, version, created_at, active_at)
    VALUES (1, '1', '1', '2', 6, 5, 6);
    INSERT INTO members (room_id, user_id, delivered_upto, read_upto)
    VALUES (1, '1', 0, 0), (1, '2', 2, 2);
    INSERT INTO messages (id, room_id, sender_id, text, created_at, updated_at, version, deleted_at)
    VALUES (1, 1, '1', 'one', 1, 1, 1, NULL), (2, 1, '1', '', 2, 2, 6, 2),
           (3, 1, '2', 'three', 3, 3, 3, NULL), (4, 1, '1', '', 4, 4, 7, 4),
           (5, 1, '1', 'five', 5, 5, 5, NULL);
"""
COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default
      FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2
"""
VIEWS = "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY 1"
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"


def old(version: int, dialect: schema.Dialect) -> list[str]:
    tables = (SCHEMAS / f"{version}.sql").read_text()
    return schema.statements_of(tables + PEOPLE.format(version=version), dialect) + [
        counted
        for later in range(2, version + 1)
        for counted in schema.statements_of(
            (schema.MIGRATIONS / f"{later}.sql").read_text(), dialect
        )
        if counted.strip().startswith("update")
    ]


async def unread(url: str) -> list[int]:
    """Of both users; their rooms are read as this version reads them."""
    store = Store(url)
    await store.open()
    try:
        return [room.unread for user in "12" for room in await list_rooms(store, user)]
    finally:
        await store.aclose()


def shape(path: Path) -> list[tuple[Any, ...]]:
    """Every column and index of a file of SQLite."""
    with sqlite3.connect(path) as db:
        query = """
            SELECT m.tbl_name, m.type, c.name, c.type, c."notnull", c.dflt_value, c.pk
              FROM sqlite_master m, pragma_table_info(m.name) c
             WHERE m.type = 'table' ORDER BY 1, 3
        """
        indexes = "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'index' ORDER BY 1, 2"
        views = "SELECT name, sql FROM sqlite_master WHERE type = 'view' ORDER BY 1"
        found = db.execute(query).fetchall() + db.execute(indexes).fetchall()
        return found + [(name, *sql.split()) for name, sql in db.execute(views)]


@pytest.mark.parametrize("version", OLD)
async def test_an_old_file_becomes_a_new_one(tmp_path: Path, version: int) -> None:
    with sqlite3.connect(tmp_path / "old.db") as db:
        for statement in old(version, "sqlite"):
            db.execute(statement)
    assert await unread(f"sqlite:///{tmp_path}/old.db") == [1, 1]
    assert await unread(f"sqlite:///{tmp_path}/new.db") == []
    assert shape(tmp_path / "old.db") == shape(tmp_path / "new.db")


@pytest.mark.parametrize("version", OLD)
async def test_an_old_database_of_postgresql_becomes_a_new_one(
    postgres: Postgres, version: int
) -> None:
    was, new = postgres.create_database(), postgres.create_database()
    connection = await asyncpg.connect(was)
    for statement in old(version, "postgresql"):
        await connection.execute(statement)
    assert await unread(was) == [1, 1]
    assert await unread(new) == []
    fresh = await asyncpg.connect(new)
    for query in (COLUMNS, INDEXES, VIEWS):
        assert await connection.fetch(query) == await fresh.fetch(query)
    for each in (connection, fresh):
        await each.close()
