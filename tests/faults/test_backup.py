"""Backup while people write, and restore: whatever was answered before is there, with files."""

import asyncio
import json
import os
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from roomcast.server.cli import main

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


def overwrite(path: Path, content: bytes, at: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def only_file(folder: Path) -> Path:
    (path,) = (path for path in (folder / "attachments").rglob("*") if path.is_file())
    return path


def edit_manifest(folder: Path, **fields: Any) -> None:
    path = folder / "backup.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def without_checksums(damage: Callable[[Path], object]) -> Callable[[Path], object]:
    """The damage in a backup of an earlier version."""

    def both(folder: Path) -> None:
        (folder / "SHA256SUMS").unlink()
        damage(folder)

    return both


def database_of(folder: Path) -> Path:
    return folder / "database.sqlite3"


DAMAGED: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "one byte": (lambda f: overwrite(database_of(f), b"!", 99_999), 2, "checksum is not that of"),
    "the secret": (lambda f: overwrite(f / "roomcast.secret", b"!"), 2, "secret is damaged"),
    "no database": (lambda f: database_of(f).unlink(), 2, "No such file"),
    "cut": (without_checksums(lambda f: os.truncate(database_of(f), 90_000)), 2, "is damaged"),
    "empty": (without_checksums(lambda f: os.truncate(database_of(f), 0)), 2, "holds no chat"),
    "noise": (without_checksums(lambda f: overwrite(database_of(f), b"?" * 99)), 2, "is damaged"),
    "a list": (lambda f: (f / "backup.json").write_text("[]"), 2, "backup.json is damaged"),
    "a word": (lambda f: edit_manifest(f, format="x"), 2, "backup.json is damaged"),
    "a file less": (lambda f: only_file(f).unlink(), 1, "1 files are missing or damaged in it: "),
    "a file cut": (lambda f: os.truncate(only_file(f), 9), 1, "1 files are missing or damaged in"),
    "less": (without_checksums(lambda f: only_file(f).unlink()), 1, "1 files are missing"),
    "no damage": (lambda f: edit_manifest(f, created_at=None), 0, ""),
    "an older one": (without_checksums(lambda f: None), 0, ""),
}


async def test_a_damaged_backup_is_named_and_a_restoration_can_be_repeated(
    own_server: Callable[..., Server], cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = own_server().start()
    ada, bob, _ = cast(server)
    await ada.posts(await ada.opens(bob), "look", file=file("a.png", "image/png", PNG))
    backup = tmp_path / "backup"
    done = await asyncio.to_thread(run, server, "backup", str(backup))
    assert (done.returncode, "The secret is not in it" in done.stderr) == (0, False)
    server.stop()
    target = tmp_path / "target"
    target.mkdir()
    monkeypatch.chdir(target)
    await asyncio.to_thread(restore_each, backup, tmp_path, target)


def restore_each(backup: Path, folder: Path, target: Path) -> None:
    """Restore copies of a backup, each with another damage, into the same folder."""
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=backup, check=True)
    for name, (damage, code, sentence) in DAMAGED.items():
        copy = folder / name
        shutil.copytree(backup, copy)
        damage(copy)
        done = CliRunner().invoke(main, ["restore", str(copy)])
        assert (done.exit_code, sentence in done.stderr) == (code, True), (name, done.output)
        if code == 2:
            assert {path.name for path in target.iterdir()} <= {"attachments"}, name
        else:
            with sqlite3.connect("roomcast.db") as database:
                assert database.execute("SELECT text FROM messages").fetchall() == [("look",)]
            Path("roomcast.db").unlink()


@pytest.fixture
def empty_chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this folder there is a chat without messages."""
    monkeypatch.chdir(tmp_path)
    with sqlite3.connect("roomcast.db") as database:
        database.execute("CREATE TABLE meta (name, value)")
        database.execute("CREATE TABLE attachments (key)")
        database.execute("INSERT INTO meta VALUES ('schema', '13')")


@pytest.mark.usefixtures("empty_chat")
def test_a_backup_without_the_secret_says_so() -> None:
    done = CliRunner().invoke(main, ["backup", "there"])
    assert (done.exit_code, "The secret is not in it" in done.stderr) == (0, True), done.output
    done = CliRunner().invoke(main, ["backup", "two"], env={"ROOMCAST_AUTH_SECRET": "x" * 32})
    assert (done.exit_code, "The secret is not in it" in done.stderr) == (0, False)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"no database at all", "not a database"), (b"", "holds no chat")],
)
def test_what_is_no_chat_can_not_be_saved(
    content: bytes, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("roomcast.db").write_bytes(content)
    done = CliRunner().invoke(main, ["backup", "there"])
    assert (done.exit_code, sentence in done.stderr) == (2, True), done.output
    assert not Path("there").exists()


@pytest.mark.usefixtures("empty_chat")
def test_a_malformed_address_of_the_bucket_is_a_sentence() -> None:
    address = {"ROOMCAST_ATTACHMENTS_URL": "s3://a:b@127.0.0.1:9/x"}
    Path("there").mkdir()
    for _ in range(2):  # nothing is left of a backup that failed
        done = CliRunner().invoke(main, ["backup", "there"], env=address)
        assert (done.exit_code, "the bucket's name is 3 to 63" in done.stderr) == (2, True)
