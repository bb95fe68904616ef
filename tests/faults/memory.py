"""A server under traffic for many thousands of messages: does its memory go on growing?

`python -m tests.faults.memory` prints the resident memory after each round of messages. The exit
code is 1 where it goes on growing after the warm-up, by more bytes a message than MAX_SLOPE. That
is looked at on PostgreSQL. SQLite keeps pages of the file in the process, in caches with limits:
there the process may grow by what these hold.
"""

import argparse
import asyncio
import itertools
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from ..client import Person, Socket
from ..server import Server
from .attacks import MIB, in_memory, resident, say
from .erasure import database

PAIRS = 20  # rooms of two, each with somebody who writes and somebody who reads
ROUND = 10_000  # messages
WARM = 4  # rounds until the caches are full
STAY = 100  # messages until both leave the room and enter it again
AT_ONCE = 50  # messages of a writer before they wait for the reader
UNAVAILABLE = 503
MAX_SLOPE = 40  # bytes a message; one that were kept would take 500
SQLITE_CACHES = 112 * MIB  # of the writer and two readers 32 each, of two for joins 8 each


class Pair:
    """Two people in a room of theirs."""

    def __init__(self, writer: Person, reader: Person, room: int) -> None:
        self.writer, self.reader, self.room = writer, reader, room
        self._numbers = itertools.count(1)

    async def talk(self, count: int) -> None:
        for _ in range(count // STAY):
            await self._meet()

    async def _meet(self) -> None:
        """Write STAY messages, and do what people do between them."""
        async with self._enters(self.reader) as reads, self._enters(self.writer) as writes:
            for _ in range(STAY // AT_ONCE):
                last = ""
                for number in itertools.islice(self._numbers, AT_ONCE):
                    last = f"message {number} of room {self.room}"
                    await writes.sends(last, client_id=f"{number}")
                newest = await reads.hears(last)
                await self._look_around(reads, newest["message_id"])

    @asynccontextmanager
    async def _enters(self, person: Person) -> AsyncIterator[Socket]:
        async with person.enters(self.room, receipts="compact") as socket:
            draining = asyncio.create_task(drain(socket)) if person is self.writer else None
            yield socket
            if draining is not None:
                draining.cancel()

    async def _look_around(self, socket: Socket, message_id: int) -> None:
        await socket.does("react", message_id=message_id, emoji="👍", on=True)
        await socket.does("history", limit=50)
        path = f"chat/rooms/{self.room}/messages/"
        answers = [
            await self.reader.get("chat/recieve/"),
            await self.reader.get("chat/search/", q=f"message {message_id}"),
            await self.writer.get(path, around=message_id),
            await self.reader.post(path, {"message": "a reply", "reply_to": message_id}),
        ]
        for answer in answers:  # a busy machine may make the database seem unavailable
            assert answer.is_success or answer.status_code == UNAVAILABLE, answer.text[:200]
        if answers[-1].is_success:
            edited = answers[-1].json()["message_id"]
            await self.reader.asks("PATCH", f"{path}{edited}/", json={"text": "edited"})
        socket.seen.clear()


async def drain(socket: Socket) -> None:
    while True:
        await socket.connection.recv()


async def measure(server: Server, rounds: int) -> list[int]:
    """Return the resident memory after each round."""
    async with httpx.AsyncClient(timeout=60) as http:
        pairs = [await opened(server, http, number) for number in range(PAIRS)]
        sizes = []
        for number in range(rounds):
            await asyncio.gather(*(pair.talk(ROUND // PAIRS) for pair in pairs))
            sizes.append(resident(server.pid))
            say(f"{(number + 1) * ROUND:>9} messages{sizes[-1] / MIB:8.1f} MiB")
        return sizes


async def opened(server: Server, http: httpx.AsyncClient, number: int) -> Pair:
    writer = Person(server, http, f"writer {number}", f"Writer {number}")
    reader = Person(server, http, f"reader {number}", f"Reader {number}")
    return Pair(writer, reader, await writer.opens(reader))


def slope(sizes: list[int]) -> float:
    """Return by how many bytes a message the memory grows, by the line of least squares."""
    middle = (len(sizes) - 1) / 2
    mean = sum(sizes) / len(sizes)
    up = sum((place - middle) * (size - mean) for place, size in enumerate(sizes))
    return up / sum((place - middle) ** 2 for place in range(len(sizes))) / ROUND


def run(url: str | None, folder: Path, rounds: int) -> list[int]:
    options = {"database_url": url} if url else {}
    server = Server(folder, rate_limit_rate=0, **options).start()
    try:
        return asyncio.run(measure(server, rounds))
    finally:
        server.end()


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--messages", type=int, default=120_000)
    given.add_argument("--only", default="", help="SQLite or PostgreSQL")
    options = given.parse_args()
    failures = 0
    for name in ("SQLite", "PostgreSQL"):
        if options.only not in name:
            continue
        say(name)
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(dir=in_memory())))
            url = stack.enter_context(database()) if name == "PostgreSQL" else None
            sizes = run(url, folder, options.messages // ROUND)
        grown, by = sizes[-1] - sizes[0], slope(sizes[WARM:])
        say(f"after {WARM * ROUND} messages it grows by {by:.0f} bytes a message")
        failures += by > MAX_SLOPE if url else grown > SQLITE_CACHES
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
