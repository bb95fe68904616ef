"""The listeners for host events that the serving processes have registered.

Every process writes events for all listeners in the database, also a command that delivers none
itself.
"""

from databases.core import Connection

from .outbox import Listeners


async def register(db: Connection, own: Listeners, now: int) -> None:
    """Register listeners. A registration expires, so this must be repeated."""
    query = """
        INSERT INTO listeners (name, unread_after, seen_at) VALUES (:name, :unread_after, :now)
        ON CONFLICT (name) DO UPDATE
           SET unread_after = excluded.unread_after, seen_at = excluded.seen_at
    """
    for name in own.names:
        await db.execute(query, {"name": name, "unread_after": own.unread_after, "now": now})


async def load(db: Connection, since: int) -> Listeners:
    """Return the listeners that were registered since a time (microseconds since 1970, UTC)."""
    query = "SELECT name, unread_after FROM listeners WHERE seen_at > :since ORDER BY name"
    rows = await db.fetch_all(query, {"since": since})
    after = [row["unread_after"] for row in rows if row["unread_after"]]
    return Listeners(tuple(row["name"] for row in rows), min(after, default=0))


async def forget(db: Connection, before: int) -> None:
    """Delete listeners that are no longer registered, and their events."""
    where = {"before": before}
    for query in (
        """DELETE FROM outbox
            WHERE listener IN (SELECT name FROM listeners WHERE seen_at < :before)""",
        """DELETE FROM outbox_rooms
            WHERE listener IN (SELECT name FROM listeners WHERE seen_at < :before)""",
        "DELETE FROM listeners WHERE seen_at < :before",
    ):
        await db.execute(query, where)
