"""Places of rooms in a list, now and at an earlier time."""

import msgspec
from databases.core import Connection
from msgspec import Struct

from .dialect import Dialect

MAX_SEARCHED_MESSAGES = 200  # newest messages of a room that are searched for an earlier place


class RoomPlace(Struct, frozen=True, order=True):
    """The place of a room: its last activity (microseconds since 1970, UTC) and its id."""

    at: int
    room_id: int


async def places_as_of(
    db: Connection, dialect: Dialect, as_of: int | None, places: list[RoomPlace]
) -> list[RoomPlace]:
    """Return the places at the time of the cursor, without rooms that were opened later.

    A room with too many later messages gets the place of its creation: then it may come twice.
    """
    if as_of is None or all(place.at <= as_of for place in places):
        return places
    statement = dialect.render("""
        SELECT CAST(CAST(j.value AS text) AS bigint) AS id,
               (SELECT coalesce((SELECT n.created_at
                                   FROM (SELECT id, created_at FROM messages m
                                          WHERE m.room_id = r.id
                                          ORDER BY id DESC LIMIT :searched) AS n
                                  WHERE n.created_at <= :as_of ORDER BY n.id DESC LIMIT 1),
                                r.created_at)
                  FROM rooms r
                 WHERE r.id = CAST(CAST(j.value AS text) AS bigint)
                   AND r.created_at <= :as_of) AS at
          FROM NUMBERS AS j
    """)
    moved = [place.room_id for place in places if place.at > as_of]
    values = {
        "numbers": msgspec.json.encode(moved).decode(),
        "searched": MAX_SEARCHED_MESSAGES,
        "as_of": as_of,
    }
    earlier = [
        RoomPlace(row["at"], row["id"])
        for row in await db.fetch_all(statement, values)
        if row["at"] is not None
    ]
    return [place for place in places if place.at <= as_of] + earlier
