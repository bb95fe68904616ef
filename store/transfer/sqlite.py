"""A SQLite file as one end of a move."""
# ruff: noqa: S608 # every name in these statements is one of schema.sql

import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from .. import schema as meta
from ..errors import CannotOpen
from ..sqlite.address import parse_sqlite_url
from ..sqlite.connection import SqliteConnection
from ..sqlite.lineage import Lineage
from .endpoint import ROW_BATCH, Digest, Row, translate_errors
from .tables import DERIVED_TABLES, Table, tables

_translate_errors = partial(translate_errors, kinds=(sqlite3.Error, OSError))


class SqliteEnd:
    def __init__(self, url: str) -> None:
        self.path = parse_sqlite_url(url)
        self.where = str(self.path)
        self._lineage: Lineage | None = None

    def exists(self) -> bool:
        return self.path.is_file()

    async def open(self) -> None:
        self._lineage = Lineage(self.path)
        try:
            self._db = SqliteConnection(path=self.path, synchronous="NORMAL", isolation_level=None)
            self._db.execute("PRAGMA cache_size=-64000")
        except sqlite3.Error as error:
            self._lineage.release()
            raise CannotOpen(f"The database {self.path} can't be opened: {error}.") from error

    async def aclose(self) -> None:
        self._db.close()
        if self._lineage is not None:
            self._lineage.release()

    async def freeze(self) -> None:
        """Do nothing: the lock of the lineage file prevents other writers."""

    async def thaw(self) -> None:
        """Do nothing: each change was committed at once."""

    async def meta(self) -> dict[str, str]:
        with _translate_errors(self.where):
            if not self._db.execute(meta.HAS_TABLES["sqlite"]).fetchall():
                return {}
            return dict(self._db.execute("SELECT name, value FROM meta").fetchall())

    async def digest(self, table: Table) -> Digest:
        with _translate_errors(self.where):
            query = table.digest("length(CAST({} AS blob))")
            return tuple(self._db.execute(query).fetchone())

    async def rows(self, table: Table, start: int | None) -> AsyncIterator[Sequence[Row]]:
        with _translate_errors(f"{self.where}, {table.name}"):
            found = self._db.execute(table.rows(start))
            while rows := found.fetchmany(ROW_BATCH):
                yield rows

    async def last(self, table: Table) -> int | None:
        with _translate_errors(self.where):
            value: int | None = self._db.execute(table.last).fetchone()[0] if table.last else None
            return value

    async def keys(self) -> tuple[list[str], list[str]]:
        with _translate_errors(self.where):
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
        with _translate_errors(self.where):
            return int(self._db.execute(query, (table.name,)).fetchone()[0])

    async def count_from(self, table: Table, highest: int) -> None:
        with self._transaction():
            self._db.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table.name,))
            query = "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)"
            self._db.execute(query, (table.name, highest))

    async def empty(self) -> None:
        with self._transaction():
            for name in (*DERIVED_TABLES, *(table.name for table in reversed(tables()))):
                self._db.execute(f"DELETE FROM {name}")

    async def keep(self, values: Mapping[str, str]) -> None:
        with self._transaction():
            self._db.execute("DELETE FROM meta")
            self._db.executemany("INSERT INTO meta (name, value) VALUES (?, ?)", values.items())
        # Everything is on the disk before the move is reported as finished.
        with _translate_errors(self.where):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _translate_errors(self.where):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
