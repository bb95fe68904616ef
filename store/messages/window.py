"""A page of history around a message or a time."""

from databases.core import Connection
from msgspec import Struct

from .columns import with_columns
from .model import MessageRow
from .read import OLDER, load


class Window(Struct):
    """Messages around one place, oldest first, and whether there are more on either side."""

    messages: list[MessageRow]
    has_older: bool
    has_newer: bool


async def around(db: Connection, room_id: int, user_id: str, message_id: int, limit: int) -> Window:
    """Return at most `limit` messages, half of them from this id on; none for non-members.

    If one side has too few, the other one has more. The id may be of a deleted message.
    """
    values = {"room_id": room_id, "user_id": user_id, "limit": limit + 1}
    older = await load(db, room_id, OLDER, {**values, "before": message_id})
    newer = await load(db, room_id, FROM, {**values, "id": message_id})
    before = min(len(older), max(limit // 2, limit - len(newer)))
    after = limit - before
    page = [*older[:before][::-1], *newer[:after]]
    return Window(page, len(older) > before, len(newer) > after)


FROM = with_columns("""
    SELECT {columns}
      FROM messages m
      JOIN members me ON me.room_id = m.room_id AND me.user_id = :user_id
     WHERE m.room_id = :room_id AND m.id >= :id AND m.deleted_at IS NULL
     ORDER BY m.id LIMIT :limit
""")


async def first_since(db: Connection, room_id: int, moment: int) -> int:
    """Return the id of the first message sent at or after a time (microseconds since 1970, UTC).

    It may be deleted; without such a message, the result is one above the newest id. Ids grow with
    time, so a binary search finds it without an index on times.
    """
    query = """
        SELECT coalesce((SELECT min(id) FROM messages WHERE room_id = :room_id), 0) AS first,
               coalesce((SELECT max(id) FROM messages WHERE room_id = :room_id), 0) AS last
    """
    (row,) = await db.fetch_all(query, {"room_id": room_id})
    low, high = int(row["first"]), int(row["last"]) + 1
    query = """
        SELECT id, created_at FROM messages
         WHERE room_id = :room_id AND id >= :id ORDER BY id LIMIT 1
    """
    while low < high:
        middle = (low + high) // 2
        found = await db.fetch_one(query, {"room_id": room_id, "id": middle})
        if found is not None and found["created_at"] < moment:
            low = found["id"] + 1
        else:
            high = middle
    return low
