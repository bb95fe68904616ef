"""A room that sockets of this process are in: what it tells them, in version order, each once.

Statuses are derived here, from the watermarks that these sockets were told of, so that what a frame
says of a status never goes back. A gap in the versions is filled from the database before anything
later goes out, and an event that comes twice is dropped.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import (
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from functools import partial
from typing import Literal, Protocol

import msgspec
from msgspec import Struct

from ..protocol import codec, splice
from ..protocol.errors import Close, Closing
from ..protocol.events import PresenceChanged, ReceiptMoved, RoomChanged, RoomDeleted, Typed
from ..protocol.ids import MAX_ID, when, wire_user, wire_users
from ..protocol.room_look import look_of
from ..protocol.splice import as_edited, body_of, quoted_of, requoted, with_reactions, with_status
from ..store.receipts import Status
from ..store.room_look import PLAIN, RoomLook
from ..store.snapshot import Snapshot
from ..store.store import DatabaseUnavailable
from .send_queue import Batch, SendQueue
from .user_channels import UserEvent
from .wakeup import Wakeup

log = logging.getLogger("roomcast.room")

PENDING = 256  # messages a room keeps as text until they are read, for each sender
PENDING_SIZE = 1 << 16  # and bytes
TOLD_AT_JOIN = 50  # of so many messages at most, the newest, a join tells the new status
TOLD_AT_ONCE = 1_000  # and so many at most when a member reads old ones
GONE = MAX_ID  # where the watermarks of one who left stand: he holds nobody back
REPAIR_SLICE = 1 << 15  # bytes of a repair in one write
MAX_RETRY_DELAY = 10.0  # seconds between two tries of a repair
OVERTAKEN = 0.25  # seconds for an event that a later one overtook on its way
TYPING = 2.0  # seconds between two words that the same user is typing
JITTER = 0.2  # seconds by which one of them may come early
PATIENCE = 1.0  # seconds for a committed change to come by the broker before the database is asked

Kind = Literal["sent", "edited", "deleted", "reacted"]
STATUSES: tuple[Status, ...] = ("send", "delivered", "read")


class Change(Struct, array_like=True, gc=False):
    """One committed change; its frame is the line beside it, the sender is the message's."""

    version: int
    message_id: int
    sender_id: str
    kind: Kind


class Mark(Struct, array_like=True, gc=False):
    """A member's watermarks after they moved; `by_joining` where a join moved them."""

    user_id: str
    delivered: int
    read: int
    by_joining: bool


class RoomEvent(Struct, array_like=True):
    """What one commit did to one room."""

    first: int  # the versions of the changes; 0 where there are none
    last: int
    changes: list[Change]
    marks: list[Mark]
    is_gone: bool = False
    typing: str = ""  # who is writing; such an event holds nothing else
    roster: int = 0  # as of the changes: where we know an earlier one, others may hear them


class State(Struct):
    """A room as the database has it: what a gap is filled from."""

    version: int
    roster: int
    title: str
    changes: list[Change]
    lines: list[bytes]
    marks: dict[str, tuple[int, int]]
    look: RoomLook = PLAIN


_decode_told = msgspec.json.Decoder(RoomEvent).decode

RoomHead = tuple[int, int, int]  # a room's version, its roster, and the sum of all watermarks
Event = tuple[RoomEvent, list[bytes]]  # and the frame of each change


def packed(told: RoomEvent, lines: list[bytes]) -> str:
    """An event as it travels between processes."""
    return b"\n".join([codec.encode(told), *lines]).decode()


def unpacked(message: str) -> Event:
    head, *lines = message.encode().split(b"\n")
    return _decode_told(head), lines


Older = tuple[int, str, bytes]  # id, sender and `chat_message` frame of a message


MarkReceived = Callable[[int, str, int, int], None]
"""A device of the user has received, and read, up to these ids: room, user, the two ids."""


class GapTooLarge(Exception):
    """A room missed more than a repair may read."""


class RoomReader(Protocol):
    """Reads from the database what a room of this process has missed."""

    async def load_changes_since(self, room: "Room", version: int, top: int) -> State | None:
        """What changed since the version; ids above `top` are new. None: the room is deleted.

        Raises GapTooLarge where that is too much for one repair.
        """
        ...

    async def find_heads(self, room_ids: Sequence[int]) -> dict[int, RoomHead]:
        """How far each of these rooms is; those that are gone are missing."""
        ...

    async def load_between(self, room: "Room", above: int, upto: int, most: int) -> list[Older]:
        """The newest messages of these ids, oldest first."""
        ...


