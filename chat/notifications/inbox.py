"""A user's notifications on this process: the unread counter and the newest unread messages.

All notifications sockets of a user here share one inbox. It follows the events of its user, looks
up the rooms that they name, and publishes what has changed, at most five times a second. Messages
that the user was shown count as delivered.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from functools import partial
from heapq import nlargest

from ...protocol import codec
from ...protocol.errors import Close
from ...protocol.events import Notice, Notified, NotifiedNested, UnreadCount
from ...protocol.ids import when
from ...protocol.room_look import about_of
from ...realtime.hub import Hub
from ...realtime.send_queue import Batch, SendQueue
from ...realtime.user_channels import UserEvent
from ...store import unread
from ...store.dialect import Dialect
from ...store.store import Connection, DatabaseUnavailable, Store
from ...store.unread import Newest, Unread
from ..serializers import kind_of, sender_of, summaries_of
from .dispatcher import NotificationDispatcher

log = logging.getLogger("roomcast.inbox")

SHOWN = 100  # rooms in a frame
PACE = 0.21  # seconds between two frames: five in a second, never six
RETRY = 1.0  # seconds, while the database is away
MANY = 200  # rooms that changed together, above which all are looked at
LOOKS = 2  # at a time, for who comes and for who is there: the database has others to serve
AT_ONCE = 500  # rooms whose messages are delivered in one commit

Counted = tuple[dict[int, Unread], dict[int, Newest], set[str], dict[int, Newest]]
Deliver = Callable[[str, Iterable[tuple[int, int]]], Awaitable[None]]


class Reader:
    """A socket on the notifications of its user."""

    __slots__ = ("is_flat", "is_revoked", "outbox", "said", "user_id")

    def __init__(self, user_id: str, outbox: SendQueue, *, is_flat: bool = True) -> None:
        self.user_id = user_id
        self.outbox = outbox
        self.is_flat = is_flat  # its frames are not nested as the first client reads them
        self.said: object = None  # what its last frame said
        self.is_revoked = False  # the site has cut its user off

    def put(self, *texts: bytes) -> bool:
        return self.outbox.put(Batch(texts))


class Counters:
    """All rooms of a user in which something is unread; of the most recent ones the message."""

    def __init__(self, user_id: str, store: Store) -> None:
        self._user_id = user_id
        self._store = store
        self.rooms: dict[int, Unread] = {}
        self._newest: dict[int, Newest] = {}
        self._online: set[str] = set()

    async def look(self, changed: Collection[int] | None = None) -> list[tuple[int, int]]:
        """At these rooms, or at all; the rooms and messages seen that were not delivered yet."""
        work = partial(self._count, changed=changed)
        self.rooms, self._newest, self._online, fresh = await self._store.read(work)
        return [
            (room_id, newest.id) for room_id, newest in fresh.items() if not newest.is_delivered
        ]

    async def _count(self, db: Connection, changed: Collection[int] | None) -> Counted:
        if changed is None:
            rooms = {
                r.room_id: r for r in await unread.everywhere(db, self._dialect, self._user_id)
            }
            return await self._show(db, rooms, {}, {})
        found = await unread.of_rooms(db, self._user_id, list(changed))
        rooms = {id_: room for id_, room in self.rooms.items() if id_ not in changed}
        rooms |= {id_: room for id_, (room, _) in found.items()}
        fresh = {id_: newest for id_, (_, newest) in found.items()}
        return await self._show(db, rooms, self._newest | fresh, fresh)

    async def _show(
        self,
        db: Connection,
        rooms: dict[int, Unread],
        known: dict[int, Newest],
        fresh: dict[int, Newest],
    ) -> Counted:
        top = most_recent(rooms)
        more = await unread.of_rooms(db, self._user_id, [id_ for id_ in top if id_ not in known])
        known = known | {id_: newest for id_, (_, newest) in more.items()}
        newest = {id_: known[id_] for id_ in top if id_ in known}
        senders = {each.sender_id for each in newest.values()}
        return rooms, newest, await unread.online(db, self._dialect, senders), fresh

    @property
    def _dialect(self) -> Dialect:
        return self._store.dialect

    def frame(self) -> Notified:
        total = sum(room.count for room in self.rooms.values() if not room.is_muted)
        return Notified(total, [self._notice(id_) for id_ in self._newest])

    def _notice(self, room_id: int) -> Notice:
        newest = self._newest[room_id]
        return Notice(
            room_id,
            self.rooms[room_id].count,
            newest.text,
            newest.status,
            sender_of(newest.sender_id),
            "online" if newest.sender_id in self._online else "offline",
            when(newest.created_at),
            when(newest.updated_at),
            summaries_of(newest.attachments),
            kind_of(newest.sender_id),
            about_of(newest.about),
        )


def most_recent(rooms: dict[int, Unread]) -> list[int]:
    return nlargest(SHOWN, rooms, key=lambda id_: (rooms[id_].active_at, id_))


class Turns:
    """Limits how many inboxes of this process read the database at the same time."""

    def __init__(self) -> None:
        self.coming = asyncio.Semaphore(LOOKS)
        self.there = asyncio.Semaphore(LOOKS)


class Inbox:
    """The inbox of one user; it exists while they have a notifications socket open here."""

    def __init__(self, user_id: str, store: Store, turns: Turns, deliver: Deliver) -> None:
        self.user_id = user_id
        self.guests = 0  # readers, and those on their way in
        self._store = store
        self._turns = turns
        self._deliver = deliver
        self._readers: list[Reader] = []
        self._counters = Counters(user_id, store)
        self._changed: set[int] = set()
        self._has_gap = False
        self._turn = asyncio.Lock()
        self._next = 0.0  # when the next frame may go out
        self._task: asyncio.Task[None] | None = None
        self._delivery: asyncio.Task[None] | None = None
        self._undelivered: dict[int, int] = {}  # rooms, and their messages that are to be delivered

    # ------------------------------------------------------------ readers

    async def prepare(self) -> None:
        """Looks at everything, for a reader that is about to come. Raises DatabaseUnavailable."""
        async with self._turns.coming, self._turn:
            changed, self._changed = self._changed, set()
            try:
                await self._counters.look()
            except BaseException:
                self._changed |= changed
                raise

    def admit(self, reader: Reader) -> None:
        """Gives it the first frame."""
        frame = self._counters.frame()
        reader.said, self._next = essence(frame), self._now() + PACE
        reader.outbox.on_drained = self._start_delivery
        self._readers.append(reader)
        self._undelivered |= dict.fromkeys(self._counters.rooms, 0)
        if reader.put(encoded(frame, is_flat=reader.is_flat)):
            self._start_delivery()
        if any(other.said != reader.said for other in self._readers):
            self._start()

    def leave(self, reader: Reader) -> None:
        if reader in self._readers:
            self._readers.remove(reader)
            reader.outbox.on_drained = None

    def close(self, close: Close) -> None:
        for reader in self._readers:
            reader.outbox.close(close)

    def forget(self) -> None:
        for task in (self._task, self._delivery):
            if task is not None:
                task.cancel()

    # ------------------------------------------------------------ what changes

    def on_user_event(self, event: UserEvent) -> None:
        if event.is_revoked:
            for reader in self._readers:
                reader.is_revoked = True
            self.close(Close.DISCONNECTED)
        if event.rooms:
            self._changed.update(event.rooms)
            self._start()

    def on_gap(self, user_id: str) -> None:
        self._has_gap = True
        self._start()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="roomcast inbox")

    async def _run(self) -> None:
        try:
            is_due = True
            while is_due:
                await asyncio.sleep(self._next - self._now())
                async with self._turns.there, self._turn:
                    await self._look()
                self._publish()
                is_due = bool(self._changed) or self._has_gap
        finally:
            self._task = None

    async def _look(self) -> None:
        changed, self._changed = self._changed, set()
        has_gap, self._has_gap = self._has_gap, False
        is_all = has_gap or len(changed) > MANY
        self._next = self._now() + PACE
        try:
            found = await self._counters.look(None if is_all else changed)
        except Exception as error:
            log.warning(
                "Notifications are late: %s",
                error,
                exc_info=not isinstance(error, DatabaseUnavailable),
            )
            self._changed |= changed
            self._has_gap |= has_gap
            self._next = self._now() + RETRY
            return
        all_ = self._counters.rooms if has_gap else changed
        self._undelivered |= dict.fromkeys(all_, 0) if is_all else dict(found)

    def _publish(self) -> None:
        frame = self._counters.frame()
        said, batches = essence(frame), dict[bool, Batch]()
        for reader in list(self._readers):
            if reader.said != said:
                reader.said = said
                if (shape := reader.is_flat) not in batches:
                    batches[shape] = Batch([encoded(frame, is_flat=shape)])
                reader.outbox.put(batches[shape])
        if any(reader.outbox.is_empty for reader in self._readers):
            self._start_delivery()

    # ------------------------------------------------------------ what is delivered by that

    def _start_delivery(self) -> None:
        """A device of the user's has been shown them."""
        if self._undelivered and self._delivery is None:
            self._delivery = asyncio.create_task(self._deliver_all(), name="roomcast delivery")

    async def _deliver_all(self) -> None:
        """The most recent first, in commits of bounded size."""
        try:
            while self._undelivered:
                some = dict(nlargest(AT_ONCE, self._undelivered.items()))
                for room_id in some:
                    del self._undelivered[room_id]
                try:
                    await self._deliver_some(some)
                except BaseException:
                    self._undelivered = some | self._undelivered
                    raise
        except DatabaseUnavailable as error:
            log.warning("delivery receipts delayed: database unavailable: %s", error)
        except Exception:
            log.exception("Not marked as delivered")
        finally:
            self._delivery = None

    async def _deliver_some(self, undelivered: dict[int, int]) -> None:
        known = [(room_id, newest) for room_id, newest in undelivered.items() if newest]
        rooms = [room_id for room_id, newest in undelivered.items() if not newest]
        if rooms:
            find = partial(unread.undelivered, user_id=self.user_id, room_ids=rooms)
            known += await self._store.read(find)
        if known:
            await self._deliver(self.user_id, known)


