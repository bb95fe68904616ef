"""A user's notifications on this process: the unread counter and the newest unread messages.

All notifications sockets of a user in this process share one inbox. It follows the events of its
user, reads the rooms that they name, and sends a frame if something changed, at most five times a
second. Messages in a frame count as delivered.
"""

import asyncio
import logging

from ...protocol import codec
from ...protocol.errors import Close
from ...protocol.events import Notified, NotifiedNested, UnreadCount
from ...realtime.hub import Hub
from ...realtime.send_queue import Batch, SendQueue
from ...realtime.user_channels import UserEvent
from ...realtime.user_socket import UserSocket
from ...store.store import DatabaseUnavailable, Store
from ..contexts import Contexts
from .counters import Counters
from .delivery import Deliver, Delivery
from .dispatcher import NotificationDispatcher

log = logging.getLogger("roomcast.inbox")

FRAME_INTERVAL = 0.21  # seconds between two frames: five in a second, never six
# Bytes a second to all sockets of a user: larger frames are sent less often.
MAX_BYTE_RATE = 1 << 24
BYTES_PER_SLICE = 1 << 16  # bytes after which other tasks run before the next socket
RETRY_DELAY = 1.0  # seconds until the next attempt, while the database is unavailable
MAX_CHANGED_ROOMS = 200  # changed rooms; with more, all rooms are read
MAX_CONCURRENT_READS = 2  # reads at a time, for joining inboxes and again for open ones


class InboxSocket(UserSocket):
    """A socket with the notifications of its user."""

    __slots__ = ("is_flat", "last_essence")

    def __init__(self, user_id: str, send_queue: SendQueue, *, is_flat: bool = True) -> None:
        super().__init__(user_id, send_queue)
        self.is_flat = is_flat  # whether its frames have the flat shape (`format=flat`)
        self.last_essence: object = None  # the `essence` of the last frame that it was sent


class ReadLimits:
    """Limits how many inboxes of this process read the database at the same time."""

    def __init__(self) -> None:
        self.joining = asyncio.Semaphore(MAX_CONCURRENT_READS)
        self.open_ = asyncio.Semaphore(MAX_CONCURRENT_READS)


class Inbox:
    """The inbox of one user; it exists while they have a notifications socket open here."""

    def __init__(
        self, user_id: str, counters: Counters, read_limits: ReadLimits, delivery: Delivery
    ) -> None:
        self.user_id = user_id
        self.connection_count = 0  # its sockets, and those that are joining
        self._read_limits = read_limits
        self._sockets: list[InboxSocket] = []
        self._counters = counters
        self._changed: set[int] = set()
        self._has_gap = False
        self._lock = asyncio.Lock()
        self._next = 0.0  # when the next frame may go out
        self.task: asyncio.Task[None] | None = None
        self.delivery = delivery

    # ------------------------------------------------------------ sockets

    async def prepare(self) -> None:
        """Load all rooms for a joining socket. Raises DatabaseUnavailable."""
        async with self._read_limits.joining, self._lock:
            changed, self._changed = self._changed, set()
            try:
                await self._counters.load_changed()
            except BaseException:
                self._changed |= changed
                raise
        await self._counters.describe()

    def activate(self, socket: InboxSocket) -> None:
        """Send the first frame; from now on the socket is live."""
        frame = self._counters.frame()
        socket.last_essence, self._next = essence(frame), self._now() + FRAME_INTERVAL
        socket.send_queue.on_drained = self.delivery.start
        self._sockets.append(socket)
        self.delivery.add(dict.fromkeys(self._counters.rooms, 0))
        if socket.put(encoded(frame, is_flat=socket.is_flat)):
            self.delivery.start()
        if any(other.last_essence != socket.last_essence for other in self._sockets):
            self._start()

    def leave(self, socket: InboxSocket) -> None:
        if socket in self._sockets:
            self._sockets.remove(socket)
            socket.send_queue.on_drained = None

    def close(self, close: Close) -> None:
        for socket in self._sockets:
            socket.send_queue.close(close)

    def forget(self) -> None:
        self.delivery.stop()
        if self.task is not None:
            self.task.cancel()

    # ------------------------------------------------------------ changes

    def on_user_event(self, event: UserEvent) -> None:
        if event.is_revoked:
            for socket in self._sockets:
                socket.revoke()
        if event.rooms:
            self._changed.update(event.rooms)
            self._start()

    def on_gap(self, user_id: str) -> None:
        self._has_gap = True
        self._start()

    def is_idle(self) -> bool:
        """Return whether no read is running or due."""
        return self.task is None

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _start(self) -> None:
        if self.task is None:
            self.task = asyncio.create_task(self._run(), name="roomcast inbox")

    async def _run(self) -> None:
        try:
            is_due = True
            while is_due:
                await asyncio.sleep(self._next - self._now())
                async with self._read_limits.open_, self._lock:
                    await self._load()
                await self._counters.describe()
                await self._publish()
                is_due = bool(self._changed) or self._has_gap
        finally:
            self.task = None

    async def _load(self) -> None:
        changed, self._changed = self._changed, set()
        has_gap, self._has_gap = self._has_gap, False
        is_all = has_gap or len(changed) > MAX_CHANGED_ROOMS
        self._next = self._now() + FRAME_INTERVAL
        try:
            found = await self._counters.load_changed(None if is_all else changed)
        except Exception as error:
            log.warning(
                "notifications delayed: %s",
                error,
                exc_info=not isinstance(error, DatabaseUnavailable),
            )
            self._changed |= changed
            self._has_gap |= has_gap
            self._next = self._now() + RETRY_DELAY
            return
        all_ = self._counters.rooms if has_gap else changed
        self.delivery.add(dict.fromkeys(all_, 0) if is_all else dict(found))

    async def _publish(self) -> None:
        frame = self._counters.frame()
        now, batches, written = essence(frame), dict[bool, Batch](), 0
        for socket in list(self._sockets):
            if socket.last_essence != now and socket in self._sockets:
                socket.last_essence = now
                if (shape := socket.is_flat) not in batches:
                    batches[shape] = Batch([encoded(frame, is_flat=shape)])
                socket.send_queue.put(batches[shape])
                written += batches[shape].size
                if batches[shape].size > BYTES_PER_SLICE:
                    await asyncio.sleep(0)
        self._next = max(self._next, self._now() + written / MAX_BYTE_RATE)
        if any(socket.send_queue.is_empty for socket in self._sockets):
            self.delivery.start()


