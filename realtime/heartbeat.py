"""Heartbeats: each process of the chat publishes one every two seconds.

A process whose heartbeat is lost may have died between a commit and its publication. The rooms of
that commit are unknown, so the other processes compare all of their own with the database.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from .brokers import GAP, Unreachable

log = logging.getLogger("roomcast.hub")

HEARTBEAT_CHANNEL = "processes"
HEARTBEAT_INTERVAL = 2.0  # seconds between two heartbeats of a process
HEARTBEAT_TIMEOUT = 5.0  # seconds without one, after which a process counts as lost
SECOND_CHECK_DELAY = 10.0  # seconds: the database may finish a commit of a lost process late
END_PREFIX = "-"  # before the name of a process that ends in order


class Heartbeat:
    """This process's heartbeat, and the peers whose heartbeats it receives.

    `publish` sends a message to all processes; `on_peer_lost` is called when a heartbeat is lost,
    and once more after SECOND_CHECK_DELAY.
    """

    def __init__(
        self, publish: Callable[[str], Awaitable[None]], on_peer_lost: Callable[[], None]
    ) -> None:
        self.name = secrets.token_hex(8)
        self._publish = publish
        self._on_peer_lost = on_peer_lost
        self._last_seen: dict[str, float] = {}  # peers, and the time of their last heartbeat
        self._has_new_peer = asyncio.Event()  # one that does not know this process yet

    @property
    def peers(self) -> frozenset[str]:
        """The names of the other processes."""
        return frozenset(self._last_seen)

    async def run(self) -> None:
        """Publish heartbeats and check those of the peers, until cancelled."""
        while True:
            with suppress(Unreachable):  # the next one will do
                await self._publish(self.name)
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_INTERVAL):
                    await self._has_new_peer.wait()
            self._has_new_peer.clear()
            self.check_peers(time.monotonic())

    async def leave(self) -> None:
        """Publish that this process ends; it has published all of its commits by now."""
        with suppress(Unreachable, TimeoutError):
            async with asyncio.timeout(HEARTBEAT_INTERVAL / 4):
                await self._publish(END_PREFIX + self.name)

    def on_message(self, message: str, now: float) -> None:
        """Record a heartbeat or the end of a peer, received at `now` (of time.monotonic)."""
        if message == GAP:  # heartbeats may be lost, and all rooms have a gap of their own
            self._last_seen = dict.fromkeys(self._last_seen, now)
        elif message.startswith(END_PREFIX):
            self._last_seen.pop(message.removeprefix(END_PREFIX), None)
        elif message != self.name:
            if message not in self._last_seen:
                self._has_new_peer.set()
            self._last_seen[message] = now

    def check_peers(self, now: float) -> None:
        """Drop the peers without a heartbeat within HEARTBEAT_TIMEOUT before `now`."""
        lost = [name for name, at in self._last_seen.items() if at < now - HEARTBEAT_TIMEOUT]
        for name in lost:
            log.warning("heartbeat lost: checking open rooms for unpublished commits")
            del self._last_seen[name]
        if lost:
            self._on_peer_lost()
            asyncio.get_running_loop().call_later(SECOND_CHECK_DELAY, self._on_peer_lost)
