"""The database or the storage is unavailable: nothing is half done, and it continues afterwards."""

import asyncio
import fcntl
import resource
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ..client import Person
from ..protocol.files import PNG, file
from ..protocol.test_http import assert_error
from ..server import Server

linux = pytest.mark.skipif(sys.platform != "linux", reason="limits another process by prlimit")


@pytest.fixture
def people(own_server: Callable[..., Server], cast: Any) -> Iterator[tuple[Person, Person]]:
    ada, bob, _ = cast(own_server().start())
    yield ada, bob
    assert ada.server.stop() == 0


@contextmanager
def writing_held(server: Server) -> Iterator[None]:
    """Another program holds the write lock, as a backup may."""
    holder = sqlite3.connect(server.database, isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")
    finally:
        holder.close()


@contextmanager
def all_held(server: Server) -> Iterator[None]:
    """Another program holds every lock of the WAL index: nobody can even begin to read."""
    with (server.folder / "chat.db-shm").open("r+b") as index:
        fcntl.lockf(index, fcntl.LOCK_EX, 8, 120)
        yield


@contextmanager
def storage_away(server: Server) -> Iterator[None]:
    """A file lies where the folder was: nothing can be stored, whoever runs the server."""
    folder, aside = server.attachments, server.attachments.with_name("aside")
    folder.mkdir(exist_ok=True)
    folder.rename(aside)
    folder.write_text("no folder")
    try:
        yield
    finally:
        folder.unlink()
        aside.rename(folder)


@contextmanager
def disk_full(server: Server) -> Iterator[None]:
    """No file of the server may grow over 1 byte: every write fails."""
    _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (hard, hard))


async def test_a_database_that_takes_no_writes_stores_nothing(
    people: tuple[Person, Person],
) -> None:
    ada, bob = people
    room = await ada.opens(bob)
    async with ada.enters(room) as socket, bob.enters(room) as b:
        await socket.says("before")
        with writing_held(ada.server):
            posting = asyncio.create_task(
                bob.post(f"chat/rooms/{room}/messages/", {"message": "lost too"})
            )
            await socket.sends("lost", client_id="n1")
            error = await socket.receives("error")
            assert (error["code"], error["client_id"]) == ("unavailable", "n1")
            assert_error(await posting, 503, "unavailable")
            await socket.does("ping")
            await socket.receives("pong")
        assert (await socket.says("lost", client_id="n1"))["version"] == 2
        await b.hears("lost")
        assert [f["version"] for f in b.saw("chat_message")] == [1, 2]
    assert [m["text"] for m in await ada.reads_all(room)] == ["before", "lost"]


async def test_joining_while_nothing_can_be_written(people: tuple[Person, Person]) -> None:
    """Members and history can still be read: a socket opens, or is told to try again later."""
    ada, bob = people
    room = await ada.opens(bob)
    await ada.posts(room, "hello")
    with writing_held(ada.server):
        async with bob.knocks(f"?room_id={room}") as socket:
            if await socket.opens():
                assert [m["text"] for m in socket.first] in (["hello"], [])
            else:
                assert await socket.closes() == 1013
    async with bob.enters(room) as socket:
        assert [m["status"] for m in socket.first] == ["read"]


@linux
async def test_a_database_that_cannot_be_read_says_try_later(people: tuple[Person, Person]) -> None:
    ada, bob = people
    room = await ada.opens(bob)
    await ada.posts(room, "before")
    with all_held(ada.server):
        async with bob.knocks(f"?room_id={room}&after=0") as socket:
            listing = asyncio.create_task(bob.asks("GET", "chat/recieve/", timeout=30))
            assert await socket.closes(30) == 1013
            assert_error(await listing, 503, "unavailable")
        assert (await ada.get("/readyz")).status_code == 503
        assert (await ada.get("/healthz")).status_code == 200
    async with bob.enters(room, after=0) as socket:
        assert [m["text"] for m in socket.first["messages"]] == ["before"]
    assert (await ada.get("/readyz")).status_code == 200


@linux
async def test_a_full_disk_stores_nothing_and_reads_go_on(people: tuple[Person, Person]) -> None:
    ada, bob = people
    room = await ada.opens(bob)
    picture = file("a.png", "image/png", PNG)
    async with ada.enters(room) as a, bob.enters(room) as b:
        await a.says("before")
        with disk_full(ada.server):
            for number in range(3):
                error = await a.is_refused("send", message="lost", client_id=f"n{number}")
                assert error["code"] == "unavailable"
            error = await a.is_refused("send", message="lost", file=picture)
            assert error["code"] in ("storage_unavailable", "unavailable")
            answer = await bob.post(f"chat/rooms/{room}/messages/", {"message": "lost"})
            assert_error(answer, 503, "unavailable")
            answer = await bob.post("chat/create/", {"second_user": 77})
            assert_error(answer, 503, "unavailable")
            assert [m["text"] for m in await bob.reads_all(room)] == ["before"]
            answer = await bob.get("/readyz")
            assert (answer.status_code, answer.json()["database"]) == (503, "unavailable")
        assert (await bob.get("/readyz")).status_code == 200
        assert (await a.says("after", client_id="n1"))["version"] == 2
        await b.hears("after")
        assert [f["version"] for f in b.saw("chat_message")] == [1, 2]
        assert (await a.says("a picture", file=picture))["version"] == 3
    assert len(ada.server.objects()) == 1


async def test_a_storage_that_is_away_stores_nothing(people: tuple[Person, Person]) -> None:
    ada, bob = people
    room = await ada.opens(bob)
    picture = file("a.png", "image/png", PNG)
    async with ada.enters(room) as a, bob.enters(room) as b:
        with storage_away(ada.server):
            error = await a.is_refused("send", message="lost", file=picture, client_id="n1")
            assert (error["code"], error["client_id"]) == ("storage_unavailable", "n1")
            body = {"message": "lost too", "file": picture}
            answer = await ada.post(f"chat/rooms/{room}/messages/", body)
            assert_error(answer, 503, "storage_unavailable")
            assert (await a.says("text goes on"))["version"] == 1
            await b.hears("text goes on")
            assert len(b.saw("chat_message")) == 1
        assert (await a.says("lost", file=picture, client_id="n1"))["version"] == 2


async def test_readyz_names_a_bucket_that_does_not_answer(people: tuple[Person, Person]) -> None:
    ada, _ = people
    assert (await ada.get("/readyz")).status_code == 200
    with storage_away(ada.server):
        answer = await ada.get("/readyz")
        assert answer.status_code == 200  # texts go on; the body names what does not
        assert answer.json()["bucket"] != "ok"
        assert answer.json()["database"] == "ok"
        assert (await ada.get("/healthz")).status_code == 200
    assert (await ada.get("/readyz")).status_code == 200
