"""A connection to SQLite that can run a Python function in its thread, as one statement.

`databases` opens its connections with `sqlite3.connect(factory=…)`. Ours has one more statement:
`CALL`, whose parameters are a function and its arguments. So a whole transaction runs in the
connection's thread, without a switch between two threads for each statement.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from databases.core import Connection

from ..errors import DatabaseError, DatabaseUnavailable

CALL = "\0call"

MAX_WAL_PAGES = 8_000  # pages of the log (32 MB) after which the writer itself checkpoints it

T = TypeVar("T")


class Rows(list[Any]):
    """The result of a called function, with the interface of a cursor."""

    def fetchall(self) -> list[Any]:
        return self

    def close(self) -> None:
        """Do nothing: no resource is held."""


class SqliteConnection(sqlite3.Connection):
    """A connection to the file at `path`; the address that `databases` passes is ignored."""

    def __init__(
        self, _address: str = "", /, *, path: Path, synchronous: str, **options: Any
    ) -> None:
        super().__init__(path, **options)
        for pragma in (
            "busy_timeout=3000",
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            "foreign_keys=1",
            "temp_store=MEMORY",  # otherwise a large batch writes a temporary file
            "cache_size=-32000",
            "secure_delete=1",  # what is deleted is overwritten; the default depends on the build
            f"wal_autocheckpoint={MAX_WAL_PAGES}",
        ):
            super().execute(f"PRAGMA {pragma}")

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        if sql == CALL:
            work, *args = parameters
            return Rows([work(self, *args)])
        return super().execute(sql, parameters)


def transaction(db: sqlite3.Connection, begin: str, work: Callable[..., T], *args: Any) -> T:
    """Run the work between BEGIN and COMMIT; roll it back if it fails."""
    db.execute(begin)
    try:
        result = work(db, *args)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite rolls back by itself on a full disk
            db.execute("ROLLBACK")
        raise
    return result


def encode_json(values: object) -> str:
    return msgspec.json.encode(values).decode()


async def call(db: Connection, work: Callable[..., T], *args: Any) -> T:
    """Run the work on the raw connection, in its thread, and return its result."""
    rows = await db.raw_connection.execute_fetchall(CALL, (work, *args))
    return rows[0]  # type: ignore[no-any-return] # what execute_fetchall answers is untyped


@asynccontextmanager
async def transaction_of(db: Connection, begin: str) -> AsyncIterator[None]:
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
def translated() -> Iterator[None]:
    """Raise DatabaseUnavailable for a full disk, a lock or a lost file, else DatabaseError."""
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:
        raise DatabaseUnavailable(f"SQLite: {error}") from error
    except sqlite3.DatabaseError as error:
        raise DatabaseError(f"SQLite: {error}") from error