class Socket:
    """A member's socket in a room: what it wants, and what waits for it."""

    __slots__ = (
        "held",
        "is_compact",
        "is_manual",
        "is_revoked",
        "missed",
        "outbox",
        "undelivered",
        "user_id",
    )  # fmt: skip

    def __init__(
        self, user_id: str, outbox: SendQueue, *, is_manual: bool, is_compact: bool
    ) -> None:
        self.user_id = user_id
        self.outbox = outbox
        self.is_manual = is_manual
        self.is_compact = is_compact
        self.is_revoked = False  # the site has cut its user off: what it still sends counts no more
        self.held: list[tuple[Change, bytes]] = []
        self.undelivered: list[Change] = []  # the last messages that wait in its outbox
        self.missed: dict[str, bytes] | None = None  # presence frames, the last of each user

    def put(self, *texts: bytes) -> bool:
        return self.outbox.put(Batch(texts))


class Least(Struct):
    """The least watermark of all members but one: who holds everybody back, and who is next."""

    user_id: str
    least: int
    second: int

    def but(self, sender_id: str) -> int:
        return self.second if sender_id == self.user_id else self.least


def least(marks: Mapping[str, tuple[int, int]], which: int) -> Least:
    first, second, user_id = GONE, GONE, ""
    for user, both in marks.items():
        upto = both[which]
        if upto < first:
            first, second, user_id = upto, first, user
        elif upto < second:
            second = upto
    return Least(user_id, first, second)


Step = tuple[int, bytes, Literal["delivered", "read"]]  # a message, as text, and what it is now


class Pending:
    """A sender's messages that are not read by everybody, as text: their marks are cut from it."""

    __slots__ = ("delivered", "fresh", "size")

    def __init__(self) -> None:
        self.size = 0  # bytes
        self.fresh: deque[tuple[int, bytes]] = deque()
        self.delivered: deque[tuple[int, bytes]] = deque()

    def add(self, message_id: int, body: bytes) -> int:
        """Keeps one more; the id of the newest that is forgotten for it, or 0."""
        self.fresh.append((message_id, body))
        self.size += len(body)
        forgotten = 0
        while len(self.fresh) + len(self.delivered) > PENDING or self.size > PENDING_SIZE:
            forgotten, body = (self.delivered or self.fresh).popleft()
            self.size -= len(body)
        return forgotten

    def last_sent_status(self, message_id: int) -> Status | None:
        """The status that the sockets were told last; None where the message is not kept."""
        if any(id_ == message_id for id_, _ in self.fresh):
            return "send"
        return "delivered" if any(id_ == message_id for id_, _ in self.delivered) else None

    def advance(self, delivered: int, read: int) -> Iterator[Step]:
        """The marks that become true, in order."""
        while self.delivered and self.delivered[0][0] <= read:
            id_, body = self.delivered.popleft()
            self.size -= len(body)
            yield id_, body, "read"
        while self.fresh and self.fresh[0][0] <= delivered:
            id_, body = self.fresh.popleft()
            yield id_, body, "delivered"
            if id_ <= read:
                self.size -= len(body)
                yield id_, body, "read"
            else:
                self.delivered.append((id_, body))

    def react(self, message_id: int, frame: bytes) -> None:
        """After this `message_reacted`."""
        for id_, body in (*self.fresh, *self.delivered):
            if id_ == message_id:
                return self.replace(id_, with_reactions(body, frame))

    def replace(self, message_id: int, body: bytes | None) -> None:
        """After an edit; with None, after a deletion."""
        for queue in (self.fresh, self.delivered):
            for i, (id_, before) in enumerate(queue):
                if id_ == message_id:
                    self.size -= len(before)
                    if body is None:
                        del queue[i]
                    else:
                        queue[i] = id_, body
                        self.size += len(body)
                    return

    def requote(self, message_id: int, text: str | None) -> None:
        """Those that answer this message show what it says by now; None: it is deleted."""
        for queue in (self.fresh, self.delivered):
            for i, (id_, before) in enumerate(queue):
                queue[i] = id_, requoted(before, message_id, text)
                self.size += len(queue[i][1]) - len(before)


