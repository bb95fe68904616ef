"""Values of the database as a whole: its epoch, and the key that signs file URLs."""

import secrets
import time

from databases.core import Connection

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


async def begin_lineage(db: Connection, lineage: str, *others: str) -> None:
    """Set a new epoch if the database holds another lineage than `lineage` or `others`.

    A database that was restored from a backup lacks changes. Cursors of the lost timeline are ahead
    of its versions at first, but no longer after new messages. Only another epoch shows that they
    are invalid.
    """
    known = await get(db, "lineage")
    if known not in ("", lineage, *others):
        await set_(db, "epoch", new_epoch())
    if known != lineage:
        await set_(db, "lineage", lineage)


async def identity(db: Connection) -> tuple[str, bytes]:
    """Return the epoch, and the key that signs file URLs."""
    return await get(db, "epoch"), bytes.fromhex(await get(db, "file_key"))


async def prove(db: Connection) -> None:
    """Write a value that nobody reads, to prove that the disk has space and this is no standby."""
    await set_(db, "proven", str(time.time_ns()))


async def get(db: Connection, name: str) -> str:
    row = await db.fetch_one("SELECT value FROM meta WHERE name = :name", {"name": name})
    return "" if row is None else str(row["value"])


async def set_(db: Connection, name: str, value: str) -> None:
    query = """
        INSERT INTO meta (name, value) VALUES (:name, :value)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value
    """
    await db.execute(query, {"name": name, "value": value})


def new_epoch() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(6))
