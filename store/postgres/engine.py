"""PostgreSQL: held connections that come back by themselves, one statement for a whole batch.

Sharing a database is what this engine is for: rooms are locked by the update that counts their
versions, so versions are dense and in commit order whatever the number of processes.
"""

import asyncio
import logging
import ssl
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import asyncpg
from databases import Database, DatabaseURL
from databases.core import Connection

from .. import messages, outbox, reactions, schema
from ..dialect import POSTGRESQL
from ..errors import TRIES, AlreadyOpen, Away, CannotOpen, Clash, Failed
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
from ..search import postgres
from ..search.index import Finder
from ..snapshot import Ask, Snapshot

log = logging.getLogger("roomcast.store")
T = TypeVar("T")

READERS = 2
JOINERS = 2  # for joins alone, which so never wait for a search
WRITERS = 2  # beside the journal's: rooms, uploads and names do not wait for its commits
CONNECT = 1.5  # seconds for a connection
COMMAND = 3.0  # seconds for a statement, and for a free connection
MIGRATE = 86_400.0  # seconds: old messages may be many, and other processes wait for the one
MIGRATING, ALONE = 7_276_001, 7_276_002  # keys of advisory locks

# Compiling a statement of ours takes longer than running it.
PARAMETERS = {"application_name": "roomcast", "jit": "off"}
# A process that is lost amid a transaction must not keep its locks, and a statement that nobody
# waits for any more must not succeed later. No parameters: poolers refuse those they don't know.
SET_UP = "SET idle_in_transaction_session_timeout = '5s'; SET statement_timeout = '2.8s'"
# What the journal and joins do is planned once, and by indexes, also where the tables were small
# then. Else PostgreSQL makes a plan for each join, and for each small batch, which takes it two
# times as long as to run it.
ONE_PLAN = """
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off
"""

GONE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the connection was cut off amid an answer
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shut down, restarted, terminated
    asyncpg.InsufficientResourcesError,  # disk full, too many connections
    asyncpg.ReadOnlySQLTransactionError,  # a standby: the failover is under way
    asyncpg.ObjectNotInPrerequisiteStateError,  # the same
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
CLASHES = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,
    asyncpg.ForeignKeyViolationError,  # of a room that is deleted in this moment
    asyncpg.DivisionByZeroError,  # of a room whose roster has changed: see STORE
)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except GONE as error:
        raise Away(f"PostgreSQL: {error or type(error).__name__}") from error
    except CLASHES as error:
        raise Clash(f"PostgreSQL: {error}") from error
    except asyncpg.PostgresError as error:
        raise Failed(f"PostgreSQL: {error}") from error


class Held:
    """A connection that is held, and opened again after it broke."""

    def __init__(self, db: Database, greet: Callable[[Connection], Awaitable[None]]) -> None:
        self._db = db
        self._greet = greet
        self._connection: Connection | None = None

    async def get(self) -> Connection:
        if self._connection is not None and not self._is_broken(self._connection):
            return self._connection
        await self.drop()
        # In a task of its own: `databases` binds a connection to the task that makes it.
        self._connection = await asyncio.create_task(self._open())
        try:
            await self._greet(self._connection)
        except BaseException:
            await self.drop()
            raise
        return self._connection

    async def _open(self) -> Connection:
        async with asyncio.timeout(CONNECT):
            return await self._db.connection().__aenter__()

    async def drop(self) -> None:
        """Forgets the connection; what was under way on it is cut off."""
        held, self._connection = self._connection, None
        if held is not None:
            with suppress(asyncpg.InterfaceError):  # the pool has taken it back by itself
                held.raw_connection.terminate()
            try:
                await held.__aexit__()
            except GONE as error:
                log.debug("A broken connection was given back: %s", error)

    @staticmethod
    def _is_broken(held: Connection) -> bool:
        try:
            return bool(held.raw_connection.is_closed())
        except asyncpg.InterfaceError:  # the pool has taken it back by itself
            return True


