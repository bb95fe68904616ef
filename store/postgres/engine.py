"""PostgreSQL: held connections that come back by themselves, one statement for a whole batch.

Sharing a database is what this engine is for: rooms are locked by the update that counts their
versions, so versions are dense and in commit order whatever the number of processes.
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
from databases import Database, DatabaseURL
from databases.core import Connection

from .. import epoch, messages, outbox, schema
from ..dialect import POSTGRESQL
from ..errors import (
    MAX_ATTEMPTS,
    CannotOpen,
    DatabaseError,
    DatabaseInUse,
    DatabaseUnavailable,
    TransactionConflict,
)
from ..messages import (
    Change,
    Outcome,
    is_plain,
    runs,
)
from ..outbox import Listeners, happened
from ..receipts import Marks, Moved
from ..search import postgres
from ..search.index import Finder
from ..snapshot import Snapshot, SnapshotQuery
from .commit import write
from .pool import COMMAND_TIMEOUT, UNAVAILABLE_ERRORS, ConnectionPool, HeldConnection, using
from .snapshot import load_snapshot
from .url import options_of

log = logging.getLogger("roomcast.store")

READER_COUNT = 2

JOINER_COUNT = 2  # for joins alone, which so never wait for a search

WRITER_COUNT = 2  # beside the journal's: rooms, uploads and names do not wait for its commits

MIGRATION_TIMEOUT = (
    86_400.0  # seconds: old messages may be many, and other processes wait for the one
)

MIGRATION_LOCK, SINGLE_PROCESS_LOCK = 7_276_001, 7_276_002  # keys of advisory locks

# Compiling a statement of ours takes longer than running it.
SERVER_SETTINGS = {"application_name": "roomcast", "jit": "off"}

# A process that is lost amid a transaction must not keep its locks, and a statement that nobody
# waits for any more must not succeed later. No parameters: poolers refuse those they don't know.
SESSION_LIMITS = "SET idle_in_transaction_session_timeout = '5s'; SET statement_timeout = '2.8s'"

# What the journal and joins do is planned once, and by indexes, also where the tables were small
# then. Else PostgreSQL makes a plan for each join, and for each small batch, which takes it two
# times as long as to run it.
GENERIC_PLANS = """
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off
"""


class Postgres:
    """`postgresql://user:password@host:port/database?ssl=…`, for any number of processes."""

    dialect = POSTGRESQL
    file_key: bytes
    finder: Finder = postgres

    def __init__(
        self, url: str, listeners: Listeners, *, alone: bool, on_new_epoch: Callable[[], None]
    ) -> None:
        self._listeners = listeners
        self._url = DatabaseURL(url)
        size = READER_COUNT + JOINER_COUNT + WRITER_COUNT + 1
        options: dict[str, Any] = {
            "command_timeout": COMMAND_TIMEOUT,
            "server_settings": SERVER_SETTINGS,
        } | options_of(self._url)
        self._db = Database(self._plain(url), min_size=0, max_size=size, **options)
        self._alone = alone
        self._on_new_epoch = on_new_epoch
        self.epoch = self._lineage = ""
        self._committer = HeldConnection(self._db, self._prepare_commits)
        self._commit_lock = asyncio.Lock()
        self._readers = ConnectionPool(self._db, READER_COUNT, self._prepare)
        self._joiners = ConnectionPool(self._db, JOINER_COUNT, self._prepare_joiner)
        self._writers = ConnectionPool(self._db, WRITER_COUNT, self._prepare)

    @staticmethod
    def _plain(url: str) -> str:
        """Without the options, which are handed to the driver as what they mean."""
        return url.partition("?")[0]

    async def open(self) -> None:
        try:
            await self._db.connect()
            await self._migrate()
            async with using(self._committer):
                pass
        except (DatabaseUnavailable, DatabaseError) as error:
            await self.aclose()
            raise CannotOpen(f"The database {self._where()} can't be opened: {error}.") from error
        except UNAVAILABLE_ERRORS as error:
            raise CannotOpen(f"The database {self._where()} can't be opened: {error}.") from error
        except BaseException:
            await self.aclose()
            raise

    def _where(self) -> str:
        """Without user and password."""
        return f"{self._url.hostname}:{self._url.port or 5432}/{self._url.database}"

    async def _migrate(self) -> None:
        async with self.writing() as db:
            raw = db.raw_connection
            await raw.execute("SET LOCAL statement_timeout = 0")
            await raw.execute(
                "SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK, timeout=MIGRATION_TIMEOUT
            )
            await schema.migrate(db, "postgresql", partial(raw.execute, timeout=MIGRATION_TIMEOUT))

    async def _prepare_commits(self, db: Connection) -> None:
        """The journal's, with a lock where nobody else may work on this database."""
        raw = db.raw_connection
        if self._alone and not await raw.fetchval(
            "SELECT pg_try_advisory_lock($1)", SINGLE_PROCESS_LOCK
        ):
            raise DatabaseInUse(
                f"The database {self._where()} is in use by another roomcast process, and the two "
                "would not hear each other: set broadcast.url to a Redis or PostgreSQL for both."
            )
        await raw.execute(f"{SESSION_LIMITS}; {GENERIC_PLANS}")
        await self._recognize(db)

    async def _prepare(self, db: Connection) -> None:
        """At each new connection: the database behind it may be another by now."""
        await db.raw_connection.execute(SESSION_LIMITS)
        if self._lineage:  # else its tables are being made
            await self._recognize(db)

    async def _prepare_joiner(self, db: Connection) -> None:
        await db.raw_connection.execute(GENERIC_PLANS)
        await self._prepare(db)

    async def _recognize(self, db: Connection) -> None:
        """Raises DatabaseUnavailable, once, where the database has another lineage than before."""
        raw = db.raw_connection
        lineage = await _lineage(raw)
        if lineage == self._lineage:
            return
        async with raw.transaction():
            await raw.execute("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK)
            await epoch.begin_lineage(db, lineage)
            named, self.file_key = await epoch.identity(db)
        known, self.epoch, self._lineage = self.epoch, named, lineage
        if known not in ("", named):
            log.warning("The database has begun another lineage: everybody starts afresh.")
            self._on_new_epoch()
            raise DatabaseUnavailable("PostgreSQL: another lineage of the database has begun")

    async def recognize(self) -> None:
        """Through a pooler a connection may outlive the server behind it."""
        async with self._readers.use() as db:
            await self._recognize(db)

    async def aclose(self) -> None:
        await self._committer.drop()
        await self._readers.aclose()
        await self._joiners.aclose()
        await self._writers.aclose()
        if self._db.is_connected:
            await self._db.disconnect()

    # ------------------------------------------------------------ units of work

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        one_state = {"isolation": "repeatable_read", "readonly": True}
        async with self._readers.use() as db, db.raw_connection.transaction(**one_state):
            yield db

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Connection]:
        async with self._writers.use() as db, db.raw_connection.transaction():
            yield db

    async def snapshot(self, ask: SnapshotQuery) -> Snapshot | str:
        async with self._joiners.use() as db:
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
        async with self._commit_lock:
            for attempt in range(MAX_ATTEMPTS):
                try:
                    async with asyncio.timeout(COMMAND_TIMEOUT), using(self._committer) as db:
                        work = db, self._listeners, changes, marks, now
                        return await _commit(*work, is_again=attempt > 0)
                except TimeoutError as error:
                    await self._committer.drop()
                    raise DatabaseUnavailable("PostgreSQL did not answer in time") from error
                except TransactionConflict:
                    if attempt == MAX_ATTEMPTS - 1:
                        raise
        raise AssertionError  # the last attempt returns or raises


