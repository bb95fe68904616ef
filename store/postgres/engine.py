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
from ..errors import TRIES, AlreadyOpen, Away, CannotOpen, Clash, Failed
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
from ..snapshot import Ask, Snapshot
from .commit import write
from .pool import COMMAND, GONE, Held, Pool, using
from .snapshot import load_snapshot
from .url import options_of

log = logging.getLogger("roomcast.store")

READERS = 2

JOINERS = 2  # for joins alone, which so never wait for a search

WRITERS = 2  # beside the journal's: rooms, uploads and names do not wait for its commits

MIGRATE = 86_400.0  # seconds: old messages may be many, and other processes wait for the one

MIGRATING, ALONE = 7_276_001, 7_276_002  # keys of advisory locks

# Compiling a statement of ours takes longer than running it.
PARAMETERS = {"application_name": "roomcast", "jit": "off"}

# A process that is lost amid a transaction must not keep its locks, and a statement that nobody
# waits for any more must not succeed later. No parameters: poolers refuse those they don't know.
SET_UP = "SET idle_in_transaction_session_timeout = '5s'; SET statement_timeout = '2.8s'"

# What the journal and joins do is planned once, and by indexes, also where the tables were small
# then. Else PostgreSQL makes a plan for each join, and for each small batch, which takes it two
# times as long as to run it.
ONE_PLAN = """
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off
"""


class Postgres:
    """`postgresql://user:password@host:port/database?ssl=…`, for any number of processes."""

    dialect = POSTGRESQL
    file_key: bytes
    finder: Finder = postgres

    def __init__(
        self, url: str, listeners: Listeners, *, alone: bool, on_new_life: Callable[[], None]
    ) -> None:
        self._listeners = listeners
        self._url = DatabaseURL(url)
        size = READERS + JOINERS + WRITERS + 1
        options: dict[str, Any] = {
            "command_timeout": COMMAND,
            "server_settings": PARAMETERS,
        } | options_of(self._url)
        self._db = Database(self._plain(url), min_size=0, max_size=size, **options)
        self._alone = alone
        self._on_new_life = on_new_life
        self.epoch = self._life = ""
        self._journal = Held(self._db, self._greet_alone)
        self._turn = asyncio.Lock()
        self._readers = Pool(self._db, READERS, self._greet)
        self._joiners = Pool(self._db, JOINERS, self._greet_joiner)
        self._writers = Pool(self._db, WRITERS, self._greet)

    @staticmethod
    def _plain(url: str) -> str:
        """Without the options, which are handed to the driver as what they mean."""
        return url.partition("?")[0]

    async def open(self) -> None:
        try:
            await self._db.connect()
            await self._migrate()
            async with using(self._journal):
                pass
        except (Away, Failed) as error:
            await self.aclose()
            raise CannotOpen(f"The database {self._where()} can't be opened: {error}.") from error
        except GONE as error:
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
            await raw.execute("SELECT pg_advisory_xact_lock($1)", MIGRATING, timeout=MIGRATE)
            await schema.migrate(db, "postgresql", partial(raw.execute, timeout=MIGRATE))

    async def _greet_alone(self, db: Connection) -> None:
        """The journal's, with a lock where nobody else may work on this database."""
        raw = db.raw_connection
        if self._alone and not await raw.fetchval("SELECT pg_try_advisory_lock($1)", ALONE):
            raise AlreadyOpen(
                f"The database {self._where()} is in use by another roomcast process, and the two "
                "would not hear each other: set broadcast.url to a Redis or PostgreSQL for both."
            )
        await raw.execute(f"{SET_UP}; {ONE_PLAN}")
        await self._recognize(db)

    async def _greet(self, db: Connection) -> None:
        """At each new connection: the database behind it may be another by now."""
        await db.raw_connection.execute(SET_UP)
        if self._life:  # else its tables are being made
            await self._recognize(db)

    async def _greet_joiner(self, db: Connection) -> None:
        await db.raw_connection.execute(ONE_PLAN)
        await self._greet(db)

    async def _recognize(self, db: Connection) -> None:
        """Raises Away, once, where the database has begun another life since it was last seen."""
        raw = db.raw_connection
        life = await _life(raw)
        if life == self._life:
            return
        async with raw.transaction():
            await raw.execute("SELECT pg_advisory_xact_lock($1)", MIGRATING)
            await epoch.begin_life(db, life)
            named, self.file_key = await epoch.identity(db)
        known, self.epoch, self._life = self.epoch, named, life
        if known not in ("", named):
            log.warning("The database has begun another life: everybody starts afresh.")
            self._on_new_life()
            raise Away("PostgreSQL: another life of the database has begun")

    async def recognize(self) -> None:
        """Through a pooler a connection may outlive the server behind it."""
        async with self._readers.use() as db:
            await self._recognize(db)

    async def aclose(self) -> None:
        await self._journal.drop()
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

    async def snapshot(self, ask: Ask) -> Snapshot | str:
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
        async with self._turn:
            for attempt in range(TRIES):
                try:
                    async with asyncio.timeout(COMMAND), using(self._journal) as db:
                        work = db, self._listeners, changes, marks, now
                        return await _commit(*work, is_again=attempt > 0)
                except TimeoutError as error:
                    await self._journal.drop()
                    raise Away("PostgreSQL did not answer in time") from error
                except Clash:
                    if attempt == TRIES - 1:
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


async def _life(raw: Any) -> str:
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
