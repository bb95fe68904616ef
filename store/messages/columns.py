"""The columns of a message, once, in the order of MessageRow."""

COLUMNS = """m.id, m.room_id, m.sender_id, m.text, m.created_at, m.updated_at, m.version,
               m.client_id, m.reply_to, m.extra"""


def with_columns(query: str) -> str:
    """Puts the columns of messages m in the place of `{columns}`."""
    return query.replace("{columns}", COLUMNS)
