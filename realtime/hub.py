"""The rooms of this process, by their channels.

A room has one subscription, however many sockets are in it. All changes of one commit in a room are
one event. The database is the truth and the broker is only fast: lost events are read from there.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from ..protocol.errors import Close
from . import heartbeat
from .brokers import GAP, Unreachable
from .channels import Channels, room_channel
from .connections import MarkReceived
from .events import RoomEvent
from .gap_repair import GapRepair
from .heartbeat import Heartbeat
from .reader import RoomReader, log_failure
from .room import Room
from .user_channels import UserChannels

log = logging.getLogger("roomcast.hub")


class OpenRoom:
    """A room while sockets of this process are in it, and its subscription."""

    __slots__ = ("connection_count", "followed", "is_subscribed", "room", "task")

    def __init__(self, room: Room, task: asyncio.Task[None]) -> None:
        self.room = room
        self.task = task
        self.connection_count = 0  # live sockets, and those that are joining
        self.is_subscribed = False
        self.followed: frozenset[str] = frozenset()  # the users whose events it receives


class Hub:
    """The rooms of this process, what is published to them, and the repair of their gaps."""

    def __init__(self, url: str, reader: RoomReader, mark: MarkReceived) -> None:
        self.channels = Channels(url)
        self.user_channels = UserChannels(self.channels)
        self.reader = reader
        self._mark = mark
        self._rooms: dict[int, Room] = {}  # the rooms that new sockets join
        self._open: dict[Room, OpenRoom] = {}  # also closed rooms that sockets have not left yet
        self._tasks: set[asyncio.Task[None]] = set()
        self._gap_repair = GapRepair(reader)
        self._heartbeat = Heartbeat(
            partial(self.channels.publish, heartbeat.HEARTBEAT_CHANNEL), self._repair_all
        )

    async def open(self) -> None:
        """Connect to the broker and listen to it. Raises Unreachable."""
        await self.channels.open()
        self.start(self._gap_repair.run())
        if self.is_shared:
            is_listening = asyncio.Event()
            self.start(self.user_channels.run(is_listening))
            await is_listening.wait()
            self.start(self._listen_to_heartbeats())

    async def aclose(self) -> None:
        """Close the sockets that are still open with 1012: the server restarts."""
        self.close_rooms()
        if self.is_shared:
            await self._heartbeat.leave()
        tasks = [*(opened.task for opened in self._open.values()), *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.channels.aclose()

    def close_rooms(self) -> None:
        """Close all rooms of this process with 1012; the next join of a room opens a new one."""
        for room in self._rooms.values():
            room.close(Close.RESTART)

    @property
    def is_shared(self) -> bool:
        """Whether other processes may be part of the same chat."""
        return self.channels.is_shared

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task, which is cancelled when the hub is closed."""
        self._keep(asyncio.create_task(work))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def open_rooms(self) -> int:
        return len(self._rooms)

    def open_sockets(self) -> int:
        return sum(opened.connection_count for opened in list(self._open.values()))

    # ------------------------------------------------------------ publish

    async def publish(self, events: Mapping[int, RoomEvent]) -> None:
        """Publish one event for each room, to every process that has sockets in it.

        While the broker is unavailable, the rooms of this process load the changes from the
        database; other processes do so when the broker is available again.
        """
        if not self.is_shared or len(events) == 1:
            for room_id, event in events.items():
                await self._publish(room_id, event)
        else:
            await asyncio.gather(*(self._publish(id_, event) for id_, event in events.items()))

    async def _publish(self, room_id: int, event: RoomEvent) -> None:
        try:
            await self.channels.publish_event(room_id, event)
        except Unreachable as error:
            log.debug("room %d: event delivered in this process only: %s", room_id, error)
            self._repair(room_id)

    async def publish_gaps(self, room_ids: Iterable[int]) -> None:
        """Let every process compare these rooms with the database."""
        for room_id in room_ids:
            try:
                await self.channels.publish_gap(room_id)
            except Unreachable as error:  # the broker reports a gap by itself, when it is back
                log.debug("room %d: gap published in this process only: %s", room_id, error)
                self._repair(room_id)

    def _repair(self, room_id: int) -> None:
        if room := self._rooms.get(room_id):
            self._gap_repair.request([room])

    def _repair_all(self) -> None:
        self._gap_repair.request(self._rooms.values())
        self.user_channels.report_gap()

    # ------------------------------------------------------------ heartbeats

    async def _listen_to_heartbeats(self) -> None:
        async with self.channels.subscription(heartbeat.HEARTBEAT_CHANNEL) as subscriber:
            self.start(self._heartbeat.run())
            while True:
                self._heartbeat.on_message((await subscriber.get()).message, time.monotonic())

    # ------------------------------------------------------------ rooms

    @asynccontextmanager
    async def room(self, room_id: int) -> AsyncIterator[Room]:
        """Enter a room, and leave it when the context ends."""
        room = await self.enter(room_id)
        try:
            yield room
        finally:
            self.leave(room)

    async def enter(self, room_id: int) -> Room:
        """Return the room, subscribed, until this socket calls `leave`."""
        room = self._rooms.get(room_id)
        if room is None or room.close_reason is not None:
            room = self._rooms[room_id] = Room(
                room_id, self.reader, self._mark, self.follow_members
            )
            task = asyncio.create_task(self._listen(room), name=room_channel(room_id))
            self._open[room] = OpenRoom(room, task)
        opened = self._open[room]
        opened.connection_count += 1
        try:
            while not opened.is_subscribed:
                await room.changed.wait()
        except BaseException:
            self.leave(room)
            raise
        return room

    def leave(self, room: Room) -> None:
        """Remove one socket; with the last one the room is unsubscribed and dropped."""
        opened = self._open[room]
        opened.connection_count -= 1
        if opened.connection_count:
            return
        if self._rooms.get(room.id) is room:
            del self._rooms[room.id]
        del self._open[room]
        room.stop()
        for user_id in opened.followed:
            self.user_channels.unfollow(user_id, room.connections)
        if opened.is_subscribed:
            opened.task.cancel()
        else:  # broadcaster's subscribe must not be cancelled: the task ends by itself
            self._keep(opened.task)

    async def _listen(self, room: Room) -> None:
        async with self.channels.subscription(room_channel(room.id)) as subscriber:
            if room in self._open:  # no local variable: an OpenRoom holds this task, a cycle
                self._open[room].is_subscribed = True
                room.changed.notify()
            while self._rooms.get(room.id) is room:
                message = (await subscriber.get()).message
                if message == GAP:
                    self._gap_repair.request([room])
                    continue
                try:
                    await room.on_event(message)
                except Exception as error:  # the changes of the event are in the database
                    log_failure(room.id, error)
                    self._gap_repair.request([room])

    def follow_members(self, room: Room) -> None:
        """Subscribe the room to the events of its present members, and of nobody else."""
        if self._rooms.get(room.id) is not room:
            return
        opened, members = self._open[room], frozenset(room.statuses.watermarks)
        for user_id in opened.followed - members:
            self.user_channels.unfollow(user_id, room.connections)
        for user_id in members - opened.followed:
            if self.user_channels.add(user_id, room.connections) and self.is_shared:
                self.start(self.user_channels.subscribe(user_id))
        opened.followed = members
