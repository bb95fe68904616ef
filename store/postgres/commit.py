"""The commit queue's batch: one statement that writes, and so one commit."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from databases.core import Connection

from .. import messages, outbox, reactions
from ..errors import TransactionConflict
from ..messages import (
    Add,
    Added,
    AttachmentRow,
    Change,
    MessageRow,
    Outcome,
    Quotes,
    RefusedChange,
    is_plain,
    runs,
)
from ..messages.columns import with_columns
from ..outbox import Listeners, events_of
from ..receipts import Marks, Moved
from ..search import postgres
from .snapshot import columns_of, load_quotes
from .sql import load_statement

T = TypeVar("T")

STORE_RECEIPTS = load_statement("store_receipts")

STORE_BATCH = load_statement("store_batch")

STORE_ONE = load_statement("store_one")

FIND_REFUSED = load_statement("find_refused")

Done = tuple[list[Outcome], list[Moved]]


async def write(raw: Any, adds: Sequence[Add], marks: Marks, now: int) -> Done:
    """Store texts and receipts by one writing statement, and so in one commit.

    Replies need a transaction that has locked their rooms, so that the quoted message exists.

    A repeated client_id and a sender who is no member take no version. No two of the adds may have
    the same sender and client_id.
    """
    is_one = len(adds) == 1 and not marks and adds[0].reply_to is None
    if is_one and (outcome := await _store_one(raw, adds[0], now)):
        return [outcome], []
    quotes = await load_quotes(
        raw, [(a.room_id, a.reply_to) for a in adds if a.reply_to is not None]
    )
    done = await _store(raw, adds, quotes, marks, now)
    if done is not None:
        return done
    refused = await _judged(raw, adds, quotes)
    left = [add for i, add in enumerate(adds) if i not in refused]
    done = await _store(raw, left, quotes, marks, now)
    if done is None:
        raise TransactionConflict("PostgreSQL: another transaction has changed a room")
    added, moved = iter(done[0]), done[1]
    return [refused.get(i) or next(added) for i in range(len(adds))], moved


async def _store_one(raw: Any, add: Add, now: int) -> Added | None:
    """Return None, with nothing stored, if a check fails."""
    named = add.room_id, add.sender_id, add.client_id
    row = await raw.fetchrow(STORE_ONE, now, *named, add.text_hash, add.text)
    if row is None:
        return None
    id_, version, members_version = row
    message = MessageRow(
        id_, add.room_id, add.sender_id, add.text, now, now, version, add.client_id
    )
    return Added(message, members_version)


async def _store(
    raw: Any, adds: Sequence[Add], quotes: Quotes, marks: Marks, now: int
) -> Done | None:
    """Return None, with nothing stored, if a check fails."""
    if not adds:
        return [], await _mark(raw, marks)
    if any(a.reply_to is not None and a.is_lost(quotes) for a in adds):
        return None
    counts = Counter([a.room_id for a in adds])
    rooms = sorted(counts)  # every process locks rooms, and members, in the same order
    numbers = {room_id: number for number, room_id in enumerate(rooms, 1)}
    places = _places(adds)
    row = await raw.fetchrow(
        STORE_BATCH,
        now,
        rooms,
        [counts[room_id] for room_id in rooms],
        *_touched(adds, marks),
        [numbers[a.room_id] for a in adds],
        places,
        [a.sender_id for a in adds],
        [a.text for a in adds],
        _or_empty([a.client_id for a in adds]),
        _or_empty([a.text_hash for a in adds]),
        _or_empty([a.reply_to for a in adds]),
    )
    if row["bases"] is None:
        return None
    under = dict(zip(rooms, columns_of(row, "bases", "members_versions"), strict=True))
    moved = [Moved(*it) for it in columns_of(row, "marked", "users", "delivered", "read")]
    return _outcomes(adds, places, under, row, quotes, now), moved


def _places(adds: Sequence[Add]) -> list[int]:
    """Return the position of each message among the new ones of its room, from 1 on."""
    last: dict[int, int] = {}
    places = []
    for add in adds:
        last[add.room_id] = last.get(add.room_id, 0) + 1
        places.append(last[add.room_id])
    return places


def _or_empty(column: list[T | None]) -> list[T | None]:
    """Return an empty list for a column without values, since the driver is slow per value."""
    return [] if column.count(None) == len(column) else column


def _touched(adds: Sequence[Add], marks: Marks) -> Iterable[Sequence[Any]]:
    """Return the members' rows as columns: room, user, delivered, read, texts sent."""
    sent = Counter([(a.room_id, a.sender_id) for a in adds])
    rows = [(*who, *marks.get(who, (0, 0)), sent[who]) for who in sorted(sent.keys() | marks)]
    return zip(*rows, strict=True)


