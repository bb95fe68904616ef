"""Rooms and their members: opened, listed, deleted."""

from collections.abc import Sequence
from typing import Any

from databases.core import Connection
from msgspec import Struct
from sqlalchemy import bindparam, text

from . import messages, receipts
from .members import Reason, Regrouped
from .messages import Message
from .receipts import Status


class Person(Struct):
    """A member, with name and picture as last seen, and when that was: microseconds since 1970."""

    user_id: str
    name: str | None
    picture: str | None
    is_online: bool
    last_seen: int | None


class Room(Struct):
    """Times in microseconds since 1970, UTC; '' where there is no context or title."""

    id: int
    context: str
    title: str
    created_at: int


class Opened(Struct):
    room: Room
    members: list[str]
    is_new: bool


class Listed(Struct):
    """A room as one of its members sees it in a list."""

    room: Room
    unread: int
    members: list[Person]
    last_message: Message | None
    status: Status
    is_muted: bool
    is_archived: bool
    version: int


async def open_(
    db: Connection, creator_id: str, members: Sequence[str], context: str, title: str, now: int
) -> Opened:
    """A new room; for two members the one room of this pair and context, old or new."""
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
        RETURNING id, context, title, created_at
    """
    rows = await db.fetch_all(query, values)
    if not rows:
        return Opened(await _of_pair(db, values), sorted(members), is_new=False)
    room = Room(**dict(rows[0]._mapping))
    query = "INSERT INTO members (room_id, user_id) VALUES (:room_id, :user_id)"
    await db.execute_many(query, [{"room_id": room.id, "user_id": user} for user in members])
    return Opened(room, sorted(members), is_new=True)


async def _of_pair(db: Connection, values: dict[str, Any]) -> Room:
    query = """
        SELECT id, context, title, created_at FROM rooms
         WHERE low_user = :low_user AND high_user = :high_user AND context = :context
    """
    wanted = {name: values[name] for name in ("low_user", "high_user", "context")}
    row = await db.fetch_one(query, wanted)
    assert row is not None  # the unique key that stopped the insert
    return Room(**dict(row._mapping))


async def count(db: Connection, user_id: str, *, is_archived: bool) -> int:
    """How many rooms of the user's are in the list, or in the archive."""
    query = """
        SELECT count(*) AS n FROM members me
          JOIN rooms r ON r.id = me.room_id AND r.total = me.archived_at_total
         WHERE me.user_id = :user_id AND me.archived_at_total IS NOT NULL
    """
    archived = await _count(db, query, user_id)
    if is_archived:
        return archived
    query = "SELECT count(*) AS n FROM members WHERE user_id = :user_id"
    return await _count(db, query, user_id) - archived


async def _count(db: Connection, query: str, user_id: str) -> int:
    row = await db.fetch_one(query, {"user_id": user_id})
    assert row is not None  # an aggregate always answers
    return int(row["n"])


async def page(
    db: Connection, user_id: str, limit: int, offset: int, *, is_archived: bool = False
) -> list[Listed]:
    """A page of the user's rooms, the one with the newest activity first."""
    query = """
        SELECT r.id FROM members me JOIN rooms r ON r.id = me.room_id
         WHERE me.user_id = :user_id
           AND CASE WHEN me.archived_at_total = r.total THEN 1 ELSE 0 END = :archived
         ORDER BY r.active_at DESC, r.id DESC LIMIT :limit OFFSET :offset
    """
    values = {"user_id": user_id, "limit": limit, "offset": offset, "archived": int(is_archived)}
    return await of_ids(db, user_id, [row["id"] for row in await db.fetch_all(query, values)])


