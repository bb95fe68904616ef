"""Revocations of the last minutes, for processes that missed the event."""

from databases.core import Connection


async def add(db: Connection, user_id: str, at: int) -> None:
    query = """
        INSERT INTO revocations (user_id, revoked_at) VALUES (:user_id, :revoked_at)
        ON CONFLICT (user_id) DO UPDATE SET revoked_at = excluded.revoked_at
    """
    await db.execute(query, {"user_id": user_id, "revoked_at": at})


async def since(db: Connection, after: int) -> list[tuple[str, int]]:
    """Return the revocations since a time, oldest first."""
    query = (
        "SELECT user_id, revoked_at FROM revocations WHERE revoked_at > :after ORDER BY revoked_at"
    )
    rows = await db.fetch_all(query, {"after": after})
    return [(row["user_id"], row["revoked_at"]) for row in rows]


async def forget(db: Connection, before: int) -> None:
    await db.execute("DELETE FROM revocations WHERE revoked_at < :before", {"before": before})
