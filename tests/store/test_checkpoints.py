"""SQLite's write-ahead log is checkpointed by a connection of its own, soon after a commit."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from roomcast.store import rooms
from roomcast.store.messages import Add
from roomcast.store.sqlite import checkpoints
from roomcast.store.sqlite.connection import MAX_WAL_PAGES
from roomcast.store.sqlite.engine import LEAST_SPACE, Sqlite
from roomcast.store.store import Connection, DatabaseUnavailable, Store

ADA, BOB = "1", "2"


async def a_room(store: Store) -> int:
    async def open_(db: Connection) -> int:
        return (await rooms.open_(db, ADA, [ADA, BOB], "", "", 1)).room.id

    return await store.write(open_)


def texts_without_log(file: Path, to: Path) -> list[str]:
    shutil.copy(file, to)
    with closing(sqlite3.connect(to)) as db:
        return [text for (text,) in db.execute("SELECT text FROM messages ORDER BY id")]


async def test_what_is_committed_reaches_the_database_while_the_server_runs(tmp_path: Path) -> None:
    file = tmp_path / "chat.db"
    store = Store(f"sqlite:///{file}")
    await store.open()
    engine = store.engine
    assert isinstance(engine, Sqlite)
    try:
        room_id = await a_room(store)
        assert engine.checkpoints.task is not None
        await engine.checkpoints.task
        await store.commit([Add(room_id, ADA, "hello")], {})
        assert texts_without_log(file, tmp_path / "before.db") == []
        await engine.checkpoints.task
        assert texts_without_log(file, tmp_path / "after.db") == ["hello"]
    finally:
        await store.aclose()


async def test_the_writer_itself_keeps_the_log_within_its_bounds(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/chat.db", "OFF")
    await store.open()
    try:
        room_id = await a_room(store)
        pages = 0
        while pages < 3 * MAX_WAL_PAGES:
            await store.commit([Add(room_id, ADA, "x" * 4_000) for _ in range(500)], {})
            pages += 500
        log = tmp_path / "chat.db-wal"
        assert log.stat().st_size < 1.5 * MAX_WAL_PAGES * 4_096
    finally:
        await store.aclose()


async def test_a_log_that_cannot_be_moved_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(checkpoints, "CHECKPOINT_DELAY", 0.0)
    caplog.set_level("INFO", "roomcast.store")
    store = Store(f"sqlite:///{tmp_path}/chat.db", "OFF")
    await store.open()
    engine = store.engine
    assert isinstance(engine, Sqlite)
    try:
        room_id = await a_room(store)
        for is_failing in (True, True, True, False, False):
            with monkeypatch.context() as disk:
                if is_failing:
                    disk.setattr(checkpoints, "CHECKPOINT", "SELECT no_such_function()")
                await store.commit([Add(room_id, ADA, "hello")], {})
                assert engine.checkpoints.task is not None
                await engine.checkpoints.task
    finally:
        await store.aclose()
    said = [(r.levelname, r.getMessage().partition(":")[0]) for r in caplog.records]
    assert [line for line in said if "write-ahead log" in line[1]] == [
        ("WARNING", "write-ahead log grows"),
        ("INFO", "write-ahead log checkpointed again"),
    ]


async def test_a_disk_that_is_nearly_full_is_said_before_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(f"sqlite:///{tmp_path}/chat.db", "OFF")
    await store.open()
    try:
        await store.prove()
        usage = shutil.disk_usage(tmp_path)._replace(free=LEAST_SPACE - 1)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
        with pytest.raises(DatabaseUnavailable, match="nearly full: 31 MiB are free, 32 are"):
            await store.prove()
        await a_room(store)  # what fits is stored
        await store.check()
    finally:
        await store.aclose()
