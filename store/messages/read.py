"""Queries that read messages."""

from collections.abc import Iterable, Sequence
from typing import Any

from databases.core import Connection
from msgspec import Struct
from sqlalchemy import BindParameter, TextClause, bindparam, text

from .. import reactions
from ..room_look import RoomLook
from .columns import with_columns
from .model import QUOTE_LENGTH, AttachmentRow, MessageRow, QuoteRow, Quotes


async def get(db: Connection, room_id: int, user_id: str, message_id: int) -> MessageRow | None:
    """Return a message of a room of the user; None if it is deleted or they are no member."""
    query = with_columns("""
        SELECT {columns}
          FROM messages m
          JOIN members me ON me.room_id = m.room_id AND me.user_id = :user_id
         WHERE m.room_id = :room_id AND m.id = :id AND m.deleted_at IS NULL
    """)
    values = {"room_id": room_id, "user_id": user_id, "id": message_id}
    found = await load(db, room_id, query, values)
    return found[0] if found else None


async def get_anybodys(db: Connection, room_id: int, message_id: int) -> MessageRow | None:
    """Return a message of any room, for the site and for erasures; None if it is deleted."""
    query = with_columns("""
        SELECT {columns}
          FROM messages m WHERE room_id = :room_id AND id = :id AND deleted_at IS NULL
    """)
    found = await load(db, room_id, query, {"room_id": room_id, "id": message_id})
    return found[0] if found else None


async def find(db: Connection, room_id: int, user_id: str, client_id: str) -> int | None:
    """Return the id of the message that was sent with this client_id, deleted or not."""
    query = """
        SELECT id FROM messages
         WHERE room_id = :room_id AND sender_id = :user_id AND client_id = :client_id
    """
    values = {"room_id": room_id, "user_id": user_id, "client_id": client_id}
    row = await db.fetch_one(query, values)
    return None if row is None else int(row["id"])


class HistoryQuery(Struct, frozen=True):
    """A query for the newest messages before an id or, with `after`, the oldest after an id."""

    room_id: int
    user_id: str
    before: int
    after: int | None
    limit: int


async def page(db: Connection, where: HistoryQuery, limit: int) -> list[MessageRow]:
    """Return at most `limit` messages, oldest first; none if the user is no member."""
    values = {
        "room_id": where.room_id,
        "user_id": where.user_id,
        "before": where.before,
        "limit": limit,
    }
    if where.after is not None:
        return await load(db, where.room_id, NEWER, {**values, "after": where.after})
    return (await load(db, where.room_id, OLDER, values))[::-1]


OLDER = with_columns("""
    SELECT {columns}
      FROM messages m
      JOIN members me ON me.room_id = m.room_id AND me.user_id = :user_id
     WHERE m.room_id = :room_id AND m.id < :before AND m.deleted_at IS NULL
     ORDER BY m.id DESC LIMIT :limit
""")

NEWER = with_columns("""
    SELECT {columns}
      FROM messages m
      JOIN members me ON me.room_id = m.room_id AND me.user_id = :user_id
     WHERE m.room_id = :room_id AND m.id > :after AND m.id < :before AND m.deleted_at IS NULL
     ORDER BY m.id LIMIT :limit
""")


async def between(
    db: Connection, room_id: int, above: int, upto: int, most: int
) -> list[MessageRow]:
    """Return the newest messages with above < id <= upto, oldest first, without a membership check.

    It is for the server's own use.
    """
    query = with_columns("""
        SELECT {columns}
          FROM messages m
         WHERE room_id = :room_id AND id > :above AND id <= :upto AND deleted_at IS NULL
         ORDER BY id DESC LIMIT :most
    """)
    values = {"room_id": room_id, "above": above, "upto": upto, "most": most}
    return (await load(db, room_id, query, values))[::-1]


class Since(Struct):
    """A room's state, and its changes after a version."""

    version: int
    members_version: int
    title: str
    messages: list[MessageRow]
    deleted: list[tuple[int, int, str]]  # id, version, sender
    look: RoomLook


async def size_since(db: Connection, room_id: int, version: int, most: int) -> tuple[int, int]:
    """Return how many messages changed after a version, at most `most`, and their total length."""
    query = """
        SELECT count(*) AS changes, coalesce(sum(length(text)), 0) AS size
          FROM (SELECT text FROM messages WHERE room_id = :room_id AND version > :version
                 ORDER BY version LIMIT :most) AS changed
    """
    values = {"room_id": room_id, "version": version, "most": most}
    (row,) = await db.fetch_all(query, values)
    return int(row["changes"]), int(row["size"])


