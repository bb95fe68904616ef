"""Daily quotas of users, and repeated requests of the site."""

from databases.core import Connection
from msgspec import Struct

DAY_MICROSECONDS = 86_400_000_000  # microseconds


async def count_opened_room(db: Connection, user_id: str, now: int) -> int:
    """Count a room of the user; return how many they have opened on this day (UTC), with it."""
    query = """
        INSERT INTO room_quotas (user_id, day, opened) VALUES (:user_id, :day, 1)
        ON CONFLICT (user_id, day) DO UPDATE SET opened = room_quotas.opened + 1
        RETURNING opened
    """
    rows = await db.fetch_all(query, {"user_id": user_id, "day": now // DAY_MICROSECONDS})
    return int(rows[0]["opened"])


def seconds_until_reset(now: int) -> float:
    """Return the seconds until the next day (UTC), when users may open rooms again."""
    return (DAY_MICROSECONDS - now % DAY_MICROSECONDS) / 1_000_000


class Request(Struct, frozen=True):
    """A request that may be repeated: its key, and a hash of its body."""

    key: str
    body_hash: int


async def find_request(db: Connection, key: str) -> tuple[int, int] | None:
    """Return the room that this request opened, and the hash of its body."""
    query = "SELECT room_id, body_hash FROM idempotency_keys WHERE key = :key"
    row = await db.fetch_one(query, {"key": key})
    return None if row is None else (row["room_id"], row["body_hash"])


async def keep_request(db: Connection, request: Request, room_id: int, now: int) -> None:
    query = """
        INSERT INTO idempotency_keys (key, body_hash, room_id, created_at)
        VALUES (:key, :body_hash, :room_id, :now)
    """
    values = {"key": request.key, "body_hash": request.body_hash, "room_id": room_id, "now": now}
    await db.execute(query, values)


async def forget_old(db: Connection, now: int, kept: int) -> None:
    """Delete quotas of past days, and requests older than `kept` microseconds."""
    await db.execute(
        "DELETE FROM room_quotas WHERE day < :day", {"day": now // DAY_MICROSECONDS - 1}
    )
    query = "DELETE FROM idempotency_keys WHERE created_at < :before"
    await db.execute(query, {"before": now - kept})
