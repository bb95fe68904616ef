"""The rooms of this process, and the events that travel between processes.

The only user of broadcaster. A room has one subscription, however many its sockets; what one
commit changed in a room travels as one event. The database is the truth and the broker is only
fast: what it loses is found there.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from broadcaster import Broadcast
from broadcaster._base import Subscriber

from ..protocol import codec
from ..protocol.errors import Close
from . import heartbeat
from .brokers import GAP, USER_PREFIX, USERS_CHANNEL, Unreachable, backend_of
from .gap_repair import GapRepair
from .heartbeat import Heartbeat
from .room import Event, MarkReceived, Room, RoomEvent, RoomReader, log_failure, packed
from .user_channels import Follower, UserChannels, UserEvent

log = logging.getLogger("roomcast.hub")


NOTIFIED = 7_000  # bytes of frames that fit into one of PostgreSQL's notifications


def split(told: RoomEvent, lines: list[bytes], most: int) -> list[tuple[RoomEvent, list[bytes]]]:
    """The same as several events in a row, each with no more than `most` bytes of frames.

    A frame that is larger than that is alone in its event.
    """
    parts: list[tuple[RoomEvent, list[bytes]]] = [(RoomEvent(0, 0, [], []), [])]
    size = 0
    for change, line in zip(told.changes, lines, strict=True):
        if size and size + len(line) > most:
            parts.append((RoomEvent(0, 0, [], []), []))
            size = 0
        part, some = parts[-1]
        part.first, part.last = part.first or change.version, change.version
        part.changes.append(change)
        some.append(line)
        size += len(line)
    parts[-1][0].marks, parts[-1][0].is_gone = told.marks, told.is_gone
    for part, _ in parts:
        part.roster = told.roster
    return parts


class Hub:
    """The rooms of this process, by their channels."""

    def __init__(self, url: str, reader: RoomReader, mark: MarkReceived) -> None:
        self._backend = None if url.startswith("memory:") else backend_of(url)
        self._most = NOTIFIED if url.startswith("postgres") else 0
        self._broadcast = Broadcast(url, backend=self._backend)
        self._reader = reader
        self._mark = mark
        self.user_channels = UserChannels()
        self._rooms: dict[int, Room] = {}
        self._tasks: dict[Room, asyncio.Task[None]] = {}
        self._loose: set[asyncio.Task[None]] = set()
        self._gap_repair = GapRepair(reader)
        self._heartbeat = Heartbeat(self._publish_heartbeat, self._repair_all)
        self._subscribing = asyncio.Lock()  # broadcaster's own subscribe races with itself

    async def open(self) -> None:
        await self._broadcast.connect()
        self.start(self._gap_repair.run())
        if self._backend is not None:
            is_listening = asyncio.Event()
            self.start(self._listen_to_users(is_listening))
            await is_listening.wait()
            self.start(self._listen_to_heartbeats())

    async def aclose(self) -> None:
        """The sockets that are still open hear that the server restarts."""
        self.on_database_restored()
        if self._backend is not None:
            await self._heartbeat.leave()
        tasks = [*self._tasks.values(), *self._loose]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._broadcast.disconnect()

    def on_database_restored(self) -> None:
        """Ends the rooms of this process with their sockets; who comes back finds new ones."""
        for room in self._rooms.values():
            room.close(Close.RESTART)

    @property
    def is_shared(self) -> bool:
        """Whether other processes may be part of the same chat."""
        return self._backend is not None

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Work that ends with the fan-out, at the latest."""
        self._keep(asyncio.create_task(work))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._loose.add(task)
        task.add_done_callback(self._loose.discard)

    def open_rooms(self) -> int:
        return len(self._rooms)

    def open_sockets(self) -> int:
        return sum(room.connection_count for room in list(self._rooms.values()))

    async def check(self) -> None:
        """What is published comes back. Raises Unreachable."""
        if self._backend is not None:
            await self._backend.check()

    async def publish(self, events: Mapping[int, tuple[RoomEvent, list[bytes]]]) -> None:
        """One event for each room, to every process that has sockets in it.

        Where the broker is away, the sockets here are told from the database, and those elsewhere
        as soon as the broker is back.
        """
        if self._backend is None or len(events) == 1:
            for room_id, event in events.items():
                await self._publish(room_id, *event)
        else:
            await asyncio.gather(*(self._publish(id_, *event) for id_, event in events.items()))

    async def publish_ephemeral(self, room_id: int, told: RoomEvent) -> None:
        """For who is there now: what is lost of it, nobody misses."""
        channel, body = f"room:{room_id}", packed(told, [])
        if self._backend is None:
            await self._broadcast.publish(channel, body)
        else:
            self._backend.publish_ephemeral(channel, body)

    async def publish_gaps(self, room_ids: Iterable[int]) -> None:
        """Every process looks into the database for these rooms."""
        for room_id in room_ids:
            try:
                await self._broadcast.publish(f"room:{room_id}", GAP)
            except Unreachable as error:  # it owes them a gap itself, when it is back
                log.info("Room %d: %s", room_id, error)
                self._repair(room_id)

    async def _publish(self, room_id: int, told: RoomEvent, lines: list[bytes]) -> None:
        channel = f"room:{room_id}"
        if self._backend is None:  # within a process it travels as it is
            await self._broadcast.publish(channel, (told, lines))
            return
        parts = split(told, lines, self._most) if self._most else [(told, lines)]
        try:
            for part, some in parts:
                await self._broadcast.publish(channel, packed(part, some))
        except Unreachable as error:
            log.info("Room %d is told here alone: %s", room_id, error)
            self._repair(room_id)

    def _repair(self, room_id: int) -> None:
        """One look into the database for everything that was not published meanwhile."""
        if room := self._rooms.get(room_id):
            self._gap_repair.request([room])

    def _repair_all(self) -> None:
        self._gap_repair.request(self._rooms.values())
        self.user_channels.report_gap()

    # ------------------------------------------------------------ other processes

    async def _publish_heartbeat(self, message: str) -> None:
        await self._broadcast.publish(heartbeat.CHANNEL, message)

    async def _listen_to_heartbeats(self) -> None:
        async with self._subscription(heartbeat.CHANNEL) as subscriber:
            self.start(self._heartbeat.run())
            while True:
                self._heartbeat.on_message((await subscriber.get()).message, time.monotonic())

    # ------------------------------------------------------------ rooms

    @asynccontextmanager
    async def room(self, room_id: int) -> AsyncIterator[Room]:
        """The room, subscribed, while anybody here is in it."""
        room = await self.enter(room_id)
        try:
            yield room
        finally:
            self.leave(room)

    async def enter(self, room_id: int) -> Room:
        """The room, subscribed, until this guest leaves."""
        room = self._rooms.get(room_id)
        if room is None or room.close_reason is not None:
            room = self._rooms[room_id] = Room(
                room_id, self._reader, self._mark, self.follow_members
            )
            self._tasks[room] = asyncio.create_task(self._listen(room), name=room.channel)
        room.connection_count += 1
        try:
            while not room.is_listening:
                await room.changed.wait()
        except BaseException:
            self.leave(room)
            raise
        return room

    def leave(self, room: Room) -> None:
        room.connection_count -= 1
        if not room.connection_count:
            if self._rooms.get(room.id) is room:
                del self._rooms[room.id]
            self._end(room)

    def _end(self, room: Room) -> None:
        task = self._tasks.pop(room)
        room.stop()
        for user_id in room.followed_users:
            self.unfollow(user_id, room)
        if room.is_listening:
            task.cancel()
        else:  # broadcaster's subscribe is not to be cancelled: it ends by itself
            self._keep(task)

    async def _listen(self, room: Room) -> None:
        async with self._subscription(room.channel) as subscriber:
            room.is_listening = True
            room.changed.notify()
            while self._rooms.get(room.id) is room:
                event = await subscriber.get()
                if event.message == GAP:
                    self._gap_repair.request([room])
                else:
                    await self._take(room, event.message)

    async def _take(self, room: Room, message: str | Event) -> None:
        try:
            await room.on_event(message)
        except Exception as error:  # what the event said is in the database
            log_failure(room.id, error)
            self._gap_repair.request([room])

    @asynccontextmanager
    async def _subscription(self, channel: str) -> AsyncIterator[Subscriber]:
        subscription = self._broadcast.subscribe(channel)
        async with self._subscribing:
            subscriber = await subscription.__aenter__()
        try:
            yield subscriber
        finally:
            async with self._subscribing:
                await subscription.__aexit__(None, None, None)

    # ------------------------------------------------------------ users

    async def follow(self, user_id: str, follower: Follower) -> None:
        """From here on the follower receives this user's events."""
        self.user_channels.add(user_id, follower)
        await self.wait_until_subscribed(user_id)

    async def wait_until_subscribed(self, user_id: str) -> None:
        """Waits until the events of a followed user come in."""
        if self._backend is not None:
            await self._backend.subscribe(USER_PREFIX + user_id)

    def unfollow(self, user_id: str, follower: Follower) -> None:
        if self.user_channels.remove(user_id, follower) and self._backend is not None:
            self._backend.forget(USER_PREFIX + user_id)  # before any later subscribe

    def follow_members(self, room: Room) -> None:
        """The room follows those who are its members by now."""
        if self._rooms.get(room.id) is not room:
            return
        members = frozenset(room.watermarks)
        for user_id in room.followed_users - members:
            self.unfollow(user_id, room)
        for user_id in members - room.followed_users:
            if self.user_channels.add(user_id, room) and self._backend is not None:
                self.start(self._backend.subscribe(USER_PREFIX + user_id))
        room.followed_users = members

    async def publish_user_event(self, event: UserEvent) -> None:
        """Every process that follows this user. Raises Unreachable, after it was told here."""
        if self._backend is None:
            self.user_channels.dispatch(event)
            return
        try:
            await self._backend.publish(USER_PREFIX + event.user_id, codec.encode(event).decode())
        except Unreachable:
            self.user_channels.dispatch(event)
            raise

    async def _listen_to_users(self, is_listening: asyncio.Event) -> None:
        async with self._subscription(USERS_CHANNEL) as subscriber:
            is_listening.set()
            while True:
                event = await subscriber.get()
                try:
                    self.user_channels.on_message(event.message)
                except Exception:
                    log.exception("user event not dispatched")
