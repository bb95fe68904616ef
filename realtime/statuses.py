"""The statuses of a room's messages, derived from its members' watermarks. Pure: no I/O.

The watermarks are those that the sockets of this process were sent, not newer ones of the database.
So the status in a later frame is never lower than in an earlier one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from ..protocol import codec, splice
from ..protocol.events import ReceiptMoved
from ..protocol.ids import MAX_ID, wire_user
from ..protocol.splice import body_of, quoted_of, with_status
from ..store.receipts import Status
from .events import Change, Mark, OldMessage, RoomEvent, Watermarks
from .unread_buffer import StatusChange, UnreadBuffer

MAX_WATERMARK = MAX_ID  # of a member who left: they no longer limit any status
MAX_STATUS_FRAMES_OF_JOIN = 50  # newest messages for which a join sends status frames
MAX_STATUS_FRAMES = 1_000  # messages for which reading old messages sends status frames
STATUSES: tuple[Status, ...] = ("send", "delivered", "read")


class LowestWatermark(Struct):
    """The lowest watermark of all members, whose it is, and the lowest of the other members."""

    user_id: str
    lowest: int
    second: int

    def excluding(self, sender_id: str) -> int:
        """Return the lowest watermark of all members but the sender."""
        return self.second if sender_id == self.user_id else self.lowest


def lowest_watermark(watermarks: Mapping[str, Watermarks], which: int) -> LowestWatermark:
    """Find the lowest watermark; `which` is 0 for delivered and 1 for read."""
    lowest, second, user_id = MAX_WATERMARK, MAX_WATERMARK, ""
    for user, both in watermarks.items():
        upto = both[which]
        if upto < lowest:
            lowest, second, user_id = upto, lowest, user
        elif upto < second:
            second = upto
    return LowestWatermark(user_id, lowest, second)


class StatusUpdate(Struct):
    """The effect of one event on a room's sockets: frames, status changes, moved watermarks."""

    frames: list[bytes]
    changes: list[Change]
    statuses: list[StatusChange]
    moved: dict[str, Watermarks]


