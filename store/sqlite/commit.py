"""Writes the commit queue's batch, synchronously in the connection's thread.

It uses few statements for many rows, because each releases the interpreter's lock and must acquire
it again.
"""

import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from ..messages import Add, Added, MessageRow, Outcome, Quotes, RefusedChange
from ..messages.columns import with_columns
from ..messages.others import with_others
from ..receipts import Marks, Moved
from .connection import encode_json, transaction
from .lineage import Lineage
from .snapshot import complete, load_quotes

ADVANCE = with_others("""
    WITH t AS MATERIALIZED (  -- otherwise each use of a column parses the JSON again
         SELECT value->>0 AS room_id, value->>1 AS user_id, value->>2 AS delivered,
                value->>3 AS read, value->>4 AS sent
           FROM json_each(?))
    UPDATE members AS m
       SET delivered_upto = max(delivered_upto, t.delivered),
           read_upto = max(read_upto, t.read),
           sent = m.sent + t.sent,
           -- Count the passed messages, or those above if these are fewer than 1,000.
           seen = CASE WHEN t.read > read_upto THEN coalesce(
               seen + (SELECT CASE WHEN count(*) < 1000
                                   THEN count(*) FILTER (WHERE x.sender_id <> t.user_id) END
                         FROM (SELECT sender_id FROM messages
                                WHERE room_id = t.room_id AND id > read_upto AND id <= t.read
                                LIMIT 1000) AS x),
               (SELECT total - m.sent FROM rooms WHERE id = t.room_id)
               - (SELECT CASE WHEN count(*) < 1000
                              THEN count(*) FILTER (WHERE x.sender_id <> t.user_id) END
                    FROM (SELECT sender_id FROM messages
                           WHERE room_id = t.room_id AND id > t.read LIMIT 1000) AS x),
               seen + (SELECT count(*) FROM messages o
                        WHERE o.room_id = t.room_id AND o.id > read_upto
                          AND o.id <= t.read AND o.sender_id <> t.user_id)) ELSE seen END,
           unread_deleted = CASE WHEN t.read > read_upto AND unread_deleted > 0 THEN
               max(0, coalesce(
               unread_deleted
               - (SELECT CASE WHEN count(*) < 1000
                              THEN count(*) FILTER (WHERE x.sender_id <> t.user_id) END
                    FROM (SELECT sender_id FROM messages
                           WHERE room_id = t.room_id AND id > read_upto AND id <= t.read
                             AND deleted_at IS NOT NULL LIMIT 1000) AS x),
               (SELECT CASE WHEN count(*) < 1000
                            THEN count(*) FILTER (WHERE x.sender_id <> t.user_id) END
                  FROM (SELECT sender_id FROM messages
                         WHERE room_id = t.room_id AND id > t.read
                           AND deleted_at IS NOT NULL LIMIT 1000) AS x),
               unread_deleted
               - (SELECT count(*) FROM messages o
                   WHERE o.room_id = t.room_id AND o.id > read_upto AND o.id <= t.read
                     AND o.sender_id <> t.user_id AND o.deleted_at IS NOT NULL)))
               ELSE unread_deleted END,
           is_behind = CASE WHEN is_behind = 1 AND t.read > read_upto
                             AND NOT {others_above_read} THEN 0 ELSE is_behind END
      FROM t
     WHERE m.room_id = t.room_id AND m.user_id = t.user_id
       AND (delivered_upto < t.delivered OR read_upto < t.read OR t.sent > 0)
    RETURNING room_id, user_id, coalesce(shown_delivered, delivered_upto),
              coalesce(shown_read, read_upto)
""")


def commit_batch(
    db: sqlite3.Connection, lineage: Lineage, adds: Sequence[Add], marks: Marks, now: int
) -> tuple[list[Outcome], list[Moved]]:
    """Commit texts and receipts in one transaction."""
    result = transaction(db, "BEGIN IMMEDIATE", write_batch, lineage, adds, marks, now)
    lineage.advance()
    return result


