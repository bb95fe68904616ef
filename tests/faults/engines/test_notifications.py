"""Unread counters come true, whatever the broker loses and whichever process dies."""

import asyncio

from ...engines.valkey import Valkey
from .conftest import Started


async def test_what_the_broker_lost_is_counted_when_it_is_back(
    started: Started, valkey: Valkey
) -> None:
    async with started(valkey, is_proxied=True) as cluster:
        ada, bob = cluster.people
        room = await ada.opens(bob)
        async with bob.listens() as his:
            await cluster.to_broker[1].refuse()
            for n in range(3):
                await ada.posts(room, f"m{n}")
            assert not his.saw("notify", counter=3)
            await cluster.to_broker[1].heal()
            await his.receives("notify", counter=3)
            await his.receives("notify", messages=[{"room_id": room, "status": "delivered"}])


async def test_what_a_killed_process_stored_is_counted(started: Started, valkey: Valkey) -> None:
    async with started(valkey) as cluster:
        ada, bob = cluster.people
        room = await ada.opens(bob)
        async with bob.listens() as his:
            await ada.posts(room, "one")
            await his.receives("notify", counter=1)
            cluster.servers[0].kill()
            ada.server = cluster.servers[1]
            await ada.posts(room, "two")
            await his.receives("notify", counter=2)
            await asyncio.to_thread(cluster.servers[0].start)
            ada.server = cluster.servers[0]
            await ada.posts(room, "three")
            await his.receives("notify", counter=3)
