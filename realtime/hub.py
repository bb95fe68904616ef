"""The rooms of this process, and the events that travel between processes.

The only user of broadcaster. A room has one subscription, however many its sockets; what one
commit changed in a room travels as one event. The database is the truth and the broker is only
fast: what it loses is found there.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from broadcaster import Broadcast
from broadcaster._base import Subscriber

from ..protocol import codec
from ..protocol.errors import Close
from . import heartbeat
from .brokers import GAP, PEOPLE, PERSON, Unreachable, backend_of
from .gap_repair import Doubts
from .heartbeat import Neighbours
from .room import Event, MarkReceived, Room, RoomReader, Told, log_failure, packed
from .user_channels import Follower, News, People

log = logging.getLogger("roomcast.fanout")


NOTIFIED = 7_000  # bytes of frames that fit into one of PostgreSQL's notifications


def split(told: Told, lines: list[bytes], most: int) -> list[tuple[Told, list[bytes]]]:
    """The same as several events in a row, each with no more than `most` bytes of frames.

    A frame that is larger than that is alone in its event.
    """
    parts: list[tuple[Told, list[bytes]]] = [(Told(0, 0, [], []), [])]
    size = 0
    for change, line in zip(told.changes, lines, strict=True):
        if size and size + len(line) > most:
            parts.append((Told(0, 0, [], []), []))
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


class Fanout:
    """The rooms of this process, by their channels."""

    def __init__(self, url: str, reader: RoomReader, mark: MarkReceived) -> None:
        self._backend = None if url.startswith("memory:") else backend_of(url)
        self._most = NOTIFIED if url.startswith("postgres") else 0
        self._broadcast = Broadcast(url, backend=self._backend)
        self._reader = reader
        self._mark = mark
        self.people = People()
        self._rooms: dict[int, Room] = {}
        self._tasks: dict[Room, asyncio.Task[None]] = {}
        self._loose: set[asyncio.Task[None]] = set()
        self._doubts = Doubts(reader)
        self._neighbours = Neighbours(self._say, self._doubt_all)
        self._subscribing = asyncio.Lock()  # broadcaster's own subscribe races with itself

    async def open(self) -> None:
        await self._broadcast.connect()
        self.start(self._doubts.settle())
        if self._backend is not None:
            is_listening = asyncio.Event()
            self.start(self._listen_to_people(is_listening))
            await is_listening.wait()
            self.start(self._listen_to_others())

    async def aclose(self) -> None:
        """The sockets that are still open hear that the server restarts."""
        self.begin_again()
        if self._backend is not None:
            await self._neighbours.leave()
        tasks = [*self._tasks.values(), *self._loose]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._broadcast.disconnect()

    def begin_again(self) -> None:
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
        return sum(room.guests for room in list(self._rooms.values()))

    async def check(self) -> None:
        """What is published comes back. Raises Unreachable."""
        if self._backend is not None:
            await self._backend.check()

    async def publish(self, events: Mapping[int, tuple[Told, list[bytes]]]) -> None:
        """One event for each room, to every process that has sockets in it.

        Where the broker is away, the sockets here are told from the database, and those elsewhere
        as soon as the broker is back.
        """
        if self._backend is None or len(events) == 1:
            for room_id, event in events.items():
                await self._publish(room_id, *event)
        else:
            await asyncio.gather(*(self._publish(id_, *event) for id_, event in events.items()))

    async def whisper(self, room_id: int, told: Told) -> None:
        """For who is there now: what is lost of it, nobody misses."""
        channel, body = f"room:{room_id}", packed(told, [])
        if self._backend is None:
            await self._broadcast.publish(channel, body)
        else:
            self._backend.whisper(channel, body)

    async def suspect(self, room_ids: Iterable[int]) -> None:
        """Every process looks into the database for these rooms."""
        for room_id in room_ids:
            try:
                await self._broadcast.publish(f"room:{room_id}", GAP)
            except Unreachable as error:  # it owes them a gap itself, when it is back
                log.info("Room %d: %s", room_id, error)
                self._doubt(room_id)

    async def _publish(self, room_id: int, told: Told, lines: list[bytes]) -> None:
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
            self._doubt(room_id)

    def _doubt(self, room_id: int) -> None:
        """One look into the database for everything that was not published meanwhile."""
        if room := self._rooms.get(room_id):
            self._doubts.add([room])

    def _doubt_all(self) -> None:
        self._doubts.add(self._rooms.values())
        self.people.take(GAP)

    # ------------------------------------------------------------ other processes

    async def _say(self, message: str) -> None:
        await self._broadcast.publish(heartbeat.CHANNEL, message)

    async def _listen_to_others(self) -> None:
        async with self._subscription(heartbeat.CHANNEL) as subscriber:
            self.start(self._neighbours.live())
            while True:
                self._neighbours.hear((await subscriber.get()).message)

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
        if room is None or room.over is not None:
            room = self._rooms[room_id] = Room(
                room_id, self._reader, self._mark, self.follow_members
            )
            self._tasks[room] = asyncio.create_task(self._listen(room), name=room.channel)
        room.guests += 1
        try:
            while not room.is_listening:
                await room.changed.heard()
        except BaseException:
            self.leave(room)
            raise
        return room

    def leave(self, room: Room) -> None:
        room.guests -= 1
        if not room.guests:
            if self._rooms.get(room.id) is room:
                del self._rooms[room.id]
            self._end(room)

    def _end(self, room: Room) -> None:
        task = self._tasks.pop(room)
        room.forget()
        for user_id in room.followed:
            self.unfollow(user_id, room)
        if room.is_listening:
            task.cancel()
        else:  # broadcaster's subscribe is not to be cancelled: it ends by itself
            self._keep(task)

    async def _listen(self, room: Room) -> None:
        async with self._subscription(room.channel) as subscriber:
            room.is_listening = True
            room.changed.ring()
            while self._rooms.get(room.id) is room:
                event = await subscriber.get()
                if event.message == GAP:
                    self._doubts.add([room])
                else:
                    await self._take(room, event.message)

    async def _take(self, room: Room, message: str | Event) -> None:
        try:
            await room.take(message)
        except Exception as error:  # what the event said is in the database
            log_failure(room.id, error)
            self._doubts.add([room])

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

    # ------------------------------------------------------------ people

    async def follow(self, user_id: str, follower: Follower) -> None:
        """From here on the follower hears of this user."""
        self.people.add(user_id, follower)
        await self.hears(user_id)

    async def hears(self, user_id: str) -> None:
        """Waits until the news of a user who is followed come in."""
        if self._backend is not None:
            await self._backend.subscribe(PERSON + user_id)

    def unfollow(self, user_id: str, follower: Follower) -> None:
        if self.people.remove(user_id, follower) and self._backend is not None:
            self._backend.forget(PERSON + user_id)  # before any later subscribe

    def follow_members(self, room: Room) -> None:
        """The room follows those who are its members by now."""
        if self._rooms.get(room.id) is not room:
            return
        members = frozenset(room.marks)
        for user_id in room.followed - members:
            self.unfollow(user_id, room)
        for user_id in members - room.followed:
            if self.people.add(user_id, room) and self._backend is not None:
                self.start(self._backend.subscribe(PERSON + user_id))
        room.followed = members

    async def tell(self, news: News) -> None:
        """Every process that follows this user. Raises Unreachable, after it was told here."""
        if self._backend is None:
            self.people.hear(news)
            return
        try:
            await self._backend.publish(PERSON + news.user_id, codec.encode(news).decode())
        except Unreachable:
            self.people.hear(news)
            raise

    async def _listen_to_people(self, is_listening: asyncio.Event) -> None:
        async with self._subscription(PEOPLE) as subscriber:
            is_listening.set()
            while True:
                event = await subscriber.get()
                try:
                    self.people.take(event.message)
                except Exception:
                    log.exception("News of a user could not be told")
