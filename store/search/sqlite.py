"""Search by FTS5, which reads the messages with a word from the newest on."""

import sqlite3
from collections.abc import Sequence

import msgspec
from databases.core import Connection

from .index import Hits, IndexDelta, SearchQuery
from .tokenizer import Term

MAX_WALKED_MESSAGES = 16_000  # messages with the words that one query reads, in rooms of any user

KEEPS_DELETED_WORDS = sqlite3.sqlite_version_info < (3, 42)  # later ones have secure-delete
MERGED_PAGES = 100  # of the index, in one transaction


async def advance(db: Connection, changes: Sequence[IndexDelta]) -> set[int]:
    query = """
        INSERT INTO search_upto (room_id, version)
        SELECT r.id, u.value->>2
          FROM json_each(:rows) AS u
          JOIN rooms r ON r.id = u.value->>0 AND r.deleted_at IS NULL
          LEFT JOIN search_upto s ON s.room_id = r.id
         WHERE coalesce(s.version, 0) = u.value->>1
            ON CONFLICT (room_id) DO UPDATE SET version = excluded.version
        RETURNING room_id
    """
    rows = _json([(of_room.room_id, of_room.since, of_room.upto) for of_room in changes])
    return {row["room_id"] for row in await db.fetch_all(query, {"rows": rows})}


async def put(db: Connection, changes: Sequence[IndexDelta]) -> None:
    entries = [(entry, str(of_room.room_id)) for of_room in changes for entry in of_room.entries]
    query = "DELETE FROM search WHERE rowid IN (SELECT value FROM json_each(:ids))"
    await db.execute(query, {"ids": _json([entry.message_id for entry, _ in entries])})
    query = """
        INSERT INTO search (rowid, words, place)
        SELECT m.id, value->>1, value->>2
          FROM json_each(:rows) JOIN messages m ON m.id = value->>0
    """
    rows = [(e.message_id, " ".join(e.words), room_id) for e, room_id in entries if e.words]
    await db.execute(query, {"rows": _json(rows)})


async def forget(db: Connection, message_ids: Sequence[int]) -> None:
    """Remove the words of these messages; an edited message is indexed again later."""
    if message_ids:
        query = "DELETE FROM search WHERE rowid IN (SELECT value FROM json_each(:ids))"
        await db.execute(query, {"ids": _json(message_ids)})


async def merge(db: Connection, *, is_first: bool) -> bool:
    """Merge some pages of the index, so that the words of deleted entries leave the file.

    The first call begins to merge all parts into one. Returns whether there is more to merge.
    """
    changes = "SELECT total_changes() AS n"
    (before,) = await db.fetch_all(changes)
    pages = -MERGED_PAGES if is_first else MERGED_PAGES
    await db.execute("INSERT INTO search (search, rank) VALUES ('merge', :pages)", {"pages": pages})
    (after,) = await db.fetch_all(changes)
    return int(after["n"]) - int(before["n"]) >= 2  # the statement itself counts as one


async def find(db: Connection, ask: SearchQuery) -> Hits:
    query = """
        SELECT me.room_id, s.id
          FROM (SELECT rowid AS id FROM search
                 WHERE search MATCH :wanted AND rowid < :before
                 ORDER BY rowid DESC LIMIT :walked) AS s
          JOIN messages m ON m.id = s.id AND m.deleted_at IS NULL
          JOIN members me ON me.room_id = m.room_id AND me.user_id = :user_id
         ORDER BY s.id DESC LIMIT :limit
    """
    where = {"wanted": _match(ask), "before": ask.before, "walked": MAX_WALKED_MESSAGES}
    rows = await db.fetch_all(query, {**where, "user_id": ask.user_id, "limit": ask.limit})
    found = [(row["room_id"], row["id"]) for row in rows]
    if len(found) == ask.limit:
        return Hits(found, found[-1][1])
    query = """
        SELECT rowid AS id FROM search
         WHERE search MATCH :wanted AND rowid < :before
         ORDER BY rowid DESC LIMIT 1 OFFSET :walked
    """
    beyond = await db.fetch_one(query, {**where, "walked": MAX_WALKED_MESSAGES})
    return Hits(found, None if beyond is None else beyond["id"] + 1)


def _match(ask: SearchQuery) -> str:
    wanted = f"words : ({' AND '.join(map(_alternatives, ask.words))})"
    if ask.room_ids is None:
        return wanted
    return f"{wanted} AND place : ({' OR '.join(map(_quoted, ask.room_ids))})"


def _alternatives(term: Term) -> str:
    if not term.parts:
        return _quoted(term.whole)
    return f"({_quoted(term.whole)} OR ({' AND '.join(map(_quoted, term.parts))}))"


def _quoted(word: object) -> str:
    """Quote a word for FTS5; words contain no quotes."""
    return f'"{word}"'


def _json(values: Sequence[object]) -> str:
    return msgspec.json.encode(values).decode()
