"""A client as good as they come: it resumes, sends again what got no answer, and notes it all."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed, WebSocketException

from ...client import LIMIT, Person, Socket
from ...patience import LONG
from ...shapes import MARKS, check_frame
from ..history import ConnectionLog, History, Received, Replay, Sent

AGAIN = 0.1  # seconds until a client connects again, or sends again what was refused
AT_ONCE = 30  # unanswered messages that a client has at most
RATE = 30  # actions a second of one writer


class Member:
    """`view` is what it knows by now, `history` is what a checker needs."""

    def __init__(self, person: Person, room: int, name: str, **query: str) -> None:
        self.person = person
        self.room = room
        self.name = name
        self.history = History(name, int(person.id))
        self.view = Replay(int(person.id))
        self.unanswered: dict[str, str] = {}  # client_id → text
        self.is_done = False
        self.is_in = False
        self._query = query
        self._socket: Socket | None = None
        self._own: list[int] = []
        self._changed = asyncio.Event()
        self._is_again: set[asyncio.TimerHandle] = set()
        self._numbers = 0
        self._chance = random.Random(name)

    # ------------------------------------------------------------ its connections

    async def run(self) -> None:
        """Connects, and connects again, until it is done."""
        while not self.is_done:
            query = {"room_id": self.room, "after": self.view.cursor, **self._query}
            if self.view.epoch is not None:
                query["epoch"] = self.view.epoch
            with suppress(OSError, TimeoutError, WebSocketException):
                async with self.person.knocks("?" + urlencode(query)) as socket:
                    await self._live(socket)
            self._tell()
            await asyncio.sleep(0 if self.is_done else AGAIN)

    async def _live(self, socket: Socket) -> None:
        life = ConnectionLog(self.view.cursor)
        try:
            async with asyncio.timeout(LIMIT):
                text = await socket.connection.recv()
            self.history.connections.append(life)
            self.view.begin(life.after)
            self._hear(life, text)
            self._socket, self.is_in = socket, True
            for client_id in list(self.unanswered):
                await self._send(client_id)
            async for text in socket.connection:
                self._hear(life, text)
        finally:
            self._socket, self.is_in = None, False
            life.is_over, life.code = True, socket.connection.close_code

    async def stop(self) -> None:
        self.is_done = True
        if self._socket is not None:
            await self._socket.connection.close()

    def _hear(self, life: ConnectionLog, text: str | bytes) -> None:
        heard = Received(time.time(), json.loads(text))
        check_frame(heard.frame)
        life.received.append(heard)
        self.view.take(heard)
        frame = heard.frame
        for message in frame.get("messages") or [frame.get("message")]:
            if isinstance(message, dict) and frame["type"] not in MARKS:
                self._answered(message)
        if frame["type"] == "error" and frame.get("client_id") in self.unanswered:
            loop = asyncio.get_running_loop()
            loop.call_later(AGAIN, self._try_again, life, frame["client_id"])
        self._tell()

    def _answered(self, message: dict[str, Any]) -> None:
        client_id = message.get("client_id", "")
        if message["sender_id"] == self.person.id and client_id in self.unanswered:
            del self.unanswered[client_id]
            self._own.append(message["message_id"])

    def _try_again(self, life: ConnectionLog, client_id: str) -> None:
        if not life.is_over and client_id in self.unanswered:
            task = asyncio.create_task(self._send(client_id))
            task.add_done_callback(lambda _: None)

    # ------------------------------------------------------------ what it does

    async def write(self, rate: float = RATE) -> None:
        """Texts, now and then an edit or a deletion of an own message; until cancelled."""
        while True:
            await asyncio.sleep(1 / rate)
            chance = self._chance.random()
            if len(self._own) > 5 and chance < 0.1:
                await self._do("edit", message_id=self._chance.choice(self._own), text=f"{chance}")
            elif len(self._own) > 5 and chance < 0.15:
                await self._do("delete", message_id=self._own.pop(self._chance.randrange(5)))
            elif len(self.unanswered) < AT_ONCE:
                await self.say()

    async def say(self) -> str:
        """A new message; its client_id."""
        self._numbers += 1
        client_id = f"{self.name}-{self._numbers}"
        self.unanswered[client_id] = f"{self.name} says {self._numbers}"
        await self._send(client_id)
        return client_id

    async def _send(self, client_id: str) -> None:
        await self._do("send", client_id=client_id, message=self.unanswered[client_id])

    async def _do(self, action: str, **fields: Any) -> None:
        if self._socket is None:
            return
        self.history.connections[-1].sent.append(Sent(time.time(), {"action": action, **fields}))
        with suppress(ConnectionClosed):
            await self._socket.connection.send(json.dumps({"action": action, **fields}))

    # ------------------------------------------------------------ waiting for it

    def _tell(self) -> None:
        self._changed.set()

    async def until(self, holds: Callable[[], bool], what: str, within: float = LONG) -> None:
        try:
            async with asyncio.timeout(within):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"{what}: not within {within} s. {self.story()}") from None

    async def enters(self) -> None:
        await self.until(lambda: self.is_in, f"{self.name} is in")

    async def hears_more(self, number: int = 20, within: float = LONG) -> None:
        """So many versions more than by now."""
        goal = self.view.cursor + number
        await self.until(lambda: self.view.cursor >= goal, f"{self.name} hears {goal}", within)

    def story(self) -> str:
        lives = self.history.connections
        ends = [(life.after, len(life.received), life.code) for life in lives[-5:]]
        last = [heard.frame for heard in lives[-1].received[-3:]] if lives else []
        return (
            f"{self.name} is at version {self.view.cursor}, {len(self.unanswered)} unanswered, "
            f"{len(lives)} connections, the last (after, frames, end) {ends}; {last}"[:1500]
        )


async def all_hear_more(members: Sequence[Member], number: int = 20, within: float = LONG) -> None:
    await asyncio.gather(*(member.hears_more(number, within) for member in members))
