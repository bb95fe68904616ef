"""People who write without a pause, and a book of what each of them was told."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from websockets.exceptions import ConnectionClosed

from ..client import Person, Socket

Told = dict[int, dict[str, Any]]  # message id → the message, as `chat_message` told it
AT_ONCE = 20  # what a writer sends before it lets the others run


class Load:
    """Every writer sends texts of his own, each with a client_id, until the connection ends."""

    def __init__(self, room: int, *people: Person) -> None:
        self.room = room
        self.people = people
        self.sent: dict[str, Person] = {}
        self.told: list[Told] = []
        self.enough = asyncio.Event()

    async def run(self, name: str, goal: int, count: int | None = None) -> None:
        """Until the connections end, or each has sent `count`; `enough` when one heard `goal`."""
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            entered = [await stack.enter_async_context(p.enters(self.room)) for p in self.people]
            for number, (person, socket) in enumerate(zip(self.people, entered, strict=True)):
                group.create_task(self._writes(person, socket, f"{name}-{number}", count))
                group.create_task(self._listens(socket, goal, (count or 0) * len(self.people)))

    async def _writes(self, person: Person, socket: Socket, name: str, count: int | None) -> None:
        number = 0
        try:
            while number != count:
                text = f"{name}-{number}"
                self.sent[text] = person
                await socket.connection.send(
                    f'{{"action":"send","message":"{text}","client_id":"{text}"}}'
                )
                number += 1
                await asyncio.sleep(0.01 if number % AT_ONCE == 0 else 0)
        except ConnectionClosed:
            return

    async def _listens(self, socket: Socket, goal: int, last: int) -> None:
        told: Told = {}
        self.told.append(told)
        while not last or len(told) < last:
            if not await socket.opens():
                return
            frame = socket.seen[-1]
            if frame["type"] == "chat_message":
                message = frame["message"]
                assert message["message_id"] not in told, f"told twice: {message}"
                told[message["message_id"]] = message
                if len(told) >= goal:
                    self.enough.set()
