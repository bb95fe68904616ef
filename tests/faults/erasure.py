"""The erasure of a user who wrote 300,000 messages: who waits for it, and what a kill changes.

`python -m tests.faults.erasure` does it on SQLite and on PostgreSQL, and prints a table;
`--messages` takes another number. The exit code is 1 where a bound was broken.
"""

import argparse
import asyncio
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import asyncpg
import httpx

from ..client import Person
from ..engines import done
from ..engines.postgres import postgres
from ..server import Server
from .attacks import in_memory, percentile, say

ROOM, WRITER, READER = 1, "writer", "reader"
JOINS = 30
MAX_ANSWER = 1.0  # seconds
MAX_RATIO = 3.0  # between the joins of the erased user and those of the other
MAX_START = 3.0  # seconds after the server is there again

FILL = (
    """
    INSERT INTO messages (room_id, sender_id, text, created_at, updated_at, version)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
    SELECT 1, 'writer', 'Message ' || i || ', about as long as people write.', i, i, i
      FROM n ORDER BY i
    """,
    "UPDATE rooms SET total = {count}, version = {count} WHERE id = 1",
    "UPDATE members SET sent = {count} WHERE user_id = 'writer'",
    "UPDATE members SET seen = {count}, read_upto = {count}, delivered_upto = {count}"
    " WHERE user_id = 'reader'",
    "INSERT INTO search_upto (room_id, version) VALUES (1, {count})"
    " ON CONFLICT (room_id) DO UPDATE SET version = excluded.version",
)
LEFT = "SELECT count(*) FROM messages WHERE room_id = 1 AND deleted_at IS NULL"
OLDEST = "SELECT min(id) FROM messages WHERE room_id = 1 AND deleted_at IS NULL"

Ask = Callable[[str], int]  # the first value of a statement's answer


class Row(NamedTuple):
    """Times in seconds; `rate` in messages a second."""

    answer: float
    idle: float  # a join of the writer before the erasure
    own: float  # the erased user's own joins meanwhile
    others: float
    rate: float
    goes_on: float  # after the start that follows a kill

    def broken(self) -> list[str]:
        """Return which bounds do not hold."""
        said = {
            "answer": self.answer > MAX_ANSWER,
            "own join": self.own > MAX_RATIO * self.others,
            "restart": self.goes_on > MAX_START,
        }
        return [what for what, is_broken in said.items() if is_broken]


async def timed(work: Awaitable[object]) -> float:
    began = time.monotonic()
    await work
    return time.monotonic() - began


async def enter(person: Person) -> None:
    async with person.enters(ROOM):
        pass


async def joins(*people: Person) -> list[list[float]]:
    """Let them join in turn; return the times of each."""
    took: list[list[float]] = [[] for _ in people]
    for _ in range(JOINS):
        for times, person in zip(took, people, strict=True):
            times.append(await timed(enter(person)))
    return took


async def erase(server: Server, ask: Ask) -> Row:
    async with httpx.AsyncClient(timeout=60) as http:
        writer = Person(server, http, WRITER, WRITER)
        reader = Person(server, http, READER, READER)
        (idle,) = await joins(writer)
        began, left = time.monotonic(), ask(LEFT)
        answer = await timed(writer.delete("chat/me/"))
        own, others = await joins(writer, reader)
        rate = (left - ask(LEFT)) / (time.monotonic() - began)
        server.kill()
        oldest = ask(OLDEST)
        server.start()
        began = time.monotonic()
        # the database tells nobody
        while ask(OLDEST) == oldest and time.monotonic() < began + 10 * MAX_START:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        goes_on = time.monotonic() - began
        p50s = (percentile(times, 0.5) for times in (idle, own, others))
        return Row(answer, *p50s, rate, goes_on)


async def opened(server: Server) -> None:
    async with httpx.AsyncClient() as http:
        writer = Person(server, http, WRITER, WRITER)
        assert await writer.opens(Person(server, http, READER, READER)) == ROOM


def run(url: str | None, folder: Path, messages: int) -> Row:
    """Fill the room while no server runs, and measure."""
    server = Server(folder, rate_limit_rate=0, **({"database_url": url} if url else {})).start()
    try:
        asyncio.run(opened(server))
        server.stop()
        ask = by_postgres(url) if url else by_sqlite(server.database)
        for statement in FILL:
            ask(statement.format(count=messages))
        server.start()
        return asyncio.run(erase(server, ask))
    finally:
        server.end()


def by_sqlite(file: Path) -> Ask:
    def ask(statement: str) -> int:
        with closing(sqlite3.connect(file, timeout=60)) as db, db:
            return int((db.execute(statement).fetchone() or [0])[0])

    return ask


def by_postgres(url: str) -> Ask:
    async def answered(statement: str) -> int:
        db = await asyncpg.connect(url)
        try:
            return int(await db.fetchval(statement) or 0)
        finally:
            await db.close()

    return lambda statement: done(answered(statement))


HEAD = " " * 12 + "answer ms   join before   own   others   messages/s   goes on after s"


def line_of(row: Row) -> str:
    times = f"{1000 * row.answer:9.0f}{1000 * row.idle:14.1f}{1000 * row.own:6.1f}"
    rest = f"{1000 * row.others:9.1f}{row.rate:13.0f}{row.goes_on:18.2f}"
    return f"{times}{rest}  {', '.join(row.broken()) or 'holds'}"


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--messages", type=int, default=300_000)
    messages = given.parse_args().messages
    failures = 0
    say(HEAD)
    for name in ("SQLite", "PostgreSQL"):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(dir=in_memory())))
            url = stack.enter_context(database()) if name == "PostgreSQL" else None
            row = run(url, folder, messages)
        failures += bool(row.broken())
        say(f"{name:<12}{line_of(row)}")
    return 1 if failures else 0


@contextmanager
def database() -> Iterator[str]:
    """A database of a PostgreSQL server of its own."""
    with TemporaryDirectory(prefix="roomcast-erasure-", ignore_cleanup_errors=True) as folder:
        engine = postgres(Path(folder))
        engine.start()
        try:
            yield engine.create_database()
        finally:
            engine.end()


if __name__ == "__main__":
    sys.exit(main())
