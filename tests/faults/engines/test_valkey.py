"""The broker dies, or falls silent: what it lost is found in the database."""

import asyncio
import time
from typing import Any

import pytest

from ...engines.proxy import Way
from ...engines.valkey import Valkey
from ...patience import LONG, patient
from .cluster import Cluster, Talk
from .conftest import Started

BACK_WITHIN = 2.0  # seconds from its return to the first message that goes by it
SILENCE = 30.0


async def test_a_valkey_that_is_killed_and_restarted_loses_nobody_a_message(
    started: Started, valkey: Valkey
) -> None:
    async with started(valkey) as cluster, cluster.talking() as talk:
        for _ in range(2):
            valkey.kill()
            for writer in talk.writers:
                await writer.hears_more()
            assert (await cluster.readiness(cluster.ada))[1]["broker"] != "ok"
            await asyncio.to_thread(valkey.start)
            await cluster.recovers(patient(BACK_WITHIN))
            await talk.goes_on()
        assert talk.connections == [1, 1, 1]


async def test_after_an_outage_of_the_broker_the_last_message_needs_no_next_one(
    started: Started, valkey: Valkey
) -> None:
    """Nobody writes after its return: what was written meanwhile comes all the same."""
    async with started(valkey) as cluster:
        room = await cluster.ada.opens(cluster.bob)
        async with cluster.ada.enters(room) as a, cluster.bob.enters(room) as b:
            valkey.kill()
            await a.says("while it was away")
            began = time.monotonic()
            await asyncio.to_thread(valkey.start)
            await b.hears("while it was away")
            assert time.monotonic() - began < patient(BACK_WITHIN)
            assert len(b.saw("chat_message")) == 1


async def away_for(seconds: float, cluster: Cluster, talk: Talk) -> None:
    """While both brokers are away, each process goes on with its own, all the time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for writer in talk.writers:
            await writer.hears_more()
    for person in cluster.people:
        status, said = await cluster.readiness(person)
        assert (status, said["database"]) == (503, "ok")
        assert said["broker"] != "ok"


async def test_a_valkey_that_is_unreachable_for_half_a_minute(
    started: Started, valkey: Valkey
) -> None:
    async with (
        started(valkey, is_proxied=True) as cluster,
        cluster.talking() as talk,
    ):
        for proxy in cluster.to_broker:
            proxy.blackhole()
        await away_for(SILENCE, cluster, talk)
        for proxy in cluster.to_broker:
            await proxy.heal()
        await cluster.recovers()
        await talk.goes_on()
        assert talk.connections == [1, 1, 1]


@pytest.mark.parametrize("way", ["up", "down"])
async def test_a_valkey_that_is_heard_one_way_only(
    started: Started, valkey: Valkey, way: Way
) -> None:
    """On the link of one process: the other hears it, or does not, and both have all in the end."""
    async with (
        started(valkey, is_proxied=True) as cluster,
        cluster.talking() as talk,
    ):
        proxy = cluster.to_broker[0]
        proxy.blackhole(way)
        await is_noticed(cluster)
        await talk.writers[0].hears_more()
        await proxy.heal()
        await cluster.recovers()
        await talk.goes_on()
        assert talk.connections == [1, 1, 1]


async def is_noticed(cluster: Cluster) -> None:
    deadline = time.monotonic() + LONG
    while (await cluster.readiness(cluster.ada))[1]["broker"] == "ok":
        assert time.monotonic() < deadline


async def test_a_link_to_the_broker_that_is_cut_again_and_again(
    started: Started, valkey: Valkey
) -> None:
    async with (
        started(valkey, is_proxied=True) as cluster,
        cluster.talking() as talk,
    ):
        for number in range(20):
            proxy: Any = cluster.to_broker[number % 2]
            proxy.cut_after(137 * number)
            await talk.goes_on(5)
        assert talk.connections == [1, 1, 1]
