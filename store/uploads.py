"""Objects that no message holds: uploads on their way into one, and leftovers for the sweep."""

from collections.abc import Sequence

from databases.core import Connection
from msgspec import Struct
from sqlalchemy import bindparam, text

READY, CLEANING = 1, 2


class UploadRow(Struct):
    """`size` in bytes; `expires_at` in microseconds since 1970, UTC: then the sweep takes it.

    `is_ready` is 0 before the bytes were looked at, READY once a message can take them, and
    CLEANING while they are replaced by what is left of them without metadata.
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
    """Noted before its bytes are stored, so that a crash leaves nothing that nobody knows of."""
    query = """
        INSERT INTO uploads (key, room_id, user_id, name, content_type, size, is_ready, expires_at,
                             width, height)
        VALUES (:key, :room_id, :user_id, :name, :content_type, :size, :is_ready, :expires_at,
                :width, :height)
    """
    await db.execute(query, {name: getattr(upload, name) for name in upload.__struct_fields__})


async def get(db: Connection, key: str, room_id: int, user_id: str, now: int) -> UploadRow | None:
    """The user's own upload into this room, while it is not expired."""
    query = """
        SELECT key, room_id, user_id, name, content_type, size, is_ready, expires_at, width, height
          FROM uploads
         WHERE key = :key AND room_id = :room_id AND user_id = :user_id AND expires_at > :now
    """
    values = {"key": key, "room_id": room_id, "user_id": user_id, "now": now}
    row = await db.fetch_one(query, values)
    return None if row is None else UploadRow(**dict(row._mapping))


async def claim(db: Connection, upload: UploadRow, key: str) -> bool:
    """The upload under its final key; False where somebody else was faster."""
    query = """
        UPDATE uploads SET key = :final, expires_at = :expires_at WHERE key = :key RETURNING key
    """
    values = {"final": key, "key": upload.key, "expires_at": upload.expires_at}
    return bool(await db.fetch_all(query, values))


async def update(db: Connection, upload: UploadRow) -> bool:
    """Notes what its bytes are. False where a message has taken it already."""
    query = """
        UPDATE uploads SET name = :name, content_type = :content_type, size = :size,
                           is_ready = :is_ready, width = :width, height = :height
         WHERE key = :key RETURNING key
    """
    names = "key", "name", "content_type", "size", "is_ready", "width", "height"
    return bool(await db.fetch_all(query, {name: getattr(upload, name) for name in names}))


async def is_open(db: Connection, key: str, now: int) -> bool:
    """Whether bytes are still expected under this key."""
    query = "SELECT 1 FROM uploads WHERE key = :key AND expires_at > :now"
    return await db.fetch_one(query, {"key": key, "now": now}) is not None


async def expired(db: Connection, now: int, limit: int) -> list[str]:
    """Keys of objects that the sweep shall take."""
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
