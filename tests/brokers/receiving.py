"""Helpers for tests of any backend, of broadcaster or of ours."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from broadcaster import Broadcast, Event
from roomcast.realtime.brokers import GAP, Backend, Unreachable, backend_of

WITHIN = 30.0  # seconds for what should take milliseconds


async def receives(broker: Backend, count: int = 1) -> list[str]:
    """The next messages, of any channel."""
    async with asyncio.timeout(WITHIN):
        return [(await broker.next_published()).message for _ in range(count)]


async def receives_until(broker: Backend, last: str) -> list[tuple[str, str]]:
    """All events up to this message, which is the last."""
    received = []
    async with asyncio.timeout(WITHIN):
        while not received or received[-1][1] != last:
            event = await broker.next_published()
            received.append((event.channel, event.message))
    return received


async def gap(broker: Backend, within: float = WITHIN) -> None:
    """Waits for a GAP, and drops what came before it."""
    async with asyncio.timeout(within):
        while (await broker.next_published()).message != GAP:
            pass


async def publishes(broker: Backend | Broadcast, channel: str, message: str) -> None:
    """As soon as the broker takes it."""
    async with asyncio.timeout(WITHIN):
        while True:
            with suppress(Unreachable):
                return await broker.publish(channel, message)
            await asyncio.sleep(0.02)


async def gets_through(broker: Backend, channel: str, message: str) -> None:
    """Said until it is received: what was taken may still be lost, and a GAP is told."""
    async with asyncio.timeout(WITHIN):
        while True:
            await publishes(broker, channel, message)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    while (await broker.next_published()).message != message:
                        pass
                    return


async def arrives(subscriber: Any, message: str) -> None:
    """This message, after whatever else."""
    async with asyncio.timeout(2):
        while (await event_of(subscriber)).message != message:
            pass


async def event_of(subscriber: Any) -> Event:
    event: Event = await subscriber.get()
    return event


@asynccontextmanager
async def broadcast_on(kind: str, url: str) -> AsyncIterator[Broadcast]:
    """`ours` or `stock`; what a stock backend leaves behind is swept away."""
    broadcast = Broadcast(backend=backend_of(url)) if kind == "ours" else Broadcast(url)
    await broadcast.connect()
    try:
        yield broadcast
    finally:
        if kind == "ours":
            await broadcast.disconnect()
        else:
            await sweep(broadcast)


async def sweep(broadcast: Broadcast) -> None:
    backend: Any = broadcast._backend
    tasks = [broadcast._listener_task, getattr(backend, "_listener", None)]
    for task in filter(None, tasks[: 2 if hasattr(backend, "_pubsub") else 1]):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    with suppress(Exception):
        async with asyncio.timeout(2):
            await backend.disconnect()


async def until(holds: Callable[[], bool]) -> None:
    """For what no event tells."""
    async with asyncio.timeout(WITHIN):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
