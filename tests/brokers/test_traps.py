"""What broadcaster's own backends lose, and ours do not.

Each of these fails on a stock backend. When one no longer does, a release has healed it: look
whether ours is still worth its code.
"""

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg
import pytest
import redis
from broadcaster import Broadcast
from redis.exceptions import MaxConnectionsError
from roomcast.realtime.brokers import GAP, Unreachable

from ..engines import Engine
from ..engines.postgres import Postgres
from ..engines.valkey import Valkey
from .receiving import arrives, broadcast_on, event_of, publishes


def on_each(**stock: type[Exception] | tuple[type[Exception], ...]) -> pytest.MarkDecorator:
    """Ours passes on both servers; the stock backend fails on these, with these exceptions."""
    cases = [pytest.param("ours", server, id=f"ours-{server}") for server in ("valkey", "postgres")]
    for server, raises in stock.items():
        mark = pytest.mark.xfail(strict=True, raises=raises, reason="broadcaster 0.3.1")
        cases.append(pytest.param("stock", server, id=f"stock-{server}", marks=mark))
    return pytest.mark.parametrize(("kind", "server"), cases, indirect=["server"])


def since_redis_8(raises: type[Exception]) -> dict[str, type[Exception]]:
    """Where the stock backend for Valkey fails with redis-py 8, and passes with 7."""
    return {"valkey": raises} if int(redis.__version__.split(".")[0]) >= 8 else {}


@on_each(**since_redis_8(TimeoutError))
async def test_what_is_published_right_after_subscribe_is_never_missed(kind, server):
    async with broadcast_on(kind, server.url) as listener, broadcast_on(kind, server.url) as other:
        for n in range(200):
            async with listener.subscribe(f"room:{n}") as subscriber:
                await (listener, other)[n % 2].publish(f"room:{n}", f"{n}")
                await arrives(subscriber, f"{n}")


AWAY = (asyncpg.InterfaceError, asyncpg.PostgresError, OSError)


@on_each(valkey=TimeoutError, postgres=AWAY)
async def test_delivery_goes_on_after_the_server_was_killed(kind, mortal):
    async with (
        broadcast_on(kind, mortal.url) as broadcast,
        broadcast.subscribe("room:0"),
        broadcast.subscribe("room:1") as subscriber,
    ):
        mortal.kill()
        await asyncio.to_thread(mortal.start)
        await gets_through(broadcast, subscriber)


@on_each(valkey=TimeoutError, postgres=AWAY)
async def test_delivery_goes_on_after_the_server_closed_the_connections(kind, mortal):
    async with (
        broadcast_on(kind, mortal.url) as broadcast,
        broadcast.subscribe("room:0"),
        broadcast.subscribe("room:1") as subscriber,
    ):
        close_connections(mortal)
        await gets_through(broadcast, subscriber)


@on_each(valkey=TimeoutError, postgres=TimeoutError)
async def test_a_network_that_fell_silent_is_noticed_and_told(kind, server, proxy, impatient):
    async with (
        broadcast_on(kind, proxy.url_of(server.url)) as broadcast,
        broadcast.subscribe("room:0"),
        broadcast.subscribe("room:1") as subscriber,
    ):
        proxy.blackhole("down")
        try:
            await noticed(broadcast)
        finally:
            await proxy.heal()
        await arrives(subscriber, GAP)


async def gets_through(broadcast: Broadcast, subscriber: Any) -> None:
    """Said until it is received: the first times may be lost with the connection."""
    async with asyncio.timeout(3):
        while True:
            await publishes(broadcast, "room:1", "hello again")
            with suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    return await arrives(subscriber, "hello again")


async def noticed(broadcast: Broadcast) -> None:
    """Publishing fails: somebody knows that the broker is away."""
    async with asyncio.timeout(2):
        with pytest.raises(Unreachable):
            await broadcast.publish("elsewhere", "anybody there?")


@on_each(postgres=KeyError)
async def test_many_can_subscribe_at_the_same_time_to_channels_of_their_own(kind, server):
    async with broadcast_on(kind, server.url) as broadcast:

        async def visit(n: int) -> None:
            async with broadcast.subscribe(f"room:{n}") as subscriber:
                await broadcast.publish(f"room:{n}", f"{n}")
                await arrives(subscriber, f"{n}")

        if kind == "ours":
            await asyncio.gather(*(visit(n) for n in range(50)))
        else:  # one that fails is enough, and the others are done before it is told
            done = await asyncio.gather(*(visit(n) for n in range(50)), return_exceptions=True)
            raise next(error for error in done if isinstance(error, KeyError))


async def test_first_subscribers_of_a_channel_hear_when_they_come_one_after_another(server):
    async with broadcast_on("ours", server.url) as broadcast:
        subscriptions = [broadcast.subscribe("room:1") for _ in range(3)]
        turn = asyncio.Lock()

        async def enter(subscription):
            async with turn:
                return await subscription.__aenter__()

        subscribers = await asyncio.gather(*map(enter, subscriptions))
        await broadcast.publish("room:1", "hello")
        for subscription, subscriber in zip(subscriptions, subscribers, strict=True):
            await arrives(subscriber, "hello")
            async with turn:
                await subscription.__aexit__(None, None, None)


async def test_broadcaster_itself_still_needs_that_lock(valkey):
    """Its subscribe races with itself around any backend that waits for its server."""
    async with broadcast_on("ours", valkey.url) as broadcast:
        subscriptions = [broadcast.subscribe("room:1") for _ in range(3)]
        await asyncio.gather(*(s.__aenter__() for s in subscriptions))
        leaving = (s.__aexit__(None, None, None) for s in subscriptions)
        done = await asyncio.gather(*leaving, return_exceptions=True)
        assert [error for error in done if isinstance(error, KeyError)]


@on_each(**since_redis_8(MaxConnectionsError), postgres=asyncpg.InterfaceError)
async def test_what_is_published_at_the_same_time_arrives_in_the_order_of_the_calls(kind, server):
    async with (
        broadcast_on(kind, server.url) as broadcast,
        broadcast.subscribe("room:0"),
        broadcast.subscribe("room:1") as subscriber,
    ):
        messages = [f"{n}" for n in range(300)]
        await asyncio.gather(*(broadcast.publish("room:1", message) for message in messages))
        async with asyncio.timeout(5):
            assert [(await event_of(subscriber)).message for _ in messages] == messages


@on_each(postgres=asyncpg.InvalidParameterValueError)
async def test_a_message_may_be_longer_than_a_notification(kind, server):
    async with (
        broadcast_on(kind, server.url) as broadcast,
        broadcast.subscribe("room:1") as subscriber,
    ):
        await broadcast.publish("room:1", "x" * 8_000)
        assert (await event_of(subscriber)).message in ("x" * 8_000, GAP)


@on_each(postgres=asyncpg.InvalidParameterValueError)
async def test_a_channel_may_have_a_long_name(kind, server):
    channel = "user:" + "ї" * 255
    async with (
        broadcast_on(kind, server.url) as broadcast,
        broadcast.subscribe(channel) as subscriber,
    ):
        await broadcast.publish(channel, "hello")
        await arrives(subscriber, "hello")


@on_each(valkey=TimeoutError)
async def test_bytes_that_are_no_text_harm_nobody(kind, server):
    async with (
        broadcast_on(kind, server.url) as broadcast,
        broadcast.subscribe("room:0"),
        broadcast.subscribe("room:1") as subscriber,
    ):
        litter(server, kind)
        await broadcast.publish("room:1", "hello")
        await arrives(subscriber, "hello")


def close_connections(server: Engine) -> None:
    if isinstance(server, Postgres):
        server.terminate_backends()
    else:
        assert isinstance(server, Valkey)
        server.execute("CLIENT", "KILL", "TYPE", "pubsub")
        server.execute("CLIENT", "KILL", "TYPE", "normal")


def litter(server: Engine, kind: str) -> None:
    """Something that is not ours publishes where we listen."""
    if isinstance(server, Postgres):
        server.execute("notify roomcast, 'no bundle of ours'")
    else:
        assert isinstance(server, Valkey)
        server.execute("PUBLISH", "roomcast:0:room:1" if kind == "ours" else "room:1", b"\xff\xfe")
