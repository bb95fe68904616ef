"""Rooms as the site sees them: all of them, whoever their members are."""

from typing import Any

from databases.core import Connection
from msgspec import UNSET, Struct, UnsetType

from .room_list import Person, load_members

NEWEST = 2**53


class SiteRoom(Struct):
    """A room with its members; times in microseconds since 1970, UTC."""

    id: int
    context: str
    title: str
    created_at: int
    active_at: int
    version: int
    about: str | None  # JSON, as data
    data: str | None
    frozen: int
    members: list[Person]


class RoomFilter(Struct, frozen=True):
    """Which rooms; `after` is the last one of the page before: when it was active, and its id."""

    user_id: str | None = None
    context: str | None = None
    query: str | None = None
    after: tuple[int, int] | None = None


async def one(db: Connection, room_id: int) -> SiteRoom | None:
    """None where there is no such room, or no more."""
    query = """
        SELECT id, context, title, created_at, active_at, version, about, data, frozen
          FROM rooms WHERE id = :room_id AND deleted_at IS NULL
    """
    found = await _load(db, query, {"room_id": room_id})
    return found[0] if found else None


async def page(db: Connection, wanted: RoomFilter, limit: int) -> list[SiteRoom]:
    """A user's rooms by their activity, all rooms by their age: the newest first."""
    active_at, id_ = wanted.after or (NEWEST, NEWEST)
    values = {"after_id": id_, "limit": limit, **_pattern(wanted.query)}
    if wanted.user_id is not None:
        of_user = {"user_id": wanted.user_id, "context": wanted.context, "after_at": active_at}
        return await _load(db, OF_USER, {**values, **of_user})
    if wanted.context:
        return await _load(db, OF_CONTEXT, {**values, "context": wanted.context})
    return await _load(db, BY_AGE, {**values, "context": wanted.context})


def _pattern(words: str | None) -> dict[str, str | None]:
    """LIKE patterns for the beginning of a text, and for that of a later word."""
    if words is None:
        return {"first": None, "later": None}
    said = words.lower()
    for special in "\\%_":
        said = said.replace(special, f"\\{special}")
    return {"first": f"{said}%", "later": f"% {said}%"}


OF_USER = r"""
    SELECT r.id, r.context, r.title, r.created_at, r.active_at, r.version,
           r.about, r.data, r.frozen
      FROM members me JOIN rooms r ON r.id = me.room_id
     WHERE me.user_id = :user_id AND r.deleted_at IS NULL
       AND (r.active_at, r.id) < (:after_at, :after_id)
       AND (CAST(:context AS text) IS NULL OR r.context = :context)
       AND (CAST(:first AS text) IS NULL
            OR lower(r.title) LIKE :first ESCAPE '\' OR lower(r.title) LIKE :later ESCAPE '\'
            OR lower(r.context) LIKE :first ESCAPE '\'
            OR EXISTS (SELECT 1 FROM members o JOIN people p ON p.user_id = o.user_id
                        WHERE o.room_id = r.id
                          AND (lower(p.name) LIKE :first ESCAPE '\'
                               OR lower(p.name) LIKE :later ESCAPE '\')))
     ORDER BY r.active_at DESC, r.id DESC LIMIT :limit
"""

OF_CONTEXT = r"""
    SELECT r.id, r.context, r.title, r.created_at, r.active_at, r.version,
           r.about, r.data, r.frozen
      FROM rooms r
     WHERE r.context = :context AND r.context <> '' AND r.id < :after_id AND r.deleted_at IS NULL
       AND (CAST(:first AS text) IS NULL
            OR lower(r.title) LIKE :first ESCAPE '\' OR lower(r.title) LIKE :later ESCAPE '\'
            OR EXISTS (SELECT 1 FROM members o JOIN people p ON p.user_id = o.user_id
                        WHERE o.room_id = r.id
                          AND (lower(p.name) LIKE :first ESCAPE '\'
                               OR lower(p.name) LIKE :later ESCAPE '\')))
     ORDER BY r.id DESC LIMIT :limit
"""

BY_AGE = r"""
    SELECT r.id, r.context, r.title, r.created_at, r.active_at, r.version,
           r.about, r.data, r.frozen
      FROM rooms r
     WHERE r.id < :after_id AND r.deleted_at IS NULL
       AND (CAST(:context AS text) IS NULL OR r.context = :context)
       AND (CAST(:first AS text) IS NULL
            OR lower(r.title) LIKE :first ESCAPE '\' OR lower(r.title) LIKE :later ESCAPE '\'
            OR lower(r.context) LIKE :first ESCAPE '\'
            OR EXISTS (SELECT 1 FROM members o JOIN people p ON p.user_id = o.user_id
                        WHERE o.room_id = r.id
                          AND (lower(p.name) LIKE :first ESCAPE '\'
                               OR lower(p.name) LIKE :later ESCAPE '\')))
     ORDER BY r.id DESC LIMIT :limit
"""


async def _load(db: Connection, query: str, values: dict[str, Any]) -> list[SiteRoom]:
    rows = await db.fetch_all(query, values)
    if not rows:
        return []
    people, _ = await load_members(db, [row["id"] for row in rows])
    return [SiteRoom(**dict(row._mapping), members=people[row["id"]]) for row in rows]


class SitePatch(Struct):
    """The site's changes to a room: a title, JSON texts, a flag. None removes a JSON text."""

    title: str | UnsetType = UNSET
    about: str | UnsetType | None = UNSET
    data: str | UnsetType | None = UNSET
    frozen: bool | UnsetType = UNSET


async def patch(db: Connection, room_id: int, wanted: SitePatch) -> int | None:
    """The new version of the room's member list; None where there is no such room."""
    query = """
        UPDATE rooms
           SET title = CASE CAST(:has_title AS integer)
                       WHEN 1 THEN CAST(:title AS text) ELSE title END,
               about = CASE CAST(:has_about AS integer)
                       WHEN 1 THEN CAST(:about AS text) ELSE about END,
               data = CASE CAST(:has_data AS integer)
                      WHEN 1 THEN CAST(:data AS text) ELSE data END,
               frozen = CASE CAST(:has_frozen AS integer)
                        WHEN 1 THEN CAST(:frozen AS integer) ELSE frozen END,
               roster = roster + 1
         WHERE id = :room_id AND deleted_at IS NULL
        RETURNING roster
    """
    values: dict[str, Any] = {"room_id": room_id}
    for name in ("title", "about", "data", "frozen"):
        value = getattr(wanted, name)
        values[f"has_{name}"] = int(value is not UNSET)
        values[name] = None if value is UNSET else value
    values["frozen"] = int(bool(values["frozen"]))
    rows = await db.fetch_all(query, values)
    return int(rows[0]["roster"]) if rows else None


async def find_members(db: Connection, room_id: int) -> set[str] | None:
    """None where there is no such room."""
    query = """
        SELECT m.user_id FROM rooms r LEFT JOIN members m ON m.room_id = r.id
         WHERE r.id = :room_id AND r.deleted_at IS NULL
    """
    rows = await db.fetch_all(query, {"room_id": room_id})
    return {row["user_id"] for row in rows if row["user_id"] is not None} if rows else None