class Pool:
    """A few held connections, one user each."""

    def __init__(
        self, db: Database, size: int, greet: Callable[[Connection], Awaitable[None]]
    ) -> None:
        self._all = [Held(db, greet) for _ in range(size)]
        self._free: asyncio.LifoQueue[Held] = asyncio.LifoQueue()
        for held in self._all:
            self._free.put_nowait(held)

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Connection]:
        with _translated():
            async with asyncio.timeout(COMMAND):
                held = await self._free.get()
        try:
            async with using(held) as db:
                yield db
        finally:
            self._free.put_nowait(held)

    async def aclose(self) -> None:
        for held in self._all:
            await held.drop()


@asynccontextmanager
async def using(held: Held) -> AsyncIterator[Connection]:
    """The connection; a broken one is not used again."""
    with _translated():
        try:
            yield await held.get()
        except GONE:
            await held.drop()
            raise


class Postgres:
    """`postgresql://user:password@host:port/database?ssl=…`, for any number of processes."""

    dialect = POSTGRESQL
    file_key: bytes
    finder: Finder = postgres

    def __init__(
        self, url: str, listeners: Listeners, *, alone: bool, on_new_life: Callable[[], None]
    ) -> None:
        self._listeners = listeners
        self._url = DatabaseURL(url)
        size = READERS + JOINERS + WRITERS + 1
        options: dict[str, Any] = {
            "command_timeout": COMMAND,
            "server_settings": PARAMETERS,
        } | options_of(self._url)
        self._db = Database(self._plain(url), min_size=0, max_size=size, **options)
        self._alone = alone
        self._on_new_life = on_new_life
        self.epoch = self._life = ""
        self._journal = Held(self._db, self._greet_alone)
        self._turn = asyncio.Lock()
        self._readers = Pool(self._db, READERS, self._greet)
        self._joiners = Pool(self._db, JOINERS, self._greet_joiner)
        self._writers = Pool(self._db, WRITERS, self._greet)

    @staticmethod
    def _plain(url: str) -> str:
        """Without the options, which are handed to the driver as what they mean."""
        return url.partition("?")[0]

    async def open(self) -> None:
        try:
            await self._db.connect()
            await self._migrate()
            async with using(self._journal):
                pass
        except (Away, Failed) as error:
            await self.aclose()
            raise CannotOpen(f"The database {self._where()} can't be opened: {error}.") from error
        except GONE as error:
            raise CannotOpen(f"The database {self._where()} can't be opened: {error}.") from error
        except BaseException:
            await self.aclose()
            raise

    def _where(self) -> str:
        """Without user and password."""
        return f"{self._url.hostname}:{self._url.port or 5432}/{self._url.database}"

    async def _migrate(self) -> None:
        async with self.writing() as db:
            raw = db.raw_connection
            await raw.execute("SET LOCAL statement_timeout = 0")
            await raw.execute("SELECT pg_advisory_xact_lock($1)", MIGRATING, timeout=MIGRATE)
            await schema.migrate(db, "postgresql", partial(raw.execute, timeout=MIGRATE))

    async def _greet_alone(self, db: Connection) -> None:
        """The journal's, with a lock where nobody else may work on this database."""
        raw = db.raw_connection
        if self._alone and not await raw.fetchval("SELECT pg_try_advisory_lock($1)", ALONE):
            raise AlreadyOpen(
                f"The database {self._where()} is in use by another roomcast process, and the two "
                "would not hear each other: set broadcast.url to a Redis or PostgreSQL for both."
            )
        await raw.execute(f"{SET_UP}; {ONE_PLAN}")
        await self._recognize(db)

    async def _greet(self, db: Connection) -> None:
        """At each new connection: the database behind it may be another by now."""
        await db.raw_connection.execute(SET_UP)
        if self._life:  # else its tables are being made
            await self._recognize(db)

    async def _greet_joiner(self, db: Connection) -> None:
        await db.raw_connection.execute(ONE_PLAN)
        await self._greet(db)

    async def _recognize(self, db: Connection) -> None:
        """Raises Away, once, where the database has begun another life since it was last seen."""
        raw = db.raw_connection
        life = await _life(raw)
        if life == self._life:
            return
        async with raw.transaction():
            await raw.execute("SELECT pg_advisory_xact_lock($1)", MIGRATING)
            await schema.begin_life(db, life)
            epoch, self.file_key = await schema.identity(db)
        known, self.epoch, self._life = self.epoch, epoch, life
        if known not in ("", epoch):
            log.warning("The database has begun another life: everybody starts afresh.")
            self._on_new_life()
            raise Away("PostgreSQL: another life of the database has begun")

    async def recognize(self) -> None:
        """Through a pooler a connection may outlive the server behind it."""
        async with self._readers.use() as db:
            await self._recognize(db)

    async def aclose(self) -> None:
        await self._journal.drop()
        await self._readers.aclose()
        await self._joiners.aclose()
        await self._writers.aclose()
        if self._db.is_connected:
            await self._db.disconnect()

    # ------------------------------------------------------------ units of work

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        one_state = {"isolation": "repeatable_read", "readonly": True}
        async with self._readers.use() as db, db.raw_connection.transaction(**one_state):
            yield db

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Connection]:
        async with self._writers.use() as db, db.raw_connection.transaction():
            yield db

    async def snapshot(self, ask: Ask) -> Snapshot | str:
        async with self._joiners.use() as db:
            raw = db.raw_connection
            try:
                return await _snapshot(raw, ask)
            except asyncpg.DataError:
                if ask.after is not None:
                    raise
                # The room opens all the same, without what can't be read.
                return await _snapshot(raw, ask, without_messages=True)

    async def commit(
        self, changes: Sequence[Change], marks: Marks, now: int
    ) -> tuple[list[Outcome], list[Moved]]:
        async with self._turn:
            for attempt in range(TRIES):
                try:
                    async with asyncio.timeout(COMMAND), using(self._journal) as db:
                        work = db, self._listeners, changes, marks, now
                        return await _commit(*work, is_again=attempt > 0)
                except TimeoutError as error:
                    await self._journal.drop()
                    raise Away("PostgreSQL did not answer in time") from error
                except Clash:
                    if attempt == TRIES - 1:
                        raise
        raise AssertionError  # the last attempt returns or raises


