"""Group commit: changes that arrive during a commit go together into the next one."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from msgspec import Struct

from .errors import DatabaseUnavailable, TransactionConflict
from .messages import Add, Change, Outcome, RefusedChange, is_plain
from .receipts import Marks, Moved
from .store import Store

log = logging.getLogger("roomcast.commit_queue")
MAX_BATCH_SIZE = 1024
MAX_COSTLY_CHANGES = 32  # edits, files, posts of the site …: each takes queries of its own
FIRST_COSTLY_CHANGES = 8  # of them in the first transaction, before it is known how long they take
SLOW_COMMIT = 0.5  # seconds after which the next transaction has half as many of them
RECEIPT_RETRY_DELAY = 1.0  # seconds until receipts of a failed commit are committed again
SINGLE_COMMITS_TIMEOUT = 3.0  # seconds for committing the changes of a failed batch one by one


class Entry(Struct):
    """A change that waits for its commit; its outcome stays None if the database failed."""

    change: Change
    done: Callable[["Entry"], None]
    outcome: Outcome | None = None


class Committed(Struct):
    """The result of one commit, in the order of its changes."""

    entries: list[Entry]
    moved: list[Moved]
    at: int  # microseconds since 1970, UTC
    took: float  # seconds


OnCommitted = Callable[[Committed], Awaitable[None]]
OnUnconfirmed = Callable[[set[int]], None]


class CommitQueue:
    """The queue of changes and receipts: one task commits them, one transaction at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._on_committed: OnCommitted
        self._on_unconfirmed: OnUnconfirmed
        self._entries: list[Entry] = []
        self._marks: Marks = {}
        self._under_way: Marks = {}
        self._refused: Marks = {}
        self._waiting: list[asyncio.Future[bool]] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._costly_limit = FIRST_COSTLY_CHANGES
        self._closing = False

    def open(self, on_committed: OnCommitted, on_unconfirmed: OnUnconfirmed) -> None:
        """Start the task. `on_committed` is awaited after each commit, before the next one.

        `on_unconfirmed` is called with the rooms of a commit whose outcome is unknown.
        """
        self._on_committed, self._on_unconfirmed = on_committed, on_unconfirmed
        self._task = asyncio.create_task(self._run(), name="roomcast commit queue")

    def waiting(self) -> int:
        return len(self._entries)

    def check(self) -> None:
        """Check that the queue is running. Raises RuntimeError."""
        if self._task is None or self._task.done():
            raise RuntimeError("The commit queue has ended.")

    async def aclose(self) -> None:
        """Stop, after everything that waits is committed and passed to the listeners."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task

    # ------------------------------------------------------------ adding changes and receipts

    def write(self, change: Change, done: Callable[[Entry], None]) -> None:
        self._entries.append(Entry(change, done))
        self._wake.set()

    def mark(self, room_id: int, user_id: str, delivered: int, read: int) -> None:
        """Queue a member's watermarks, ids of messages; the highest ones are committed."""
        _advance(self._marks, (room_id, user_id), delivered, read)
        self._wake.set()

    def forget(self) -> None:
        """Drop the queued receipts: a restored database does not have their messages."""
        for marks in (self._marks, self._under_way, self._refused):
            marks.clear()

    async def marked(self) -> bool:
        """Wait for the commit of all receipts queued so far; return False if it failed."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._wake.set()
        return await future

    # ------------------------------------------------------------ committing

    async def _run(self) -> None:
        while True:
            if not (self._entries or self._marks or self._waiting):
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
            await self._next()

    async def _next(self) -> None:
        entries = self._take()
        marks = self._under_way = self._marks
        self._marks = {}
        waiting, self._waiting = self._waiting, []
        is_marked = await self._commit(entries, marks)
        for future in waiting:
            if not future.done():
                future.set_result(is_marked)

    async def _commit(self, entries: list[Entry], marks: Marks) -> bool:
        """Commit a batch and complete its entries; return whether the receipts are committed."""
        error = await self._attempt(entries, marks)
        if error is None:
            return True
        if isinstance(error, DatabaseUnavailable):
            return self._fail_all(entries, marks, error)
        if len(entries) + bool(marks) > 1:
            return await self._commit_each(entries, marks)
        return self._refuse(entries, marks, error)

    async def _attempt(self, entries: list[Entry], marks: Marks) -> Exception | None:
        """Run one transaction; return the error if it failed or its outcome is unknown."""
        began = time.perf_counter()
        try:
            outcomes, moved, at = await self._store.commit([e.change for e in entries], marks)
        except Exception as error:  # nothing may end the queue
            return error
        finally:
            self._costly_limit = _next_limit(self._costly_limit, time.perf_counter() - began)
        for entry, outcome in zip(entries, outcomes, strict=True):
            entry.outcome = outcome
        took = time.perf_counter() - began
        await self._announce(Committed(entries, moved, at, took))
        return None

    async def _commit_each(self, entries: list[Entry], marks: Marks) -> bool:
        """Commit the changes one by one, so that a failing change fails alone.

        An outage ends this, and so does SINGLE_COMMITS_TIMEOUT for all of them together.
        """
        deadline = time.monotonic() + SINGLE_COMMITS_TIMEOUT
        for done, entry in enumerate(entries):
            error: Exception | None = DatabaseUnavailable("Single commits took too long together")
            if time.monotonic() < deadline:
                error = await self._attempt([entry], {})
            if isinstance(error, DatabaseUnavailable):
                return self._fail_all(entries[done:], marks, error)
            if error is not None:
                self._refuse([entry], {}, error)
        return await self._commit([], marks) if marks else True

    def _refuse(self, entries: list[Entry], marks: Marks, error: Exception) -> bool:
        """Complete entries that failed alone; return whether there are no receipts to repeat.

        After repeated conflicts with other transactions the outcome stays None: it may work later.
        """
        is_conflict = isinstance(error, TransactionConflict)
        log.warning("commit failed: %s", error, exc_info=not is_conflict)
        for entry in entries:
            if not is_conflict:
                entry.outcome = RefusedChange("internal")
            _complete(entry)
        self._retry_later(marks)
        return not marks

    def _fail_all(self, entries: list[Entry], marks: Marks, error: Exception) -> bool:
        """Fail these entries and all later ones in the queue: the database is unavailable."""
        log.warning("commit failed: %s", error)
        entries = [*entries, *self._entries]
        self._entries.clear()
        self._on_unconfirmed({entry.change.room_id for entry in entries})
        for entry in entries:
            _complete(entry)
        self._retry_later(marks)
        return not marks

    def _retry_later(self, marks: Marks) -> None:
        if not marks:
            return
        for where, upto in marks.items():
            _advance(self._refused, where, *upto)
        asyncio.get_running_loop().call_later(RECEIPT_RETRY_DELAY, self._again)

    def _again(self) -> None:
        marks, self._refused = self._refused, {}
        for (room_id, user_id), upto in marks.items():
            self.mark(room_id, user_id, *upto)

    async def _announce(self, committed: Committed) -> None:
        try:
            await self._on_committed(committed)
        except Exception:
            log.exception("commit listeners failed")
            rooms = {entry.change.room_id for entry in committed.entries}
            self._on_unconfirmed(rooms | {moved.room_id for moved in committed.moved})
        for entry in committed.entries:
            _complete(entry)

    def _take(self) -> list[Entry]:
        """Remove and return the next batch; two adds with the same client_id never share one.

        Costly changes are limited, because a transaction has a timeout.
        """
        batch, names, costly = [], set(), 0
        for entry in self._entries[:MAX_BATCH_SIZE]:
            change = entry.change
            costly += not is_plain(change)
            if costly > self._costly_limit:
                break
            if isinstance(change, Add) and change.client_id is not None:
                name = change.room_id, change.sender_id, change.client_id
                if name in names:
                    break
                names.add(name)
            batch.append(entry)
        del self._entries[: len(batch)]
        return batch


def _advance(marks: Marks, where: tuple[int, str], delivered: int, read: int) -> None:
    had = marks.get(where)
    if had is not None:
        delivered, read = max(delivered, had[0]), max(read, had[1])
    marks[where] = delivered, read


def _next_limit(limit: int, took: float) -> int:
    """Return how many costly changes the transaction after one of `took` seconds may have.

    One that takes longer than the timeout fails, with all that wait behind it, and other processes
    wait for its rooms.
    """
    limit = limit // 2 if took > SLOW_COMMIT else limit + 1
    return min(max(limit, 1), MAX_COSTLY_CHANGES)


def _complete(entry: Entry) -> None:
    """Call `done` of an entry; log its errors."""
    try:
        entry.done(entry)
    except Exception:
        log.exception("receiver of an outcome failed")
