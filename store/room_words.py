"""The words by which rooms are found: stored for each member, and updated after changes."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from databases.core import Connection
from msgspec import Struct
from sqlalchemy import TextClause, bindparam, text

from .dialect import Dialect
from .search import tokenizer

SITE = ""
# Members of a room up to which each has its words; of larger ones SITE has them.
MAX_MEMBERS_WITH_WORDS = 16
IN_LARGE_ROOM = " "  # in place of words: the words of this room are those of SITE
CONTEXT_PREFIX = "="  # the prefix of a context: no word begins with it
HIGHEST_CHARACTER = "\U0010ffff"


class WordRange(Struct, frozen=True):
    """The words from `low` to `high`."""

    low: str
    high: str


class WordTerm(Struct, frozen=True):
    """A condition on rooms: a word in the range, or one in each of the ranges of the parts."""

    whole: WordRange
    parts: tuple[WordRange, ...] = ()


class _Title(Struct):
    title: str = ""


def terms_of(question: str) -> tuple[WordTerm, ...]:
    """Return conditions for rooms with words that begin like these; empty without words."""
    return tuple(
        WordTerm(_beginning(term.whole), tuple(map(_beginning, term.parts)))
        for term in tokenizer.wanted(question)
    )


def context_term(context: str) -> WordTerm:
    """Return the condition for rooms with exactly this context."""
    return WordTerm(WordRange(CONTEXT_PREFIX + context, CONTEXT_PREFIX + context))


def context_prefix_term(prefix: str) -> WordTerm:
    """Return the condition for rooms whose context begins like this."""
    return WordTerm(_beginning(CONTEXT_PREFIX + prefix))


def _beginning(text: str) -> WordRange:
    return WordRange(text, text + HIGHEST_CHARACTER)


def word_conditions(
    terms: Sequence[WordTerm],
    values: dict[str, Any],
    *,
    room: str = "me.room_id",
    owner: str = "me.user_id",
) -> list[str]:
    """Return SQL conditions that a room, as its owner sees it, meets each of the terms."""
    conditions = []
    for i, term in enumerate(terms):
        words = {str(i): term.whole} | {f"{i}_{n}": part for n, part in enumerate(term.parts)}
        for name, each in words.items():
            values[f"low_{name}"], values[f"high_{name}"] = each.low, each.high
        whole, *parts = (HAS_WORD.format(name=name, room=room, owner=owner) for name in words)
        conditions.append(f"({whole} OR ({' AND '.join(parts)}))" if parts else whole)
    return conditions


HAS_WORD = f"""(coalesce((SELECT 1 FROM room_words w
                  WHERE w.room_id = {{room}} AND w.user_id = {{owner}}
                    AND w.word BETWEEN :low_{{name}} AND :high_{{name}} LIMIT 1), 0) > 0
              OR coalesce((SELECT 1 FROM room_words l CROSS JOIN room_words w
                   WHERE l.room_id = {{room}} AND l.user_id = {{owner}}
                     AND l.word = '{IN_LARGE_ROOM}'
                     AND w.room_id = l.room_id AND w.user_id = '{SITE}'
                     AND w.word BETWEEN :low_{{name}} AND :high_{{name}} LIMIT 1), 0) > 0)"""  # noqa: S608 # constants alone


# ---------------------------------------------------------------- changed rooms


async def mark_room(db: Connection, room_id: int) -> None:
    """Record that a title, a context or a member of the room has changed."""
    query = """
        INSERT INTO word_changes (room_id) VALUES (:room_id)
        ON CONFLICT (room_id) DO UPDATE SET changes = word_changes.changes + 1
    """
    await db.execute(query, {"room_id": room_id})


async def mark_rooms_of(db: Connection, user_id: str) -> None:
    """Record that the user's name has changed, in all of their rooms."""
    query = """
        INSERT INTO word_changes (room_id)
        SELECT room_id FROM members WHERE user_id = :user_id ORDER BY room_id
        ON CONFLICT (room_id) DO UPDATE SET changes = word_changes.changes + 1
    """
    await db.execute(query, {"user_id": user_id})


async def changed(db: Connection, limit: int) -> list[int]:
    """Return the ids of rooms whose words must be updated."""
    rows = await db.fetch_all("SELECT room_id FROM word_changes LIMIT :limit", {"limit": limit})
    return [row["room_id"] for row in rows]


