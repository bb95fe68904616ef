"""Two processes behind the documented proxies are restarted, one after the other, under load."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from ..engines import Missing
from ..engines.balancers import Balancer, Caddy, Haproxy, Nginx, Traefik
from ..engines.postgres import Postgres
from ..patience import patient
from ..server import Server
from .load import load

WAIT = 3.0  # seconds that nobody waits longer for a message
RATES = {"rate_limit_rate": 0, "limits_rooms_per_day": 0}


@pytest.fixture
async def servers(postgres: Postgres, tmp_path: Path) -> AsyncIterator[tuple[Server, Server]]:
    url = await asyncio.to_thread(postgres.create_database)
    engines = {"database_url": url, "broadcast_url": url}
    engines["attachments_url"] = f"file:{tmp_path / 'attachments'}"
    folders = tmp_path / "one", tmp_path / "two"
    for folder in folders:
        folder.mkdir()
    one, two = (Server(folder, **engines, **RATES) for folder in folders)
    try:
        await asyncio.gather(*(asyncio.to_thread(server.start) for server in (one, two)))
        yield one, two
    finally:
        for server in (one, two):
            server.end()


@pytest.mark.parametrize("kind", [Nginx, Haproxy, Caddy, Traefik])
async def test_a_rolling_restart_keeps_nobody_waiting(
    kind: type[Balancer], servers: tuple[Server, Server]
) -> None:
    with tempfile.TemporaryDirectory(prefix="roomcast-tests-proxy-") as folder:
        os.chmod(folder, 0o755)
        try:
            proxy = kind(Path(folder), (servers[0].port, servers[1].port))
        except Missing as why:
            pytest.skip(str(why))
        await asyncio.to_thread(proxy.start)
        try:
            async with load(*[proxy.url] * 4) as people:
                for server in servers:
                    await asyncio.to_thread(server.stop)
                    await asyncio.to_thread(server.start)
                    await people.goes_on()
                await people.end()
                lost_and_doubled = await people.lost_and_doubled()
            sys.stderr.write(f"\n{proxy.name}: longest wait {people.longest_wait:.1f} s\n")
            assert people.longest_wait < patient(WAIT)
            assert lost_and_doubled == (0, 0)
            async with httpx.AsyncClient() as http:
                assert (await http.get(f"{proxy.url}/metrics")).status_code == 404
        finally:
            await asyncio.to_thread(proxy.end)
