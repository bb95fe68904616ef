"""The version order of a room's events. Pure: no I/O, no clock, no event loop."""

from .events import RoomEvent

MAX_BUFFERED_EVENTS = 1_000  # of each buffer: before the first snapshot, and out of order
MAX_BUFFERED_SIZE = 1 << 22  # bytes of their frames


class EventBuffer:
    """Events that wait, bounded in number and in bytes of their frames."""

    def __init__(self) -> None:
        self._events: dict[int, RoomEvent] = {}
        self._size = 0

    def __len__(self) -> int:
        return len(self._events)

    @property
    def first(self) -> int:
        """The lowest key. Raises ValueError if no event waits."""
        return min(self._events)

    def put(self, key: int, event: RoomEvent) -> bool:
        """Store the event under the key, replacing another one; return False if it is full."""
        size = sum(map(len, event.frames))
        if before := self._events.get(key):
            size -= sum(map(len, before.frames))
        elif len(self._events) >= MAX_BUFFERED_EVENTS:
            return False
        if self._size + size > MAX_BUFFERED_SIZE and self._events:
            return False
        self._events[key] = event
        self._size += size
        return True

    def pop(self, key: int) -> RoomEvent:
        """Remove and return the event under the key."""
        event = self._events.pop(key)
        self._size -= sum(map(len, event.frames))
        return event

    def pop_all(self) -> list[RoomEvent]:
        """Remove and return all events, in the order in which they arrived."""
        return [self.pop(key) for key in list(self._events)]


class VersionSequence:
    """Puts the events of a room into version order, and drops changes that were delivered before.

    Before `start`, events are only buffered. An event that does not fit into a buffer is dropped;
    gap repair then loads its changes from the database.
    """

    def __init__(self) -> None:
        self.version: int | None = None  # the last one that was delivered; None before `start`
        self.first_version = 0  # the version of the first snapshot
        self._early = EventBuffer()
        self._out_of_order = EventBuffer()
        self._has_early_gap = False

    def has(self, version: int) -> bool:
        """Return whether everything up to this version was delivered."""
        return self.version is not None and self.version >= version

    # ------------------------------------------------------------ before the first snapshot

    def buffer_early(self, event: RoomEvent) -> None:
        """Buffer an event until `start`."""
        if not self._early.put(len(self._early), event):
            self._has_early_gap = True

    def note_early_gap(self) -> None:
        """Record that events before `start` may be lost."""
        self._has_early_gap = True

    def start(self, version: int) -> tuple[list[RoomEvent], bool]:
        """Begin after this version; return the buffered events, and whether some may be lost."""
        self.version = self.first_version = version
        return self._early.pop_all(), self._has_early_gap

    # ------------------------------------------------------------ in order

    def put(self, event: RoomEvent) -> RoomEvent | None:
        """Return the event if its turn has come; else buffer it and return None."""
        assert self.version is not None
        if event.first <= self.version + 1:
            return event
        self._out_of_order.put(event.first, event)
        return None

    def next(self) -> RoomEvent | None:
        """Remove and return a buffered event whose turn has come; None if there is none."""
        assert self.version is not None
        if self._out_of_order and (first := self._out_of_order.first) <= self.version + 1:
            return self._out_of_order.pop(first)
        return None

    @property
    def missing(self) -> tuple[int, int] | None:
        """The first and last missing version before the buffered events; None if none waits."""
        if self.version is None or not self._out_of_order:
            return None
        return self.version + 1, self._out_of_order.first - 1

    def accept(self, event: RoomEvent) -> RoomEvent:
        """Advance over an event whose turn has come; return it without changes delivered before."""
        assert self.version is not None
        version = self.version
        if not event.changes and event.last <= version:
            return event
        if event.last <= version:
            return RoomEvent(marks=event.marks, is_deleted=event.is_deleted)
        self.version = event.last
        if event.first == version + 1 or not event.changes or event.changes[0].version > version:
            return event
        new = [
            (change, frame)
            for change, frame in zip(event.changes, event.frames, strict=True)
            if change.version > version
        ]
        changes, frames = [change for change, _ in new], [frame for _, frame in new]
        return RoomEvent(
            version + 1, event.last, changes, event.marks, event.is_deleted, frames=frames
        )
