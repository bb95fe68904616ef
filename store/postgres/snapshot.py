"""Reads the snapshot of a joining socket, as one row of arrays."""

from collections.abc import Iterable, Iterator
from typing import Any

from .. import reactions
from ..messages import QUOTE_LENGTH, AttachmentRow, MessageRow, QuoteRow, Quotes
from ..room_look import RoomLook
from ..snapshot import Snapshot, SnapshotQuery
from .sql import load_statement

SNAPSHOT = load_statement("snapshot")


async def load_snapshot(
    raw: Any, ask: SnapshotQuery, *, without_messages: bool = False
) -> Snapshot | str:
    if ask.after is not None and await _size_since(raw, ask) > ask.most_bytes:
        return await _reset(raw, ask)
    limit = ask.last if ask.after is None else ask.most + 1
    after = None if ask.after is None else min(ask.after, 2**62)
    limit = 0 if without_messages else limit
    asked = ask.room_id, ask.user_id, limit, after, QUOTE_LENGTH, *(ask.known or (None, None))
    row = await raw.fetchrow(SNAPSHOT, *asked)
    if row is None:
        return "not_found"
    if not row["is_member"]:
        return "forbidden"
    is_lost = after is not None and not row["floor"] <= after <= row["version"]
    if is_lost or (after is not None and len(row["ids"] or ()) > ask.most):
        return await _reset(raw, ask)
    found = _found(row, ask.room_id)
    if without_messages or ask.known == (found.version, found.total):
        found.messages = None
    return found


async def _size_since(raw: Any, ask: SnapshotQuery) -> int:
    """Return the bytes of the texts that changed after the cursor, of at most `most` changes."""
    query = """
        SELECT coalesce(sum(octet_length(text)), 0)
          FROM (SELECT text FROM messages WHERE room_id = $1 AND version > $2
                 ORDER BY version LIMIT $3) AS changed
    """
    return int(await raw.fetchval(query, ask.room_id, min(ask.after or 0, 2**62), ask.most + 1))


async def _reset(raw: Any, ask: SnapshotQuery) -> Snapshot | str:
    """Read the last messages for a client whose cursor is too far behind."""
    last = await load_snapshot(
        raw, SnapshotQuery(ask.room_id, ask.user_id, None, ask.last, ask.most)
    )
    if isinstance(last, Snapshot):
        last.reset = True
    return last


def _found(row: Any, room_id: int) -> Snapshot:
    marks = {
        user: (delivered, read)
        for user, delivered, read in zip(row["users"], row["delivered"], row["read"], strict=True)
    }
    found = Snapshot(
        row["version"], row["members_version"], row["title"], marks, row["top"] or 0,
        row["newest"] or 0, [], [], False, row["total"],
        RoomLook(row["about"], row["data"], row["frozen"]),
        bool(row["marked_unread"]), row["own"] and (row["own"][0], row["own"][1]),
    )  # fmt: skip
    kept: list[MessageRow] = []
    files, quotes = _files(row), _quoted(row)
    reacted = reactions.gathered(columns_of(row, "reacted_to", "emojis", "reacting"))
    for deleted_at, id_, *rest in columns_of(row, "gone", *COLUMNS):
        if deleted_at is not None:
            found.deleted.append(id_)
            continue
        message = MessageRow(id_, room_id, *rest)
        message.attachments = files.get(id_, ())
        message.reactions = reacted.get(id_, ())
        message.quote = quotes.get(message.reply_to)
        kept.append(message)
    found.messages = sorted(kept, key=lambda m: m.id)
    found.deleted.sort()
    return found


FILE_COLUMNS = ("keys", "names", "types", "sizes", "widths", "heights")

COLUMNS = (
    "ids",
    "senders",
    "texts",
    "created",
    "updated",
    "versions",
    "clients",
    "replies",
    "extras",
)


def columns_of(row: Any, *names: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(row[name] or () for name in names), strict=True)


def _files(row: Any) -> dict[int, list[AttachmentRow]]:
    files: dict[int, list[AttachmentRow]] = {}
    for message_id, *file in columns_of(row, "of_ids", *FILE_COLUMNS):
        files.setdefault(message_id, []).append(AttachmentRow(*file))
    return files


def _quoted(row: Any) -> dict[int | None, QuoteRow]:
    return {
        id_: QuoteRow(id_, *rest) for id_, *rest in columns_of(row, "quoted", "authors", "shown")
    }


async def load_quotes(raw: Any, answered: Iterable[tuple[int, int | None]]) -> Quotes:
    wanted = [where for where in answered if where[1] is not None]
    if not wanted:
        return {}
    query = """
        SELECT m.room_id, m.id, m.sender_id,
               CASE WHEN m.deleted_at IS NULL THEN substr(m.text, 1, $3) END
          FROM unnest($1::bigint[], $2::bigint[]) AS o(room_id, id)
          JOIN messages m ON m.room_id = o.room_id AND m.id = o.id
    """
    room_ids, ids = [list(column) for column in zip(*wanted, strict=True)]
    rows = await raw.fetch(query, room_ids, ids, QUOTE_LENGTH)
    return {(room_id, id_): QuoteRow(id_, *rest) for room_id, id_, *rest in rows}
