"""Too much at once: frames that are too big, actions that come too fast, engines that are away."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from ..client import Person
from ..server import Server
from .files import PNG, file
from .test_http import assert_error


async def test_a_frame_over_the_limit_closes(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        with suppress(AssertionError):
            await a.sends("x" * (17 << 20))  # the server need not take it all
        assert await a.closes() == 1009
        await b.still_works()
    assert len(await ada.reads_all(room)) == 1


async def test_the_limit_of_a_frame_is_a_setting(serve: Any, cast: Any) -> None:
    ada, bob, _ = cast(serve(limits_frame=65536, attachments_max_size=10_000))
    room = await ada.opens(bob)
    async with ada.enters(room) as socket:
        await socket.raw(json.dumps({"action": "ping", "x": "y" * 60_000}))
        assert (await socket.next())["type"] == "pong"
        await socket.raw(json.dumps({"action": "ping", "x": "y" * 70_000}))
        assert await socket.closes() == 1009


@pytest.fixture
def hasty(serve: Any, cast: Any) -> tuple[Person, Person]:
    """Ada and bob on a server that takes five actions a second."""
    limits = {"actions_per_second": 5, "actions_burst": 5, "actions_patience": 1}
    people: tuple[Person, Person, Person] = cast(
        serve(**{f"limits_{k}": v for k, v in limits.items()})
    )
    return people[:2]


async def test_a_burst_passes_and_then_it_is_too_fast(hasty: tuple[Person, Person]) -> None:
    ada, bob = hasty
    room = await ada.opens(bob)
    async with ada.enters(room) as a, bob.enters(room) as b:
        for n in range(12):
            await a.sends(f"m{n}", client_id=f"n{n}")
        refused = [await a.receives("error") for _ in range(6)]
        assert {e["code"] for e in refused} == {"rate_limited"}
        assert {e["action"] for e in refused} == {"send"}
        assert all(e["client_id"].startswith("n") for e in refused)
        await b.still_works()
    stored = [m["client_id"] for m in await ada.reads_all(room) if "client_id" in m]
    assert 5 <= len(stored) <= 6
    assert stored == [f"n{n}" for n in range(len(stored))]
    assert not set(stored) & {e["client_id"] for e in refused}


async def test_going_on_for_long_is_closed(hasty: tuple[Person, Person]) -> None:
    ada, bob = hasty
    room = await ada.opens(bob)
    async with ada.enters(room) as a, bob.enters(room) as b:

        async def hammers() -> None:
            while True:
                await a.connection.send('{"action":"ping"}')
                await asyncio.sleep(0)

        hammering = asyncio.create_task(hammers())
        assert await a.closes() == 4029
        await asyncio.gather(hammering, return_exceptions=True)
        assert a.saw("error", code="rate_limited")
        await b.still_works()


async def test_limits_that_are_off_are_off(serve: Any, cast: Any) -> None:
    ada, bob, _ = cast(serve(limits_actions_per_second=0))
    room = await ada.opens(bob)
    async with ada.enters(room) as socket:
        for _ in range(600):
            await socket.does("ping")
        for _ in range(600):
            assert (await socket.next())["type"] == "pong"


# ------------------------------------------------------------- away


@contextmanager
def database_held(server: Server) -> Iterator[None]:
    """Another program holds the write lock, as a backup may."""
    holder = sqlite3.connect(server.database, isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")
    finally:
        holder.close()


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


async def test_a_database_that_is_away_stores_nothing(own_server: Any, cast: Any) -> None:
    ada, bob, _ = cast(own_server().start())
    room = await ada.opens(bob)
    async with ada.enters(room) as socket:
        await socket.says("before")
        with database_held(ada.server):
            await socket.sends("lost", client_id="n1")
            error = await socket.next()
            assert (error["code"], error["client_id"]) == ("unavailable", "n1")
            answer = await bob.post(f"chat/rooms/{room}/messages/", {"message": "lost too"})
            assert_error(answer, 503, "unavailable")
        assert (await socket.says("after", client_id="n1"))["version"] == 2
    assert [m["text"] for m in await ada.reads_all(room)] == ["before", "after"]


async def test_a_storage_that_is_away_stores_nothing(own_server: Any, cast: Any) -> None:
    ada, bob, _ = cast(own_server().start())
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


async def test_readyz_says_what_does_not_answer(own_server: Any, cast: Any) -> None:
    ada, _, _ = cast(own_server().start())
    assert (await ada.get("/readyz")).status_code == 200
    with storage_away(ada.server):
        answer = await ada.get("/readyz")
        assert answer.status_code == 503
        assert "attachments" in answer.text or "bucket" in answer.text
        assert (await ada.get("/healthz")).status_code == 200
    assert (await ada.get("/readyz")).status_code == 200
