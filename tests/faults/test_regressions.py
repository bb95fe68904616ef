"""What once broke a running server, each as small as it can be."""

import asyncio
import shutil
import sqlite3
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, closing
from typing import Any

import httpx
import pytest
from roomcast.protocol.errors import FileTooLarge
from roomcast.routes.bodies import SMALL_BODY_SIZE, BodiesInFlight
from starlette.requests import Request

from ..client import Person
from ..protocol.files import PNG, file
from ..server import Server, free_port
from . import wire
from .test_start import assert_one_sentence

Make = Callable[..., Server]
Cast = Callable[[Server], tuple[Person, Person, Person]]
LARGE = "👍" * 4000  # 16 kB on the wire
FAREWELL = b"\x88\x82\0\0\0\0" + struct.pack("!H", 1000)  # a close frame


# ---------------------------------------------------------------- a journal that nothing ends


async def test_a_goodbye_after_more_than_the_reader_takes_harms_nobody_else(
    own_server: Make, cast: Cast
) -> None:
    server = own_server(rate_limit_rate=0, limits_send_queue_size=4096).start()
    ada, bob, eve = cast(server)
    room, elsewhere = await ada.opens(bob), await bob.opens(eve)
    await asyncio.gather(*(ada.posts(room, LARGE, client_id=f"n{n}") for n in range(50)))
    again = wire.frame({"action": "send", "message": "another text", "client_id": "n1"})
    with ExitStack() as left:
        for query in (f"?room_id={room}", f"?room_id={room}&after=0"):
            slow = wire.opened(ada, query, receive_buffer=4096)
            async with bob.enters(elsewhere) as b:
                await b.still_works()  # by now the slow reader has joined, too
                slow.sendall(again * 60 + FAREWELL)  # errors of more than 4096 bytes, then the end
                for _ in range(3):
                    await b.still_works()
            left.callback(slow.close)
        ready = await ada.http.get(server.url + "/readyz")
        assert (ready.status_code, ready.json()["database"]) == (200, "ok")
        assert (await ada.posts(room, "here too"))["version"] == 51
        began = time.monotonic()
        assert await asyncio.to_thread(server.stop) == 0
        assert time.monotonic() - began < 5
        assert "Traceback" not in server.said()


# ---------------------------------------------------------------- a stranger's Host


async def test_a_strangers_host_is_never_told_to_others(
    ada: Person, bob: Person, eve: Person, room: int
) -> None:
    evil = {"Host": "evil.example"}
    await ada.posts(room, "look", file=file("a.png", "image/png", PNG))
    async with ada.enters(room) as a, bob.enters(room, receipts="manual") as b:
        assert (await eve.asks("GET", "chat/receive/", headers=evil)).status_code == 200
        await b.does("read", message_id=a.first[0]["message_id"])
        frame = await a.receives("mark_message_as_read")
    [attachment] = frame["message"]["attachments"]
    assert attachment["file_url"].startswith(f"{ada.server.url}/")


async def test_what_is_no_host_never_stands_in_a_link(ada: Person, room: int) -> None:
    await ada.posts(room, "look", file=file("a.png", "image/png", PNG))
    for host in ('x"><script>', "a b", "user:pass@evil.example"):
        answer = await ada.asks("GET", f"chat/rooms/{room}/messages/", headers={"Host": host})
        if answer.status_code == 200:  # the server may refuse it as a whole
            [attachment] = answer.json()["messages"][0]["attachments"]
            assert attachment["file_url"].startswith(f"{ada.server.url}/")


# ---------------------------------------------------------------- too much at once


async def test_binary_frames_count_as_actions(serve: Make, cast: Cast) -> None:
    ada, bob, _ = cast(serve(rate_limit_rate=1, rate_limit_burst=8))
    async with ada.enters(await ada.opens(bob)) as a:
        for _ in range(12):
            await a.raw(b"\0")
        codes = [(await a.receives("error"))["code"] for _ in range(12)]
    assert codes[:4] == ["invalid_frame"] * 4  # the room was opened and shown by the same tokens
    assert codes.count("rate_limited") >= 5


