"""Many join while others write: each sees each message once, in one order, and misses none."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from ..client import Person, Socket
from ..server import Server
from .load import Load

WRITERS, EACH, JOINERS = 3, 200, 60


async def joins(person: Person, room: int, last: str, query: dict[str, Any]) -> list[Any]:
    """A socket opened amid the storm: its messages, in the order they came."""
    async with person.enters(room, **query) as socket:
        messages = socket.first if isinstance(socket.first, list) else socket.first["messages"]
        heard = list(messages)
        while not heard or heard[-1]["text"] != last:
            frame = await socket.next()
            if frame["type"] == "chat_message":
                heard.append(frame["message"])
        return heard


async def comes_and_goes(person: Person, room: int, last: str, seed: int) -> list[Any]:
    """A client that loses its connection again and again, and keeps its cursor."""
    dice, cursor = random.Random(seed), 0
    heard: list[Any] = []
    while not heard or heard[-1]["text"] != last:
        async with person.enters(room, after=cursor) as socket:
            cursor = socket.first["version"]
            heard += socket.first["messages"]
            for _ in range(dice.randint(0, 40)):
                if heard and heard[-1]["text"] == last:
                    break
                frame = await socket.next()
                if frame["type"] == "chat_message":
                    assert frame["version"] == cursor + 1
                    cursor = frame["version"]
                    heard.append(frame["message"])
            socket.cut()
    return heard


@pytest.fixture
def open_server(own_server: Callable[..., Server]) -> Server:
    return own_server(rate_limit_rate=0).start()


async def test_a_join_amid_writing_sees_each_message_once(open_server: Server, cast: Any) -> None:
    ada, bob, eve = cast(open_server)
    room = await ada.opens(bob, eve)
    load = Load(room, ada, bob, eve)
    running = asyncio.create_task(load.run("m", 50, EACH))
    await asyncio.wait_for(load.enough.wait(), 20)
    dice = random.Random(7)
    queries: list[dict[str, Any]] = [{}, {"after": 0}, {"receipts": "compact"}]
    people = [ada, bob, eve]
    storm = []
    for number in range(JOINERS):
        query = queries[number % 3]
        storm.append(asyncio.create_task(joins(dice.choice(people), room, "the end", query)))
        await asyncio.sleep(dice.random() * 0.02)
    wandering = [comes_and_goes(bob, room, "the end", seed) for seed in range(4)]
    storm += map(asyncio.create_task, wandering)
    await asyncio.wait_for(running, 30)
    await ada.posts(room, "the end")
    heard = await asyncio.wait_for(asyncio.gather(*storm), 30)
    stored = [(m["message_id"], m["text"]) for m in await ada.reads_all(room)]
    assert len(stored) == WRITERS * EACH + 1
    assert sorted(load.sent) == sorted(text for _, text in stored[:-1])
    for number, messages in enumerate(heard):
        seen = [(m["message_id"], m["text"]) for m in messages]
        assert seen == stored[-len(seen) :], f"joiner {number}"
    assert open_server.stop() == 0


async def test_a_reconnect_storm_leaves_the_room_as_it_was(open_server: Server, cast: Any) -> None:
    ada, bob, _ = cast(open_server)
    room = await ada.opens(bob)
    async with ada.enters(room) as a:
        await a.says("before")

        async def storms(number: int) -> None:
            async with bob.enters(room, after=0) as socket:
                assert socket.first["messages"][0]["text"] == "before"
                if number % 2:
                    socket.cut()

        for _ in range(4):
            await asyncio.gather(*(storms(n) for n in range(50)))
            await a.still_works()
        await _hears_all(a)
    assert (await ada.reads_all(room))[0]["text"] == "before"
    assert open_server.stop() == 0


async def _hears_all(socket: Socket) -> None:
    """Nothing came twice."""
    ids = [f["message"]["message_id"] for f in socket.saw("chat_message")]
    assert ids == sorted(set(ids))
    for kind in ("mark_message_as_delivered", "mark_message_as_read"):
        marked = [f["message"]["message_id"] for f in socket.saw(kind)]
        assert len(marked) == len(set(marked))
