"""A member's open socket in a room: its actions take effect in the order of arrival."""

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import assert_never

from msgspec import UNSET

from ..auth.authenticator import Authenticator
from ..chat.chat import ChatServices
from ..chat.history import HistoryRequest
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
from ..protocol.errors import Refusal
from ..protocol.events import ButtonPressed, HistoryPage, MessageSent
from ..protocol.ids import id_of
from ..realtime.connections import TYPING_INTERVAL, RoomSocket
from ..realtime.frame_transport import FrameTransport
from ..realtime.room import Room
from ..store import messages
from ..store.commit_queue import Entry
from ..store.messages import Added, Deleted, Edited, Reacted, Repeated
from .session import PONG, Session, hint_of


class RoomSession(Session):
    """One open socket in a room.

    Texts, edits, deletions and reactions go to the commit queue at once, and the socket reads on.
    Actions that take longer wait in a queue of the session, and later actions wait behind them.
    """

    __slots__ = ("_last_typing", "_link_base", "_queue", "_room", "_uncommitted", "_version")

    def __init__(
        self,
        chat: ChatServices,
        auth: Authenticator,
        room: Room,
        socket: RoomSocket,
        bucket: TokenBucket,
    ) -> None:
        super().__init__(chat, auth, socket, bucket)
        self._room = room
        self._link_base = ""  # where links in its frames start
        self._queue: deque[tuple[AnyAction, int]] | None = None  # actions, and their bytes
        self._uncommitted = 0  # changes in the commit queue
        self._version = 0  # of the last change that this socket made
        self._last_typing = 0.0  # the time of its last accepted `typing` (of time.monotonic)

    def enter(self, base: str, expires_at: float | None, direct: FrameTransport | None) -> None:
        """Begin to take actions. Links in its frames start with `base`."""
        self._link_base = base
        self.begin(expires_at, direct)

    # ------------------------------------------------------------ actions

    def _take(self, action: AnyAction, size: int) -> None:
        match action:
            case Send(file=None, files=None) | Edit() | Delete() | React() if (
                self._queue is None and not self._chat.texts.asks_host
            ):
                self._write(action)
            case Ping():
                self._socket.put(PONG)
            case Typing() if time.monotonic() < self._last_typing + TYPING_INTERVAL:
                return
            case _:
                if isinstance(action, Typing):
                    self._last_typing = time.monotonic()
                self._enqueue(action, size)

    def _write(self, action: Written) -> None:
        change = self._change_of(action)
        self._uncommitted += 1
        self._chat.messages.write(change, partial(self._on_written, action))
        self.flow.add()

    def _change_of(self, action: Written) -> messages.Change:
        user_id = self._socket.user_id
        return self._chat.messages.change_of(self._room.id, user_id, action, self._link_base)

    def _on_written(self, action: Written, entry: Entry) -> None:
        """Answer a change, after its commit was published."""
        self._uncommitted -= 1
        self.flow.remove()
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
        """Call `work` as soon as this socket has received everything up to the version."""
        if not self._room.sequence.has(version):
            self._chat.spawn(self._answered(self._after_version(version, work), action))
            return
        try:
            work()
        except Refusal as refusal:
            self._refuse(refusal, hint_of(action))

    async def _after_version(self, version: int, work: Callable[[], object]) -> None:
        await self._room.wait_until_delivered(version, {})
        work()

    # ------------------------------------------------------------ actions that take longer

    def _enqueue(self, action: AnyAction, size: int) -> None:
        if self._queue is None:
            self._queue = deque()
            self._chat.spawn(self._run_queue())
        self._queue.append((action, size))
        self.flow.add(size)

    async def _run_queue(self) -> None:
        while self._queue:
            action, size = self._queue[0]
            if not self._socket.is_revoked:
                await self._answered(self._perform(action), action)
            self._queue.popleft()
            del action  # it may hold the bytes of files
            if self._queue:
                self.flow.remove(size)
        self._queue = None
        self.flow.remove(size)

    async def _wait_until_committed(self) -> None:
        """Wait until this socket has received its own earlier changes, committed."""
        while self._uncommitted and self._is_open:
            await self.flow.wait()
        await self._room.wait_until_delivered(self._version, {})

    async def _perform(self, action: AnyAction) -> None:
        room_id, user_id = self._room.id, self._socket.user_id
        await self._wait_until_committed()
        match action:
            case Send() | FileUploaded():
                await self._send(action)
            case Edit() | Delete() | React() | Act():
                await self._change(action)
            case History():
                await self._load_history(action)
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

    async def _change(self, action: Edit | Delete | React | Act) -> None:
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
            await self._after_version(outcome.version, partial(self._show_reactions, outcome))
        return None

    async def _press(self, action: Act) -> None:
        message, reply = await self._chat.buttons.press(self._room.id, self._socket.user_id, action)
        pressed = ButtonPressed(message.id, action.id, UNSET if reply is None else reply)
        await self._after_version(message.version, lambda: self._socket.put(codec.encode(pressed)))

    async def _send(self, action: Send | FileUploaded) -> None:
        where = self._room.id, self._socket.user_id
        if isinstance(action, FileUploaded):
            action = action.as_send()
        if _asks_for_upload(action):
            offer = await self._chat.messages.offer_upload(*where, action, self._link_base)
            self._bucket.charge(_declared_size(action) / UPLOAD_BYTES_PER_TOKEN)
            self._socket.put(codec.encode(offer))
            return
        outcome = await self._chat.messages.send(*where, action, self._link_base)
        if isinstance(outcome, Repeated):
            await self._after_version(outcome.message.version, partial(self._show, outcome.message))

    # ------------------------------------------------------------ answers to this socket alone

    def _show(self, message: messages.MessageRow) -> None:
        """Answer a repeated client_id with the existing message, in its present state."""
        shown = self._serialize(message)
        self._socket.put(codec.encode(MessageSent(message.version, shown)))

    def _show_reactions(self, same: Reacted) -> None:
        """Answer a reaction that changed nothing with the present reactions."""
        self._socket.put(codec.encode(reacted_of(same)))

    def _serialize(self, message: messages.MessageRow) -> events.Message:
        status = self._room.statuses.status(message.sender_id, message.id)
        return message_of(message, self._chat.attachments.link(self._link_base), status)

    async def _load_history(self, action: History) -> None:
        query = HistoryRequest(action.before, action.after, action.around, action.at, action.limit)
        found = await self._chat.history.page(self._room.id, self._socket.user_id, query)
        self._chat.metrics.count_answer("history", has_more=found.has_more)
        shown = [self._serialize(message) for message in found.messages]
        page = codec.encode(HistoryPage(shown, found.has_more, found.has_newer))
        self._bucket.charge(len(page) / ANSWER_BYTES_PER_TOKEN)
        self._socket.put(page)


def _declared_size(send: Send) -> int:
    """Return the bytes of the file that the client wants to upload."""
    return send.file.size or 0 if send.file is not None else 0


def _asks_for_upload(send: Send) -> bool:
    """Return whether the one file has neither data nor a finished upload."""
    file = send.file
    return not send.files and file is not None and file.data is None and file.file_path is None