async def _commit(
    db: Connection,
    listeners: Listeners,
    changes: Sequence[Change],
    marks: Marks,
    now: int,
    *,
    is_again: bool,
) -> tuple[list[Outcome], list[Moved]]:
    """`is_again`: something was in the way, and will not be where the rooms are locked before."""
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
        await outbox.note(db, listeners, happened(changes, outcomes), now)
        return outcomes, moved


async def _in_runs(db: Connection, changes: Sequence[Change], now: int) -> list[Outcome]:
    """In the order given; texts in a row are one statement still."""
    outcomes: list[Outcome] = []
    for run in runs(changes):
        if isinstance(run, list):
            outcomes += (await write(db.raw_connection, run, {}, now))[0]
        else:
            outcomes.append(await messages.make(db, run, now))
    await postgres.forget(db, messages.rewritten(outcomes))
    return outcomes


async def _life(raw: Any) -> str:
    """What a restore changes: the cluster, its timeline, or the database in it."""
    query = "SELECT oid::text FROM pg_database WHERE datname = current_database()"
    database = await raw.fetchval(query)
    # Not pg_control_checkpoint(): for minutes after a promotion that names the timeline of before.
    query = """
        SELECT system_identifier || '-' ||
               ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int
          FROM pg_control_system()
    """
    try:
        async with raw.transaction():
            return f"{await raw.fetchval(query)}-{database}"
    except asyncpg.InsufficientPrivilegeError:
        return str(database)


def options_of(url: DatabaseURL) -> dict[str, Any]:
    """What the driver takes, from the URL's query. Raises CannotOpen with the option's name."""
    given = dict(url.options)
    options: dict[str, Any] = {}
    if "statement_cache_size" in given:
        options["statement_cache_size"] = int(given.pop("statement_cache_size"))
    mode = given.pop("ssl", given.pop("sslmode", None))
    ca = given.pop("sslrootcert", None)
    if ca is not None:
        options["ssl"] = ssl.create_default_context(cafile=ca)
        options["ssl"].check_hostname = mode in (None, "verify-full")
    elif mode is not None:
        options["ssl"] = {"true": "require", "false": "disable"}.get(mode, mode)
    if given:
        raise CannotOpen(f"database.url: unknown option {next(iter(given))}.")
    return options


