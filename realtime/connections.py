"""The sockets of this process in one room: the frames for each, and what each has received."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial

from ..protocol import codec, splice
from ..protocol.errors import Close
from ..protocol.events import PresenceChanged, Typed
from ..protocol.ids import when, wire_user
from .events import Change, Watermarks
from .send_queue import Batch, SendQueue
from .statuses import StatusUpdate
from .user_channels import UserEvent
from .user_socket import UserSocket

TYPING_INTERVAL = 2.0  # seconds between two `typing` frames of the same user
TYPING_JITTER = 0.2  # seconds by which one of them may come early

MarkReceived = Callable[[int, str, int, int], None]
"""Record that a device of the user has received and read up to two ids: room, user, the ids."""


class RoomSocket(UserSocket):
    """A member's socket in a room: its receipt mode, and the frames that it has still to get."""

    __slots__ = ("buffered", "is_compact", "is_manual", "missed_presence", "undelivered")

    def __init__(
        self, user_id: str, send_queue: SendQueue, *, is_manual: bool, is_compact: bool
    ) -> None:
        super().__init__(user_id, send_queue)
        self.is_manual = is_manual
        self.is_compact = is_compact
        self.buffered: list[tuple[Change, bytes]] = []  # since it began to join
        self.undelivered: list[Change] = []  # the last messages that wait in its send queue
        self.missed_presence: dict[str, bytes] | None = None  # the last frame of each user


NOBODY: frozenset[str] = frozenset()
ReceiptFrames = Callable[[Mapping[str, Watermarks], Collection[str]], list[bytes]]


class SocketBatches:
    """The frames of one event: encoded once for all sockets that are sent the same."""

    def __init__(
        self,
        full: Callable[[], Sequence[bytes]],
        moved: Mapping[str, Watermarks],
        receipt_frames: ReceiptFrames,
    ) -> None:
        """`full` returns the frames of sockets that do not want compact receipts."""
        self._full = full
        self._moved = moved
        self._receipt_frames = receipt_frames
        self._batches: dict[frozenset[str] | None, Batch] = {}

    def get(self, frames: Sequence[bytes], *, is_compact: bool, hidden: frozenset[str]) -> Batch:
        """Return the frames and the receipts, without those of members who are hidden."""
        key = hidden if is_compact else None
        batch = self._batches.get(key)
        if batch is None:
            more = self._receipt_frames(self._moved, hidden) if is_compact else self._full()
            batch = self._batches[key] = Batch([*frames, *more])
        return batch


