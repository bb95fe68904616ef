"""Who is online, while processes die, restart, and lose their engines."""

import asyncio
from datetime import UTC, datetime

from ...client import Person
from ...engines import Engine
from ...engines.valkey import Valkey
from .cluster import Cluster
from .conftest import Started

LEASE, GRACE = 2.0, 1.0  # seconds
QUICK = {"presence_lease": LEASE, "presence_grace": GRACE}


def people(cluster: Cluster) -> tuple[Person, Person]:
    """Two more: the one on the first process, the other on the second."""
    first, second = cluster.servers
    return Person(first, cluster.http, "carl", "carl"), Person(second, cluster.http, "dora", "dora")


def now() -> str:
    return datetime.now(UTC).isoformat()


async def test_users_of_a_killed_process_are_offline_after_its_lease(
    started: Started, broker: Engine
) -> None:
    async with started(broker, **QUICK) as cluster:
        carl, _ = people(cluster)
        room = await cluster.bob.opens(carl)
        async with cluster.bob.enters(room) as b, carl.enters(room):
            came = await b.notices(carl.id, online=True)
            cluster.servers[0].kill()
            at = now()
            gone = await b.notices(carl.id, online=False, limit=2 * LEASE)
            assert came["last_seen"] < gone["last_seen"] < at
            assert not b.presences
        await asyncio.to_thread(cluster.servers[0].start)


async def test_a_process_that_restarts_makes_nobody_flicker(
    started: Started, valkey: Valkey
) -> None:
    async with started(valkey, **QUICK) as cluster:
        carl, dora = people(cluster)
        room = await cluster.bob.opens(carl, dora)
        async with cluster.bob.enters(room) as b:
            async with carl.enters(room) as c:
                await b.notices(carl.id, online=True)
                assert await asyncio.to_thread(cluster.servers[0].stop) == 0
                assert await c.closes() == 1012
            carl.server = cluster.servers[1]
            async with carl.enters(room):
                await asyncio.to_thread(cluster.servers[0].start)
                async with dora.enters(room):
                    await b.notices(dora.id, online=True)
                await b.notices(dora.id, online=False)  # after the lease of the one that ended
                assert not b.presences
            await b.notices(carl.id, online=False)


async def test_users_who_do_not_come_back_after_a_restart_are_offline(
    started: Started, valkey: Valkey
) -> None:
    async with started(valkey, **QUICK) as cluster:
        carl, _ = people(cluster)
        room = await cluster.bob.opens(carl)
        async with cluster.bob.enters(room) as b:
            async with carl.enters(room):
                await b.notices(carl.id, online=True)
                assert await asyncio.to_thread(cluster.servers[0].stop) == 0
            await b.notices(carl.id, online=False)
        await asyncio.to_thread(cluster.servers[0].start)


async def test_a_database_that_was_away_for_long_takes_nobody_offline(
    started: Started, valkey: Valkey
) -> None:
    async with started(valkey, is_proxied=True, **QUICK) as cluster:
        carl, dora = people(cluster)
        room = await cluster.bob.opens(carl, dora)
        async with cluster.bob.enters(room) as b, carl.enters(room) as c:
            await b.notices(carl.id, online=True)
            await asyncio.gather(*(proxy.refuse() for proxy in cluster.to_database))
            await asyncio.sleep(2 * LEASE)  # the leases run out
            await asyncio.gather(*(proxy.heal() for proxy in cluster.to_database))
            await cluster.recovers()
            async with dora.enters(room):
                for socket in (b, c):
                    await socket.notices(dora.id, online=True)
            await b.notices(dora.id, online=False)
            assert not b.presences
        assert carl.id not in {frame["user_id"] for frame in c.presences}


async def test_what_the_broker_lost_is_looked_up(started: Started, valkey: Valkey) -> None:
    async with started(valkey, is_proxied=True, **QUICK) as cluster:
        carl, _ = people(cluster)
        room = await cluster.bob.opens(carl)
        async with cluster.bob.enters(room) as b:
            await cluster.to_broker[1].refuse()
            async with carl.enters(room) as c:
                await c.still_works()
                await cluster.to_broker[1].heal()
                await b.notices(carl.id, online=True)
