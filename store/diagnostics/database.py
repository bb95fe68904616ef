"""Checks the database for the operator; it changes nothing there and takes no lock."""

import asyncio
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

from .. import schema
from ..sqlite.address import is_sqlite, parse_sqlite_url
from .finding import Finding
from .schema import in_ms, schema_finding

CHECK_TIMEOUT = 4.0  # seconds for each check
LOW_DISK_SPACE = 1 << 30


async def diagnose(url: str, *, alone: bool) -> AsyncIterator[Finding]:
    """Yield the findings about a database; `alone`: the server must be its only process."""
    if is_sqlite(url):
        path = parse_sqlite_url(url)
        for finding in await asyncio.to_thread(lambda: list(_of_file(path))):
            yield finding
        return
    try:
        from .postgres import examine_postgres  # a chat on SQLite may have no driver for it
    except ModuleNotFoundError as error:
        sentence = f"postgresql:// needs {error.name}: pip install 'roomcast[postgres]'."
        yield Finding("driver", False, sentence)
        return
    async for finding in examine_postgres(url, alone):
        yield finding


# ---------------------------------------------------------------- SQLite


def _of_file(path: Path) -> Iterator[Finding]:
    folder = path.absolute().parent
    if not folder.is_dir():
        yield Finding("writable", False, f"There is no folder {folder}: make it.")
        return
    try:
        yield from _of_content(path) if path.exists() else _of_nothing(path, folder)
    except (OSError, sqlite3.Error) as error:
        advice = "let the user who runs roomcast write there, also in its folder"
        yield Finding("writable", False, f"{path}: {error}; {advice}.")
    free = shutil.disk_usage(folder).free
    sentence = f"{free / (1 << 30):.1f} GiB are free for messages."
    yield Finding("space", free >= LOW_DISK_SPACE, sentence)


def _of_nothing(path: Path, folder: Path) -> Iterator[Finding]:
    probe = folder / f".{path.name}-doctor"
    with closing(sqlite3.connect(probe)) as db:
        try:
            db.execute("CREATE TABLE probe (id integer)")
        finally:
            db.rollback()
            probe.unlink(missing_ok=True)
    yield Finding("writable", True, f"{path} will be made at the start.")


def _of_content(path: Path) -> Iterator[Finding]:
    with closing(sqlite3.connect(path, timeout=CHECK_TIMEOUT, isolation_level=None)) as db:
        began = time.perf_counter()
        db.execute("BEGIN IMMEDIATE")
        try:
            known = bool(db.execute(schema.HAS_TABLES["sqlite"]).fetchall())
            query = "SELECT value FROM meta WHERE name = 'schema'"
            found = db.execute(query).fetchone() if known else None
            db.execute("CREATE TABLE roomcast_doctor (id integer)")
        finally:
            db.execute("ROLLBACK")
        took = time.perf_counter() - began
        sentence = f"{path} can be written (SQLite {sqlite3.sqlite_version}, {in_ms(took)})."
        yield Finding("writable", True, sentence)
        yield schema_finding(known, found[0] if found else "")
        mode = db.execute("PRAGMA journal_mode").fetchone()[0]
        later = "" if mode == "wal" else ", WAL from the next start on"
        yield Finding("journal", True, f"The journal is {mode.upper()}{later}.")
