"""Recounts stored counters from the rows, and reports the differences."""

from databases.core import Connection
from msgspec import Struct

from .. import list_order, room_counts
from ..messages import message_blocks
from ..room_lock import lock_room


class Wrong(Struct):
    """A room with wrong counters; `members` is the number of members with wrong ones.

    `misplaced` is the number of members in whose lists the room is at a wrong place, although no
    update of it is due.
    """

    room_id: int
    total: int
    counted: int
    members: int
    misplaced: int


async def wrong(db: Connection, first: int, last: int) -> list[Wrong]:
    """Return the wrong counters of rooms with first <= id <= last; sent + seen is compared."""
    query = """
        SELECT r.id, r.total, c.counted,
               (SELECT count(*) FROM members me
                 WHERE me.room_id = r.id
                   AND (me.sent + me.seen <>
                        (SELECT count(*) FROM messages m
                          WHERE m.room_id = r.id
                            AND (m.sender_id = me.user_id OR m.id <= me.read_upto))
                     OR me.unread_deleted <>
                        (SELECT count(*) FROM messages m
                          WHERE m.room_id = r.id AND m.id > me.read_upto
                            AND m.sender_id <> me.user_id
                            AND m.deleted_at IS NOT NULL))) AS members,
               (SELECT count(*)
                  FROM members me
                  JOIN member_unread u ON u.room_id = me.room_id AND u.user_id = me.user_id
                 WHERE me.room_id = r.id AND r.total = c.counted
                   AND NOT EXISTS (SELECT 1 FROM list_changes l WHERE l.room_id = r.id)
                   AND (me.listed_at <> r.active_at
                     OR me.is_behind <>
                        CASE WHEN me.marked_unread = 1 OR u.unread > 0 THEN 1 ELSE 0 END
                       )) AS misplaced
          FROM rooms r
          JOIN (SELECT id AS room_id,
                       (SELECT count(*) FROM messages m WHERE m.room_id = rooms.id) AS counted
                  FROM rooms WHERE id BETWEEN :first AND :last) AS c ON c.room_id = r.id
         WHERE r.deleted_at IS NULL
         ORDER BY r.id
    """
    rows = await db.fetch_all(query, {"first": first, "last": last})
    found = [Wrong(*row._mapping.values()) for row in rows]
    return [room for room in found if room.total != room.counted or room.members or room.misplaced]


async def mend(db: Connection, room_id: int) -> None:
    """Correct the counters of a room; for each member it stays archived or active."""
    where = {"room_id": room_id}
    await lock_room(db, room_id)
    await room_counts.subtract(db, room_id)
    query = """
        UPDATE members
           SET archived_at_total = CASE
                   WHEN archived_at_total = (SELECT total FROM rooms WHERE id = :room_id)
                   THEN (SELECT count(*) FROM messages m WHERE m.room_id = :room_id) END,
               sent = (SELECT count(*) FROM messages m
                        WHERE m.room_id = :room_id AND m.sender_id = members.user_id),
               seen = (SELECT count(*) FROM messages m
                        WHERE m.room_id = :room_id AND m.sender_id <> members.user_id
                          AND m.id <= members.read_upto),
               unread_deleted = (SELECT count(*) FROM messages m
                                  WHERE m.room_id = :room_id AND m.sender_id <> members.user_id
                                    AND m.id > members.read_upto AND m.deleted_at IS NOT NULL)
         WHERE room_id = :room_id
    """
    await db.execute(query, where)
    query = """
        UPDATE rooms SET total = (SELECT count(*) FROM messages m WHERE m.room_id = rooms.id)
         WHERE id = :room_id
    """
    await db.execute(query, where)
    await room_counts.add(db, room_id)
    await message_blocks.rebuild(db, room_id)
    await list_order.mark_room(db, room_id)
