"""Presence: a row for each user and each process that holds them online, and process leases.

Every change of a user's presence first updates their row in `people`. So of two processes that
change it at the same time, the second sees the change of the first. `last_seen` grows with each
change: if two events arrive in the wrong order, the later change wins.
"""

from collections.abc import Collection

import msgspec
from databases.core import Connection
from msgspec import Struct

from .dialect import Dialect

USER_BATCH = 2_000  # users in one transaction


class Seen(Struct):
    """A user's presence, and the time of its last change: microseconds since 1970, UTC."""

    user_id: str
    is_online: bool
    last_seen: int
    hidden_from: list[str] = []  # users whom this one has blocked: they must not see it


class Process(Struct, frozen=True):
    """A process that writes presence, and the length of its lease in microseconds."""

    id: str
    lease: int
    dialect: Dialect


async def change(
    db: Connection, me: Process, came: Collection[str], left: Collection[str]
) -> tuple[bool, list[Seen]]:
    """Write changes; return whether the lease was valid, and whose presence changed.

    If it had expired, other processes may have set its users offline: write all of them again.
    """
    is_known = await _renew(db, me)
    stamps = await _touch(db, me, [*came, *left])
    fresh = await _add(db, me, came)
    removed = await _remove(db, me, left)
    elsewhere = await _elsewhere(db, me, fresh | removed)
    changed = sorted((fresh | removed) - elsewhere)
    seen = [Seen(user, user in fresh, stamps[user]) for user in changed]
    return is_known, await _hide(db, me.dialect, seen)


async def _renew(db: Connection, me: Process) -> bool:
    query = "UPDATE processes SET alive_until = NOW + :lease WHERE id = :id RETURNING id"
    values = {"id": me.id, "lease": me.lease}
    if await db.fetch_all(me.dialect.render(query), values):
        return True
    query = "INSERT INTO processes (id, alive_until) VALUES (:id, NOW + :lease)"
    await db.execute(me.dialect.render(query), values)
    return False


async def _touch(
    db: Connection, me: Process, users: Collection[str], at: int | None = None
) -> dict[str, int]:
    """Set `last_seen` to this time or now, but always later than before; return it by user."""
    query = """
        INSERT INTO people (user_id, last_seen)
        SELECT value, coalesce(:at, NOW) FROM EACH WHERE true
        ON CONFLICT (user_id) DO UPDATE
           SET last_seen = CASE WHEN people.last_seen >= excluded.last_seen
                                THEN people.last_seen + 1 ELSE excluded.last_seen END
        RETURNING user_id, last_seen
    """
    if not users:
        return {}
    rows = await db.fetch_all(me.dialect.render(query), {"users": _json(users), "at": at})
    return {row["user_id"]: row["last_seen"] for row in rows}


def _json(users: Collection[str]) -> str:
    """Encode users in the order in which all processes lock their rows."""
    return msgspec.json.encode(sorted(users)).decode()


async def _add(db: Connection, me: Process, users: Collection[str]) -> set[str]:
    query = """
        INSERT INTO presence (user_id, process_id) SELECT value, :id FROM EACH WHERE true
        ON CONFLICT (user_id, process_id) DO NOTHING
        RETURNING user_id
    """
    return await _users(db, me, query, users)


async def _remove(db: Connection, me: Process, users: Collection[str]) -> set[str]:
    query = """
        DELETE FROM presence WHERE process_id = :id AND user_id IN (SELECT value FROM EACH)
        RETURNING user_id
    """
    return await _users(db, me, query, users)


async def _elsewhere(db: Connection, me: Process, users: Collection[str]) -> set[str]:
    query = """
        SELECT DISTINCT user_id FROM presence
         WHERE process_id <> :id AND user_id IN (SELECT value FROM EACH)
    """
    return await _users(db, me, query, users)


async def _users(db: Connection, me: Process, query: str, users: Collection[str]) -> set[str]:
    if not users:
        return set()
    rows = await db.fetch_all(me.dialect.render(query), {"id": me.id, "users": _json(users)})
    return {row["user_id"] for row in rows}


# ---------------------------------------------------------------- the end of a process


async def retire(db: Connection, me: Process, grace: int) -> None:
    """End a process; its users go offline after this time if they do not reconnect."""
    rows = await db.fetch_all("SELECT user_id FROM presence WHERE process_id = :id", {"id": me.id})
    await _touch(db, me, [row["user_id"] for row in rows])
    query = "UPDATE processes SET alive_until = NOW + :grace WHERE id = :id"
    await db.execute(me.dialect.render(query), {"id": me.id, "grace": grace})


async def reap(db: Connection, me: Process, *, all_others: bool = False) -> list[Seen] | None:
    """Remove users of a process whose lease has expired; return those who are offline now.

    None if there is no such process. Of several processes that call it at once, one succeeds.
    """
    query = """
        UPDATE processes SET alive_until = alive_until
         WHERE id = (SELECT min(id) FROM processes
                      WHERE id <> :me AND (alive_until < NOW OR :all_others = 1))
           AND (alive_until < NOW OR :all_others = 1)
        RETURNING id, alive_until
    """
    values = {"me": me.id, "all_others": int(all_others)}
    rows = await db.fetch_all(me.dialect.render(query), values)
    if not rows:
        return None
    expired = Process(rows[0]["id"], me.lease, me.dialect)
    users = await _some_users(db, expired)
    stamps = await _touch(db, expired, users, at=rows[0]["alive_until"] - me.lease)
    removed = await _remove(db, expired, users)
    if len(users) < USER_BATCH:
        await db.execute("DELETE FROM processes WHERE id = :id", {"id": expired.id})
    offline = sorted(removed - await _elsewhere(db, expired, removed))
    return await _hide(db, me.dialect, [Seen(user, False, stamps[user]) for user in offline])


async def _some_users(db: Connection, expired: Process) -> list[str]:
    query = """
        SELECT user_id FROM presence WHERE process_id = :id ORDER BY user_id LIMIT :most
    """
    rows = await db.fetch_all(query, {"id": expired.id, "most": USER_BATCH})
    return [row["user_id"] for row in rows]


# ---------------------------------------------------------------- reading


async def of(db: Connection, dialect: Dialect, users: Collection[str]) -> list[Seen]:
    """Return the presence of those of these users who were ever online."""
    query = """
        SELECT p.user_id, p.last_seen,
               EXISTS (SELECT 1 FROM presence o WHERE o.user_id = p.user_id) AS is_online
          FROM people p
         WHERE p.user_id IN (SELECT value FROM EACH) AND p.last_seen IS NOT NULL
    """
    rows = await db.fetch_all(dialect.render(query), {"users": _json(users)})
    seen = [Seen(row["user_id"], bool(row["is_online"]), row["last_seen"]) for row in rows]
    return await _hide(db, dialect, seen)


async def _hide(db: Connection, dialect: Dialect, seen: list[Seen]) -> list[Seen]:
    """Set `hidden_from` of each of these; it is cheap if there are no blocks."""
    if not seen or await db.fetch_one("SELECT 1 FROM blocks LIMIT 1") is None:
        return seen
    query = """
        SELECT user_id, blocked_id FROM blocks WHERE user_id IN (SELECT value FROM EACH)
    """
    by_user = {each.user_id: each for each in seen}
    for row in await db.fetch_all(dialect.render(query), {"users": _json(by_user)}):
        by_user[row["user_id"]].hidden_from.append(row["blocked_id"])
    return seen
