"""SQLite: one writer and a few readers, held open; a hot transaction is one call in its thread."""

import asyncio
import logging
import os
import shutil
import sqlite3
from collections.abc import (
    AsyncIterator,
    Sequence,
)
from contextlib import asynccontextmanager
from functools import partial

from databases import Database
from databases.core import Connection

from .. import epoch, list_order, messages, outbox, schema
from ..dialect import SQLITE
from ..errors import CannotOpen, DatabaseInUse, DatabaseUnavailable
from ..messages import (
    Change,
    Outcome,
    is_plain,
    runs,
)
from ..outbox import Listeners, events_of
from ..receipts import Marks, Moved
from ..search import sqlite
from ..search.index import Finder
from ..snapshot import Snapshot, SnapshotQuery
from .address import parse_sqlite_url
from .checkpoints import Checkpoints
from .commit import commit_batch, store_texts, write_batch
from .connection import SqliteConnection, call, transaction_of, translated
from .lineage import Lineage
from .readers import ReaderPool
from .snapshot import snapshot

log = logging.getLogger("roomcast.store")

READER_COUNT = 2
JOINER_COUNT = 2  # for joins alone, so that they never wait for a search or an export
READER_TIMEOUT, JOINER_TIMEOUT = 10.0, 3.0  # seconds to wait for a free connection
LEAST_SPACE = 32 << 20  # bytes of free disk space, below which the process is not ready
JOINER_CACHE = 8_000  # KiB of pages; a join reads few


class Sqlite:
    """The engine of `sqlite:///relative.db` and `sqlite:////absolute.db`, for one process."""

    dialect = SQLITE
    epoch: str
    file_key: bytes
    finder: Finder = sqlite

    def __init__(
        self, url: str, synchronous: str, listeners: Listeners, *, beside: bool = False
    ) -> None:
        """`beside`: another process may hold the lock; then only `reading` and `writing` work."""
        self._beside = beside
        self._listeners = listeners
        self.path = parse_sqlite_url(url)
        connect = partial(SqliteConnection, path=self.path, synchronous=synchronous)
        # The factory knows the path: `databases` would decode it by the rules of URLs.
        self._db = Database("sqlite:///", factory=connect)
        self._readers = ReaderPool(READER_TIMEOUT)
        self._joiners = ReaderPool(JOINER_TIMEOUT)
        self.held: list[Connection] = []
        self._write_lock = asyncio.Lock()
        self.lineage: Lineage | None = None
        self.checkpoints = Checkpoints(self.path)

    async def open(self) -> None:
        self.lineage = self._lock()
        try:
            # A file that can't be opened fails here, before a thread was started.
            await asyncio.to_thread(self._touch)
            await self._open(self.lineage)
        except BaseException as error:
            await self.aclose()
            if isinstance(error, sqlite3.Error | OSError):
                raise CannotOpen(f"The database {self.path} can't be opened: {error}.") from error
            raise

    def _lock(self) -> Lineage | None:
        """Take the lock; return None if a server has it and this process works beside it."""
        try:
            return Lineage(self.path)
        except DatabaseInUse:
            if not self._beside:
                raise
            return None

    def _touch(self) -> None:
        """Create the file, readable by its owner only."""
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        SqliteConnection(path=self.path, synchronous="FULL").close()

    async def _open(self, lineage: Lineage | None) -> None:
        await self._db.connect()
        self._writer = await self._hold()
        async with transaction_of(self._writer, "BEGIN IMMEDIATE"):
            if lineage is None:
                await self._check_schema()
            else:
                await schema.migrate(self._writer, "sqlite", self._writer.raw_connection.execute)
                await epoch.begin_lineage(self._writer, lineage.word, *lineage.words())
            self.epoch, self.file_key = await epoch.identity(self._writer)
        if lineage is not None:
            lineage.settle()
        for _ in range(READER_COUNT):
            self._readers.add(await self._hold())
        for _ in range(JOINER_COUNT):
            joiner = await self._hold()
            await joiner.raw_connection.execute(f"PRAGMA cache_size=-{JOINER_CACHE}")
            self._joiners.add(joiner)
        self.checkpoints.open(await self._hold())

    async def _check_schema(self) -> None:
        if await epoch.get(self._writer, "schema") != str(schema.VERSION):
            raise DatabaseInUse(
                f"The database {self.path} is in use by another version of roomcast: stop it first."
            )

    async def _hold(self) -> Connection:
        """Open a connection in a task of its own, since `databases` binds it to its task."""

        async def connection() -> Connection:
            return await self._db.connection().__aenter__()

        held = await asyncio.create_task(connection())
        self.held.append(held)
        return held

    async def aclose(self) -> None:
        """Close the connections and their threads."""
        await self.checkpoints.aclose()
        if self.lineage is not None and self.lineage.is_known:
            self.lineage.settle()
        for held in self.held:
            await held.__aexit__()
        self.held.clear()
        if self._db.is_connected:
            await self._db.disconnect()
        if self.lineage is not None:
            self.lineage.release()
            self.lineage = None

    async def recognize(self) -> None:
        """Do nothing: no other file can replace the open one."""

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        async with self._readers.use() as db, transaction_of(db, "BEGIN"):
            yield db

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Connection]:
        with translated():
            async with self._write_lock, transaction_of(self._writer, "BEGIN IMMEDIATE"):
                yield self._writer
            self.checkpoints.schedule()

    async def carry_over(self, limit: int) -> bool:
        async with self.writing() as db:
            return await list_order.carry_over(db, limit)

    async def check_space(self) -> None:
        usage = await asyncio.to_thread(shutil.disk_usage, self.path.absolute().parent)
        if usage.free < LEAST_SPACE:
            free, needed = usage.free >> 20, LEAST_SPACE >> 20
            raise DatabaseUnavailable(
                f"The disk of {self.path} is nearly full: {free} MiB are free, {needed} are needed"
            )

    async def snapshot(self, ask: SnapshotQuery) -> Snapshot | str:
        async with self._joiners.use() as db:
            return await call(db, snapshot, ask)

    async def commit(
        self, changes: Sequence[Change], marks: Marks, now: int
    ) -> tuple[list[Outcome], list[Moved]]:
        plain = all(is_plain(change) for change in changes)
        if plain and not (changes and self._listeners.names):
            with translated():
                async with self._write_lock:
                    done = await call(self._writer, commit_batch, self.lineage, changes, marks, now)
                self.checkpoints.schedule()
                return done
        assert self.lineage is not None  # open
        async with self.writing() as db:
            made = [] if plain else await _in_runs(db, changes, now)
            adds = changes if plain else ()
            added, moved = await call(db, write_batch, self.lineage, adds, marks, now)
            outcomes = made or added
            await outbox.note(db, self._listeners, events_of(changes, outcomes), now)
        self.lineage.advance()
        return outcomes, moved


async def _in_runs(db: Connection, changes: Sequence[Change], now: int) -> list[Outcome]:
    """Make changes in the order given; consecutive texts are written together."""
    outcomes: list[Outcome] = []
    for run in runs(changes):
        if isinstance(run, list):
            outcomes += (await call(db, store_texts, run, {}, now))[0]
        else:
            outcomes.append(await messages.make(db, run, now))
    await sqlite.forget(db, messages.rewritten(outcomes))
    return outcomes
