"""Queries of the site for messages of any room."""

from databases.core import Connection

from .messages import MessageRow, load
from .messages.columns import with_columns

ABOVE_ALL_IDS = 2**53


async def page(
    db: Connection, room_id: int, before: int | None, after: int | None, limit: int
) -> list[MessageRow] | None:
    """Return at most `limit` messages, oldest first; None if there is no such room."""
    query = "SELECT 1 FROM rooms WHERE id = :room_id AND deleted_at IS NULL"
    if await db.fetch_one(query, {"room_id": room_id}) is None:
        return None
    values = {
        "room_id": room_id,
        "before": ABOVE_ALL_IDS if before is None else before,
        "limit": limit,
    }
    if after is not None:
        return await load(db, room_id, NEWER, {**values, "after": after})
    return (await load(db, room_id, OLDER, values))[::-1]


OLDER = with_columns("""
    SELECT {columns}
      FROM messages m
     WHERE room_id = :room_id AND id < :before AND deleted_at IS NULL
     ORDER BY id DESC LIMIT :limit
""")

NEWER = with_columns("""
    SELECT {columns}
      FROM messages m
     WHERE room_id = :room_id AND id > :after AND id < :before AND deleted_at IS NULL
     ORDER BY id LIMIT :limit
""")