async def of_ids(db: Connection, user_id: str, room_ids: list[int]) -> list[Listed]:
    """These rooms, in this order, as the user sees them; without those that he is not in."""
    query = text("""
        SELECT r.id, r.context, r.title, r.created_at,
               r.total - me.sent - me.seen
               - (SELECT count(*) FROM messages m
                   WHERE m.room_id = r.id AND m.id > me.read_upto
                     AND m.sender_id <> :user_id AND m.deleted_at IS NOT NULL) AS unread,
               me.is_muted, CASE WHEN me.archived_at_total = r.total THEN 1 ELSE 0 END AS archived,
               r.version,
               l.id AS message_id, l.sender_id, l.text, l.created_at AS sent_at, l.updated_at,
               l.version AS message_version
          FROM members me JOIN rooms r ON r.id = me.room_id
          LEFT JOIN messages l
                 ON l.room_id = r.id
                AND l.id = (SELECT m.id FROM messages m
                             WHERE m.room_id = r.id AND m.deleted_at IS NULL
                             ORDER BY m.id DESC LIMIT 1)
         WHERE me.user_id = :user_id AND me.room_id IN :room_ids
    """).bindparams(
        bindparam("user_id", value=user_id),
        bindparam("room_ids", value=room_ids, expanding=True),
    )
    if not room_ids:
        return []
    rows = {row["id"]: row for row in await db.fetch_all(query)}
    people, marks = await _members(db, list(rows))
    found = (rows[id_] for id_ in room_ids if id_ in rows)
    return [_listed(row, people[row["id"]], marks[row["id"]]) for row in found]


async def unread(db: Connection, room_id: int, user_id: str) -> int:
    """Messages of others that the member has not read; 0 for a stranger."""
    query = """
        SELECT r.total - me.sent - me.seen
               - (SELECT count(*) FROM messages m
                   WHERE m.room_id = r.id AND m.id > me.read_upto
                     AND m.sender_id <> me.user_id AND m.deleted_at IS NOT NULL) AS unread
          FROM members me JOIN rooms r ON r.id = me.room_id
         WHERE me.room_id = :room_id AND me.user_id = :user_id
    """
    row = await db.fetch_one(query, {"room_id": room_id, "user_id": user_id})
    return 0 if row is None else int(row["unread"])


def _listed(row: Any, members: list[Person], marks: dict[str, tuple[int, int]]) -> Listed:
    room = Room(row["id"], row["context"], row["title"], row["created_at"])
    mine = bool(row["is_muted"]), bool(row["archived"]), row["version"]
    if row["message_id"] is None:
        return Listed(room, row["unread"], members, None, "send", *mine)
    last = Message(
        row["message_id"], room.id, row["sender_id"], row["text"], row["sent_at"],
        row["updated_at"], row["message_version"],
    )  # fmt: skip
    status = receipts.status(marks, last.sender_id, last.id)
    return Listed(room, row["unread"], members, last, status, *mine)


async def _members(
    db: Connection, room_ids: list[int]
) -> tuple[dict[int, list[Person]], dict[int, dict[str, tuple[int, int]]]]:
    query = text("""
        SELECT m.room_id, m.user_id, p.name, p.picture,
               EXISTS (SELECT 1 FROM presence o WHERE o.user_id = m.user_id) AS is_online,
               p.last_seen, m.delivered_upto, m.read_upto
          FROM members m LEFT JOIN people p ON p.user_id = m.user_id
         WHERE m.room_id IN :room_ids
         ORDER BY m.room_id, m.user_id
    """).bindparams(bindparam("room_ids", value=room_ids, expanding=True))
    people: dict[int, list[Person]] = {id_: [] for id_ in room_ids}
    marks: dict[int, dict[str, tuple[int, int]]] = {id_: {} for id_ in room_ids}
    for row in await db.fetch_all(query):
        room_id, user_id, name, picture, is_online, seen, delivered, read = row._mapping.values()
        people[room_id].append(Person(user_id, name, picture, bool(is_online), seen))
        marks[room_id][user_id] = delivered, read
    return people, marks


async def stands(db: Connection, room_ids: Sequence[int]) -> dict[int, tuple[int, int, int]]:
    """The version and roster of each room that is there, and the sum of its watermarks."""
    query = text("""
        SELECT r.id, r.version, r.roster,
               (SELECT sum(m.delivered_upto + m.read_upto) FROM members m
                 WHERE m.room_id = r.id) AS marks
          FROM rooms r WHERE r.id IN :room_ids AND r.deleted_at IS NULL
    """).bindparams(bindparam("room_ids", value=list(room_ids), expanding=True))
    rows = await db.fetch_all(query)
    return {row["id"]: (row["version"], row["roster"], int(row["marks"] or 0)) for row in rows}


