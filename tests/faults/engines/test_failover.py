"""PostgreSQL fails over to a standby that lacks what people were told: everybody starts afresh."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from asyncpg.exceptions import TargetServerAttributeNotMatched
from roomcast.store.postgres.address import parse_postgres_url

from ...client import Person, Socket
from ...engines import Engine, humble
from ...engines.fixtures import running
from ...engines.postgres import FAST, PASSWORD, Postgres, binaries, execute
from ...engines.proxy import FaultProxy
from ...engines.valkey import Valkey
from ...patience import patient
from ...server import Server
from .cluster import Cluster

NOTICED_WITHIN = 30.0  # seconds; mostly it is five


class Primary(Postgres):
    settings = FAST | {"wal_level": "replica", "max_wal_senders": "4"}


class Standby(Primary):
    """Begins as a copy of a primary that stands still, and follows it by this port."""

    def __init__(self, folder: Path, primary: Postgres, port: int) -> None:
        Engine.__init__(self, folder)
        self.data = folder / "data"
        self.bin = primary.bin
        shutil.copytree(primary.data, self.data)
        (self.data / "standby.signal").touch()
        where = f"host=127.0.0.1 port={port} user=chat password='{PASSWORD}'".replace("'", "''")
        with (self.data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"primary_conninfo = '{where}'\n")
        self.popen = humble(folder)


@pytest.fixture
def primary() -> AsyncIterator[Postgres]:
    def find(folder: Path) -> Postgres:
        binaries()
        return Primary(folder)

    yield from running(find, "primary")


@asynccontextmanager
async def followed(primary: Postgres, way: FaultProxy) -> AsyncIterator[Postgres]:
    """Its standby, which hears of it by this way."""
    folder = primary.folder.with_name(primary.folder.name + "-standby")
    folder.mkdir()
    try:
        await asyncio.to_thread(primary.stop)
        standby = Standby(folder, primary, way.port)
        await asyncio.to_thread(primary.start)
        await asyncio.to_thread(standby.start)
        try:
            yield standby
        finally:
            standby.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def fail_over(cluster: Cluster, standby: Postgres) -> None:
    """As a virtual address does it: the same URL, another server."""
    cluster.postgres.kill()
    await execute(standby.url, "select pg_promote()")
    for proxy in cluster.to_database:
        proxy.upstream = "127.0.0.1", standby.port
        proxy.cut()


async def starts_afresh(person: Person, room: int, before: Socket) -> str:
    """With the cursor and the epoch of the lost life; the epoch of this one."""
    version = before.seen[-1].get("version", 0) + 100
    async with person.enters(room, after=version, epoch=before.first["epoch"]) as socket:
        assert socket.first["reset"] is True
        assert [m["text"] for m in socket.first["messages"]] == ["kept"]
        epoch: str = socket.first["epoch"]
        assert epoch != before.first["epoch"]
        return epoch


async def test_a_host_that_takes_no_writes_is_passed_over(primary: Postgres) -> None:
    async with FaultProxy(primary.port) as way, followed(primary, way) as standby:
        for hosts in ((standby, primary), (primary, standby)):
            places = ",".join(f"127.0.0.1:{host.port}" for host in hosts)
            whole = primary.url.replace(f"127.0.0.1:{primary.port}", places)
            address = parse_postgres_url(f"{whole}?target_session_attrs=read-write")
            connection = await address.connect()
            try:
                assert not await connection.fetchval("select pg_is_in_recovery()")
                assert address.places[0][1] == primary.port  # the next time it is asked first
            finally:
                await connection.close()
        alone = parse_postgres_url(f"{standby.url}?target_session_attrs=read-write")
        with pytest.raises(TargetServerAttributeNotMatched):
            await alone.connect()


async def test_a_failover_that_lost_commits_is_noticed_where_nobody_does_anything(
    primary: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    async with FaultProxy(primary.port) as way, followed(primary, way) as standby:
        cluster = Cluster(tmp_path, primary, valkey)
        try:
            await cluster.start(is_proxied=True)
            ada, bob = cluster.people
            room = await ada.opens(bob)
            async with ada.enters(room, after=0) as a, bob.enters(room, after=0) as b:
                await a.says("kept")
                await a.receives("mark_message_as_read")
                name = cluster.database.rpartition("/")[2]
                while not await execute(standby.url_of(name), "select max(read_upto) from members"):
                    assert way.accepted
                way.blackhole()
                await a.says("lost")
                await b.hears("lost")
                await fail_over(cluster, standby)
                assert await a.closes(NOTICED_WITHIN) == 1012
                assert await b.closes(NOTICED_WITHIN) == 1012
            epochs = {await starts_afresh(ada, room, a), await starts_afresh(bob, room, b)}
            assert len(epochs) == 1
            async with ada.enters(room) as a, bob.enters(room) as b:
                assert (await a.says("goes on"))["version"] == 2
                await b.hears("goes on")
            await cluster.stop()
        finally:
            await cluster.end()


async def test_commits_that_wait_for_a_standby_are_an_outage(
    primary: Postgres, own_server: Callable[..., Server], cast: Any
) -> None:
    """A single process: its own session that waits is not taken for another process."""
    server = own_server(database_url=primary.create_database()).start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    async with ada.enters(room) as socket:
        await socket.says("before")
        await asyncio.to_thread(wait_for_standby, primary, "nobody")
        error = await socket.is_refused("send", message="in doubt", client_id="n1")
        assert (error["code"], error["client_id"]) == ("unavailable", "n1")
        await asyncio.to_thread(wait_for_standby, primary, "")
        await is_stored_at_last(socket, "in doubt", "n1")
    texts = [message["text"] for message in await bob.reads_all(room)]
    assert texts == ["before", "in doubt"]


def wait_for_standby(postgres: Postgres, name: str) -> None:
    """From now on a commit is confirmed by this standby; by none if its name is empty."""
    postgres.execute(f"alter system set synchronous_standby_names = '{name}'")
    postgres.execute("select pg_reload_conf()")


async def is_stored_at_last(socket: Socket, text: str, client_id: str) -> None:
    """Sent again under its client_id, as clients do, it is answered with its message."""
    async with asyncio.timeout(patient(NOTICED_WITHIN)):
        while True:
            await socket.does("send", message=text, client_id=client_id)
            frame = await socket.next()
            while frame["type"] not in ("error", "chat_message"):
                frame = await socket.next()
            if frame["type"] == "chat_message":
                assert frame["message"]["client_id"] == client_id
                return
            assert (frame["code"], frame["client_id"]) == ("unavailable", client_id)
