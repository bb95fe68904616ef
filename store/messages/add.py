"""Adds a new message, with or without files, in the transaction that the caller holds."""

from databases.core import Connection

from .. import blocks, list_order
from .changes import Add, Added, Outcome, RefusedChange
from .columns import with_columns
from .model import AttachmentRow, MessageRow
from .read import complete, load_quotes


async def add(db: Connection, change: Add, now: int) -> Outcome:
    """Add a message; the sender's uploads become its attachments."""
    if refused := await _may_add(db, change):
        return refused
    quoted = await load_quotes(db, change.room_id, [change.reply_to])
    if change.is_lost(quoted):
        return RefusedChange("not_found", change.reply_to)
    files = await _uploads(db, change, now)
    if len(files) < len(change.files):
        return RefusedChange("file_missing")
    await _take(db, change)
    version, members_version = await next_version(db, change.room_id, sent_at=now)
    message = MessageRow(
        0, change.room_id, change.sender_id, change.text, now, now, version, change.client_id,
        change.reply_to, change.extra, files, quoted.get((change.room_id, change.reply_to)),
    )  # fmt: skip
    message.id = await _insert(db, message, change.text_hash)
    await _count(db, message)
    await _attach(db, message)
    return Added(message, members_version)


async def _may_add(db: Connection, change: Add) -> Outcome | None:
    query = with_columns("""
        SELECT {columns}, m.text_hash, m.deleted_at
          FROM rooms r
          LEFT JOIN members me ON me.room_id = r.id AND me.user_id = :user_id
          LEFT JOIN messages m ON m.room_id = r.id AND m.sender_id = :user_id
                              AND m.client_id = :client_id
         WHERE r.id = :room_id AND r.deleted_at IS NULL
           AND (me.user_id IS NOT NULL OR :user_id = '')
    """)
    values = {"room_id": change.room_id, "user_id": change.sender_id, "client_id": change.client_id}
    row = await db.fetch_one(query, values)
    if row is None:
        return RefusedChange("not_found")
    if row["id"] is None:
        if change.by_site:
            return None
        is_silenced = await blocks.is_silenced(db, change.room_id, change.sender_id)
        return RefusedChange("forbidden") if is_silenced else None
    *fields, text_hash, deleted_at = row._mapping.values()
    message = MessageRow(*fields)
    await complete(db, message.room_id, [message])
    return change.outcome_of_repeat(message, text_hash, is_deleted=deleted_at is not None)


async def _uploads(db: Connection, change: Add, now: int) -> list[AttachmentRow]:
    query = """
        SELECT key, name, content_type, size, width, height FROM uploads
         WHERE key = :key AND room_id = :room_id AND user_id = :user_id AND expires_at > :now
           AND is_ready = 1
    """
    found: list[AttachmentRow] = []
    for key in change.files:
        values = {"key": key, "room_id": change.room_id, "user_id": change.sender_id, "now": now}
        rows = await db.fetch_all(query, values)
        found += [AttachmentRow(**dict(row._mapping)) for row in rows]
    return found


async def _take(db: Connection, change: Add) -> None:
    """Delete the uploads' rows: the message holds their objects from now on."""
    for key in change.files:
        await db.execute("DELETE FROM uploads WHERE key = :key", {"key": key})


async def _insert(db: Connection, message: MessageRow, text_hash: int | None) -> int:
    query = """
        INSERT INTO messages (room_id, sender_id, client_id, text_hash, text, reply_to, extra,
                              created_at, updated_at, version)
        VALUES (:room_id, :sender_id, :client_id, :text_hash, :text, :reply_to, :extra,
                :now, :now, :version)
        RETURNING id
    """
    values = {
        "room_id": message.room_id,
        "sender_id": message.sender_id,
        "client_id": message.client_id,
        "text_hash": text_hash,
        "text": message.text,
        "reply_to": message.reply_to,
        "extra": message.extra,
        "now": message.created_at,
        "version": message.version,
    }
    rows = await db.fetch_all(query, values)
    return int(rows[0]["id"])


async def _attach(db: Connection, message: MessageRow) -> None:
    query = """
        INSERT INTO attachments (room_id, message_id, position, key, name, content_type, size,
                                 width, height)
        VALUES (:room_id, :message_id, :position, :key, :name, :content_type, :size,
                :width, :height)
    """
    for position, file in enumerate(message.attachments):
        await db.execute(
            query,
            {
                "room_id": message.room_id,
                "message_id": message.id,
                "position": position,
                "key": file.key,
                "name": file.name,
                "content_type": file.content_type,
                "size": file.size,
                "width": file.width,
                "height": file.height,
            },
        )


async def next_version(db: Connection, room_id: int, sent_at: int = 0) -> tuple[int, int]:
    """Take the next version; return it and the members' version. `sent_at`: of a new message."""
    query = """
        UPDATE rooms
           SET version = version + 1, total = total + :sent,
               active_at = CASE WHEN CAST(:sent_at AS bigint) > 0
                                THEN CAST(:sent_at AS bigint) ELSE active_at END
         WHERE id = :room_id
        RETURNING version, members_version
    """
    values = {"room_id": room_id, "sent": 1 if sent_at else 0, "sent_at": sent_at}
    rows = await db.fetch_all(query, values)
    if sent_at:
        await list_order.mark_room(db, room_id)
    return rows[0]["version"], rows[0]["members_version"]


async def _count(db: Connection, message: MessageRow) -> None:
    query = """
        UPDATE members SET sent = sent + 1 WHERE room_id = :room_id AND user_id = :user_id
    """
    await db.execute(query, {"room_id": message.room_id, "user_id": message.sender_id})
