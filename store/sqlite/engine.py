"""SQLite: one writer and a few readers, held open; hot transactions in one hop to their thread.

`databases` opens its connections with `sqlite3.connect(factory=…)`. Ours knows one statement more:
`CALL`, whose parameters are a function and its arguments. So a whole transaction runs where a
statement costs microseconds, and not a trip between two threads. Few statements for many rows: each
releases the interpreter's lock and must win it back.
"""

import asyncio
import logging
import os
import secrets
import sqlite3
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from databases import Database
from databases.core import Connection

from .. import messages, outbox, reactions, schema
from ..dialect import SQLITE
from ..errors import AlreadyOpen, Away, CannotOpen, Failed
from ..messages import (
    QUOTED,
    Add,
    Added,
    Attachment,
    Change,
    Message,
    Outcome,
    Quote,
    Quotes,
    Refused,
    is_plain,
    runs,
)
from ..outbox import Listeners, happened
from ..receipts import Marks, Moved
from ..search import sqlite
from ..search.index import Finder
from ..snapshot import Ask, Snapshot

try:
    import fcntl
except ImportError:  # Windows: nothing watches over a second process there
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger("roomcast.store")
CALL = "\0call"
READERS = 2
LOG_AGE = 0.5  # seconds after a commit, until the log is moved into the database
LOG_MOST = 8_000  # pages of the log after which the writer moves it itself: 32 MB
T = TypeVar("T")


