"""`roomcast move`: everything arrives, also after an interruption, and nothing is overwritten."""

import asyncio
import os
import re
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from roomcast.chat.room_lists import RoomLists
from roomcast.server.cli import main
from roomcast.server.commands import transfer as moving
from roomcast.server.options import public_form
from roomcast.store import room_words
from roomcast.store.diagnostics.database import diagnose
from roomcast.store.objects.bucket import bucket_of
from roomcast.store.room_pages import RoomQuery
from roomcast.store.store import CannotOpen, DatabaseError, DatabaseUnavailable, Store
from roomcast.store.transfer import copy as transfer
from roomcast.store.transfer import endpoint
from roomcast.store.transfer.endpoint import opened
from roomcast.store.transfer.sqlite import SqliteEnd
from roomcast.store.transfer.tables import CannotMove, Table, tables

from .client import Person
from .engines.postgres import Postgres
from .engines.seaweed import Seaweed
from .server import Server

Make = Callable[[], str]
Run = Callable[..., Result]
Cast = Callable[[Server], tuple[Person, Person, Person]]

ROOMS, EACH = 40, 30


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("ROOMCAST_")]:
        monkeypatch.delenv(name)
    return lambda *arguments, **env: CliRunner().invoke(main, arguments, env=env)


@pytest.fixture
def new(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """The URL of a new database of an engine."""

    def make(engine: str) -> str:
        if engine == "postgresql":
            server: Postgres = request.getfixturevalue("postgres")
            return server.create_database()
        return f"sqlite:///{tmp_path}/{secrets.token_hex(4)}.db"

    return make


async def filled(url: str) -> None:
    """A chat with everything in it, whose newest room and message are gone."""
    store = Store(url)
    await store.open()
    await store.aclose()
    async with opened(url) as end:
        for table, rows in contents().items():
            await end.add(next(t for t in tables() if t.name == table), rows)
        for table in tables():
            if table.counts:
                await end.count_from(table, 900_000)


def contents() -> dict[str, list[tuple[object, ...]]]:
    at = 1_700_000_000_000_000
    rooms, members, messages = [], [], []
    for room in range(1, ROOMS + 1):
        pair = (None, None) if room % 3 == 0 else (f"{room}", f"{room}é")
        deleted = at if room == 7 else None
        label = "ctx", f"Room {room} 🙂"
        counts = EACH, at, at + room, EACH, room, room % 2, 250 * room, EACH
        rooms.append(
            (room, "1", *pair, *label, *counts, '{"title": "about 🙂"}', '{"a": 1}', 0, deleted)
        )
        members.append((room, "Zed", 0, 0, 0, 0, 0, 1, 1, None, 0, at, at, 1, None, None))
        members.append((room, "ada", room, 3, EACH, 0, 0, 0, 0, None, 5, 0, at, 0, 2, 1))
        members.append((room, "é/1", 5, 2, 0, 2, 0, 0, 0, EACH, 0, 0, at, 0, None, None))
        for k in range(EACH):
            # Interleaved, as rooms that talk at the same time are.
            number = k * ROOMS + room
            client = f"c{number}" if k % 2 else None
            gone = at if k == 5 else None
            text = "" if gone else f"{number}: 'naïve' 🙂\n\\N\t\u202e{'x' * k}"
            hashed = -(number * 7_777_777_777_777 % 2**62) if client else None
            reply = number - ROOMS if k else None
            said = number, room, "ada", client, hashed, text, at, at + k, k + 1, gone, reply
            messages.append((*said, '{"data": {"price": 12}}' if k == 1 else None))
    picture = (1, 1, 0, "ab" * 16, "a b.png", "image/png", 3, 640, 480)
    files = [picture, (2, 2, 0, "cd" * 16, "ü", "x/y", 5, None, None)]
    uploads = [("ef" * 16, 1, "ada", "u.png", "image/png", 2, 1, at, 4, 3)]
    ada = "ada", "Ada 🙂", "https://example.com/a.png", None, "ada@example.com", "fr", 1, 0
    people = [("Zed", None, None, at, None, None, 0, 0), ada]
    sent = 4, "web", 1, "message_sent", "ada", 3, 9, "🙂", None, "Zed", at, "order 7", "{}"
    return {
        "rooms": rooms,
        "members": members,
        "messages": messages,
        "message_blocks": [(1, 250, 0, "ada"), (2, 250, 0, None)],
        "attachments": files,
        "uploads": uploads,
        "reactions": [(1, 1, "👍", "Zed", at), (1, 1, "👍", "ada", at)],
        "blocks": [("Zed", "ada", at)],
        "departed": [("Zed", 1), ("ada", 2)],
        "erasures": [("gone", at, 0)],
        "outbox": [sent],
        "outbox_rooms": [(1, "web", 4, at, 2, at + 9)],
        "unread_checks": [(1, at)],
        "people": people,
        "reports": [(3, 1, 1, "Zed", "spam", "text 🙂", "open", "", at)],
        "bans": [("eve", None, "spam", at)],
        "room_quotas": [("ada", 20_000, 3)],
        "idempotency_keys": [("key 🙂", -(2**40), 1, at)],
        "listeners": [("web", 60, at)],
        "list_changes": [(7,)],
        "room_counts": [("Zed", ROOMS, 0), ("ada", ROOMS, 0), ("é/1", 0, ROOMS)],
    }


def test_no_column_is_left_out() -> None:
    made = contents()
    for table in tables():
        values = zip(*made[table.name], strict=True)
        empty = [
            column
            for column, cells in zip(table.columns, values, strict=True)
            if all(cell is None for cell in cells)
        ]
        # In rooms of several, and of messages of events: nothing to be said here.
        assert set(empty) <= {"members", "until"}, table.name


async def everything(url: str) -> dict[str, object]:
    """Every row of every table, what meta must keep, and where the ids go on."""
    async with opened(url) as end:
        await end.freeze()
        found: dict[str, object] = {}
        for table in tables():
            rows = [tuple(row) async for batch in end.rows(table, None) for row in batch]
            found[table.name] = sorted(rows, key=repr)
            if table.counts:
                found[f"next {table.name}"] = await end.counted(table)
        told = await end.meta()
        schema, *_ = told["schema"].split(",")
        return found | {"schema": schema, "epoch": told["epoch"], "file_key": told["file_key"]}


WAYS = [
    ("sqlite", "sqlite"),
    ("sqlite", "postgresql"),
    ("postgresql", "sqlite"),
    ("postgresql", "postgresql"),
]
across = pytest.mark.parametrize("way", WAYS[1:3], ids=lambda way: f"{way[0]} to {way[1]}")
ways = pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way[0]} to {way[1]}")


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for engine in ("sqlite", "postgres"):
        monkeypatch.setattr(f"roomcast.store.transfer.{engine}.ROW_BATCH", 100)


