"""Profiles of users, from their tokens or as the site has set them."""

from typing import Any

from databases.core import Connection
from msgspec import Struct

from . import room_words


class SiteProfile(Struct):
    """The stored profile of a user; last_seen in microseconds since 1970, UTC."""

    user_id: str
    name: str | None = None
    picture: str | None = None
    email: str | None = None
    language: str | None = None
    last_seen: int | None = None
    is_online: bool = False


async def see(db: Connection, user_id: str, name: str | None, picture: str | None) -> None:
    """Store name and picture of a token, unless the site has set them."""
    query = """
        INSERT INTO people (user_id, name, picture) VALUES (:user_id, :name, :picture)
        ON CONFLICT (user_id) DO UPDATE
           SET name = CASE people.name_is_set WHEN 1 THEN people.name ELSE excluded.name END,
               picture = CASE people.picture_is_set
                         WHEN 1 THEN people.picture ELSE excluded.picture END
    """
    before = await _name(db, user_id)
    await db.execute(query, {"user_id": user_id, "name": name, "picture": picture})
    await _mark_renamed(db, user_id, before)


async def put(db: Connection, user_id: str, fields: dict[str, str | None]) -> None:
    """Store the profile fields that the site names; None removes a field."""
    query = "INSERT INTO people (user_id) VALUES (:user_id) ON CONFLICT (user_id) DO NOTHING"
    await db.execute(query, {"user_id": user_id})
    values: dict[str, Any] = {"user_id": user_id}
    for name in ("name", "picture", "email", "language"):
        values[name] = fields.get(name)
        values[f"has_{name}"] = int(name in fields)
    query = """
        UPDATE people
           SET name = CASE CAST(:has_name AS integer)
                      WHEN 1 THEN CAST(:name AS text) ELSE name END,
               name_is_set = CASE CAST(:has_name AS integer)
                      WHEN 1 THEN CASE WHEN CAST(:name AS text) IS NULL THEN 0 ELSE 1 END
                      ELSE name_is_set END,
               picture = CASE CAST(:has_picture AS integer)
                      WHEN 1 THEN CAST(:picture AS text) ELSE picture END,
               picture_is_set = CASE CAST(:has_picture AS integer)
                      WHEN 1 THEN CASE WHEN CAST(:picture AS text) IS NULL THEN 0 ELSE 1 END
                      ELSE picture_is_set END,
               email = CASE CAST(:has_email AS integer)
                      WHEN 1 THEN CAST(:email AS text) ELSE email END,
               language = CASE CAST(:has_language AS integer)
                      WHEN 1 THEN CAST(:language AS text) ELSE language END
         WHERE user_id = :user_id
    """
    before = await _name(db, user_id)
    await db.execute(query, values)
    await _mark_renamed(db, user_id, before)


async def _name(db: Connection, user_id: str) -> str | None:
    row = await db.fetch_one("SELECT name FROM people WHERE user_id = :id", {"id": user_id})
    return None if row is None else row["name"]


async def _mark_renamed(db: Connection, user_id: str, before: str | None) -> None:
    if await _name(db, user_id) != before:
        await room_words.mark_rooms_of(db, user_id)


async def load(db: Connection, user_id: str) -> SiteProfile:
    """Load a profile; it is empty if nothing is stored about the user."""
    query = """
        SELECT p.user_id, p.name, p.picture, p.email, p.language, p.last_seen,
               EXISTS (SELECT 1 FROM presence o WHERE o.user_id = p.user_id) AS is_online
          FROM people p WHERE p.user_id = :user_id
    """
    row = await db.fetch_one(query, {"user_id": user_id})
    if row is None:
        return SiteProfile(user_id, is_online=await _is_online(db, user_id))
    found = SiteProfile(**dict(row._mapping))
    found.is_online = bool(found.is_online)
    return found


async def _is_online(db: Connection, user_id: str) -> bool:
    query = "SELECT 1 FROM presence WHERE user_id = :user_id"
    return await db.fetch_one(query, {"user_id": user_id}) is not None
