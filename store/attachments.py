"""The files of messages in several rooms at once."""

from collections.abc import Collection

from databases.core import Connection
from sqlalchemy import bindparam, text

from .messages import AttachmentRow


async def of_messages(
    db: Connection, wanted: Collection[tuple[int, int]]
) -> dict[tuple[int, int], list[AttachmentRow]]:
    """Return the attachments of messages, by (room, message id), in their order."""
    if not wanted:
        return {}
    query = text("""
        SELECT room_id, message_id, key, name, content_type, size, width, height
          FROM attachments
         WHERE room_id IN :room_ids AND message_id IN :message_ids
         ORDER BY message_id, position
    """).bindparams(
        bindparam("room_ids", value=sorted({room_id for room_id, _ in wanted}), expanding=True),
        bindparam("message_ids", value=sorted({id_ for _, id_ in wanted}), expanding=True),
    )
    found: dict[tuple[int, int], list[AttachmentRow]] = {}
    for row in await db.fetch_all(query):
        room_id, message_id, *file = row._mapping.values()
        found.setdefault((room_id, message_id), []).append(AttachmentRow(*file))
    return found
