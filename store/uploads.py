"""Objects that no message holds: pending uploads, and objects for the next sweep."""

from collections.abc import Sequence

from databases.core import Connection
from msgspec import Struct
from sqlalchemy import bindparam, text

READY, CLEANING = 1, 2


class UploadRow(Struct):
    """An upload; `size` in bytes. After `expires_at` (microseconds since 1970, UTC) it is swept.

    `is_ready` is 0 before the bytes were checked, READY once a message can use them, and CLEANING
    while they are being replaced by bytes without metadata.
    """

    key: str
    room_id: int
    user_id: str
    name: str
    content_type: str
    size: int
    is_ready: int
    expires_at: int
    width: int | None = None
    height: int | None = None


async def add(db: Connection, upload: UploadRow) -> None:
    """Record an upload before its bytes are stored, so that a crash leaves no unknown object."""
    query = """
        INSERT INTO uploads (key, room_id, user_id, name, content_type, size, is_ready, expires_at,
                             width, height)
        VALUES (:key, :room_id, :user_id, :name, :content_type, :size, :is_ready, :expires_at,
                :width, :height)
    """
    await db.execute(query, {name: getattr(upload, name) for name in upload.__struct_fields__})


async def get(db: Connection, key: str, room_id: int, user_id: str, now: int) -> UploadRow | None:
    """Return the user's own upload into this room, if it has not expired."""
    query = """
        SELECT key, room_id, user_id, name, content_type, size, is_ready, expires_at, width, height
          FROM uploads
         WHERE key = :key AND room_id = :room_id AND user_id = :user_id AND expires_at > :now
    """
    values = {"key": key, "room_id": room_id, "user_id": user_id, "now": now}
    row = await db.fetch_one(query, values)
    return None if row is None else UploadRow(**dict(row._mapping))


async def claim(db: Connection, upload: UploadRow, key: str) -> bool:
    """Give the upload its final key; return False if another request was faster."""
    query = """
        UPDATE uploads SET key = :final, expires_at = :expires_at WHERE key = :key RETURNING key
    """
    values = {"final": key, "key": upload.key, "expires_at": upload.expires_at}
    return bool(await db.fetch_all(query, values))


async def update(db: Connection, upload: UploadRow) -> bool:
    """Record the checked type and size; return False if a message has used it already."""
    query = """
        UPDATE uploads SET name = :name, content_type = :content_type, size = :size,
                           is_ready = :is_ready, width = :width, height = :height
         WHERE key = :key RETURNING key
    """
    names = "key", "name", "content_type", "size", "is_ready", "width", "height"
    return bool(await db.fetch_all(query, {name: getattr(upload, name) for name in names}))


async def is_open(db: Connection, key: str, now: int) -> bool:
    """Return whether bytes are still expected under this key."""
    query = "SELECT 1 FROM uploads WHERE key = :key AND expires_at > :now"
    return await db.fetch_one(query, {"key": key, "now": now}) is not None


async def expired(db: Connection, now: int, limit: int) -> list[str]:
    """Return the keys of objects to sweep."""
    query = """
        SELECT key FROM uploads
         WHERE expires_at <= :now
           AND NOT EXISTS (SELECT 1 FROM attachments a WHERE a.key = uploads.key)
         ORDER BY expires_at LIMIT :limit
    """
    return [row["key"] for row in await db.fetch_all(query, {"now": now, "limit": limit})]


async def forget(db: Connection, keys: Sequence[str]) -> None:
    """Delete the rows of uploads, after their objects were removed."""
    query = text("DELETE FROM uploads WHERE key IN :keys").bindparams(
        bindparam("keys", value=list(keys), expanding=True)
    )
    await db.execute(query)


async def expire(db: Connection, keys: Sequence[str]) -> None:
    """Expire uploads: the sweep removes them, and no message can use them."""
    query = text("UPDATE uploads SET expires_at = 0 WHERE key IN :keys").bindparams(
        bindparam("keys", value=list(keys), expanding=True)
    )
    await db.execute(query)