def encoded(frame: Notified, *, is_flat: bool) -> bytes:
    """Encode the frame in the shape that a socket asked for."""
    if is_flat:
        return codec.encode(frame)
    return codec.encode(NotifiedNested(UnreadCount(frame.counter, frame.messages)))


def essence(frame: Notified) -> object:
    """Return the parts of a frame whose change causes a new frame: all but presence."""
    return frame.counter, [
        (n.room_id, n.counter_by_room, n.last_message, n.status, n.sender_id, n.updated_at)
        for n in frame.messages
    ]


class Inboxes:
    """The inboxes of this process, by user."""

    def __init__(
        self,
        store: Store,
        hub: Hub,
        dispatcher: NotificationDispatcher,
        deliver: Deliver,
        contexts: Contexts,
    ) -> None:
        self._store = store
        self._contexts = contexts
        self._hub = hub
        self._dispatcher = dispatcher
        self._deliver = deliver
        self._read_limits = ReadLimits()
        self._inboxes: dict[str, Inbox] = {}

    async def enter(self, user_id: str) -> Inbox:
        """Return the user's inbox, subscribed to their events; call `leave` later."""
        inbox = self._inboxes.get(user_id)
        if inbox is None:
            delivery = Delivery(user_id, self._store, self._deliver)
            inbox = Inbox(user_id, self._counters(user_id), self._read_limits, delivery)
            self._inboxes[user_id] = inbox
            self._hub.user_channels.add(user_id, inbox)
            self._dispatcher.readers += 1
        inbox.connection_count += 1
        try:
            await self._hub.user_channels.subscribe(user_id)
        except BaseException:
            self.leave(inbox)
            raise
        return inbox

    def leave(self, inbox: Inbox) -> None:
        inbox.connection_count -= 1
        if not inbox.connection_count:
            del self._inboxes[inbox.user_id]
            self._dispatcher.readers -= 1
            self._hub.user_channels.unfollow(inbox.user_id, inbox)
            inbox.forget()

    async def unread(self, user_id: str) -> Notified:
        """Return the first frame of a notifications socket. Raises DatabaseUnavailable."""
        counters = self._counters(user_id)
        await counters.load_changed()
        await counters.describe()
        return counters.frame()

    def _counters(self, user_id: str) -> Counters:
        return Counters(user_id, self._store, self._contexts)

    def close(self, close: Close) -> None:
        for inbox in self._inboxes.values():
            inbox.close(close)
