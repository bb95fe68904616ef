"""Blocks between users: in a direct room the blocked user can send nothing to the blocker."""

from collections.abc import Collection, Sequence

from databases.core import Connection
from msgspec import Struct
from sqlalchemy import bindparam, text

from . import receipts


class BlockRow(Struct):
    """A blocked user, and the time of the block (microseconds since 1970, UTC)."""

    user_id: str
    created_at: int


async def add(db: Connection, user_id: str, blocked_id: str, now: int) -> None:
    """Add a block; it raises the members' version, so that messages under way are checked."""
    query = """
        INSERT INTO blocks (user_id, blocked_id, created_at) VALUES (:user_id, :blocked_id, :now)
        ON CONFLICT (user_id, blocked_id) DO NOTHING RETURNING user_id
    """
    values = {"user_id": user_id, "blocked_id": blocked_id, "now": now}
    if not await db.fetch_all(query, values):
        return
    for room_id in await _shared(db, user_id, blocked_id):
        await _lock(db, room_id)
        await receipts.hide(db, room_id, user_id)


async def _shared(db: Connection, user_id: str, other_id: str) -> list[int]:
    """Return the rooms of the two, in the order in which every process locks rooms."""
    low, high = sorted((user_id, other_id))
    query = "SELECT id FROM rooms WHERE low_user = :low AND high_user = :high ORDER BY id"
    return [row["id"] for row in await db.fetch_all(query, {"low": low, "high": high})]


async def _lock(db: Connection, room_id: int) -> None:
    query = "UPDATE rooms SET members_version = members_version + 1 WHERE id = :room_id"
    await db.execute(query, {"room_id": room_id})


async def count(db: Connection, user_id: str) -> int:
    """Return the number of users whom the user has blocked."""
    query = "SELECT count(*) AS n FROM blocks WHERE user_id = :user_id"
    (row,) = await db.fetch_all(query, {"user_id": user_id})
    return int(row["n"])


async def of_user(db: Connection, user_id: str, before: int, limit: int) -> list[BlockRow]:
    """Return the users whom the user blocked before a time, the latest first."""
    query = """
        SELECT blocked_id, created_at FROM blocks
         WHERE user_id = :user_id AND created_at < :before
         ORDER BY created_at DESC, blocked_id LIMIT :limit
    """
    values = {"user_id": user_id, "before": before, "limit": limit}
    return [BlockRow(*row._mapping.values()) for row in await db.fetch_all(query, values)]


async def remove(db: Connection, user_id: str, blocked_id: str) -> dict[int, tuple[int, int]]:
    """End a block; return the user's watermarks that the other can now see, by room of two."""
    query = "DELETE FROM blocks WHERE user_id = :user_id AND blocked_id = :blocked_id"
    await db.execute(query, {"user_id": user_id, "blocked_id": blocked_id})
    shown = {}
    for room_id in await _shared(db, user_id, blocked_id):
        await _lock(db, room_id)
        if watermarks := await receipts.show(db, room_id, user_id):
            shown[room_id] = watermarks
    return shown


async def is_silenced(db: Connection, room_id: int, user_id: str) -> bool:
    """Return whether the room is frozen, or its other member has blocked the user."""
    query = """
        SELECT 1 FROM blocked_senders WHERE room_id = :room_id AND user_id = :user_id
         UNION ALL
        SELECT 1 FROM rooms WHERE id = :room_id AND frozen = 1
    """
    return await db.fetch_one(query, {"room_id": room_id, "user_id": user_id}) is not None


async def has_blocked(db: Connection, user_id: str, blocked_id: str) -> bool:
    """Return whether the user has blocked the other."""
    query = "SELECT 1 FROM blocks WHERE user_id = :user_id AND blocked_id = :blocked_id"
    return await db.fetch_one(query, {"user_id": user_id, "blocked_id": blocked_id}) is not None


async def find_blockers(db: Connection, blocked_id: str, users: Collection[str]) -> set[str]:
    """Return those of these users who have blocked the other."""
    if not users or await db.fetch_one("SELECT 1 FROM blocks LIMIT 1") is None:
        return set()  # PostgreSQL would take an empty list of texts for a list of numbers
    query = text("""
        SELECT user_id FROM blocks WHERE blocked_id = :blocked_id AND user_id IN :users
    """).bindparams(
        bindparam("blocked_id", value=blocked_id),
        bindparam("users", value=list(users), expanding=True),
    )
    return {row["user_id"] for row in await db.fetch_all(query)}


async def find_blocked_members(db: Connection, room_id: int, user_id: str) -> list[str]:
    """Return the members of the room whom the user has blocked."""
    query = """
        SELECT b.blocked_id FROM blocks b
          JOIN members m ON m.room_id = :room_id AND m.user_id = b.blocked_id
         WHERE b.user_id = :user_id
    """
    rows = await db.fetch_all(query, {"room_id": room_id, "user_id": user_id})
    return [row["blocked_id"] for row in rows]


async def any_blocked(db: Connection, users: Sequence[str], blocked_id: str) -> bool:
    """Return whether one of these users has blocked the other."""
    if not users:
        return False
    query = text("""
        SELECT 1 FROM blocks WHERE blocked_id = :blocked_id AND user_id IN :users LIMIT 1
    """).bindparams(
        bindparam("blocked_id", value=blocked_id),
        bindparam("users", value=list(users), expanding=True),
    )
    return await db.fetch_one(query) is not None
