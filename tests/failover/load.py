"""People who write all the time, with the documented Python client, and what must hold then."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import httpx
from roomcast.client import Room

from ..client import token

WITHIN = 60.0  # seconds for everything that must come in the end


class Acknowledged(NamedTuple):
    """A message that was sent and came back: when, and its text."""

    sent: float
    at: float
    text: str


class Load:
    """Ada and bob, each at an address of their own, in one room."""

    def __init__(self, rooms: list[Room], http: httpx.AsyncClient, url: str, room_id: int) -> None:
        self.rooms = rooms
        self.acknowledged: list[Acknowledged] = []
        self._http = http
        self._url = url
        self._room_id = room_id
        self._is_over = False
        self._writing: list[asyncio.Task[None]] = []
        self._more = asyncio.Condition()

    async def start(self, writers: int) -> None:
        """So many write from now on."""
        self._writing = [asyncio.create_task(self.write(n)) for n in range(writers)]
        await self.goes_on()

    async def cancel(self) -> None:
        for task in self._writing:
            task.cancel()
        await asyncio.gather(*self._writing, return_exceptions=True)

    async def write(self, number: int) -> None:
        """One message after the other, each until it is acknowledged."""
        count = 0
        while not self._is_over:
            count += 1
            text, sent = f"{number}-{count}", time.monotonic()
            await self.rooms[number % len(self.rooms)].send(text)
            async with self._more:
                self.acknowledged.append(Acknowledged(sent, time.monotonic(), text))
                self._more.notify_all()
            await asyncio.sleep(0.02)

    async def goes_on(self, more: int = 50) -> None:
        """So many more are acknowledged."""
        goal = len(self.acknowledged) + more
        async with asyncio.timeout(WITHIN), self._more:
            await self._more.wait_for(lambda: len(self.acknowledged) >= goal)

    async def end(self) -> None:
        """Nobody begins another message, and the last ones are acknowledged."""
        self._is_over = True
        async with asyncio.timeout(WITHIN):
            await asyncio.gather(*self._writing)

    def first_after(self, moment: float) -> float:
        """Seconds from a moment until a message that was sent after it is acknowledged."""
        return min(each.at for each in self.acknowledged if each.at > moment) - moment

    @property
    def longest_wait(self) -> float:
        """Seconds that the message took that took longest."""
        return max(each.at - each.sent for each in self.acknowledged)

    async def stored(self) -> list[str]:
        """The texts of the room by HTTP, oldest first."""
        found: list[str] = []
        after, has_more = 0, True
        while has_more:
            path = f"/api/v1/chat/rooms/{self._room_id}/messages/?after={after}&limit=100"
            headers = {"Authorization": f"Bearer {token('1')}"}
            answer = await self._http.get(self._url + path, headers=headers)
            answer.raise_for_status()
            page = answer.json()
            found += [message["text"] for message in page["messages"]]
            has_more = page["has_more"]
            after = page["messages"][-1]["message_id"] if page["messages"] else after
        return found

    async def lost_and_doubled(self) -> tuple[int, int]:
        """Of the acknowledged messages, how many are not there, and how many are there twice."""
        stored = await self.stored()
        texts = [each.text for each in self.acknowledged]
        return len(set(texts) - set(stored)), len(stored) - len(set(stored))


@asynccontextmanager
async def load(*urls: str, writers: int = 6, context: str = "") -> AsyncIterator[Load]:
    """Writers on as many connections as there are addresses; they end before the check.

    Those of one context share a room.
    """
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30, trust_env=False))
        headers = {"Authorization": f"Bearer {token('1')}"}
        create = f"{urls[0]}/api/v1/chat/create/"
        opened = await http.post(
            create, json={"second_user": 2, "context": context}, headers=headers
        )
        opened.raise_for_status()
        room_id = opened.json()["room_id"]
        rooms = [
            await stack.enter_async_context(Room(url, room_id, token(str(number % 2 + 1))))
            for number, url in enumerate(urls)
        ]
        people = Load(rooms, http, urls[0], room_id)
        await people.start(writers)
        try:
            yield people
            await people.end()
        finally:
            await people.cancel()
