"""The lock of a single process on PostgreSQL: its own old session is ended, another's is named."""

import asyncio
from typing import Any

import pytest
from roomcast.store import rooms
from roomcast.store.diagnostics.database import diagnose
from roomcast.store.messages import Add, Added
from roomcast.store.postgres import process_lock
from roomcast.store.store import Connection, DatabaseInUse, DatabaseUnavailable, Store

from ..engines.postgres import Postgres


async def room_in(store: Store) -> int:
    async def made(db: Connection) -> int:
        return (await rooms.open_(db, "1", ["1", "2"], "", "", 1)).room.id

    return await store.write(made)


async def test_an_old_session_of_this_process_is_ended(postgres: Postgres) -> None:
    """As after a break of the line that PostgreSQL has not noticed."""
    store = Store(postgres.create_database())
    await store.open()
    room = await room_in(store)
    committer = store.engine.committer  # type: ignore[attr-defined]
    lost: Any = committer.connection
    process = lost.raw_connection.get_server_pid()
    committer.connection = None
    outcomes, *_ = await store.commit([Add(room, "1", "one")], {})
    assert isinstance(outcomes[0], Added)
    assert postgres.execute("select array_agg(pid) from pg_stat_activity").count(process) == 0
    await store.aclose()


async def test_a_lock_that_another_process_took_is_an_outage_for_who_runs(
    postgres: Postgres,
) -> None:
    url = postgres.create_database()
    store, other = Store(url), Store(url)
    await store.open()
    room = await room_in(store)
    await store.engine.committer.drop()  # type: ignore[attr-defined]
    await asyncio.sleep(0)
    await other.open()
    with pytest.raises(DatabaseUnavailable, match="in use by another roomcast process"):
        await store.commit([Add(room, "1", "one")], {})
    await other.aclose()
    outcomes, *_ = await store.commit([Add(room, "1", "one")], {})
    assert isinstance(outcomes[0], Added)
    await store.aclose()


async def test_a_start_waits_and_says_for_whom(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process_lock, "START_CHECK_INTERVAL", 0.01)
    url = postgres.create_database()
    first, second = Store(url), Store(url, start_timeout=20)
    await first.open()
    with pytest.raises(DatabaseInUse, match=r"It is roomcast at 127\.0\.0\.1, process"):
        await Store(url).open()
    waits = asyncio.create_task(second.open())
    async with asyncio.timeout(10):
        while "The start waits." not in caplog.text:
            await asyncio.wait([waits], timeout=0.01)
    found = {f.name: f async for f in diagnose(url, alone=True)}
    assert "works on it alone: roomcast at 127.0.0.1" in found["in use"].sentence
    await first.aclose()
    async with asyncio.timeout(10):
        await waits
    await second.aclose()


async def test_a_lost_machine_is_given_up_after_half_a_minute(postgres: Postgres) -> None:
    store = Store(postgres.create_database())
    await store.open()
    names = "tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count"

    async def shown(db: Connection) -> list[str]:
        found = [await db.fetch_val(f"SHOW {name}") for name in (*names, "tcp_user_timeout")]
        return [str(value) for value in found]

    assert await store.write(shown) == ["10", "5", "4", "30000"]
    await store.aclose()
