"""The channels of this chat: a message on a channel reaches every process that subscribes to it.

This module is the only user of broadcaster. Within one process events travel as objects; between
processes they are packed, and the broker reports a gap if it may have lost some.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from broadcaster import Broadcast
from broadcaster._base import Subscriber

from .brokers import GAP, USER_PREFIX, Backend, backend_of
from .events import RoomEvent, pack, split

MAX_NOTIFICATION_SIZE = 7_000  # bytes of frames that fit into one of PostgreSQL's notifications


def room_channel(room_id: int) -> str:
    return f"room:{room_id}"


class Channels:
    """Publishes and subscribes, within this process or by a broker."""

    def __init__(self, url: str) -> None:
        self.backend: Backend | None = None if url.startswith("memory:") else backend_of(url)
        self.broadcast = Broadcast(url, backend=self.backend)
        self._max_size = MAX_NOTIFICATION_SIZE if url.startswith("postgres") else 0
        self._locks = WeakValueDictionary[str, asyncio.Lock]()  # while somebody holds one

    @property
    def is_shared(self) -> bool:
        """Whether other processes may be part of the same chat."""
        return self.backend is not None

    async def open(self) -> None:
        """Connect to the broker. Raises Unreachable."""
        await self.broadcast.connect()

    async def aclose(self) -> None:
        await self.broadcast.disconnect()

    async def check(self) -> None:
        """Publish something and wait until it comes back. Raises Unreachable."""
        if self.backend is not None:
            await self.backend.check()

    # ------------------------------------------------------------ publish

    async def publish(self, channel: str, message: str) -> None:
        """Publish on a channel. Raises Unreachable."""
        await self.broadcast.publish(channel, message)

    async def publish_user(self, user_id: str, message: str) -> None:
        """Publish an event of a user. Raises Unreachable."""
        await self.broadcast.publish(USER_PREFIX + user_id, message)

    async def publish_event(self, room_id: int, event: RoomEvent) -> None:
        """Publish an event of a room. Raises Unreachable; the broker then reports a gap later."""
        channel = room_channel(room_id)
        if self.backend is None:  # within a process the event travels as an object
            await self.broadcast.publish(channel, event)
            return
        for part in split(event, self._max_size) if self._max_size else [event]:
            await self.broadcast.publish(channel, pack(part))

    async def publish_ephemeral(self, room_id: int, event: RoomEvent) -> None:
        """Publish an event that may be lost without a gap."""
        if self.backend is None:
            await self.broadcast.publish(room_channel(room_id), event)
        else:
            self.backend.publish_ephemeral(room_channel(room_id), pack(event))

    async def publish_gap(self, room_id: int) -> None:
        """Let every process compare the room with the database. Raises Unreachable."""
        await self.broadcast.publish(room_channel(room_id), GAP)

    # ------------------------------------------------------------ subscribe

    @asynccontextmanager
    async def subscription(self, channel: str) -> AsyncIterator[Subscriber]:
        """Subscribe until the context ends.

        The lock is needed because concurrent calls of broadcaster's subscribe for one channel race.
        """
        subscription = self.broadcast.subscribe(channel)
        async with self._lock(channel):
            subscriber = await subscription.__aenter__()
        try:
            yield subscriber
        finally:
            async with self._lock(channel):
                await subscription.__aexit__(None, None, None)

    def _lock(self, channel: str) -> asyncio.Lock:
        lock = self._locks.get(channel)
        if lock is None:
            lock = self._locks[channel] = asyncio.Lock()
        return lock

    async def subscribe_user(self, user_id: str) -> None:
        """Receive the user's events on USERS_CHANNEL; returns when the broker acknowledged it."""
        if self.backend is not None:
            await self.backend.subscribe(USER_PREFIX + user_id)

    def unsubscribe_user(self, user_id: str) -> None:
        """Receive them no longer; a later `subscribe_user` stays in order."""
        if self.backend is not None:
            self.backend.forget(USER_PREFIX + user_id)