class Sqlite:
    """`sqlite:///relative.db` or `sqlite:////absolute.db`, for one process."""

    dialect = SQLITE
    epoch: str
    file_key: bytes
    finder: Finder = sqlite

    def __init__(self, url: str, synchronous: str, listeners: Listeners) -> None:
        self._listeners = listeners
        self.path = Path(url.removeprefix("sqlite:///"))
        self._lite = partial(Lite, synchronous=synchronous)
        self._db = Database(f"sqlite:///{self.path}", factory=self._lite)
        self._readers: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        self._held: list[Connection] = []
        self._turn = asyncio.Lock()
        self._life: Life | None = None
        self._moving: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._life = Life(self.path)
        try:
            # A file that can't be opened fails here, before there is a thread to be stopped.
            await asyncio.to_thread(self._touch)
            await self._open(self._life)
        except BaseException as error:
            await self.aclose()
            if isinstance(error, sqlite3.Error | OSError):
                raise CannotOpen(f"The database {self.path} can't be opened: {error}.") from error
            raise

    def _touch(self) -> None:
        """Nobody else reads what people say to each other."""
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        self._lite(self.path).close()

    async def _open(self, life: "Life") -> None:
        await self._db.connect()
        self._writer = await self._hold()
        async with _transaction(self._writer, "BEGIN IMMEDIATE"):
            await schema.migrate(self._writer, "sqlite", self._writer.raw_connection.execute)
            await schema.begin_life(self._writer, life.word, *life.words())
            self.epoch, self.file_key = await schema.identity(self._writer)
        life.settle()
        for _ in range(READERS):
            self._readers.put_nowait(await self._hold())
        self._mover = await self._hold()

    async def _hold(self) -> Connection:
        """A connection of its own; `databases` binds each to the task that makes it."""

        async def connection() -> Connection:
            return await self._db.connection().__aenter__()

        held = await asyncio.create_task(connection())
        self._held.append(held)
        return held

    async def aclose(self) -> None:
        """Ends the connections' threads."""
        if self._moving is not None:
            self._moving.cancel()
            await asyncio.wait([self._moving])
        if self._life is not None and self._life.is_known:
            self._life.settle()
        for held in self._held:
            await held.__aexit__()
        self._held.clear()
        if self._db.is_connected:
            await self._db.disconnect()
        if self._life is not None:
            self._life.release()
            self._life = None

    async def recognize(self) -> None:
        """Nobody else puts another file in the place of the one that is open."""

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        async with self._reader() as db, _transaction(db, "BEGIN"):
            yield db

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Connection]:
        with _translated():
            async with self._turn, _transaction(self._writer, "BEGIN IMMEDIATE"):
                yield self._writer
            self._has_grown()

    def _has_grown(self) -> None:
        if self._moving is None or self._moving.done():
            self._moving = asyncio.create_task(self._move())

    async def _move(self) -> None:
        """What is committed, out of the log: by a connection of its own, so that nobody waits."""
        await asyncio.sleep(LOG_AGE)
        try:
            await self._mover.raw_connection.execute_fetchall("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error as error:  # it stays where it is; nothing of it is lost
            log.info("The log of %s was not moved: %s", self.path, error)

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[Connection]:
        reader = await self._readers.get()
        try:
            with _translated():
                yield reader
        finally:
            self._readers.put_nowait(reader)

    async def snapshot(self, ask: Ask) -> Snapshot | str:
        async with self._reader() as db:
            return await _call(db, snapshot, ask)

    async def commit(
        self, changes: Sequence[Change], marks: Marks, now: int
    ) -> tuple[list[Outcome], list[Moved]]:
        plain = all(is_plain(change) for change in changes)
        if plain and not (changes and self._listeners.names):
            with _translated():
                async with self._turn:
                    done = await _call(self._writer, batch, self._life, changes, marks, now)
                self._has_grown()
                return done
        assert self._life is not None  # open
        async with self.writing() as db:
            made = [] if plain else await _in_runs(db, changes, now)
            adds = changes if plain else ()
            added, moved = await _call(db, write, self._life, adds, marks, now)
            outcomes = made or added
            await outbox.note(db, self._listeners, happened(changes, outcomes), now)
        self._life.turn()
        return outcomes, moved


async def _in_runs(db: Connection, changes: Sequence[Change], now: int) -> list[Outcome]:
    """In the order given; texts in a row are one statement still."""
    outcomes: list[Outcome] = []
    for run in runs(changes):
        if isinstance(run, list):
            outcomes += (await _call(db, texts, run, {}, now))[0]
        else:
            outcomes.append(await messages.make(db, run, now))
    await sqlite.forget(db, messages.rewritten(outcomes))
    return outcomes


async def _call(db: Connection, work: Callable[..., T], *args: Any) -> T:
    """The work, on the raw connection in its thread."""
    rows = await db.raw_connection.execute_fetchall(CALL, (work, *args))
    return rows[0]  # type: ignore[no-any-return] # what execute_fetchall answers is untyped


@asynccontextmanager
async def _transaction(db: Connection, begin: str) -> AsyncIterator[None]:
    raw = db.raw_connection
    await raw.execute(begin)
    try:
        yield
        await raw.execute("COMMIT")
    except BaseException:
        if raw.in_transaction:
            await raw.execute("ROLLBACK")
        raise


@contextmanager
def _translated() -> Iterator[None]:
    """A full disk, a lock, a lost file: away. A constraint or a wrong value: failed."""
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:
        raise Away(f"SQLite: {error}") from error
    except sqlite3.DatabaseError as error:
        raise Failed(f"SQLite: {error}") from error


class Life:
    """The file beside the database that tells two things of it.

    Its lock: one process at a time. Its words, against the database's own: each commit puts a new
    word into the database, and that word and the one before it here, first. So a database that was
    put back from a backup remembers a word that this file has long forgotten.
    """

    def __init__(self, path: Path) -> None:
        self._database = path
        self._path = path.with_name(path.name + "-life")
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CannotOpen(f"The database {path} can't be opened: {error.strerror}.") from error
        if fcntl is not None:
            self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.is_known = False  # whether the database remembers our word, and no other
        self.word = self._coming = (self.words() or [secrets.token_hex(8)])[-1]

    def _lock(self, how: int) -> None:
        try:
            fcntl.flock(self._file, how)
        except OSError:
            os.close(self._file)
            raise AlreadyOpen(
                f"The database {self._database} is in use by another roomcast process. "
                "SQLite serves one process: stop the other one."
            ) from None

    def words(self) -> list[str]:
        """The word of the last commit, and the one before it or after it."""
        return os.pread(self._file, 200, 0).decode(errors="replace").split()

    def next(self) -> str:
        """The word of the commit that is about to be made."""
        self._coming = secrets.token_hex(8)
        os.pwrite(self._file, f"{self.word} {self._coming}\n".encode(), 0)
        return self._coming

    def turn(self) -> None:
        """That commit was made."""
        self.word = self._coming

    def settle(self) -> None:
        """No commit is under way: the database remembers this word and no other."""
        self.is_known = True
        os.pwrite(self._file, f"{self.word}\n".encode(), 0)
        os.ftruncate(self._file, len(self.word) + 1)

    def release(self) -> None:
        os.close(self._file)


class Rows(list[Any]):
    """What a called function answers, in the shape of a cursor."""

    def fetchall(self) -> list[Any]:
        return self

    def close(self) -> None:
        """Nothing is held."""


class Lite(sqlite3.Connection):
    def __init__(self, *args: Any, synchronous: str, **options: Any) -> None:
        super().__init__(*args, **options)
        for pragma in (
            "busy_timeout=3000",
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            "foreign_keys=1",
            "temp_store=MEMORY",  # else a larger batch opens, writes and closes a file of its own
            "cache_size=-32000",
            f"wal_autocheckpoint={LOG_MOST}",
        ):
            super().execute(f"PRAGMA {pragma}")

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        if sql == CALL:
            work, *args = parameters
            return Rows([work(self, *args)])
        return super().execute(sql, parameters)


def transaction(db: sqlite3.Connection, begin: str, work: Callable[..., T], *args: Any) -> T:
    """The work between BEGIN and COMMIT; nothing stays of it when it fails."""
    db.execute(begin)
    try:
        result = work(db, *args)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite rolls back by itself on a full disk
            db.execute("ROLLBACK")
        raise
    return result


def _json(values: object) -> str:
    return msgspec.json.encode(values).decode()


# ---------------------------------------------------------------- the journal's batch


def batch(
    db: sqlite3.Connection, life: Life, adds: Sequence[Add], marks: Marks, now: int
) -> tuple[list[Outcome], list[Moved]]:
    """Texts and receipts, in one transaction."""
    result = transaction(db, "BEGIN IMMEDIATE", write, life, adds, marks, now)
    life.turn()
    return result


def write(
    db: sqlite3.Connection, life: Life, adds: Sequence[Add], marks: Marks, now: int
) -> tuple[list[Outcome], list[Moved]]:
    """The same in the transaction that the caller holds; he lets the life turn after it."""
    outcomes, moved = texts(db, adds, marks, now)
    db.execute("UPDATE meta SET value = ? WHERE name = 'life'", (life.next(),))
    return outcomes, moved


def texts(
    db: sqlite3.Connection, adds: Sequence[Add], marks: Marks, now: int
) -> tuple[list[Outcome], list[Moved]]:
    """Stores texts in the order given, and marks; the outcome of each text, in the same order.

    A repeated client_id and a sender who is no member take no version. No two of the adds may have
    the same sender and client_id.
    """
    outcomes, quotes = _settled(db, adds)
    senders = [(a.room_id, a.sender_id) for a in adds]
    sent = Counter([who for i, who in enumerate(senders) if i not in outcomes])
    touched = advance(db, marks, sent) if marks or sent else {}
    for i, who in enumerate(senders):
        if who not in touched and i not in outcomes:
            outcomes[i] = Refused("not_found")
    fresh = [a for i, a in enumerate(adds) if i not in outcomes]
    added = iter(_insert(db, fresh, _number(db, fresh, now), quotes, now) if fresh else ())
    made = [outcomes[i] if i in outcomes else next(added) for i in range(len(adds))]
    return made, [moved for who, moved in touched.items() if who in marks]


def _settled(db: sqlite3.Connection, adds: Sequence[Add]) -> tuple[dict[int, Outcome], Quotes]:
    """Those that are not to be stored, by their places, and what replies answer.

    Only a client_id, a reply and a block need a look; who is no member is found out anyway.
    """
    blocked = _blocked(db, {(a.room_id, a.sender_id) for a in adds})
    looked = {
        i: a
        for i, a in enumerate(adds)
        if a.client_id is not None or a.reply_to is not None or (a.room_id, a.sender_id) in blocked
    }
    if not looked:
        return {}, {}
    outcomes = _known(db, looked)
    quotes = _quotes(db, [(a.room_id, a.reply_to) for a in looked.values()])
    for i, a in looked.items():
        if i not in outcomes and a.is_lost(quotes):
            outcomes[i] = Refused("not_found", a.reply_to)
    return outcomes, quotes


def _blocked(db: sqlite3.Connection, senders: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those in a room of two whose other member has blocked them."""
    query = """
        SELECT r.id, b.blocked_id
          FROM json_each(?) AS o
          JOIN rooms r ON r.id = o.value->>0
          JOIN blocks b ON b.user_id = CASE o.value->>1 WHEN r.low_user THEN r.high_user
                                                        WHEN r.high_user THEN r.low_user END
                       AND b.blocked_id = o.value->>1
    """
    if not senders or not db.execute("SELECT EXISTS (SELECT 1 FROM blocks)").fetchone()[0]:
        return set()
    return set(db.execute(query, (_json(list(senders)),)).fetchall())


def _quotes(db: sqlite3.Connection, answered: Iterable[tuple[int, int | None]]) -> Quotes:
    query = """
        SELECT m.room_id, m.id, m.sender_id,
               CASE WHEN m.deleted_at IS NULL THEN substr(m.text, 1, ?2) END
          FROM json_each(?1) AS o
          JOIN messages m ON m.room_id = o.value->>0 AND m.id = o.value->>1
    """
    wanted = [where for where in answered if where[1] is not None]
    rows = db.execute(query, (_json(wanted), QUOTED)).fetchall() if wanted else []
    return {(room_id, id_): Quote(id_, *rest) for room_id, id_, *rest in rows}


def _known(db: sqlite3.Connection, adds: Mapping[int, Add]) -> dict[int, Outcome]:
    query = """
        SELECT o.value->>3, m.user_id IS NOT NULL, b.user_id IS NOT NULL, x.text_hash,
               x.deleted_at IS NOT NULL,
               x.id, x.room_id, x.sender_id, x.text, x.created_at, x.updated_at, x.version,
               x.client_id, x.reply_to
          FROM json_each(?) AS o
          LEFT JOIN members m ON m.room_id = o.value->>0 AND m.user_id = o.value->>1
          LEFT JOIN messages x ON x.room_id = o.value->>0 AND x.sender_id = o.value->>1
                              AND x.client_id = o.value->>2
          LEFT JOIN rooms r ON r.id = m.room_id
          LEFT JOIN blocks b
                 ON b.user_id = CASE m.user_id WHEN r.low_user THEN r.high_user
                                               WHEN r.high_user THEN r.low_user END
                AND b.blocked_id = m.user_id
    """
    asked = _json([(a.room_id, a.sender_id, a.client_id, i) for i, a in adds.items()])
    outcomes: dict[int, Outcome] = {}
    rows = db.execute(query, (asked,)).fetchall()
    for i, is_member, is_blocked, text_hash, is_deleted, *fields in rows:
        if not is_member:
            outcomes[i] = Refused("not_found")
        elif fields[0] is not None:
            (message,) = _complete(db, adds[i].room_id, [Message(*fields)])
            outcomes[i] = adds[i].again(message, text_hash, is_deleted=bool(is_deleted))
        elif is_blocked:
            outcomes[i] = Refused("forbidden")
    return outcomes


def _number(db: sqlite3.Connection, adds: Sequence[Add], now: int) -> dict[int, tuple[int, int]]:
    """Each room's version as it was, and its roster; now it has as many more as it has adds."""
    query = """
        UPDATE rooms SET version = version + b.n, total = total + b.n,
                         active_at = max(active_at, ?)
          FROM (SELECT value->>0 AS id, value->>1 AS n FROM json_each(?)) AS b
         WHERE rooms.id = b.id
        RETURNING id, version, roster
    """
    counts = Counter([a.room_id for a in adds])
    rows = db.execute(query, (now, _json(list(counts.items())))).fetchall()
    return {room_id: (version - counts[room_id], roster) for room_id, version, roster in rows}


def _insert(
    db: sqlite3.Connection,
    adds: Sequence[Add],
    rooms: dict[int, tuple[int, int]],
    quotes: Quotes,
    now: int,
) -> list[Added]:
    """Each gets the next version of its room, in the order given."""
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
    # The one writer counts ids up by one; a row that comes back costs as much as it did to put in.
    last = db.execute(query, (now, now, _json(values))).lastrowid
    assert last is not None
    return [
        Added(
            Message(
                id_, room_id, sender_id, text, now, now, version, client_id, reply_to, (),
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
    """Moves watermarks forward and counts what members sent; those to whom it happened.

    Who sent and is not among them is no member.
    """
    query = """
        WITH c AS MATERIALIZED (  -- else each use of a column parses the JSON again
             SELECT value->>0 AS room_id, value->>1 AS user_id, value->>2 AS delivered,
                    value->>3 AS read, value->>4 AS sent
               FROM json_each(?))
        UPDATE members SET delivered_upto = max(delivered_upto, c.delivered),
                           read_upto = max(read_upto, c.read),
                           sent = members.sent + c.sent,
                           seen = seen + (SELECT count(*) FROM messages m
                                           WHERE m.room_id = c.room_id AND m.id > read_upto
                                             AND m.id <= c.read AND m.sender_id <> c.user_id)
          FROM c
         WHERE members.room_id = c.room_id AND members.user_id = c.user_id
           AND (delivered_upto < c.delivered OR read_upto < c.read OR c.sent > 0)
        RETURNING room_id, user_id, delivered_upto, read_upto
    """
    values = [(*who, *upto, sent.get(who, 0)) for who, upto in marks.items()]
    values += [(*who, 0, 0, n) for who, n in sent.items() if who not in marks]
    rows = db.execute(query, (_json(values),)).fetchall()
    return {(row[0], row[1]): Moved(*row) for row in rows}


# ---------------------------------------------------------------- a joining socket


def snapshot(db: sqlite3.Connection, ask: Ask) -> Snapshot | str:
    """The room as the user may see it, or the code of the refusal."""
    return transaction(db, "BEGIN", _snapshot, ask)


def _snapshot(db: sqlite3.Connection, ask: Ask) -> Snapshot | str:
    query = """
        SELECT r.version, r.roster, r.title, r.total, r.floor, me.user_id IS NOT NULL,
               (SELECT max(id) FROM messages m WHERE m.room_id = r.id)
          FROM rooms r LEFT JOIN members me ON me.room_id = r.id AND me.user_id = ?
         WHERE r.id = ? AND r.deleted_at IS NULL
    """
    row = db.execute(query, (ask.user_id, ask.room_id)).fetchone()
    if row is None:
        return "not_found"
    version, roster, title, total, floor, is_member, top = row
    if not is_member:
        return "forbidden"
    marks = _marks(db, ask.room_id)
    newest = _newest(db, ask)
    found = Snapshot(version, roster, title, marks, top or 0, newest, [], [], False, total)
    if ask.after is None:
        found.messages = None if ask.known == (version, total) else _last(db, ask)
    elif floor <= ask.after <= version:
        _since(db, ask, ask.after, found)
    else:
        found.reset, found.messages = True, _last(db, ask)
    return found


def _marks(db: sqlite3.Connection, room_id: int) -> dict[str, tuple[int, int]]:
    query = "SELECT user_id, delivered_upto, read_upto FROM members WHERE room_id = ?"
    return {user: (delivered, read) for user, delivered, read in db.execute(query, (room_id,))}


def _newest(db: sqlite3.Connection, ask: Ask) -> int:
    query = """
        SELECT id FROM messages
         WHERE room_id = ? AND sender_id <> ? AND deleted_at IS NULL
         ORDER BY id DESC LIMIT 1
    """
    row = db.execute(query, (ask.room_id, ask.user_id)).fetchone()
    return row[0] if row else 0


def _last(db: sqlite3.Connection, ask: Ask) -> list[Message] | None:
    query = """
        SELECT id, room_id, sender_id, text, created_at, updated_at, version, client_id, reply_to
          FROM messages WHERE room_id = ? AND deleted_at IS NULL
         ORDER BY id DESC LIMIT ?
    """
    try:
        rows = db.execute(query, (ask.room_id, ask.last)).fetchall()
        return _complete(db, ask.room_id, [Message(*row) for row in reversed(rows)])
    except sqlite3.DatabaseError:
        # The room opens all the same, without what can't be read.
        return None


def _since(db: sqlite3.Connection, ask: Ask, after: int, found: Snapshot) -> None:
    """Everything that changed after the cursor, or a reset where that is too much."""
    query = """
        SELECT id, room_id, sender_id, text, created_at, updated_at, version, client_id, reply_to,
               deleted_at
          FROM messages WHERE room_id = ? AND version > ?
         ORDER BY version LIMIT ?
    """
    rows = db.execute(query, (ask.room_id, after, ask.most + 1)).fetchall()
    if len(rows) > ask.most:
        found.reset, found.messages = True, _last(db, ask)
        return
    found.deleted = sorted(row[0] for row in rows if row[9] is not None)
    kept = sorted((Message(*row[:9]) for row in rows if row[9] is None), key=lambda m: m.id)
    found.messages = _complete(db, ask.room_id, kept)


def _complete(db: sqlite3.Connection, room_id: int, messages: list[Message]) -> list[Message]:
    """With what hangs on them."""
    if not messages:
        return messages
    span = room_id, messages[0].id, messages[-1].id
    files, reacted = _files(db, span), _reactions(db, span)
    quotes = _quotes(db, [(room_id, m.reply_to) for m in messages])
    if files or reacted or quotes:
        for message in messages:
            message.attachments = files.get(message.id, ())
            message.reactions = reacted.get(message.id, ())
            message.quote = quotes.get((room_id, message.reply_to))
    return messages


def _files(db: sqlite3.Connection, span: tuple[int, int, int]) -> dict[int, list[Attachment]]:
    query = """
        SELECT message_id, key, name, content_type, size, width, height FROM attachments
         WHERE room_id = ? AND message_id BETWEEN ? AND ?
         ORDER BY message_id, position
    """
    files: dict[int, list[Attachment]] = {}
    for message_id, *file in db.execute(query, span):
        files.setdefault(message_id, []).append(Attachment(*file))
    return files


def _reactions(db: sqlite3.Connection, span: tuple[int, int, int]) -> reactions.Reactions:
    query = """
        SELECT message_id, emoji, user_id FROM reactions
         WHERE room_id = ? AND message_id BETWEEN ? AND ?
         ORDER BY created_at, emoji, user_id
    """
    return reactions.gathered(db.execute(query, span))
