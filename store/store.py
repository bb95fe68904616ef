"""The database: one front for both engines, every piece of work shielded from its caller."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Protocol, TypeVar

from databases.core import Connection

from . import epoch, outbox
from . import listeners as known_listeners
from .dialect import Dialect
from .errors import (
    MAX_ATTEMPTS,
    CannotOpen,
    DatabaseError,
    DatabaseInUse,
    DatabaseUnavailable,
    NotYetOpen,
    TransactionConflict,
)
from .messages import Change, Outcome
from .outbox import Listeners, NewEvent
from .receipts import Marks, Moved
from .search.index import Finder
from .snapshot import Snapshot, SnapshotQuery
from .sqlite.address import is_sqlite

__all__ = [
    "START_TIMEOUT",
    "CannotOpen",
    "Connection",
    "DatabaseError",
    "DatabaseInUse",
    "DatabaseUnavailable",
    "NotYetOpen",
    "Store",
]

log = logging.getLogger("roomcast.store")
T = TypeVar("T")
LISTENER_TTL = 3 * 86_400_000_000  # microseconds for which a registered listener gets events
# Seconds: longer than PostgreSQL keeps the session of a lost machine, and than the default lease.
START_TIMEOUT = 45.0
COMMIT_PROOF_TTL = 5.0  # seconds for which a commit proves that the database can be written


class Engine(Protocol):
    """The operations that differ between the two databases.

    Each of them raises DatabaseUnavailable or DatabaseError.
    """

    dialect: Dialect
    epoch: str
    file_key: bytes
    finder: Finder

    async def open(self) -> None: ...
    async def aclose(self) -> None: ...

    def reading(self) -> AbstractAsyncContextManager[Connection]:
        """Return a connection whose queries see one state of the database."""
        ...

    def writing(self) -> AbstractAsyncContextManager[Connection]:
        """Return a connection in a transaction, which is committed or rolled back."""
        ...

    async def recognize(self) -> None:
        """Check whether this is still the same lineage of the database."""

    async def check_space(self) -> None:
        """Check that the disk is not nearly full, as far as this process can see it."""

    async def snapshot(self, ask: SnapshotQuery) -> Snapshot | str: ...

    async def commit(
        self, changes: Sequence[Change], marks: Marks, now: int
    ) -> tuple[list[Outcome], list[Moved]]: ...

    async def carry_over(self, limit: int) -> bool:
        """Update the room lists in a transaction of its own: see list_order.py."""
        ...


def hide_values() -> None:
    """Keep two libraries from logging each statement with its values at DEBUG."""
    for library in ("aiosqlite", "databases"):
        logging.getLogger(library).addFilter(_has_no_values)


def _has_no_values(record: logging.LogRecord) -> bool:
    """Return whether the record is above DEBUG, or the host has set a level for its logger."""
    return record.levelno > logging.DEBUG or logging.getLogger(record.name).level != logging.NOTSET


class Store:
    """The database of the chat: it passes each piece of work to the engine that the URL names."""

    def __init__(  # noqa: PLR0913 # each way to open is a keyword of its own
        self,
        url: str,
        synchronous: str = "FULL",
        *,
        alone: bool = True,
        beside: bool = False,
        start_timeout: float = 0.0,
        listeners: Listeners | None = None,
        on_new_epoch: Callable[[], None] = lambda: None,
    ) -> None:
        """`alone`: no other process may use this database, since events would not reach it.

        `beside`: a server on the same SQLite file may run; then `commit` must not be called.

        `start_timeout`: the seconds to wait for another process to end, whose machine may have been
        lost. Before a migration, the start also waits for processes of an earlier version.

        `on_new_epoch` is called when the database has lost confirmed changes, so that versions
        start below those that clients have seen.
        """
        self.listeners = listeners = listeners or Listeners()
        if is_sqlite(url):
            from .sqlite.engine import Sqlite

            self.engine: Engine = Sqlite(url, synchronous, listeners, beside=beside)
        else:
            try:
                from .postgres.engine import Postgres
            except ModuleNotFoundError as error:
                raise CannotOpen(
                    f"database.url: postgresql:// needs {error.name}: "
                    "pip install 'roomcast[postgres]'."
                ) from None

            self.engine = Postgres(
                url,
                listeners,
                alone=alone,
                start_timeout=start_timeout,
                on_new_epoch=on_new_epoch,
            )
        self._working: set[asyncio.Task[Any]] = set()
        self._proven_until = 0.0  # of time.monotonic

    @property
    def dialect(self) -> Dialect:
        return self.engine.dialect

    @property
    def epoch(self) -> str:
        """The epoch: the identity of one timeline of the database, which cursors carry."""
        return self.engine.epoch

    @property
    def file_key(self) -> bytes:
        """The key that signs file URLs."""
        return self.engine.file_key

    @property
    def finder(self) -> Finder:
        return self.engine.finder

    async def open(self) -> None:
        """Open the database. Raises CannotOpen with a sentence for the operator."""
        hide_values()
        await self.engine.open()
        await self.learn_listeners()

    async def learn_listeners(self) -> None:
        """Load the listeners of other processes, so that events are written for them, too."""
        since = time.time_ns() // 1000 - LISTENER_TTL
        self.listeners.add(await self.read(partial(known_listeners.load, since=since)))

    async def aclose(self) -> None:
        """Close the database, after the work under way."""
        while self._working:
            await asyncio.wait(self._working)
        await self.engine.aclose()

    # ------------------------------------------------------------ units of work

    async def read(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run work whose queries see one state of the database. Raises DatabaseUnavailable."""

        async def reading() -> T:
            async with self.engine.reading() as db:
                return await work(db)

        return await self._shielded(reading())

    async def write(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run work in one transaction. Raises DatabaseUnavailable.

        After a conflict with another process the work is repeated, up to MAX_ATTEMPTS times.
        """

        async def writing() -> T:
            async with self.engine.writing() as db:
                return await work(db)

        return await self._shielded(self._repeat(writing))

    async def _repeat(self, work: Callable[[], Awaitable[T]]) -> T:
        for attempt in range(MAX_ATTEMPTS):
            try:
                return await work()
            except TransactionConflict:
                if attempt == MAX_ATTEMPTS - 1:
                    raise
        raise AssertionError  # the last attempt returns or raises

    async def note(self, db: Connection, *events: NewEvent) -> None:
        """Write a host event into the outbox, in the caller's transaction."""
        await outbox.note(db, self.listeners, events, time.time_ns() // 1000)

    async def snapshot(self, ask: SnapshotQuery) -> Snapshot | str:
        """Return the snapshot of a joining socket, or the code of its refusal.

        Raises DatabaseUnavailable.
        """
        return await self._shielded(self.engine.snapshot(ask))

    async def commit(
        self, changes: Sequence[Change], marks: Marks
    ) -> tuple[list[Outcome], list[Moved], int]:
        """Commit changes and receipts in one transaction; return outcomes, moved marks and time.

        After DatabaseError nothing of it is stored; after DatabaseUnavailable it may be stored.
        """
        now = time.time_ns() // 1000
        self._proven_until = 0.0
        outcomes, moved = await self.engine.commit(changes, marks, now)
        self._proven_until = time.monotonic() + COMMIT_PROOF_TTL
        return outcomes, moved, now

    async def carry_over(self, limit: int) -> bool:
        """Update the room lists for up to `limit` changed rooms; return whether there may be more.

        Raises DatabaseUnavailable.
        """
        return await self._shielded(self._repeat(partial(self.engine.carry_over, limit)))

    async def check(self) -> None:
        """Check that the database answers. Raises DatabaseUnavailable."""
        await self.read(partial(epoch.get, name="schema"))

    async def prove(self) -> None:
        """Check that writes succeed, by a recent commit or a new one, and that there is disk space.

        Raises DatabaseUnavailable or DatabaseError. A full disk can still be read.
        """
        await self.engine.check_space()
        if time.monotonic() > self._proven_until:
            await self.write(epoch.prove)
            self._proven_until = time.monotonic() + COMMIT_PROOF_TTL

    async def recognize(self) -> None:
        """Check whether the database has another lineage by now. Raises DatabaseUnavailable."""
        await self._shielded(self.engine.recognize())

    async def _shielded(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work to its end even if the caller is cancelled, so no transaction stays open."""
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_log_unawaited)
            raise


def _log_unawaited(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.info("work failed after its caller was cancelled: %s", error)
