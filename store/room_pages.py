"""A page of a user's list of rooms: only ids and places, found by walking along an index.

Rooms in `list_changes` are read one by one; of all others, the rows of their members have the
place. A cursor has a time: later pages show every room at its place at that time, so that a message
between two pages neither hides a room nor shows it twice.
"""
# ruff: noqa: S608 # every part of these statements stands here

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from databases.core import Connection
from msgspec import Struct

from .dialect import Dialect
from .room_places import RoomPlace, places_as_of
from .room_words import IN_LARGE_ROOM, SITE, WordRange, WordTerm, word_conditions

# Rooms with a word that are read one by one; with more, the list is walked.
MAX_ROOMS_WITH_WORD = 1_000
MAX_COUNTED_ROOMS = 500  # unread rooms: a higher number would cost as many rows
MAX_COUNTED_ROOMS_WITH_WORDS = 100  # counted rooms with too common words, as each must be read
MAX_MOVED_ROOMS = 1_000  # rooms that moved since the time of a cursor; with more, it is ignored
MIN_STEP_ROWS, MAX_STEP_ROWS = 64, 4_096  # rows of one step of a walk


HIGHEST_PLACE = RoomPlace(2**62, 2**62)
LOWEST_PLACE = RoomPlace(-1, -1)


class RoomQuery(Struct, frozen=True):
    """A query for a user's rooms beyond `place`, older or newer, with their places as of a time.

    `terms` are those of store/room_words.py; None is no condition.
    """

    user_id: str
    limit: int
    offset: int = 0
    is_archived: bool = False
    only_unread: bool = False
    terms: tuple[WordTerm, ...] = ()
    place: RoomPlace | None = None
    is_backwards: bool = False
    as_of: int | None = None


class RoomsReadFirst(Struct, frozen=True):
    """The rooms of a query that were read one by one; `is_all` if there are no others."""

    places: list[RoomPlace]
    is_all: bool


async def find(db: Connection, dialect: Dialect, query: RoomQuery) -> list[RoomPlace]:
    """Return at most `limit` rooms, the one with the newest activity first."""
    return await _page(db, dialect, query, await _read_first(db, dialect, query))


async def find_and_count(
    db: Connection, dialect: Dialect, query: RoomQuery
) -> tuple[list[RoomPlace], int]:
    """Return the rooms of `find`, and the number of rooms on all pages, up to a limit."""
    read_first = await _read_first(db, dialect, query)
    return await _page(db, dialect, query, read_first), await _count(db, query, read_first)


async def _page(
    db: Connection, dialect: Dialect, query: RoomQuery, read_first: RoomsReadFirst
) -> list[RoomPlace]:
    places = read_first.places
    if not read_first.is_all:
        moved = await _find_moved(db, query)
        if moved is None:
            query = msgspec.structs.replace(query, as_of=None)
        start = query.place or (LOWEST_PLACE if query.is_backwards else HIGHEST_PLACE)
        walked = await _walk(db, query, start, query.limit + query.offset)
        places = [*places, *(moved or ()), *walked]
    return _slice_page(query, await places_as_of(db, dialect, query.as_of, places))


async def _count(db: Connection, query: RoomQuery, read_first: RoomsReadFirst) -> int:
    if read_first.is_all:
        return len(read_first.places)
    values: dict[str, Any] = {"user_id": query.user_id}
    own, words = _own(query), word_conditions(query.terms, values)
    most = MAX_COUNTED_ROOMS_WITH_WORDS if words else MAX_COUNTED_ROOMS
    statement = f"""
        SELECT (SELECT count(*)
                  FROM (SELECT 1 FROM members me WHERE {" AND ".join([*own, *words])}
                         ORDER BY me.listed_at, me.room_id LIMIT :most) AS counted)
               - (SELECT count(*) FROM list_changes c
                   WHERE coalesce((SELECT 1 FROM members me
                                    WHERE me.room_id = c.room_id
                                      AND {" AND ".join([*own, *words])}), 0) > 0) AS settled
    """
    (row,) = await db.fetch_all(statement, {**values, "most": most})
    return min(most, max(0, int(row["settled"])) + len(read_first.places))


