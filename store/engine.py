"""The database: opened once, its connections held, every piece of work shielded from its caller."""

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from databases import Database
from databases.core import Connection

from . import messages, meta, sqlite
from .messages import Add, Change, Outcome
from .receipts import Marks, Moved
from .snapshot import Ask, Snapshot

__all__ = ["AlreadyOpen", "Away", "CannotOpen", "Connection", "Store"]

try:
    import fcntl
except ImportError:  # Windows: nothing watches over a second process there
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger("roomcast.store")
T = TypeVar("T")
READERS = 2


class CannotOpen(Exception):
    """The database can't be opened; the message says which and why."""


class AlreadyOpen(CannotOpen):
    """Another process has this SQLite file: the two would not hear each other."""


class Away(Exception):
    """The database did not answer: nothing was read, nothing was stored."""


def path_of(url: str) -> Path:
    """The file of a sqlite:///relative.db or sqlite:////absolute.db URL."""
    return Path(url.removeprefix("sqlite:///"))


class Store:
    """SQLite behind `databases`: one held writer, a few held readers.

    `epoch` names this life of the database; `file_key` signs file URLs.
    """

    epoch: str
    file_key: bytes

    def __init__(self, url: str, synchronous: str = "FULL") -> None:
        self.path = path_of(url)
        self._db = Database(
            f"sqlite:///{self.path}", factory=partial(sqlite.Lite, synchronous=synchronous)
        )
        self._readers: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        self._held: list[Connection] = []
        self._writing = asyncio.Lock()
        self._working: set[asyncio.Task[Any]] = set()
        self._life: Life | None = None

    # ------------------------------------------------------------ opening and closing

    async def open(self) -> None:
        """Raises CannotOpen with a sentence for the person who starts the server."""
        self._life = Life(self.path)
        try:
            # A file that can't be opened fails here, before there is a thread to be stopped.
            await asyncio.to_thread(lambda: sqlite.Lite(self.path, synchronous="FULL").close())
            await self._open(self._life)
        except BaseException as error:
            await self.aclose()
            if isinstance(error, sqlite3.Error | OSError):
                raise CannotOpen(f"The database {self.path} can't be opened: {error}.") from error
            raise

    async def _open(self, life: "Life") -> None:
        await self._db.connect()
        self._writer = await self._hold()
        await self.write(meta.migrate)
        self.epoch, self.file_key = await self.write(partial(meta.begin_life, life=life.as_found()))
        await self.renew_life()
        for _ in range(READERS):
            self._readers.put_nowait(await self._hold())

    async def renew_life(self) -> None:
        """Tells this state of the database from any backup of it that was made before."""
        if self._life is not None:
            self._life.keep(await self.write(meta.new_life))

    async def _hold(self) -> Connection:
        """A connection of its own; `databases` binds each to the task that makes it."""

        async def connection() -> Connection:
            return await self._db.connection().__aenter__()

        held = await asyncio.create_task(connection())
        self._held.append(held)
        return held

    async def aclose(self) -> None:
        """After the work under way; its threads end."""
        while self._working:
            await asyncio.wait(self._working)
        for held in self._held:
            await held.__aexit__()
        self._held.clear()
        if self._db.is_connected:
            await self._db.disconnect()
        if self._life is not None:
            self._life.release()

    # ------------------------------------------------------------ units of work

    async def read(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """The work's queries see one state of the database. Raises Away."""
        return await self._shielded(self._read(work))

    async def write(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """One transaction on the writer: all of the work, or nothing. Raises Away."""
        return await self._shielded(self._write(work))

    async def snapshot(self, ask: Ask) -> Snapshot | str:
        """What a joining socket starts from, or the code of its refusal. Raises Away."""
        return await self._shielded(self._snapshot(ask))

    async def check(self) -> None:
        """The database answers. Raises Away."""

        async def look(db: Connection) -> None:
            await db.fetch_one("SELECT 1")

        await self.read(look)

    async def commit(
        self, changes: Sequence[Change], marks: Marks
    ) -> tuple[list[Outcome], list[Moved], int]:
        """All changes and receipts in one transaction: outcomes in order, and when it took place.

        Raises whatever fails; then nothing of it is stored.
        """
        now = time.time_ns() // 1000
        async with self._writing:
            if all(isinstance(c, Add) and not c.files for c in changes):
                begin = "BEGIN IMMEDIATE"
                done = await self._call(
                    self._writer, sqlite.transaction, begin, sqlite.write, changes, marks, now
                )
            else:
                async with _transaction(self._writer, "BEGIN IMMEDIATE"):
                    done = await self._mixed(changes, marks, now)
        return *done, now

    async def _mixed(
        self, changes: Sequence[Change], marks: Marks, now: int
    ) -> tuple[list[Outcome], list[Moved]]:
        outcomes = [await messages.make(self._writer, change, now) for change in changes]
        _, moved = await self._call(self._writer, sqlite.write, (), marks, now)
        return outcomes, moved

    # ------------------------------------------------------------ inside

    async def _shielded(self, work: Coroutine[Any, Any, T]) -> T:
        """A caller that is cancelled leaves no transaction open: the work ends by itself."""
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        try:
            return await asyncio.shield(task)
        except sqlite3.DatabaseError as error:
            log.warning("The database failed: %s", error, exc_info=True)
            raise Away(str(error)) from error

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[Connection]:
        reader = await self._readers.get()
        try:
            yield reader
        finally:
            self._readers.put_nowait(reader)

    async def _read(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async with self._reader() as db, _transaction(db, "BEGIN"):
            return await work(db)

    async def _write(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async with self._writing, _transaction(self._writer, "BEGIN IMMEDIATE"):
            return await work(self._writer)

    async def _snapshot(self, ask: Ask) -> Snapshot | str:
        async with self._reader() as db:
            return await self._call(db, sqlite.snapshot, ask)

    async def _call(self, db: Connection, work: Callable[..., T], *args: Any) -> T:
        rows = await db.raw_connection.execute_fetchall(sqlite.CALL, (work, *args))
        return rows[0]  # type: ignore[no-any-return] # what execute_fetchall answers is untyped


@asynccontextmanager
async def _transaction(db: Connection, begin: str) -> AsyncIterator[None]:
    raw = db.raw_connection
    await raw.execute(begin)
    try:
        yield
        await raw.execute("COMMIT")
    except BaseException:
        if raw.in_transaction:
            await raw.execute("ROLLBACK")
        raise


class Life:
    """The file beside the database that tells two things of it.

    Its lock: one process at a time. Its content, against the database's own: whether the database
    was put back from a backup, since a new word is written into both again and again.
    """

    def __init__(self, path: Path) -> None:
        self._database = path
        self._path = path.with_name(path.name + "-life")
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CannotOpen(f"The database {path} can't be opened: {error.strerror}.") from error
        if fcntl is not None:
            self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _lock(self, how: int) -> None:
        try:
            fcntl.flock(self._file, how)
        except OSError:
            os.close(self._file)
            raise AlreadyOpen(
                f"The database {self._database} is in use by another roomcast process. "
                "SQLite serves one process: stop the other one."
            ) from None

    def as_found(self) -> str:
        return os.pread(self._file, 200, 0).decode()

    def keep(self, word: str) -> None:
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, word.encode(), 0)

    def release(self) -> None:
        os.close(self._file)
