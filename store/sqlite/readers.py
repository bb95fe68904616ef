"""A pool of connections that only read, each used by one caller at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from databases.core import Connection

from ..errors import DatabaseUnavailable
from .connection import translated


class ReaderPool:
    """The pool; the most recently used connection is taken first, for its warm page cache."""

    def __init__(self, timeout: float) -> None:
        """`timeout`: the seconds that a caller waits for a free connection."""
        self._timeout = timeout
        self._free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()

    def add(self, connection: Connection) -> None:
        """Add an open connection to the pool."""
        self._free.put_nowait(connection)

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Connection]:
        """Use a connection exclusively. Raises DatabaseUnavailable after the timeout."""
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