# ---------------------------------------------------------------- the journal's batch

# A member's row takes his marks, and the number of texts that he sent, from `touched`. What he has
# not seen is put in order for the sake of the index: while the table is thought to be empty, that
# by version looks as good, and with it the whole room is read.
ADVANCE = """
    UPDATE members m
       SET delivered_upto = greatest(m.delivered_upto, t.delivered),
           read_upto = greatest(m.read_upto, t.read),
           sent = m.sent + t.sent,
           seen = m.seen + CASE WHEN t.read > m.read_upto THEN (
                      SELECT count(*) FROM (
                          SELECT FROM messages x
                           WHERE x.room_id = m.room_id AND x.id > m.read_upto AND x.id <= t.read
                             AND x.sender_id <> m.user_id
                           ORDER BY x.id) AS unseen) ELSE 0 END
      FROM touched t
     WHERE m.room_id = t.room_id AND m.user_id = t.user_id
       AND (m.delivered_upto < t.delivered OR m.read_upto < t.read OR t.sent > 0)
    RETURNING m.room_id, m.user_id, m.delivered_upto, m.read_upto, t.delivered
"""

MARK = f"""
WITH touched AS (
    SELECT *, 0 AS sent FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[])
                             AS mark(room_id, user_id, delivered, read)
), moved AS ({ADVANCE})
SELECT room_id, user_id, delivered_upto, read_upto FROM moved
"""  # noqa: S608 # no one's words but ours

# All of a batch; or nothing, where anything in it is not in order. Nobody has statistics of parts
# of a statement, so that joins of them would be nested loops, quadratic in the batch: there are
# none. The versions before the batch are an array, by the rooms' numbers in it. A roster that
# changed while the statement waited for the room ends it: who may send now is judged anew, with
# the rooms locked before.
STORE = f"""
WITH sender AS (
    SELECT c.room_id, c.user_id, r.low_user, r.high_user, me.user_id IS NOT NULL AS is_member
      FROM unnest($4::bigint[], $5::text[], $8::int[]) AS c(room_id, user_id, sent)
      LEFT JOIN rooms r ON r.id = c.room_id
      LEFT JOIN members me ON me.room_id = c.room_id AND me.user_id = c.user_id
     WHERE c.sent > 0
), checked AS (
    SELECT NOT EXISTS (
               SELECT FROM sender s
                 LEFT JOIN blocks b
                        ON b.user_id = CASE s.user_id WHEN s.low_user THEN s.high_user
                                                      WHEN s.high_user THEN s.low_user END
                       AND b.blocked_id = s.user_id
                WHERE NOT s.is_member OR b.user_id IS NOT NULL)
           AND NOT EXISTS (
               SELECT FROM unnest($9::int[], $11::text[], $13::text[])
                           AS u(room_no, sender_id, client_id)
                 JOIN messages x ON x.room_id = ($2::bigint[])[u.room_no]
                                AND x.sender_id = u.sender_id AND x.client_id = u.client_id
                WHERE u.client_id IS NOT NULL)
           AS is_in_order
), counted AS (
    UPDATE rooms SET version = rooms.version + f.n, total = rooms.total + f.n,
                     active_at = greatest(rooms.active_at, $1)
      FROM unnest($2::bigint[], $3::int[]) WITH ORDINALITY AS f(room_id, n, room_no)
      JOIN rooms seen ON seen.id = f.room_id
     WHERE rooms.id = f.room_id AND rooms.roster = seen.roster
       AND (SELECT is_in_order FROM checked)
    RETURNING f.room_no, rooms.roster, rooms.version - f.n AS base
), based AS (
    SELECT array_agg(base ORDER BY room_no) AS bases,
           array_agg(roster ORDER BY room_no) AS rosters
      FROM counted
    HAVING NOT (SELECT is_in_order FROM checked)
        OR 1 / (count(*) = cardinality($2))::int = 1 -- else a division by zero
), inserted AS (
    INSERT INTO messages (room_id, sender_id, client_id, text_hash, text, version, reply_to,
                          created_at, updated_at)
    SELECT ($2::bigint[])[u.room_no], u.sender_id, u.client_id, u.text_hash, u.text,
           (SELECT bases FROM based)[u.room_no] + u.place, u.reply_to, $1, $1
      FROM unnest($9::int[], $10::int[], $11::text[], $12::text[], $13::text[], $14::bigint[],
                  $15::bigint[]) WITH ORDINALITY
           AS u(room_no, place, sender_id, text, client_id, text_hash, reply_to, o)
     WHERE (SELECT bases FROM based) IS NOT NULL
     ORDER BY u.o
    RETURNING id, room_id, version
), touched AS (
    SELECT * FROM unnest($4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $8::int[])
                  AS t(room_id, user_id, delivered, read, sent)
     WHERE (SELECT bases FROM based) IS NOT NULL
), moved AS ({ADVANCE})
SELECT based.*, i.*, m.*
  FROM based,
       (SELECT array_agg(id) AS ids, array_agg(room_id) AS room_ids,
               array_agg(version) AS versions
          FROM inserted) AS i,
       (SELECT array_agg(room_id) AS marked, array_agg(user_id) AS users,
               array_agg(delivered_upto) AS delivered, array_agg(read_upto) AS read
          FROM moved WHERE delivered > 0) AS m
"""  # noqa: S608 # no one's words but ours

