"""An erasure goes on behind its request, and a long one delays no other."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from roomcast.chat import index_cleanup
from roomcast.chat.account import erasure as module
from roomcast.chat.account.erasure import Erasures
from roomcast.chat.index_cleanup import BUSY_SHARE, FIRST_DELAY, IndexCleanup
from roomcast.store import account, rooms
from roomcast.store.messages import Add, Change
from roomcast.store.store import Connection, Store
from roomcast.testing import chat_client

LONG_AGO = 1_000
API = "/api/v1/chat"


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


# ---------------------------------------------------------------- what the files hold


def content_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


async def test_no_file_has_a_word_of_what_was_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither as a text nor as a client_id nor in the search index."""
    monkeypatch.setattr(index_cleanup, "MIN_INTERVAL", 0)
    monkeypatch.setattr(index_cleanup, "BUSY_SHARE", 1e9)
    async with chat_client(1, folder=tmp_path) as ada:
        room = (await ada.post(f"{API}/create/", json={"second_user": 2})).json()["id"]
        path = f"{API}/rooms/{room}/messages/"
        ids = {}
        for word in ("deleted", "edited", "erased"):
            sent = {"message": f"zq{word} by ada", "client_id": f"id-{word}"}
            ids[word] = (await ada.post(path, json=sent)).json()["message_id"]
        found = await ada.get(f"{API}/search/", params={"q": "zqdeleted"})
        assert len(found.json()["results"]) == 1
        chat = ada.chat.state.chat
        await chat.store.write(partial(chat.store.finder.merge, is_first=True))
        await ada.delete(f"{path}{ids['deleted']}/")
        await ada.patch(f"{path}{ids['edited']}/", json={"text": "another text"})
        await ada.get(f"{API}/search/", params={"q": "another"})
        assert (await ada.delete(f"{API}/me/")).status_code == 204
        await chat.housekeeping.clean()
    content = content_of(tmp_path)
    for word in ids:
        assert content.count(f"zq{word}".encode()) == 0, word
        assert content.count(f"id-{word}".encode()) == 0, word


async def test_the_index_is_merged_at_most_once_in_a_while(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [FIRST_DELAY]
    monkeypatch.setattr("roomcast.chat.index_cleanup.monotonic", lambda: clock[0])
    merges: list[float] = []

    async def merge(_: Connection, *, is_first: bool) -> bool:
        if is_first:
            merges.append(clock[0])
        clock[0] += 10
        return is_first

    monkeypatch.setattr(store.finder, "merge", merge)
    monkeypatch.setattr(store.finder, "KEEPS_DELETED_WORDS", True)
    cleanup = IndexCleanup(store)
    await cleanup.run_if_due()
    assert merges == []  # nothing was deleted since the start
    cleanup.request()
    await cleanup.run_if_due()
    assert merges == [FIRST_DELAY]
    cleanup.request()
    clock[0] += 20 / BUSY_SHARE - 1
    await cleanup.run_if_due()
    assert len(merges) == 1
    clock[0] += 1
    await cleanup.run_if_due()
    assert len(merges) == 2
    clock[0] += 10 * FIRST_DELAY
    await cleanup.run_if_due()
    assert len(merges) == 2
