"""The data of one user: read for their export, and deleted by their erasure."""

from typing import Any

from databases.core import Connection
from msgspec import Struct
from sqlalchemy import bindparam, text

from . import messages, room_words
from .messages import MessageRow
from .messages.columns import with_columns


class StoredProfile(Struct):
    name: str | None
    picture: str | None


class OwnRoom(Struct):
    """A room that the user is in or was in; of a former room only the id is set."""

    room_id: int
    is_member: bool


class GivenReaction(Struct):
    """A reaction of the user."""

    room_id: int
    message_id: int
    emoji: str
    created_at: int


class BlockedRow(Struct):
    user_id: str
    created_at: int


class Erasure(Struct):
    """The user to erase, and the time of the request (microseconds since 1970, UTC)."""

    user_id: str
    asked_at: int


# ---------------------------------------------------------------- export


async def profile(db: Connection, user_id: str) -> StoredProfile:
    query = "SELECT name, picture FROM people WHERE user_id = :user_id"
    row = await db.fetch_one(query, {"user_id": user_id})
    return StoredProfile(None, None) if row is None else StoredProfile(row["name"], row["picture"])


async def places(db: Connection, user_id: str, above: int, limit: int) -> list[OwnRoom]:
    """Return the user's present and former rooms with ids above `above`, in order."""
    query = """
        SELECT room_id, max(is_member) AS is_member
          FROM (SELECT * FROM (SELECT room_id, 1 AS is_member FROM members
                                WHERE user_id = :user_id AND room_id > :above
                                ORDER BY room_id LIMIT :limit) AS now
                UNION ALL
                SELECT * FROM (SELECT room_id, 0 AS is_member FROM departed
                                WHERE user_id = :user_id AND room_id > :above
                                ORDER BY room_id LIMIT :limit) AS before) AS both_of_them
         GROUP BY room_id ORDER BY room_id LIMIT :limit
    """
    rows = await db.fetch_all(query, {"user_id": user_id, "above": above, "limit": limit})
    return [OwnRoom(row["room_id"], bool(row["is_member"])) for row in rows]


async def is_known(db: Connection, user_id: str) -> bool:
    """Return whether the database has any data of this user."""
    query = """
        SELECT 1 AS found FROM people WHERE user_id = :user_id
        UNION ALL SELECT 1 FROM members WHERE user_id = :user_id
        UNION ALL SELECT 1 FROM departed WHERE user_id = :user_id
        UNION ALL SELECT 1 FROM blocks WHERE user_id = :user_id
        LIMIT 1
    """
    return await db.fetch_one(query, {"user_id": user_id}) is not None


async def count(db: Connection, user_id: str) -> int:
    """Estimate the number of a user's messages, without those in rooms that they left."""
    query = """
        SELECT CAST(coalesce(sum(sent), 0) AS bigint) AS n FROM members WHERE user_id = :user_id
    """
    (row,) = await db.fetch_all(query, {"user_id": user_id})
    return int(row["n"])


async def own(
    db: Connection, user_id: str, room_id: int, above: int, window: int, limit: int
) -> tuple[list[MessageRow], int | None]:
    """Return at most `limit` of the user's messages among the next `window` messages of the room.

    The second value is the id after which to go on; it is None at the end of the room.
    """
    where = {"room_id": room_id, "above": above, "window": window}
    query = """
        SELECT max(id) AS last
          FROM (SELECT id FROM messages WHERE room_id = :room_id AND id > :above
                 ORDER BY id LIMIT :window) AS next_ones
    """
    (row,) = await db.fetch_all(query, where)
    if row["last"] is None:
        return [], None
    query = with_columns("""
        SELECT {columns}
          FROM messages m
         WHERE room_id = :room_id AND id > :above AND id <= :last AND sender_id = :user_id
           AND deleted_at IS NULL
         ORDER BY id LIMIT :limit
    """)
    values: dict[str, Any] = {"room_id": room_id, "above": above, "last": row["last"]}
    found = await messages.load(db, room_id, query, {**values, "user_id": user_id, "limit": limit})
    return found, row["last"] if len(found) < limit else found[-1].id


