"""Totals of the whole chat, for the site."""

from databases.core import Connection
from msgspec import Struct

from .quotas import DAY_MICROSECONDS


class DayCount(Struct):
    """The number of messages on one day (UTC); `day` counts from 1970."""

    day: int
    messages: int


class Totals(Struct):
    """Totals of the database; `size` is that of the attachments, in bytes."""

    users: int
    rooms: int
    messages: int
    size: int
    days: list[DayCount]


async def load(db: Connection, now: int, days: int) -> Totals:
    """Load the totals, and the last days, oldest first; days without messages are left out."""
    (row,) = await db.fetch_all("""
        SELECT (SELECT count(*) FROM (SELECT user_id FROM people UNION
                                      SELECT user_id FROM members) AS u) AS users,
               (SELECT count(*) FROM rooms WHERE deleted_at IS NULL) AS rooms,
               (SELECT CAST(coalesce(sum(total), 0) AS bigint) FROM rooms
                 WHERE deleted_at IS NULL) AS messages,
               (SELECT CAST(coalesce(sum(size), 0) AS bigint) FROM attachments) AS size
    """)
    query = """
        SELECT created_at / :length AS day, count(*) AS messages FROM messages
         WHERE room_id IN (SELECT id FROM rooms WHERE active_at >= :since)
           AND created_at >= :since AND deleted_at IS NULL
         GROUP BY 1 ORDER BY 1
    """
    values = {
        "length": DAY_MICROSECONDS,
        "since": (now // DAY_MICROSECONDS - days + 1) * DAY_MICROSECONDS,
    }
    counted = [
        DayCount(int(d["day"]), int(d["messages"])) for d in await db.fetch_all(query, values)
    ]
    return Totals(row["users"], row["rooms"], int(row["messages"]), int(row["size"]), counted)