@ways
async def test_all_of_it_arrives(way: tuple[str, str], new: Callable[[str], str]) -> None:
    source, target = map(new, way)
    await filled(source)
    before = await everything(source)
    moved = await moving.move(source, target)
    assert moved.copied == ROOMS * EACH
    assert await everything(target) == before == await everything(source)
    assert before["next messages"] == 900_000


@ways
async def test_a_server_starts_on_the_target_with_the_same_epoch(
    way: tuple[str, str], new: Callable[[str], str]
) -> None:
    source, target = map(new, way)
    await filled(source)
    await moving.move(source, target)
    async with opened(source) as end:
        epochs = [((told := await end.meta())["epoch"], bytes.fromhex(told["file_key"]))]
    for url in (target, target):
        store = Store(url)
        await store.open()
        epochs.append((store.epoch, store.file_key))
        lists = RoomLists(store)
        await lists.catch_up("ada")
        found = await lists.page(RoomQuery("ada", 9, terms=room_words.terms_of("room 12")))
        assert [room.room.title for room in found.rooms] == ["Room 12 🙂"]
        await store.aclose()
    assert len(set(epochs)) == 1


class Pulled(Exception):
    """The plug."""


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Pulled after so many batches of a table."""
    copy = transfer.copy

    def pull(name: str, after: int) -> None:
        async def cut(
            source: endpoint.TransferEndpoint, target: endpoint.TransferEndpoint, table: Table
        ) -> AsyncIterator[tuple[int, bool]]:
            left = after
            async for step in copy(source, target, table):
                yield step
                left -= 1
                if table.name == name and left == 0:
                    raise Pulled

        monkeypatch.setattr(moving, "copy", cut if name else copy)

    return pull


@ways
@pytest.mark.parametrize("table", ["rooms", "messages", "people"])
async def test_a_move_that_was_cut_off_goes_on(
    way: tuple[str, str], table: str, new: Callable[[str], str], plug: Callable[[str, int], None]
) -> None:
    source, target = map(new, way)
    await filled(source)
    plug(table, 3 if table == "messages" else 1)
    with pytest.raises(Pulled):
        await moving.move(source, target)
    store = Store(target)
    with pytest.raises(CannotOpen, match="half moved"):  # no server may start on it
        await store.open()
    plug("", 0)
    moved = await moving.move(source, target)
    copied_before = {"rooms": 0, "messages": 300, "people": ROOMS * EACH}[table]
    again = EACH + 1  # at most the room where it was cut
    assert moved.copied <= ROOMS * EACH - copied_before + again
    assert await everything(target) == await everything(source)


@ways
async def test_a_source_that_went_on_after_the_cut_is_moved_as_it_is_now(
    way: tuple[str, str], new: Callable[[str], str], plug: Callable[[str, int], None]
) -> None:
    source, target = map(new, way)
    await filled(source)
    plug("messages", 8)
    with pytest.raises(Pulled):
        await moving.move(source, target)
    await edited(source)
    plug("", 0)
    await moving.move(source, target)
    found = await everything(target)
    assert found == await everything(source)
    assert "edited" in repr(found)


async def edited(url: str) -> None:
    store = Store(url)
    await store.open()
    query = "UPDATE messages SET text = 'edited' WHERE id = 1"
    await store.write(lambda db: db.execute(query))
    await store.aclose()


@ways
async def test_a_move_may_be_repeated(way: tuple[str, str], new: Callable[[str], str]) -> None:
    source, target = map(new, way)
    await filled(source)
    await moving.move(source, target)
    again = await moving.move(source, target)
    assert again.was_there
    assert again.counts["messages"] == ROOMS * EACH


@across
async def test_nobody_opens_the_source_of_a_move(
    way: tuple[str, str], new: Callable[[str], str]
) -> None:
    source, target, other = new(way[0]), new(way[1]), new(way[1])
    await filled(source)
    await moving.move(source, target)
    async with opened(target) as end:
        where = end.where
    store = Store(source)
    with pytest.raises(CannotOpen, match=re.escape(f"was moved to {where}: set database.url")):
        await store.open()
    with pytest.raises(CannotMove, match="was moved to"):
        await moving.move(source, other)
    found = {finding.name: finding async for finding in diagnose(source, alone=True)}
    assert not found["schema"].ok
    assert "was moved to" in found["schema"].sentence
    # It may be moved back, into a database of its own.
    await moving.move(target, new(way[0]))


@across
async def test_the_source_of_a_move_is_opened_again(
    way: tuple[str, str], new: Callable[[str], str]
) -> None:
    source, target = map(new, way)
    await filled(source)
    before = await everything(source)
    await moving.move(source, target)
    await moving.reopen(source)
    store = Store(source)
    await store.open()
    assert store.epoch != before["epoch"]
    await store.aclose()
    assert await everything(source) | {"epoch": before["epoch"]} == before
    with pytest.raises(CannotMove, match="no chat was moved away"):
        await moving.reopen(source)


@ways
async def test_a_target_in_use_since_is_left_alone(
    way: tuple[str, str], new: Callable[[str], str]
) -> None:
    source, target = map(new, way)
    await filled(source)
    await moving.move(source, target)
    await edited(target)
    before = await everything(target)
    with pytest.raises(CannotMove, match="one of the two was in use since"):
        await moving.move(source, target)
    assert await everything(target) == before


@ways
async def test_a_target_with_another_chat_is_left_alone(
    way: tuple[str, str], new: Callable[[str], str], plug: Callable[[str, int], None]
) -> None:
    source, other, target = new(way[0]), new(way[0]), new(way[1])
    await filled(source)
    await filled(other)
    await filled(target)
    with pytest.raises(CannotMove, match="another chat"):
        await moving.move(source, target)
    half = new(way[1])
    plug("messages", 3)
    with pytest.raises(Pulled):
        await moving.move(other, half)
    with pytest.raises(CannotMove, match="half of another chat"):
        await moving.move(source, half)


async def test_rows_that_did_not_arrive_are_noticed(
    new: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = new("sqlite"), new("sqlite")
    await filled(source)
    add = SqliteEnd.add

    async def lossy(end: SqliteEnd, table: Table, rows: list[tuple[object, ...]]) -> None:
        await add(end, table, rows[1:] if table.name == "people" else rows)

    monkeypatch.setattr(SqliteEnd, "add", lossy)
    with pytest.raises(CannotMove, match="people came out otherwise: 2 rows in the source, 1 here"):
        await moving.move(source, target)


@ways
async def test_nobody_writes_meanwhile(
    way: tuple[str, str],
    new: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither a server that runs, nor one that starts."""
    monkeypatch.setattr("roomcast.store.transfer.postgres.EXCLUSIVE_TIMEOUT", 0.2)
    source, target = map(new, way)
    await filled(source)
    for url in (source, target):
        store = Store(url, alone=False)
        await store.open()
        await store.check()
        with pytest.raises(CannotOpen, match="in use by another roomcast"):
            await moving.move(source, target)
        await store.aclose()
    async with opened(source) as end:
        await end.freeze()
        with pytest.raises(CannotOpen, match="in use by another roomcast"):
            await Store(source).open()


