"""PostgreSQL: held connections that are reopened when they break, one statement for a batch.

Any number of processes can share the database: the update that counts a room's version locks the
room, so versions have no gaps and are in commit order.
"""

import asyncio
import logging
from collections.abc import (
    AsyncIterator,
    Callable,
    Sequence,
)
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
from databases import Database
from databases.core import Connection

from .. import epoch, schema
from ..dialect import POSTGRESQL
from ..errors import (
    MAX_ATTEMPTS,
    CannotOpen,
    DatabaseError,
    DatabaseInUse,
    DatabaseUnavailable,
    NotYetOpen,
    TransactionConflict,
)
from ..messages import (
    Change,
    Outcome,
)
from ..outbox import Listeners
from ..receipts import Marks, Moved
from ..search import postgres
from ..search.index import Finder
from ..snapshot import Snapshot, SnapshotQuery
from .address import PostgresAddress, parse_postgres_url
from .carry_over import carry_over
from .commit import commit_changes
from .pool import (
    COMMAND_TIMEOUT,
    UNAVAILABLE_ERRORS,
    ConnectionPool,
    HeldConnection,
    may_pass,
    using,
)
from .process_lock import ProcessLock
from .session import (
    CUSTOM_PLANS,
    GENERIC_PLANS,
    LOST_PEER_TIMEOUT,
    MIGRATION_LOCK,
    SERVER_SETTINGS,
    SESSION_LIMITS,
    check_encoding,
    find_lineage,
)
from .snapshot import load_snapshot
from .versions import VersionGuard

log = logging.getLogger("roomcast.store")

READER_COUNT = 2

JOINER_COUNT = 2  # for joins alone, so that they never wait for a search

WRITER_COUNT = 2  # for rooms, uploads and names, which do not wait for the commit queue

# Seconds: there may be many messages, and other processes wait for this one.
MIGRATION_TIMEOUT = 86_400.0