def write_batch(
    db: sqlite3.Connection, lineage: Lineage, adds: Sequence[Add], marks: Marks, now: int
) -> tuple[list[Outcome], list[Moved]]:
    """Write a batch in the caller's transaction; they advance the lineage after the commit."""
    outcomes, moved = store_texts(db, adds, marks, now)
    db.execute("UPDATE meta SET value = ? WHERE name = 'lineage'", (lineage.next(),))
    return outcomes, moved


def store_texts(
    db: sqlite3.Connection, adds: Sequence[Add], marks: Marks, now: int
) -> tuple[list[Outcome], list[Moved]]:
    """Store texts in the order given, and marks; return the outcome of each text, in that order.

    A repeated client_id and a sender who is no member take no version. Two adds must not have the
    same sender and client_id.
    """
    outcomes, quotes = _find_settled(db, adds)
    senders = [(a.room_id, a.sender_id) for a in adds]
    sent = Counter([who for i, who in enumerate(senders) if i not in outcomes])
    touched = advance(db, marks, sent) if marks or sent else {}
    for i, who in enumerate(senders):
        if who not in touched and i not in outcomes:
            outcomes[i] = RefusedChange("not_found")
    fresh = [a for i, a in enumerate(adds) if i not in outcomes]
    added = iter(_insert(db, fresh, _number(db, fresh, now), quotes, now) if fresh else ())
    made = [outcomes[i] if i in outcomes else next(added) for i in range(len(adds))]
    return made, [moved for who, moved in touched.items() if who in marks]


def _find_settled(db: sqlite3.Connection, adds: Sequence[Add]) -> tuple[dict[int, Outcome], Quotes]:
    """Return outcomes of messages that must not be stored, by position, and quoted messages.

    Only client_ids, replies and blocks are checked here; non-members are refused later.
    """
    silenced = _find_silenced(db, {(a.room_id, a.sender_id) for a in adds})
    looked = {
        i: a
        for i, a in enumerate(adds)
        if a.client_id is not None or a.reply_to is not None or (a.room_id, a.sender_id) in silenced
    }
    if not looked:
        return {}, {}
    outcomes = _find_repeated(db, looked)
    quotes = load_quotes(db, [(a.room_id, a.reply_to) for a in looked.values()])
    for i, a in looked.items():
        if i not in outcomes and a.is_lost(quotes):
            outcomes[i] = RefusedChange("not_found", a.reply_to)
    return outcomes, quotes


def _find_silenced(
    db: sqlite3.Connection, senders: Collection[tuple[int, str]]
) -> set[tuple[int, str]]:
    """Return the senders in a frozen room, or in a direct room whose other member blocked them."""
    query = """
        SELECT o.value->>0, o.value->>1 FROM json_each(?) AS o
         WHERE EXISTS (SELECT 1 FROM blocked_senders b
                        WHERE b.room_id = o.value->>0 AND b.user_id = o.value->>1)
            OR EXISTS (SELECT 1 FROM rooms r WHERE r.id = o.value->>0 AND r.frozen = 1)
    """
    any_ = """
        SELECT EXISTS (SELECT 1 FROM blocks) OR EXISTS (SELECT 1 FROM rooms WHERE frozen = 1)
    """
    if not senders or not db.execute(any_).fetchone()[0]:
        return set()
    return set(db.execute(query, (encode_json(list(senders)),)).fetchall())


