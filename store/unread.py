"""The unread messages of a user, in all of their rooms: counted from watermarks."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from databases.core import Connection
from msgspec import Struct
from sqlalchemy import TextClause, bindparam, text

from . import attachments
from .dialect import Dialect
from .messages import AttachmentRow
from .messages.others import with_others
from .receipts import Status, status_of


class Unread(Struct, array_like=True, frozen=True):
    """A room with unread messages; `active_at` is the time of its newest message."""

    room_id: int
    count: int
    is_muted: int
    active_at: int


class Newest(Struct, frozen=True):
    """The newest unread message of a room; times in microseconds since 1970, UTC."""

    id: int
    sender_id: str
    text: str
    created_at: int
    updated_at: int
    status: Status
    is_delivered: bool  # to this user
    attachments: Sequence[AttachmentRow] = ()
    about: str | None = None  # what the room is about: JSON
    context: str = ""


_decode = msgspec.json.Decoder(list[Unread]).decode
_decode_users = msgspec.json.Decoder(list[tuple[str]]).decode


async def everywhere(db: Connection, dialect: Dialect, user_id: str) -> list[Unread]:
    """Return all rooms of the user with unread messages."""
    query = """
        SELECT PACKED(r.id,
                      (SELECT u.unread FROM member_unread u
                        WHERE u.room_id = me.room_id AND u.user_id = me.user_id),
                      me.is_muted, r.active_at)) AS rooms
          FROM members me JOIN rooms r ON r.id = me.room_id
         WHERE me.user_id = :user_id AND r.total > me.sent + me.seen
    """
    row = await db.fetch_one(dialect.render(query), {"user_id": user_id})
    assert row is not None  # an aggregate always answers
    # Not a condition of the query: PostgreSQL would count twice.
    return [room for room in _decode(row["rooms"] or b"[]") if room.count > 0]


async def of_rooms(
    db: Connection, user_id: str, room_ids: Sequence[int]
) -> dict[int, tuple[Unread, Newest]]:
    """Return those of the rooms that have unread messages, each with the newest one."""
    query = """
        SELECT me.room_id, me.is_muted, me.delivered_upto, r.active_at, r.about, r.context,
               (SELECT u.unread FROM member_unread u
                 WHERE u.room_id = me.room_id AND u.user_id = me.user_id) AS unread,
               l.id, l.sender_id, l.text, l.created_at, l.updated_at,
               EXISTS (SELECT 1 FROM attachments a
                        WHERE a.room_id = l.room_id AND a.message_id = l.id) AS has_files,
               (SELECT min(coalesce(o.shown_delivered, o.delivered_upto)) FROM members o
                 WHERE o.room_id = me.room_id AND o.user_id <> l.sender_id) AS delivered,
               (SELECT min(coalesce(o.shown_read, o.read_upto)) FROM members o
                 WHERE o.room_id = me.room_id AND o.user_id <> l.sender_id) AS read
          FROM members me
          JOIN rooms r ON r.id = me.room_id
          JOIN messages l ON l.room_id = me.room_id
                         AND l.id = CASE WHEN r.total > me.sent + me.seen -- else none is unread
                                         THEN {newest_of_others} END
         WHERE me.user_id = :user_id AND me.room_id IN :room_ids
    """
    rows = await db.fetch_all(_of_rooms(query, user_id, room_ids)) if room_ids else []
    with_files = [(row["room_id"], row["id"]) for row in rows if row["has_files"]]
    files = await attachments.of_messages(db, with_files)
    return {row["room_id"]: _found(row, files.get((row["room_id"], row["id"]), ())) for row in rows}


def _found(row: Any, files: Sequence[AttachmentRow]) -> tuple[Unread, Newest]:
    id_, status = row["id"], status_of(row["id"], row["delivered"], row["read"])
    newest = Newest(
        id_, row["sender_id"], row["text"], row["created_at"], row["updated_at"], status,
        id_ <= row["delivered_upto"], files, row["about"], row["context"],
    )  # fmt: skip
    return Unread(row["room_id"], row["unread"], row["is_muted"], row["active_at"]), newest


async def undelivered(
    db: Connection, user_id: str, room_ids: Sequence[int]
) -> list[tuple[int, int]]:
    """Return rooms whose newest message is undelivered to the user, with that message's id."""
    query = """
        SELECT me.room_id, me.delivered_upto, {newest_of_others} AS newest
          FROM members me JOIN rooms r ON r.id = me.room_id
         WHERE me.user_id = :user_id AND me.room_id IN :room_ids
           AND r.total > me.sent + me.seen
    """
    rows = await db.fetch_all(_of_rooms(query, user_id, room_ids))
    return [
        (row["room_id"], row["newest"])
        for row in rows
        if row["newest"] is not None and row["delivered_upto"] < row["newest"]
    ]


def _of_rooms(query: str, user_id: str, room_ids: Sequence[int]) -> TextClause:
    return text(with_others(query)).bindparams(
        bindparam("user_id", value=user_id),
        bindparam("room_ids", value=list(room_ids), expanding=True),
    )


async def online(db: Connection, dialect: Dialect, users: Collection[str]) -> set[str]:
    """Return those of these users who are online."""
    query = """
        SELECT DISTINCT user_id FROM presence WHERE user_id IN (SELECT value FROM EACH)
    """
    values = {"users": msgspec.json.encode(list(users)).decode()}
    rows = await db.fetch_all(dialect.render(query), values) if users else []
    return {row["user_id"] for row in rows}


async def members(
    db: Connection, dialect: Dialect, room_ids: Sequence[int]
) -> dict[int, list[str]]:
    """Return the members of each of these rooms, read as one row for each room."""
    query = text(
        dialect.render("""
            SELECT room_id, PACKED(user_id)) AS users
              FROM members WHERE room_id IN :room_ids GROUP BY room_id
        """)
    ).bindparams(bindparam("room_ids", value=list(room_ids), expanding=True))
    rows = await db.fetch_all(query)
    return {row["room_id"]: [user for (user,) in _decode_users(row["users"])] for row in rows}
