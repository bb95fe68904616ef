"""PostgreSQL under Patroni: a switchover, and a leader that is killed, while people write."""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from ..client import Person
from ..engines import Missing
from ..engines.patroni import PatroniCluster, PatroniNode
from ..patience import patient
from ..server import Server
from .load import Load, load

SERVICE_WITHIN = 3.0  # seconds from the new leader until a message is acknowledged
RATES = {"rate_limit_rate": 0, "limits_rooms_per_day": 0}


@pytest.fixture(params=[True, False], ids=["synchronous", "asynchronous"])
async def patroni(request: pytest.FixtureRequest) -> AsyncIterator[PatroniCluster]:
    with tempfile.TemporaryDirectory(prefix="roomcast-tests-patroni-") as folder:
        try:
            cluster = PatroniCluster(Path(folder), is_synchronous=request.param)
        except Missing as why:
            pytest.fail(f"CANNOT TEST FAILOVER: {why}")
        try:
            await asyncio.to_thread(cluster.start)
            yield cluster
        finally:
            await asyncio.to_thread(cluster.end)


@asynccontextmanager
async def people(patroni: PatroniCluster, folder: Path) -> AsyncIterator[tuple[Server, Load]]:
    url = await asyncio.to_thread(patroni.create_database)
    server = Server(folder, database_url=url, **RATES)
    await asyncio.to_thread(server.start)
    try:
        async with load(server.url, server.url) as writers:
            yield server, writers
    finally:
        server.end()


async def epoch_of(server: Server) -> str:
    async with httpx.AsyncClient() as http:
        ada = Person(server, http, 1, "ada")
        room = await ada.opens(Person(server, http, 2, "bob"))
        async with ada.enters(room, after=0) as socket:
            epoch: str = socket.first["epoch"]
            return epoch


async def is_back(patroni: PatroniCluster, new: PatroniNode, writers: Load) -> float:
    """Seconds from the new leader until a message is acknowledged."""
    promoted = await patroni.promoted(new)
    await writers.goes_on()
    return writers.first_after(promoted)


def report(what: str, patroni: PatroniCluster, seconds: dict[str, float], lost: int) -> None:
    """For docs/high-availability.md."""
    kind = "synchronous" if patroni.is_synchronous else "asynchronous"
    shown = ", ".join(f"{name} {each:.1f} s" for name, each in seconds.items())
    sys.stderr.write(f"\n{what}, {kind}: {shown}, lost {lost}\n")


@pytest.mark.parametrize("way", ["switchover", "postgres killed", "machine killed"])
async def test_another_node_leads(patroni: PatroniCluster, way: str, tmp_path: Path) -> None:
    async with people(patroni, tmp_path) as (server, writers):
        before = await epoch_of(server)
        old = await asyncio.to_thread(lambda: patroni.leader)
        new = next(node for node in patroni.nodes if node is not old)
        began = time.monotonic()
        if way == "switchover":
            switching = asyncio.create_task(asyncio.to_thread(patroni.switch_over))
        else:
            (old.kill if way == "machine killed" else old.kill_postgres)()
        async with asyncio.timeout(120):
            back = await is_back(patroni, new, writers)
        if way == "switchover":
            await switching
        whole = time.monotonic() - began
        await writers.end()
        lost, doubled = await writers.lost_and_doubled()
        after = await epoch_of(server)
    times = {"after the promotion": back, "longest wait": writers.longest_wait, "in all": whole}
    report(way, patroni, times, lost)
    assert back < patient(SERVICE_WITHIN)
    assert after != before
    assert doubled == 0
    if patroni.is_synchronous or way == "switchover":
        assert lost == 0
