"""The world before the first measurement: who is in which room, and what was said there so far."""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

Room = tuple[int, list[int]]  # its id, and its people

OLD = 100  # rooms that may be full of old messages
YOUNG = 2_500  # rooms of two that are empty
LISTED = 20  # the first rooms are all of one person, who looks at his list of rooms
UNREAD = 10  # messages of others in each of them, the newest 20 being of both
COLLECTOR = 9_000_000  # who is in many rooms, of a listing each
LISTING_ROOM = 100_000  # the id of the first of them
HALLS = {200: 5_001, 250: 5_002}  # large rooms: how many people, and the id
DAY = 86_400_000_000


@dataclass(frozen=True)
class World:
    """How many rooms are old, and how many messages each of them has."""

    name: str
    rooms: int = 0
    each: int = 0
    is_one_writers: bool = False  # all of a room by one of its two
    is_deleted: bool = False
    collected: int = 0  # rooms of the collector

    @property
    def messages(self) -> int:
        return self.rooms * self.each


EMPTY = World("empty")
SMALL = World("1 thousand", 20, 50)
MEDIUM = World("100 thousand", 100, 1_000)
BIG = World("1 million", 100, 10_000)
ONE_WRITER = World("200 thousand of one writer each", 20, 10_000, is_one_writers=True)
FEW_ROOMS = World("100 rooms", collected=100)
MANY_ROOMS = World("10 thousand rooms", collected=10_000)
DELETED = World("200 thousand deleted", 20, 10_000, is_one_writers=True, is_deleted=True)


def pair(room_id: int) -> list[int]:
    """Rooms up to LISTED are of user 1 and another; room 21 is of 41 and 42, 22 of 43 and 44."""
    return [1 if room_id <= LISTED else 2 * room_id - 1, 2 * room_id]


def listed_rooms() -> list[Room]:
    return [(room_id, pair(room_id)) for room_id in range(1, LISTED + 1)]


def old_rooms() -> list[Room]:
    return [(room_id, pair(room_id)) for room_id in range(LISTED + 1, OLD + 1)]


def young_rooms(count: int) -> list[Room]:
    return [(room_id, pair(room_id)) for room_id in range(OLD + 1, OLD + 1 + count)]


def hall(people: int) -> list[Room]:
    room_id = HALLS[people]
    return [(room_id, [room_id * 1_000 + n for n in range(people)])]


def all_rooms() -> list[Room]:
    halls = [room for people in HALLS for room in hall(people)]
    return listed_rooms() + old_rooms() + young_rooms(YOUNG) + halls


FILL = """
INSERT INTO messages (room_id, sender_id, text, created_at, updated_at, version, deleted_at)
  WITH RECURSIVE
       numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :each)
SELECT room_id, user_id, 'Message ' || n || ' of an old room, about as long as people write.',
       :since + n * 1000000, :since + n * 1000000, n, CASE WHEN :deleted THEN :since END
  FROM numbers JOIN members
    ON room_id <= :rooms AND (user_id = cast(2 * room_id AS text)) = (n % 2 OR :one)
   AND (user_id = cast(2 * room_id AS text) OR NOT :one)
 ORDER BY n, room_id
"""
READ = """
UPDATE members SET delivered_upto = newest.id, read_upto = newest.id
  FROM (SELECT room_id, max(id) AS id FROM messages GROUP BY room_id) AS newest
 WHERE members.room_id = newest.room_id;
UPDATE members SET read_upto =
       (SELECT m.id FROM messages m WHERE m.room_id = members.room_id
         ORDER BY m.id DESC LIMIT 1 OFFSET 20)
 WHERE user_id = '1' AND room_id IN (SELECT room_id FROM messages);
UPDATE members SET sent = told.sent, seen = told.seen, unread_deleted = told.deleted
  FROM (SELECT me.room_id, me.user_id, sum(m.sender_id = me.user_id) AS sent,
               sum(m.sender_id <> me.user_id AND m.id <= me.read_upto) AS seen,
               sum(m.sender_id <> me.user_id AND m.id > me.read_upto
                   AND m.deleted_at IS NOT NULL) AS deleted
          FROM messages m JOIN members me ON me.room_id = m.room_id
         GROUP BY me.room_id, me.user_id) AS told
 WHERE members.room_id = told.room_id AND members.user_id = told.user_id;
UPDATE rooms SET version = newest.version, total = newest.version, active_at = newest.created_at
  FROM (SELECT room_id, max(version) AS version, max(created_at) AS created_at
          FROM messages GROUP BY room_id) AS newest
 WHERE rooms.id = newest.room_id;
UPDATE members
   SET listed_at = r.active_at,
       is_behind = CASE WHEN r.total > members.sent + members.seen + members.unread_deleted
                        THEN 1 ELSE 0 END
  FROM rooms r WHERE r.id = members.room_id
"""
# As the server adds them in the background; the first block begins after any id below its first.
BLOCKED = """
INSERT INTO message_blocks (room_id, upto, block_after, only_sender)
SELECT room_id, max(id), min(id) - 1,
       CASE count(DISTINCT sender) WHEN 0 THEN '' WHEN 1 THEN max(sender) END
  FROM (SELECT room_id, id, CASE WHEN deleted_at IS NULL THEN sender_id END AS sender,
               (row_number() OVER (PARTITION BY room_id ORDER BY id) - 1) / 250 AS number
          FROM messages)
 GROUP BY room_id, number HAVING count(*) = 250;
UPDATE rooms
   SET blocks_version = version,
       blocks_upto = coalesce((SELECT max(b.upto) FROM message_blocks b
                                WHERE b.room_id = rooms.id), 0)
"""


