"""The numbers of rooms in the list and in the archive of each user, updated with each change.

A list shows its number of rooms, which may be 10,000. A transaction that changes members, or what
they have archived, first locks the room; then it changes the counters, in the order of users.
"""

from databases.core import Connection
from msgspec import Struct

ROOM = """
    INSERT INTO room_counts (user_id, listed, archived)
    SELECT user_id,
           CAST(:sign AS bigint) * CASE WHEN archived_at_total IS NULL THEN 1 ELSE 0 END,
           CAST(:sign AS bigint) * CASE WHEN archived_at_total IS NULL THEN 0 ELSE 1 END
      FROM members
     WHERE room_id = :room_id
       AND (CAST(:user_id AS text) IS NULL OR user_id = CAST(:user_id AS text))
     ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE
       SET listed = room_counts.listed + excluded.listed,
           archived = room_counts.archived + excluded.archived
"""

# Counts archived rooms with new messages as listed again; the members' rows don't show it yet.
LIST_AGAIN = """
    INSERT INTO room_counts (user_id, listed, archived)
    SELECT m.user_id, count(*), -count(*)
      FROM rooms r JOIN members m ON m.room_id = r.id
     WHERE r.id IN :room_ids AND m.archived_at_total <> r.total
     GROUP BY m.user_id ORDER BY m.user_id
    ON CONFLICT (user_id) DO UPDATE
       SET listed = room_counts.listed + excluded.listed,
           archived = room_counts.archived + excluded.archived
"""


class WrongCount(Struct):
    """A user whose counters differ from their rows."""

    user_id: str
    listed: int
    archived: int
    counted_listed: int
    counted_archived: int


async def add(db: Connection, room_id: int, user_id: str | None = None) -> None:
    """Count a room for its members, or for one of them, after their rows were written."""
    await db.execute(ROOM, {"room_id": room_id, "user_id": user_id, "sign": 1})


async def subtract(db: Connection, room_id: int, user_id: str | None = None) -> None:
    """Subtract a room from the counters of its members, or of one, before rows are deleted."""
    await db.execute(ROOM, {"room_id": room_id, "user_id": user_id, "sign": -1})


async def move(db: Connection, user_id: str, *, to_archive: bool) -> None:
    """Count a room of the user as archived, or as listed again."""
    query = """
        UPDATE room_counts SET listed = listed - :moved, archived = archived + :moved
         WHERE user_id = :user_id
    """
    await db.execute(query, {"user_id": user_id, "moved": 1 if to_archive else -1})


async def of_user(db: Connection, user_id: str, *, is_archived: bool) -> int:
    """Return the number of the user's rooms in the list, or in the archive."""
    query = "SELECT listed, archived FROM room_counts WHERE user_id = :user_id"
    row = await db.fetch_one(query, {"user_id": user_id})
    if row is None:
        return 0
    back = await _count_back(db, user_id) if row["archived"] else 0
    return int(row["archived"] - back if is_archived else row["listed"] + back)


async def _count_back(db: Connection, user_id: str) -> int:
    """Return the number of archived rooms with new messages that the members' rows lack."""
    query = """
        SELECT count(*) AS n FROM list_changes c
         WHERE coalesce((SELECT 1 FROM members me JOIN rooms r ON r.id = me.room_id
                          WHERE me.room_id = c.room_id AND me.user_id = :user_id
                            AND me.archived_at_total <> r.total), 0) > 0
    """
    (row,) = await db.fetch_all(query, {"user_id": user_id})
    return int(row["n"])


# ---------------------------------------------------------------- recounting


async def find_wrong(db: Connection, above: str, limit: int) -> tuple[list[WrongCount], str | None]:
    """Return the wrong counters of the first users above one, and the last of these users."""
    query = """
        SELECT m.user_id, coalesce(c.listed, 0) AS listed, coalesce(c.archived, 0) AS archived,
               m.counted_listed, m.counted_archived
          FROM (SELECT user_id, count(*) - count(archived_at_total) AS counted_listed,
                       count(archived_at_total) AS counted_archived
                  FROM members WHERE user_id > :above
                 GROUP BY user_id ORDER BY user_id LIMIT :limit) AS m
          LEFT JOIN room_counts c ON c.user_id = m.user_id
         ORDER BY m.user_id
    """
    rows = await db.fetch_all(query, {"above": above, "limit": limit})
    found = [WrongCount(*row._mapping.values()) for row in rows]
    wrong = [
        each
        for each in found
        if (each.listed, each.archived) != (each.counted_listed, each.counted_archived)
    ]
    return wrong, found[-1].user_id if len(found) == limit else None


async def mend(db: Connection, user_id: str) -> None:
    """Recount the rooms of a user."""
    query = """
        INSERT INTO room_counts (user_id) VALUES (:user_id)
        ON CONFLICT (user_id) DO UPDATE SET listed = room_counts.listed
    """
    await db.execute(query, {"user_id": user_id})
    query = """
        UPDATE room_counts
           SET listed = (SELECT count(*) FROM members m
                          WHERE m.user_id = :user_id AND m.archived_at_total IS NULL),
               archived = (SELECT count(*) FROM members m
                            WHERE m.user_id = :user_id AND m.archived_at_total IS NOT NULL)
         WHERE user_id = :user_id
    """
    await db.execute(query, {"user_id": user_id})
