"""The lock of a room, which each transaction takes that does not write to the room first."""

from databases.core import Connection


async def lock_room(db: Connection, room_id: int) -> None:
    """Lock the room until the transaction ends: sends and other processes wait for it."""
    await db.execute("UPDATE rooms SET version = version WHERE id = :room_id", {"room_id": room_id})
