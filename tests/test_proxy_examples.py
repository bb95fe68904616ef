"""The examples of docs/proxies: all of them are named, and the proxies themselves read them."""

import asyncio
import os
import re
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from .engines import Missing
from .engines.balancers import EXAMPLES, Balancer, Haproxy, Nginx
from .patience import LONG

MOST = 200  # connections of one address in both examples
PAGE = Path(__file__).parents[1] / "docs/high-availability.md"


def test_the_examples_are_those_of_the_page() -> None:
    linked = set(re.findall(r"\]\(proxies/([\w.-]+)\)", PAGE.read_text()))
    assert linked == {path.name for path in EXAMPLES.iterdir()}
    for path in EXAMPLES.iterdir():
        assert path.name == "traefik.yml" or "127.0.0.1:8001" in path.read_text()


@pytest.mark.parametrize(("kind", "option"), [(Nginx, "-t"), (Haproxy, "-c")])
def test_a_proxy_reads_its_example(kind: type[Balancer], option: str, tmp_path: Path) -> None:
    try:
        proxy = kind(tmp_path, (8000, 8001))
    except Missing as why:
        pytest.skip(str(why))
    looked = subprocess.run([*proxy.command(), option], capture_output=True, text=True, check=False)
    assert looked.returncode == 0, looked.stderr
    assert "[warn" not in looked.stderr.lower()


@asynccontextmanager
async def holding() -> AsyncIterator[tuple[int, asyncio.Semaphore]]:
    """A server that is ready and answers nothing else: its port, and the requests that it has."""
    held: list[asyncio.StreamWriter] = []
    count = asyncio.Semaphore(0)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        held.append(writer)
        if b" /readyz " in head:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            writer.close()
        else:
            count.release()

    server = await asyncio.start_server(take, "127.0.0.1", 0, backlog=MOST)
    try:
        yield server.sockets[0].getsockname()[1], count
    finally:
        server.close()
        for writer in held:
            writer.close()


@pytest.mark.parametrize(("kind", "status"), [(Nginx, 503), (Haproxy, 429)])
async def test_an_address_has_no_more_connections(kind: type[Balancer], status: int) -> None:
    with tempfile.TemporaryDirectory(prefix="roomcast-tests-proxy-") as name:
        os.chmod(name, 0o755)
        async with holding() as (port, count), asyncio.timeout(LONG):
            try:
                proxy = kind(Path(name), (port, port))
            except Missing as why:
                pytest.skip(str(why))
            await asyncio.to_thread(proxy.start)
            asking = [await asyncio.open_connection("127.0.0.1", proxy.port) for _ in range(MOST)]
            try:
                for _, writer in asking:
                    writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                for _ in asking:
                    await count.acquire()  # all of them are passed on
                asking.append(await asyncio.open_connection("127.0.0.1", proxy.port))
                asking[-1][1].write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                assert await asking[-1][0].read(12) == b"HTTP/1.1 %d" % status
            finally:
                for _, writer in asking:
                    writer.close()
                await asyncio.to_thread(proxy.end)