async def _commit(
    db: Connection,
    listeners: Listeners,
    changes: Sequence[Change],
    marks: Marks,
    now: int,
    *,
    is_again: bool,
) -> tuple[list[Outcome], list[Moved]]:
    """`is_again`: something was in the way, and will not be where the rooms are locked before."""
    raw = db.raw_connection
    plain = [change for change in changes if is_plain(change)]
    is_plain_all = len(plain) == len(changes)
    is_lonely = is_plain_all and all(add.reply_to is None for add in plain)
    if is_lonely and not is_again and not (plain and listeners.names):
        return await write(raw, plain, marks, now)
    async with raw.transaction():
        rooms = sorted({change.room_id for change in changes})
        await raw.execute("SELECT id FROM rooms WHERE id = ANY($1) ORDER BY id FOR UPDATE", rooms)
        if is_plain_all:
            outcomes, moved = await write(raw, plain, marks, now)
        else:
            outcomes = await _in_runs(db, changes, now)
            _, moved = await write(raw, (), marks, now)
        await outbox.note(db, listeners, happened(changes, outcomes), now)
        return outcomes, moved


async def _in_runs(db: Connection, changes: Sequence[Change], now: int) -> list[Outcome]:
    """In the order given; texts in a row are one statement still."""
    outcomes: list[Outcome] = []
    for run in runs(changes):
        if isinstance(run, list):
            outcomes += (await write(db.raw_connection, run, {}, now))[0]
        else:
            outcomes.append(await messages.make(db, run, now))
    await postgres.forget(db, messages.rewritten(outcomes))
    return outcomes


async def _lineage(raw: Any) -> str:
    """What a restore changes: the cluster, its timeline, or the database in it."""
    query = "SELECT oid::text FROM pg_database WHERE datname = current_database()"
    database = await raw.fetchval(query)
    # Not pg_control_checkpoint(): for minutes after a promotion that names the timeline of before.
    query = """
        SELECT system_identifier || '-' ||
               ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int
          FROM pg_control_system()
    """
    try:
        async with raw.transaction():
            return f"{await raw.fetchval(query)}-{database}"
    except asyncpg.InsufficientPrivilegeError:
        return str(database)
