"""An erasure goes on behind its request, and a long one delays no other."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from roomcast.chat.account import erasure as module
from roomcast.chat.account.erasure import Erasures
from roomcast.store import account, rooms
from roomcast.store.messages import Add, Change
from roomcast.store.store import Connection, Store

LONG_AGO = 1_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(f"sqlite:///{tmp_path}/chat.db", "OFF")
    await store.open()

    async def made(db: Connection) -> None:
        for users in (["1", "3"], ["2", "3"]):
            await rooms.open_(db, users[0], users, "", "", LONG_AGO)

    await store.write(made)
    await store.commit([Add(1, "1", "one"), Add(2, "2", "two")], {})
    yield store
    await store.aclose()


async def test_a_long_erasure_holds_up_neither_its_request_nor_another_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REQUEST_TIMEOUT", 0.01)
    is_free = asyncio.Event()

    async def make(change: Change) -> Any:
        if change.sender_id == "1":
            await is_free.wait()
        outcomes, *_ = await store.commit([change], {})
        return outcomes

    erasures = Erasures(store, make, single_process=True)
    keeper = asyncio.create_task(erasures.keep())
    async with asyncio.timeout(5):
        await erasures.erase("1")
        monkeypatch.setattr(module, "REQUEST_TIMEOUT", 5)
        await erasures.erase("2")
        assert await _texts(store) == {1: "one", 2: ""}
        is_free.set()
        await erasures.erase("1")
        assert await _texts(store) == {1: "", 2: ""}
    keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)


async def test_what_an_ended_process_claimed_goes_on_at_once(store: Store) -> None:
    async def claimed(db: Connection) -> None:
        await account.ask(db, "1", 2**60)
        assert await account.claim(db, "1", 2**60, 2**61) is not None

    await store.write(claimed)
    done = asyncio.Event()

    async def make(change: Change) -> Any:
        done.set()
        return await store.commit([change], {})

    keeper = asyncio.create_task(Erasures(store, make, single_process=True).keep())
    async with asyncio.timeout(5):
        await done.wait()
    keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)


async def _texts(store: Store) -> dict[int, str]:
    async def read(db: Connection) -> dict[int, str]:
        rows = await db.fetch_all("SELECT room_id, text FROM messages")
        return {row["room_id"]: row["text"] for row in rows}

    return await store.read(read)
