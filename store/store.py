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
from .outbox import Happened, Listeners
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
LISTENER_TTL = 3 * 86_400_000_000  # microseconds for which a listener that was seen is noted for
# Seconds: longer than PostgreSQL keeps the session of a lost machine, and than the default lease.
START_TIMEOUT = 45.0
COMMIT_PROOF_TTL = 5.0  # seconds for which a commit shows that others are possible


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
        """A connection whose queries see one state of the database."""
        ...

    def writing(self) -> AbstractAsyncContextManager[Connection]:
        """A connection in a transaction: all of it, or nothing."""
        ...

    async def recognize(self) -> None:
        """Looks whether this is still the same lineage of the database."""

    async def check_space(self) -> None:
        """The disk is not nearly full, as far as that can be seen from here."""

    async def snapshot(self, ask: SnapshotQuery) -> Snapshot | str: ...

    async def commit(
        self, changes: Sequence[Change], marks: Marks, now: int
    ) -> tuple[list[Outcome], list[Moved]]: ...


class Store:
    """The engine that the URL names."""

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

        `beside`: a server on the same SQLite file may run; then `commit` is not to be called.

        The start waits for it to end for `start_timeout` seconds: its machine may have been lost.
        So it does for processes of an earlier version before it migrates what they work on.

        `on_new_epoch` is called when the database lost what it had confirmed: versions begin again
        below.
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
        """Raises CannotOpen with a sentence for the person who starts the server."""
        await self.engine.open()
        await self.learn_listeners()

    async def learn_listeners(self) -> None:
        """Whom other processes tell of events: from here on they are noted for those too."""
        since = time.time_ns() // 1000 - LISTENER_TTL
        self.listeners.add(await self.read(partial(known_listeners.load, since=since)))

    async def aclose(self) -> None:
        """Close the database, after the work under way."""
        while self._working:
            await asyncio.wait(self._working)
        await self.engine.aclose()

    # ------------------------------------------------------------ units of work

    async def read(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """The work's queries see one state of the database. Raises DatabaseUnavailable."""

        async def reading() -> T:
            async with self.engine.reading() as db:
                return await work(db)

        return await self._shielded(reading())

    async def write(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """One transaction: all of the work, or nothing. Raises DatabaseUnavailable.

        The work is done again where another process's was in its way.
        """

        async def writing() -> T:
            for attempt in range(MAX_ATTEMPTS):
                try:
                    async with self.engine.writing() as db:
                        return await work(db)
                except TransactionConflict:
                    if attempt == MAX_ATTEMPTS - 1:
                        raise
            raise AssertionError  # the last attempt returns or raises

        return await self._shielded(writing())

    async def note(self, db: Connection, *events: Happened) -> None:
        """Write a host event into the outbox, in the caller's transaction."""
        await outbox.note(db, self.listeners, events, time.time_ns() // 1000)

    async def snapshot(self, ask: SnapshotQuery) -> Snapshot | str:
        """Returns the snapshot of a joining socket, or the code of its refusal.

        Raises DatabaseUnavailable.
        """
        return await self._shielded(self.engine.snapshot(ask))

    async def commit(
        self, changes: Sequence[Change], marks: Marks
    ) -> tuple[list[Outcome], list[Moved], int]:
        """All changes and receipts in one transaction: outcomes in order, and when it took place.

        Raises DatabaseUnavailable or DatabaseError; then nothing of it is stored.
        """
        now = time.time_ns() // 1000
        self._proven_until = 0.0
        outcomes, moved = await self.engine.commit(changes, marks, now)
        self._proven_until = time.monotonic() + COMMIT_PROOF_TTL
        return outcomes, moved, now

    async def check(self) -> None:
        """The database answers. Raises DatabaseUnavailable."""
        await self.read(partial(epoch.get, name="schema"))

    async def prove(self) -> None:
        """Proves that writes are committed, by a recent commit or a new one, and will be.

        Raises DatabaseUnavailable or DatabaseError. A disk that is full can still be read.
        """
        await self.engine.check_space()
        if time.monotonic() > self._proven_until:
            await self.write(epoch.prove)
            self._proven_until = time.monotonic() + COMMIT_PROOF_TTL

    async def recognize(self) -> None:
        """Asks whether the database has another lineage by now. Raises DatabaseUnavailable."""
        await self._shielded(self.engine.recognize())

    async def _shielded(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work to its end, also if the caller is cancelled: no transaction stays open."""
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
