"""Search by an index over tsvectors, from the newest messages on.

Such an index has no order: it returns all messages with a word at once, and a common word has many.
So the words of a message also include its room and the ranges of ids that contain it. A query asks
for the word and a few ranges, the newest first, and for wider ranges if it finds little.
"""

import time
from collections.abc import Iterator, Sequence

from databases.core import Connection
from msgspec import Struct
from msgspec.structs import replace

from .index import Hits, IndexDelta, SearchQuery
from .tokenizer import Term

MAX_NAMED_ROOMS = 32  # rooms in one query: with more, several queries are faster
RANGE_SHIFTS = (12, 17, 22)  # the ranges have 2^12 ids, 2^17 and 2^22
MAX_RANGE_HITS = 1_000  # messages found in one range, above which the next one is not wider
KEEPS_DELETED_WORDS = False
TIME_BUDGET = 0.25  # seconds after which a query returns what it has found

# In the order of rooms, as every process locks them. Another process may have been faster.
ADVANCE = """
    INSERT INTO search_upto (room_id, version)
    SELECT r.id, u.upto
      FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS u(room_id, since, upto)
      JOIN rooms r ON r.id = u.room_id AND r.deleted_at IS NULL
      LEFT JOIN search_upto s ON s.room_id = r.id
     WHERE coalesce(s.version, 0) = u.since
     ORDER BY r.id
        ON CONFLICT (room_id) DO UPDATE SET version = excluded.version
           WHERE search_upto.version < excluded.version
    RETURNING room_id
"""
# No locks on messages, which are changed in no order: deleting them locks `search_upto`.
PUT = """
    INSERT INTO search (rowid, room_id, words)
    SELECT m.id, m.room_id, array_to_tsvector(string_to_array(u.words, ' '))
      FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS u(room_id, id, words)
      JOIN messages m ON m.room_id = u.room_id AND m.id = u.id
    ON CONFLICT (rowid) DO UPDATE SET words = excluded.words
"""
FORGET = """
    DELETE FROM search
     WHERE rowid IN (SELECT rowid FROM search WHERE rowid = ANY($1) FOR UPDATE SKIP LOCKED)
"""
# The sums keep the planner from walking through all ids of the span.
FIND = """
    WITH hits AS MATERIALIZED (
        SELECT rowid, room_id FROM search
         WHERE words @@ $1::tsquery AND rowid + 0 < $2 AND rowid + 0 >= $3
    )
    SELECT (SELECT count(*) FROM hits) AS walked, found.ids, found.room_ids
      FROM (SELECT array_agg(rowid) AS ids, array_agg(room_id) AS room_ids
              FROM (SELECT h.rowid, h.room_id
                      FROM hits h
                      JOIN members me ON me.room_id = h.room_id AND me.user_id = $4
                     ORDER BY h.rowid DESC LIMIT $5) AS mine) AS found
"""


async def advance(db: Connection, changes: Sequence[IndexDelta]) -> set[int]:
    columns = [n.room_id for n in changes], [n.since for n in changes], [n.upto for n in changes]
    return {row["room_id"] for row in await db.raw_connection.fetch(ADVANCE, *columns)}


async def put(db: Connection, changes: Sequence[IndexDelta]) -> None:
    raw = db.raw_connection
    deleted = [entry.message_id for n in changes for entry in n.entries if not entry.words]
    await raw.execute("DELETE FROM search WHERE rowid = ANY($1)", deleted)
    known = [(n.room_id, entry) for n in changes for entry in n.entries if entry.words]
    room_ids, ids = [room_id for room_id, _ in known], [entry.message_id for _, entry in known]
    texts = [
        " ".join([*entry.words, *_places(room_id, entry.message_id)]) for room_id, entry in known
    ]
    await raw.execute(PUT, room_ids, ids, texts)


async def forget(db: Connection, message_ids: Sequence[int]) -> None:
    """Remove the words of these messages; an edited message is indexed again later.

    A locked entry is skipped, not waited for: the indexing task is writing it, and will read the
    message again because the version of its room has changed.
    """
    if message_ids:
        await db.raw_connection.execute(FORGET, message_ids)


async def merge(db: Connection, *, is_first: bool) -> bool:
    """Do nothing: vacuum removes the words of deleted entries."""
    return False


def _places(room_id: int, message_id: int) -> list[str]:
    """Return the words for the room and the ranges; the words of a text contain no slash."""
    return [f"/{room_id}", *(f"/{shift}/{message_id >> shift}" for shift in RANGE_SHIFTS)]


class SearchStep(Struct):
    """A range of ids from `first` on, and the words of the ranges that cover it."""

    first: int
    ranges: Sequence[str]


async def find(db: Connection, ask: SearchQuery) -> Hits:
    rooms = ask.room_ids
    if rooms is None or len(rooms) <= MAX_NAMED_ROOMS:
        return await _walk(db, ask)
    some = [rooms[i : i + MAX_NAMED_ROOMS] for i in range(0, len(rooms), MAX_NAMED_ROOMS)]
    parts = [await _walk(db, replace(ask, room_ids=named)) for named in some]
    # Only ids that every one of the walks has reached are complete.
    upto = max(part.upto or 0 for part in parts)
    found = sorted((hit for part in parts for hit in part.found), key=lambda hit: -hit[1])
    found = [hit for hit in found if hit[1] >= upto][: ask.limit]
    if len(found) == ask.limit:
        return Hits(found, found[-1][1])
    return Hits(found, upto or None)


async def _walk(db: Connection, ask: SearchQuery) -> Hits:
    raw = db.raw_connection
    top = await raw.fetchval("SELECT max(rowid) FROM search WHERE rowid < $1", ask.before)
    before, found = (top or 0) + 1, list[tuple[int, int]]()
    width, ends = 0, time.monotonic() + TIME_BUDGET
    while before > 1:
        step = _step(before, width)
        wanted = _query(ask, step.ranges)
        left = ask.limit - len(found)
        row = await raw.fetchrow(FIND, wanted, before, step.first, ask.user_id, left)
        found += zip(row["room_ids"] or (), row["ids"] or (), strict=True)
        if len(found) == ask.limit:
            return Hits(found, found[-1][1])
        before = step.first
        if before > 1 and time.monotonic() > ends:
            return Hits(found, before)
        width += row["walked"] < MAX_RANGE_HITS
    return Hits(found, None)


WIDTHS = ((12, 2), (12, 32), (17, 32), (22, 32))  # shift, and the number of such ranges


def _step(before: int, width: int) -> SearchStep:
    """Return the range of this width below `before`; beyond the last width, all ids."""
    if width >= len(WIDTHS):
        return SearchStep(1, ())
    shift, many = WIDTHS[width]
    newest = (before - 1) >> shift
    oldest = max(newest - many + 1, 0)
    ranges = [f"/{shift}/{n}" for n in range(oldest, newest + 1)]
    return SearchStep(max(oldest << shift, 1), ranges)


def _query(ask: SearchQuery, ranges: Sequence[str]) -> str:
    rooms = None if ask.room_ids is None else [f"/{room_id}" for room_id in ask.room_ids]
    return " & ".join(_parts(ask.words, rooms, ranges))


def _parts(
    words: Sequence[Term], rooms: Sequence[str] | None, ranges: Sequence[str]
) -> Iterator[str]:
    """Yield the parts of a tsquery; words contain no quotes."""
    for term in words:
        whole = f"'{term.whole}'"
        parts = " & ".join(f"'{part}'" for part in term.parts)
        yield f"({whole} | ({parts}))" if parts else whole
    for some in (rooms, ranges):
        if some:
            yield f"({' | '.join(map(repr, some))})"
