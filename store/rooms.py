"""Opens, changes and deletes rooms."""

from collections.abc import Sequence
from typing import Any

from databases.core import Connection
from msgspec import Struct
from sqlalchemy import bindparam, text

from . import messages, room_counts, room_words
from .members import SITE, MembershipChange, Reason
from .room_lock import lock_room

MEMBERS_PER_STATEMENT = 500


class RoomRow(Struct):
    """A room; times in microseconds since 1970, UTC. A missing context or title is ''."""

    id: int
    context: str
    title: str
    created_at: int
    about: str | None = None  # JSON
    data: str | None = None  # JSON
    frozen: int = 0


class Opened(Struct):
    room: RoomRow
    members: list[str]
    is_new: bool


async def open_(
    db: Connection, creator_id: str, members: Sequence[str], context: str, title: str, now: int
) -> Opened:
    """Open a room; for two members return the one room of this pair and context, old or new."""
    pair = sorted(members) if len(members) == 2 else (None, None)
    values = {
        "creator_id": creator_id,
        "low_user": pair[0],
        "high_user": pair[1],
        "context": context,
        "title": title,
        "now": now,
    }
    query = """
        INSERT INTO rooms (creator_id, low_user, high_user, context, title, created_at, active_at)
        VALUES (:creator_id, :low_user, :high_user, :context, :title, :now, :now)
        ON CONFLICT (low_user, high_user, context) DO NOTHING
        RETURNING id, context, title, created_at, about, data, frozen
    """
    rows = await db.fetch_all(query, values)
    if not rows:
        return Opened(await _of_pair(db, values), sorted(members), is_new=False)
    room = RoomRow(**dict(rows[0]._mapping))
    for start in range(0, len(members), MEMBERS_PER_STATEMENT):
        await _add_members(db, room, members[start : start + MEMBERS_PER_STATEMENT])
    await room_counts.add(db, room.id)
    await room_words.mark_room(db, room.id)
    return Opened(room, sorted(members), is_new=True)


async def _add_members(db: Connection, room: RoomRow, members: Sequence[str]) -> None:
    """Insert members in few statements: one for each would keep the writer busy."""
    rows = ", ".join(f"(:room_id, :user_{i}, :now)" for i in range(len(members)))
    values = {f"user_{i}": user for i, user in enumerate(members)}
    query = f"INSERT INTO members (room_id, user_id, listed_at) VALUES {rows}"  # noqa: S608 - names alone
    await db.execute(query, {"room_id": room.id, "now": room.created_at, **values})


async def find_context(db: Connection, room_id: int) -> str | None:
    """Return the context of a room; None if there is no such room."""
    query = "SELECT context FROM rooms WHERE id = :room_id"
    row = await db.fetch_one(query, {"room_id": room_id})
    return None if row is None else str(row["context"])


async def find_pair(db: Connection, users: Sequence[str], context: str) -> int | None:
    """Return the room that these two share for this context; None for other numbers of users."""
    if len(users) != 2:
        return None
    low, high = sorted(users)
    query = """
        SELECT id FROM rooms
         WHERE low_user = :low AND high_user = :high AND context = :context
    """
    row = await db.fetch_one(query, {"low": low, "high": high, "context": context})
    return None if row is None else int(row["id"])


async def _of_pair(db: Connection, values: dict[str, Any]) -> RoomRow:
    query = """
        SELECT id, context, title, created_at, about, data, frozen FROM rooms
         WHERE low_user = :low_user AND high_user = :high_user AND context = :context
    """
    wanted = {name: values[name] for name in ("low_user", "high_user", "context")}
    row = await db.fetch_one(query, wanted)
    assert row is not None  # the unique key that stopped the insert
    return RoomRow(**dict(row._mapping))


async def find_heads(db: Connection, room_ids: Sequence[int]) -> dict[int, tuple[int, int, int]]:
    """Return the version, member list's version and sum of watermarks of each existing room."""
    query = text("""
        SELECT r.id, r.version, r.members_version,
               (SELECT sum(coalesce(m.shown_delivered, m.delivered_upto)
                           + coalesce(m.shown_read, m.read_upto)) FROM members m
                 WHERE m.room_id = r.id) AS marks
          FROM rooms r WHERE r.id IN :room_ids AND r.deleted_at IS NULL
    """).bindparams(bindparam("room_ids", value=list(room_ids), expanding=True))
    rows = await db.fetch_all(query)
    return {
        row["id"]: (row["version"], row["members_version"], int(row["marks"] or 0)) for row in rows
    }


async def exists(db: Connection, room_id: int) -> bool:
    query = "SELECT 1 FROM rooms WHERE id = :room_id AND deleted_at IS NULL"
    return await db.fetch_one(query, {"room_id": room_id}) is not None


async def has_member(db: Connection, room_id: int, user_id: str) -> bool:
    query = "SELECT 1 FROM members WHERE room_id = :room_id AND user_id = :user_id"
    return await db.fetch_one(query, {"room_id": room_id, "user_id": user_id}) is not None


class RoomPatch(Struct):
    """The changes to a room that a member asks for; None keeps a value."""

    is_muted: bool | None = None
    is_archived: bool | None = None
    title: str | None = None
    is_marked_unread: bool | None = None