def in_slices(told: RoomEvent, lines: list[bytes]) -> Iterator[Event]:
    """A repair as several events, so that a slow reader's send queue counts each of them."""
    first, start, size = told.first, 0, 0
    for i, line in enumerate(lines):
        size += len(line)
        if size >= REPAIR_SLICE and i + 1 < len(lines):
            last = told.changes[i].version
            yield RoomEvent(first, last, told.changes[start : i + 1], []), lines[start : i + 1]
            first, start, size = last + 1, i + 1, 0
    rest = RoomEvent(
        first, told.last, told.changes[start:], told.marks, told.is_gone, "", told.roster
    )
    yield rest, lines[start:]


def retry_delays(first: float) -> Iterator[float]:
    """Seconds before each try of a repair, without an end: twice as many after each failure."""
    delay = first
    while True:
        yield delay
        delay = min(2 * delay, MAX_RETRY_DELAY)


def _others(changes: list[Change], user_id: str) -> list[Change]:
    """Those that are not the user's own: what his receipts are about."""
    return [change for change in changes if change.sender_id != user_id]


def _since(top: int, change: Change, line: bytes) -> tuple[Change, bytes]:
    """The change as it is to who has the messages up to `top` already.

    A gap is told as what it ends with: a message that was sent and edited in it was only sent.
    """
    if change.kind != "sent" or change.message_id > top:
        return change, line
    return Change(change.version, change.message_id, change.sender_id, "edited"), as_edited(line)


def log_failure(room_id: int, error: Exception) -> None:
    """A database that is away says so once elsewhere; anything else is a fault of ours."""
    is_away = isinstance(error, DatabaseUnavailable)
    log.warning("Room %d could not be told: %s", room_id, error, exc_info=not is_away)


