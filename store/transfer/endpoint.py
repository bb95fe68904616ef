"""The two ends of a move: a whole database that nobody else works on, on either engine."""
# ruff: noqa: S608 # every name in these statements is one of schema.sql

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import asyncpg
from databases import DatabaseURL

from .. import schema as meta
from ..errors import AlreadyOpen, CannotOpen
from ..postgres.engine import ALONE, CONNECT, GONE, options_of
from ..sqlite.engine import Life, Lite
from .tables import DERIVED, CannotMove, Table, tables

BATCH = 10_000  # rows in one transaction
PATIENCE = 3.0  # seconds for the others to leave

Row = Sequence[Any]
Digest = tuple[int, ...]  # the count of rows, then a sum of each column


class End(Protocol):
    """A database that nobody else works on. All of it raises CannotMove."""

    where: str

    def exists(self) -> bool: ...
    async def open(self) -> None: ...
    async def aclose(self) -> None: ...
    async def freeze(self) -> None:
        """From now on it stays as it is."""

    async def meta(self) -> dict[str, str]:
        """Empty where there are no tables."""
        ...

    async def digest(self, table: Table) -> Digest: ...
    def rows(self, table: Table, start: int | None) -> AsyncIterator[Sequence[Row]]: ...
    async def last(self, table: Table) -> int | None: ...
    async def keys(self) -> tuple[list[str], list[str]]:
        """Of the objects that messages hold, and of those that none does."""
        ...

    async def add(self, table: Table, rows: Sequence[Row]) -> None:
        """Those that are not there yet."""

    async def counted(self, table: Table) -> int:
        """The highest id that was ever given, as far as it is known."""
        ...

    async def count_from(self, table: Table, highest: int) -> None: ...
    async def empty(self) -> None: ...
    async def keep(self, values: Mapping[str, str]) -> None:
        """What meta holds from now on."""


def end_of(url: str) -> End:
    return SqliteEnd(url) if url.startswith("sqlite:") else PostgresEnd(url)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[End]:
    """Raises CannotOpen, AlreadyOpen or CannotMove."""
    end = end_of(url)
    await end.open()
    try:
        yield end
    finally:
        await end.aclose()


@contextmanager
def _told(where: str) -> Iterator[None]:
    try:
        yield
    except (asyncpg.PostgresError, *GONE, sqlite3.Error) as error:
        why, *_ = [*str(error).splitlines(), type(error).__name__]
        raise CannotMove(f"{where}: {why}. Moving again goes on where this ended.") from error


class SqliteEnd:
    def __init__(self, url: str) -> None:
        self.path = Path(url.removeprefix("sqlite:///"))
        self.where = str(self.path)
        self._life: Life | None = None

    def exists(self) -> bool:
        return self.path.is_file()

    async def open(self) -> None:
        self._life = Life(self.path)
        try:
            self._db = Lite(self.path, synchronous="NORMAL", isolation_level=None)
            self._db.execute("PRAGMA cache_size=-64000")
        except sqlite3.Error as error:
            self._life.release()
            raise CannotOpen(f"The database {self.path} can't be opened: {error}.") from error

    async def aclose(self) -> None:
        self._db.close()
        if self._life is not None:
            self._life.release()

    async def freeze(self) -> None:
        """The lock of its life does that."""

    async def meta(self) -> dict[str, str]:
        with _told(self.where):
            if not self._db.execute(meta.HAS_TABLES["sqlite"]).fetchall():
                return {}
            return dict(self._db.execute("SELECT name, value FROM meta").fetchall())

    async def digest(self, table: Table) -> Digest:
        with _told(self.where):
            query = table.digest("length(CAST({} AS blob))")
            return tuple(self._db.execute(query).fetchone())

    async def rows(self, table: Table, start: int | None) -> AsyncIterator[Sequence[Row]]:
        with _told(f"{self.where}, {table.name}"):
            found = self._db.execute(table.rows(start))
            while rows := found.fetchmany(BATCH):
                yield rows

    async def last(self, table: Table) -> int | None:
        with _told(self.where):
            value: int | None = self._db.execute(table.last).fetchone()[0] if table.last else None
            return value

    async def keys(self) -> tuple[list[str], list[str]]:
        with _told(self.where):
            held = self._db.execute("SELECT key FROM attachments").fetchall()
            loose = self._db.execute("SELECT key FROM uploads").fetchall()
            return [key for (key,) in held], [key for (key,) in loose]

    async def add(self, table: Table, rows: Sequence[Row]) -> None:
        places = ", ".join("?" * len(table.columns))
        query = f"INSERT INTO {table.name} ({table.text}) VALUES ({places}) ON CONFLICT DO NOTHING"
        with self._transaction():
            self._db.executemany(query, rows)

    async def counted(self, table: Table) -> int:
        query = f"""
            SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0),
                       coalesce((SELECT max(id) FROM {table.name}), 0))
        """
        with _told(self.where):
            return int(self._db.execute(query, (table.name,)).fetchone()[0])

    async def count_from(self, table: Table, highest: int) -> None:
        with self._transaction():
            self._db.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table.name,))
            query = "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)"
            self._db.execute(query, (table.name, highest))

    async def empty(self) -> None:
        with self._transaction():
            for name in (*DERIVED, *(table.name for table in reversed(tables()))):
                self._db.execute(f"DELETE FROM {name}")

    async def keep(self, values: Mapping[str, str]) -> None:
        with self._transaction():
            self._db.execute("DELETE FROM meta")
            self._db.executemany("INSERT INTO meta (name, value) VALUES (?, ?)", values.items())
        # All of it is on the disk before anybody says so.
        with _told(self.where):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _told(self.where):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


