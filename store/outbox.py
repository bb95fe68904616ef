"""The outbox of host events: written with each change, deleted after delivery.

Each listener receives the events of a room in order, at least once. Among processes that share a
database, one at a time delivers a room's events to a listener: it claims the room.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
from databases.core import Connection
from msgspec import UNSET, Raw, Struct
from sqlalchemy import bindparam, text

from .dialect import Dialect
from .members import SITE
from .messages import (
    ActChange,
    Acted,
    Added,
    Change,
    Deleted,
    Edited,
    MessageRow,
    Outcome,
    Reacted,
    ReactionChange,
    extra,
)

Kind = Literal[
    "room_created",
    "message_sent",
    "message_edited",
    "message_deleted",
    "message_reacted",
    "message_action",
    "message_reported",
    "room_changed",
    "member_added",
    "member_removed",
    "room_deleted",
    "messages_unread",
    "user_banned",
    "user_erased",
]


class Happened(Struct):
    """One event; `user_id` did it, or has not read it. `version` is 0 where it took none."""

    kind: Kind
    room_id: int
    user_id: str
    version: int = 0
    message_id: int | None = None
    text: str | None = None
    members: str | None = None  # JSON: of a room that is gone
    about: str | None = None  # whom it is about, where that is somebody else
    context: str | None = None  # of a room that is gone
    details: str | None = None  # JSON: what else the event says


class Noted(Struct):
    """An event as it waits in the outbox; `at` in microseconds since 1970, UTC."""

    id: int
    kind: Kind
    room_id: int
    user_id: str
    version: int
    message_id: int | None
    text: str | None
    members: str | None
    about: str | None
    at: int
    context: str | None = None
    details: str | None = None


class Claim(Struct):
    """A room of which a listener is to be told; `tries` failed since the last success."""

    room_id: int
    listener: str
    tries: int


class Listeners(Struct):
    """The names of listeners; `unread_after` in microseconds, 0 where no listener wants reminders.

    The engines hold the same object as the store: it changes when listeners are added.
    """

    names: tuple[str, ...] = ()
    unread_after: int = 0

    def add(self, others: "Listeners") -> None:
        """Adds the listeners of another list."""
        self.names = tuple(sorted({*self.names, *others.names}))
        self.unread_after = self.unread_after or others.unread_after


def happened(changes: Sequence[Change], outcomes: Sequence[Outcome]) -> list[Happened]:
    """Returns the events of these changes, in their order."""
    found = []
    for change, outcome in zip(changes, outcomes, strict=True):
        if isinstance(change, ActChange):
            found += _pressed(change, outcome)
            continue
        match outcome:
            case Added(m):
                found.append(_of("message_sent", m))
            case Edited(m):
                found.append(_of("message_edited", m))
            case Deleted(id_, version, _, sender_id):
                where = change.room_id, change.sender_id
                said = _details(sender_id, None)
                found.append(Happened("message_deleted", *where, version, id_, details=said))
            case Reacted(id_, _, version, is_new=True):
                assert isinstance(change, ReactionChange)
                where = change.room_id, change.sender_id
                found.append(Happened("message_reacted", *where, version, id_, change.emoji))
    return found


def _pressed(change: ActChange, outcome: Outcome) -> list[Happened]:
    """Returns one event for a press of a button, whether it changed the message or not."""
    if not isinstance(outcome, Acted | Edited):
        return []
    m, params = outcome.message, Raw((change.params or "null").encode())
    said = _details(m.sender_id, m.extra, {"action": change.id, "params": params})
    where = m.room_id, change.sender_id, m.version, m.id
    return [Happened("message_action", *where, text=m.text, details=said)]


def _of(kind: Kind, m: Any) -> Happened:
    said = _details(m.sender_id, m.extra)
    return Happened(kind, m.room_id, m.sender_id, m.version, m.id, m.text, details=said)


def _details(
    sender_id: str, column: str | None, more: dict[str, object] | None = None
) -> str | None:
    """Encodes the parts of a message beside its text as JSON; None where there are none."""
    said = dict(more or {})
    if sender_id == SITE:
        said["kind"] = "system"
    if column is not None and (data := extra.read(column).data) is not UNSET:
        said["data"] = data
    return msgspec.json.encode(said).decode() if said else None


def message_details(message: MessageRow, more: dict[str, object]) -> str | None:
    """The details of an event about a message that is there."""
    return _details(message.sender_id, message.extra, more)


NOTE = """
    INSERT INTO outbox (listener, room_id, kind, user_id, version, message_id, text, members,
                        about, created_at, context, details)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""

# The update locks the row: whoever takes it off meanwhile sees the new last_id.
CALL = """
    INSERT INTO outbox_rooms (room_id, listener, last_id, due_at)
    SELECT $1, $2, max(id), $3 FROM outbox WHERE room_id = $1 AND listener = $2
    HAVING max(id) IS NOT NULL
    ON CONFLICT (room_id, listener) DO UPDATE SET last_id = excluded.last_id
"""

