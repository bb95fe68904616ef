"""Pages of a room's history: before or after a message, or around a message or a time."""

from datetime import UTC, datetime

from msgspec import UNSET, Struct, UnsetType

from ..protocol.errors import InvalidFrame, NotFound
from ..protocol.ids import MAX_ID, id_of
from ..settings import Limits
from ..store import messages, receipts
from ..store.messages import HistoryQuery, MessageRow, window
from ..store.store import Connection, Store

Marks = dict[str, tuple[int, int]]  # user → delivered and read up to these ids


class HistoryRequest(Struct):
    """A client's request for messages of a room, from a frame or a query string."""

    before: int | str | None = None
    after: int | str | None = None
    around: int | str | None = None
    at: str | None = None
    limit: int | None = None


class HistoryFound(Struct):
    """A page of messages, oldest first, with the members' receipts.

    `has_more` refers to newer messages if the request has `after`, else to older ones.
    """

    messages: list[MessageRow]
    marks: Marks
    has_more: bool
    has_newer: bool | UnsetType = UNSET


class HistoryReader:
    """Reads pages of rooms for their members."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store = store
        self._limits = limits

    async def page(self, room_id: int, user_id: str, query: HistoryRequest) -> HistoryFound:
        """Return a page. Raises NotFound to non-members, InvalidFrame for a wrong field."""
        limit = self._limits.history_page_size if query.limit is None else query.limit
        if limit < 1:
            raise InvalidFrame("limit: an integer from 1 is needed.")
        limit = min(limit, self._limits.max_history_page_size)
        if query.around is not None or query.at is not None:
            found = await self._around(room_id, user_id, query, limit)
        else:
            found = await self._beside(room_id, user_id, query, limit)
        if user_id not in found.marks:
            raise NotFound
        return found

    async def _beside(
        self, room_id: int, user_id: str, query: HistoryRequest, limit: int
    ) -> HistoryFound:
        before = MAX_ID if query.before is None else id_of(query.before, "before")
        after = None if query.after is None else id_of(query.after, "after")
        where = HistoryQuery(room_id, user_id, before, after, limit)

        async def load(db: Connection) -> tuple[list[MessageRow], Marks]:
            found = await messages.page(db, where, limit + 1)
            return found, await receipts.of_room(db, room_id)

        found, marks = await self._store.read(load)
        has_more = len(found) > limit
        if after is None:
            return HistoryFound(found[-limit:], marks, has_more)
        return HistoryFound(found[:limit], marks, has_more, has_more)

    async def _around(
        self, room_id: int, user_id: str, query: HistoryRequest, limit: int
    ) -> HistoryFound:
        places = (query.before, query.after, query.around, query.at)
        if sum(place is not None for place in places) > 1:
            raise InvalidFrame("around and at: only one place can be asked for.")
        moment = None if query.at is None else moment_of(query.at)
        id_ = 0 if query.around is None else id_of(query.around, "around")

        async def load(db: Connection) -> HistoryFound:
            marks = await receipts.of_room(db, room_id)
            if user_id not in marks:
                return HistoryFound([], marks, has_more=False)
            place = id_ if moment is None else await window.first_since(db, room_id, moment)
            found = await window.around(db, room_id, user_id, place, limit)
            return HistoryFound(found.messages, marks, found.has_older, found.has_newer)

        return await self._store.read(load)


def moment_of(text: str) -> int:
    """Return a time of RFC 3339 as microseconds since 1970, UTC. Raises InvalidFrame.

    A space counts as the `+` that a query string turned into it.
    """
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "T" if "T" not in text else "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidFrame("at: a time with its offset is needed, as 2025-05-12T15:09:23Z.")
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
