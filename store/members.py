"""The members of a room: add a member, remove one, leave."""

from collections.abc import Mapping
from typing import Any, Literal

from databases.core import Connection
from msgspec import Struct

from . import blocks, room_counts, room_words

# Why a change is refused: `pair` is a room of two, `full` a room with the most members allowed.
Reason = Literal["not_found", "forbidden", "pair", "full"]


SITE = ""  # the actor is the site itself: no user has this id


class MembershipChange(Struct):
    """The new version of the member list, 0 if nothing changed; `is_empty`: nobody is left."""

    members_version: int = 0
    is_empty: bool = False


class Addition(Struct):
    """A room of several people before a member is added: its members and its context."""

    members: list[str]
    context: str


async def find_addition(
    db: Connection, room_id: int, user_id: str, guest_id: str
) -> Addition | None:
    """Return the room for adding a guest; None if this is refused or they are a member."""
    role = await _role(db, room_id, user_id, guest_id)
    if isinstance(role, str) or role["creator_id"] != user_id or role["is_there"]:
        return None
    if await blocks.has_blocked(db, guest_id, user_id):
        return None
    query = "SELECT user_id FROM members WHERE room_id = :room_id ORDER BY joined_at, user_id"
    rows = await db.fetch_all(query, {"room_id": room_id})
    return Addition([row["user_id"] for row in rows], role["context"])


async def add(
    db: Connection, room_id: int, user_id: str, guest_id: str, most: int, now: int
) -> MembershipChange | Reason:
    """Add a member for the room's creator or the site; existing messages count as read by them.

    Nobody can be added by a user whom they have blocked.
    """
    role = await _role(db, room_id, user_id, guest_id)
    if isinstance(role, str):
        return role
    if user_id not in (SITE, role["creator_id"]):
        return "forbidden"
    if role["is_there"]:
        return MembershipChange()
    if await blocks.has_blocked(db, guest_id, user_id):
        return "forbidden"
    row = await _lock(db, room_id)
    if user_id not in (SITE, row["creator_id"]):
        return "forbidden"
    if await _count(db, room_id) >= most:
        return "full"
    await _insert(db, room_id, guest_id, row["total"], now)
    return MembershipChange(row["members_version"])


async def remove(
    db: Connection, room_id: int, user_id: str, other_id: str, now: int
) -> MembershipChange | Reason:
    """Remove a member. If it is the creator, the member of longest standing takes their place."""
    role = await _role(db, room_id, user_id, other_id)
    if isinstance(role, str):
        return role
    if user_id not in (SITE, other_id, role["creator_id"]):
        return "forbidden"
    if not role["is_there"]:
        return "not_found"
    row = await _lock(db, room_id)
    await room_words.mark_room(db, room_id)
    if user_id not in (SITE, other_id, row["creator_id"]):
        return "forbidden"
    query = """
        DELETE FROM members WHERE room_id = :room_id AND user_id = :user_id RETURNING user_id
    """
    where = {"room_id": room_id, "user_id": other_id}
    await room_counts.subtract(db, room_id, other_id)
    if not await db.fetch_all(query, where):
        return "not_found"
    query = """
        INSERT INTO departed (user_id, room_id) VALUES (:user_id, :room_id)
        ON CONFLICT (user_id, room_id) DO NOTHING
    """
    await db.execute(query, where)
    is_empty = row["creator_id"] == other_id and not await _hand_over(db, room_id, now)
    return MembershipChange(row["members_version"], is_empty)


async def _role(
    db: Connection, room_id: int, user_id: str, other_id: str
) -> Mapping[str, Any] | Reason:
    """Return the room's row for a change of members, or why the actor may not make it."""
    query = """
        SELECT r.creator_id, r.context, r.low_user IS NOT NULL AS is_pair,
               EXISTS (SELECT 1 FROM members o
                        WHERE o.room_id = r.id AND o.user_id = :other_id) AS is_there
          FROM rooms r LEFT JOIN members me ON me.room_id = r.id AND me.user_id = :user_id
         WHERE r.id = :room_id AND r.deleted_at IS NULL
           AND (me.user_id IS NOT NULL OR :user_id = '')
    """
    values = {"room_id": room_id, "user_id": user_id, "other_id": other_id}
    row = await db.fetch_one(query, values)
    if row is None:
        return "not_found"
    return "pair" if row["is_pair"] else row._mapping


async def _lock(db: Connection, room_id: int) -> Mapping[str, Any]:
    """Raise the members' version: no more messages are stored under the former one."""
    query = """
        UPDATE rooms SET members_version = members_version + 1 WHERE id = :room_id
        RETURNING members_version, creator_id, total
    """
    rows = await db.fetch_all(query, {"room_id": room_id})
    return rows[0]._mapping


async def _count(db: Connection, room_id: int) -> int:
    query = "SELECT count(*) AS n FROM members WHERE room_id = :room_id"
    (row,) = await db.fetch_all(query, {"room_id": room_id})
    return int(row["n"])


async def _insert(db: Connection, room_id: int, user_id: str, total: int, now: int) -> None:
    query = "SELECT coalesce(max(id), 0) AS top FROM messages WHERE room_id = :room_id"
    (row,) = await db.fetch_all(query, {"room_id": room_id})
    query = """
        INSERT INTO members (room_id, user_id, delivered_upto, read_upto, seen, joined_at,
                             listed_at)
        VALUES (:room_id, :user_id, :top, :top, :total, :now,
                (SELECT active_at FROM rooms WHERE id = :room_id))
        ON CONFLICT (room_id, user_id) DO NOTHING RETURNING user_id
    """
    values = {"room_id": room_id, "user_id": user_id, "top": row["top"], "total": total}
    if await db.fetch_all(query, {**values, "now": now}):
        await room_counts.add(db, room_id, user_id)
    await room_words.mark_room(db, room_id)


async def _hand_over(db: Connection, room_id: int, now: int) -> bool:
    """Make the member of longest standing the creator; return False if nobody is left."""
    query = """
        SELECT user_id FROM members WHERE room_id = :room_id ORDER BY joined_at, user_id LIMIT 1
    """
    heirs = await db.fetch_all(query, {"room_id": room_id})
    if heirs:
        query = "UPDATE rooms SET creator_id = :user_id WHERE id = :room_id"
        await db.execute(query, {"room_id": room_id, "user_id": heirs[0]["user_id"]})
    else:
        query = "UPDATE rooms SET deleted_at = :now WHERE id = :room_id"
        await db.execute(query, {"room_id": room_id, "now": now})
    return bool(heirs)