def _find_repeated(db: sqlite3.Connection, adds: Mapping[int, Add]) -> dict[int, Outcome]:
    query = with_columns("""
        SELECT o.value->>3, me.user_id IS NOT NULL,
               EXISTS (SELECT 1 FROM blocked_senders b
                        WHERE b.room_id = me.room_id AND b.user_id = me.user_id)
               OR EXISTS (SELECT 1 FROM rooms r WHERE r.id = me.room_id AND r.frozen = 1),
               m.text_hash,
               m.deleted_at IS NOT NULL,
               {columns}
          FROM json_each(?) AS o
          LEFT JOIN members me ON me.room_id = o.value->>0 AND me.user_id = o.value->>1
          LEFT JOIN messages m ON m.room_id = o.value->>0 AND m.sender_id = o.value->>1
                              AND m.client_id = o.value->>2
    """)
    asked = encode_json([(a.room_id, a.sender_id, a.client_id, i) for i, a in adds.items()])
    outcomes: dict[int, Outcome] = {}
    rows = db.execute(query, (asked,)).fetchall()
    for i, is_member, is_silenced, text_hash, is_deleted, *fields in rows:
        if not is_member:
            outcomes[i] = RefusedChange("not_found")
        elif fields[0] is not None:
            (message,) = complete(db, adds[i].room_id, [MessageRow(*fields)])
            outcomes[i] = adds[i].outcome_of_repeat(message, text_hash, is_deleted=bool(is_deleted))
        elif is_silenced:
            outcomes[i] = RefusedChange("forbidden")
    return outcomes


def _number(db: sqlite3.Connection, adds: Sequence[Add], now: int) -> dict[int, tuple[int, int]]:
    """Raise each room's version by its adds; return the former version and the list's version."""
    query = """
        UPDATE rooms SET version = version + b.n, total = total + b.n,
                         active_at = ?
          FROM (SELECT value->>0 AS id, value->>1 AS n FROM json_each(?)) AS b
         WHERE rooms.id = b.id
        RETURNING id, version, members_version
    """
    counts = Counter([a.room_id for a in adds])
    rows = db.execute(query, (now, encode_json(list(counts.items())))).fetchall()
    query = "INSERT OR IGNORE INTO list_changes (room_id) SELECT value FROM json_each(?)"
    db.execute(query, (encode_json(list(counts)),))
    return {
        room_id: (version - counts[room_id], members_version)
        for room_id, version, members_version in rows
    }


def _insert(
    db: sqlite3.Connection,
    adds: Sequence[Add],
    rooms: dict[int, tuple[int, int]],
    quotes: Quotes,
    now: int,
) -> list[Added]:
    """Insert messages; each gets the next version of its room, in the order given."""
    query = """
        INSERT INTO messages (room_id, sender_id, client_id, text_hash, text, version, reply_to,
                              created_at, updated_at)
        SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, ?, ?
          FROM json_each(?) ORDER BY key
    """
    versions = {room_id: version for room_id, (version, _) in rooms.items()}
    values = []
    for a in adds:
        version = versions[a.room_id] = versions[a.room_id] + 1
        named = a.room_id, a.sender_id, a.client_id, a.text_hash
        values.append((*named, a.text, version, a.reply_to))
    # A single writer increases ids by one. RETURNING costs as much for each row as inserting it.
    last = db.execute(query, (now, now, encode_json(values))).lastrowid
    assert last is not None
    return [
        Added(
            MessageRow(
                id_, room_id, sender_id, text, now, now, version, client_id, reply_to, None, (),
                quotes.get((room_id, reply_to)) if reply_to is not None else None,
            ),
            rooms[room_id][1],
        )
        for id_, (room_id, sender_id, client_id, _, text, version, reply_to) in enumerate(
            values, last - len(adds) + 1
        )
    ]  # fmt: skip


def advance(
    db: sqlite3.Connection, marks: Marks, sent: Mapping[tuple[int, str], int]
) -> dict[tuple[int, str], Moved]:
    """Move watermarks forward and count what members sent; return the changed members.

    A sender who is not returned is no member.
    """
    values = [(*who, *upto, sent.get(who, 0)) for who, upto in marks.items()]
    values += [(*who, 0, 0, n) for who, n in sent.items() if who not in marks]
    rows = db.execute(ADVANCE, (encode_json(values),)).fetchall()
    return {(row[0], row[1]): Moved(*row) for row in rows}
