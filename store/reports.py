"""Reports of messages to the site: each reporter reports a message once."""

from typing import Literal

from databases.core import Connection
from msgspec import Struct

Reason = Literal["spam", "abuse", "fraud", "other"]


class NewReport(Struct, frozen=True):
    """A report: its reporter, its message and its reason."""

    room_id: int
    message_id: int
    reporter_id: str
    reason: Reason
    text: str


async def add(db: Connection, report: NewReport, now: int) -> bool:
    """Store a report; return whether it is the reporter's first of this message."""
    query = """
        INSERT INTO reports (room_id, message_id, reporter_id, reason, text, created_at)
        VALUES (:room_id, :message_id, :reporter_id, :reason, :text, :now)
        ON CONFLICT (room_id, message_id, reporter_id) DO NOTHING
        RETURNING id
    """
    values = {
        "room_id": report.room_id,
        "message_id": report.message_id,
        "reporter_id": report.reporter_id,
        "reason": report.reason,
        "text": report.text,
        "now": now,
    }
    return bool(await db.fetch_all(query, values))
