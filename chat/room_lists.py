"""Pages of a user's rooms, and the task that keeps the lists' order and words up to date."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from ..protocol.errors import InvalidFrame
from ..protocol.ids import is_clean
from ..realtime.commits import Commit
from ..store import list_order, room_counts, room_list, room_pages, room_words
from ..store.messages import message_blocks
from ..store.room_list import Listed
from ..store.room_pages import RoomQuery
from ..store.room_places import RoomPlace
from ..store.room_words import WordTerm
from ..store.store import Connection, DatabaseUnavailable, Store

log = logging.getLogger("roomcast.room_lists")

UPDATE_DELAY = 1.0  # seconds after a change until the lists are updated, together with others
SEARCH_INTERVAL = 30.0  # seconds between two searches for changes of other processes
EXTENDED_ROOMS = 20  # rooms that get blocks of messages between two updates of the lists
ROOM_BATCH = 100  # rooms whose order is updated in one transaction
WORD_BATCH = 20  # rooms whose words are updated in one transaction
MAX_SEARCHED_ROOMS = 2_000  # changed rooms that a query searches for rooms of its user
MAX_UPDATED_ROOMS = 200  # rooms whose words a query updates first
MAX_QUERY_LENGTH = 200  # code points
MAX_TERMS = 16


class RoomListPage(Struct):
    """A page of rooms with the place of each, and the number of rooms on all pages.

    A filtered list is counted up to a limit, or up to the end of the requested page.
    """

    count: int
    rooms: Sequence[Listed]
    places: Sequence[RoomPlace]
    has_more: bool  # whether there are more rooms in the direction of the query


class RoomLists:
    """Reads pages of rooms. It is a commit listener, and has a background task."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wake = asyncio.Event()
        self._due: dict[int, None] = {}  # rooms that get blocks of messages, in order

    async def page(self, query: RoomQuery) -> RoomListPage:
        """Return a page of the user's rooms, the one with the newest activity first."""
        if query.terms:
            await self.catch_up(query.user_id)
        dialect = self._store.dialect
        one_more = replace(query, limit=query.limit + 1)

        async def load(db: Connection) -> RoomListPage:
            if query.terms or query.only_unread:
                places, count = await room_pages.find_and_count(db, dialect, one_more)
            else:
                places = await room_pages.find(db, dialect, one_more)
                count = await room_counts.of_user(db, query.user_id, is_archived=query.is_archived)
            count = max(count, query.offset + len(places)) if places else count
            has_more = len(places) > query.limit
            if has_more:
                places = places[1:] if query.is_backwards else places[:-1]
            rooms = await room_list.of_ids(db, query.user_id, [p.room_id for p in places])
            return RoomListPage(count, rooms, places, has_more)

        return await self._store.read(load)

    async def catch_up(self, user_id: str) -> None:
        """Update the index of the words of the user's rooms, before a query that uses it."""
        find = partial(
            room_words.changed_of,
            user_id=user_id,
            looked=MAX_SEARCHED_ROOMS,
            limit=MAX_UPDATED_ROOMS,
        )
        await self._refresh(sorted(await self._store.read(find)), waits=True)

    async def _refresh(self, room_ids: Sequence[int], *, waits: bool = False) -> None:
        for start in range(0, len(room_ids), WORD_BATCH):
            some = room_ids[start : start + WORD_BATCH]
            dialect = self._store.dialect
            await self._store.write(
                partial(room_words.refresh, dialect=dialect, room_ids=some, waits=waits)
            )

    # ------------------------------------------------------------ following the changes

    async def on_commit(self, commit: Commit) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Update order and words of changed rooms, until cancelled."""
        while True:
            try:
                await self._follow()
            except DatabaseUnavailable as error:
                log.warning("room lists not carried over, the database is unavailable: %s", error)
            with suppress(TimeoutError):
                async with asyncio.timeout(SEARCH_INTERVAL):
                    await self._wake.wait()
            await asyncio.sleep(UPDATE_DELAY)
            self._wake.clear()

    async def _follow(self) -> None:
        if await self._store.read(list_order.has_changes):
            await self._find_due()
            is_more = True
            while is_more:
                is_more = await self._store.carry_over(ROOM_BATCH)
        await self._extend_blocks()
        find = partial(room_words.changed, limit=WORD_BATCH)
        while room_ids := await self._store.read(find):
            await self._refresh(room_ids)
            if len(room_ids) < WORD_BATCH:
                break

    async def _find_due(self) -> None:
        last, find = 0, message_blocks.find_due
        while room_ids := await self._store.read(partial(find, above=last, limit=ROOM_BATCH)):
            self._due.update(dict.fromkeys(room_ids))
            last = room_ids[-1]

    async def _extend_blocks(self) -> None:
        """Add blocks to some of the rooms that are due; the others follow after the lists."""
        for room_id in [*self._due][:EXTENDED_ROOMS]:
            del self._due[room_id]
            if await self._store.write(partial(message_blocks.extend, room_id=room_id)):
                self._due[room_id] = None
        if self._due:
            self._wake.set()


def terms_of(question: str | None) -> tuple[WordTerm, ...] | None:
    """Return the conditions of a query; none without a query, None if no room can match.

    Raises InvalidFrame.
    """
    if question is None or not question.strip():
        return ()
    if len(question) > MAX_QUERY_LENGTH or not is_clean(question):
        raise InvalidFrame(f"q: a text of at most {MAX_QUERY_LENGTH} characters, without NUL.")
    return room_words.terms_of(question)[:MAX_TERMS] or None
