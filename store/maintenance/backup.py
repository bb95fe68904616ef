"""Copies of a whole database: SQLite's online backup, and PostgreSQL's own programs."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from ..epoch import new_epoch
from ..errors import CannotOpen
from ..sqlite.address import is_sqlite

if TYPE_CHECKING:
    from ..postgres.address import PostgresAddress

SET_META = "UPDATE meta SET value = ? WHERE name = ?"
PROGRAM_MISSING = (
    "{program} was not found: install the PostgreSQL client programs of the server's version or a "
    "newer one (Debian: postgresql-client)."
)


class BackupFailed(Exception):
    """The backup or restore did not succeed; the text is one sentence."""


# ---------------------------------------------------------------- SQLite


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy the database as of one moment, while a server writes to it, and check the copy.

    All pages are copied in one step: a write between two steps would make SQLite start again.
    """
    with (
        closing(sqlite3.connect(f"file:{_quoted(source)}?mode=ro", uri=True)) as reading,
        closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing)
        writing.execute("PRAGMA journal_mode=DELETE")
        (state,) = writing.execute("PRAGMA quick_check(1)").fetchone()
    if state != "ok":
        raise BackupFailed(f"The copy of {source} is damaged: {state}.")


def restore_sqlite(backup: Path, target: Path) -> None:
    """Put the copy in place of a database that does not exist yet, with a new epoch.

    Raises CannotOpen if there is a database.
    """
    for path in (target, target.with_name(f"{target.name}-wal")):
        if path.exists():
            raise CannotOpen(f"{path} exists: stop the server and move its database away first.")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.restoring")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    shutil.copyfile(backup, part)
    with closing(sqlite3.connect(part)) as database, database:
        database.executemany(SET_META, [(new_epoch(), "epoch"), ("", "lineage")])
    target.with_name(f"{target.name}-lineage").unlink(missing_ok=True)
    part.replace(target)


def sqlite_keys(path: Path) -> Iterator[str]:
    """Yield the keys of the objects that messages hold, from a copy."""
    with closing(sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True)) as database:
        for (key,) in database.execute("SELECT key FROM attachments ORDER BY key"):
            yield key


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


async def restore_postgres(url: str, backup: Path) -> None:
    """Restore into a database without a chat, with a new epoch; all or nothing.

    Raises BackupFailed.
    """
    address = _address_of(url)
    if await _psql(address, "SELECT to_regclass('meta') IS NOT NULL") != "f":
        raise BackupFailed("The database of database.url has a chat already: use an empty one.")
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    if address.schema:  # what is in it is restored, and not the schema itself
        await _psql(address, f'CREATE SCHEMA IF NOT EXISTS "{address.schema}"')
        options.append(f"--schema={address.schema}")
    await _run("pg_restore", address, *options, str(backup))
    query = f"UPDATE meta SET value = '{new_epoch()}' WHERE name = 'epoch'"  # noqa: S608 # letters
    await _psql(address, query)


async def postgres_keys(url: str) -> list[str]:
    """Return the keys of the objects that messages hold."""
    return (await _psql(_address_of(url), "SELECT key FROM attachments ORDER BY key")).split()


def schema_of(url: str) -> str:
    """Return the schema of PostgreSQL in the address, or an empty text if it has none."""
    return "" if is_sqlite(url) else _address_of(url).schema


def _address_of(url: str) -> "PostgresAddress":
    from ..postgres.address import parse_postgres_url  # its driver may not be installed

    return parse_postgres_url(url)


async def _psql(address: "PostgresAddress", query: str) -> str:
    options = ("--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1")
    return (await _run("psql", address, *options, f"--command={query}")).strip()


async def _run(program: str, address: "PostgresAddress", *options: str) -> str:
    """Run a program of PostgreSQL on the database, and return its output. Raises BackupFailed."""
    from ..postgres.libpq import database_argument, environment_of

    found = shutil.which(program)
    if found is None:
        raise BackupFailed(PROGRAM_MISSING.format(program=program))
    process = await asyncio.create_subprocess_exec(
        found,
        database_argument(address),
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | environment_of(address),
    )
    output, errors = await process.communicate()
    if process.returncode:
        lines = errors.decode(errors="replace").strip().splitlines() or ["no message"]
        raise BackupFailed(f"{program} failed: {lines[0]}")
    return output.decode()
