"""Search by FTS5, which walks through the messages with a word from the newest on."""

from collections.abc import Sequence

import msgspec
from databases.core import Connection

from .search import Ask, Hits, News

WALKED = 16_000  # messages with the words that one look goes through, whose-ever they are


async def put(db: Connection, news: News) -> None:
    query = "DELETE FROM search WHERE rowid IN (SELECT value FROM json_each(:ids))"
    await db.execute(query, {"ids": _json([entry.message_id for entry in news.entries])})
    query = """
        INSERT INTO search (rowid, words, place)
        SELECT value->>0, value->>1, :room_id FROM json_each(:rows)
    """
    rows = [(entry.message_id, " ".join(entry.words)) for entry in news.entries if entry.words]
    await db.execute(query, {"rows": _json(rows), "room_id": str(news.room_id)})


async def find(db: Connection, ask: Ask) -> Hits:
    query = """
        SELECT me.room_id, s.id
          FROM (SELECT rowid AS id FROM search
                 WHERE search MATCH :wanted AND rowid < :before
                 ORDER BY rowid DESC LIMIT :walked) AS s
          JOIN messages m ON m.id = s.id AND m.deleted_at IS NULL
          JOIN members me ON me.room_id = m.room_id AND me.user_id = :user_id
         ORDER BY s.id DESC LIMIT :limit
    """
    where = {"wanted": _match(ask), "before": ask.before, "walked": WALKED}
    rows = await db.fetch_all(query, {**where, "user_id": ask.user_id, "limit": ask.limit})
    found = [(row["room_id"], row["id"]) for row in rows]
    if len(found) == ask.limit:
        return Hits(found, found[-1][1])
    query = """
        SELECT rowid AS id FROM search
         WHERE search MATCH :wanted AND rowid < :before
         ORDER BY rowid DESC LIMIT 1 OFFSET :walked
    """
    beyond = await db.fetch_one(query, {**where, "walked": WALKED})
    return Hits(found, None if beyond is None else beyond["id"] + 1)


def _match(ask: Ask) -> str:
    wanted = f"words : ({' AND '.join(map(_quoted, ask.words))})"
    if ask.room_ids is None:
        return wanted
    return f"{wanted} AND place : ({' OR '.join(map(_quoted, ask.room_ids))})"


def _quoted(word: object) -> str:
    """No word has a quote in it."""
    return f'"{word}"'


def _json(values: Sequence[object]) -> str:
    return msgspec.json.encode(values).decode()
