"""Whatever one user does within the limits, a bystander's messages go through in time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from ..client import Person

DURATION = 1.5  # seconds of each load
MAX_LATENCY = 1.0  # seconds at the 95th percentile: beside other tests, and under coverage

Load = Callable[[Person], Awaitable[None]]


async def open_large_rooms(user: Person) -> None:
    """A room of 256 members as often as the limit allows."""
    while True:
        members = [user.id, *range(50_000, 50_255)]
        answer = await user.post("chat/create/", {"members": members, "context": "x"})
        assert answer.status_code in (201, 429)


async def list_rooms(user: Person) -> None:
    """The room list, with a room of 256 members in it."""
    await user.post("chat/create/", {"members": [user.id, *range(50_000, 50_255)]})

    async def repeat() -> None:
        while True:
            answer = await user.get("chat/recieve/", page_size=100)
            assert answer.status_code in (200, 429)

    await asyncio.gather(*(repeat() for _ in range(5)))


async def react_from_many_sockets(user: Person) -> None:
    """Reactions as fast as 20 sockets can, by the user's one limit."""
    room = await user.opens(Person(user.server, user.http, 3, "eve"))
    message = (await user.posts(room, "a message"))["message_id"]
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(user.enters(room)) for _ in range(20)]
        while True:
            for n, socket in enumerate(sockets):
                await socket.does("react", message_id=message, emoji="\N{GRINNING FACE}", on=n % 2)
            await asyncio.sleep(0.01)


async def export_again_and_again(user: Person) -> None:
    async def repeat() -> None:
        while True:
            answer = await user.get("chat/export/")
            assert answer.status_code in (200, 429)

    await asyncio.gather(*(repeat() for _ in range(5)))


@pytest.mark.parametrize(
    "load", [open_large_rooms, list_rooms, react_from_many_sockets, export_again_and_again]
)
async def test_a_bystander_is_served_in_time(
    load: Load, serve: Any, cast: Any, http: httpx.AsyncClient
) -> None:
    server = serve(rate_limit_burst=200)
    _, bob, eve = cast(server)
    user = Person(server, http, f"busy {load.__name__}", "busy")
    room = await bob.opens(eve)
    async with bob.enters(room) as socket:
        working = asyncio.create_task(load(user))
        latencies: list[float] = []
        ends_at = time.monotonic() + DURATION
        while time.monotonic() < ends_at:
            began = time.monotonic()
            await socket.says("still there?")
            latencies.append(time.monotonic() - began)
            await asyncio.sleep(0.02)
        assert not working.done(), working.exception()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    latencies.sort()
    p95 = latencies[len(latencies) * 95 // 100]
    assert p95 < MAX_LATENCY, (len(latencies), p95, latencies[-1])
