"""A process dies, or a client's connection is cut anywhere: who comes back has missed nothing."""

import asyncio
import random
import sys
import time
from pathlib import Path

import httpx
import pytest

from ...client import Person
from ...engines import Engine
from ...engines.postgres import Postgres
from ...engines.proxy import FaultProxy
from ...engines.valkey import Valkey
from ...patience import patient
from ...server import Server
from .cluster import Cluster
from .conftest import Started

CUTS = 24
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


async def test_a_killed_process_is_missed_by_nobody(started: Started, broker: Engine) -> None:
    async with started(broker) as cluster, cluster.talking() as talk:
        for dying, surviving in ((0, 1), (1, 0)):
            cluster.servers[dying].kill()
            await talk.writers[surviving].hears_more()
            await asyncio.to_thread(cluster.servers[dying].start)
            await talk.goes_on()
        assert talk.connections == [2, 2, 2]


async def test_what_a_killed_process_stored_and_never_told_needs_no_next_message(
    started: Started, broker: Engine
) -> None:
    async with started(broker, is_proxied=True) as cluster:
        room = await cluster.ada.opens(cluster.bob)
        async with cluster.ada.enters(room) as a, cluster.bob.enters(room) as b:
            await a.says("before")
            await b.hears("before")
            cluster.to_broker[0].blackhole("up")
            await a.sends("its last word")
            while len(await cluster.bob.reads_all(room)) < 2:
                assert not b.saw("chat_message", message={"text": "its last word"})
            cluster.servers[0].kill()
            await b.hears("its last word")
        await cluster.to_broker[0].heal()
        await asyncio.to_thread(cluster.servers[0].start)


async def test_processes_that_are_restarted_in_turn(started: Started, broker: Engine) -> None:
    async with started(broker) as cluster, cluster.talking() as talk:
        for server in cluster.servers:
            assert await asyncio.to_thread(server.stop) == 0
            await asyncio.to_thread(server.start)
            await talk.goes_on()
        assert {life.code for m in talk.members for life in m.history.connections[:-1]} == {1012}


async def test_connections_that_are_cut_at_any_byte(started: Started, valkey: Valkey) -> None:
    chance = random.Random(7)
    async with started(valkey) as cluster:
        ways = [FaultProxy(server.port) for server in cluster.servers]
        async with ways[0], ways[1], cluster.talking(*ways) as talk:
            for number in range(CUTS):
                way, writer = ways[number % 2], talk.writers[number % 2]
                before = len(writer.history.connections)
                way.cut_after(chance.randrange(1, 2_000), chance.choice(["up", "down"]))
                await writer.until(
                    lambda w=writer, n=before: len(w.history.connections) > n, "it connects again"
                )
            await talk.goes_on()


@linux
async def test_nothing_piles_up_however_often_it_happens(
    started: Started, postgres: Postgres, valkey: Valkey
) -> None:
    async with started(valkey) as cluster, cluster.talking() as talk:
        await talk.goes_on(100)
        memory, files = [], []
        for _ in range(3):
            await everything_at_once(cluster)
            await talk.goes_on(100)
            memory.append(cluster.memory())
            files.append(cluster.files())
            assert await asyncio.to_thread(cluster.connections) <= 14
        assert memory[-1] - memory[0] < 8 << 20, memory
        assert files[-1] - files[0] < 8, files


async def everything_at_once(cluster: Cluster) -> None:
    await asyncio.to_thread(cluster.broker.restart)
    await asyncio.to_thread(cluster.postgres.terminate_backends)
    await asyncio.to_thread(cluster.postgres.restart)


async def test_a_process_ends_in_time_although_its_database_is_silent(
    tmp_path: Path, postgres: Postgres
) -> None:
    async with (
        FaultProxy(postgres.port) as proxy,
        httpx.AsyncClient(timeout=30, trust_env=False) as http,
    ):
        url = await asyncio.to_thread(postgres.create_database)
        server = Server(tmp_path, database_url=proxy.url_of(url))
        await asyncio.to_thread(server.start)
        try:
            ada, bob = Person(server, http, 1, "ada"), Person(server, http, 2, "bob")
            room = await ada.opens(bob)
            async with ada.enters(room) as hers, bob.enters(room) as his:
                await hers.says("hello")
                proxy.blackhole()
                await hers.sends("nobody stores this")
                began = time.monotonic()
                assert await asyncio.to_thread(server.stop, 20) in (0, 1)
                assert time.monotonic() - began < patient(5)
                assert [await hers.closes(), await his.closes()] == [1012, 1012]
        finally:
            await asyncio.to_thread(server.end)
