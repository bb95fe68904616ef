"""The columns of a message, in the order of the fields of MessageRow."""

COLUMNS = """m.id, m.room_id, m.sender_id, m.text, m.created_at, m.updated_at, m.version,
               m.client_id, m.reply_to, m.extra"""


def with_columns(query: str) -> str:
    """Replace `{columns}` by the columns of messages m."""
    return query.replace("{columns}", COLUMNS)
