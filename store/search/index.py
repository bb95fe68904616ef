"""Full text search: what it knows of each room, and what messages it finds.

It follows behind: a send pays nothing for it. Like a client with a cursor it asks each room what
changed since a version, so edits, deletions and whatever a crash left undone come the same way.
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

NAMED = 256  # rooms of a user that a query can name; beyond, others' hits are sorted out


class SearchQuery(Struct, frozen=True):
    """A search for messages that have all of these words and are older than `before`."""

    user_id: str
    words: tuple[Term, ...]
    before: int
    limit: int
    room_ids: tuple[int, ...] | None  # the user's; None where they are too many to be named


class Hits(Struct):
    """Rooms and ids of messages, newest first.

    What is older than `upto` was not looked at: None where there is nothing older.
    """

    found: list[tuple[int, int]]
    upto: int | None


class IndexEntry(Struct):
    """A message as search shall know it; without words it is to be forgotten."""

    message_id: int
    text: str
    words: Sequence[str] = ()


class IndexDelta(Struct):
    """The changes that the search index needs to get from one version of a room to another."""

    room_id: int
    since: int
    upto: int
    entries: list[IndexEntry]
    is_all: bool


class Finder(Protocol):
    """The search operations that differ between the two engines."""

    async def find(self, db: Connection, ask: SearchQuery) -> Hits: ...

    async def advance(self, db: Connection, news: Sequence[IndexDelta]) -> set[int]:
        """Notes how far search has come; the rooms in which nobody else was faster."""
        ...

    async def put(self, db: Connection, news: Sequence[IndexDelta]) -> None: ...


# ---------------------------------------------------------------- what it has to learn

# The names of a message's files are part of what it says; a deleted one says nothing.
SAID = """
    SELECT m.id, m.version,
           CASE WHEN m.deleted_at IS NULL THEN
                m.text || ' ' || coalesce((SELECT JOINED(a.name, ' ') FROM attachments a
                                            WHERE a.room_id = m.room_id AND a.message_id = m.id),
                                          '') END AS said
      FROM messages m
     WHERE m.room_id = :room_id AND m.version > :since ORDER BY m.version LIMIT :limit
"""


async def behind(db: Connection, above: int, limit: int) -> list[int]:
    """Ids of rooms, those above one id, of which search does not know all."""
    query = """
        SELECT r.id FROM rooms r LEFT JOIN search_upto s ON s.room_id = r.id
         WHERE r.id > :above AND r.deleted_at IS NULL AND r.version > coalesce(s.version, 0)
         ORDER BY r.id LIMIT :limit
    """
    rows = await db.fetch_all(query, {"above": above, "limit": limit})
    return [row["id"] for row in rows]


async def behind_of(db: Connection, user_id: str, limit: int) -> list[int]:
    """Returns the user's rooms that the index is behind of, newest activity first."""
    query = """
        SELECT r.id
          FROM members me
          JOIN rooms r ON r.id = me.room_id
          LEFT JOIN search_upto s ON s.room_id = r.id
         WHERE me.user_id = :user_id AND r.version > coalesce(s.version, 0)
         ORDER BY r.active_at DESC LIMIT :limit
    """
    rows = await db.fetch_all(query, {"user_id": user_id, "limit": limit})
    return [row["id"] for row in rows]


async def news(
    db: Connection, dialect: Dialect, room_ids: Sequence[int], limit: int
) -> tuple[list[IndexDelta], Sequence[int]]:
    """Loads index changes of at most `limit` messages, and the rooms that were not read for it."""
    query = text("""
        SELECT r.id, r.version, coalesce(s.version, 0) AS since
          FROM rooms r LEFT JOIN search_upto s ON s.room_id = r.id
         WHERE r.id IN :room_ids AND r.deleted_at IS NULL AND r.version > coalesce(s.version, 0)
    """).bindparams(bindparam("room_ids", value=list(room_ids), expanding=True))
    behind = {row["id"]: (row["since"], row["version"]) for row in await db.fetch_all(query)}
    said, found = dialect.speak(SAID), list[IndexDelta]()
    for n, room_id in enumerate(room_ids):
        if limit <= 0:
            return found, room_ids[n:]
        if room_id in behind:
            since, upto = behind[room_id]
            values = {"room_id": room_id, "since": since, "limit": limit}
            rows = await db.fetch_all(said, values)
            is_all = len(rows) < limit
            entries = [IndexEntry(row["id"], row["said"] or "") for row in rows]
            upto = upto if is_all else rows[-1]["version"]
            found.append(IndexDelta(room_id, since, upto, entries, is_all))
            limit -= len(entries)
    return found, ()


def read(news: Sequence[IndexDelta]) -> Sequence[IndexDelta]:
    """Finds the words, which takes long for some texts: not on the event loop."""
    slices = TimeSlices()
    for of_room in news:
        for entry in of_room.entries:
            entry.words = words.of(entry.text)
            slices.pause_if_due()
    return news


async def learn(db: Connection, finder: Finder, news: Sequence[IndexDelta]) -> set[int]:
    """The rooms that are learned: not those that are gone, or where another process was faster."""
    learned = await finder.advance(db, news)
    await finder.put(db, [of_room for of_room in news if of_room.room_id in learned])
    return learned


# ---------------------------------------------------------------- what it finds


async def rooms_of(db: Connection, user_id: str) -> tuple[int, ...] | None:
    """Return the user's rooms; None if there are too many to name in a query."""
    query = "SELECT room_id FROM members WHERE user_id = :user_id LIMIT :limit"
    rows = await db.fetch_all(query, {"user_id": user_id, "limit": NAMED + 1})
    return tuple(row["room_id"] for row in rows) if len(rows) <= NAMED else None
