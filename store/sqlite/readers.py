"""Connections that only read: a few, each used by one caller at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from databases.core import Connection

from ..errors import DatabaseUnavailable
from .connection import translated


class ReaderPool:
    """The most recently used connection is taken first: what it has read is still in its cache."""

    def __init__(self, timeout: float) -> None:
        """`timeout` in seconds: how long a caller waits for a free connection."""
        self._timeout = timeout
        self._free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()

    def add(self, connection: Connection) -> None:
        """Take over a connection that is open."""
        self._free.put_nowait(connection)

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Connection]:
        """A connection of the caller's own. Raises DatabaseUnavailable."""
        try:
            async with asyncio.timeout(self._timeout):
                reader = await self._free.get()
        except TimeoutError as error:
            raise DatabaseUnavailable("SQLite: all readers are busy") from error
        try:
            with translated():
                yield reader
        finally:
            self._free.put_nowait(reader)