# The same for one text without receipts, as most are where few people write: with so few parts it
# takes a third less to begin.
STORE_ONE = """
WITH counted AS (
    UPDATE rooms SET version = rooms.version + 1, total = rooms.total + 1,
                     active_at = greatest(rooms.active_at, $1)
      FROM rooms seen, members me
     WHERE rooms.id = $2 AND seen.id = $2 AND rooms.roster = seen.roster
       AND me.room_id = $2 AND me.user_id = $3
       AND NOT EXISTS (
               SELECT FROM blocks b
                WHERE b.user_id = CASE $3 WHEN seen.low_user THEN seen.high_user
                                          WHEN seen.high_user THEN seen.low_user END
                  AND b.blocked_id = $3)
       AND NOT EXISTS (
               SELECT FROM messages x
                WHERE x.room_id = $2 AND x.sender_id = $3 AND x.client_id = $4)
    RETURNING rooms.version, rooms.roster
), inserted AS (
    INSERT INTO messages (room_id, sender_id, client_id, text_hash, text, version,
                          created_at, updated_at)
    SELECT $2, $3, $4, $5::bigint, $6, version, $1, $1 FROM counted
    RETURNING id
), touched AS (
    UPDATE members SET sent = sent + 1
     WHERE room_id = $2 AND user_id = $3 AND EXISTS (SELECT FROM counted)
)
SELECT id, version, roster FROM inserted, counted
"""

# Of a batch in which something is not in order: what, by its place.
JUDGE = """
SELECT a.place, me.user_id IS NOT NULL AS is_member, b.user_id IS NOT NULL AS is_blocked,
       x.id, x.text_hash, x.deleted_at IS NOT NULL AS is_deleted
  FROM unnest($1::bigint[], $2::text[], $3::text[]) WITH ORDINALITY
       AS a(room_id, sender_id, client_id, place)
  LEFT JOIN rooms r ON r.id = a.room_id
  LEFT JOIN members me ON me.room_id = a.room_id AND me.user_id = a.sender_id
  LEFT JOIN messages x ON x.room_id = a.room_id AND x.sender_id = a.sender_id
                      AND x.client_id = a.client_id
  LEFT JOIN blocks b
         ON b.user_id = CASE a.sender_id WHEN r.low_user THEN r.high_user
                                         WHEN r.high_user THEN r.low_user END
        AND b.blocked_id = a.sender_id
 WHERE me.user_id IS NULL OR b.user_id IS NOT NULL OR x.id IS NOT NULL
"""

Done = tuple[list[Outcome], list[Moved]]