def _slice_page(query: RoomQuery, places: Sequence[RoomPlace]) -> list[RoomPlace]:
    beyond = query.place
    if query.is_backwards:
        rest = sorted(place for place in places if beyond is None or place > beyond)
        return rest[: query.limit][::-1]
    rest = sorted((p for p in places if beyond is None or p < beyond), reverse=True)
    return rest[query.offset : query.offset + query.limit]


# ---------------------------------------------------------------- rooms that are read one by one


async def _read_first(db: Connection, dialect: Dialect, query: RoomQuery) -> RoomsReadFirst:
    """Read the rooms with one of the words; if these are too many, only changed rooms."""
    named = await find_named(db, query.user_id, query.terms)
    room_ids = await _changed(db, query) if named is None else named
    return RoomsReadFirst(await _read_places(db, dialect, query, room_ids), named is not None)


async def _changed(db: Connection, query: RoomQuery) -> list[int]:
    """Return the user's rooms whose changes are not in the rows of their members yet."""
    statement = """
        SELECT c.room_id FROM list_changes c
         WHERE coalesce((SELECT 1 FROM members me
                          WHERE me.room_id = c.room_id AND me.user_id = :user_id), 0) > 0
    """
    rows = await db.fetch_all(statement, {"user_id": query.user_id})
    return [row["room_id"] for row in rows]


async def _read_places(
    db: Connection, dialect: Dialect, query: RoomQuery, room_ids: Sequence[int]
) -> list[RoomPlace]:
    """Return those of the rooms that match the query, by the columns of the rooms themselves."""
    if not room_ids:
        return []
    values: dict[str, Any] = {
        "user_id": query.user_id,
        "numbers": msgspec.json.encode(room_ids).decode(),
        "archived": int(query.is_archived),
    }
    conditions = [
        "me.room_id = CAST(CAST(j.value AS text) AS bigint)",
        "me.user_id = :user_id",
        "CASE WHEN me.archived_at_total = r.total THEN 1 ELSE 0 END = :archived",
        *word_conditions(query.terms, values),
    ]
    if query.only_unread:
        conditions.append(
            "(me.marked_unread = 1 OR r.total > me.sent + me.seen + me.unread_deleted)"
        )
    statement = f"""
        SELECT CAST(CAST(j.value AS text) AS bigint) AS id,
               (SELECT r.active_at FROM members me JOIN rooms r ON r.id = me.room_id
                 WHERE {" AND ".join(conditions)}) AS at
          FROM NUMBERS AS j
    """
    return [
        RoomPlace(row["at"], row["id"])
        for row in await db.fetch_all(dialect.render(statement), values)
        if row["at"] is not None
    ]


async def find_named(db: Connection, owner: str, terms: Sequence[WordTerm]) -> list[int] | None:
    """Return all rooms of a user with one of these words; None if each word has too many.

    For `SITE` they are searched in all rooms.
    """
    for term in sorted(terms, key=lambda term: -len(term.whole.low)):
        found = await _with_word(db, owner, term.whole)
        if found is not None and term.parts:
            longest = max(term.parts, key=lambda part: len(part.low))
            more = await _with_word(db, owner, longest)
            found = None if more is None else [*found, *more]
        if found is not None:
            return sorted(set(found))
    return None