class RoomConnections:
    """The joining and the live sockets of a room; a follower of its members."""

    def __init__(self, room_id: int, mark: MarkReceived) -> None:
        self._room_id = room_id
        self._mark = mark
        self._joining: list[RoomSocket] = []
        self._live: dict[str, list[RoomSocket]] = {}
        self._hidden: dict[str, frozenset[str]] = {}  # of each user, who has blocked them
        self._typing: dict[str, float] = {}  # when the next `typing` frame of each user may be sent

    def __iter__(self) -> Iterator[RoomSocket]:
        yield from self._joining
        for sockets in self._live.values():
            yield from sockets

    @property
    def has_live(self) -> bool:
        """Whether a socket of this process has received its first frame."""
        return bool(self._live)

    # ------------------------------------------------------------ receipts that are not shown

    def hidden_from(self, user_id: str) -> frozenset[str]:
        """The members whose receipts this user is not sent, since they have blocked the user."""
        return self._hidden.get(user_id, NOBODY)

    def hide(self, user_id: str, blockers: Collection[str]) -> None:
        """Send the user no receipts of these members from here on."""
        if blockers:
            self._hidden[user_id] = self.hidden_from(user_id) | frozenset(blockers)

    # ------------------------------------------------------------ joining and leaving

    def start_buffering(self, socket: RoomSocket) -> None:
        """Buffer every change for this joining socket from here on, until it is live."""
        self._joining.append(socket)

    def buffer(self, changes: Sequence[Change], frames: Sequence[bytes]) -> None:
        """Keep changes, each with its frame, for the joining sockets."""
        for socket in self._joining:
            socket.buffered += zip(changes, frames, strict=True)

    def stop_buffering(self, socket: RoomSocket) -> list[tuple[Change, bytes]]:
        """Remove a joining socket, and return the changes that were buffered for it."""
        self._joining.remove(socket)
        buffered, socket.buffered = socket.buffered, []
        return buffered

    def activate(
        self, socket: RoomSocket, first: bytes, frames: list[bytes], sent: list[Change]
    ) -> None:
        """Send the first frame and what was missed since; from here on the socket is live.

        `sent` are the messages among what was missed.
        """
        missed, socket.missed_presence = socket.missed_presence or {}, None
        self._live.setdefault(socket.user_id, []).append(socket)
        socket.send_queue.on_drained = partial(self._on_drained, socket)
        if socket.put(first, *missed.values(), *frames):
            self._mark_received(socket.user_id, [socket], sent)
        else:
            socket.undelivered = _of_others(sent, socket.user_id)

    def remove(self, socket: RoomSocket) -> None:
        """Remove a socket, whether it was joining or live."""
        if socket in self._joining:
            self._joining.remove(socket)
        live = self._live.get(socket.user_id, [])
        if socket in live:
            live.remove(socket)
            socket.send_queue.on_drained = None
            if not live:
                del self._live[socket.user_id]

    def expel(self, user_id: str) -> None:
        """Close the sockets of a user who is no longer a member, with 4003."""
        for socket in self._live.pop(user_id, ()):
            socket.send_queue.close(Close.FORBIDDEN)

    def close(self, close: Close, *last_frames: bytes) -> None:
        """Close every socket, after these frames."""
        for socket in list(self):
            if last_frames:
                socket.put(*last_frames)
            socket.send_queue.close(close)

    # ------------------------------------------------------------ sending

    def send(
        self, frame: bytes, moved: Mapping[str, Watermarks], receipt_frames: ReceiptFrames
    ) -> None:
        """Send a frame to every live socket, with receipts to those that want compact ones."""
        batches = SocketBatches(list, moved, receipt_frames)
        for user_id, sockets in self._live.items():
            hidden = self.hidden_from(user_id)
            for socket in sockets:
                batch = batches.get([frame], is_compact=socket.is_compact, hidden=hidden)
                socket.send_queue.put(batch)

    def emit(self, update: StatusUpdate, receipt_frames: ReceiptFrames) -> None:
        """Send what an event changed: the same bytes to every socket that wants the same."""
        batches = SocketBatches(partial(_mark_frames, update), update.moved, receipt_frames)
        sent = [change for change in update.changes if change.kind == "sent"]
        for user_id, sockets in list(self._live.items()):
            received, hidden = [], self.hidden_from(user_id)
            for socket in sockets:
                batch = batches.get(update.frames, is_compact=socket.is_compact, hidden=hidden)
                if batch.frames and socket.send_queue.put(batch):
                    received.append(socket)
                elif sent:
                    socket.undelivered = _of_others(sent, user_id) or socket.undelivered
            if received and sent:
                self._mark_received(user_id, received, sent)

    def send_typing(self, user_id: str, hidden_from: Collection[str] = ()) -> None:
        """Send to the others that the user is typing, at most once in TYPING_INTERVAL."""
        now, due = time.monotonic(), self._typing.get(user_id, 0.0)
        if now < due - TYPING_JITTER:
            return
        self._typing[user_id] = max(now, due) + TYPING_INTERVAL
        batch = Batch([codec.encode(Typed(wire_user(user_id), self._room_id))])
        for other, sockets in self._live.items():
            for socket in sockets if other != user_id and other not in hidden_from else ():
                socket.send_queue.put_droppable(batch)

    # ------------------------------------------------------------ receipts

    def _on_drained(self, socket: RoomSocket) -> None:
        """Send the presence that a slow reader missed; mark the messages that have been sent."""
        undelivered, socket.undelivered = socket.undelivered, []
        missed, socket.missed_presence = socket.missed_presence, None
        if missed:
            socket.put(*missed.values())
        if undelivered:
            self._mark_received(socket.user_id, [socket], undelivered)

    def _mark_received(
        self, user_id: str, sockets: Sequence[RoomSocket], sent: list[Change]
    ) -> None:
        """Mark messages of others as received, and as read unless all sockets are manual."""
        for change in reversed(sent):
            if change.sender_id != user_id:
                read = 0 if all(s.is_manual for s in sockets) else change.message_id
                self._mark(self._room_id, user_id, change.message_id, read)
                return

    # ------------------------------------------------------------ events of members

    def on_user_event(self, event: UserEvent) -> None:
        """Apply a revocation, a block or a change of presence of a member."""
        if event.is_blocked:
            self.hide(event.user_id, [event.blocker])
        elif event.blocker and event.user_id in self._hidden:
            self._hidden[event.user_id] -= {event.blocker}
        if event.is_revoked:
            for socket in list(self):
                if socket.user_id == event.user_id:
                    socket.revoke()
        if event.last_seen:
            self._send_presence(event)

    def on_gap(self, user_id: str) -> None:
        """Do nothing: presence is loaded for all followed users and arrives as an event.

        If the event of a block is lost, receipts are hidden from sockets that join later.
        """

    def _send_presence(self, event: UserEvent) -> None:
        """Send presence; a socket with a full queue gets the last state of each user later."""
        seen = when(event.last_seen)
        frame = codec.encode(PresenceChanged(wire_user(event.user_id), event.is_online, seen))
        batch = Batch([frame])
        for socket in list(self):
            if socket.user_id == event.user_id or socket.user_id in event.hidden_from:
                continue
            if socket.send_queue.is_empty and socket not in self._joining:
                socket.send_queue.put(batch)
            else:
                missed = socket.missed_presence or {}
                socket.missed_presence = {**missed, event.user_id: frame}


def _mark_frames(update: StatusUpdate) -> list[bytes]:
    return [splice.mark(change.body, change.status) for change in update.statuses]


def _of_others(changes: list[Change], user_id: str) -> list[Change]:
    """Leave out the user's own messages, which their receipts never cover."""
    return [change for change in changes if change.sender_id != user_id]