class Postgres:
    """The engine of `postgresql://user:password@host:port/database?ssl=…` URLs."""

    dialect = POSTGRESQL
    file_key: bytes
    finder: Finder = postgres

    def __init__(
        self,
        url: str,
        listeners: Listeners,
        *,
        alone: bool,
        start_timeout: float,
        on_new_epoch: Callable[[], None],
    ) -> None:
        """`start_timeout`: the seconds to wait for another process to end."""
        self._listeners = listeners
        self._address = address = parse_postgres_url(url)
        size = READER_COUNT + JOINER_COUNT + WRITER_COUNT + 1
        self._db = Database(
            "postgresql://",
            min_size=0,
            max_size=size,
            command_timeout=COMMAND_TIMEOUT,
            server_settings=SERVER_SETTINGS,
            connect=partial(_connect, address),
        )
        self._versions = VersionGuard(address, start_timeout)
        self._process_lock = ProcessLock(address) if alone else None
        self._on_new_epoch = on_new_epoch
        self.epoch = self._lineage = ""
        self.committer = HeldConnection(self._db, self._prepare_commits, address.timeout)
        self.readers = ConnectionPool(self._db, READER_COUNT, self._prepare, address.timeout)
        self.joiners = ConnectionPool(self._db, JOINER_COUNT, self._prepare_joiner, address.timeout)
        self.writers = ConnectionPool(self._db, WRITER_COUNT, self._prepare, address.timeout)

    async def open(self) -> None:
        try:
            await self._db.connect()
            await self._versions.wait(self._migrate)
            await self._versions.wait(self._open_committer)
        except (DatabaseUnavailable, DatabaseError) as error:
            await self.aclose()
            raise self._explain(error, error.__cause__) from error
        except UNAVAILABLE_ERRORS as error:
            raise self._explain(error, error) from error
        except BaseException:
            await self.aclose()
            raise

    def _explain(self, error: BaseException, cause: BaseException | None) -> CannotOpen:
        kind = NotYetOpen if may_pass(cause) else CannotOpen
        return kind(f"The database {self._address} can't be opened: {error}.")

    async def _open_committer(self) -> None:
        async with using(self.committer):
            pass

    async def _migrate(self) -> None:
        async with self.writing() as db:
            raw = db.raw_connection
            await raw.execute("SET LOCAL statement_timeout = 0")
            if wrong := await check_encoding(raw):
                raise CannotOpen(f"The database {self._address} can't be used: {wrong}.")
            key = self._address.lock_key(MIGRATION_LOCK)
            await raw.execute("SELECT pg_advisory_xact_lock($1)", key, timeout=MIGRATION_TIMEOUT)
            await self._make_schema(raw)
            await self._versions.check_older(db)
            await schema.migrate(db, "postgresql", partial(raw.execute, timeout=MIGRATION_TIMEOUT))

    async def _make_schema(self, raw: Any) -> None:
        """Create the schema that the address names, if any."""
        name = self._address.schema
        query = "SELECT 1 FROM pg_namespace WHERE nspname = $1"
        if name and await raw.fetchval(query, name) is None:
            await raw.execute(f'CREATE SCHEMA "{name}"')

    async def _prepare_commits(self, db: Connection) -> None:
        """Prepare the commit queue's connection; a single process takes its lock here."""
        raw = db.raw_connection
        if self._process_lock is not None:
            await self._process_lock.take(raw)
        await self._limit(raw)
        await raw.execute(GENERIC_PLANS)
        await self._recognize(db)

    async def _limit(self, raw: Any) -> None:
        await raw.execute(self._address.search_path + SESSION_LIMITS)
        await raw.execute(LOST_PEER_TIMEOUT)

    async def _prepare(self, db: Connection) -> None:
        """At each new connection: the database behind it may be another by now."""
        await self._limit(db.raw_connection)
        await db.raw_connection.execute(CUSTOM_PLANS)
        if self._lineage:  # else its tables are being made
            await self._recognize(db)

    async def _prepare_joiner(self, db: Connection) -> None:
        await self._prepare(db)
        await db.raw_connection.execute(GENERIC_PLANS)

    async def _recognize(self, db: Connection) -> None:
        """Raises DatabaseUnavailable, once, where the database has another lineage than before.

        And as long as it has the schema of a later version, which this process does not know.
        """
        raw = db.raw_connection
        await self._versions.check_newer(db)
        lineage = await find_lineage(raw)
        if lineage == self._lineage:
            return
        async with raw.transaction():
            key = self._address.lock_key(MIGRATION_LOCK)
            await raw.execute("SELECT pg_advisory_xact_lock($1)", key)
            await epoch.begin_lineage(db, lineage)
            named, self.file_key = await epoch.identity(db)
        known, self.epoch, self._lineage = self.epoch, named, lineage
        if known not in ("", named):
            log.warning("database has a new timeline: clients start with a new snapshot")
            self._on_new_epoch()
            raise DatabaseUnavailable("PostgreSQL: another lineage of the database has begun")

    async def check_space(self) -> None:
        """PostgreSQL's disk is its own."""

    async def recognize(self) -> None:
        """Through a pooler a connection may outlive the server behind it."""
        async with self.readers.use() as db:
            await self._recognize(db)

    async def aclose(self) -> None:
        await self.committer.drop()
        await self.readers.aclose()
        await self.joiners.aclose()
        await self.writers.aclose()
        if self._db.is_connected:
            await self._db.disconnect()

    # ------------------------------------------------------------ units of work

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        self._versions.refuse_if_outdated()
        one_state = {"isolation": "repeatable_read", "readonly": True}
        async with self.readers.use() as db, db.raw_connection.transaction(**one_state):
            yield db

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Connection]:
        self._versions.refuse_if_outdated()
        async with self.writers.use() as db, db.raw_connection.transaction():
            yield db

    async def carry_over(self, limit: int) -> bool:
        self._versions.refuse_if_outdated()
        async with self.writers.use() as db:
            return await carry_over(db.raw_connection, limit)

    async def snapshot(self, ask: SnapshotQuery) -> Snapshot | str:
        self._versions.refuse_if_outdated()
        async with self.joiners.use() as db:
            raw = db.raw_connection
            try:
                return await load_snapshot(raw, ask)
            except asyncpg.DataError:
                if ask.after is not None:
                    raise
                # The room opens all the same, without what can't be read.
                return await load_snapshot(raw, ask, without_messages=True)

    async def commit(
        self, changes: Sequence[Change], marks: Marks, now: int
    ) -> tuple[list[Outcome], list[Moved]]:
        self._versions.refuse_if_outdated()
        async with self.committer.lock:
            for attempt in range(MAX_ATTEMPTS):
                try:
                    async with asyncio.timeout(COMMAND_TIMEOUT), using(self.committer) as db:
                        work = db, self._listeners, changes, marks, now
                        return await commit_changes(*work, is_again=attempt > 0)
                except TimeoutError as error:
                    await self.committer.drop()
                    raise DatabaseUnavailable("PostgreSQL did not answer in time") from error
                except DatabaseInUse as error:
                    raise DatabaseUnavailable(str(error)) from error
                except TransactionConflict:
                    if attempt == MAX_ATTEMPTS - 1:
                        raise
        raise AssertionError  # the last attempt returns or raises


async def _connect(address: PostgresAddress, *args: Any, **options: Any) -> Any:
    """For the driver's pool, whose arguments name no host."""
    wanted = {"command_timeout", "server_settings", "connection_class", "record_class", "loop"}
    return await address.connect(**{n: v for n, v in options.items() if n in wanted})
