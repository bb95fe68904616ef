"""Full text search, and the background task that keeps its index up to date."""

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import islice

from msgspec import Struct

from ..protocol.errors import InvalidFrame, NotFound
from ..protocol.ids import is_clean
from ..realtime.commits import Commit
from ..settings import Limits
from ..store import messages, receipts, rooms
from ..store.messages import MessageRow
from ..store.receipts import Status
from ..store.search import index, tokenizer
from ..store.search.index import SearchQuery
from ..store.search.tokenizer import Term
from ..store.store import Connection, DatabaseUnavailable, Store

log = logging.getLogger("roomcast.search")

INDEX_DELAY = 5.0  # seconds after a change until it is indexed, together with those that follow
MESSAGE_BATCH = 100  # messages in one transaction, for which other writers wait
BUSY_MESSAGES = 200  # messages written during a step; with more, the server counts as busy
BUSY_SHARE = 20  # while the server is busy, indexing uses one part in so many of the time
MAX_CHANGED_ROOMS = 10_000  # changed rooms that are recorded; with more, all rooms are searched
MAX_SEARCHED_ROOMS = 500  # of them, among which a question looks for rooms of its user
MAX_ROOMS_INDEXED_FIRST = 10  # rooms that a query indexes first, and steps for each of them
RETRY_DELAY = 10.0  # seconds until the next attempt after a failure
MAX_QUERY_LENGTH = 200  # code points of a query
MAX_QUERY_WORDS = 16  # words of a query


class Found(Struct):
    """A page of messages with their statuses, newest first, and the start of the next page."""

    messages: list[tuple[MessageRow, Status]]
    before: int | None


class Search:
    """Searches messages. Before each query it updates the index for the rooms of the user."""

    def __init__(self, limits: Limits, store: Store) -> None:
        self._limits = limits
        self._store = store
        self._changed: set[int] = set()
        self._is_all = True  # whether all rooms must be searched, as after the start
        self._wake = asyncio.Event()
        self._noted = 0  # changes recorded so far

    # ------------------------------------------------------------ queries

    async def find(
        self, user_id: str, question: str, before: int, room_id: int | None = None
    ) -> Found:
        """Find the newest messages of the user's rooms, older than `before`, with all the words.

        With a room, only its messages. Raises NotFound if the user is not in it.
        """
        wanted = _words_of(question)
        await self._catch_up(user_id)

        async def load(db: Connection) -> Found:
            room_ids = await self._rooms(db, user_id, room_id)
            if room_ids == ():
                return Found([], None)
            limit = self._limits.search_page_size
            return await self._find(db, SearchQuery(user_id, wanted, before, limit, room_ids))

        return await self._store.read(load)

    async def _rooms(
        self, db: Connection, user_id: str, room_id: int | None
    ) -> tuple[int, ...] | None:
        """Return the one room, or the user's rooms; None if these are too many to be named."""
        if room_id is None:
            return await index.rooms_of(db, user_id)
        if not await rooms.has_member(db, room_id, user_id):
            raise NotFound
        return (room_id,)

    async def _find(self, db: Connection, query: SearchQuery) -> Found:
        hits = await self._store.finder.find(db, query)
        found = await messages.of_ids(db, query.user_id, hits.found)
        marks = await receipts.of_rooms(db, {message.room_id for message in found})
        shown = [(m, receipts.status(marks[m.room_id], m.sender_id, m.id)) for m in found]
        return Found(shown, hits.upto)

    async def _catch_up(self, user_id: str) -> None:
        """Update the index for these rooms, within the time that a query can wait."""
        changed = list(islice(self._changed, MAX_SEARCHED_ROOMS))
        find = partial(
            index.behind_of, user_id=user_id, changed=changed, limit=MAX_ROOMS_INDEXED_FIRST
        )
        room_ids: Sequence[int] = await self._store.read(find)
        for _ in range(MAX_ROOMS_INDEXED_FIRST * MAX_ROOMS_INDEXED_FIRST):
            if not (room_ids := await self.step(room_ids)):
                break

    # ------------------------------------------------------------ indexing

    async def on_commit(self, commit: Commit) -> None:
        """Record the rooms in which messages changed."""
        if commit.queued is not None and commit.queued.entries:
            changed = (id_ for id_, event in commit.events.items() if event.changes)
            self.note(changed, len(commit.queued.entries))

    def note(self, room_ids: Iterable[int], changes: int) -> None:
        """Record that messages of these rooms have changed."""
        self._changed.update(room_ids)
        self._noted += changes
        if len(self._changed) > MAX_CHANGED_ROOMS:
            self._is_all = True
            self._changed.clear()
        self._wake.set()

    async def run(self) -> None:
        """Index changed rooms, until cancelled."""
        while True:
            try:
                await self._follow()
            except Exception as error:
                log.warning(
                    "search index delayed: %s",
                    error,
                    exc_info=not isinstance(error, DatabaseUnavailable),
                )
                self._is_all = True
                await asyncio.sleep(RETRY_DELAY)

    async def _follow(self) -> None:
        while self._is_all or self._changed:
            if self._is_all:
                await self._look_through()
            else:
                changed, self._changed = self._changed, set()
                await self.bring_up(sorted(changed))
        self._wake.clear()
        await self._wake.wait()
        await asyncio.sleep(INDEX_DELAY)

    async def _look_through(self) -> None:
        self._is_all, above = False, 0
        while True:
            find = partial(index.behind, above=above, limit=MESSAGE_BATCH)
            room_ids = await self._store.read(find)
            await self.bring_up(room_ids)
            if len(room_ids) < MESSAGE_BATCH:
                return
            above = room_ids[-1]

    async def bring_up(self, room_ids: Sequence[int]) -> None:
        while room_ids:
            began, self._noted = time.monotonic(), 0
            room_ids = await self.step(room_ids)
            took = time.monotonic() - began
            await asyncio.sleep(took * BUSY_SHARE if self._noted > BUSY_MESSAGES else took)

    async def step(self, room_ids: Sequence[int]) -> Sequence[int]:
        """Index some rooms; return those with more to index, the longest ones last."""
        some, rest = room_ids[:MESSAGE_BATCH], room_ids[MESSAGE_BATCH:]
        load = partial(
            index.load_changes, dialect=self._store.dialect, room_ids=some, limit=MESSAGE_BATCH
        )
        changes, left = await self._store.read(load)
        if not changes:
            return rest
        read = await asyncio.to_thread(index.read, changes)
        learn = partial(index.learn, finder=self._store.finder, changes=read)
        learned = await self._store.write(learn)
        more = [of.room_id for of in changes if not of.is_all or of.room_id not in learned]
        return [*left, *rest, *more]


def _words_of(question: str) -> tuple[Term, ...]:
    if len(question) > MAX_QUERY_LENGTH or not is_clean(question):
        raise InvalidFrame(
            f"q: a text of at most {MAX_QUERY_LENGTH} characters, without NUL, is needed."
        )
    wanted = tokenizer.wanted(question)
    if not wanted:
        raise InvalidFrame("q: at least one word is needed.")
    return tuple(wanted[:MAX_QUERY_WORDS])
