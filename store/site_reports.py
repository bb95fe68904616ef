"""Queries of the site for reports of messages."""

from typing import Literal

from databases.core import Connection
from msgspec import Struct

ReportState = Literal["open", "resolved"]


class StoredReport(Struct):
    """A report of a message by a member; `created_at` in microseconds since 1970, UTC."""

    id: int
    room_id: int
    message_id: int
    reporter_id: str
    reason: str
    text: str
    state: ReportState
    note: str
    created_at: int


async def page(
    db: Connection, state: ReportState | None, before: int, limit: int
) -> list[StoredReport]:
    """Return reports in this state, or in any, with ids below `before`, the newest first."""
    query = """
        SELECT id, room_id, message_id, reporter_id, reason, text, state, note, created_at
          FROM reports
         WHERE id < :before AND (CAST(:state AS text) IS NULL OR state = :state)
         ORDER BY id DESC LIMIT :limit
    """
    rows = await db.fetch_all(query, {"state": state, "before": before, "limit": limit})
    return [StoredReport(**dict(row._mapping)) for row in rows]


async def change(
    db: Connection, report_id: int, state: ReportState | None, note: str | None
) -> StoredReport | None:
    """Change a report and return it; None if it does not exist. A field of None is kept."""
    query = """
        UPDATE reports SET state = coalesce(CAST(:state AS text), state),
                           note = coalesce(CAST(:note AS text), note)
         WHERE id = :id
        RETURNING id, room_id, message_id, reporter_id, reason, text, state, note, created_at
    """
    rows = await db.fetch_all(query, {"id": report_id, "state": state, "note": note})
    return StoredReport(**dict(rows[0]._mapping)) if rows else None
