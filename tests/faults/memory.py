"""A server under traffic for many thousands of messages: does its memory go on growing?

`python -m tests.faults.memory` prints the resident memory after each round of messages. The exit
code is 1 where it goes on growing after the warm-up, by more bytes a message than MAX_SLOPE.
"""

import argparse
import asyncio
import itertools
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from ..client import Person, Socket
from ..server import Server
from .attacks import MIB, in_memory, resident, say

PAIRS = 20  # rooms of two, each with somebody who writes and somebody who reads
ROUND = 10_000  # messages
WARM = 4  # rounds until the caches are full
STAY = 100  # messages until both leave the room and enter it again
AT_ONCE = 50  # messages of a writer before they wait for the reader
MAX_SLOPE = 40  # bytes a message; one that were kept would take 500


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
        assert all(answer.is_success for answer in answers), [a.text for a in answers]
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


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--messages", type=int, default=120_000)
    rounds = given.parse_args().messages // ROUND
    with TemporaryDirectory(dir=in_memory()) as folder:
        server = Server(Path(folder), rate_limit_rate=0).start()
        try:
            sizes = asyncio.run(measure(server, rounds))
        finally:
            server.end()
    grown = slope(sizes[WARM:])
    say(f"after {WARM * ROUND} messages it grows by {grown:.0f} bytes a message")
    return 1 if grown > MAX_SLOPE else 0


if __name__ == "__main__":
    sys.exit(main())
