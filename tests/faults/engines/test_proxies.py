"""Two processes behind the proxies of docs/proxies: what passes, and restarts under load."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from ...client import token
from ...engines import Missing
from ...engines.balancers import Balancer, Caddy, Haproxy, Nginx, Traefik
from ...engines.valkey import Valkey
from ...failover.load import load
from ...patience import patient
from .cluster import Cluster
from .conftest import Started

WAIT = 3.0  # seconds that nobody waits longer for a message
KINDS = (Nginx, Haproxy, Caddy, Traefik)
BELOW = "www.example.com"  # where the examples have the chat below /chat/
OPTIONS = {"limits_rooms_per_day": 0, "presence_grace": 0.5}


def those_installed(folder: Path, ports: tuple[int, int]) -> list[Balancer]:
    """A proxy of each kind that there is; what is missing is said. Skips where there is none."""
    found: list[Balancer] = []
    for kind in KINDS:
        (folder / kind.name).mkdir(mode=0o755)
        try:
            found.append(kind(folder / kind.name, ports))
        except Missing as why:
            sys.stderr.write(f"\nNOT TESTED: {why}\n")
    if not found:
        pytest.skip("none of the proxies of docs/proxies is installed: see .ci/packages")
    return found


@pytest.fixture
async def behind(started: Started, valkey: Valkey) -> AsyncIterator[tuple[Cluster, list[Balancer]]]:
    with tempfile.TemporaryDirectory(prefix="roomcast-tests-proxy-") as folder:
        os.chmod(folder, 0o755)
        async with started(valkey, **OPTIONS) as cluster:
            one, two = cluster.servers
            proxies = those_installed(Path(folder), (one.port, two.port))
            try:
                await asyncio.gather(*(asyncio.to_thread(proxy.start) for proxy in proxies))
                yield cluster, proxies
            finally:
                await asyncio.gather(*(asyncio.to_thread(proxy.end) for proxy in proxies))


async def passes(proxy: Balancer, room: int) -> None:
    """The chat is there at the root and below /chat/, its metrics are not, large bodies are 413."""
    offers = [Subprotocol("Bearer"), Subprotocol(token(1))]
    async with httpx.AsyncClient(base_url=proxy.url, timeout=30, trust_env=False) as http:
        for host, path in ((f"127.0.0.1:{proxy.port}", ""), (f"{BELOW}:{proxy.port}", "/chat")):
            given = {"Host": host}
            assert (await http.get(f"{path}/readyz", headers=given)).status_code == 200, host
            assert (await http.get(f"{path}/metrics", headers=given)).status_code == 404, host
            url = f"ws://{host}{path}/ws/chat/?room_id={room}&after=0"
            connecting = connect(
                url, subprotocols=offers, host="127.0.0.1", port=proxy.port, proxy=None
            )
            async with connecting as socket:
                assert '"type":"sync"' in str(await socket.recv())
    assert b" 413 " in await status_of_a_large_body(proxy), proxy.name


async def status_of_a_large_body(proxy: Balancer) -> bytes:
    """The first line of the answer, which comes before the whole body was sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    head = f"POST /api/v1/chat/create/ HTTP/1.1\r\nHost: 127.0.0.1:{proxy.port}\r\n"
    head += f"Authorization: Bearer {token(1)}\r\nContent-Length: {17 << 20}\r\n\r\n"
    writer.write(head.encode() + b"x" * (17 << 20))
    try:
        async with asyncio.timeout(20):
            return await reader.readline()
    finally:
        writer.transport.abort()


async def test_the_proxies_pass_on_the_chat_and_a_restart_keeps_nobody_waiting(
    behind: tuple[Cluster, list[Balancer]],
) -> None:
    cluster, proxies = behind
    room = await cluster.ada.opens(cluster.bob)
    await asyncio.gather(*(passes(proxy, room) for proxy in proxies))
    async with AsyncExitStack() as stack:
        rooms = [
            await stack.enter_async_context(load(proxy.url, writers=1, context=proxy.name))
            for proxy in proxies
        ]
        for server in cluster.servers:
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)
            await asyncio.gather(*(people.goes_on(20) for people in rooms))
        for proxy, people in zip(proxies, rooms, strict=True):
            await people.end()
            sys.stderr.write(f"\n{proxy.name}: longest wait {people.longest_wait:.1f} s\n")
            assert people.longest_wait < patient(WAIT), proxy.name
            assert await people.lost_and_doubled() == (0, 0), proxy.name
