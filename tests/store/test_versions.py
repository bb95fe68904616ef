"""Two versions of roomcast and one database: the older one keeps working, or refuses clearly."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from roomcast.store import epoch, presence, rooms, schema
from roomcast.store.dialect import POSTGRESQL
from roomcast.store.messages import Add, Added
from roomcast.store.postgres import process_lock
from roomcast.store.presence import Process
from roomcast.store.snapshot import SnapshotQuery
from roomcast.store.store import (
    CannotOpen,
    Connection,
    DatabaseInUse,
    DatabaseUnavailable,
    Store,
)

from ..engines.postgres import Postgres
from .make_released import FOLDER

LEASE = 60_000_000  # microseconds
OLDER = "in use by an older roomcast \\(1 of its processes\\): stop it first"
NEWER = f"schema {schema.VERSION + 1} by now, this process knows {schema.VERSION}: restart it"


async def set_schema(store: Store, version: int) -> None:
    async with store.engine.writing() as db:
        await epoch.set_(db, "schema", str(version))


async def released(postgres: Postgres) -> str:
    """A database as 0.2.0 has left it."""
    url = postgres.create_database()
    connection = await asyncpg.connect(url)
    await connection.execute((FOLDER / "0.2.0.postgresql.sql").read_text())
    await connection.close()
    return url


async def run(url: str, query: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def schema_of(url: str) -> str:
    return str(await run(url, "SELECT value FROM meta WHERE name = 'schema'"))


async def lease(url: str) -> None:
    """A process of 0.2.0 works on it: its table of processes is what today's is."""
    now = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    await run(url, f"INSERT INTO processes (id, alive_until) VALUES ('a', {now} + {LEASE})")  # noqa: S608


async def test_a_newer_process_leaves_alone_what_an_older_one_works_on(postgres: Postgres) -> None:
    url = await released(postgres)
    await lease(url)
    before = await schema_of(url)
    for alone in (True, False):
        with pytest.raises(DatabaseInUse, match=OLDER):
            await Store(url, alone=alone).open()
    assert await schema_of(url) == before != str(schema.VERSION)


async def test_it_migrates_when_the_older_one_has_ended(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process_lock, "START_CHECK_INTERVAL", 0.01)
    url = await released(postgres)
    await lease(url)
    store = Store(url, start_timeout=20)
    waits = asyncio.create_task(store.open())
    async with asyncio.timeout(10):
        while "The start waits." not in caplog.text:
            await asyncio.wait([waits], timeout=0.01)
    await run(url, "UPDATE processes SET alive_until = 0")
    async with asyncio.timeout(10):
        await waits
    assert await schema_of(url) == str(schema.VERSION)
    await store.aclose()


async def test_processes_of_one_version_do_not_wait_for_each_other(postgres: Postgres) -> None:
    url = postgres.create_database()
    stores = [Store(url, alone=False) for _ in range(2)]
    await stores[0].open()
    me = Process("one", LEASE, POSTGRESQL)
    await stores[0].write(lambda db: presence.change(db, me, ["1"], []))
    await stores[1].open()
    for store in stores:
        await store.aclose()


async def test_an_older_process_stops_working_on_a_database_that_was_migrated(
    postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a pause that was longer than its lease; nothing is written by older rules."""
    caplog.set_level(logging.ERROR, "roomcast.store")
    url = postgres.create_database()
    store = Store(url, alone=False)
    await store.open()

    async def opened(db: Connection) -> int:
        return (await rooms.open_(db, "1", ["1", "2"], "", "", 1)).room.id

    room = await store.write(opened)
    await set_schema(store, schema.VERSION + 1)
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable, match=NEWER):
            await store.recognize()
    assert [record.message.count("restart it") for record in caplog.records] == [1]
    ask = SnapshotQuery(room, "1", None, 50, 1_000)
    attempts: list[Callable[[], Awaitable[Any]]] = [
        lambda: store.commit([Add(room, "1", "one")], {}),
        lambda: store.snapshot(ask),
        lambda: store.write(opened),
        lambda: store.read(opened),
        store.check,
        store.prove,
    ]
    for attempt in attempts:
        with pytest.raises(DatabaseUnavailable, match=NEWER):
            await attempt()
    await run(url, f"UPDATE meta SET value = '{schema.VERSION}' WHERE name = 'schema'")  # noqa: S608
    await store.recognize()
    outcomes, *_ = await store.commit([Add(room, "1", "one")], {})
    assert isinstance(outcomes[0], Added)
    await store.aclose()


async def test_a_database_of_a_later_version_is_refused(database_url: str) -> None:
    store = Store(database_url)
    await store.open()
    await set_schema(store, schema.VERSION + 1)
    await store.aclose()
    later = f"has schema {schema.VERSION + 1}, this roomcast knows {schema.VERSION}: install"
    with pytest.raises(CannotOpen, match=later):
        await Store(database_url).open()


async def test_a_file_is_opened_by_one_version_at_a_time(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path}/chat.db"
    store = Store(url)
    await store.open()
    with pytest.raises(DatabaseInUse, match="in use by another roomcast"):
        await Store(url).open()
    await set_schema(store, schema.VERSION + 1)
    with pytest.raises(DatabaseInUse, match="in use by another version of roomcast: stop it first"):
        await Store(url, beside=True).open()
    await store.aclose()
