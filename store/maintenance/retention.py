"""Deletes old messages without tombstones, and subtracts them from every counter."""

from itertools import takewhile

from databases.core import Connection

from .. import list_order, messages
from ..room_lock import lock_room


async def rooms(db: Connection, above: int, limit: int) -> list[int]:
    """Return the ids of rooms above an id, in order."""
    query = "SELECT id FROM rooms WHERE id > :above ORDER BY id LIMIT :limit"
    rows = await db.fetch_all(query, {"above": above, "limit": limit})
    return [row["id"] for row in rows]


async def rooms_with_old(db: Connection, above: int, before: int, limit: int) -> list[int]:
    """Return the ids of rooms above an id whose first message is older than a time, in order."""
    query = """
        SELECT r.id FROM rooms r
          JOIN messages m ON m.room_id = r.id
           AND m.id = (SELECT x.id FROM messages x WHERE x.room_id = r.id ORDER BY x.id LIMIT 1)
         WHERE r.id > :above AND m.created_at < :before
         ORDER BY r.id LIMIT :limit
    """
    values = {"above": above, "before": before, "limit": limit}
    return [row["id"] for row in await db.fetch_all(query, values)]


async def count_rooms(db: Connection) -> int:
    (row,) = await db.fetch_all("SELECT count(*) AS n FROM rooms")
    return int(row["n"])


async def prune(db: Connection, room_id: int, before: int, limit: int) -> int:
    """Delete at most `limit` messages from before a time (µs since 1970, UTC); return the count."""
    query = """
        SELECT id, created_at FROM messages WHERE room_id = :room_id ORDER BY id LIMIT :limit
    """
    rows = await db.fetch_all(query, {"room_id": room_id, "limit": limit})
    old = [row["id"] for row in takewhile(lambda row: row["created_at"] < before, rows)]
    if old:
        await lock_room(db, room_id)
        await _uncount(db, room_id, old[-1])
        await messages.drop(db, room_id, old[-1])
        await list_order.mark_room(db, room_id)
    return len(old)


async def _uncount(db: Connection, room_id: int, last: int) -> None:
    """Subtract the messages from counters, and raise the floor: older cursors get a reset."""
    upto = {"room_id": room_id, "last": last}
    query = """
        UPDATE members
           SET archived_at_total = archived_at_total
                   - (SELECT count(*) FROM messages m WHERE m.room_id = :room_id AND m.id <= :last),
               sent = sent - (SELECT count(*) FROM messages m
                               WHERE m.room_id = :room_id AND m.id <= :last
                                 AND m.sender_id = members.user_id),
               seen = seen - (SELECT count(*) FROM messages m
                               WHERE m.room_id = :room_id AND m.id <= :last
                                 AND m.sender_id <> members.user_id AND m.id <= members.read_upto),
               unread_deleted = unread_deleted
                   - (SELECT count(*) FROM messages m
                       WHERE m.room_id = :room_id AND m.id <= :last AND m.id > members.read_upto
                         AND m.sender_id <> members.user_id AND m.deleted_at IS NOT NULL)
         WHERE room_id = :room_id
    """
    await db.execute(query, upto)
    query = """
        UPDATE rooms SET total = total - old.n,
                         floor = CASE WHEN floor < old.version THEN old.version ELSE floor END
          FROM (SELECT count(*) AS n, max(version) AS version
                  FROM messages WHERE room_id = :room_id AND id <= :last) AS old
         WHERE rooms.id = :room_id
    """
    await db.execute(query, upto)
