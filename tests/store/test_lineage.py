"""The lineage of a database: a crash keeps its epoch, a restored copy begins another."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from roomcast.store import rooms
from roomcast.store.messages import Add, Added, EditChange
from roomcast.store.store import Store


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Store]:
    store = Store(f"sqlite:///{folder}/chat.db")
    await store.open()
    try:
        yield store
    finally:
        await store.aclose()


async def epoch_of(folder: Path) -> str:
    async with opened(folder) as store:
        return store.epoch


async def says(store: Store, text: str) -> int:
    await store.write(lambda db: rooms.open_(db, "1", ["1", "2"], "", "", 0))
    (added,), _, _ = await store.commit([Add(1, "1", text)], {})
    assert isinstance(added, Added)
    return added.message.id


def back_up(folder: Path, target: Path) -> None:
    """As an operator does while the server runs."""
    source, copy = sqlite3.connect(folder / "chat.db"), sqlite3.connect(target)
    source.backup(copy)
    source.close()
    copy.close()


def put_back(folder: Path, backup: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        (folder / f"chat.db{suffix}").unlink(missing_ok=True)
    shutil.copy(backup, folder / "chat.db")


def crashed(folder: Path) -> Path:
    """The files as they would lie there if the process died now."""
    left = folder.with_name("left")
    shutil.copytree(folder, left)
    return left


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


async def test_a_stop_and_a_start_go_on_with_the_same_life(folder: Path) -> None:
    async with opened(folder) as store:
        await says(store, "one")
        epoch = store.epoch
    assert await epoch_of(folder) == await epoch_of(folder) == epoch


async def test_a_copy_made_a_moment_before_starts_another_life(folder: Path) -> None:
    async with opened(folder) as store:
        await says(store, "one")
        back_up(folder, folder / "backup")
        await says(store, "lost")
        epoch = store.epoch
    put_back(folder, folder / "backup")
    assert await epoch_of(folder) not in ("", epoch)


async def test_receipts_and_edits_turn_the_life_too(folder: Path) -> None:
    async with opened(folder) as store:
        id_ = await says(store, "one")
        back_up(folder, folder / "edited")
        await store.commit([EditChange(1, "1", id_, "two", "")], {})
        back_up(folder, folder / "read")
        await store.commit([], {(1, "2"): (id_, id_)})
    epochs = {await epoch_of(folder)}
    for backup in ("edited", "read"):
        put_back(folder, folder / backup)
        epochs.add(await epoch_of(folder))
    assert len(epochs) == 3


async def test_the_newest_copy_is_the_same_life(folder: Path) -> None:
    async with opened(folder) as store:
        await says(store, "one")
        back_up(folder, folder / "backup")
        epoch = store.epoch
    put_back(folder, folder / "backup")
    assert await epoch_of(folder) == epoch


async def test_a_crash_goes_on_with_the_same_life(folder: Path) -> None:
    async with opened(folder) as store:
        await says(store, "one")
        await says(store, "two")
        left, epoch = crashed(folder), store.epoch
    assert await epoch_of(left) == await epoch_of(left) == epoch


async def test_a_crash_between_word_and_commit_goes_on_with_the_same_life(folder: Path) -> None:
    async with opened(folder) as store:
        await says(store, "one")
        engine: Any = store.engine
        before = engine.lineage.words()
        engine.lineage.next()  # the word of a commit that never takes place
        assert engine.lineage.words()[-1] not in before
        left, epoch = crashed(folder), store.epoch
    assert await epoch_of(left) == await epoch_of(left) == epoch


async def test_a_commit_that_failed_is_no_step_of_the_life(folder: Path) -> None:
    async with opened(folder) as store:
        await says(store, "one")
        engine: Any = store.engine
        engine.lineage.next()  # rolled back
        back_up(folder, folder / "backup")
        await says(store, "two")
        left, epoch = crashed(folder), store.epoch
    assert await epoch_of(left) == epoch == await epoch_of(folder)
    put_back(folder, folder / "backup")
    assert await epoch_of(folder) != epoch


async def test_without_its_file_of_words_a_database_starts_another_life(folder: Path) -> None:
    async with opened(folder) as store:
        await says(store, "one")
        epoch = store.epoch
    (folder / "chat.db-lineage").unlink()
    assert await epoch_of(folder) != epoch


async def test_a_start_that_failed_after_a_crash_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(folder) as store:
        await says(store, "one")
        engine: Any = store.engine
        engine.lineage.next()
        left, epoch = crashed(folder), store.epoch

    async def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("roomcast.store.schema.migrate", fails)
        with pytest.raises(Exception, match="No space left"):
            await epoch_of(left)
    assert await epoch_of(left) == epoch