async def test_one_of_several_processes_that_starts_meanwhile_can_write_nothing(
    postgres: Postgres,
) -> None:
    source = postgres.create_database()
    await filled(source)
    async with opened(source) as end:
        await end.freeze()
        store = Store(source, alone=False)
        await store.open()
        with pytest.raises((DatabaseUnavailable, DatabaseError)):
            await store.write(lambda db: db.execute("UPDATE rooms SET title = 'x' WHERE id = 1"))
        await store.aclose()


# ---------------------------------------------------------------- the command


def sentence(result: Result) -> str:
    assert result.exit_code in (1, 2), result.output
    found = re.search(r"^Error: (.+)\n\Z", result.stderr, re.MULTILINE)
    assert found is not None, result.stderr
    return found[1]


def test_the_command_says_what_it_did(run: Run, postgres: Postgres, tmp_path: Path) -> None:
    source, target = f"sqlite:///{tmp_path}/a.db", postgres.create_database()
    asyncio.run(filled(source))
    first, second = run("move", source, target), run("move", source, target)
    assert (first.exit_code, first.stderr) == (0, "")
    assert "40 rooms, 120 members, 3 room_counts, 1 list_changes, 1,200 messages" in first.stdout
    assert "2 message_blocks, 2 attachments, 1 uploads" in first.stdout
    assert re.search(r"\([\d,]+ messages a second\)", first.stdout)
    assert "the same on both sides" in first.stdout
    assert second.stdout.startswith("Everything was there already: 40 rooms")


