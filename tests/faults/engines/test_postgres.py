"""The database is away: nothing is stored, nobody is cut off, and all goes on afterwards."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ...client import Person, Socket
from ...engines import Engine
from ...engines.postgres import Postgres, execute
from ...engines.proxy import FaultProxy, Way
from ...engines.valkey import Valkey
from ...patience import LONG, patient
from .cluster import Cluster, Talk
from .conftest import Started

ANSWER = 5.0  # seconds for `unavailable`
LOCKED_OUT = 20.0  # seconds at most that a room can't be written to by the others


@asynccontextmanager
async def probing(cluster: Cluster, talk: Talk) -> AsyncIterator[list[Socket]]:
    """A quiet socket on each process, to ask how things are."""
    ada, bob = cluster.people
    async with (
        ada.enters(talk.room, receipts="manual") as a,
        bob.enters(talk.room, receipts="manual") as b,
    ):
        yield [a, b]


async def is_unavailable(socket: Socket, client_id: str) -> None:
    """The socket is open, and a message is refused in time."""
    began = time.monotonic()
    await socket.does("ping")
    error = await socket.is_refused("send", message="never stored", client_id=client_id)
    took = time.monotonic() - began
    assert socket.saw("pong")
    assert (error["code"], error["client_id"]) == ("unavailable", client_id)
    assert took < patient(ANSWER), f"{socket.name} was answered after {took:.1f} s"


async def all_unavailable(sockets: list[Socket], times: int = 2) -> None:
    """Right after the beginning, and later, on both processes."""

    async def again_and_again(socket: Socket) -> None:
        for number in range(times):
            await is_unavailable(socket, f"probe-{number}")

    await asyncio.gather(*map(again_and_again, sockets))


async def posting_is_unavailable(person: Person, room: int) -> None:
    began = time.monotonic()
    answer = await person.post(f"chat/rooms/{room}/messages/", {"message": "never stored"})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert time.monotonic() - began < patient(ANSWER)


async def test_a_postgres_that_is_restarted_is_found_again(
    started: Started, broker: Engine
) -> None:
    async with started(broker) as cluster, cluster.talking() as talk:
        talk.may_be_stored = True
        await asyncio.to_thread(cluster.postgres.restart)
        await talk.goes_on()
        await asyncio.to_thread(cluster.postgres.kill)
        await asyncio.to_thread(start_again, cluster.postgres)
        await cluster.recovers()
        await talk.goes_on()
        assert talk.connections == [1, 1, 1]


def start_again(postgres: Postgres) -> None:
    """Its orphans may hold its memory for a moment longer."""
    deadline = time.monotonic() + LONG
    while True:
        try:
            return postgres.start()
        except AssertionError as error:
            if "shared memory" not in str(error) or time.monotonic() > deadline:
                raise


async def test_terminated_backends_are_replaced(started: Started, broker: Engine) -> None:
    async with started(broker) as cluster, cluster.talking() as talk:
        talk.may_be_stored = True
        for _ in range(5):
            await asyncio.to_thread(cluster.postgres.terminate_backends)
            await cluster.recovers()
            await talk.goes_on()
        assert talk.connections == [1, 1, 1]


async def refuse(proxy: FaultProxy) -> None:
    await proxy.refuse()


async def blackhole(proxy: FaultProxy) -> None:
    proxy.blackhole()


@pytest.mark.parametrize("fault", [refuse, blackhole])
async def test_while_the_database_is_away_messages_are_refused_in_time(
    started: Started, valkey: Valkey, fault: Any
) -> None:
    async with (
        started(valkey, is_proxied=True) as cluster,
        cluster.talking() as talk,
        probing(cluster, talk) as probes,
    ):
        talk.may_be_stored = True  # the way is cut while commits are under way
        for proxy in cluster.to_database:
            await fault(proxy)
        posting = asyncio.create_task(posting_is_unavailable(cluster.bob, talk.room))
        await all_unavailable(probes)
        await posting
        async with cluster.bob.knocks(f"?room_id={talk.room}&after=0") as socket:
            assert await socket.closes() == 1013
        for person in cluster.people:
            status, said = await cluster.readiness(person)
            assert status == 503
            assert said["database"] != "ok"
            assert (said["broker"], said["bucket"]) == ("ok", "ok")
        for proxy in cluster.to_database:
            await proxy.heal()
        await talk.goes_on()
        assert talk.connections == [1, 1, 1]


@pytest.mark.parametrize("fault", [refuse, blackhole])
async def test_a_process_that_lost_the_database_does_not_hold_up_the_other(
    started: Started, valkey: Valkey, fault: Any
) -> None:
    async with (
        started(valkey, is_proxied=True) as cluster,
        cluster.talking() as talk,
        probing(cluster, talk) as (first, second),
    ):
        talk.may_be_stored = True
        await fault(cluster.to_database[0])
        await is_unavailable(first, "probe")
        await second.says("on the other process")
        await cluster.to_database[0].heal()
        # Not before: a commit whose answer was lost comes first, and only the database has it.
        await first.hears("on the other process")
        await talk.goes_on()
        assert talk.connections == [1, 1, 1]


@pytest.mark.parametrize("way", ["up", "down"])
async def test_a_database_that_is_heard_one_way_only(
    started: Started, valkey: Valkey, way: Way
) -> None:
    async with (
        started(valkey, is_proxied=True) as cluster,
        cluster.talking() as talk,
        probing(cluster, talk) as probes,
    ):
        talk.may_be_stored = True
        for proxy in cluster.to_database:
            proxy.blackhole(way)
        await all_unavailable(probes)
        for proxy in cluster.to_database:
            await proxy.heal()
        await talk.goes_on()
        assert talk.connections == [1, 1, 1]


async def test_what_was_stored_in_doubt_needs_no_next_message_to_be_told(
    started: Started, broker: Engine
) -> None:
    """The commit takes place, its answer is lost: everybody hears of it when the way is free."""
    async with started(broker, is_proxied=True) as cluster:
        room = await cluster.ada.opens(cluster.bob)
        async with cluster.ada.enters(room) as a, cluster.bob.enters(room) as b:
            await a.says("before")
            await b.receives("mark_message_as_read")
            cluster.to_database[0].blackhole("down")
            error = await a.is_refused("send", message="in doubt", client_id="n1")
            assert error["code"] == "unavailable"
            await cluster.to_database[0].heal()
            stored = await cluster.bob.reads_all(room)
            assert [m["text"] for m in stored] == ["before", "in doubt"]
            await b.hears("in doubt")
            await a.hears("in doubt")
            assert (await a.says("in doubt", client_id="n1")) == stored[-1] | {"status": "read"}


HOLDS_ROOM = """
    select count(*) from pg_stat_activity
     where state = 'idle in transaction' and query like '%FOR UPDATE%'
       and datname = current_database()
