"""docs/self-hosting.md: a backup of the running server, and what putting it back means."""

import re
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from .conftest import Cast
from .engines import done
from .engines.postgres import Postgres, binaries, execute
from .pages import block
from .server import Server

OwnServer = Callable[..., Server]
PAGE = "docs/self-hosting.md"


@pytest.fixture
def server(own_server: OwnServer) -> Server:
    return own_server().start()


def back_up(server: Server) -> Path:
    """`sqlite3 … ".backup …"`, by the same function of SQLite."""
    backup = server.folder / "backup.db"
    backup.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(server.database)) as running,
        closing(sqlite3.connect(backup)) as b,
    ):
        running.backup(b)
    return backup


def put_back(server: Server, backup: Path, *kept: str) -> None:
    """The page's commands for a backup of one's own, but for the files kept against its word."""
    assert "mv roomcast.db* old/" in block(PAGE, "sh", "roomcast restore")
    for path in server.folder.glob(f"{server.database.name}*"):
        if path.name.removeprefix(server.database.name) not in kept:
            path.unlink()
    shutil.copy(backup, server.database)


def beside(server: Server) -> set[str]:
    found = server.folder.glob(f"{server.database.name}*")
    return {path.name.removeprefix(server.database.name) for path in found}


async def test_a_restore_removes_whatever_lies_beside_the_database(server: Server) -> None:
    assert beside(server) == {"", "-wal", "-shm", "-lineage"}
    backup = back_up(server)
    server.kill()
    put_back(server, backup)
    assert beside(server) == {""}


async def test_a_cursor_from_before_a_restore_starts_afresh(server: Server, cast: Cast) -> None:
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    await ada.posts(room, "kept")
    backup = back_up(server)
    await ada.posts(room, "forgotten")
    async with ada.enters(room, after=0) as socket:
        cursor = {"after": socket.first["version"], "epoch": socket.first["epoch"]}
    server.stop()
    put_back(server, backup)
    server.start()
    for text in ("another past", "beyond the cursor"):
        await ada.posts(room, text)
    async with ada.enters(room, **cursor) as socket:
        assert socket.first["version"] > cursor["after"]
        assert socket.first["reset"]
        assert socket.first["epoch"] != cursor["epoch"]
        texts = [message["text"] for message in socket.first["messages"]]
    assert texts == ["kept", "another past", "beyond the cursor"]


async def test_a_restore_is_noticed_where_the_life_file_was_kept(
    server: Server, cast: Cast
) -> None:
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    await ada.posts(room, "kept")
    backup = back_up(server)
    for text in ("forgotten", "this too"):
        await ada.posts(room, text)
    async with ada.enters(room, after=0) as socket:
        epoch = socket.first["epoch"]
    server.kill()
    put_back(server, backup, "-lineage")
    server.start()
    async with ada.enters(room, after=0) as socket:
        assert socket.first["epoch"] != epoch
        assert [message["text"] for message in socket.first["messages"]] == ["kept"]


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_restart_is_no_restore(end: str, server: Server, cast: Cast) -> None:
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    async with ada.enters(room, after=0) as socket:
        epoch = socket.first["epoch"]
    server.stop() if end == "stop" else server.kill()
    server.start()
    async with ada.enters(room, after=0, epoch=epoch) as socket:
        assert (socket.first["epoch"], socket.first["reset"]) == (epoch, False)


async def test_what_lies_beside_the_database_is_explained(server: Server) -> None:
    shown = block(PAGE, "text", "roomcast.db ")
    assert [suffix for suffix in beside(server) if suffix not in shown] == []


# ---------------------------------------------------------------- PostgreSQL


def dumped(url: str, file: Path) -> None:
    tool(block(PAGE, "sh", "pg_dump"), url, file)


def put_into(url: str, file: Path, *more: str) -> None:
    (command,) = re.findall(r"^pg_restore .*$", block(PAGE, "sh", "pg_restore"), re.MULTILINE)
    tool(command.replace("--role=roomcast ", ""), url, file, *more)


def tool(command: str, url: str, file: Path, *more: str) -> None:
    """A command of the page, with this database and this file in it."""
    name, *words = shlex.split(command)
    program = binaries() / name
    if not program.exists():
        pytest.skip(f"no {name} beside this PostgreSQL")
    here = [word.replace("/backup/chat.dump", str(file)) for word in words]
    here = [re.sub("^(--dbname=chat_again|chat)$", f"--dbname={url}", word) for word in here]
    assert f"--dbname={url}" in here
    subprocess.run([program, *here, *more], check=True, capture_output=True)


@pytest.fixture
def shared(own_server: OwnServer, postgres: Postgres) -> Server:
    """One process on a database of its own in PostgreSQL."""
    return own_server(database_url=postgres.create_database()).start()


async def epoch_of(server: Server, cast: Cast, room: int) -> str:
    ada, *_ = cast(server)
    async with ada.enters(room, after=0) as socket:
        return str(socket.first["epoch"])


async def test_a_dump_in_a_new_database_is_another_past(
    shared: Server, cast: Cast, postgres: Postgres
) -> None:
    ada, bob, _ = cast(shared)
    room = await ada.opens(bob)
    await ada.posts(room, "kept")
    epoch = await epoch_of(shared, cast, room)
    dump, again = shared.folder / "chat.dump", postgres.create_database()
    dumped(str(shared.settings["database_url"]), dump)
    shared.stop()
    put_into(again, dump)
    shared.settings["database_url"] = again
    shared.start()
    async with ada.enters(room, after=0) as socket:
        assert [message["text"] for message in socket.first["messages"]] == ["kept"]
        assert socket.first["epoch"] != epoch


@pytest.mark.parametrize("is_said", [False, True])
async def test_a_dump_in_the_same_database_is_noticed_where_it_is_said(
    is_said: bool, shared: Server, cast: Cast, postgres: Postgres
) -> None:
    ada, bob, _ = cast(shared)
    room = await ada.opens(bob)
    epoch = await epoch_of(shared, cast, room)
    url, dump = str(shared.settings["database_url"]), shared.folder / "chat.dump"
    dumped(url, dump)
    shared.stop()
    put_into(url, dump, "--clean")
    if is_said:
        (statement,) = re.findall('"(UPDATE meta .*)"', block(PAGE, "sh", "UPDATE meta"))
        done(execute(url, statement))
    shared.start()
    assert (await epoch_of(shared, cast, room) != epoch) == is_said