# Every other room has an unread message; each is found by two words and by its context.
COLLECTED = """
INSERT INTO rooms (id, creator_id, low_user, high_user, created_at, active_at, title, context,
                   version, total)
  WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < :count)
SELECT :first + n, :collector, min(:collector, 'buyer ' || n), max(:collector, 'buyer ' || n),
       :since, :since + n, 'Listing ' || n, 'order-' || n, n % 2, n % 2 FROM n;
INSERT INTO members (room_id, user_id, listed_at, is_behind)
SELECT id, :collector, active_at, version FROM rooms WHERE id >= :first;
INSERT INTO members (room_id, user_id, listed_at, sent)
SELECT id, 'buyer ' || (id - :first), active_at, version FROM rooms WHERE id >= :first;
INSERT INTO messages (room_id, sender_id, text, created_at, updated_at, version)
SELECT id, 'buyer ' || (id - :first), 'Is it still there?', active_at, active_at, 1
  FROM rooms WHERE id >= :first AND version = 1
"""

# Of rooms from LISTING_ROOM on. A move leaves the words to the server; here they are there before
# it starts, so that it does not look for them while it is measured.
WORDS = """
INSERT INTO room_words (room_id, user_id, word)
SELECT r.id, m.user_id, w.word
  FROM rooms r
  JOIN (SELECT room_id, user_id FROM members UNION ALL
        SELECT id, '' FROM rooms) AS m ON m.room_id = r.id
  JOIN (SELECT id, 'listing' AS word FROM rooms UNION ALL
        SELECT id, cast(id - 100000 AS text) FROM rooms UNION ALL
        SELECT id, '=' || context FROM rooms) AS w ON w.id = r.id
 WHERE r.id >= 100000
"""

COUNTED = """
INSERT INTO room_counts (user_id, listed)
SELECT user_id, count(*) FROM members WHERE true GROUP BY user_id
ON CONFLICT (user_id) DO UPDATE SET listed = excluded.listed
"""

# What is there was not written by the server, and is not what it shall look through meanwhile.
SEARCHED = "INSERT INTO search_upto (room_id, version) SELECT id, version FROM rooms"


def fill(file: Path, world: World) -> None:
    """Into the tables that the server has made; straight into the file, since that is quick."""
    since = time.time_ns() // 1000 - DAY
    with closing(sqlite3.connect(file)) as db, db:
        _open_rooms(db, since)
        if world.messages:
            flags = {"one": world.is_one_writers, "deleted": world.is_deleted}
            db.execute(FILL, {"each": world.each, "rooms": world.rooms, "since": since, **flags})
        for statement in (*READ.split(";"), *BLOCKED.split(";"), SEARCHED):
            db.execute(statement)
        for statement in COLLECTED.split(";") if world.collected else ():
            values = {"count": world.collected, "since": since, "first": LISTING_ROOM}
            db.execute(statement, values | {"collector": str(COLLECTOR)})
        if world.collected:
            db.execute(WORDS)
        db.execute(COUNTED)


def _open_rooms(db: sqlite3.Connection, at: int) -> None:
    db.executemany(
        "INSERT INTO rooms (id, creator_id, low_user, high_user, created_at, active_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (room, str(people[0]), *_two(people), at, at)  # null for more than two
            for room, people in all_rooms()
        ],
    )
    db.executemany(
        "INSERT INTO members (room_id, user_id) VALUES (?, ?)",
        [(room, str(user)) for room, people in all_rooms() for user in people],
    )


def _two(people: list[int]) -> tuple[str | None, str | None]:
    if len(people) > 2:
        return None, None
    low, high = sorted(map(str, people))
    return low, high
