"""The rooms of a user, as they see them in a list."""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

from databases.core import Connection
from msgspec import Struct
from sqlalchemy import bindparam, text

from . import attachments, blocks, receipts
from .messages import MessageRow
from .receipts import Status
from .rooms import RoomRow

MEMBER_BATCH = 1_000  # rows of one query: each costs some µs of the event loop
LARGE_ROOM_BATCH = 4  # rooms of one query, after a query has shown that rooms are large


class Person(Struct):
    """A member with name and picture; last_seen in microseconds since 1970, UTC."""

    user_id: str
    name: str | None
    picture: str | None
    is_online: bool
    last_seen: int | None


class Listed(Struct):
    """A room as one of its members sees it in a list."""

    room: RoomRow
    unread: int
    members: list[Person]
    last_message: MessageRow | None
    status: Status
    is_muted: bool
    is_archived: bool
    version: int
    is_marked_unread: bool
    creator_id: str
    is_pair: bool
    is_silenced: bool


async def of_ids(db: Connection, user_id: str, room_ids: list[int]) -> list[Listed]:
    """Return these rooms, in this order, as the user sees them; skip rooms of others."""
    query = text("""
        SELECT r.id, r.context, r.title, r.created_at, r.about, r.data, r.frozen, r.creator_id,
               me.marked_unread, r.low_user IS NOT NULL AS is_pair,
               EXISTS (SELECT 1 FROM blocked_senders b
                        WHERE b.room_id = me.room_id AND b.user_id = me.user_id) AS is_blocked,
               (SELECT u.unread FROM member_unread u
                 WHERE u.room_id = me.room_id AND u.user_id = me.user_id) AS unread,
               me.is_muted, CASE WHEN me.archived_at_total = r.total THEN 1 ELSE 0 END AS archived,
               r.version,
               l.id AS message_id, l.sender_id, l.text, l.created_at AS sent_at, l.updated_at,
               l.version AS message_version
          FROM members me JOIN rooms r ON r.id = me.room_id
          LEFT JOIN messages l
                 ON l.room_id = r.id
                AND l.id = (SELECT m.id FROM messages m
                             WHERE m.room_id = r.id AND m.deleted_at IS NULL
                             ORDER BY m.id DESC LIMIT 1)
         WHERE me.user_id = :user_id AND me.room_id IN :room_ids
    """).bindparams(
        bindparam("user_id", value=user_id),
        bindparam("room_ids", value=room_ids, expanding=True),
    )
    if not room_ids:
        return []
    rows = {row["id"]: row for row in await db.fetch_all(query)}
    people, marks = await load_members(db, list(rows))
    await _hide_blockers(db, user_id, people.values())
    found = [rows[id_] for id_ in room_ids if id_ in rows]
    last = [(row["id"], row["message_id"]) for row in found if row["message_id"] is not None]
    files = await attachments.of_messages(db, last)
    listed = [_listed(row, people[row["id"]], marks[row["id"]]) for row in found]
    for room in listed:
        if room.last_message is not None:
            room.last_message.attachments = files.get((room.room.id, room.last_message.id), ())
    return listed


async def _hide_blockers(db: Connection, user_id: str, rooms: Iterable[list[Person]]) -> None:
    """Show users who have blocked this user as offline, without last_seen."""
    members = [person for people in rooms for person in people]
    blockers = await blocks.find_blockers(db, user_id, {person.user_id for person in members})
    for person in members if blockers else ():
        if person.user_id in blockers:
            person.is_online, person.last_seen = False, None


async def unread(db: Connection, room_id: int, user_id: str) -> int:
    """Return the number of messages of others that the user has not read; 0 for non-members."""
    query = """
        SELECT unread FROM member_unread WHERE room_id = :room_id AND user_id = :user_id
    """
    row = await db.fetch_one(query, {"room_id": room_id, "user_id": user_id})
    return 0 if row is None else int(row["unread"])


def _listed(row: Any, members: list[Person], marks: dict[str, tuple[int, int]]) -> Listed:
    room = RoomRow(
        row["id"], row["context"], row["title"], row["created_at"], row["about"], row["data"],
        row["frozen"],
    )  # fmt: skip
    mine = (
        bool(row["is_muted"]), bool(row["archived"]), row["version"], bool(row["marked_unread"]),
        row["creator_id"], bool(row["is_pair"]), bool(row["is_blocked"] or row["frozen"]),
    )  # fmt: skip
    if row["message_id"] is None:
        return Listed(room, row["unread"], members, None, "send", *mine)
    last = MessageRow(
        row["message_id"], room.id, row["sender_id"], row["text"], row["sent_at"],
        row["updated_at"], row["message_version"],
    )  # fmt: skip
    status = receipts.status(marks, last.sender_id, last.id)
    return Listed(room, row["unread"], members, last, status, *mine)


async def load_members(
    db: Connection, room_ids: list[int]
) -> tuple[dict[int, list[Person]], dict[int, dict[str, tuple[int, int]]]]:
    """Return the members of these rooms, and their receipts.

    A hundred rooms may have 25,600 members in total. They are read in several queries, so that the
    event loop can run other tasks in between.
    """
    people: dict[int, list[Person]] = {id_: [] for id_ in room_ids}
    marks: dict[int, dict[str, tuple[int, int]]] = {id_: {} for id_ in room_ids}
    left, after, size = sorted(room_ids), (0, ""), len(room_ids)
    while left:
        asked = left[:size]
        rows = await _next_members(db, asked, after)
        for row in rows:
            room_id, user_id, name, picture, is_online, seen, delivered, read = row
            people[room_id].append(Person(user_id, name, picture, bool(is_online), seen))
            marks[room_id][user_id] = delivered, read
        if len(rows) < MEMBER_BATCH:
            left, after = left[len(asked) :], (0, "")
        else:
            after, size = rows[-1][:2], LARGE_ROOM_BATCH
            left = left[bisect_left(left, after[0]) :]
    return people, marks


async def _next_members(db: Connection, room_ids: list[int], after: tuple[int, str]) -> list[Any]:
    """Return the members after one of them, in the order of room and user."""
    query = text("""
        SELECT m.room_id, m.user_id, p.name, p.picture,
               (SELECT 1 FROM presence o WHERE o.user_id = m.user_id LIMIT 1) AS is_online,
               p.last_seen, coalesce(m.shown_delivered, m.delivered_upto),
               coalesce(m.shown_read, m.read_upto)
          FROM members m LEFT JOIN people p ON p.user_id = m.user_id
         WHERE m.room_id IN :room_ids AND (m.room_id > :room_id OR m.user_id > :user_id)
         ORDER BY m.room_id, m.user_id LIMIT :limit
    """).bindparams(
        bindparam("room_ids", value=room_ids, expanding=True),
        bindparam("room_id", value=after[0]),
        bindparam("user_id", value=after[1]),
        bindparam("limit", value=MEMBER_BATCH),
    )
    return [tuple(row._mapping.values()) for row in await db.fetch_all(query)]
