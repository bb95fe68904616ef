"""People join at the same moment, on a process that nobody is on, in the middle of a talk."""

import asyncio
from contextlib import AsyncExitStack

from ...client import Person, Socket
from ...engines import Engine
from .conftest import Started

ROUNDS = 20
AT_ONCE = 4


async def test_those_who_join_at_the_same_moment_miss_nothing(
    started: Started, broker: Engine
) -> None:
    async with started(broker) as cluster:
        room = await cluster.ada.opens(cluster.bob)
        async with cluster.ada.enters(room) as writer:
            writing = asyncio.create_task(writes(writer))
            for _ in range(ROUNDS):
                await join_at_once(cluster.bob, room)
            writing.cancel()


async def writes(socket: Socket) -> None:
    number = 0
    while True:
        await socket.sends(f"{number}")
        number += 1
        await asyncio.sleep(0.002)


async def join_at_once(person: Person, room: int) -> None:
    async with AsyncExitStack() as stack:
        entering = [
            stack.enter_async_context(person.enters(room, after=0, receipts="manual,compact"))
            for _ in range(AT_ONCE)
        ]
        await asyncio.gather(*(hears_all(socket) for socket in await asyncio.gather(*entering)))


async def hears_all(socket: Socket) -> None:
    """Every version after that of the first frame, without a gap."""
    version = socket.first["version"]
    for expected in range(version + 1, version + 6):
        assert (await socket.receives("chat_message"))["version"] == expected