async def write(raw: Any, adds: Sequence[Add], marks: Marks, now: int) -> Done:
    """Texts and receipts, by one statement that writes: one commit.

    Replies want a transaction that has locked their rooms, so that what they quote is still there.

    A repeated client_id and a sender who is no member take no version. No two of the adds may have
    the same sender and client_id.
    """
    is_one = len(adds) == 1 and not marks and adds[0].reply_to is None
    if is_one and (said := await _store_one(raw, adds[0], now)):
        return [said], []
    quotes = await _quotes(raw, [(a.room_id, a.reply_to) for a in adds if a.reply_to is not None])
    done = await _store(raw, adds, quotes, marks, now)
    if done is not None:
        return done
    refused = await _judged(raw, adds, quotes)
    left = [add for i, add in enumerate(adds) if i not in refused]
    done = await _store(raw, left, quotes, marks, now)
    if done is None:
        raise Clash("PostgreSQL: what was in order is so no more")
    added, moved = iter(done[0]), done[1]
    return [refused.get(i) or next(added) for i in range(len(adds))], moved


async def _store_one(raw: Any, add: Add, now: int) -> Added | None:
    """None where anything is not in order: then nothing was done."""
    named = add.room_id, add.sender_id, add.client_id
    row = await raw.fetchrow(STORE_ONE, now, *named, add.text_hash, add.text)
    if row is None:
        return None
    id_, version, roster = row
    message = Message(id_, add.room_id, add.sender_id, add.text, now, now, version, add.client_id)
    return Added(message, roster)