async def has_member(db: Connection, room_id: int, user_id: str) -> bool:
    query = "SELECT 1 FROM members WHERE room_id = :room_id AND user_id = :user_id"
    return await db.fetch_one(query, {"room_id": room_id, "user_id": user_id}) is not None


class Wish(Struct):
    """What a member wants to change; None is as it was."""

    is_muted: bool | None = None
    is_archived: bool | None = None
    title: str | None = None


async def change(db: Connection, room_id: int, user_id: str, wish: Wish) -> Regrouped | Reason:
    query = """
        SELECT r.creator_id
          FROM rooms r JOIN members me ON me.room_id = r.id AND me.user_id = :user_id
         WHERE r.id = :room_id
    """
    where = {"room_id": room_id, "user_id": user_id}
    row = await db.fetch_one(query, where)
    if row is None:
        return "not_found"
    if wish.title is not None and row["creator_id"] != user_id:
        return "forbidden"
    # The room before its members, as all who lock both.
    roster = 0 if wish.title is None else await _rename(db, where, wish.title)
    await _set_own(db, where, wish)
    return Regrouped(roster)


async def _rename(db: Connection, where: dict[str, Any], title: str) -> int:
    """The new roster; 0 where it is called so already."""
    query = """
        UPDATE rooms SET title = :title, roster = roster + 1
         WHERE id = :room_id AND creator_id = :user_id AND title <> :title
        RETURNING roster
    """
    rows = await db.fetch_all(query, {**where, "title": title})
    return int(rows[0]["roster"]) if rows else 0


async def _set_own(db: Connection, where: dict[str, Any], wish: Wish) -> None:
    """In one statement: who locks a row twice meets others in between."""
    if wish.is_muted is None and wish.is_archived is None:
        return
    query = """
        UPDATE members
           SET is_muted = coalesce(CAST(:is_muted AS integer), is_muted),
               archived_at_total = CASE CAST(:is_archived AS integer)
                   WHEN 1 THEN (SELECT r.total FROM rooms r WHERE r.id = members.room_id)
                   WHEN 0 THEN NULL ELSE archived_at_total END
         WHERE room_id = :room_id AND user_id = :user_id
    """
    wanted = {"is_muted": wish.is_muted, "is_archived": wish.is_archived}
    flags = {name: None if flag is None else int(flag) for name, flag in wanted.items()}
    await db.execute(query, {**where, **flags})


async def delete(db: Connection, room_id: int, user_id: str, now: int) -> bool:
    """Whether the room is gone by this; its messages and objects go with the next sweeps.

    A room of two is deleted by either member, a larger one by its creator.
    """
    query = """
        SELECT r.creator_id, r.low_user
          FROM rooms r JOIN members me ON me.room_id = r.id AND me.user_id = :user_id
         WHERE r.id = :room_id
    """
    row = await db.fetch_one(query, {"room_id": room_id, "user_id": user_id})
    if row is None or (row["low_user"] is None and row["creator_id"] != user_id):
        return False
    query = """
        UPDATE rooms SET deleted_at = :now, low_user = NULL, high_user = NULL, roster = roster + 1
         WHERE id = :room_id AND deleted_at IS NULL
        RETURNING id
    """
    if await db.fetch_one(query, {"room_id": room_id, "now": now}) is None:
        return False  # somebody else did so in this moment
    await db.execute("DELETE FROM members WHERE room_id = :room_id", {"room_id": room_id})
    return True


async def sweep(db: Connection, limit: int) -> bool:
    """Takes up to `limit` messages of a deleted room, at last the room; whether there is more."""
    query = "SELECT id FROM rooms WHERE deleted_at IS NOT NULL ORDER BY deleted_at LIMIT 1"
    row = await db.fetch_one(query)
    if row is None:
        return False
    where = {"room_id": row["id"]}
    query = "SELECT id FROM messages WHERE room_id = :room_id ORDER BY id LIMIT :limit"
    found = await db.fetch_all(query, {**where, "limit": limit})
    if not found:
        await db.execute("DELETE FROM rooms WHERE id = :room_id", where)
        return True
    await messages.drop(db, row["id"], found[-1]["id"])
    return True
