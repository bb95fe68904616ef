"""Backup while people write, and restore: whatever was answered before is there, with files."""

import asyncio
import json
import os
import stat
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ..client import Person
from ..engines.postgres import Postgres, binaries
from ..protocol.files import PNG, file
from ..server import Server

Cast = Callable[[Server], tuple[Person, Person, Person]]


def run(
    server: Server, *arguments: str, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """A command with the settings of the server, in a folder of its own."""
    programs = os.environ.get("PATH", "")
    return subprocess.run(
        [server.command[0], *arguments],
        env=server.environment | {"PATH": f"{binaries()}:{programs}"},
        cwd=folder or server.folder,
        capture_output=True,
        text=True,
        check=False,
    )


@asynccontextmanager
async def writing(ada: Person, room: int) -> AsyncIterator[None]:
    """Ada goes on writing meanwhile."""

    async def write() -> None:
        number = 0
        while True:
            await ada.posts(room, f"meanwhile {number}")
            number += 1

    task = asyncio.create_task(write())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def epoch_of(person: Person, room: int) -> str:
    async with person.enters(room, after=0) as socket:
        return str(socket.first["epoch"])


KINDS = ["sqlite", "postgresql", "postgresql, several hosts, a schema"]


def place_on(kind: str, request: pytest.FixtureRequest) -> dict[str, object]:
    """A new database; for SQLite the server's own."""
    if kind == "sqlite":
        return {}
    postgres: Postgres = request.getfixturevalue("postgres")
    url = postgres.create_database()
    if kind != "postgresql":
        account, _, place = url.partition("@")
        url = f"{account}@127.0.0.1:9,{place}?schema=Chat&sslmode=prefer&options=-c%20geqo%3Doff"
    return {"database_url": url}


@pytest.fixture(params=KINDS)
def settings(request: pytest.FixtureRequest) -> dict[str, object]:
    return place_on(request.param, request)


@pytest.fixture
def empty(settings: dict[str, object], request: pytest.FixtureRequest) -> dict[str, object]:
    """Where a backup is restored to."""
    return place_on(request.node.callspec.params["settings"], request)


async def test_a_backup_under_load_is_restored_whole(
    own_server: Callable[..., Server],
    cast: Cast,
    settings: dict[str, object],
    empty: dict[str, object],
    tmp_path: Path,
) -> None:
    server = own_server(rate_limit_rate=0, **settings).start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    picture = file("a.png", "image/png", PNG)
    before = [await ada.posts(room, f"before {n}") for n in range(20)]
    before.append(await ada.posts(room, "with a picture", file=picture))
    epoch = await epoch_of(ada, room)
    folder = tmp_path / "backup"
    async with writing(ada, room):
        done = await asyncio.to_thread(run, server, "backup", str(folder))
    assert done.returncode == 0, done.stderr
    assert {stat.S_IMODE(p.stat().st_mode) for p in folder.rglob("*") if p.is_file()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    server.stop()

    other = own_server(rate_limit_rate=0, **empty)
    restored = await asyncio.to_thread(run, other, "restore", str(folder))
    assert restored.returncode == 0, restored.stderr
    other.start()
    ada, bob, _ = cast(other)
    there = {m["message_id"]: m for m in await ada.reads_all(room)}
    assert [there[m["message_id"]]["text"] for m in before] == [m["text"] for m in before]
    (attachment,) = there[before[-1]["message_id"]]["attachments"]
    link = attachment["file_url"]
    assert (await ada.http.get(link)).content == (await ada.http.get(link)).content
    assert (await ada.http.get(link)).status_code == 200
    assert await epoch_of(ada, room) != epoch


async def test_a_backup_is_never_mixed_with_another(
    own_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = own_server().start()
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup/notes.txt").write_text("mine")
    refused = await asyncio.to_thread(run, server, "backup", str(tmp_path / "backup"))
    assert refused.returncode == 2
    assert "is not empty: name a new folder for each backup." in refused.stderr


async def test_nothing_is_restored_over_a_chat(
    own_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = own_server().start()
    folder = str(tmp_path / "backup")
    assert (await asyncio.to_thread(run, server, "backup", folder)).returncode == 0
    server.stop()
    refused = await asyncio.to_thread(run, server, "restore", folder)
    assert refused.returncode == 2
    assert "move its database away first" in refused.stderr


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        (None, "holds no complete backup: backup.json is missing."),
        ({"format": 9, "engine": "sqlite", "schema": 1}, "is of a later roomcast"),
        ({"format": 1, "engine": "sqlite", "schema": 10**6}, "is of a later roomcast"),
        ({"format": 1, "engine": "postgresql", "schema": 1}, "then use roomcast move."),
        (
            {"format": 1, "engine": "sqlite", "schema": 1, "database_schema": "chat"},
            "in the schema chat, and those of database.url in public",
        ),
    ],
)
async def test_what_is_no_backup_for_this_chat_is_a_sentence(
    manifest: dict[str, Any] | None,
    sentence: str,
    own_server: Callable[..., Server],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "backup"
    folder.mkdir()
    if manifest is not None:
        (folder / "backup.json").write_text(json.dumps(manifest))
    refused = await asyncio.to_thread(run, own_server(), "restore", str(folder))
    assert refused.returncode == 2
    assert sentence in refused.stderr
