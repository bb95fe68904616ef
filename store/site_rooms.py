"""Queries of the site for all rooms, whoever their members are."""
# ruff: noqa: S608 # every part of these statements stands here, or is an id

from collections.abc import Sequence
from typing import Any

from databases.core import Connection
from msgspec import UNSET, Struct, UnsetType

from . import room_pages, room_words, rooms
from .dialect import Dialect
from .room_list import Person, load_members
from .room_pages import RoomQuery
from .room_places import RoomPlace
from .room_words import SITE, WordTerm, word_conditions

ABOVE_ALL_IDS = 2**53


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


COLUMNS = """
    r.id, r.context, r.title, r.created_at, r.active_at, r.version, r.about, r.data, r.frozen
"""


class RoomFilter(Struct, frozen=True):
    """A query for rooms, of a user or with words; `after` is the last room of the page before."""

    user_id: str | None = None
    terms: tuple[WordTerm, ...] = ()
    after: RoomPlace | None = None
    as_of: int | None = None


async def one(db: Connection, room_id: int) -> SiteRoom | None:
    """Return a room; None if it does not exist or is deleted."""
    query = f"SELECT {COLUMNS} FROM rooms r WHERE r.id = :room_id AND r.deleted_at IS NULL"
    found = await _load(db, query, {"room_id": room_id})
    return found[0] if found else None


async def page(
    db: Connection, dialect: Dialect, wanted: RoomFilter, limit: int
) -> tuple[list[SiteRoom], list[RoomPlace]]:
    """Return a user's rooms by activity, or all rooms by age, the newest first, and their places.

    Ordered by age, the place of a room is its id alone.
    """
    if wanted.user_id is not None:
        places = await _of_user(db, dialect, wanted, limit)
    else:
        places = await _by_age(db, wanted, limit)
    return await _of_ids(db, [place.room_id for place in places]), places


async def _of_user(
    db: Connection, dialect: Dialect, wanted: RoomFilter, limit: int
) -> list[RoomPlace]:
    """Return the places of the user's rooms, archived ones included."""
    places: list[RoomPlace] = []
    for is_archived in (False, True):
        query = RoomQuery(
            wanted.user_id or "", limit, 0, is_archived,
            terms=wanted.terms, place=wanted.after, as_of=wanted.as_of,
        )  # fmt: skip
        places += await room_pages.find(db, dialect, query)
    return sorted(places, reverse=True)[:limit]


async def _by_age(db: Connection, wanted: RoomFilter, limit: int) -> list[RoomPlace]:
    """Return places by age: few rooms with the words are read one by one, else all are walked."""
    values: dict[str, Any] = {}
    checks = word_conditions(wanted.terms, values, room="r.id", owner=f"'{SITE}'")
    named = await room_pages.find_named(db, SITE, wanted.terms)
    among = "" if named is None else f"AND id IN ({', '.join(map(str, named)) or 'NULL'})"
    statement = f"""
        SELECT 0 AS at, r.id, CASE WHEN {" AND ".join(checks) or "0 = 0"} THEN 1 ELSE 0 END AS fits
          FROM (SELECT id FROM rooms WHERE id < :id AND deleted_at IS NULL {among}
                 ORDER BY id DESC LIMIT :size) AS r
    """

    async def step(place: RoomPlace, size: int) -> Sequence[Any]:
        return await db.fetch_all(statement, {**values, "id": place.room_id, "size": size})

    return await room_pages.walk(step, wanted.after or RoomPlace(0, ABOVE_ALL_IDS), limit)


async def _of_ids(db: Connection, room_ids: list[int]) -> list[SiteRoom]:
    """Return rooms in the order of these ids."""
    if not room_ids:
        return []
    ids = ", ".join(map(str, room_ids))
    found = await _load(db, f"SELECT {COLUMNS} FROM rooms r WHERE r.id IN ({ids})", {})
    by_id = {room.id: room for room in found}
    return [by_id[room_id] for room_id in room_ids if room_id in by_id]


async def _load(db: Connection, query: str, values: dict[str, Any]) -> list[SiteRoom]:
    rows = await db.fetch_all(query, values)
    if not rows:
        return []
    people, _ = await load_members(db, [row["id"] for row in rows])
    return [SiteRoom(**dict(row._mapping), members=people[row["id"]]) for row in rows]


class SitePatch(Struct):
    """The site's changes to a room; None removes `about` or `data`, which are JSON."""

    title: str | UnsetType = UNSET
    about: str | UnsetType | None = UNSET
    data: str | UnsetType | None = UNSET
    frozen: bool | UnsetType = UNSET


async def patch(db: Connection, room_id: int, wanted: SitePatch) -> int | None:
    """Change a room; return its new list version, 0 if nothing changed, None without a room."""
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
               members_version = members_version + 1
         WHERE id = :room_id AND deleted_at IS NULL
           AND (title <> CASE CAST(:has_title AS integer)
                         WHEN 1 THEN CAST(:title AS text) ELSE title END
             OR coalesce(about, '') <> CASE CAST(:has_about AS integer)
                         WHEN 1 THEN coalesce(CAST(:about AS text), '') ELSE coalesce(about, '') END
             OR coalesce(data, '') <> CASE CAST(:has_data AS integer)
                         WHEN 1 THEN coalesce(CAST(:data AS text), '') ELSE coalesce(data, '') END
             OR frozen <> CASE CAST(:has_frozen AS integer)
                          WHEN 1 THEN CAST(:frozen AS integer) ELSE frozen END)
        RETURNING members_version
    """
    values: dict[str, Any] = {"room_id": room_id}
    for name in ("title", "about", "data", "frozen"):
        value = getattr(wanted, name)
        values[f"has_{name}"] = int(value is not UNSET)
        values[name] = None if value is UNSET else value
    values["frozen"] = int(bool(values["frozen"]))
    rows = await db.fetch_all(query, values)
    if not rows:
        return 0 if await rooms.exists(db, room_id) else None
    if wanted.title is not UNSET or wanted.about is not UNSET:
        await room_words.mark_room(db, room_id)
    return int(rows[0]["members_version"])


async def find_members(db: Connection, room_id: int) -> set[str] | None:
    """Return the members of a room; None if there is no such room."""
    query = """
        SELECT m.user_id FROM rooms r LEFT JOIN members m ON m.room_id = r.id
         WHERE r.id = :room_id AND r.deleted_at IS NULL
    """
    rows = await db.fetch_all(query, {"room_id": room_id})
    return {row["user_id"] for row in rows if row["user_id"] is not None} if rows else None
