"""A room that sockets of this process are in: it delivers each change once, in version order.

Events come from the broker through the hub. A gap in the versions is repaired from the database
before any later change is delivered, and duplicate events are dropped.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from ..protocol import codec
from ..protocol.errors import Close, Closing
from ..protocol.events import RoomChanged, RoomDeleted
from ..protocol.ids import wire_users
from ..protocol.room_look import look_of
from ..protocol.splice import as_edited
from ..store.room_look import PLAIN, RoomLook
from ..store.snapshot import Snapshot
from .connections import MarkReceived, RoomConnections, RoomSocket
from .events import Change, Mark, OldMessage, RoomEvent, Watermarks, split, unpack
from .gap_watch import GapWatch
from .reader import GapTooLarge, MissedChanges, RoomHead, RoomReader
from .sequence import VersionSequence
from .statuses import MAX_STATUS_FRAMES, MAX_STATUS_FRAMES_OF_JOIN, MAX_WATERMARK, StatusTracker
from .wakeup import Wakeup

log = logging.getLogger("roomcast.room")

REPAIR_WRITE_SIZE = 1 << 15  # bytes of a repair in one write
COMMIT_TIMEOUT = 1.0  # seconds to wait for a committed change, before the database is read


class Membership(Struct):
    """Members, title and look of a room, as its sockets know them."""

    version: int = 0
    title: str = ""
    look: RoomLook = PLAIN
    members: frozenset[str] = frozenset()


class Room:
    """A room of this process: it handles one event at a time, under its lock."""

    def __init__(
        self,
        room_id: int,
        reader: RoomReader,
        mark: MarkReceived,
        on_members_changed: Callable[["Room"], None],
    ) -> None:
        self.id = room_id
        self.close_reason: Close | None = None  # once it has one, the next join opens another Room
        self.sequence = VersionSequence()
        self.statuses = StatusTracker(room_id)
        self.connections = RoomConnections(room_id, mark)
        self.changed = Wakeup()
        self._membership = Membership()
        self._reader = reader
        self._on_members_changed = on_members_changed
        self._gap_watch = GapWatch(room_id)
        self._lock = asyncio.Lock()

    @property
    def head(self) -> RoomHead:
        """The position up to which the sockets of this process were sent everything."""
        return self.sequence.version or 0, self._membership.version, self.statuses.sum

    # ------------------------------------------------------------ joining

    async def wait_for_snapshot(self, found: Snapshot) -> None:
        """Wait until this process has delivered what the snapshot holds. Raises Closing."""
        await self._start(found)
        await self.wait_until_delivered(found.version, found.marks, found.members_version)

    async def wait_until_delivered(
        self, version: int, watermarks: Mapping[str, Watermarks], members_version: int = 0
    ) -> None:
        """Wait until this process has delivered up to these. Raises Closing if the room ends."""
        while self.close_reason is None:
            if (
                self.sequence.has(version)
                and self.statuses.has(watermarks)
                and self._membership.version >= members_version
            ):
                return
            try:
                async with asyncio.timeout(COMMIT_TIMEOUT):
                    await self.changed.wait()
            except TimeoutError:
                await self.repair_gap()
        raise Closing(self.close_reason)

    async def _start(self, found: Snapshot) -> None:
        """Begin with the first snapshot that a socket of this process has read."""
        async with self._lock:
            if self.sequence.version is not None:
                return
            self._membership = Membership(
                found.members_version, found.title, found.look, frozenset(found.marks)
            )
            self.statuses.start(found.marks, found.top)
            early, has_gap = self.sequence.start(found.version)
            for event in early:
                await self._deliver_if_members_current(event)
            if has_gap:
                await self._load_missed()

    def activate(self, socket: RoomSocket, first: bytes, above: int, top: int) -> None:
        """Send the first frame, then what was buffered since the snapshot of version `above`.

        `top` is the newest message id in the snapshot. Raises Closing if the user has left since.
        """
        buffered = self.connections.stop_buffering(socket)
        if socket.user_id not in self.statuses.watermarks:
            raise Closing(Close.FORBIDDEN)
        missed = [_as_seen(top, *each) for each in buffered if each[0].version > above]
        hidden = self.connections.hidden_from(socket.user_id)
        frames = self.statuses.frames_since(missed, is_compact=socket.is_compact, hidden=hidden)
        sent = [change for change, _ in missed if change.kind == "sent"]
        self.connections.activate(socket, first, frames, sent)

    # ------------------------------------------------------------ events

    async def on_event(self, message: str | RoomEvent) -> None:
        """Handle one event of the broker."""
        event = unpack(message) if isinstance(message, str) else message
        if event.typing:
            if event.typing in self.statuses.watermarks:
                self.connections.send_typing(event.typing, event.hidden_from)
            return
        async with self._lock:
            if self.sequence.version is None:
                self.sequence.buffer_early(event)
            else:
                await self._deliver_if_members_current(event)

    async def _deliver_if_members_current(self, event: RoomEvent) -> None:
        """Deliver an event; load the members first if it was committed under a newer list."""
        if event.members_version > self._membership.version:
            await self._load_missed()
        else:
            await self._deliver_in_order(event)

    async def _deliver_in_order(self, event: RoomEvent) -> None:
        """Deliver in version order: an early event waits, and GapWatch limits how long."""
        ready = self.sequence.put(event)
        if ready is None:
            self._gap_watch.start(self._missing, self.repair_gap)
        while ready is not None:
            await self._deliver(ready)
            ready = self.sequence.next()

    async def _deliver(self, event: RoomEvent) -> None:
        older: list[OldMessage] = []
        if event.marks and self.connections.has_live:
            older = await self._load_old_messages(event.marks)
        self._apply(event, older)
        self.changed.notify()

    async def _load_old_messages(self, marks: list[Mark]) -> list[OldMessage]:
        """Load messages that are not kept in memory, whose status these marks may change."""
        if (span := self.statuses.old_span(marks)) is None:
            return []
        most = (
            MAX_STATUS_FRAMES_OF_JOIN
            if all(mark.by_joining for mark in marks)
            else MAX_STATUS_FRAMES
        )
        return await self._reader.load_between(self.id, *span, most)

    def _apply(self, event: RoomEvent, older: list[OldMessage]) -> None:
        """Apply one event to sequence, statuses and sockets, without awaiting anything."""
        event = self.sequence.accept(event)
        self.connections.buffer(event.changes, event.frames)
        if update := self.statuses.apply(event, older):
            self.connections.emit(update, self.statuses.receipt_frames)
        if event.is_deleted:
            self.close(Close.NOT_FOUND, codec.encode(RoomDeleted(self.id)))

    # ------------------------------------------------------------ gap repair

    def _missing(self) -> tuple[int, int] | None:
        return None if self.close_reason is not None else self.sequence.missing

    async def repair_gap(self) -> None:
        """Load the changes from the database that the broker has lost."""
        async with self._lock:
            if self.sequence.version is None:
                self.sequence.note_early_gap()
            else:
                await self._load_missed()

    async def _load_missed(self) -> None:
        version = self.sequence.version
        assert version is not None
        try:
            state = await self._reader.load_changes_since(self.id, version, self.statuses.top)
        except GapTooLarge as error:
            log.warning("gap too large: room=%d gap=%s; its sockets resume", self.id, error)
            return self.close(Close.RESTART)
        if state is None:
            return await self._deliver(RoomEvent(is_deleted=True))
        if state.version < version or state.members_version < self._membership.version:
            log.warning(
                "room is older in the database: room=%d version=%d was=%d; its sockets resume",
                self.id,
                state.version,
                version,
            )
            return self.close(Close.RESTART)
        for event in split(self._as_event(state, version), REPAIR_WRITE_SIZE):
            await self._deliver_in_order(event)
        return self._apply_membership(state)

    def _as_event(self, state: MissedChanges, version: int) -> RoomEvent:
        """Return the missed changes as one event; expel former members, add new ones."""
        left = self.statuses.watermarks.keys() - state.watermarks.keys()
        for user_id in left:
            self.connections.expel(user_id)
        self.statuses.add_members(state.watermarks)
        watermarks = state.watermarks | dict.fromkeys(left, (MAX_WATERMARK, MAX_WATERMARK))
        marks = [Mark(user, *upto, by_joining=False) for user, upto in watermarks.items()]
        last = state.version if state.version > version else 0
        return RoomEvent(last and version + 1, last, state.changes, marks, frames=state.frames)

    def _apply_membership(self, state: MissedChanges) -> None:
        """Adopt members, title and look; send `room_changed` to the sockets if they differ."""
        before, members = self._membership, frozenset(state.watermarks)
        self._membership = replace(before, version=state.members_version)
        self.changed.notify()
        if (before.title, before.look, before.members) == (state.title, state.look, members):
            return
        self._membership = Membership(state.members_version, state.title, state.look, members)
        self.statuses.keep_members(members)
        shown = look_of(state.look.about, state.look.data, is_frozen=bool(state.look.frozen))
        frame = codec.encode(RoomChanged(self.id, wire_users(members), state.title or None, *shown))
        new = {user: self.statuses.watermarks[user] for user in members - before.members}
        self.connections.send(frame, new, self.statuses.receipt_frames)
        self._on_members_changed(self)

    # ------------------------------------------------------------ the end

    @property
    def is_stopped(self) -> bool:
        return self._gap_watch.is_stopped

    def stop(self) -> None:
        """Stop repairs, since no socket of this process is in the room any more."""
        self._gap_watch.stop()

    def close(self, close: Close, *last_frames: bytes) -> None:
        """Close every socket in the room, after these frames."""
        self.close_reason = close
        self.changed.notify()
        self.connections.close(close, *last_frames)


def _as_seen(top: int, change: Change, frame: bytes) -> tuple[Change, bytes]:
    """Return a change for a socket that already has the messages up to `top`.

    Gap repair only loads the final state, so a message that was sent and then edited within the
    gap appears as sent. A socket that already has the message must get it as edited.
    """
    if change.kind != "sent" or change.message_id > top:
        return change, frame
    return Change(change.version, change.message_id, change.sender_id, "edited"), as_edited(frame)