class PostgresEnd:
    def __init__(self, url: str) -> None:
        self._url = url
        parts = DatabaseURL(url)
        self.where = f"{parts.hostname}:{parts.port or 5432}/{parts.database}"

    def exists(self) -> bool:
        return True

    async def open(self) -> None:
        options = options_of(DatabaseURL(self._url))
        no_limits = ("idle_in_transaction_session_timeout", "statement_timeout")
        calm = {"application_name": "roomcast move", **dict.fromkeys(no_limits, "0")}
        try:
            self._db: Any = await asyncpg.connect(
                self._url.partition("?")[0], timeout=CONNECT, server_settings=calm, **options
            )
        except (asyncpg.PostgresError, *GONE) as error:
            why = str(error) or type(error).__name__
            raise CannotOpen(f"The database {self.where} can't be opened: {why}.") from error
        try:
            await self._alone()
        except BaseException:
            await self.aclose()
            raise

    async def _alone(self) -> None:
        """A server of several processes takes no lock, but it is connected."""
        query = """
            SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()
               AND application_name IN ('roomcast', 'roomcast move')
        """
        try:
            async with asyncio.timeout(PATIENCE):
                while await self._db.fetchval(query):  # noqa: ASYNC110 # it tells nobody
                    await asyncio.sleep(PATIENCE / 20)
        except TimeoutError:
            found = False
        else:
            found = await self._db.fetchval("SELECT pg_try_advisory_lock($1)", ALONE)
        if not found:
            raise AlreadyOpen(
                f"The database {self.where} is in use by another roomcast process: stop it first. "
                "(A pooler before it may keep connections for some minutes.)"
            )

    async def aclose(self) -> None:
        try:
            await self._db.close(timeout=CONNECT)
        except (asyncpg.PostgresError, *GONE):
            self._db.terminate()

    async def freeze(self) -> None:
        """A server that starts now can read, and write nothing."""
        self._frozen = self._db.transaction(isolation="repeatable_read")
        names = ", ".join(["meta", *(table.name for table in tables())])
        with _told(self.where):
            await self._frozen.start()
            await self._db.execute(f"SET LOCAL lock_timeout = '{PATIENCE:.0f}s'")
            await self._db.execute(f"LOCK TABLE {names} IN SHARE MODE")

    async def meta(self) -> dict[str, str]:
        with _told(self.where):
            if not await self._db.fetchval(meta.HAS_TABLES["postgresql"]):
                return {}
            return dict(await self._db.fetch("SELECT name, value FROM meta"))

    async def digest(self, table: Table) -> Digest:
        with _told(self.where):
            return tuple(await self._db.fetchrow(table.digest("octet_length({})")))

    async def rows(self, table: Table, start: int | None) -> AsyncIterator[Sequence[Row]]:
        with _told(f"{self.where}, {table.name}"):
            found = await self._db.cursor(table.rows(start))
            while rows := await found.fetch(BATCH):
                yield rows

    async def last(self, table: Table) -> int | None:
        with _told(self.where):
            value: int | None = await self._db.fetchval(table.last) if table.last else None
            return value

    async def keys(self) -> tuple[list[str], list[str]]:
        with _told(self.where):
            held = await self._db.fetch("SELECT key FROM attachments")
            loose = await self._db.fetch("SELECT key FROM uploads")
            return [row["key"] for row in held], [row["key"] for row in loose]

    async def add(self, table: Table, rows: Sequence[Row]) -> None:
        with _told(f"{self.where}, {table.name}"):
            try:
                async with self._db.transaction():
                    await self._copy(rows, table.name, table)
            except asyncpg.UniqueViolationError:  # where an earlier move ended
                async with self._db.transaction():
                    await self._add_new(table, rows)

    async def _add_new(self, table: Table, rows: Sequence[Row]) -> None:
        name = f"incoming_{table.name}"
        await self._db.execute(f"CREATE TEMP TABLE {name} (LIKE {table.name}) ON COMMIT DROP")
        await self._copy(rows, name, table)
        await self._db.execute(
            f"INSERT INTO {table.name} ({table.text}) SELECT {table.text} FROM {name} "
            "ON CONFLICT DO NOTHING"
        )

    async def _copy(self, rows: Sequence[Row], name: str, table: Table) -> None:
        await self._db.copy_records_to_table(name, records=rows, columns=table.columns)

    async def counted(self, table: Table) -> int:
        name = f"pg_get_serial_sequence('{table.name}', 'id')"
        with _told(self.where):
            sequence = await self._db.fetchval(f"SELECT {name}")
            query = f"""
                SELECT greatest(CASE WHEN is_called THEN last_value ELSE last_value - 1 END,
                                (SELECT max(id) FROM {table.name}))
                  FROM {sequence}
            """
            return int(await self._db.fetchval(query))

    async def count_from(self, table: Table, highest: int) -> None:
        query = "SELECT setval(pg_get_serial_sequence($1, 'id'), greatest($2::bigint, 1), $2 > 0)"
        with _told(self.where):
            await self._db.execute(query, table.name, highest)

    async def empty(self) -> None:
        names = ", ".join([*DERIVED, *(table.name for table in tables())])
        with _told(self.where):
            await self._db.execute(f"TRUNCATE {names}")

    async def keep(self, values: Mapping[str, str]) -> None:
        with _told(self.where):
            async with self._db.transaction():
                await self._db.execute("DELETE FROM meta")
                query = "INSERT INTO meta (name, value) VALUES ($1, $2)"
                await self._db.executemany(query, list(values.items()))