async def _store(
    raw: Any, adds: Sequence[Add], quotes: Quotes, marks: Marks, now: int
) -> Done | None:
    """None where anything is not in order: then nothing was done."""
    if not adds:
        return [], await _mark(raw, marks)
    if any(a.reply_to is not None and a.is_lost(quotes) for a in adds):
        return None
    counts = Counter([a.room_id for a in adds])
    rooms = sorted(counts)  # every process locks rooms, and members, in the same order
    numbers = {room_id: number for number, room_id in enumerate(rooms, 1)}
    places = _places(adds)
    row = await raw.fetchrow(
        STORE,
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
    under = dict(zip(rooms, _columns(row, "bases", "rosters"), strict=True))
    moved = [Moved(*it) for it in _columns(row, "marked", "users", "delivered", "read")]
    return _outcomes(adds, places, under, row, quotes, now), moved


def _places(adds: Sequence[Add]) -> list[int]:
    """Of each text among those of its room, from 1 on."""
    last: dict[int, int] = {}
    places = []
    for add in adds:
        last[add.room_id] = last.get(add.room_id, 0) + 1
        places.append(last[add.room_id])
    return places


def _or_empty(column: list[T | None]) -> list[T | None]:
    """An empty column says the same as one of nothing: the driver is slow with each value."""
    return [] if column.count(None) == len(column) else column


def _touched(adds: Sequence[Add], marks: Marks) -> Iterable[Sequence[Any]]:
    """The members' rows, as columns: what they are of, delivered, read, and texts sent."""
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
    """`under`: the rooms' versions before, and rosters. Ids are found by room and version."""
    ids = dict(zip(_columns(row, "room_ids", "versions"), row["ids"], strict=True))
    outcomes: list[Outcome] = []
    for add, place in zip(adds, places, strict=True):
        base, roster = under[add.room_id]
        version = base + place
        message = Message(
            ids[add.room_id, version], add.room_id, add.sender_id, add.text, now, now, version,
            add.client_id, add.reply_to,
        )  # fmt: skip
        if add.reply_to is not None:
            message.quote = quotes.get((add.room_id, add.reply_to))
        outcomes.append(Added(message, roster))
    return outcomes


async def _mark(raw: Any, marks: Marks) -> list[Moved]:
    if not marks:
        return []
    columns = zip(*[(*who, *upto) for who, upto in sorted(marks.items())], strict=True)
    return [Moved(*row) for row in await raw.fetch(MARK, *columns)]


async def _judged(raw: Any, adds: Sequence[Add], quotes: Quotes) -> dict[int, Outcome]:
    """Those that are not to be stored, by their places."""
    columns = [a.room_id for a in adds], [a.sender_id for a in adds], [a.client_id for a in adds]
    refused: dict[int, Outcome] = {
        i: Refused("not_found", a.reply_to) for i, a in enumerate(adds) if a.is_lost(quotes)
    }
    for row in await raw.fetch(JUDGE, *columns):
        i = row["place"] - 1
        refused[i] = await _refused(raw, adds[i], row)
    return refused


async def _refused(raw: Any, add: Add, row: Any) -> Outcome:
    if not row["is_member"]:
        return Refused("not_found")
    if row["id"] is None:
        return Refused("forbidden")
    message = await _known(raw, add.room_id, row["id"])
    return add.again(message, row["text_hash"], is_deleted=row["is_deleted"])


async def _quotes(raw: Any, answered: Iterable[tuple[int, int | None]]) -> Quotes:
    wanted = [where for where in answered if where[1] is not None]
    if not wanted:
        return {}
    query = """
        SELECT m.room_id, m.id, m.sender_id,
               CASE WHEN m.deleted_at IS NULL THEN substr(m.text, 1, $3) END
          FROM unnest($1::bigint[], $2::bigint[]) AS o(room_id, id)
          JOIN messages m ON m.room_id = o.room_id AND m.id = o.id
    """
    room_ids, ids = [list(column) for column in zip(*wanted, strict=True)]
    rows = await raw.fetch(query, room_ids, ids, QUOTED)
    return {(room_id, id_): Quote(id_, *rest) for room_id, id_, *rest in rows}


async def _known(raw: Any, room_id: int, message_id: int) -> Message:
    query = """
        SELECT id, room_id, sender_id, text, created_at, updated_at, version, client_id, reply_to
          FROM messages WHERE room_id = $1 AND id = $2
    """
    message = Message(*await raw.fetchrow(query, room_id, message_id))
    query = """
        SELECT key, name, content_type, size, width, height FROM attachments
         WHERE room_id = $1 AND message_id = $2 ORDER BY position
    """
    files = await raw.fetch(query, room_id, message_id)
    message.attachments = [Attachment(*file) for file in files]
    query = """
        SELECT message_id, emoji, user_id FROM reactions WHERE room_id = $1 AND message_id = $2
         ORDER BY created_at, emoji, user_id
    """
    reacted = await raw.fetch(query, room_id, message_id)
    message.reactions = reactions.gathered(reacted).get(message_id, ())
    message.quote = (await _quotes(raw, [(room_id, message.reply_to)])).get(
        (room_id, message.reply_to)
    )
    return message


# ---------------------------------------------------------------- a joining socket

# One row, arrays instead of records: the driver makes few objects of it. With a cursor ($4) the
# page is what changed since, else ($4 is null) the newest messages.
SNAPSHOT = """
    SELECT r.version, r.roster, r.title, r.total, r.floor, me.user_id IS NOT NULL AS is_member,
           (SELECT max(m.id) FROM messages m WHERE m.room_id = r.id) AS top,
           (SELECT m.id FROM messages m
             WHERE m.room_id = r.id AND m.sender_id <> $2 AND m.deleted_at IS NULL
             ORDER BY m.id DESC LIMIT 1) AS newest,
           w.users, w.delivered, w.read, h.*, f.*, e.*, q.*
      FROM rooms r
      LEFT JOIN members me ON me.room_id = r.id AND me.user_id = $2
     CROSS JOIN LATERAL (
           SELECT array_agg(user_id) AS users, array_agg(delivered_upto) AS delivered,
                  array_agg(read_upto) AS read
             FROM members WHERE room_id = r.id) AS w
     CROSS JOIN LATERAL (
           SELECT array_agg(id) AS ids, array_agg(sender_id) AS senders, array_agg(text) AS texts,
                  array_agg(created_at) AS created, array_agg(updated_at) AS updated,
                  array_agg(version) AS versions, array_agg(client_id) AS clients,
                  array_agg(deleted_at) AS gone, array_agg(reply_to) AS replies,
                  min(id) AS first_id, max(id) AS last_id
             FROM ((SELECT * FROM messages
                     WHERE room_id = $1 AND deleted_at IS NULL AND $4::bigint IS NULL
                       AND (r.version, r.total) IS DISTINCT FROM ($6::bigint, $7::bigint)
                     ORDER BY id DESC LIMIT $3)
                   UNION ALL
                   (SELECT * FROM messages
                     WHERE room_id = $1 AND version > $4
                     ORDER BY version LIMIT $3)) AS page) AS h
     CROSS JOIN LATERAL (
           SELECT array_agg(message_id ORDER BY message_id, position) AS of_ids,
                  array_agg(key ORDER BY message_id, position) AS keys,
                  array_agg(name ORDER BY message_id, position) AS names,
                  array_agg(content_type ORDER BY message_id, position) AS types,
                  array_agg(size ORDER BY message_id, position) AS sizes,
                  array_agg(width ORDER BY message_id, position) AS widths,
                  array_agg(height ORDER BY message_id, position) AS heights
             FROM attachments
            WHERE room_id = r.id AND message_id BETWEEN h.first_id AND h.last_id) AS f
     CROSS JOIN LATERAL (
           SELECT array_agg(message_id ORDER BY created_at, emoji, user_id) AS reacted_to,
                  array_agg(emoji ORDER BY created_at, emoji, user_id) AS emojis,
                  array_agg(user_id ORDER BY created_at, emoji, user_id) AS reacting
             FROM reactions
            WHERE room_id = r.id AND message_id BETWEEN h.first_id AND h.last_id) AS e
     CROSS JOIN LATERAL (
           SELECT array_agg(m.id) AS quoted, array_agg(m.sender_id) AS authors,
                  array_agg(CASE WHEN m.deleted_at IS NULL
                                 THEN substr(m.text, 1, $5) END) AS shown
             FROM messages m WHERE m.room_id = r.id AND m.id = ANY(h.replies)) AS q
     WHERE r.id = $1 AND r.deleted_at IS NULL
"""


async def _snapshot(raw: Any, ask: Ask, *, without_messages: bool = False) -> Snapshot | str:
    limit = ask.last if ask.after is None else ask.most + 1
    after = None if ask.after is None else min(ask.after, 2**62)
    limit = 0 if without_messages else limit
    asked = ask.room_id, ask.user_id, limit, after, QUOTED, *(ask.known or (None, None))
    row = await raw.fetchrow(SNAPSHOT, *asked)
    if row is None:
        return "not_found"
    if not row["is_member"]:
        return "forbidden"
    is_lost = after is not None and not row["floor"] <= after <= row["version"]
    if is_lost or (after is not None and len(row["ids"] or ()) > ask.most):
        last = await _snapshot(raw, Ask(ask.room_id, ask.user_id, None, ask.last, ask.most))
        if isinstance(last, Snapshot):
            last.reset = True
        return last
    found = _found(row, ask.room_id)
    if without_messages or ask.known == (found.version, found.total):
        found.messages = None
    return found


def _found(row: Any, room_id: int) -> Snapshot:
    marks = {
        user: (delivered, read)
        for user, delivered, read in zip(row["users"], row["delivered"], row["read"], strict=True)
    }
    found = Snapshot(
        row["version"], row["roster"], row["title"], marks, row["top"] or 0, row["newest"] or 0,
        [], [], False, row["total"],
    )  # fmt: skip
    kept: list[Message] = []
    files, quotes = _files(row), _quoted(row)
    reacted = reactions.gathered(_columns(row, "reacted_to", "emojis", "reacting"))
    for gone, id_, *rest in _columns(row, "gone", *COLUMNS):
        if gone is not None:
            found.deleted.append(id_)
            continue
        message = Message(id_, room_id, *rest)
        message.attachments = files.get(id_, ())
        message.reactions = reacted.get(id_, ())
        message.quote = quotes.get(message.reply_to)
        kept.append(message)
    found.messages = sorted(kept, key=lambda m: m.id)
    found.deleted.sort()
    return found


FILE_COLUMNS = ("keys", "names", "types", "sizes", "widths", "heights")
COLUMNS = ("ids", "senders", "texts", "created", "updated", "versions", "clients", "replies")


def _columns(row: Any, *names: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(row[name] or () for name in names), strict=True)


def _files(row: Any) -> dict[int, list[Attachment]]:
    files: dict[int, list[Attachment]] = {}
    for message_id, *file in _columns(row, "of_ids", *FILE_COLUMNS):
        files.setdefault(message_id, []).append(Attachment(*file))
    return files


def _quoted(row: Any) -> dict[int | None, Quote]:
    return {id_: Quote(id_, *rest) for id_, *rest in _columns(row, "quoted", "authors", "shown")}