class Room:
    """A room that sockets of this process are in.

    Its marks are what its sockets were told, so that what a frame says of a status never goes back.
    """

    def __init__(
        self,
        room_id: int,
        reader: RoomReader,
        mark: MarkReceived,
        on_members_changed: Callable[["Room"], None],
    ) -> None:
        self.id = room_id
        self.channel = f"room:{room_id}"
        self.connection_count = 0  # sockets here or on their way in
        self.is_listening = False
        self.close_reason: Close | None = None  # why it ended: who comes next begins another
        self.followed_users: frozenset[str] = frozenset()  # the users of whom it hears event
        self.version: int | None = None  # None until the first snapshot
        self.first_version = 0  # the version of that: a socket with an earlier one was not told all
        self._roster = 0
        self._title = ""
        self._look = PLAIN
        self._members: frozenset[str] = frozenset()  # as its sockets were told
        self._reader = reader
        self._mark = mark
        self._on_members_changed = on_members_changed
        self._marks: dict[str, tuple[int, int]] = {}
        self._delivered = self._read = Least("", 0, 0)
        self._live: dict[str, list[Socket]] = {}
        self._holding: list[Socket] = []
        self._early: list[tuple[RoomEvent, list[bytes]]] = []
        self._has_early_gap = False
        self._ahead: dict[int, tuple[RoomEvent, list[bytes]]] = {}
        self._late: asyncio.Task[None] | None = None
        self._pending: dict[str, Pending] = {}
        self._typing: dict[str, float] = {}  # when the next word of each may be passed on
        self._top = 0  # the newest message id told
        self._known = 0  # messages up to this id may be missing from pending
        self._turn = asyncio.Lock()
        self.changed = Wakeup()

    # ------------------------------------------------------------ joining and leaving

    def start_buffering(self, socket: Socket) -> None:
        """From here on nothing is missed, only held back."""
        self._holding.append(socket)

    async def wait_for_snapshot(self, found: Snapshot) -> None:
        """Waits until this process has told what the snapshot already holds. Raises Closing."""
        await self._begin(found)
        await self.wait_until_delivered(found.version, found.marks, found.roster)

    async def wait_until_delivered(
        self, version: int, marks: Mapping[str, tuple[int, int]], roster: int = 0
    ) -> None:
        """Waits until this process has told all this. Raises Closing when the room is over."""
        while self.close_reason is None:
            if self.has_delivered(version) and self._has(marks) and self._roster >= roster:
                return
            try:
                async with asyncio.timeout(PATIENCE):
                    await self.changed.wait()
            except TimeoutError:
                await self.repair_gap()
        raise Closing(self.close_reason)

    async def _begin(self, found: Snapshot) -> None:
        async with self._turn:
            if self.version is not None:
                return
            self.version = self.first_version = found.version
            self._marks = dict(found.marks)
            self._roster, self._title, self._look = found.roster, found.title, found.look
            self._members = frozenset(found.marks)
            self._known = self._top = found.top
            self._measure()
            early, self._early = self._early, []
            for told, lines in early:
                await self._deliver_if_members_current(told, lines)
            if self._has_early_gap:
                await self._fill()

    def has_delivered(self, version: int) -> bool:
        """Whether the sockets here were told everything up to this version."""
        return self.version is not None and self.version >= version

    def _has(self, marks: Mapping[str, tuple[int, int]]) -> bool:
        mine = self._marks
        return all(
            user not in mine or (mine[user][0] >= delivered and mine[user][1] >= read)
            for user, (delivered, read) in marks.items()
        )

    def activate(self, socket: Socket, first: bytes, above: int, top: int) -> None:
        """The first frame, then what was held back since the snapshot of version `above`.

        `top` is the newest message id in that. Raises Closing where the user has left since.
        """
        self._holding.remove(socket)
        if socket.user_id not in self._marks:
            raise Closing(Close.FORBIDDEN)
        held = [_since(top, *each) for each in socket.held if each[0].version > above]
        socket.held.clear()
        missed, socket.missed = socket.missed or {}, None
        texts = [first, *missed.values()]
        for change, line in held:
            texts.append(self._as_of_now(change, line))
            if change.kind == "sent" and not socket.is_compact:
                texts += self._marks_so_far(change, line)  # before an edit says more
        sent = [change for change, _ in held if change.kind == "sent"]
        if socket.is_compact and sent:
            texts += self._as_receipts(self._marks_passing(sent))
        self._live.setdefault(socket.user_id, []).append(socket)
        socket.outbox.on_drained = partial(self._caught_up, socket)
        if socket.put(*texts):
            self._took(socket.user_id, [socket], sent)
        else:
            socket.undelivered = _others(sent, socket.user_id)

    def _caught_up(self, socket: Socket) -> None:
        """What waited for a slow reader has gone out to him by now."""
        undelivered, socket.undelivered = socket.undelivered, []
        missed, socket.missed = socket.missed, None
        if missed:
            socket.put(*missed.values())
        if undelivered:
            self._took(socket.user_id, [socket], undelivered)

    def _marks_passing(self, sent: list[Change]) -> dict[str, tuple[int, int]]:
        """The watermarks of those who have received one of these messages of another's."""
        return {
            user: upto
            for user, upto in self._marks.items()
            if any(c.sender_id != user and c.message_id <= upto[0] for c in sent)
        }

    def _marks_so_far(self, change: Change, line: bytes) -> list[bytes]:
        status, body = self.status(change.sender_id, change.message_id), body_of(line)
        if status == "send":
            return []
        marks = [splice.mark(body, "delivered")]
        return marks if status == "delivered" else [*marks, splice.mark(body, "read")]

    def leave(self, socket: Socket) -> None:
        if socket in self._holding:
            self._holding.remove(socket)
        mine = self._live.get(socket.user_id, [])
        if socket in mine:
            mine.remove(socket)
            socket.outbox.on_drained = None
            if not mine:
                del self._live[socket.user_id]

    @property
    def head(self) -> RoomHead:
        return self.version or 0, self._roster, sum(sum(upto) for upto in self._marks.values())

    @property
    def watermarks(self) -> Mapping[str, tuple[int, int]]:
        """Every member's (delivered, read), as this process has told it."""
        return self._marks

    def status(self, sender_id: str, message_id: int) -> Status:
        """As this process has told it."""
        return STATUSES[self._steps(None, sender_id, message_id)]

    @property
    def lowest_watermarks(self) -> tuple[Least, Least]:
        """What every status follows from: the least watermarks, delivered and read."""
        return self._delivered, self._read

    # ------------------------------------------------------------ what comes in

    def on_user_event(self, event: UserEvent) -> None:
        """What happened to a member."""
        if event.is_revoked:
            for socket in self._of(event.user_id):
                socket.is_revoked = True
                socket.outbox.close(Close.DISCONNECTED)
        if event.last_seen:
            self._send_presence(event)

    def _send_presence(self, event: UserEvent) -> None:
        """Never on top of what waits for a slow reader: he is told how it stands, afterwards."""
        seen = when(event.last_seen)
        said = PresenceChanged(wire_user(event.user_id), event.is_online, seen)
        batch = Batch([codec.encode(said)])
        for socket in (*self._holding, *(s for mine in self._live.values() for s in mine)):
            if socket.user_id == event.user_id:
                continue
            if socket.outbox.is_empty and socket not in self._holding:
                socket.outbox.put(batch)
            else:
                socket.missed = {**(socket.missed or {}), event.user_id: batch.frames[0]}

    def on_gap(self, user_id: str) -> None:
        """Presence is looked up for all that are followed here, and comes as event."""

    def _of(self, user_id: str) -> list[Socket]:
        """The user's sockets, also those on their way in."""
        held = [socket for socket in self._holding if socket.user_id == user_id]
        return [*held, *self._live.get(user_id, ())]

    async def on_event(self, message: str | Event) -> None:
        """One event of the broker."""
        told, lines = unpacked(message) if isinstance(message, str) else message
        if told.typing:
            return self._pass_on(told.typing)
        async with self._turn:
            if self.version is None:
                self._early.append((told, lines))
            else:
                await self._deliver_if_members_current(told, lines)

    def _pass_on(self, user_id: str) -> None:
        """The user is typing: on however many devices, the others hear it every two seconds."""
        now, due = time.monotonic(), self._typing.get(user_id, 0.0)
        if now < due - JITTER or user_id not in self._marks:
            return
        self._typing[user_id] = max(now, due) + TYPING
        batch = Batch([codec.encode(Typed(wire_user(user_id), self.id))])
        for other, sockets in self._live.items():
            for socket in sockets if other != user_id else ():
                socket.outbox.put_droppable(batch)

    async def _deliver_if_members_current(self, told: RoomEvent, lines: list[bytes]) -> None:
        """Who may hear of what was done under a later roster than ours, the database knows."""
        if told.roster > self._roster:
            await self._fill()
        else:
            await self._deliver_in_order(told, lines)

    async def _deliver_in_order(self, told: RoomEvent, lines: list[bytes]) -> None:
        """In version order: what comes too early waits for what is missing, but not for long."""
        assert self.version is not None
        if told.first > self.version + 1:
            self._ahead[told.first] = told, lines
            self._watch()
            return
        await self._deliver(told, lines)
        while self._ahead and (first := min(self._ahead)) <= self.version + 1:
            await self._deliver(*self._ahead.pop(first))

    def _watch(self) -> None:
        if self._late is None or self._late.done():
            self._late = asyncio.create_task(self._overtake(), name=f"{self.channel} gap")

    async def _overtake(self) -> None:
        """What is still missing after a while was lost on the way: the database has it."""
        for delay in retry_delays(OVERTAKEN):
            await asyncio.sleep(delay)
            if not self._ahead or self.close_reason is not None:
                return None
            assert self.version is not None
            missing = self.version + 1, min(self._ahead) - 1
            log.info("Room %d missed versions %d to %d", self.id, *missing)
            try:
                return await self.repair_gap()
            except Exception as error:
                log_failure(self.id, error)
        return None

    async def repair_gap(self) -> None:
        """Catches up with the database, whatever the broker has lost."""
        async with self._turn:
            if self.version is None:
                self._has_early_gap = True
            else:
                await self._fill()

    async def _fill(self) -> None:
        assert self.version is not None
        try:
            state = await self._reader.load_changes_since(self, self.version, self._top)
        except GapTooLarge as error:
            log.warning("gap too large: room=%d gap=%s; its sockets resume", self.id, error)
            return self.close(Close.RESTART)
        if state is None:
            return await self._deliver(RoomEvent(0, 0, [], [], is_gone=True), [])
        if state.version < self.version or state.roster < self._roster:
            log.warning("Room %d went back: %d, was %d", self.id, state.version, self.version)
            return self.close(Close.RESTART)
        gone = self._marks.keys() - state.marks.keys()
        for user in gone:
            self._expel(user)
        self._welcome(state)
        upto = state.marks | dict.fromkeys(gone, (GONE, GONE))
        marks = [Mark(user, *upto, by_joining=False) for user, upto in upto.items()]
        last = state.version if state.version > self.version else 0
        told = RoomEvent(last and self.version + 1, last, state.changes, marks)
        for part, some in in_slices(told, state.lines):
            await self._deliver_in_order(part, some)
        return self._regroup(state)

    def _expel(self, user_id: str) -> None:
        for socket in self._live.pop(user_id, ()):
            socket.outbox.close(Close.FORBIDDEN)

    def _welcome(self, state: State) -> None:
        """Who is new counts from here on: he has all that was there when he came."""
        new = {user: upto for user, upto in state.marks.items() if user not in self._marks}
        if new:
            self._marks |= new
            self._measure()

    def _regroup(self, state: State) -> None:
        """Members and title are these by now, and who is here hears of it."""
        self._roster = state.roster
        self.changed.notify()
        is_same = self._title == state.title and self._look == state.look
        if is_same and self._members == state.marks.keys():
            return
        self._marks = {user: self._marks[user] for user in state.marks}
        self._measure()
        new = {user: self._marks[user] for user in self._marks.keys() - self._members}
        self._title, self._look = state.title, state.look
        self._members = frozenset(state.marks)
        shown = look_of(self._look.about, self._look.data, is_frozen=bool(self._look.frozen))
        said = RoomChanged(self.id, wire_users(self._members), self._title or None, *shown)
        text = codec.encode(said)
        full, compact = Batch([text]), Batch([text, *self._as_receipts(new)])
        for sockets in self._live.values():
            for socket in sockets:
                socket.outbox.put(compact if socket.is_compact else full)
        self._on_members_changed(self)

    async def _deliver(self, told: RoomEvent, lines: list[bytes]) -> None:
        older = await self._older(told.marks) if told.marks and self._live else []
        self._apply(told, lines, older)
        self.changed.notify()

    async def _older(self, marks: list[Mark]) -> list[Older]:
        """Messages from before this process listened, whose status these marks may change."""
        crossed = [span for mark in marks for span in self._crossed(mark)]
        if not crossed:
            return []
        above, upto = min(a for a, _ in crossed), max(b for _, b in crossed)
        most = TOLD_AT_JOIN if all(mark.by_joining for mark in marks) else TOLD_AT_ONCE
        return await self._reader.load_between(self, above, min(upto, self._known), most)

    def _crossed(self, mark: Mark) -> list[tuple[int, int]]:
        """The spans of old messages that a watermark passes: from where it was to where it is."""
        now = mark.delivered, mark.read
        had = self._marks.get(mark.user_id, now)
        if had[0] >= self._known and had[1] >= self._known:
            return []
        return [(a, b) for a, b in zip(had, now, strict=True) if a < b and a < self._known]

    # ------------------------------------------------------------ what goes out

    def _apply(self, told: RoomEvent, lines: list[bytes], older: Sequence[Older]) -> None:
        """All of one event at once: nothing else happens to the room in between."""
        assert self.version is not None
        is_news = told.last > self.version
        changes = told.changes if is_news else []
        texts = [self._note(c, line) for c, line in zip(changes, lines, strict=False)]
        if is_news:
            self.version = told.last
        before = self.lowest_watermarks
        moved = self._advance(told.marks)
        steps = self._now_true(older, before, told.marks) if moved or changes else []
        if texts or steps or moved:
            self._emit(texts, steps, moved, changes)
        if told.is_gone:
            self.close(Close.NOT_FOUND, codec.encode(RoomDeleted(self.id)))

    def _note(self, change: Change, line: bytes) -> bytes:
        """Remembers what later frames need; the frame as it goes out from here."""
        pending = self._pending.get(change.sender_id)
        match change.kind:
            case "sent":
                if pending is None:
                    pending = self._pending[change.sender_id] = Pending()
                self._top = max(self._top, change.message_id)
                forgotten = pending.add(change.message_id, body_of(line))
                self._known = max(self._known, forgotten)
            case "edited":
                self._replace(change, body_of(line))
            case "reacted" if pending is not None:
                pending.react(change.message_id, line)
            case "deleted":
                self._replace(change, None)
        for socket in self._holding:
            socket.held.append((change, line))
        return self._as_of_now(change, line)

    def _replace(self, change: Change, body: bytes | None) -> None:
        """What later frames say of this message, and of those that answer it."""
        if (mine := self._pending.get(change.sender_id)) is not None:
            mine.replace(change.message_id, body)
        quoted = None if body is None else quoted_of(body)
        for pending in self._pending.values():
            pending.requote(change.message_id, quoted)

    def _as_of_now(self, change: Change, line: bytes) -> bytes:
        """An edit speaks of a message that others may have read: never of less than was told."""
        if change.kind != "edited":
            return line
        id_, pending = change.message_id, self._pending.get(change.sender_id)
        told = pending.last_sent_status(id_) if pending is not None else None
        return with_status(line, told or self.status(change.sender_id, id_))

    def _advance(self, marks: list[Mark]) -> dict[str, tuple[int, int]]:
        """The watermarks that moved; never back."""
        moved: dict[str, tuple[int, int]] = {}
        for mark in marks:
            had = self._marks.get(mark.user_id)
            if had is not None and (mark.delivered > had[0] or mark.read > had[1]):
                upto = max(had[0], mark.delivered), max(had[1], mark.read)
                self._marks[mark.user_id] = moved[mark.user_id] = upto
        if moved:
            self._measure()
        return moved

    def _measure(self) -> None:
        self._delivered, self._read = least(self._marks, 0), least(self._marks, 1)

    def _now_true(
        self,
        older: Sequence[Older],
        before: tuple[Least, Least],
        cause: list[Mark],
    ) -> list[Step]:
        """Every message whose status this event changed, in the order in which that is told."""
        found: list[Step] = []
        for id_, sender, line in older:
            if sender in self._pending and self._pending[sender].last_sent_status(id_):
                continue  # told below
            past, now = self._steps(before, sender, id_), self._steps(None, sender, id_)
            steps: tuple[Literal["delivered", "read"], ...] = ("delivered", "read")
            found += [(id_, body_of(line), step) for step in steps[past:now]]
        for sender, pending in self._pending.items():
            found += pending.advance(self._delivered.but(sender), self._read.but(sender))
        if found and cause and all(mark.by_joining for mark in cause):
            newest = set(sorted({id_ for id_, _, _ in found})[-TOLD_AT_JOIN:])
            found = [step for step in found if step[0] in newest]
        return found

    def _steps(self, at: tuple[Least, Least] | None, sender_id: str, message_id: int) -> int:
        """How many of the statuses after the first it has reached."""
        delivered, read = at or self.lowest_watermarks
        if message_id > delivered.but(sender_id):
            return 0
        return 1 if message_id > read.but(sender_id) else 2

    def _emit(
        self,
        texts: list[bytes],
        steps: list[Step],
        moved: dict[str, tuple[int, int]],
        changes: list[Change],
    ) -> None:
        """The same bytes to every socket that wants the same."""
        full: Batch | None = None
        compact: Batch | None = None
        sent = [change for change in changes if change.kind == "sent"]
        for user_id, sockets in list(self._live.items()):
            took = []
            for socket in sockets:
                if socket.is_compact:
                    batch = compact = compact or Batch([*texts, *self._as_receipts(moved)])
                else:
                    batch = full = full or Batch(
                        [*texts, *[splice.mark(b, s) for _, b, s in steps]]
                    )
                if batch.frames and socket.outbox.put(batch):
                    took.append(socket)
                elif sent:
                    socket.undelivered = _others(sent, user_id) or socket.undelivered
            if took and sent:
                self._took(user_id, took, sent)

    def _as_receipts(self, marks: dict[str, tuple[int, int]]) -> list[bytes]:
        return [
            codec.encode(ReceiptMoved(self.id, wire_user(user), *upto))
            for user, upto in marks.items()
            if upto[0] < GONE
        ]

    def _took(self, user_id: str, sockets: list[Socket], sent: list[Change]) -> None:
        """A device of the user's has these messages; an open room also reads them."""
        for change in reversed(sent):
            if change.sender_id != user_id:
                read = 0 if all(s.is_manual for s in sockets) else change.message_id
                self._mark(self.id, user_id, change.message_id, read)
                return

    def stop(self) -> None:
        """Nobody is here any more."""
        if self._late is not None:
            self._late.cancel()

    def close(self, close: Close, *last_frames: bytes) -> None:
        """Ends every socket in the room."""
        self.close_reason = close
        self.changed.notify()
        for socket in [*self._holding, *(s for mine in self._live.values() for s in mine)]:
            if last_frames:
                socket.put(*last_frames)
            socket.outbox.close(close)
