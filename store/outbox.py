"""The outbox of host events: written with each change, deleted after delivery.

Each listener receives the events of a room in order, at least once. One process at a time delivers
a room's events to a listener: it claims the room.
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


class NewEvent(Struct):
    """One event; `user_id` caused it, or has unread messages. `version` is 0 if it took none."""

    kind: Kind
    room_id: int
    user_id: str
    version: int = 0
    message_id: int | None = None
    text: str | None = None
    members: str | None = None  # JSON: the members of a deleted room
    about: str | None = None  # the user whom it concerns, if it is not `user_id`
    context: str | None = None  # the context of a deleted room
    details: str | None = None  # JSON: further fields of the event


class StoredEvent(Struct):
    """An event in the outbox; `at` in microseconds since 1970, UTC."""

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
    """A room with events for a listener; `tries` is the number of failures in a row."""

    room_id: int
    listener: str
    tries: int


class Listeners(Struct):
    """The names of listeners; `unread_after` in microseconds, 0 if none wants reminders.

    The engines share this object with the store, so added listeners take effect there.
    """

    names: tuple[str, ...] = ()
    unread_after: int = 0

    def add(self, others: "Listeners") -> None:
        """Add the listeners of another list."""
        self.names = tuple(sorted({*self.names, *others.names}))
        self.unread_after = self.unread_after or others.unread_after


def events_of(changes: Sequence[Change], outcomes: Sequence[Outcome]) -> list[NewEvent]:
    """Return the events of these changes, in their order."""
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
                details = _details(sender_id, None)
                found.append(NewEvent("message_deleted", *where, version, id_, details=details))
            case Reacted(id_, _, version, is_new=True):
                assert isinstance(change, ReactionChange)
                where = change.room_id, change.sender_id
                found.append(NewEvent("message_reacted", *where, version, id_, change.emoji))
    return found


def _pressed(change: ActChange, outcome: Outcome) -> list[NewEvent]:
    """Return one event for a press of a button, whether it changed the message or not."""
    if not isinstance(outcome, Acted | Edited):
        return []
    m, params = outcome.message, Raw((change.params or "null").encode())
    details = _details(m.sender_id, m.extra, {"action": change.id, "params": params})
    where = m.room_id, change.sender_id, m.version, m.id
    return [NewEvent("message_action", *where, text=m.text, details=details)]


def _of(kind: Kind, m: Any) -> NewEvent:
    details = _details(m.sender_id, m.extra)
    return NewEvent(kind, m.room_id, m.sender_id, m.version, m.id, m.text, details=details)


def _details(
    sender_id: str, column: str | None, more: dict[str, object] | None = None
) -> str | None:
    """Encode the extra parts of a message as JSON; None if there are none."""
    details = dict(more or {})
    if sender_id == SITE:
        details["kind"] = "system"
    if column is not None and (data := extra.read(column).data) is not UNSET:
        details["data"] = data
    return msgspec.json.encode(details).decode() if details else None


def message_details(message: MessageRow, more: dict[str, object]) -> str | None:
    """Return the details of an event about an existing message, as JSON."""
    return _details(message.sender_id, message.extra, more)


INSERT_EVENT = """
    INSERT INTO outbox (listener, room_id, kind, user_id, version, message_id, text, members,
                        about, created_at, context, details)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""

# The update locks the row: a process that removes it at the same time sees the new last_id.
CALL_RELAY = """
    INSERT INTO outbox_rooms (room_id, listener, last_id, due_at)
    SELECT $1, $2, max(id), $3 FROM outbox WHERE room_id = $1 AND listener = $2
    HAVING max(id) IS NOT NULL
    ON CONFLICT (room_id, listener) DO UPDATE SET last_id = excluded.last_id
"""

INSERT_UNREAD_CHECK = """
    INSERT INTO unread_checks (room_id, due_at) VALUES ($1, $2) ON CONFLICT (room_id) DO NOTHING
"""


async def note(db: Connection, listeners: Listeners, events: Iterable[NewEvent], now: int) -> None:
    """Write events in the transaction of their changes, whose new versions lock the rooms."""
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
    await _each(db, INSERT_EVENT, rows)
    rooms = sorted({e.room_id for e in events})
    await _each(db, CALL_RELAY, [(room, name, now) for room in rooms for name in listeners.names])
    if listeners.unread_after:
        sent = sorted({e.room_id for e in events if e.kind == "message_sent"})
        await _each(
            db, INSERT_UNREAD_CHECK, [(room, now + listeners.unread_after) for room in sent]
        )


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
    """Claim rooms with events for these listeners, until a time (microseconds since 1970, UTC).

    Locked rows are skipped. A commit locks rooms by their ids and this query by their time, so
    waiting for each other could be a deadlock.
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
    bound = text(dialect.render(query)).bindparams(
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


async def waiting(db: Connection, claim: Claim, limit: int) -> list[StoredEvent]:
    query = """
        SELECT id, kind, room_id, user_id, version, message_id, text, members, about,
               created_at AS at, context, details
          FROM outbox WHERE room_id = :room_id AND listener = :listener ORDER BY id LIMIT :limit
    """
    values = {"room_id": claim.room_id, "listener": claim.listener, "limit": limit}
    return [StoredEvent(**dict(row._mapping)) for row in await db.fetch_all(query, values)]


async def settle(
    db: Connection, claim: Claim, last_delivered: int, tries: int, due_at: int
) -> None:
    """Delete the events up to this id, and release the claim; the rest is due at `due_at`."""
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
    """Release all claims; for the start of a chat with a single process."""
    await db.execute("UPDATE outbox_rooms SET claimed_until = 0 WHERE claimed_until > 0")
