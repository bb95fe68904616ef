"""Heartbeats: each process of the chat publishes one every two seconds.

A process whose heartbeat is lost may have died between a commit and its publishing. Its rooms are
unknown, so the others check all of their own for unpublished commits.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from .brokers import GAP, Unreachable

log = logging.getLogger("roomcast.fanout")

CHANNEL = "processes"
BEAT = 2.0  # seconds between two signs of life
SILENT = 5.0  # seconds without one
AGAIN = 10.0  # seconds until a second look: the database may end a dead process's commit late
GOODBYE = "-"


class Neighbours:
    """Heartbeats of the other processes. `say` publishes; `lost` is called when one is lost."""

    def __init__(self, say: Callable[[str], Awaitable[None]], lost: Callable[[], None]) -> None:
        self._say = say
        self._lost = lost
        self._name = secrets.token_hex(8)
        self._heard: dict[str, float] = {}  # when each gave its last sign
        self._met = asyncio.Event()  # somebody new, who does not know this one yet

    async def live(self) -> None:
        """For ever."""
        while True:
            with suppress(Unreachable):  # the next one will do
                await self._say(self._name)
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT):
                    await self._met.wait()
            self._met.clear()
            self._listen()

    async def leave(self) -> None:
        """Publishes the end of this process, which has published everything that it committed."""
        with suppress(Unreachable, TimeoutError):
            async with asyncio.timeout(BEAT / 4):
                await self._say(GOODBYE + self._name)

    def hear(self, message: str) -> None:
        now = time.monotonic()
        if message == GAP:  # signs of life may be lost, and all rooms have a gap of their own
            self._heard = dict.fromkeys(self._heard, now)
        elif message.startswith(GOODBYE):
            self._heard.pop(message.removeprefix(GOODBYE), None)
        elif message != self._name:
            if message not in self._heard:
                self._met.set()
            self._heard[message] = now

    def _listen(self) -> None:
        long_ago = time.monotonic() - SILENT
        silent = [name for name, at in self._heard.items() if at < long_ago]
        for name in silent:
            log.warning("heartbeat lost: checking open rooms for unpublished commits")
            del self._heard[name]
        if silent:
            self._lost()
            asyncio.get_running_loop().call_later(AGAIN, self._lost)