"""


async def test_a_process_that_is_lost_amid_a_transaction_locks_nobody_out(
    started: Started, valkey: Valkey
) -> None:
    """The database hears nothing more of it, not even that it is gone."""
    async with started(valkey, is_proxied=True) as cluster:
        room = await cluster.ada.opens(cluster.bob)
        async with cluster.ada.enters(room) as a, cluster.bob.enters(room) as b:
            first = await a.says("tpyo")
            await b.hears("tpyo")
            cluster.to_database[0].latency = 0.2
            await a.does("edit", message_id=first["message_id"], text="typo")
            while not await execute(cluster.database, HOLDS_ROOM):
                assert not a.saw("message_edited")
            cluster.to_database[0].blackhole()
            await posting_succeeds(cluster.bob, room, "not locked out")
            await cluster.to_database[0].heal()
            await a.hears("not locked out")
        stored = await cluster.bob.reads_all(room)
        assert [m["text"] for m in stored if m["sender_id"] == 2] == ["not locked out"]


async def posting_succeeds(person: Person, room: int, text: str) -> None:
    """Refused at first, maybe; under its client_id it is stored once all the same."""
    began = time.monotonic()
    while True:
        message = {"message": text, "client_id": "again"}
        answer = await person.post(f"chat/rooms/{room}/messages/", message)
        if answer.status_code in (200, 201):
            return
        assert answer.status_code == 503
        assert time.monotonic() - began < patient(LOCKED_OUT)
