"""Reads the snapshot of a joining socket, synchronously in the connection's thread."""

import sqlite3
from collections.abc import Iterable

from .. import reactions, receipts
from ..messages import QUOTE_LENGTH, AttachmentRow, MessageRow, QuoteRow, Quotes
from ..messages.columns import with_columns
from ..messages.others import with_others
from ..messages.read import ATTACHMENTS, ATTACHMENTS_OF, OLDER
from ..room_look import RoomLook
from ..snapshot import Snapshot, SnapshotQuery
from .connection import encode_json, transaction

MAX_ID = 2**63 - 1  # of SQLite
EACH_ID = "(SELECT value FROM json_each(:ids))"
Of = dict[str, int] | dict[str, str | int]  # a room, and the span or the ids of its messages


def snapshot(db: sqlite3.Connection, ask: SnapshotQuery) -> Snapshot | str:
    """Return the room as the user may see it, or the code of the refusal."""
    return transaction(db, "BEGIN", _snapshot, ask)


def _snapshot(db: sqlite3.Connection, ask: SnapshotQuery) -> Snapshot | str:
    query = """
        SELECT r.version, r.members_version, r.title, r.total, r.floor, me.user_id IS NOT NULL,
               (SELECT max(id) FROM messages m WHERE m.room_id = r.id),
               me.shown_read, me.delivered_upto, me.read_upto,
               me.marked_unread, r.about, r.data, r.frozen
          FROM rooms r LEFT JOIN members me ON me.room_id = r.id AND me.user_id = ?
         WHERE r.id = ? AND r.deleted_at IS NULL
    """
    row = db.execute(query, (ask.user_id, ask.room_id)).fetchone()
    if row is None:
        return "not_found"
    version, members_version, title, total, floor, is_member, top, shown_read, *more = row
    delivered, read, is_marked, *look = more
    if not is_member:
        return "forbidden"
    marks = _marks(db, ask.room_id)
    newest = _newest(db, ask)
    found = Snapshot(version, members_version, title, marks, top or 0, newest, [], [], False, total)
    found.own = None if shown_read is None else (delivered, read)
    found.look, found.is_marked_unread = RoomLook(*look), bool(is_marked)
    if ask.after is None:
        found.messages = None if ask.known == (version, total) else _last(db, ask)
    elif floor <= ask.after <= version:
        _since(db, ask, ask.after, found)
    else:
        found.reset, found.messages = True, _last(db, ask)
    return found


def _marks(db: sqlite3.Connection, room_id: int) -> dict[str, tuple[int, int]]:
    rows = db.execute(receipts.OF_ROOM, {"room_id": room_id})
    return {user: (delivered, read) for user, delivered, read in rows}


def _newest(db: sqlite3.Connection, ask: SnapshotQuery) -> int:
    """Return the newest message of others; read_upto if the counters show none unread."""
    query = with_others("""
        SELECT CASE WHEN r.total > me.sent + me.seen THEN {newest_of_others} END, me.read_upto
          FROM rooms r JOIN members me ON me.room_id = r.id AND me.user_id = ?2
         WHERE r.id = ?1
    """)
    newest, read_upto = db.execute(query, (ask.room_id, ask.user_id)).fetchone()
    return int(newest or read_upto)


def _last(db: sqlite3.Connection, ask: SnapshotQuery) -> list[MessageRow] | None:
    values = {"room_id": ask.room_id, "user_id": ask.user_id, "limit": ask.last}
    try:
        rows = db.execute(OLDER, {**values, "before": MAX_ID}).fetchall()
        return complete(db, ask.room_id, [MessageRow(*row) for row in reversed(rows)])
    except sqlite3.DatabaseError:
        # The room opens without the messages that can't be read.
        return None


def _since(db: sqlite3.Connection, ask: SnapshotQuery, after: int, found: Snapshot) -> None:
    """Add everything that changed after the cursor, or a reset if that is too much."""
    query = with_columns("""
        SELECT {columns}, m.deleted_at
          FROM messages m WHERE room_id = ? AND version > ?
         ORDER BY version LIMIT ?
    """)
    rows, size = [], 0
    for row in db.execute(query, (ask.room_id, after, ask.most + 1)):
        rows.append(row)
        size += len(row[3].encode())
        if size > ask.most_bytes:
            break
    if len(rows) > ask.most or size > ask.most_bytes:
        found.reset, found.messages = True, _last(db, ask)
        return
    found.deleted = sorted(row[0] for row in rows if row[10] is not None)
    kept = sorted((MessageRow(*row[:10]) for row in rows if row[10] is None), key=lambda m: m.id)
    found.messages = complete(db, ask.room_id, kept, is_page=False)


def complete(
    db: sqlite3.Connection, room_id: int, messages: list[MessageRow], *, is_page: bool = True
) -> list[MessageRow]:
    """Add attachments, reactions and quotes: of a page by its span, of others by ids."""
    if not messages:
        return messages
    if is_page:
        span = {"room_id": room_id, "first": messages[0].id, "last": messages[-1].id}
        files, reacted = _files(db, ATTACHMENTS, span), _reactions(db, reactions.BETWEEN, span)
    else:
        wanted = encode_json([message.id for message in messages])
        ids: dict[str, str | int] = {"room_id": room_id, "ids": wanted}
        files = _files(db, ATTACHMENTS_OF.replace(":ids", EACH_ID), ids)
        reacted = _reactions(db, reactions.OF.replace(":ids", EACH_ID), ids)
    quotes = load_quotes(db, [(room_id, m.reply_to) for m in messages])
    if files or reacted or quotes:
        for message in messages:
            message.attachments = files.get(message.id, ())
            message.reactions = reacted.get(message.id, ())
            message.quote = quotes.get((room_id, message.reply_to))
    return messages


def _files(db: sqlite3.Connection, query: str, of: Of) -> dict[int, list[AttachmentRow]]:
    files: dict[int, list[AttachmentRow]] = {}
    for message_id, *file in db.execute(query, of):
        files.setdefault(message_id, []).append(AttachmentRow(*file))
    return files


def _reactions(db: sqlite3.Connection, query: str, of: Of) -> reactions.Reactions:
    return reactions.gathered(db.execute(query, of))


def load_quotes(db: sqlite3.Connection, answered: Iterable[tuple[int, int | None]]) -> Quotes:
    query = """
        SELECT m.room_id, m.id, m.sender_id,
               CASE WHEN m.deleted_at IS NULL THEN substr(m.text, 1, ?2) END
          FROM json_each(?1) AS o
          JOIN messages m ON m.room_id = o.value->>0 AND m.id = o.value->>1
    """
    wanted = [where for where in answered if where[1] is not None]
    rows = db.execute(query, (encode_json(wanted), QUOTE_LENGTH)).fetchall() if wanted else []
    return {(room_id, id_): QuoteRow(id_, *rest) for room_id, id_, *rest in rows}
