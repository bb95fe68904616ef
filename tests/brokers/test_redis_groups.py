"""Several Valkey servers: a primary that sentinels name, and a cluster with sharded channels."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.crc import key_slot
from roomcast.realtime.brokers import Unreachable, backend_of
from roomcast.realtime.brokers.redis_address import parse_redis_url

from ..engines.fixtures import running
from ..engines.valkey import binary
from ..engines.valkey_groups import PRIMARIES, ClusterGroup, SentinelGroup, wait_for
from .receiving import gap, gets_through, receives


def found(kind: type, folder: Path) -> SentinelGroup | ClusterGroup:
    binary()
    folder.chmod(0o755)
    return kind(folder)


@pytest.fixture(scope="module")
def cluster() -> Iterator[ClusterGroup]:
    yield from running(lambda folder: found(ClusterGroup, folder), "cluster")


@pytest.fixture(scope="module")
def sentinels() -> Iterator[SentinelGroup]:
    yield from running(lambda folder: found(SentinelGroup, folder), "sentinels")


@pytest.fixture
def server(cluster: ClusterGroup) -> ClusterGroup:
    return cluster


async def test_channels_of_a_cluster_are_spread_over_its_nodes(opened, cluster) -> None:
    rooms = [f"room:{number}" for number in range(30)]
    async with opened() as one, opened() as other:
        for room in rooms:
            await other.subscribe(room)
        for room in rooms:
            await one.publish(room, f"in {room}")
        assert sorted(await receives(other, len(rooms))) == sorted(f"in {room}" for room in rooms)
        for node in cluster.nodes[:PRIMARIES]:
            channels = node.execute("PUBSUB", "SHARDCHANNELS", "roomcast:0:room:*")
            assert int(channels.removeprefix("*")) > 3
        other.forget(rooms[0])
        await other.check()
        await one.publish(rooms[0], "to nobody")
        await one.publish(rooms[1], "the next")
        assert await receives(other) == ["the next"]


async def test_a_slot_that_moves_is_a_gap(opened, cluster) -> None:
    slot = key_slot(b"roomcast:0:room:1")
    owner = slot // (16_384 // PRIMARIES + 1)
    source, target = cluster.nodes[owner], cluster.nodes[(owner + 1) % PRIMARIES]
    async with opened() as broker:
        await broker.subscribe("room:1")
        for old, new in ((source, target), (target, source)):
            cluster.move(slot, old, new)
            await gap(broker)
            await gets_through(broker, "room:1", f"on {new.port}")


async def test_a_switchover_of_sentinels_is_a_gap(opened, sentinels) -> None:
    async with opened(f"{sentinels.url}/1") as broker:
        await broker.subscribe("room:1")
        await gets_through(broker, "room:1", "before")
        await asyncio.to_thread(wait_for, sentinels.switches_over, "a suitable replica")
        await gap(broker)
        await gets_through(broker, "room:1", "afterwards")


async def test_a_service_that_no_sentinel_knows_is_a_sentence(sentinels) -> None:
    url = sentinels.url.replace("mymaster", "another")
    with pytest.raises(Unreachable, match="the sentinel knows no another") as refused:
        await backend_of(url).connect()
    assert "only" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("redis+sentinel://secret@host:26379", "name that the sentinels give"),
        ("redis+sentinel://secret@host:26379/mymaster/one", "may name a database"),
        ("redis+sentinel://:secret@host:port/mymaster", "host:port,host:port"),
        ("redis+cluster://:secret@host:6379,:6379", "host:port,host:port"),
        ("redis+cluster://:secret@host:6379/1", "takes no path"),
        ("redis+cluster://:secret@host:6379?colour=red", "colour"),
    ],
)
def test_a_wrong_url_is_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as refused:
        backend_of(url)
    assert "secret" not in str(refused.value)


def test_each_server_has_a_url_of_its_own() -> None:
    url = "rediss+cluster://bot:p%40w@one:7000,[::1],three?ssl_ca_certs=/a%20b"
    parsed = parse_redis_url(url, 6379)
    assert parsed.places == [("one", 7000), ("::1", 6379), ("three", 6379)]
    assert parsed.at(parsed.places[1]) == "rediss://bot:p%40w@[::1]:6379/0?ssl_ca_certs=%2Fa+b"