async def _with_word(db: Connection, owner: str, words: WordRange) -> list[int] | None:
    values = {
        "user_id": owner,
        "low": words.low,
        "high": words.high,
        "limit": MAX_ROOMS_WITH_WORD + 1,
    }
    statement = """
        SELECT room_id FROM room_words
         WHERE user_id = :user_id AND word BETWEEN :low AND :high
         ORDER BY word, room_id LIMIT :limit
    """
    found = [row["room_id"] for row in await db.fetch_all(statement, values)]
    if owner != SITE:
        statement = f"""
            SELECT l.room_id FROM room_words l CROSS JOIN room_words w
             WHERE l.user_id = :user_id AND l.word = '{IN_LARGE_ROOM}'
               AND w.room_id = l.room_id AND w.user_id = '{SITE}'
               AND w.word BETWEEN :low AND :high LIMIT :limit
        """
        found += [row["room_id"] for row in await db.fetch_all(statement, values)]
    return found if len(found) <= MAX_ROOMS_WITH_WORD else None


# ---------------------------------------------------------------- the walk


def _own(query: RoomQuery) -> list[str]:
    """Return the conditions that an index of members can answer."""
    archived = f"me.archived_at_total IS {'NOT NULL' if query.is_archived else 'NULL'}"
    unread = ["me.is_behind = 1"] if query.only_unread else []
    return ["me.user_id = :user_id", archived, *unread]


def _checks(query: RoomQuery, values: dict[str, Any]) -> list[str]:
    """Return the conditions for each row: the member's row is up to date, and the words match.

    They are written so that no planner turns them into joins, or expects few rows.
    """
    settled = "coalesce((SELECT 1 FROM list_changes c WHERE c.room_id = me.room_id), 0) < 1"
    return [settled, *word_conditions(query.terms, values)]


Step = Callable[[RoomPlace, int], Awaitable[Sequence[Any]]]


async def walk(step: Step, place: RoomPlace, limit: int) -> list[RoomPlace]:
    """Return the first matching rooms beyond the place, by steps of limited size.

    `step` returns rows with at, id and fits. The limit keeps planners from sorting.
    """
    found, size = list[RoomPlace](), max(limit, MIN_STEP_ROWS)
    while True:
        rows = await step(place, size)
        found += [RoomPlace(row["at"], row["id"]) for row in rows if row["fits"]]
        if len(found) >= limit or len(rows) < size:
            return found[:limit]
        place = RoomPlace(rows[-1]["at"], rows[-1]["id"])
        size = min(4 * size, MAX_STEP_ROWS)


async def _walk(db: Connection, query: RoomQuery, place: RoomPlace, limit: int) -> list[RoomPlace]:
    values: dict[str, Any] = {"user_id": query.user_id}
    beyond, order = ("<", "DESC") if not query.is_backwards else (">", "ASC")
    conditions = [*_own(query), f"(me.listed_at, me.room_id) {beyond} (:at, :id)"]
    if query.is_backwards and query.as_of is not None:
        conditions.append("me.listed_at <= :as_of")
        values["as_of"] = query.as_of
    statement = f"""
        SELECT me.listed_at AS at, me.room_id AS id,
               CASE WHEN {" AND ".join(_checks(query, values))} THEN 1 ELSE 0 END AS fits
          FROM (SELECT me.listed_at, me.room_id, me.user_id FROM members me
                 WHERE {" AND ".join(conditions)}
                 ORDER BY me.listed_at {order}, me.room_id {order} LIMIT :size) AS me
    """

    async def step(place: RoomPlace, size: int) -> Sequence[Any]:
        where = {"at": place.at, "id": place.room_id, "size": size}
        return await db.fetch_all(statement, {**values, **where})

    return await walk(step, place, limit)


# ---------------------------------------------------------------- as of a cursor's time


async def _find_moved(db: Connection, query: RoomQuery) -> list[RoomPlace] | None:
    """Return the rooms that moved since the time of the cursor; None if they are too many."""
    if query.as_of is None:
        return []
    upwards = msgspec.structs.replace(query, is_backwards=True, as_of=None)
    found = await _walk(db, upwards, RoomPlace(query.as_of, 2**62), MAX_MOVED_ROOMS + 1)
    return None if len(found) > MAX_MOVED_ROOMS else found