def test_what_cannot_be_moved_is_a_sentence(run: Run, postgres: Postgres, tmp_path: Path) -> None:
    empty = postgres.create_database()
    missing = f"sqlite:///{tmp_path}/none.db"
    assert sentence(run("move", missing, empty)).endswith("there is no such database.")
    assert not list(tmp_path.iterdir())
    assert sentence(run("move", empty, missing)).endswith("there is no chat in it.")
    assert "same database" in sentence(run("move", empty, empty))
    assert sentence(run("move", "mysql://x", missing)).startswith("database.url: expected")
    assert "--attachments" in run("move").stderr
    assert "--attachments" in run("move", missing).stderr


def test_no_sentence_repeats_a_password(run: Run, postgres: Postgres, tmp_path: Path) -> None:
    source = f"sqlite:///{tmp_path}/a.db"
    asyncio.run(filled(source))
    wrong = postgres.create_database().replace("only%20for", "hunter2")
    refused = run("move", source, wrong)
    assert "password authentication failed" in sentence(refused)
    assert "hunter2" not in refused.output


def test_migrate_works_on_postgresql_and_prints_no_password(run: Run, postgres: Postgres) -> None:
    url = postgres.create_database()
    for _ in range(2):
        result = run("migrate", ROOMCAST_DATABASE_URL=url)
        assert result.exit_code == 0, result.output
        database = url.rpartition("/")[2]
        shown = f"Database: postgresql://127.0.0.1:{postgres.port}/{database}\n"
        assert (result.stderr, result.stdout) == (
            shown,
            "The database has the schema of this version.\n",
        )


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///roomcast.db", "sqlite:///roomcast.db"),
        ("file:./attachments", "file:./attachments"),
        ("postgresql://u:p@h:5432/d?password=q", "postgresql://h:5432/d"),
        ("postgresql://h/d", "postgresql://h/d"),
        ("s3://K:S@s3.example.com/b?secure=true", "s3://s3.example.com/b"),
        ("s3://K:a/S@s3.example.com/b", "s3://…"),
        ("redis://:p?x@h:1/0", "redis://…"),
        ("rediss://:p%2F@h:1/0", "rediss://h:1/0"),
        ("postgresql://u:p#x@h/d", "postgresql://…"),
        ("postgresql://u:p@x@h/d", "postgresql://…"),
    ],
)
def test_an_url_is_shown_without_what_is_secret(url: str, said: str) -> None:
    assert public_form(url) == said


# ---------------------------------------------------------------- attachments


