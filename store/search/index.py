"""Full text search: updates the index of each room, and finds messages in it.

The index is updated in the background, so a send does not pay for it. Like a client with a cursor,
it reads the changes of each room since a version: sends, edits and deletions, also after a crash.
"""

from collections.abc import Sequence
from typing import Protocol

from databases.core import Connection
from msgspec import Struct
from sqlalchemy import bindparam, text

from ..dialect import Dialect
from ..time_slices import TimeSlices
from . import tokenizer as words
from .tokenizer import Term

MAX_NEWEST_ROOMS = 200  # rooms of a user, the newest, among which a question looks for changes
MAX_NAMED_ROOMS = 256  # in a query; with more, hits in others' rooms are filtered out


class SearchQuery(Struct, frozen=True):
    """A search for messages that have all of these words and are older than `before`."""

    user_id: str
    words: tuple[Term, ...]
    before: int
    limit: int
    room_ids: tuple[int, ...] | None  # the user's rooms; None if they are too many to be named


class Hits(Struct):
    """Rooms and ids of messages, newest first.

    Messages older than `upto` were not searched; None if there are none.
    """

    found: list[tuple[int, int]]
    upto: int | None


class IndexEntry(Struct):
    """A message for the index; one without words is removed from it."""

    message_id: int
    text: str
    words: Sequence[str] = ()


class IndexDelta(Struct):
    """The changes of the index from one version of a room to another."""

    room_id: int
    since: int
    upto: int
    entries: list[IndexEntry]
    is_all: bool


class Finder(Protocol):
    """The search operations that differ between the two engines."""

    KEEPS_DELETED_WORDS: bool  # until `merge` has removed them

    async def merge(self, db: Connection, *, is_first: bool) -> bool:
        """Merge a little of the index; return whether there is more to merge."""
        ...

    async def find(self, db: Connection, ask: SearchQuery) -> Hits: ...

    async def advance(self, db: Connection, changes: Sequence[IndexDelta]) -> set[int]:
        """Record the rooms' indexed versions; return those where no other process was faster."""
        ...

    async def put(self, db: Connection, changes: Sequence[IndexDelta]) -> None: ...


# ---------------------------------------------------------------- updating the index

# The names of a message's files are part of its text; a deleted one has none.
CHANGED_TEXTS = """
    SELECT m.id, m.version,
           CASE WHEN m.deleted_at IS NULL THEN
                m.text || ' ' || coalesce((SELECT JOINED(a.name, ' ') FROM attachments a
                                            WHERE a.room_id = m.room_id AND a.message_id = m.id),
                                          '') END AS said
      FROM messages m
     WHERE m.room_id = :room_id AND m.version > :since ORDER BY m.version LIMIT :limit
"""


async def behind(db: Connection, above: int, limit: int) -> list[int]:
    """Return the ids of rooms above an id whose index is not up to date, in order."""
    query = """
        SELECT r.id FROM rooms r LEFT JOIN search_upto s ON s.room_id = r.id
         WHERE r.id > :above AND r.deleted_at IS NULL AND r.version > coalesce(s.version, 0)
         ORDER BY r.id LIMIT :limit
    """
    rows = await db.fetch_all(query, {"above": above, "limit": limit})
    return [row["id"] for row in rows]


async def behind_of(db: Connection, user_id: str, changed: Sequence[int], limit: int) -> list[int]:
    """Returns rooms of the user that the index is behind of, newest activity first.

    Looks at the newest rooms of their list, and at rooms that `changed`: a user may have 10,000.
    """
    query = text("""
        SELECT mine.room_id AS id,
               (SELECT r.active_at FROM rooms r
                 WHERE r.id = mine.room_id
                   AND r.version > coalesce((SELECT s.version FROM search_upto s
                                              WHERE s.room_id = r.id), 0)) AS at
          FROM (SELECT room_id
                  FROM (SELECT me.room_id FROM members me
                         WHERE me.user_id = :user_id AND me.archived_at_total IS NULL
                         ORDER BY me.listed_at DESC, me.room_id DESC LIMIT :looked) AS newest
                 UNION
                SELECT c.room_id FROM list_changes c
                 WHERE coalesce((SELECT 1 FROM members me
                                  WHERE me.room_id = c.room_id AND me.user_id = :user_id), 0) > 0
                 UNION
                SELECT me.room_id FROM members me
                 WHERE me.user_id = :user_id AND me.room_id IN :changed) AS mine
    """).bindparams(
        bindparam("user_id", value=user_id),
        bindparam("looked", value=MAX_NEWEST_ROOMS),
        bindparam("changed", value=[*changed, 0], expanding=True),
    )
    rows = [(row["at"], row["id"]) for row in await db.fetch_all(query)]
    behind = sorted(((at, id_) for at, id_ in rows if at is not None), reverse=True)
    return [id_ for _, id_ in behind[:limit]]


async def load_changes(
    db: Connection, dialect: Dialect, room_ids: Sequence[int], limit: int
) -> tuple[list[IndexDelta], Sequence[int]]:
    """Load the changes of at most `limit` messages; also return the rooms that were not read."""
    query = text("""
        SELECT r.id, r.version, coalesce(s.version, 0) AS since
          FROM rooms r LEFT JOIN search_upto s ON s.room_id = r.id
         WHERE r.id IN :room_ids AND r.deleted_at IS NULL AND r.version > coalesce(s.version, 0)
    """).bindparams(bindparam("room_ids", value=list(room_ids), expanding=True))
    behind = {row["id"]: (row["since"], row["version"]) for row in await db.fetch_all(query)}
    statement, found = dialect.render(CHANGED_TEXTS), list[IndexDelta]()
    for n, room_id in enumerate(room_ids):
        if limit <= 0:
            return found, room_ids[n:]
        if room_id in behind:
            since, upto = behind[room_id]
            values = {"room_id": room_id, "since": since, "limit": limit}
            rows = await db.fetch_all(statement, values)
            is_all = len(rows) < limit
            entries = [IndexEntry(row["id"], row["said"] or "") for row in rows]
            upto = upto if is_all else rows[-1]["version"]
            found.append(IndexDelta(room_id, since, upto, entries, is_all))
            limit -= len(entries)
    return found, ()


def read(changes: Sequence[IndexDelta]) -> Sequence[IndexDelta]:
    """Split the texts into words. It can be slow, so it must not run on the event loop."""
    slices = TimeSlices()
    for of_room in changes:
        for entry in of_room.entries:
            entry.words = words.of(entry.text)
            slices.pause_if_due()
    return changes


async def learn(db: Connection, finder: Finder, changes: Sequence[IndexDelta]) -> set[int]:
    """Write the changes to the index; return the updated rooms, without those of others."""
    learned = await finder.advance(db, changes)
    await finder.put(db, [of_room for of_room in changes if of_room.room_id in learned])
    return learned


# ---------------------------------------------------------------- searching


async def rooms_of(db: Connection, user_id: str) -> tuple[int, ...] | None:
    """Return the user's rooms; None if there are too many to name in a query."""
    query = "SELECT room_id FROM members WHERE user_id = :user_id LIMIT :limit"
    rows = await db.fetch_all(query, {"user_id": user_id, "limit": MAX_NAMED_ROOMS + 1})
    return tuple(row["room_id"] for row in rows) if len(rows) <= MAX_NAMED_ROOMS else None
