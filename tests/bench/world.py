"""The world before the first measurement: rooms of two, the first of them old and full."""

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from .servers import NORMAL, running

ROOMS = 1_000
OLD_ROOMS = 20
OLD_MESSAGES = 10_000
DAY = 86_400_000_000

FILL = """
INSERT INTO messages (room_id, sender_id, text, created_at, updated_at, version)
  WITH RECURSIVE
       numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :messages),
       old (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM old WHERE id < :rooms)
SELECT old.id, cast(2 * old.id - n % 2 AS text),
       'Message ' || n || ' of an old room, about as long as people write.',
       :since + n * 1000000, :since + n * 1000000, n
  FROM numbers, old ORDER BY n, old.id
"""
READ = """
UPDATE members SET delivered_upto = newest.id, read_upto = newest.id
  FROM (SELECT room_id, max(id) AS id FROM messages GROUP BY room_id) AS newest
 WHERE members.room_id = newest.room_id
"""
COUNT = """
UPDATE rooms SET version = newest.version, active_at = newest.created_at
  FROM (SELECT room_id, max(version) AS version, max(created_at) AS created_at
          FROM messages GROUP BY room_id) AS newest
 WHERE rooms.id = newest.room_id
"""


def people(room_id: int) -> tuple[int, int]:
    """Room 1 is of users 1 and 2, room 2 of users 3 and 4, and so on."""
    return 2 * room_id - 1, 2 * room_id


def rooms(first: int, count: int) -> list[tuple[int, int, int]]:
    return [(room_id, *people(room_id)) for room_id in range(first, first + count)]


def old_rooms() -> list[tuple[int, int, int]]:
    return rooms(1, OLD_ROOMS)


def young_rooms(count: int) -> list[tuple[int, int, int]]:
    return rooms(OLD_ROOMS + 1, count)


def prepare(folder: Path) -> None:
    """The server makes its own tables; the rows go straight into the file, since that is quick."""
    with running(NORMAL, folder):
        pass
    since = time.time_ns() // 1000 - DAY
    with closing(sqlite3.connect(folder / "roomcast.db")) as db, db:
        _open_rooms(db, rooms(1, OLD_ROOMS + ROOMS), since)
        db.execute(FILL, {"messages": OLD_MESSAGES, "rooms": OLD_ROOMS, "since": since})
        db.execute(READ)
        db.execute(COUNT)


def copy(prepared: Path, folder: Path) -> None:
    """The same world again, on the disk before the clock starts: nobody's syncs wait for it."""
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    for file in folder.rglob("*"):
        if file.is_file():
            descriptor = os.open(file, os.O_RDWR)
            os.fsync(descriptor)
            os.close(descriptor)


def _open_rooms(db: sqlite3.Connection, wanted: list[tuple[int, int, int]], at: int) -> None:
    db.executemany(
        "INSERT INTO rooms (id, creator_id, low_user, high_user, created_at, active_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [(room, str(a), *sorted((str(a), str(b))), at, at) for room, a, b in wanted],
    )
    db.executemany(
        "INSERT INTO members (room_id, user_id) VALUES (?, ?)",
        [(room, str(user)) for room, *two in wanted for user in two],
    )