async def test_a_body_without_files_is_small(ada: Person) -> None:
    fits = {"second_user": 2, "title": "x" * (SMALL_BODY_SIZE - 100)}
    assert (await ada.post("chat/create/", fits)).status_code == 400  # for its title
    large = {"second_user": 2, "title": "x" * SMALL_BODY_SIZE}
    answer = await ada.post("chat/create/", large)
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")


@pytest.mark.parametrize(("sent", "read"), [(20, 20), (32, 32), (90, 33)])
async def test_of_a_body_that_is_too_large_as_much_again_is_read(sent: int, read: int) -> None:
    chunk, taken = b"x" * (SMALL_BODY_SIZE // 16), 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": chunk, "more_body": taken < sent}

    bodies = BodiesInFlight(8 * SMALL_BODY_SIZE)
    with pytest.raises(FileTooLarge):
        await bodies.read(Request({"type": "http"}, receive))
    assert (taken, bodies.size) == (read, 0)


async def test_too_many_members_are_refused_before_each_is_looked_at(ada: Person) -> None:
    answer = await ada.post("chat/create/", {"members": ["", *range(300)]})
    assert answer.status_code == 400
    assert "at most 256" in answer.json()["detail"]
    answer = await ada.post("chat/create/", {"members": ["", *range(20)]})
    assert "at most 256" not in answer.json()["detail"]


async def test_bodies_with_files_come_in_a_few_at_a_time(serve: Make, cast: Cast) -> None:
    ada, bob, _ = cast(serve(rate_limit_rate=0))
    room, finish = await ada.opens(bob), asyncio.Event()
    path = f"chat/rooms/{room}/messages/"

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"message":"slow",'
        await finish.wait()
        yield b'"file":null}'

    async def refused() -> httpx.Response:
        while (answer := await ada.post(path, {"message": "quick"})).status_code == 201:
            pass
        return answer

    tasks = [asyncio.create_task(ada.asks("POST", path, content=slowly())) for _ in range(8)]
    async with asyncio.timeout(10):
        answer = await refused()
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert (await bob.post(path, {"message": "another's"})).status_code == 201
        finish.set()
        assert {(await task).status_code for task in tasks} == {201}
    assert (await ada.post(path, {"message": "after"})).status_code == 201


# ---------------------------------------------------------------- small ones


async def test_a_user_may_be_called_zero(stranger: Callable[..., Person], ada: Person) -> None:
    zero = stranger(0)
    answer = await zero.post("chat/create/", {"first_user": 0, "second_user": 1})
    assert answer.status_code in (200, 201), answer.text
    assert answer.json()["members"] == [0, 1]
    answer = await ada.post("chat/create/", {"first_user": 0, "second_user": 2})
    assert answer.status_code == 403
    answer = await ada.post("chat/create/", {"first_user": 1, "second_user": 0})
    assert answer.json()["members"] == [0, 1]


@pytest.mark.parametrize("url", ["redis://127.0.0.1:{}", "postgresql://x:y@127.0.0.1:{}/z"])
async def test_a_broker_that_is_away_at_the_start_is_said(own_server: Make, url: str) -> None:
    server, port = own_server(), free_port()
    server.settings["broadcast_url"] = url.format(port)
    assert_one_sentence(server.try_to_start(), str(port))


async def test_a_backup_of_a_moment_ago_starts_another_epoch(own_server: Make, cast: Cast) -> None:
    server = own_server().start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    await ada.posts(room, "one")
    backup = server.folder / "backup.db"
    with (
        closing(sqlite3.connect(server.database)) as source,
        closing(sqlite3.connect(backup)) as copy,
    ):
        source.backup(copy)
    await ada.posts(room, "lost")
    async with bob.enters(room, after=0) as b:
        epoch, version = b.first["epoch"], b.first["version"]
    assert server.stop() == 0
    shutil.copy(backup, server.database)  # a clean stop left no -wal and no -shm
    assert not list(server.folder.glob("*.db-wal"))
    server.start()
    await ada.posts(room, "the same version, another text")
    async with bob.enters(room, after=version, epoch=epoch) as b:
        assert b.first["reset"]
        assert b.first["epoch"] != epoch
        texts = [message["text"] for message in b.first["messages"]]
    assert texts == ["one", "the same version, another text"]
