"""A member's socket into one room."""

import re
import time
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import assert_never
from urllib.parse import parse_qsl

from msgspec import UNSET, Struct
from starlette.websockets import WebSocket

from ..auth.authenticator import Authenticator
from ..auth.base_url import base_of
from ..chat.chat import ChatServices
from ..chat.history import HistoryRequest
from ..chat.history_cache import CachedHistory
from ..chat.messages import Written, settle
from ..chat.rate_limit import ANSWER_BYTES_PER_TOKEN, UPLOAD_BYTES_PER_TOKEN, TokenBucket
from ..chat.serializers import message_of, reacted_of
from ..protocol import codec, events
from ..protocol.actions import (
    Act,
    AnyAction,
    Auth,
    Delete,
    Edit,
    FileUploaded,
    History,
    Ping,
    React,
    Read,
    Send,
    Typing,
)
from ..protocol.errors import Close, Closing, Refusal
from ..protocol.events import ButtonPressed, HistoryPage, MessageSent, Sync
from ..protocol.ids import MAX_ID, id_of, wire_user
from ..realtime.frame_transport import FrameTransport
from ..realtime.room import TYPING, Room, Socket
from ..realtime.wakeup import Wakeup
from ..store import messages
from ..store.commit_queue import Entry
from ..store.messages import Added, Deleted, Edited, Reacted, Repeated
from ..store.snapshot import Snapshot, SnapshotQuery
from .base import PONG, Endpoint, Session, direct_of, hint_of


class JoinQuery(Struct, frozen=True):
    """What a socket asks for in its query."""

    room_id: int
    after: int | None
    epoch: str | None
    is_manual: bool
    is_compact: bool


def parse_join_query(query: bytes) -> JoinQuery:
    """The query of `/ws/chat/`, in all of the spellings that clients use. Raises Closing."""
    given: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        given.setdefault(name, value)
    odd = [name.removeprefix("room_id") for name in given if re.fullmatch(r"room_id\d+/?", name)]
    room_id = _number(given.get("room_id", odd[0] if odd else "").removesuffix("/"))
    after = None if "after" not in given else _number(given["after"])
    receipts = given.get("receipts", "manual").split(",") if "receipts" in given else []
    epoch = given.get("epoch")
    if epoch == "" or not set(receipts) <= {"manual", "compact"}:
        raise Closing(Close.BAD_REQUEST)
    return JoinQuery(room_id, after, epoch, "manual" in receipts, "compact" in receipts)


def _number(text: str) -> int:
    if not re.fullmatch(r"0|[1-9][0-9]{0,99}", text, re.ASCII):
        raise Closing(Close.BAD_REQUEST)
    return int(text)