def encoded(frame: Notified, *, is_flat: bool) -> bytes:
    """The frame in the shape that a socket asked for."""
    if is_flat:
        return codec.encode(frame)
    return codec.encode(NotifiedNested(UnreadCount(frame.counter, frame.messages)))


def essence(frame: Notified) -> object:
    """Returns the parts of a frame whose change is worth a new frame; presence is none of them."""
    return frame.counter, [
        (n.room_id, n.counter_by_room, n.last_message, n.status, n.sender_id, n.updated_at)
        for n in frame.messages
    ]


class Inboxes:
    """The inboxes of this process, by user."""

    def __init__(
        self, store: Store, hub: Hub, dispatcher: NotificationDispatcher, deliver: Deliver
    ) -> None:
        self._store = store
        self._hub = hub
        self._dispatcher = dispatcher
        self._deliver = deliver
        self._turns = Turns()
        self._inboxes: dict[str, Inbox] = {}

    async def enter(self, user_id: str) -> Inbox:
        """From here on no event is missed. To be left again, unless this raises."""
        inbox = self._inboxes.get(user_id)
        if inbox is None:
            inbox = self._inboxes[user_id] = Inbox(user_id, self._store, self._turns, self._deliver)
            self._hub.user_channels.add(user_id, inbox)
            self._dispatcher.readers += 1
        inbox.guests += 1
        try:
            await self._hub.wait_until_subscribed(user_id)
        except BaseException:
            self.leave(inbox)
            raise
        return inbox

    def leave(self, inbox: Inbox) -> None:
        inbox.guests -= 1
        if not inbox.guests:
            del self._inboxes[inbox.user_id]
            self._dispatcher.readers -= 1
            self._hub.unfollow(inbox.user_id, inbox)
            inbox.forget()

    async def unread(self, user_id: str) -> Notified:
        """Returns the first frame of a notifications socket. Raises DatabaseUnavailable."""
        counters = Counters(user_id, self._store)
        await counters.look()
        return counters.frame()

    def close(self, close: Close) -> None:
        for inbox in self._inboxes.values():
            inbox.close(close)
