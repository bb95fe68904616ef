"""Copies of a whole database: SQLite's online backup, and PostgreSQL's own programs."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..epoch import new_epoch
from ..errors import CannotOpen
from ..schema import why_moved
from ..sqlite.address import is_sqlite

if TYPE_CHECKING:
    from ..postgres.address import PostgresAddress

SET_META = "UPDATE meta SET value = ? WHERE name = ?"
SCHEMA_OF = "SELECT value FROM meta WHERE name = 'schema'"
KEYS = "SELECT key FROM attachments ORDER BY key"
PROGRAM_MISSING = (
    "{program} was not found: install the PostgreSQL client programs of the server's version or a "
    "newer one (Debian: postgresql-client)."
)


class BackupFailed(Exception):
    """The backup or restore did not succeed; the text is one sentence."""


def _number_of(schema: str) -> int:
    """Return the number of a schema. Raises BackupFailed for that of a database that was moved."""
    if not schema.isdecimal():
        raise BackupFailed(why_moved(schema) or "The database holds no chat.")
    return int(schema)


# ---------------------------------------------------------------- SQLite


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy the database as of one moment, while a server writes to it, and check the copy.

    All pages are copied in one step: a write between two steps would make SQLite start again.
    Raises BackupFailed.
    """
    with (
        in_one_sentence(f"{source} can't be copied"),
        closing(_opened(source)) as reading,
        closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing)
        writing.execute("PRAGMA journal_mode=DELETE")
    _check_pages(target)


def check_sqlite(backup: Path, target: Path) -> None:
    """Check that the copy is whole, and that there is no database yet in its place.

    Raises BackupFailed and CannotOpen.
    """
    _refuse_existing(target)
    _check_pages(backup)
    contents_of_sqlite(backup)


def restore_sqlite(backup: Path, target: Path) -> None:
    """Put a checked copy in place of a database that does not exist yet, with a new epoch.

    Raises CannotOpen if there is a database.
    """
    _refuse_existing(target)  # also one that was created since the check
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.restoring")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        shutil.copyfile(backup, part)
        with (
            in_one_sentence(f"{target} can't be written"),
            closing(sqlite3.connect(part)) as database,
            database,
        ):
            database.executemany(SET_META, [(new_epoch(), "epoch"), ("", "lineage")])
        target.with_name(f"{target.name}-lineage").unlink(missing_ok=True)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def contents_of_sqlite(path: Path) -> tuple[int, list[str]]:
    """Return the schema of a copy and the keys of its messages' objects. Raises BackupFailed."""
    with in_one_sentence(f"{path} holds no chat"), closing(_opened(path)) as database:
        (schema,) = database.execute(SCHEMA_OF).fetchone() or ("",)
        keys = [key for (key,) in database.execute(KEYS)]
    return _number_of(schema), keys


def _refuse_existing(target: Path) -> None:
    for path in (target, target.with_name(f"{target.name}-wal")):
        if path.exists():
            raise CannotOpen(f"{path} exists: stop the server and move its database away first.")


def _check_pages(path: Path) -> None:
    with in_one_sentence(f"{path} is damaged"), closing(_opened(path)) as database:
        (state,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if state != "ok":
        raise BackupFailed(f"{path} is damaged: {state}.")


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True)


@contextmanager
def in_one_sentence(what: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise BackupFailed(f"{what}: {error}.") from None


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


# ---------------------------------------------------------------- PostgreSQL


async def dump_postgres(url: str, target: Path) -> None:
    """Write one snapshot of the database by pg_dump, in its custom format. Raises BackupFailed.

    Where the address names a schema, of that schema alone: others share the database.
    """
    address = _address_of(url)
    only = [f'--schema="{address.schema}"'] if address.schema else []
    options = ("--format=custom", "--no-owner", "--no-privileges", f"--file={target}", *only)
    await _run("pg_dump", address, *options)


async def check_postgres(url: str, backup: Path) -> None:
    """Check that the dump can be read, and that there is no chat in the database yet.

    Raises BackupFailed.
    """
    address = _address_of(url)
    if await _psql(address, "SELECT to_regclass('meta') IS NOT NULL") != "f":
        raise BackupFailed("The database of database.url has a chat already: use an empty one.")
    await _run("pg_restore", None, "--list", str(backup))


async def restore_postgres(url: str, backup: Path) -> None:
    """Restore a checked dump into a database without a chat, with a new epoch; all or nothing.

    Raises BackupFailed.
    """
    address = _address_of(url)
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    if address.schema:  # what is in it is restored, and not the schema itself
        await _psql(address, f'CREATE SCHEMA IF NOT EXISTS "{address.schema}"')
        options.append(f"--schema={address.schema}")
    await _run("pg_restore", address, *options, str(backup))
    query = f"UPDATE meta SET value = '{new_epoch()}' WHERE name = 'epoch'"  # noqa: S608 # letters
    await _psql(address, query)


async def contents_of_postgres(url: str) -> tuple[int, list[str]]:
    """Return the schema of the chat and the keys of its messages' objects. Raises BackupFailed."""
    address = _address_of(url)
    return _number_of(await _psql(address, SCHEMA_OF)), (await _psql(address, KEYS)).split()


def schema_of(url: str) -> str:
    """Return the schema of PostgreSQL in the address, or an empty text if it has none."""
    return "" if is_sqlite(url) else _address_of(url).schema


def _address_of(url: str) -> "PostgresAddress":
    from ..postgres.address import parse_postgres_url  # its driver may not be installed

    return parse_postgres_url(url)


async def _psql(address: "PostgresAddress", query: str) -> str:
    options = ("--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1")
    return (await _run("psql", address, *options, f"--command={query}")).strip()


async def _run(program: str, address: "PostgresAddress | None", *options: str) -> str:
    """Run a program of PostgreSQL on a database, and return its output. Raises BackupFailed."""
    from ..postgres.libpq import database_argument, environment_of

    found = shutil.which(program)
    if found is None:
        raise BackupFailed(PROGRAM_MISSING.format(program=program))
    process = await asyncio.create_subprocess_exec(
        found,
        *([database_argument(address)] if address else []),
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | (environment_of(address) if address else {}),
    )
    output, errors = await process.communicate()
    if process.returncode:
        lines = errors.decode(errors="replace").strip().splitlines() or ["no message"]
        raise BackupFailed(f"{program} failed: {lines[0]}")
    return output.decode()
