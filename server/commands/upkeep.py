"""Maintenance of a database by commands: one user's data, old messages, counters."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from ...chat.account.export import lines
from ...chat.attachments.service import Attachments
from ...chat.chat import ChatServices
from ...chat.text_policy import TextPolicy
from ...protocol import codec
from ...settings import Settings
from ...store import account, room_counts
from ...store.maintenance import recount as counts
from ...store.maintenance import retention
from ...store.maintenance.recount import Wrong
from ...store.room_counts import WrongCount
from ...store.sqlite.address import is_sqlite, parse_sqlite_url
from ...store.store import CannotOpen, DatabaseInUse, Store

ROOM_BATCH = 100  # rooms that are read in one step
USER_BATCH = 500  # users that are read in one step
MESSAGE_BATCH = 500  # messages that are deleted in one transaction
PROGRESS_INTERVAL = 0.2  # seconds between two queries for the progress of a server
PROGRESS_TIMEOUT = 30.0  # seconds without progress after which the command gives up

Count = Callable[[int], None]


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Store]:
    """Open the store without publishing; a server may run meanwhile, also on SQLite."""
    refuse_nothing(settings)
    database = settings.database
    store = Store(database.url, database.synchronous, alone=False, beside=True)
    await store.open()
    try:
        yield store
    finally:
        await store.aclose()


def refuse_nothing(settings: Settings) -> None:
    """Raise CannotOpen for an SQLite file that does not exist; never create one here."""
    url = settings.database.url
    if is_sqlite(url) and not parse_sqlite_url(url).exists():
        raise CannotOpen(
            f"There is no database {parse_sqlite_url(url)} here: go to the server's folder, or set "
            "database.url."
        )


# ---------------------------------------------------------------- one user's data


async def exported(settings: Settings, user_id: str) -> AsyncGenerator[bytes, None]:
    """Yield the export of a user, one JSON object a line."""
    server = settings.server
    base = server.public_url or f"http://{server.host}:{server.port}"
    async with opened(settings) as store:
        texts = TextPolicy(settings.limits, settings.reactions, store, None)
        link = Attachments(settings, store, texts).link(base)
        async for line in lines(store, user_id, link):
            yield codec.encode(line) + b"\n"


async def erase(settings: Settings, user_id: str, expect: Count, done: Count) -> int | None:
    """Erase a user and publish it; return the number of messages, or None.

    A server that has the SQLite file open does it on request. None means that a server is already
    erasing the user. Raises LookupError if the database has nothing of the user, TimeoutError if
    the server does not begin.
    """
    try:
        return await _erase_here(settings, user_id, expect, done)
    except DatabaseInUse:
        return await _erase_by_server(settings, user_id, expect, done)


async def _erase_by_server(settings: Settings, user_id: str, expect: Count, done: Count) -> int:
    async with opened(settings) as store:
        total = left = await _ask(store, user_id)
        expect(total)
        deadline = time.monotonic() + PROGRESS_TIMEOUT
        while await store.read(partial(account.is_asked, user_id=user_id)):
            before, left = left, await store.read(partial(account.count, user_id=user_id))
            done(before - left)
            if left < before:
                deadline = time.monotonic() + PROGRESS_TIMEOUT
            elif time.monotonic() > deadline:
                raise TimeoutError
            await asyncio.sleep(PROGRESS_INTERVAL)
        done(left)
    return total


async def _erase_here(settings: Settings, user_id: str, expect: Count, done: Count) -> int | None:
    erased = 0

    def count(n: int) -> None:
        nonlocal erased
        erased += n
        done(n)

    refuse_nothing(settings)
    chat = ChatServices(settings)
    await chat.open()
    try:
        expect(await _ask(chat.store, user_id))
        is_done = await chat.erasures.run(user_id, count)
    finally:
        await chat.aclose()
    return erased if is_done else None


async def _ask(store: Store, user_id: str) -> int:
    """Record the erasure; return about how many messages it deletes. Raises LookupError."""
    if not await store.read(partial(account.is_known, user_id=user_id)):
        raise LookupError(user_id)
    count = await store.read(partial(account.count, user_id=user_id))
    await store.write(partial(account.ask, user_id=user_id, now=time.time_ns() // 1000))
    return count


# ---------------------------------------------------------------- all rooms


async def _rooms(store: Store, expect: Count) -> AsyncIterator[list[int]]:
    expect(await store.read(retention.count_rooms))
    above = 0
    while room_ids := await store.read(partial(retention.rooms, above=above, limit=ROOM_BATCH)):
        yield room_ids
        above = room_ids[-1]


async def prune(settings: Settings, before: int, expect: Count, done: Count) -> int:
    """Delete messages older than a time (µs since 1970, UTC); return how many."""
    deleted = 0
    async with opened(settings) as store:
        async for room_ids in _rooms(store, expect):
            for room_id in room_ids:
                deleted += await _prune(store, room_id, before)
            done(len(room_ids))
    return deleted


async def _prune(store: Store, room_id: int, before: int) -> int:
    deleted, taken = 0, MESSAGE_BATCH
    take = partial(retention.prune, room_id=room_id, before=before, limit=MESSAGE_BATCH)
    while taken == MESSAGE_BATCH:
        taken = await store.write(take)
        deleted += taken
    return deleted


async def recount(settings: Settings, expect: Count, done: Count, *, mends: bool) -> list[Wrong]:
    """Yield the rooms with wrong counters, which are corrected on request."""
    found: list[Wrong] = []
    async with opened(settings) as store:
        async for room_ids in _rooms(store, expect):
            load = partial(counts.wrong, first=room_ids[0], last=room_ids[-1])
            wrong = await store.read(load)
            for room in wrong if mends else ():
                await store.write(partial(counts.mend, room_id=room.room_id))
            found += wrong
            done(len(room_ids))
    return found


async def recount_lists(settings: Settings, *, mends: bool) -> list[WrongCount]:
    """Users whose number of rooms was wrong; it is right now, where it mends."""
    found: list[WrongCount] = []
    async with opened(settings) as store:
        above: str | None = ""
        while above is not None:
            load = partial(room_counts.find_wrong, above=above, limit=USER_BATCH)
            wrong, above = await store.read(load)
            for user in wrong if mends else ():
                await store.write(partial(room_counts.mend, user_id=user.user_id))
            found += wrong
    return found
