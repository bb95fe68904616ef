"""Receipts: two watermarks for each member and room, moving forward only."""

from collections.abc import Iterable, Mapping
from typing import Literal

from databases.core import Connection
from msgspec import Struct

from .messages.others import with_others

Status = Literal["send", "delivered", "read"]
Marks = dict[tuple[int, str], tuple[int, int]]  # (room, user) → delivered and read up to these ids


class Moved(Struct, gc=False):
    """A member's watermarks after they moved, as the other members may see them."""

    room_id: int
    user_id: str
    delivered: int
    read: int


def status(marks: Mapping[str, tuple[int, int]], sender_id: str, message_id: int) -> Status:
    """Return the status of a message, by the lowest watermark of its recipients."""
    others = [upto for user, upto in marks.items() if user != sender_id]
    if not others:
        return "read"  # all others have left, and a status never goes back
    return status_of(message_id, min(upto for upto, _ in others), min(upto for _, upto in others))


def status_of(message_id: int, delivered: int, read: int) -> Status:
    """Return the status of a message whose recipients' lowest watermarks are these."""
    if message_id <= read:
        return "read"
    return "delivered" if message_id <= delivered else "send"


async def reach(db: Connection, room_id: int, user_id: str, message_id: int) -> int:
    """Return the newest unread message of others up to `message_id`.

    It is 0 if there is none, which the counters show however many own messages follow.
    """
    query = with_others("""
        SELECT CASE WHEN r.total > me.sent + me.seen THEN {newest_of_others_upto} END AS id
          FROM members me JOIN rooms r ON r.id = me.room_id
         WHERE me.room_id = :room_id AND me.user_id = :user_id
    """)
    values = {"room_id": room_id, "user_id": user_id, "message_id": message_id}
    row = await db.fetch_one(query, values)
    return 0 if row is None else int(row["id"] or 0)


async def clear_marked_unread(db: Connection, room_id: int, user_id: str) -> None:
    """Clear the member's own flag `marked_unread`, since they have read the room."""
    query = """
        UPDATE members
           SET marked_unread = 0,
               is_behind = (SELECT CASE WHEN u.unread > 0 THEN 1 ELSE 0 END FROM member_unread u
                             WHERE u.room_id = members.room_id AND u.user_id = members.user_id)
         WHERE room_id = :room_id AND user_id = :user_id AND marked_unread = 1
    """
    await db.execute(query, {"room_id": room_id, "user_id": user_id})


async def is_marked_unread(db: Connection, room_id: int, user_id: str) -> bool:
    query = """
        SELECT 1 FROM members
         WHERE room_id = :room_id AND user_id = :user_id AND marked_unread = 1
    """
    return await db.fetch_one(query, {"room_id": room_id, "user_id": user_id}) is not None


OF_ROOM = """
    SELECT user_id, coalesce(shown_delivered, delivered_upto) AS delivered,
           coalesce(shown_read, read_upto) AS read
      FROM members WHERE room_id = :room_id
"""


async def of_room(db: Connection, room_id: int) -> dict[str, tuple[int, int]]:
    """Return the watermarks (delivered, read) of every member, as the others may see them."""
    rows = await db.fetch_all(OF_ROOM, {"room_id": room_id})
    return {row["user_id"]: (row["delivered"], row["read"]) for row in rows}


async def of_member(db: Connection, room_id: int, user_id: str) -> tuple[int, int] | None:
    """Return a member's own watermarks; None if the user is no member."""
    query = """
        SELECT delivered_upto, read_upto FROM members
         WHERE room_id = :room_id AND user_id = :user_id
    """
    row = await db.fetch_one(query, {"room_id": room_id, "user_id": user_id})
    return None if row is None else (row["delivered_upto"], row["read_upto"])


async def hide(db: Connection, room_id: int, user_id: str) -> None:
    """Freeze the member's receipts as others see them, at their present state."""
    query = """
        UPDATE members SET shown_delivered = delivered_upto, shown_read = read_upto
         WHERE room_id = :room_id AND user_id = :user_id
    """
    await db.execute(query, {"room_id": room_id, "user_id": user_id})


async def show(db: Connection, room_id: int, user_id: str) -> tuple[int, int] | None:
    """Show the member's receipts to the others again; return them, None if they were shown."""
    query = """
        UPDATE members SET shown_delivered = NULL, shown_read = NULL
         WHERE room_id = :room_id AND user_id = :user_id AND shown_read IS NOT NULL
        RETURNING delivered_upto, read_upto
    """
    rows = await db.fetch_all(query, {"room_id": room_id, "user_id": user_id})
    return (rows[0]["delivered_upto"], rows[0]["read_upto"]) if rows else None


async def of_rooms(
    db: Connection, room_ids: Iterable[int]
) -> dict[int, dict[str, tuple[int, int]]]:
    """Return the receipts of several rooms, by room id."""
    return {room_id: await of_room(db, room_id) for room_id in room_ids}
