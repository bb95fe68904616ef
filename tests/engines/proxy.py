"""A TCP proxy that does to its connections what networks do: cut, refuse, fall silent, be slow."""

import asyncio
import socket
import ssl
import struct
from contextlib import suppress
from typing import Literal, Self
from urllib.parse import urlsplit

Way = Literal["up", "down"]  # to the server, to the client
BOTH: tuple[Way, Way] = ("up", "down")


class FaultProxy:
    """`async with FaultProxy(port) as proxy`: healthy at first; `heal` makes it so again."""

    def __init__(
        self, port: int, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
    ) -> None:
        self.upstream = host, port
        self.port = 0  # its own; the same after `refuse` and `heal`
        self.latency = 0.0  # seconds, each way
        self.rate: float | None = None  # bytes a second, each way
        self.accepted = 0  # connections so far
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._passes: dict[Way, asyncio.Event] = {way: asyncio.Event() for way in BOTH}
        self._left: dict[Way, int | None] = {"up": None, "down": None}

    async def __aenter__(self) -> Self:
        await self.heal()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def url_of(self, url: str) -> str:
        """The URL with this proxy in the place of the server."""
        parts = urlsplit(url)
        login, at, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{login}{at}127.0.0.1:{self.port}").geturl()

    async def heal(self) -> None:
        self.latency, self.rate = 0.0, None
        for way in BOTH:
            self._left[way] = None
            self._passes[way].set()
        if self._server is None:
            self._server = await asyncio.start_server(
                self._connected, "127.0.0.1", self.port, ssl=self._tls
            )
            self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """As a server that is gone: open connections are reset, new ones refused."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self.cut()

    def blackhole(self, *ways: Way) -> None:
        """Nothing passes, and nobody is told; bytes on their way come out when it heals."""
        for way in ways or BOTH:
            self._passes[way].clear()

    def cut(self) -> None:
        """Resets the open connections; new ones pass."""
        for writer in list(self._writers):
            reset(writer)

    def cut_after(self, count: int, way: Way = "down") -> None:
        """Passes so many more bytes that way, then resets the connection that they were on."""
        self._left[way] = count

    async def _connected(self, down: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.accepted += 1
        self._tasks.add(task)
        self._writers.add(back)
        with suppress(asyncio.CancelledError):
            await self._join(down, back)
        back.transport.abort()  # also where it never came to be joined
        self._writers.discard(back)
        self._tasks.discard(task)

    async def _join(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            server, up = await asyncio.open_connection(*self.upstream)
        except OSError:
            return reset(back)
        self._writers.add(up)
        try:
            await asyncio.gather(self._pump("up", client, up), self._pump("down", server, back))
        finally:
            self._writers.discard(up)
            up.transport.abort()
            back.transport.abort()

    async def _pump(
        self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                await asyncio.sleep(self.latency + (len(data) / self.rate if self.rate else 0))
                await self._passes[way].wait()
                if not await self._passed(way, data, writer):
                    return self.cut()
            await self._passes[way].wait()
            writer.close()

    async def _passed(self, way: Way, data: bytes, writer: asyncio.StreamWriter) -> bool:
        left = self._left[way]
        writer.write(data[:left])
        await writer.drain()
        if left is None:
            return True
        self._left[way] = left - len(data) if left > len(data) else None
        return left > len(data)


def reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
