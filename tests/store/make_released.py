"""Databases as a release writes them, kept in `released/`: run it with the code of that release.

`python -m tests.store.make_released 0.2.0` writes 0.2.0.db.gz and 0.2.0.postgresql.sql.
"""

import asyncio
import gzip
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from roomcast.app import About, Button
from roomcast.testing import ChatClient, chat_client

from ..engines.postgres import Postgres

FOLDER = Path(__file__).with_name("released")
SECRET = "the secret of the released databases alone"


async def write(ada: ChatClient) -> None:
    """Something of everything that is stored."""
    chat = ada.chat
    await chat.set_user(1, name="Ada", email="ada@example.com")
    await chat.set_user(2, name="Bob", picture="https://example.com/bob.png")
    pair = await chat.open_room([1, 2], context="listing:55", about=About(title="A bicycle"))
    group = await chat.open_room([1, 2, 3], title="Garden", data={"plot": 7})
    first = await chat.post(pair, "hello wörld", sender=1, client_id="n1", data={"offer": 55})
    second = await chat.post(pair, "to be edited", sender=2, reply_to=first.message_id)
    await chat.edit(pair, second.message_id, text="edited")
    gone = await chat.post(pair, "to be deleted", sender=2)
    await chat.delete_message(pair, gone.message_id)
    await chat.react(pair, first, user=2, emoji="👍")
    await chat.mark_read(pair, user=2, message=first)
    await chat.post(group, "Yes or no?", actions=[Button(id="yes", label="Yes", once=True)])
    await chat.post(group, "from the third", sender=3)
    await chat.block(1, 9)
    await chat.ban(8, reason="spam")
    bob = ada.another(2)
    path = f"/api/v1/chat/rooms/{pair.id}/"
    await bob.post(f"{path}messages/{first.message_id}/report/", json={"reason": "spam"})
    await bob.patch(path, json={"muted": True})
    picture = {"name": "note.txt", "size": 5, "type": "text/plain", "data": "aGVsbG8="}
    await ada.post(f"{path}messages/", json={"message": "a file", "file": picture})


async def on_sqlite(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with chat_client(1, {"auth": {"secret": SECRET}}, folder=Path(folder)) as ada:
            await write(ada)
        await asyncio.to_thread(pack, Path(folder) / "chat.db", target)


def pack(source: Path, target: Path) -> None:
    with sqlite3.connect(source) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("VACUUM")
    target.write_bytes(gzip.compress(source.read_bytes(), mtime=0))


async def on_postgresql(target: Path, server: Postgres) -> None:
    url = await asyncio.to_thread(server.create_database)
    settings = {"auth": {"secret": SECRET}, "database": {"url": url}}
    with tempfile.TemporaryDirectory() as folder:
        async with chat_client(1, settings, folder=Path(folder)) as ada:
            await write(ada)
    await asyncio.to_thread(dump_into, target, url, server.bin / "pg_dump")


def dump_into(target: Path, url: str, pg_dump: Path) -> None:
    command = [pg_dump, "--inserts", "--no-owner", "--no-privileges", url]
    dump = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    lines = [line for line in dump.stdout.splitlines() if not line.startswith(("--", "\\"))]
    target.write_text("\n".join(line for line in lines if line) + "\n")


async def main(version: str) -> None:
    await on_sqlite(FOLDER / f"{version}.db.gz")
    with tempfile.TemporaryDirectory(prefix="roomcast-tests-released-") as folder:
        server = Postgres(Path(folder))
        server.start()
        try:
            await on_postgresql(FOLDER / f"{version}.postgresql.sql", server)
        finally:
            server.end()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
