"""A TCP relay between a client and the deployment, which breaks connections at any byte."""

import asyncio
import random
import socket
import struct
from contextlib import suppress
from typing import Self

CHUNK_SIZE = 65_536


class Relay:
    """`async with Relay(host, port) as relay`: listens on 127.0.0.1, at `relay.port`."""

    def __init__(self, host: str, port: int, chance: random.Random) -> None:
        self.port = 0
        self.broken = 0  # connections that it has broken
        self._target = host, port
        self._chance = chance
        self._server: asyncio.Server | None = None
        self._budgets: dict[asyncio.StreamWriter, int | None] = {}  # bytes left before the break
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def break_soon(self, most: int) -> None:
        """Break every open connection after a random number of bytes in one of its directions."""
        for writer in self._budgets:
            self._budgets[writer] = self._chance.randrange(most)

    def heal(self) -> None:
        """Let every open connection go on."""
        for writer in self._budgets:
            self._budgets[writer] = None

    def break_now(self) -> None:
        """Reset every open connection."""
        for writer in list(self._budgets):
            self._break(writer)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(OSError):
            await self._join(reader, writer, *await asyncio.open_connection(*self._target))
        self._tasks.discard(task)
        writer.transport.abort()

    async def _join(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
    ) -> None:
        self._budgets[writer] = self._budgets[server_writer] = None
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, server_writer, writer))
                group.create_task(self._pump(server_reader, writer, server_writer))
        finally:
            del self._budgets[writer], self._budgets[server_writer]
            server_writer.transport.abort()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        other: asyncio.StreamWriter,
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_SIZE):
                left = self._budgets.get(writer)
                writer.write(data[:left])
                await writer.drain()
                if left is not None and left <= len(data):
                    self._break(writer)
                    break
                if left is not None:
                    self._budgets[writer] = left - len(data)
        other.transport.abort()
        writer.transport.abort()

    def _break(self, writer: asyncio.StreamWriter) -> None:
        """Send RST instead of FIN, as when a network fails."""
        self.broken += 1
        connection = writer.get_extra_info("socket")
        if connection is not None and connection.fileno() >= 0:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