async def changed_of(db: Connection, user_id: str, looked: int, limit: int) -> list[int]:
    """Return the user's rooms among the first `looked` changed rooms; for SITE, all of these."""
    if user_id == SITE:
        return await changed(db, limit)
    query = """
        SELECT c.room_id
          FROM (SELECT room_id FROM word_changes LIMIT :looked) AS c
         WHERE coalesce((SELECT 1 FROM members me
                          WHERE me.room_id = c.room_id AND me.user_id = :user_id), 0) > 0
         LIMIT :limit
    """
    values = {"user_id": user_id, "looked": looked, "limit": limit}
    return [row["room_id"] for row in await db.fetch_all(query, values)]


# ---------------------------------------------------------------- updating

_CLAIM = """
    DELETE FROM word_changes
     WHERE room_id IN (SELECT r.room_id FROM word_changes r WHERE r.room_id IN :room_ids
                        ORDER BY r.room_id LOCKING(r))
    RETURNING room_id
"""


async def refresh(
    db: Connection, dialect: Dialect, room_ids: Sequence[int], *, waits: bool = False
) -> None:
    """Update the words of these rooms, except those that another process is updating.

    With `waits`, those are waited for: afterwards the words of all these rooms are up to date.
    Rooms are locked before their words, as by who deletes a room; those being deleted are left out.
    """
    room_ids = await _keep(db, dialect, room_ids)
    if not room_ids:
        return
    query = dialect.render(_CLAIM.replace("LOCKING(r)", "LOCKING()") if waits else _CLAIM)
    claimed = [row["room_id"] for row in await db.fetch_all(_of(query, room_ids))]
    if not claimed:
        return
    rows = [
        (room_id, owner, word)
        for room_id, owners in (await _load(db, claimed)).items()
        for owner, words in owners.items()
        for word in words
    ]
    await db.execute(_of("DELETE FROM room_words WHERE room_id IN :room_ids", claimed))
    query = dialect.render("""
        INSERT INTO room_words (room_id, user_id, word)
        SELECT CAST(value->>0 AS bigint), value->>1, value->>2 FROM ROWS
    """)
    await db.execute(query, {"rows": msgspec.json.encode(rows).decode()})


async def _keep(db: Connection, dialect: Dialect, room_ids: Sequence[int]) -> Sequence[int]:
    """Locks these rooms against deletion; returns them without those that others delete."""
    if not dialect.keeping:
        return room_ids
    query = dialect.render(
        "SELECT r.id FROM rooms r WHERE r.id IN :room_ids ORDER BY r.id KEEPING(r)"
    )
    kept = {row["id"] for row in await db.fetch_all(_of(query, room_ids))}
    rows = await db.fetch_all(_of("SELECT id FROM rooms WHERE id IN :room_ids", room_ids))
    held = {row["id"] for row in rows} - kept
    return [room_id for room_id in room_ids if room_id not in held]


async def _load(db: Connection, room_ids: Sequence[int]) -> dict[int, dict[str, set[str]]]:
    """Return the words of each room by their owner."""
    query = """
        SELECT id, title, context, about FROM rooms
         WHERE id IN :room_ids AND deleted_at IS NULL
    """
    rooms = await db.fetch_all(_of(query, room_ids))
    query = """
        SELECT m.room_id, m.user_id, p.name
          FROM members m LEFT JOIN people p ON p.user_id = m.user_id WHERE m.room_id IN :room_ids
    """
    names: dict[int, dict[str, str]] = {}
    for row in await db.fetch_all(_of(query, room_ids)):
        names.setdefault(row["room_id"], {})[row["user_id"]] = row["name"] or ""
    found = {}
    for row in rooms:
        about = "" if row["about"] is None else msgspec.json.decode(row["about"], type=_Title).title
        texts = [row["title"], row["context"], about]
        found[row["id"]] = _owned(texts, names.get(row["id"], {}))
        if row["context"]:
            for words in found[row["id"]].values():
                words.add(CONTEXT_PREFIX + row["context"])
    return found


def _owned(texts: Sequence[str], names: dict[str, str]) -> dict[str, set[str]]:
    words = {word for text in (*texts, *names.values()) for word in _words(text)}
    if len(names) <= MAX_MEMBERS_WITH_WORDS:
        return {owner: set(words) for owner in (SITE, *names)}
    return {SITE: words} | {owner: {IN_LARGE_ROOM} for owner in names}


def _words(text: str) -> Iterator[str]:
    yield from tokenizer.of(text) if text else ()


def _of(query: str, room_ids: Sequence[int]) -> TextClause:
    return text(query).bindparams(bindparam("room_ids", value=list(room_ids), expanding=True))
