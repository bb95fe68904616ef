"""Users whom the site has banned, for good or until a time."""

from typing import Any

from databases.core import Connection
from msgspec import Struct


class Ban(Struct, frozen=True):
    """A ban: until when (microseconds since 1970, UTC; None: for good), and the reason."""

    until: int | None
    reason: str


async def put(db: Connection, user_id: str, ban: Ban, now: int) -> None:
    query = """
        INSERT INTO bans (user_id, until, reason, created_at)
        VALUES (:user_id, :until, :reason, :now)
        ON CONFLICT (user_id) DO UPDATE SET until = excluded.until, reason = excluded.reason
    """
    values = {"user_id": user_id, "until": ban.until, "reason": ban.reason, "now": now}
    await db.execute(query, values)


async def remove(db: Connection, user_id: str) -> None:
    await db.execute("DELETE FROM bans WHERE user_id = :user_id", {"user_id": user_id})


async def find(db: Connection, user_id: str, now: int) -> Ban | None:
    """Return the ban of a user; None if there is none or it has ended."""
    query = """
        SELECT user_id, until, reason FROM bans
         WHERE user_id = :user_id AND (until IS NULL OR until > :now)
    """
    row = await db.fetch_one(query, {"user_id": user_id, "now": now})
    return None if row is None else _ban(row)


async def current(db: Connection, now: int) -> dict[str, Ban]:
    """Return all bans that have not ended, by user."""
    query = "SELECT user_id, until, reason FROM bans WHERE until IS NULL OR until > :now"
    rows = await db.fetch_all(query, {"now": now})
    return {row["user_id"]: _ban(row) for row in rows}


def _ban(row: Any) -> Ban:
    return Ban(row["until"], row["reason"])
