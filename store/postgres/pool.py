"""Held connections that are reopened when they break, and the translation of their errors."""

import asyncio
import logging
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
)
from contextlib import asynccontextmanager, contextmanager, suppress
from ssl import SSLError

import asyncpg
from databases import Database
from databases.core import Connection

from ..errors import DatabaseError, DatabaseUnavailable, TransactionConflict

log = logging.getLogger("roomcast.store")

COMMAND_TIMEOUT = 3.0  # seconds for a statement, and for a free connection

UNAVAILABLE_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the connection was cut off amid an answer
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shut down, restarted, terminated
    asyncpg.InsufficientResourcesError,  # disk full, too many connections
    asyncpg.ReadOnlySQLTransactionError,  # a standby: the failover is under way
    asyncpg.ObjectNotInPrerequisiteStateError,  # a standby, too
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)

CONFLICT_ERRORS = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,
    asyncpg.ForeignKeyViolationError,  # a room was deleted at the same time
    asyncpg.DivisionByZeroError,  # a member list has changed: see STORE
)


def may_pass(error: BaseException | None) -> bool:
    """Whether the server may answer later: nobody listens yet, or it is starting."""
    is_silent = isinstance(error, OSError | TimeoutError) and not isinstance(error, SSLError)
    return is_silent or isinstance(error, asyncpg.CannotConnectNowError)


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except UNAVAILABLE_ERRORS as error:
        raise DatabaseUnavailable(f"PostgreSQL: {error or type(error).__name__}") from error
    except CONFLICT_ERRORS as error:
        raise TransactionConflict(f"PostgreSQL: {error}") from error
    except asyncpg.PostgresError as error:
        raise DatabaseError(f"PostgreSQL: {error}") from error


class HeldConnection:
    """A connection that is held open, and opened again after it broke."""

    def __init__(
        self, db: Database, prepare: Callable[[Connection], Awaitable[None]], timeout: float
    ) -> None:
        """`timeout`: the seconds for opening it."""
        self._db = db
        self._timeout = timeout
        self._prepare = prepare
        self.connection: Connection | None = None
        self.lock = asyncio.Lock()  # held by its present user

    async def get(self) -> Connection:
        if self.connection is not None and not self._is_broken(self.connection):
            return self.connection
        await self.drop()
        # In a task of its own: `databases` binds a connection to the task that makes it.
        self.connection = await asyncio.create_task(self._open())
        try:
            await self._prepare(self.connection)
        except BaseException:
            await self.drop()
            raise
        return self.connection

    async def _open(self) -> Connection:
        async with asyncio.timeout(self._timeout):
            return await self._db.connection().__aenter__()

    async def drop(self) -> None:
        """Drop the connection and abort work under way on it."""
        held, self.connection = self.connection, None
        if held is not None:
            with suppress(asyncpg.InterfaceError):  # the pool has taken it back by itself
                held.raw_connection.terminate()
            try:
                await held.__aexit__()
            except UNAVAILABLE_ERRORS as error:
                log.debug("broken connection dropped: %s", error)

    @staticmethod
    def _is_broken(held: Connection) -> bool:
        try:
            return bool(held.raw_connection.is_closed())
        except asyncpg.InterfaceError:  # the pool has taken it back by itself
            return True


class ConnectionPool:
    """A few held connections, each with one user at a time."""

    def __init__(
        self,
        db: Database,
        size: int,
        prepare: Callable[[Connection], Awaitable[None]],
        timeout: float,
    ) -> None:
        self.connections = [HeldConnection(db, prepare, timeout) for _ in range(size)]
        self._free: asyncio.LifoQueue[HeldConnection] = asyncio.LifoQueue()
        for held in self.connections:
            self._free.put_nowait(held)

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Connection]:
        with translated():
            async with asyncio.timeout(COMMAND_TIMEOUT):
                held = await self._free.get()
        try:
            async with using(held) as db:
                yield db
        finally:
            self._free.put_nowait(held)

    async def aclose(self) -> None:
        for held in self.connections:
            await held.drop()


@asynccontextmanager
async def using(held: HeldConnection) -> AsyncIterator[Connection]:
    """Use a held connection; drop it if it breaks."""
    with translated():
        try:
            yield await held.get()
        except UNAVAILABLE_ERRORS:
            await held.drop()
            raise