class RoomSession(Session):
    """One open socket: its actions take effect in the order in which they came."""

    __slots__ = (
        "_base", "_direct", "_freed", "_is_paused", "_lane", "_lane_size", "_room", "_typed",
        "_uncommitted", "_version",
    )  # fmt: skip

    def __init__(
        self,
        chat: ChatServices,
        auth: Authenticator,
        room: Room,
        socket: Socket,
        bucket: TokenBucket,
    ) -> None:
        super().__init__(chat, auth, socket, bucket)
        self._room = room
        self._base = ""  # where links in its frames start
        self._direct: FrameTransport | None = None
        self._lane: deque[tuple[AnyAction, int]] | None = None
        self._lane_size = 0
        self._uncommitted = 0
        self._version = 0  # of the last change that this socket made
        self._typed = 0.0  # when it last said that its user is typing
        self._is_paused = False
        self._freed = Wakeup()

    # ------------------------------------------------------------ its life

    def enter(self, base: str, expires_at: float | None, direct: FrameTransport | None) -> None:
        self._base, self._direct = base, direct
        self.begin(expires_at, direct)

    def end(self) -> None:
        super().end()
        self._freed.notify()

    # ------------------------------------------------------------ what comes in

    def _take(self, action: AnyAction, size: int) -> None:
        match action:
            case Send(file=None, files=None) | Edit() | Delete() | React() if (
                self._lane is None and not self._chat.texts.asks_host
            ):
                self._write(action)
            case Ping():
                self._socket.put(PONG)
            case Typing() if not self._may_type():
                return
            case _:
                self._queue(action, size)

    def _may_type(self) -> bool:
        now = time.monotonic()
        if now < self._typed + TYPING:
            return False
        self._typed = now
        return True

    def _write(self, action: Written) -> None:
        change = self._change_of(action)
        self._uncommitted += 1
        self._chat.messages.write(change, partial(self._written, action))
        if self._uncommitted >= self._chat.settings.limits.max_pending_writes:
            self._pause()

    def _change_of(self, action: Written) -> messages.Change:
        return self._chat.messages.change_of(
            self._room.id, self._socket.user_id, action, self._base
        )

    def _written(self, action: Written, entry: Entry) -> None:
        """After the commit, and after it was told."""
        self._uncommitted -= 1
        self._resume()
        match entry.outcome:
            case Added(message) | Edited(message):
                self._version = message.version
            case Deleted(_, version) | Reacted(version=version, is_new=True):
                self._version = version
            case Reacted() as same:
                version = max(same.version, self._version)
                self._after(version, partial(self._show_reactions, same), action)
            case Repeated(message):
                version = max(message.version, self._version)
                self._after(version, partial(self._show, message), action)
            case _:
                self._after(self._version, partial(settle, entry), action)

    def _after(self, version: int, work: Callable[[], object], action: AnyAction) -> None:
        """At once, or as soon as this socket has seen everything up to this version."""
        if self._room.has_delivered(version):
            self._answer(work, action)
        else:
            self._chat.spawn(self._answered(self._in_turn(version, work), action))

    def _answer(self, work: Callable[[], object], action: AnyAction) -> None:
        try:
            work()
        except Refusal as refusal:
            self._refuse(refusal, hint_of(action))

    async def _in_turn(self, version: int, work: Callable[[], object]) -> None:
        await self._room.wait_until_delivered(version, {})
        work()

    # ------------------------------------------------------------ what takes time, one by one

    def _queue(self, action: AnyAction, size: int) -> None:
        if self._lane is None:
            self._lane = deque()
            self._chat.spawn(self._run())
        self._lane.append((action, size))
        self._lane_size += size
        limits = self._chat.settings.limits
        if len(self._lane) >= limits.max_pending_writes or self._lane_size > limits.max_frame_size:
            self._pause()

    async def _run(self) -> None:
        while self._lane:
            action, size = self._lane[0]
            if not self._socket.is_revoked:
                await self._answered(self._do(action), action)
            self._lane.popleft()
            self._lane_size -= size
            del action  # it may hold the bytes of files
        self._lane = None
        self._resume()

    async def _settled(self) -> None:
        """What this socket sent before is committed, and has come back to it."""
        while self._uncommitted and self._is_open:
            await self._freed.wait()
        await self._room.wait_until_delivered(self._version, {})

    async def _do(self, action: AnyAction) -> None:
        room_id, user_id = self._room.id, self._socket.user_id
        await self._settled()
        match action:
            case Send() | FileUploaded():
                await self._send(action)
            case Edit() | Delete() | React() | Act():
                await self._make(action)
            case History():
                await self._history(action)
            case Read():
                id_ = id_of(action.message_id, "message_id")
                await self._chat.receipts.read(room_id, user_id, id_)
            case Typing():
                await self._chat.receipts.type(room_id, user_id)
            case Auth():
                await self._renew(action)
            case Ping():
                self._socket.put(PONG)
            case _:
                assert_never(action)

    async def _make(self, action: Edit | Delete | React | Act) -> None:
        if isinstance(action, Act):
            return await self._press(action)
        change = self._change_of(action)
        if isinstance(change, messages.EditChange):
            await self._chat.messages.edit(change)
            return None
        if isinstance(change, messages.ReactionChange):
            outcome: object = await self._chat.messages.react(change)
        else:
            outcome = await self._chat.messages.make(change)
        if isinstance(outcome, Reacted) and not outcome.is_new:
            await self._in_turn(outcome.version, partial(self._show_reactions, outcome))
        return None

    async def _press(self, action: Act) -> None:
        message, reply = await self._chat.buttons.press(self._room.id, self._socket.user_id, action)
        said = ButtonPressed(message.id, action.id, UNSET if reply is None else reply)
        await self._in_turn(message.version, lambda: self._socket.put(codec.encode(said)))

    async def _send(self, action: Send | FileUploaded) -> None:
        where = self._room.id, self._socket.user_id
        if isinstance(action, FileUploaded):
            action = action.as_send()
        if _is_offer(action):
            self._bucket.charge(_declared_size(action) / UPLOAD_BYTES_PER_TOKEN)
            offer = await self._chat.messages.offer_upload(*where, action, self._base)
            self._socket.put(codec.encode(offer))
        else:
            outcome = await self._chat.messages.send(*where, action, self._base)
            if isinstance(outcome, Repeated):
                await self._in_turn(outcome.message.version, partial(self._show, outcome.message))

    def _show(self, message: messages.MessageRow) -> None:
        """A repeated client_id: the existing message again, to this socket, as it is by now."""
        said = self._shown(message)
        self._socket.put(codec.encode(MessageSent(message.version, said)))

    def _show_reactions(self, same: Reacted) -> None:
        """Nothing had to change: this socket alone hears how it stands."""
        self._socket.put(codec.encode(reacted_of(same)))

    def _shown(self, message: messages.MessageRow) -> events.Message:
        status = self._room.status(message.sender_id, message.id)
        return message_of(message, self._chat.attachments.link(self._base), status)

    async def _history(self, action: History) -> None:
        query = HistoryRequest(action.before, action.after, action.around, action.at, action.limit)
        found = await self._chat.history.page(self._room.id, self._socket.user_id, query)
        shown = [self._shown(message) for message in found.messages]
        page = codec.encode(HistoryPage(shown, found.has_more, found.has_newer))
        self._bucket.charge(len(page) / ANSWER_BYTES_PER_TOKEN)
        self._socket.put(page)

    # ------------------------------------------------------------ not too much at once

    def _pause(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            if self._direct is not None:
                self._direct.pause_reading()

    def _resume(self) -> None:
        self._freed.notify()
        limits = self._chat.settings.limits
        waits = len(self._lane or ()) + self._uncommitted
        if (
            self._is_paused
            and waits <= limits.max_pending_writes // 2
            and self._lane_size <= limits.max_frame_size // 2
        ):
            self._is_paused = False
            if self._direct is not None:
                self._direct.resume_reading()

    @property
    def is_full(self) -> bool:
        return self._is_paused

    async def readable(self) -> None:
        while self._is_paused and self._is_open:
            await self._freed.wait()


def _declared_size(send: Send) -> int:
    """The bytes of the file that the client wants to upload."""
    return send.file.size or 0 if send.file is not None else 0


def _is_offer(send: Send) -> bool:
    file = send.file
    return not send.files and file is not None and file.data is None and file.file_path is None


class ChatSocket(Endpoint):
    """`/ws/chat/`."""

    _chat: ChatServices
    _room: Room | None = None
    _socket: Socket | None = None

    async def _join(self, websocket: WebSocket) -> None:
        began = time.monotonic()
        chat = self._chat = websocket.app.state.chat
        auth: Authenticator = websocket.app.state.auth
        identity = await auth(websocket)
        bucket = await self._admit_user(websocket, identity.user_id)
        wish = parse_join_query(websocket.scope["query_string"])
        if wish.room_id >= MAX_ID:
            raise Closing(Close.NOT_FOUND)
        base = base_of(websocket, chat.settings.server.public_url)
        await chat.bans.check(identity.user_id)
        await chat.profiles.record(identity)
        room = self._room = await chat.hub.enter(wish.room_id)
        direct = direct_of(websocket)
        socket = self._socket = Socket(
            identity.user_id,
            self._outbox(chat, direct, base),
            is_manual=wish.is_manual,
            is_compact=wish.is_compact,
        )
        room.start_buffering(socket)
        known = chat.pages.get(wish.room_id) if wish.after is None else None
        ask, is_reset = _ask_of(chat, wish, identity.user_id, known)
        async with nullcontext() if ask.after is None else bucket.costly():
            found = await chat.joining.enter(room, ask, is_manual=wish.is_manual)
        chat.hub.follow_members(room)
        if chat.revocations.has(identity.user_id, since=began):
            raise Closing(Close.DISCONNECTED)
        if wish.after is None:
            first = chat.pages.frame(room, found, known, base)
        else:
            first = _sync(chat, room, found, base, is_reset=is_reset)
        bucket.charge(len(first) / ANSWER_BYTES_PER_TOKEN)
        session = RoomSession(chat, auth, room, socket, bucket)
        session.enter(base, identity.expires_at, direct)
        self._session = session
        room.activate(socket, first, above=found.version, top=found.top)
        chat.metrics.joins.observe(time.monotonic() - began)

    def _leave(self) -> None:
        """The room and everything in it, as far as it was entered."""
        super()._leave()
        room, self._room = self._room, None
        if room is not None:
            if self._socket is not None:
                room.leave(self._socket)
            self._chat.hub.leave(room)


def _ask_of(
    chat: ChatServices, wish: JoinQuery, user_id: str, known: CachedHistory | None
) -> tuple[SnapshotQuery, bool]:
    """What to read for this wish, and whether its cursor is of another life of the database."""
    limits = chat.settings.limits
    is_reset = wish.after is not None and wish.epoch not in (None, chat.store.epoch)
    after = None if is_reset else wish.after
    page = None if known is None else known.known
    return SnapshotQuery(
        wish.room_id,
        user_id,
        after,
        limits.history_page_size,
        limits.max_resume_changes,
        limits.max_resume_size,
        page,
    ), is_reset


def _sync(chat: ChatServices, room: Room, found: Snapshot, base: str, *, is_reset: bool) -> bytes:
    """The first frame with a cursor: what changed since."""
    if found.messages is None:
        raise Closing(Close.TRY_LATER)
    link = chat.attachments.link(base)
    shown = [message_of(m, link, room.status(m.sender_id, m.id)) for m in found.messages]
    receipts = [
        events.Receipt(wire_user(user), *upto) for user, upto in sorted(room.watermarks.items())
    ]
    return codec.encode(
        Sync(
            chat.store.epoch, found.version, shown, found.deleted, receipts, found.reset or is_reset
        )
    )
