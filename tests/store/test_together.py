"""Several processes do the same to one database at the same moment, and none of them fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest
from broadcaster import Broadcast as Broadcaster
from roomcast import frames
from roomcast.chat import Chat
from roomcast.settings import Attachments, Broadcast, Database, Settings
from roomcast.store import uploads
from roomcast.store.engine import Store

from ..engines.postgres import Postgres, execute
from ..inside import ADA, BOB
from ..protocol.files import TEXT
from .test_migrations import old

TEN = 10
LEFT = """
    select (select count(*) from rooms) + (select count(*) from messages)
         + (select count(*) from attachments) + (select count(*) from uploads)
"""


async def test_ten_that_start_at_once_make_the_tables_once(postgres: Postgres) -> None:
    url = postgres.create_database()
    stores = [Store(url, alone=False) for _ in range(TEN)]
    async with asyncio.timeout(60):
        await asyncio.gather(*(store.open() for store in stores))
    assert len({(store.epoch, store.file_key) for store in stores}) == 1
    assert await execute(url, "select count(*) from meta where name = 'epoch'") == 1
    for store in stores:
        await store.aclose()


async def test_ten_that_start_at_once_on_an_earlier_schema_bring_it_up_once(
    postgres: Postgres,
) -> None:
    url = postgres.create_database()
    connection = await asyncpg.connect(url)
    for statement in old(1, "postgresql"):
        await connection.execute(statement)
    await connection.close()
    stores = [Store(url, alone=False) for _ in range(TEN)]
    async with asyncio.timeout(60):
        await asyncio.gather(*(store.open() for store in stores))
    assert len({store.epoch for store in stores}) == 1
    for store in stores:
        await store.aclose()


@pytest.fixture
async def chats(postgres: Postgres, tmp_path: Path) -> AsyncIterator[list[Chat]]:
    """Three processes' worth, on one database and one folder; no events are needed here."""
    chosen = Settings(
        database=Database(url=postgres.create_database()),
        broadcast=Broadcast(url="redis://127.0.0.1:1"),  # not memory: others share the database
        attachments=Attachments(url=f"file:{tmp_path}/files"),
    )
    async with AsyncExitStack() as stack:
        chats = [Chat(chosen) for _ in range(3)]
        for chat in chats:
            chat.fanout._broadcast, chat.fanout._backend = Broadcaster("memory://"), None
            await chat.open()
            stack.push_async_callback(chat.aclose)
        yield chats


async def test_several_that_sweep_at_once_leave_nothing_and_fail_at_nothing(
    chats: list[Chat], tmp_path: Path
) -> None:
    first = chats[0]
    for number in range(4):
        room = (await first.open_room(ADA, [ADA, BOB], f"{number}")).room.id
        file = frames.File("a.txt", len(TEXT), "text/plain")
        for _ in range(5):
            _, path = await first.attachments.offer(room, ADA, file, "http://x")
            await first.attachments.bucket.put(path, TEXT)
            await first.send(room, ADA, frames.FileUploaded(path, "look").as_send(), "")
        _, never_sent = await first.attachments.offer(room, ADA, file, "http://x")
        await first.attachments.bucket.put(never_sent, TEXT)
        await first.store.write(lambda db, key=never_sent: uploads.expire(db, [key]))
        await first.delete_room(room, ADA)
    for _ in range(3):
        await asyncio.gather(*(chat._clean() for chat in chats))
    assert await execute(first.settings.database.url, LEFT) == 0
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []
