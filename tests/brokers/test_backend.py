"""What both brokers promise: an event comes out or a GAP does, nobody waits, nothing leaks."""

import asyncio
import logging
import random
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest
from roomcast.realtime.brokers import GAP, Backend, Unreachable, backend, backend_of
from roomcast.realtime.brokers.connection import Link

from .receiving import gap, gets_through, receives, receives_until, until

# ---------------------------------------------------------------- events


async def test_every_process_hears_what_is_published_in_its_channels(opened):
    async with opened() as one, opened() as other:
        for broker in (one, other):
            await broker.subscribe("room:1")
        await one.subscribe("room:2")
        await other.publish("room:2", "for one")
        await other.publish("room:1", "for both")
        assert await receives(one, 2) == ["for one", "for both"]
        assert await receives(other) == ["for both"]


@pytest.mark.parametrize(
    "text", ["", "a\nb\r\n", "🙂 привіт שלום", '{"a": "\\u0000"}', "x" * 7_800]
)
async def test_a_text_comes_out_as_it_went_in(opened, text):
    async with opened() as broker:
        await broker.subscribe("room:1")
        await broker.publish("room:1", text)
        assert await receives(broker) == [text]


async def test_what_is_too_long_for_the_broker_travels_as_a_gap(opened):
    async with opened() as broker:
        await broker.subscribe("room:1")
        await asyncio.gather(*(broker.publish("room:1", m) for m in ("a", "x" * 2_000_000, "b")))
        assert await receives(broker, 3) == ["a", GAP, "b"]


async def test_equal_messages_that_are_published_together_all_arrive(opened):
    async with opened() as broker:
        await broker.subscribe("room:1")
        await asyncio.gather(*(broker.publish("room:1", "same" * 1_000) for _ in range(100)))
        assert len(await receives(broker, 100)) == 100


async def test_each_channel_is_in_order_whoever_publishes_at_the_same_time(opened):
    async with opened() as broker, opened() as other:
        for room in range(20):
            await other.subscribe(f"room:{room}")

        async def publish(room: int) -> None:
            await asyncio.gather(*(broker.publish(f"room:{room}", f"{n}") for n in range(50)))

        await asyncio.gather(*map(publish, range(20)))
        await broker.publish("room:0", "last")
        received = await receives_until(other, "last")
        for room in range(1, 20):
            assert [m for c, m in received if c == f"room:{room}"] == [f"{n}" for n in range(50)]


async def test_what_is_no_text_is_refused_and_harms_nobody(opened):
    async with opened() as broker:
        await broker.subscribe("room:1")
        with pytest.raises(UnicodeEncodeError):
            await broker.publish("room:1", "\ud800")
        await broker.publish("room:1", "text")
        assert await receives(broker) == ["text"]


async def test_a_caller_that_goes_away_while_publishing_harms_nobody(opened, server, proxy):
    async with opened(proxy.url_of(server.url)) as broker:
        await broker.subscribe("room:1")
        proxy.latency = 0.02
        callers = [asyncio.create_task(broker.publish("room:1", f"{n}")) for n in range(10)]
        await asyncio.sleep(0)
        for caller in callers[::2]:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
        await broker.publish("room:1", "last")
        received = [message for _, message in await receives_until(broker, "last")]
        assert set("13579") < set(received)


# ---------------------------------------------------------------- subscribing


async def test_a_channel_that_was_left_is_not_heard(opened):
    async with opened() as broker:
        await broker.subscribe("room:1")
        await broker.subscribe("room:2")
        await broker.publish("room:1", "before")
        assert await receives(broker) == ["before"]
        await broker.unsubscribe("room:1")
        await broker.publish("room:1", "after")
        await broker.publish("room:2", "end")
        assert await receives(broker) == ["end"]


async def test_leaving_what_was_never_subscribed_is_nothing(opened):
    async with opened() as broker:
        await broker.unsubscribe("room:1")
        await broker.check()


@pytest.mark.parametrize("seed", range(3))
async def test_in_any_turmoil_the_last_word_counts(opened, server, proxy, seed):
    """Subscribing, leaving and cancelling, all at once, on eight channels."""
    chance = random.Random(seed)
    channels = [f"room:{n}" for n in range(8)]
    async with opened(proxy.url_of(server.url)) as broker:
        await asyncio.gather(*(come_and_go(broker, channel, chance) for channel in channels))
        await asyncio.gather(*map(broker.subscribe, channels[::2]))
        await asyncio.gather(*map(broker.unsubscribe, channels[1::2]))
        await asyncio.gather(*(broker.publish(channel, "now") for channel in channels))
        await broker.publish(channels[0], "last")
        received = await receives_until(broker, "last")
        assert received == [*((channel, "now") for channel in channels[::2]), (channels[0], "last")]


async def come_and_go(broker: Backend, channel: str, chance: random.Random) -> None:
    for _ in range(chance.randrange(1, 20)):
        subscribing = asyncio.create_task(broker.subscribe(channel))
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        if chance.random() < 0.3:
            subscribing.cancel()
        await asyncio.gather(subscribing, return_exceptions=True)
        if chance.random() < 0.5:
            await broker.unsubscribe(channel)


async def test_a_subscription_that_was_cancelled_leaves_nothing_behind(opened, server, proxy):
    async with opened(proxy.url_of(server.url)) as broker:
        await broker.subscribe("room:2")
        proxy.latency = 0.02
        for _ in range(20):
            subscribing = asyncio.create_task(broker.subscribe("room:1"))
            await asyncio.sleep(0)
            subscribing.cancel()
            done = await asyncio.gather(subscribing, return_exceptions=True)
            if done == [None]:  # there was nothing to wait for
                await broker.unsubscribe("room:1")
        await broker.publish("room:1", "for nobody")
        await broker.publish("room:2", "end")
        assert await receives(broker) == ["end"]


async def test_two_calls_for_one_channel_are_one_subscription(opened, server, proxy):
    async with opened(proxy.url_of(server.url)) as broker:
        proxy.latency = 0.02
        first, second = [asyncio.create_task(broker.subscribe("room:1")) for _ in range(2)]
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await second
        await broker.publish("room:1", "once")
        await broker.publish("room:1", "end")
        assert await receives(broker, 2) == ["once", "end"]


# ---------------------------------------------------------------- a broker that is away


async def test_back_within_two_seconds_of_the_servers_return(opened, mortal):
    async with opened() as broker:
        await broker.subscribe("room:1")
        mortal.kill()
        async with asyncio.timeout(5):
            with pytest.raises(Unreachable):
                await broker.check()
        await asyncio.sleep(2)  # an outage: until the pauses between attempts are at their longest
        await asyncio.to_thread(mortal.start)
        back = time.monotonic()
        await gap(broker)
        await broker.publish("room:1", "hello again")
        await receives_until(broker, "hello again")
        assert time.monotonic() - back < 2


async def test_nobody_waits_for_a_broker_that_is_away(opened, server, proxy):
    async with opened(proxy.url_of(server.url)) as broker:
        for channel in ("room:1", "room:2"):
            await broker.subscribe(channel)
        await proxy.refuse()
        async with asyncio.timeout(1):
            with pytest.raises(Unreachable):
                await broker.publish("room:1", "lost")
            await broker.subscribe("room:3")
            await broker.unsubscribe("room:2")
            with pytest.raises(Unreachable):
                await broker.check()
        await proxy.heal()
        async with asyncio.timeout(2):
            events = {(await broker.next_published()).channel for _ in range(2)}
        assert events == {"room:1", "room:3"}
        await broker.publish("room:2", "for nobody")
        await broker.publish("room:3", "end")
        received = await receives_until(broker, "end")
        assert {message for _, message in received} <= {GAP, "end"}
        assert {channel for channel, _ in received} <= {"room:1", "room:3"}


async def test_a_publish_that_failed_is_a_gap_for_the_others(opened, server, proxy):
    async with opened(proxy.url_of(server.url)) as speaker, opened() as listener:
        await listener.subscribe("room:1")
        await proxy.refuse()
        with pytest.raises(Unreachable):
            await speaker.publish("room:1", "lost")
        await proxy.heal()
        assert await receives(listener) == [GAP]


async def test_a_publish_that_nobody_answered_is_a_gap_for_the_others(opened, server, proxy):
    async with opened(proxy.url_of(server.url)) as speaker, opened() as listener:
        await listener.subscribe("room:1")
        proxy.blackhole("down")
        publishing = asyncio.create_task(speaker.publish("room:1", "perhaps lost"))
        await asyncio.sleep(0.05)  # long enough to arrive, as it does in Redis
        proxy.cut()
        await proxy.heal()
        with pytest.raises(Unreachable):
            await publishing
        await gap(listener)


async def test_a_whisper_is_heard_or_lost_and_is_no_gap_for_anybody(opened, server, proxy, caplog):
    caplog.set_level(logging.INFO)
    async with opened() as other, opened(proxy.url_of(server.url)) as broker:
        await other.subscribe("room:1")
        broker.publish_ephemeral("room:1", "received")
        assert await receives(other) == ["received"]
        proxy.blackhole("down")
        broker.publish_ephemeral("room:1", "on its way")
        await proxy.refuse()
        await until(lambda: "is unavailable" in caplog.text)
        broker.publish_ephemeral("room:1", "away")
        await proxy.heal()
        await until(lambda: "broker available again" in caplog.text)
        await broker.publish("room:1", "back")
        received = [message for _, message in await receives_until(other, "back")]
        assert set(received) <= {"on its way", "back"}


async def test_too_many_to_be_told_one_by_one_are_one_gap_for_everyone(
    opened, server, proxy, monkeypatch
):
    monkeypatch.setattr(backend, "MAX_GAPS_DUE", 3)
    async with opened(proxy.url_of(server.url)) as speaker, opened() as listener:
        await listener.subscribe("room:quiet")
        await proxy.refuse()
        for n in range(5):
            with pytest.raises(Unreachable):
                await speaker.publish(f"room:{n}", "lost")
        await proxy.heal()
        assert await receives(listener) == [GAP]


async def test_a_publish_fails_within_two_seconds_of_silence(opened, server, proxy):
    async with opened(proxy.url_of(server.url)) as broker:
        proxy.blackhole("down")
        start = time.monotonic()
        with pytest.raises(Unreachable):
            await broker.publish("room:1", "anybody there?")
        assert time.monotonic() - start < 2.5
        async with asyncio.timeout(0.5):
            with pytest.raises(Unreachable):
                await broker.publish("room:1", "anybody there now?")


async def test_a_check_fails_where_nothing_comes_back(opened, server, proxy, monkeypatch):
    monkeypatch.setattr(backend, "CHECK_TIMEOUT", 0.1)
    async with opened(proxy.url_of(server.url)) as broker:
        await broker.check()
        proxy.blackhole("down")
        with pytest.raises(Unreachable, match="TimeoutError"):
            await broker.check()


@pytest.mark.parametrize("ways", [("up",), ("down",), ("up", "down")], ids="-".join)
async def test_silence_is_noticed_though_nobody_publishes(
    opened, server, proxy, impatient, ways, caplog
):
    caplog.set_level(logging.INFO)
    async with opened(proxy.url_of(server.url)) as broker:
        await broker.subscribe("room:1")
        proxy.blackhole(*ways)
        await until(lambda: "is unavailable" in caplog.text)
        await proxy.heal()
        await gap(broker)


async def test_a_link_that_went_deaf_is_renewed(opened, impatient):
    """Its server answers, but what is published no longer comes: as after a failover."""
    async with opened() as broker:
        await broker.subscribe("room:1")
        broker._link._take = lambda channel, message: None
        await gap(broker)
        await broker.publish("room:1", "hello again")
        await receives_until(broker, "hello again")


def test_silence_is_noticed_within_ten_seconds():
    assert backend.CHECK_INTERVAL * (backend.CHECKS_PER_PULSE + backend.MAX_SILENT_CHECKS) <= 10


async def test_a_connection_that_is_cut_anywhere_is_made_again(opened, server, proxy):
    """At every thirteenth byte of what a connection says from its beginning."""
    async with opened(proxy.url_of(server.url)) as broker:
        await broker.subscribe("room:1")
        for count in range(1, 1_300, 13):
            proxy.cut_after(count, "down" if count % 2 else "up")
            proxy.cut()
            await gap(broker)
            await proxy.heal()
            await gets_through(broker, "room:1", f"{count}")


async def test_thousands_of_channels_are_subscribed_again(opened, server, proxy):
    async with opened(proxy.url_of(server.url)) as broker, opened() as other:
        channels = [f"room:{n}" for n in range(5_000)]
        await asyncio.gather(*map(broker.subscribe, channels))
        proxy.cut()
        async with asyncio.timeout(5):
            gaps = {(await broker.next_published()).channel for _ in channels}
        assert gaps == set(channels)
        await asyncio.gather(*(other.publish(channel, channel) for channel in channels))
        await other.publish("room:0", "last")
        assert len(await receives_until(broker, "last")) == 5_001


# ---------------------------------------------------------------- beginning and end


async def test_a_server_that_is_not_there_fails_the_start(server):
    broker = backend_of(f"{urlsplit(server.url).scheme}://chat:pw@127.0.0.1:1")
    tasks = asyncio.all_tasks()
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1 is unavailable"):
        await broker.connect()
    await broker.disconnect()
    assert asyncio.all_tasks() == tasks


async def test_a_server_that_says_nothing_fails_the_start(server, proxy, monkeypatch):
    monkeypatch.setattr(backend, "OPEN_TIMEOUT", 0.2)
    proxy.blackhole()
    broker = backend_of(proxy.url_of(server.url))
    with pytest.raises(Unreachable):
        await broker.connect()


async def test_nothing_is_left_when_it_disconnects(opened, server):
    before = server.connections()
    for _ in range(10):
        async with opened() as broker:
            await broker.subscribe("room:1")
            await broker.publish("room:1", "hello")
            assert before < server.connections() <= before + 2
    await until(lambda: server.connections() == before)


async def test_it_can_disconnect_while_the_broker_is_away(opened, server, proxy):
    async with opened(proxy.url_of(server.url)) as broker:
        await broker.subscribe("room:1")
        await proxy.refuse()
        with pytest.raises(Unreachable):
            await broker.publish("room:1", "lost")


async def test_it_can_disconnect_while_it_tries_to_connect(opened, server, proxy, impatient):
    async with opened(proxy.url_of(server.url)) as broker:
        before = proxy.accepted
        proxy.blackhole()
        await until(lambda: proxy.accepted > before)
        with pytest.raises(Unreachable, match=r"unavailable\.$"):
            await broker.check()


async def test_who_is_waiting_when_it_disconnects_is_told(server, proxy):
    broker = backend_of(proxy.url_of(server.url))
    await broker.connect()
    proxy.blackhole()
    waiting = [
        asyncio.create_task(broker.publish("room:1", "lost")),
        asyncio.create_task(broker.check()),
        asyncio.create_task(broker.subscribe("room:1")),
    ]
    await asyncio.sleep(0)
    await broker.disconnect()
    assert [type(end) for end in await asyncio.gather(*waiting, return_exceptions=True)] == [
        Unreachable,
        Unreachable,
        type(None),
    ]
    await proxy.heal()


async def test_the_password_is_never_told(mortal, proxy, caplog):
    caplog.set_level(logging.DEBUG)
    parts = mortal.url.split("@")[0].split(":")
    wrong = proxy.url_of(mortal.url).replace(parts[-1], "s3cret%2F")
    broker = backend_of(wrong)
    with pytest.raises(Unreachable) as refused:
        await broker.connect()
    right = backend_of(proxy.url_of(mortal.url))
    await right.connect()
    proxy.cut()
    await until(lambda: "broker available again" in caplog.text)
    links = [value for value in vars(right).values() if isinstance(value, Link)]
    assert links
    told = f"{refused.value} {refused.value.__cause__!r} {caplog.text} {broker!r} {links!r}"
    await right.disconnect()
    for secret in ("s3cret", parts[-1], "only for", "only/for"):
        assert secret not in told


def test_a_url_of_something_else_is_refused():
    with pytest.raises(ValueError, match="kafka:// is no broker"):
        backend_of("kafka://localhost")


def test_a_library_is_loaded_only_when_a_url_asks_for_it():
    check = (
        "import roomcast.realtime.brokers, sys; "
        "sys.exit(bool({'redis', 'asyncpg'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
