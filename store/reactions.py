"""Reactions to messages: the emoji that users have put under them."""

import re
from collections.abc import Iterable
from unicodedata import normalize

from databases.core import Connection
from msgspec import Struct
from sqlalchemy import TextClause


class ReactionRow(Struct):
    """An emoji under a message, and the users who gave it, the first one first."""

    emoji: str
    user_ids: list[str]


Reactions = dict[int, list[ReactionRow]]  # by the ids of messages


def gathered(rows: Iterable[tuple[int, str, str]]) -> Reactions:
    """Group (message_id, emoji, user_id) rows by message, in the order of the reactions."""
    found: dict[int, dict[str, ReactionRow]] = {}
    for message_id, emoji, user_id in rows:
        of_message = found.setdefault(message_id, {})
        of_message.setdefault(emoji, ReactionRow(emoji, [])).user_ids.append(user_id)
    return {message_id: list(emojis.values()) for message_id, emojis in found.items()}


BETWEEN = """
    SELECT message_id, emoji, user_id FROM reactions
     WHERE room_id = :room_id AND message_id BETWEEN :first AND :last
     ORDER BY created_at, emoji, user_id
"""


OF = """
    SELECT message_id, emoji, user_id FROM reactions
     WHERE room_id = :room_id AND message_id IN :ids
     ORDER BY created_at, emoji, user_id
"""


async def between(db: Connection, room_id: int, first: int, last: int) -> Reactions:
    """Return the reactions to messages of a room with first <= id <= last."""
    return await load(db, BETWEEN, {"room_id": room_id, "first": first, "last": last})


async def load(
    db: Connection, query: str | TextClause, values: dict[str, int] | None = None
) -> Reactions:
    """Return the reactions that one of the two statements finds."""
    rows = await db.fetch_all(query, values)
    return gathered((row["message_id"], row["emoji"], row["user_id"]) for row in rows)


async def add(
    db: Connection, room_id: int, message_id: int, emoji: str, user_id: str, now: int
) -> None:
    query = """
        INSERT INTO reactions (room_id, message_id, emoji, user_id, created_at)
        VALUES (:room_id, :message_id, :emoji, :user_id, :now)
    """
    values = {"room_id": room_id, "message_id": message_id, "emoji": emoji, "user_id": user_id}
    await db.execute(query, {**values, "now": now})


async def remove(db: Connection, room_id: int, message_id: int, emoji: str, user_id: str) -> None:
    query = """
        DELETE FROM reactions
         WHERE room_id = :room_id AND message_id = :message_id AND emoji = :emoji
           AND user_id = :user_id
    """
    values = {"room_id": room_id, "message_id": message_id, "emoji": emoji, "user_id": user_id}
    await db.execute(query, values)


async def forget(db: Connection, room_id: int, message_id: int) -> None:
    """Delete all reactions to a message."""
    query = "DELETE FROM reactions WHERE room_id = :room_id AND message_id = :message_id"
    await db.execute(query, {"room_id": room_id, "message_id": message_id})


_SELECTORS = re.compile("[\ufe0e\ufe0f]")


def emoji_key(emoji: str) -> str:
    """Return the form in which emoji are compared: without variation selectors, in NFC."""
    return normalize("NFC", _SELECTORS.sub("", emoji))
