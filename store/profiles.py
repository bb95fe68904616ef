"""Names and pictures of users, as last seen in their tokens."""

from databases.core import Connection


async def see(db: Connection, user_id: str, name: str | None, picture: str | None) -> None:
    query = """
        INSERT INTO people (user_id, name, picture) VALUES (:user_id, :name, :picture)
        ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, picture = excluded.picture
    """
    await db.execute(query, {"user_id": user_id, "name": name, "picture": picture})
