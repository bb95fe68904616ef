"""`roomcast verify` on two processes behind one address, one of which is killed under its storm."""

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from roomcast.server.verify.run import Options, verify

from ...client import token
from ...engines.valkey import Valkey
from .conftest import Started

QUICK = {"presence_grace": 2.0, "presence_lease": 4.0}


class RoundRobin:
    """A load balancer for TCP: each connection goes to the next server that takes it."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.port = 0
        self._ports = itertools.cycle(ports)
        self._tries = len(ports)
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(self._tries):
            with suppress(OSError):
                upstream = await asyncio.open_connection("127.0.0.1", next(self._ports))
                return await self._join((reader, writer), upstream)
        writer.transport.abort()
        return None

    async def _join(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        await asyncio.gather(self._pump(client[0], server[1]), self._pump(server[0], client[1]))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


async def test_two_processes_hold_what_is_promised_while_one_is_killed(
    started: Started, valkey: Valkey
) -> None:
    async with started(valkey, **QUICK) as cluster:
        killed: list[asyncio.Task[None]] = []

        async def kill_and_restart() -> None:
            await asyncio.sleep(1.5)
            await asyncio.to_thread(cluster.servers[0].kill)
            await asyncio.to_thread(cluster.servers[0].start)

        def progress(line: str) -> None:
            if line.startswith("storm"):
                killed.append(asyncio.create_task(kill_and_restart()))

        async with RoundRobin([server.port for server in cluster.servers]) as front:
            url = f"http://127.0.0.1:{front.port}"
            options = Options(duration=6, rate=0, timeout=30)
            report = await verify(url, [token(1), token("bob")], options, progress)
        await asyncio.gather(*killed)
        assert killed
        assert report.findings == [], report.as_text()
        assert report.numbers["messages in the storm"] > 50