async def given(
    db: Connection, user_id: str, after: GivenReaction | None, limit: int
) -> list[GivenReaction]:
    """Return the user's reactions after a given one, in order."""
    query = """
        SELECT room_id, message_id, emoji, created_at FROM reactions
         WHERE user_id = :user_id
           AND (room_id, message_id, emoji) > (:room_id, :message_id, :emoji)
         ORDER BY room_id, message_id, emoji LIMIT :limit
    """
    start = after or GivenReaction(0, 0, "", 0)
    values = {"room_id": start.room_id, "message_id": start.message_id, "emoji": start.emoji}
    rows = await db.fetch_all(query, {**values, "user_id": user_id, "limit": limit})
    return [GivenReaction(**dict(row._mapping)) for row in rows]


async def blocked(db: Connection, user_id: str) -> list[BlockedRow]:
    query = """
        SELECT blocked_id AS user_id, created_at FROM blocks
         WHERE user_id = :user_id ORDER BY blocked_id
    """
    rows = await db.fetch_all(query, {"user_id": user_id})
    return [BlockedRow(**dict(row._mapping)) for row in rows]


# ---------------------------------------------------------------- erasure


async def ask(db: Connection, user_id: str, now: int) -> None:
    query = """
        INSERT INTO erasures (user_id, asked_at) VALUES (:user_id, :now)
        ON CONFLICT (user_id) DO UPDATE SET asked_at = excluded.asked_at
    """
    await db.execute(query, {"user_id": user_id, "now": now})


async def asked(db: Connection, now: int) -> list[str]:
    """Return the requested erasures that no process is running."""
    query = "SELECT user_id FROM erasures WHERE claimed_until <= :now LIMIT 10"
    return [row["user_id"] for row in await db.fetch_all(query, {"now": now})]


async def is_asked(db: Connection, user_id: str) -> bool:
    """Return whether the erasure of a user is requested and not finished."""
    query = "SELECT 1 FROM erasures WHERE user_id = :user_id"
    return await db.fetch_one(query, {"user_id": user_id}) is not None


async def claim(db: Connection, user_id: str, now: int, until: int) -> Erasure | None:
    """Claim an erasure; None if there is none, or another process has it."""
    query = """
        UPDATE erasures SET claimed_until = :until
         WHERE user_id = :user_id AND claimed_until <= :now
        RETURNING user_id, asked_at
    """
    rows = await db.fetch_all(query, {"user_id": user_id, "now": now, "until": until})
    return Erasure(**dict(rows[0]._mapping)) if rows else None


async def release_claims(db: Connection) -> None:
    """Release all claims; for the start of a chat with a single process."""
    await db.execute("UPDATE erasures SET claimed_until = 0 WHERE claimed_until > 0")


async def renew(db: Connection, user_id: str, until: int) -> None:
    query = "UPDATE erasures SET claimed_until = :until WHERE user_id = :user_id"
    await db.execute(query, {"user_id": user_id, "until": until})


async def named_tombstones(db: Connection, user_id: str, room_id: int, limit: int) -> list[int]:
    """Return ids of deleted messages of the user that still have a client_id."""
    query = """
        SELECT id FROM messages
         WHERE room_id = :room_id AND sender_id = :user_id AND client_id IS NOT NULL
           AND deleted_at IS NOT NULL
         LIMIT :limit
    """
    where = {"room_id": room_id, "user_id": user_id, "limit": limit}
    return [row["id"] for row in await db.fetch_all(query, where)]


async def forget_client_ids(db: Connection, room_id: int, ids: list[int]) -> None:
    query = text("UPDATE messages SET client_id = NULL WHERE room_id = :room_id AND id IN :ids")
    await db.execute(
        query.bindparams(
            bindparam("room_id", value=room_id), bindparam("ids", value=ids, expanding=True)
        )
    )


async def forget(db: Connection, erasure: Erasure) -> None:
    """Delete a user's name, blocks, uploads and outbox texts, after messages and reactions."""
    user = {"user_id": erasure.user_id}
    for query in (
        "UPDATE people SET name = NULL, picture = NULL WHERE user_id = :user_id",
        "DELETE FROM blocks WHERE user_id = :user_id",
        "UPDATE uploads SET expires_at = 0 WHERE user_id = :user_id",
        "UPDATE outbox SET text = NULL, details = NULL WHERE user_id = :user_id",
    ):
        await db.execute(query, user)
    await room_words.mark_rooms_of(db, erasure.user_id)
    query = "DELETE FROM erasures WHERE user_id = :user_id AND asked_at = :asked_at"
    await db.execute(query, {**user, "asked_at": erasure.asked_at})