async def change(
    db: Connection, room_id: int, user_id: str, patch: RoomPatch
) -> MembershipChange | Reason:
    query = """
        SELECT r.creator_id
          FROM rooms r JOIN members me ON me.room_id = r.id AND me.user_id = :user_id
         WHERE r.id = :room_id
    """
    where = {"room_id": room_id, "user_id": user_id}
    row = await db.fetch_one(query, where)
    if row is None:
        return "not_found"
    if patch.title is not None and row["creator_id"] != user_id:
        return "forbidden"
    # The room is locked before its members, as everywhere.
    members_version = 0 if patch.title is None else await _rename(db, where, patch.title)
    await _set_own(db, where, patch)
    return MembershipChange(members_version)


async def _rename(db: Connection, where: dict[str, Any], title: str) -> int:
    """Set the title; return the member list's new version, 0 if nothing changed."""
    query = """
        UPDATE rooms SET title = :title, members_version = members_version + 1
         WHERE id = :room_id AND creator_id = :user_id AND title <> :title
        RETURNING members_version
    """
    rows = await db.fetch_all(query, {**where, "title": title})
    if rows:
        await room_words.mark_room(db, where["room_id"])
    return int(rows[0]["members_version"]) if rows else 0


async def _set_own(db: Connection, where: dict[str, Any], patch: RoomPatch) -> None:
    """Set the member's own flags, in one statement to avoid deadlocks."""
    wanted = {
        "is_muted": patch.is_muted,
        "is_archived": patch.is_archived,
        "is_marked": patch.is_marked_unread,
    }
    if all(flag is None for flag in wanted.values()):
        return
    query = """
        UPDATE members
           SET is_muted = coalesce(CAST(:is_muted AS integer), is_muted),
               marked_unread = coalesce(CAST(:is_marked AS integer), marked_unread),
               is_behind = CASE CAST(:is_marked AS integer)
                   WHEN 1 THEN 1
                   WHEN 0 THEN (SELECT CASE WHEN u.unread > 0 THEN 1 ELSE 0 END
                                  FROM member_unread u
                                 WHERE u.room_id = members.room_id
                                   AND u.user_id = members.user_id)
                   ELSE is_behind END,
               archived_at_total = CASE CAST(:is_archived AS integer)
                   WHEN 1 THEN (SELECT r.total FROM rooms r WHERE r.id = members.room_id)
                   WHEN 0 THEN NULL ELSE archived_at_total END
         WHERE room_id = :room_id AND user_id = :user_id
    """
    flags = {name: None if flag is None else int(flag) for name, flag in wanted.items()}
    was_archived = None if patch.is_archived is None else await _lock_archived(db, where)
    await db.execute(query, {**where, **flags})
    if patch.is_archived is not None and was_archived != patch.is_archived:
        await room_counts.move(db, where["user_id"], to_archive=patch.is_archived)


async def _lock_archived(db: Connection, where: dict[str, Any]) -> bool:
    """Whether the member's row is in the archive; whoever changes that has locked the room."""
    await lock_room(db, where["room_id"])
    query = """
        SELECT archived_at_total FROM members WHERE room_id = :room_id AND user_id = :user_id
    """
    row = await db.fetch_one(query, where)
    return row is not None and row["archived_at_total"] is not None


async def delete(db: Connection, room_id: int, user_id: str, now: int) -> bool:
    """Delete a room; return False if it was deleted. Sweeps remove its messages and objects.

    A room of two is deleted by either member, a larger one by its creator; the site deletes any.
    """
    query = """
        SELECT r.creator_id, r.low_user
          FROM rooms r LEFT JOIN members me ON me.room_id = r.id AND me.user_id = :user_id
         WHERE r.id = :room_id AND (me.user_id IS NOT NULL OR :user_id = '')
    """
    row = await db.fetch_one(query, {"room_id": room_id, "user_id": user_id})
    if row is None or (row["low_user"] is None and user_id not in (SITE, row["creator_id"])):
        return False
    query = """
        UPDATE rooms
           SET deleted_at = :now, low_user = NULL, high_user = NULL,
               members_version = members_version + 1
         WHERE id = :room_id AND deleted_at IS NULL
        RETURNING id
    """
    if await db.fetch_one(query, {"room_id": room_id, "now": now}) is None:
        return False  # another request has deleted it at the same time
    await room_counts.subtract(db, room_id)
    await db.execute("DELETE FROM members WHERE room_id = :room_id", {"room_id": room_id})
    await db.execute("DELETE FROM room_words WHERE room_id = :room_id", {"room_id": room_id})
    return True


async def sweep(db: Connection, limit: int) -> bool:
    """Remove up to `limit` messages of a deleted room, finally the room; return if more is left."""
    query = "SELECT id FROM rooms WHERE deleted_at IS NOT NULL ORDER BY deleted_at LIMIT 1"
    row = await db.fetch_one(query)
    if row is None:
        return False
    where = {"room_id": row["id"]}
    query = "SELECT id FROM messages WHERE room_id = :room_id ORDER BY id LIMIT :limit"
    found = await db.fetch_all(query, {**where, "limit": limit})
    if not found:
        for table in ("list_changes", "word_changes"):
            await db.execute(f"DELETE FROM {table} WHERE room_id = :room_id", where)  # noqa: S608
        await db.execute("DELETE FROM rooms WHERE id = :room_id", where)
        return True
    await messages.drop(db, row["id"], found[-1]["id"])
    return True
