"""Reminders of unread messages: the host gets one for each member, until they have read."""

from databases.core import Connection

from .messages.others import with_others
from .outbox import NewEvent
from .room_lock import lock_room


async def claim_unread(db: Connection, after: int, now: int, limit: int) -> list[NewEvent]:
    """Return an event for each member with messages unread for `after` microseconds.

    A member gets no second reminder until they have read these messages.
    """
    query = "SELECT room_id FROM unread_checks WHERE due_at <= :now ORDER BY due_at LIMIT :limit"
    rooms = [row["room_id"] for row in await db.fetch_all(query, {"now": now, "limit": limit})]
    found: list[NewEvent] = []
    for room_id in sorted(rooms):
        # The lock excludes sends and other processes with the same check.
        await lock_room(db, room_id)
        found += await _unread_in(db, room_id, after, now)
    return found


async def _unread_in(db: Connection, room_id: int, after: int, now: int) -> list[NewEvent]:
    where = {"room_id": room_id}
    query = "SELECT 1 FROM unread_checks WHERE room_id = :room_id AND due_at <= :now"
    if await db.fetch_one(query, {**where, "now": now}) is None:
        return []
    query = with_others("""
        SELECT me.user_id, l.id, l.created_at
          FROM members me
          JOIN rooms r ON r.id = me.room_id
          JOIN messages l ON l.room_id = me.room_id
                         AND l.id = CASE WHEN r.total > me.sent + me.seen
                                         THEN {oldest_of_others} END
         WHERE me.room_id = :room_id AND me.reminded_upto <= me.read_upto AND me.is_muted = 0
    """)
    rows = await db.fetch_all(query, where)
    overdue = [row for row in rows if row["created_at"] <= now - after]
    for row in overdue:
        query = """
            UPDATE members SET reminded_upto = (SELECT max(id) FROM messages
                                               WHERE room_id = :room_id)
             WHERE room_id = :room_id AND user_id = :user_id
        """
        await db.execute(query, {**where, "user_id": row["user_id"]})
    later = [row["created_at"] + after for row in rows if row not in overdue]
    await _check_again(db, room_id, min(later, default=None))
    return [
        NewEvent("messages_unread", room_id, row["user_id"], message_id=row["id"])
        for row in overdue
    ]


async def _check_again(db: Connection, room_id: int, due_at: int | None) -> None:
    if due_at is None:
        query = "DELETE FROM unread_checks WHERE room_id = :room_id"
        await db.execute(query, {"room_id": room_id})
    else:
        query = "UPDATE unread_checks SET due_at = :due_at WHERE room_id = :room_id"
        await db.execute(query, {"room_id": room_id, "due_at": due_at})
