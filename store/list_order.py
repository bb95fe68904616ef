"""Updates the order of rooms in the lists of their members.

A send only records its room in `list_changes`; a background task updates the rows of its members.
"""

from databases.core import Connection
from sqlalchemy import BindParameter, bindparam, text

from .dialect import SQLITE
from .room_counts import LIST_AGAIN

# Rooms that others are writing to are left for the next time.
CHOOSE = """
    SELECT r.id FROM list_changes c JOIN rooms r ON r.id = c.room_id
     ORDER BY c.room_id LIMIT :limit LOCKING(r)
"""
MOVE = """
    UPDATE members
       SET listed_at = r.active_at,
           archived_at_total = CASE WHEN members.archived_at_total = r.total
                                    THEN members.archived_at_total END,
           is_behind = CASE WHEN members.marked_unread = 1
                              OR r.total > members.sent + members.seen + members.unread_deleted
                            THEN 1 ELSE 0 END
      FROM rooms r
     WHERE r.id = members.room_id AND members.room_id IN :room_ids
"""
FORGET = "DELETE FROM list_changes WHERE room_id IN :room_ids"
CARRY_OVER = (LIST_AGAIN, MOVE, FORGET)


async def mark_room(db: Connection, room_id: int) -> None:
    """Record that the room's place in lists has changed; the caller has locked the room."""
    query = """
        INSERT INTO list_changes (room_id) VALUES (:room_id) ON CONFLICT (room_id) DO NOTHING
    """
    await db.execute(query, {"room_id": room_id})


async def has_changes(db: Connection) -> bool:
    return await db.fetch_one("SELECT 1 FROM list_changes LIMIT 1") is not None


async def carry_over(db: Connection, limit: int) -> bool:
    """Update the lists for up to `limit` rooms; return whether there may be more.

    PostgreSQL runs the same statements as one script: store/postgres/carry_over.py.
    """
    rows = await db.fetch_all(SQLITE.render(CHOOSE), {"limit": limit})
    room_ids = [row["id"] for row in rows]
    for query in CARRY_OVER if room_ids else ():
        those: BindParameter[list[int]] = bindparam("room_ids", value=room_ids, expanding=True)
        await db.execute(text(query).bindparams(those))
    return len(room_ids) == limit