async def since(db: Connection, room_id: int, version: int) -> Since | None:
    """Read the state and changes for gap repair; None if the room is deleted."""
    query = """
        SELECT version, members_version, title, about, data, frozen
          FROM rooms WHERE id = :room_id AND deleted_at IS NULL
    """
    row = await db.fetch_one(query, {"room_id": room_id})
    if row is None:
        return None
    values = {"room_id": room_id, "version": version}
    query = with_columns("""
        SELECT {columns}
          FROM messages m
         WHERE room_id = :room_id AND version > :version AND deleted_at IS NULL
         ORDER BY version
    """)
    messages = await load(db, room_id, query, values, is_page=False)
    query = """
        SELECT id, version, sender_id FROM messages
         WHERE room_id = :room_id AND version > :version AND deleted_at IS NOT NULL
    """
    rows = await db.fetch_all(query, values)
    deleted = [(row["id"], row["version"], row["sender_id"]) for row in rows]
    look = RoomLook(row["about"], row["data"], row["frozen"])
    return Since(row["version"], row["members_version"], row["title"], messages, deleted, look)


async def of_ids(
    db: Connection, user_id: str, found: Iterable[tuple[int, int]]
) -> list[MessageRow]:
    """Return messages by (room, id) that exist in rooms of the user, newest first."""
    by_room: dict[int, list[int]] = {}
    for room_id, id_ in found:
        by_room.setdefault(room_id, []).append(id_)
    messages: list[MessageRow] = []
    for room_id, ids in by_room.items():
        query = text(
            with_columns("""
            SELECT {columns}
              FROM messages m
              JOIN members me ON me.room_id = m.room_id AND me.user_id = :user_id
             WHERE m.room_id = :room_id AND m.id IN :ids AND m.deleted_at IS NULL
        """)
        ).bindparams(
            bindparam("ids", value=ids, expanding=True),
            bindparam("room_id", value=room_id),
            bindparam("user_id", value=user_id),
        )
        messages += await load(db, room_id, query, is_page=False)
    return sorted(messages, key=lambda message: -message.id)


async def load(
    db: Connection,
    room_id: int,
    query: str | TextClause,
    values: dict[str, Any] | None = None,
    *,
    is_page: bool = True,
) -> list[MessageRow]:
    rows = await db.fetch_all(query, values)
    messages = [MessageRow(*row._mapping.values()) for row in rows]
    await complete(db, room_id, messages, is_page=is_page)
    return messages


async def complete(
    db: Connection, room_id: int, messages: Sequence[MessageRow], *, is_page: bool = True
) -> None:
    """Load the attachments, reactions and quotes of the messages of a room.

    A page has all messages between its first and its last. Others may lie far apart, with much
    between them that nobody asked for: they are looked up by their ids.
    """
    if not messages:
        return
    ids = [message.id for message in messages]
    if is_page:
        files = await _attachments(db, ATTACHMENTS, _span(room_id, ids))
        reacted = await reactions.load(db, reactions.BETWEEN, _span(room_id, ids))
    else:
        files = await _attachments(db, _of(ATTACHMENTS_OF, room_id, ids))
        reacted = await reactions.load(db, _of(reactions.OF, room_id, ids))
    quotes = await load_quotes(db, room_id, [message.reply_to for message in messages])
    for message in messages:
        message.attachments = files.get(message.id, ())
        message.reactions = reacted.get(message.id, ())
        message.quote = quotes.get((room_id, message.reply_to))


def _span(room_id: int, ids: Sequence[int]) -> dict[str, int]:
    return {"room_id": room_id, "first": min(ids), "last": max(ids)}


def _of(query: str, room_id: int, ids: Sequence[int]) -> TextClause:
    wanted: BindParameter[list[int]] = bindparam("ids", value=list(ids), expanding=True)
    return text(query).bindparams(wanted, bindparam("room_id", value=room_id))


async def load_quotes(db: Connection, room_id: int, ids: Sequence[int | None]) -> Quotes:
    wanted = list({id_ for id_ in ids if id_ is not None})
    if not wanted:
        return {}
    query = text("""
        SELECT id, sender_id,
               CASE WHEN deleted_at IS NULL THEN substr(text, 1, :most) END AS shown
          FROM messages WHERE room_id = :room_id AND id IN :ids
    """).bindparams(
        bindparam("ids", value=wanted, expanding=True),
        bindparam("room_id", value=room_id),
        bindparam("most", value=QUOTE_LENGTH),
    )
    rows = await db.fetch_all(query)
    return {(room_id, r["id"]): QuoteRow(r["id"], r["sender_id"], r["shown"]) for r in rows}


ATTACHMENTS = """
    SELECT message_id, key, name, content_type, size, width, height
      FROM attachments
     WHERE room_id = :room_id AND message_id BETWEEN :first AND :last
     ORDER BY message_id, position
"""


ATTACHMENTS_OF = """
    SELECT message_id, key, name, content_type, size, width, height
      FROM attachments
     WHERE room_id = :room_id AND message_id IN :ids
     ORDER BY message_id, position
"""


async def _attachments(
    db: Connection, query: str | TextClause, values: dict[str, int] | None = None
) -> dict[int, list[AttachmentRow]]:
    rows = await db.fetch_all(query, values)
    found: dict[int, list[AttachmentRow]] = {}
    for row in rows:
        message_id, *rest = row._mapping.values()
        found.setdefault(message_id, []).append(AttachmentRow(*rest))
    return found