class StatusTracker:
    """The members' watermarks, and the unread messages whose status they may still change."""

    def __init__(self, room_id: int) -> None:
        self._room_id = room_id
        self.top = 0  # the newest message id
        self.watermarks: dict[str, Watermarks] = {}
        self.unread = UnreadBuffer()
        self._delivered = self._read = LowestWatermark("", 0, 0)

    def start(self, watermarks: Mapping[str, Watermarks], top: int) -> None:
        """Begin with the watermarks and the newest message id of a snapshot."""
        self.top = top
        self.unread = UnreadBuffer(incomplete_upto=top)
        self._set(dict(watermarks))

    def _set(self, watermarks: dict[str, Watermarks]) -> None:
        self.watermarks = watermarks
        self._delivered = lowest_watermark(watermarks, 0)
        self._read = lowest_watermark(watermarks, 1)

    # ------------------------------------------------------------ members

    def add_members(self, watermarks: Mapping[str, Watermarks]) -> None:
        """Add new members: they count as having read all messages before they were added."""
        new = {user: upto for user, upto in watermarks.items() if user not in self.watermarks}
        if new:
            self._set(self.watermarks | new)

    def keep_members(self, members: Iterable[str]) -> None:
        """Drop the watermarks of everybody else."""
        self._set({user: self.watermarks[user] for user in members})

    # ------------------------------------------------------------ the present state

    @property
    def lowest(self) -> tuple[LowestWatermark, LowestWatermark]:
        """The lowest watermarks, delivered and read: every status follows from them."""
        return self._delivered, self._read

    @property
    def sum(self) -> int:
        """The sum of all watermarks, which grows whenever one moves."""
        return sum(sum(upto) for upto in self.watermarks.values())

    def has(self, watermarks: Mapping[str, Watermarks]) -> bool:
        """Return whether the watermarks of all present members have reached these."""
        mine = self.watermarks
        return all(
            user not in mine or (mine[user][0] >= delivered and mine[user][1] >= read)
            for user, (delivered, read) in watermarks.items()
        )

    def status(self, sender_id: str, message_id: int) -> Status:
        """Return the status of a message by the watermarks that sockets here were sent."""
        return STATUSES[self._rank(self.lowest, sender_id, message_id)]

    def _rank(
        self, lowest: tuple[LowestWatermark, LowestWatermark], sender_id: str, message_id: int
    ) -> int:
        """Return the place of the message's status in STATUSES."""
        delivered, read = lowest
        if message_id > delivered.excluding(sender_id):
            return 0
        return 1 if message_id > read.excluding(sender_id) else 2

    def old_span(self, marks: Iterable[Mark]) -> tuple[int, int] | None:
        """Return the ids (above, up to) of messages outside the buffer that marks may change."""
        above, upto, known = MAX_ID, 0, self.unread.incomplete_upto
        for mark in marks:
            now = mark.delivered, mark.read
            had = self.watermarks.get(mark.user_id, now)
            if had[0] >= known and had[1] >= known:
                continue
            for before, after in zip(had, now, strict=True):
                if before < after and before < known:
                    above, upto = min(above, before), max(upto, after)
        return (above, min(upto, known)) if upto else None

    # ------------------------------------------------------------ what an event changes

    def apply(self, event: RoomEvent, older: Sequence[OldMessage]) -> StatusUpdate | None:
        """Apply an event; return its effect on the sockets, or None if it changes nothing.

        `older` are the messages of `old_span`.
        """
        frames = []
        for change, frame in zip(event.changes, event.frames, strict=True):
            if change.kind == "sent":
                self.top = max(self.top, change.message_id)
                self.unread.add(change.sender_id, change.message_id, body_of(frame))
                frames.append(frame)
            else:
                self._record(change, frame)
                frames.append(self.as_of_now(change, frame))
        before = self.lowest
        moved = self._advance(event.marks)
        if not moved and not frames:
            return None
        statuses = self._status_changes(older, before, event.marks)
        return StatusUpdate(frames, event.changes, statuses, moved)

    def _record(self, change: Change, frame: bytes) -> None:
        """Store the parts of a message's change that later frames need."""
        match change.kind:
            case "edited":
                body = body_of(frame)
                self.unread.replace(change.sender_id, change.message_id, body)
                if self.unread.has_replies(change.message_id):
                    self.unread.requote(change.message_id, quoted_of(body))
            case "reacted":
                self.unread.react(change.sender_id, change.message_id, frame)
            case "deleted":
                self.unread.replace(change.sender_id, change.message_id, None)
                self.unread.requote(change.message_id, None)

    def as_of_now(self, change: Change, frame: bytes) -> bytes:
        """Return the frame of an edit with the present status of its message."""
        if change.kind != "edited":
            return frame
        id_, sender_id = change.message_id, change.sender_id
        # A status that this event brings about follows as a frame of its own.
        last = self.unread.last_sent_status(sender_id, id_)
        return with_status(frame, last or self.status(sender_id, id_))

    def _advance(self, marks: list[Mark]) -> dict[str, Watermarks]:
        """Move watermarks forward, never back; return those that moved."""
        moved: dict[str, Watermarks] = {}
        for mark in marks:
            had = self.watermarks.get(mark.user_id)
            if had is not None and (mark.delivered > had[0] or mark.read > had[1]):
                upto = max(had[0], mark.delivered), max(had[1], mark.read)
                self.watermarks[mark.user_id] = moved[mark.user_id] = upto
        if moved:
            self._set(self.watermarks)
        return moved

    def _status_changes(
        self,
        older: Sequence[OldMessage],
        before: tuple[LowestWatermark, LowestWatermark],
        cause: list[Mark],
    ) -> list[StatusChange]:
        """Return every status that messages have reached by now, in the order of sending."""
        found: list[StatusChange] = []
        for id_, sender, frame in older:
            if self.unread.last_sent_status(sender, id_):
                continue  # the loop below handles it
            past, now = self._rank(before, sender, id_), self._rank(self.lowest, sender, id_)
            steps: tuple[Literal["delivered", "read"], ...] = ("delivered", "read")
            found += [StatusChange(id_, body_of(frame), step) for step in steps[past:now]]
        for sender in self.unread.senders:
            delivered, read = self._delivered.excluding(sender), self._read.excluding(sender)
            self.unread.advance(sender, delivered, read, found)
        if found and cause and all(mark.by_joining for mark in cause):
            newest = set(
                sorted({change.message_id for change in found})[-MAX_STATUS_FRAMES_OF_JOIN:]
            )
            found = [change for change in found if change.message_id in newest]
        return found

    # ------------------------------------------------------------ frames

    def frames_since(
        self,
        changes: Sequence[tuple[Change, bytes]],
        *,
        is_compact: bool,
        hidden: Collection[str] = (),
    ) -> list[bytes]:
        """Return the frames of changes that a socket has missed, with present statuses.

        It gets no receipts of members in `hidden`.
        """
        frames = []
        for change, frame in changes:
            frames.append(self.as_of_now(change, frame))
            if change.kind == "sent" and not is_compact:
                frames += self._marks_so_far(change, frame)  # before the frame of a later edit
        sent = [change for change, _ in changes if change.kind == "sent"]
        if is_compact and sent:
            frames += self.receipt_frames(self._watermarks_passing(sent), hidden)
        return frames

    def _watermarks_passing(self, sent: list[Change]) -> dict[str, Watermarks]:
        """Return the watermarks of members who have received one of these from another user."""
        return {
            user: upto
            for user, upto in self.watermarks.items()
            if any(c.sender_id != user and c.message_id <= upto[0] for c in sent)
        }

    def _marks_so_far(self, change: Change, frame: bytes) -> list[bytes]:
        status, body = self.status(change.sender_id, change.message_id), body_of(frame)
        if status == "send":
            return []
        marks = [splice.mark(body, "delivered")]
        return marks if status == "delivered" else [*marks, splice.mark(body, "read")]

    def receipt_frames(
        self, watermarks: Mapping[str, Watermarks], hidden: Collection[str] = ()
    ) -> list[bytes]:
        """Return the `receipt` frames of these watermarks.

        There are none for members who left, and for those in `hidden`.
        """
        return [
            codec.encode(ReceiptMoved(self._room_id, wire_user(user), *upto))
            for user, upto in watermarks.items()
            if upto[0] < MAX_WATERMARK and user not in hidden
        ]
