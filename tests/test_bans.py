"""Bans that change while they are being read."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from roomcast.chat.bans import Banned, Bans
from roomcast.store.bans import Ban
from roomcast.store.store import Store

FOR_GOOD = Ban(None, "")


class SlowStore(Store):
    """A store whose answers to reads may be held back."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.has_read = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def read(self, work: Any) -> Any:
        found = await super().read(work)
        self.has_read.set()
        await self.may_answer.wait()
        return found

    def hold(self) -> None:
        self.has_read.clear()
        self.may_answer.clear()


@pytest.fixture
async def store(tmp_path: Any) -> AsyncIterator[SlowStore]:
    made = SlowStore(f"sqlite:///{tmp_path}/chat.db")
    await made.open()
    yield made
    await made.aclose()


async def test_a_refresh_that_began_before_a_ban_does_not_undo_it(store: SlowStore) -> None:
    bans = Bans(store)
    store.hold()
    refresh = asyncio.create_task(bans.refresh())
    await store.has_read.wait()
    await bans.put("1", FOR_GOOD)
    check = asyncio.create_task(bans.check("1"))
    store.may_answer.set()
    with pytest.raises(Banned):
        await check
    await refresh
    with pytest.raises(Banned):
        await bans.check("1")


async def test_every_request_during_a_look_up_waits_for_it(store: SlowStore) -> None:
    bans = Bans(store)
    await bans.put("1", FOR_GOOD)
    store.hold()
    checks = [asyncio.create_task(bans.check("1")) for _ in range(3)]
    await store.has_read.wait()
    await asyncio.sleep(0)
    assert not any(check.done() for check in checks)
    store.may_answer.set()
    for check in checks:
        with pytest.raises(Banned):
            await check


async def test_a_change_during_a_look_up_is_looked_up_too(store: SlowStore) -> None:
    bans = Bans(store)
    bans.on_changed("1")
    store.hold()
    check = asyncio.create_task(bans.check("1"))
    await store.has_read.wait()  # found no ban
    await bans.put("1", FOR_GOOD)
    store.may_answer.set()
    with pytest.raises(Banned):
        await check