def _outcomes(
    adds: Sequence[Add],
    places: Sequence[int],
    under: Mapping[int, tuple[int, int]],
    row: Any,
    quotes: Quotes,
    now: int,
) -> list[Outcome]:
    """Return the outcomes; `under` has each room's former version and its member list's version.

    The ids of the messages are found by room and version.
    """
    ids = dict(zip(columns_of(row, "room_ids", "versions"), row["ids"], strict=True))
    outcomes: list[Outcome] = []
    for add, place in zip(adds, places, strict=True):
        base, members_version = under[add.room_id]
        version = base + place
        message = MessageRow(
            ids[add.room_id, version], add.room_id, add.sender_id, add.text, now, now, version,
            add.client_id, add.reply_to,
        )  # fmt: skip
        if add.reply_to is not None:
            message.quote = quotes.get((add.room_id, add.reply_to))
        outcomes.append(Added(message, members_version))
    return outcomes


async def _mark(raw: Any, marks: Marks) -> list[Moved]:
    if not marks:
        return []
    columns = zip(*[(*who, *upto) for who, upto in sorted(marks.items())], strict=True)
    return [Moved(*row) for row in await raw.fetch(STORE_RECEIPTS, *columns)]


async def _judged(raw: Any, adds: Sequence[Add], quotes: Quotes) -> dict[int, Outcome]:
    """Return the outcomes of messages that must not be stored, by their positions."""
    columns = [a.room_id for a in adds], [a.sender_id for a in adds], [a.client_id for a in adds]
    refused: dict[int, Outcome] = {
        i: RefusedChange("not_found", a.reply_to) for i, a in enumerate(adds) if a.is_lost(quotes)
    }
    for row in await raw.fetch(FIND_REFUSED, *columns):
        i = row["place"] - 1
        refused[i] = await _refused(raw, adds[i], row)
    return refused


async def _refused(raw: Any, add: Add, row: Any) -> Outcome:
    if not row["is_member"]:
        return RefusedChange("not_found")
    if row["id"] is None:
        return RefusedChange("forbidden")
    message = await _read_message(raw, add.room_id, row["id"])
    return add.outcome_of_repeat(message, row["text_hash"], is_deleted=row["is_deleted"])


async def _read_message(raw: Any, room_id: int, message_id: int) -> MessageRow:
    query = with_columns("""
        SELECT {columns}
          FROM messages m WHERE room_id = $1 AND id = $2
    """)
    message = MessageRow(*await raw.fetchrow(query, room_id, message_id))
    query = """
        SELECT key, name, content_type, size, width, height FROM attachments
         WHERE room_id = $1 AND message_id = $2 ORDER BY position
    """
    files = await raw.fetch(query, room_id, message_id)
    message.attachments = [AttachmentRow(*file) for file in files]
    query = """
        SELECT message_id, emoji, user_id FROM reactions WHERE room_id = $1 AND message_id = $2
         ORDER BY created_at, emoji, user_id
    """
    reacted = await raw.fetch(query, room_id, message_id)
    message.reactions = reactions.gathered(reacted).get(message_id, ())
    message.quote = (await load_quotes(raw, [(room_id, message.reply_to)])).get(
        (room_id, message.reply_to)
    )
    return message


async def commit_changes(
    db: Connection,
    listeners: Listeners,
    changes: Sequence[Change],
    marks: Marks,
    now: int,
    *,
    is_again: bool,
) -> tuple[list[Outcome], list[Moved]]:
    """Commit changes and marks; `is_again` after a conflict: then rooms are locked first."""
    raw = db.raw_connection
    plain = [change for change in changes if is_plain(change)]
    is_plain_all = len(plain) == len(changes)
    is_lonely = is_plain_all and all(add.reply_to is None for add in plain)
    if is_lonely and not is_again and not (plain and listeners.names):
        return await write(raw, plain, marks, now)
    async with raw.transaction():
        rooms = sorted({change.room_id for change in changes})
        await raw.execute("SELECT id FROM rooms WHERE id = ANY($1) ORDER BY id FOR UPDATE", rooms)
        if is_plain_all:
            outcomes, moved = await write(raw, plain, marks, now)
        else:
            outcomes = await _in_runs(db, changes, now)
            _, moved = await write(raw, (), marks, now)
        await outbox.note(db, listeners, events_of(changes, outcomes), now)
        return outcomes, moved


async def _in_runs(db: Connection, changes: Sequence[Change], now: int) -> list[Outcome]:
    """Make changes in the order given; consecutive texts are one statement."""
    outcomes: list[Outcome] = []
    for run in runs(changes):
        if isinstance(run, list):
            outcomes += (await write(db.raw_connection, run, {}, now))[0]
        else:
            outcomes.append(await messages.make(db, run, now))
    await postgres.forget(db, messages.rewritten(outcomes))
    return outcomes