WATCH = """
    INSERT INTO unread_checks (room_id, due_at) VALUES ($1, $2) ON CONFLICT (room_id) DO NOTHING
"""


async def note(db: Connection, listeners: Listeners, events: Iterable[Happened], now: int) -> None:
    """In the transaction of the changes; the rooms are locked by their new versions."""
    events = list(events)
    rows = [
        (
            name,
            e.room_id,
            e.kind,
            e.user_id,
            e.version,
            e.message_id,
            e.text,
            e.members,
            e.about,
            now,
            e.context,
            e.details,
        )
        for e in events
        for name in listeners.names
    ]
    if not rows:
        return
    await _each(db, NOTE, rows)
    rooms = sorted({e.room_id for e in events})
    await _each(db, CALL, [(room, name, now) for room in rooms for name in listeners.names])
    if listeners.unread_after:
        sent = sorted({e.room_id for e in events if e.kind == "message_sent"})
        await _each(db, WATCH, [(room, now + listeners.unread_after) for room in sent])


async def _each(db: Connection, query: str, rows: list[tuple[Any, ...]]) -> None:
    """Execute a statement for all rows in one round trip."""
    raw = db.raw_connection
    if hasattr(raw, "execute_fetchall"):  # SQLite's, whose parameters have names
        named = [{f"p{n}": value for n, value in enumerate(row, 1)} for row in rows]
        await raw.executemany(query.replace("$", ":p"), named)
    else:
        await raw.executemany(query, rows)


async def claim(
    db: Connection, dialect: Dialect, names: Sequence[str], now: int, until: int, limit: int
) -> list[Claim]:
    """Claims rooms of which these listeners are to be told, until a time.

    A commit locks the rows of its rooms in the order of their ids, these are in the order of their
    time: a claim that waited for a commit could be what the commit waits for.
    """
    query = """
        WITH due AS (
            SELECT room_id, listener FROM outbox_rooms r
             WHERE due_at <= :now AND claimed_until <= :now AND listener IN :names
             ORDER BY due_at LIMIT :limit LOCKING(r))
        UPDATE outbox_rooms SET claimed_until = :until
         WHERE (room_id, listener) IN (SELECT room_id, listener FROM due)
           AND claimed_until <= :now
        RETURNING room_id, listener, tries
    """
    bound = text(dialect.speak(query)).bindparams(
        bindparam("names", value=list(names), expanding=True),
        bindparam("now", value=now),
        bindparam("until", value=until),
        bindparam("limit", value=limit),
    )
    rows = await db.fetch_all(bound)
    return [Claim(**dict(row._mapping)) for row in rows]


async def next_due(db: Connection) -> int | None:
    """Return when the next room or check is due, in microseconds since 1970."""
    query = """
        SELECT min(at) AS at
          FROM (SELECT min(due_at) AS at FROM outbox_rooms WHERE claimed_until = 0
                UNION ALL SELECT min(due_at) FROM unread_checks) AS x
    """
    row = await db.fetch_one(query)
    return None if row is None else row["at"]


async def waiting(db: Connection, claim: Claim, limit: int) -> list[Noted]:
    query = """
        SELECT id, kind, room_id, user_id, version, message_id, text, members, about,
               created_at AS at, context, details
          FROM outbox WHERE room_id = :room_id AND listener = :listener ORDER BY id LIMIT :limit
    """
    values = {"room_id": claim.room_id, "listener": claim.listener, "limit": limit}
    return [Noted(**dict(row._mapping)) for row in await db.fetch_all(query, values)]


async def settle(
    db: Connection, claim: Claim, last_delivered: int, tries: int, due_at: int
) -> None:
    """Deletes the events up to this id; the rest is due again, for any process."""
    where = {"room_id": claim.room_id, "listener": claim.listener}
    query = """
        DELETE FROM outbox
         WHERE room_id = :room_id AND listener = :listener AND id <= :last_delivered
    """
    await db.execute(query, {**where, "last_delivered": last_delivered})
    query = """
        UPDATE outbox_rooms SET claimed_until = 0, tries = :tries, due_at = :due_at
         WHERE room_id = :room_id AND listener = :listener
    """
    await db.execute(query, {**where, "tries": tries, "due_at": due_at})
    query = """
        DELETE FROM outbox_rooms
         WHERE room_id = :room_id AND listener = :listener AND last_id <= :last_delivered
    """
    await db.execute(query, {**where, "last_delivered": last_delivered})


async def release(db: Connection) -> None:
    """Free all claims; for a start without other processes."""
    await db.execute("UPDATE outbox_rooms SET claimed_until = 0 WHERE claimed_until > 0")