@pytest.fixture(params=["folder to folder", "folder to bucket", "bucket to folder"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    folders = [f"file:{tmp_path}/{name}" for name in ("a", "b")]
    if request.param == "folder to folder":
        return folders[0], folders[1]
    server: Seaweed = request.getfixturevalue("seaweed")
    pair = (folders[0], server.url)
    return pair if request.param == "folder to bucket" else (pair[1], pair[0])


KEYS = {"ab" * 16: b"png", "cd" * 16: b"hello", "ef" * 16: b"up"}


async def put(url: str, objects: dict[str, bytes]) -> None:
    bucket = bucket_of(url)
    await bucket.open()
    for key, data in objects.items():
        await bucket.put(key, data)
    await bucket.aclose()


async def lying(url: str) -> dict[str, bytes]:
    bucket = bucket_of(url)
    await bucket.open()
    found = {key: await bucket.read(key) for key in KEYS if await bucket.stat(key) is not None}
    await bucket.aclose()
    return found


def test_the_objects_are_moved_too_and_only_once(
    run: Run, places: tuple[str, str], tmp_path: Path
) -> None:
    source, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    asyncio.run(filled(source))
    asyncio.run(put(places[0], KEYS))
    first = run("move", source, target, "--attachments", *places)
    assert first.exit_code == 0, first.output
    assert "Moved 3 files; 0 files were there already." in first.stdout
    assert asyncio.run(lying(places[1])) == KEYS
    second = run("move", "--attachments", *places, ROOMCAST_DATABASE_URL=target)
    assert second.stdout == "Moved 0 files; 3 files were there already.\n"
    assert second.exit_code == 0


def test_an_object_that_is_missing_is_told(run: Run, tmp_path: Path) -> None:
    source = f"sqlite:///{tmp_path}/a.db"
    asyncio.run(filled(source))
    asyncio.run(put(f"file:{tmp_path}/a", {"ab" * 16: b"png"}))
    places = f"file:{tmp_path}/a", f"file:{tmp_path}/b"
    result = run("move", "--attachments", *places, ROOMCAST_DATABASE_URL=source)
    assert sentence(result).startswith("1 of 2 files of messages are missing in the first")
    missing = run(
        "move", "--attachments", f"file:{tmp_path}/c", places[1], ROOMCAST_DATABASE_URL=source
    )
    assert sentence(missing).endswith("/c does not exist.")
    assert not (tmp_path / "c").exists()
    bad = "s3://KEY:hunter2@127.0.0.1/No_Bucket"
    refused = run("move", "--attachments", places[1], bad, ROOMCAST_DATABASE_URL=source)
    assert "the bucket's name is" in sentence(refused)
    assert "hunter2" not in refused.output


# ---------------------------------------------------------------- from server to server


async def test_a_client_that_resumes_after_the_move_notices_nothing(
    own_server: Callable[..., Server], cast: Cast, postgres: Postgres, tmp_path: Path
) -> None:
    server = own_server(
        database_url=f"sqlite:///{tmp_path}/chat.db", attachments_url=f"file:{tmp_path}/files"
    ).start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    async with ada.enters(room, after=0) as socket:
        epoch = socket.first["epoch"]
        one = await socket.says("one")
        two = await socket.says("two")
    assert server.stop() == 0
    target = postgres.create_database()
    await moving.move(f"sqlite:///{tmp_path}/chat.db", target)
    after = own_server(
        database_url=target,
        broadcast_url=target,
        attachments_url=f"file:{tmp_path}/files",
    ).start()
    assert f"  database     postgresql://127.0.0.1:{postgres.port}/" in after.said()
    assert "only%20for" not in after.said()
    ada, bob, _ = cast(after)
    async with bob.enters(room, after=one["version"], epoch=epoch) as socket:
        first = socket.first
        assert (first["reset"], first["version"]) == (False, two["version"])
        assert [message["message_id"] for message in first["messages"]] == [two["message_id"]]
        three = await socket.says("three")
        assert three["message_id"] == two["message_id"] + 1
        assert three["version"] == two["version"] + 1


def test_the_tables_are_those_of_the_schema(tmp_path: Path) -> None:
    asyncio.run(filled(f"sqlite:///{tmp_path}/a.db"))
    with closing(sqlite3.connect(tmp_path / "a.db")) as db:
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'sqlite_sequence'"
        names = {name for (name,) in db.execute(query) if not name.startswith("search")}
    lasting = {table.name for table in tables()} | {"meta"}
    made_anew = {"room_words", "word_changes"}
    assert lasting == names - {"processes", "presence", "revocations"} - made_anew
    assert set(contents()) == {table.name for table in tables()}
