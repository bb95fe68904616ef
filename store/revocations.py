"""Revocations of the last minutes, for processes that missed the event."""

from databases.core import Connection


async def add(db: Connection, user_id: str, at: int) -> None:
    query = """
        INSERT INTO cuts (user_id, cut_at) VALUES (:user_id, :cut_at)
        ON CONFLICT (user_id) DO UPDATE SET cut_at = excluded.cut_at
    """
    await db.execute(query, {"user_id": user_id, "cut_at": at})


async def since(db: Connection, after: int) -> list[tuple[str, int]]:
    """Return the revocations since a time, oldest first."""
    query = "SELECT user_id, cut_at FROM cuts WHERE cut_at > :after ORDER BY cut_at"
    rows = await db.fetch_all(query, {"after": after})
    return [(row["user_id"], row["cut_at"]) for row in rows]


async def forget(db: Connection, before: int) -> None:
    await db.execute("DELETE FROM cuts WHERE cut_at < :before", {"before": before})
