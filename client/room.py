"""Room: a user's socket in a room, for bots and tests; each change comes once."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Self, TypedDict, Unpack

from . import pending
from .errors import RoomClosed
from .files import LocalFile
from .records import MessageInfo, ResultPage, UserId
from .room_session import CLOSED_BY_PROGRAM, ResumingSession
from .room_state import Frame, Position, RoomState, RoomUpdate
from .tokens import Tokens, TokenSource

MAX_KEPT_MESSAGES = 1_000


class MessageExtras(TypedDict, total=False):
    """The optional parts of a message beside its text."""

    files: Sequence[LocalFile]
    reply_to: int
    data: Mapping[str, Any]
    client_id: str


class Room:
    """A room as one of its members sees it, over a socket that reconnects by itself.

    `async with Room("https://chat.example.com", 4, token) as room:` connects and has the room's
    messages; `await room.send("Hello")` stores one; `async for update in room:` waits for
    changes. Also after failures of the connection or the server, every message is sent once.

    `token` is a string, or a callable that returns a new one, which is used before it expires.
    With a `position` from an earlier `room.position`, the iteration begins with the changes after
    it; without one, earlier messages are only in `room.messages`. With `receipts="manual"` messages
    are only marked as read by `mark_read`. The newest `keep` messages are kept.

    Raises RoomClosed if reconnecting is useless: not a member, deleted, banned.
    """

    def __init__(
        self,
        url: str,
        room: int,
        token: TokenSource,
        *,
        position: Position | None = None,
        receipts: str = "",
        keep: int = MAX_KEPT_MESSAGES,
    ) -> None:
        self.room_id = room
        manner = "manual,compact" if receipts == "manual" else "compact"
        query = {"room_id": room, "receipts": manner}
        self._state = RoomState(position, keep)
        self._session = ResumingSession(url.rstrip("/"), query, Tokens(token), self._state)
        self._task: asyncio.Task[None] | None = None

    # ---------------------------------------------------------------- state

    @property
    def messages(self) -> dict[int, MessageInfo]:
        """The newest messages by id, in their present state."""
        return self._state.messages

    @property
    def receipts(self) -> dict[UserId, tuple[int, int]]:
        """Each member's receipts: message ids up to which they have received and read."""
        return self._state.receipts

    @property
    def position(self) -> Position:
        """The position of the iteration; a later Room can continue from it."""
        return self._session.position

    @property
    def user_id(self) -> UserId | None:
        """The token's user id from the server, or None if the server does not give it."""
        return self._session.user_id

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection now; calls work without one, too."""
        return self._session.is_connected

    # ---------------------------------------------------------------- opening and closing

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._session.run())
        try:
            await self._session.wait_until_synced()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection; unconfirmed actions fail with RoomClosed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._session.end(RoomClosed(CLOSED_BY_PROGRAM, "closed by the program"))

    # ---------------------------------------------------------------- changes

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RoomUpdate:
        """Return the next change, each once. Raises RoomClosed if there will be no more."""
        try:
            return await self._session.next_update()
        except RoomClosed as closed:
            if closed.code == CLOSED_BY_PROGRAM:
                raise StopAsyncIteration from None
            raise

    # ---------------------------------------------------------------- actions

    async def send(self, text: str = "", **extras: Unpack[MessageExtras]) -> MessageInfo:
        """Send a message and return it as stored, repeated over reconnections.

        Raises ChatError if the server refuses it. With a `client_id` it is also safe to send again
        from another process.
        """
        frame: Frame = {"action": "send", "message": text, "client_id": uuid.uuid4().hex, **extras}
        if files := extras.get("files"):
            token = self._session.tokens.current
            frame["files"] = await self._session.api.entries(token, self.room_id, files)
        message: MessageInfo = await self._session.ask(pending.sending(frame, self.user_id))
        return message

    async def edit(self, message_id: int, text: str) -> MessageInfo:
        """Change the text of one's own message."""
        message: MessageInfo = await self._session.ask(pending.editing(message_id, text))
        return message

    async def delete(self, message_id: int) -> None:
        """Delete one's own message."""
        await self._session.ask(pending.deleting(message_id))

    async def react(self, message_id: int, emoji: str, *, on: bool = True) -> list[dict[str, Any]]:
        """Add or remove a reaction to a message; return all its reactions."""
        reactions: list[dict[str, Any]] = await self._session.ask(
            pending.reacting(message_id, emoji, self.user_id, on=on)
        )
        return reactions

    async def history(self, before: int | None = None, limit: int = 50) -> ResultPage[MessageInfo]:
        """Fetch an older page of messages, oldest first; it is not added to `messages`."""
        page = await self._session.ask(pending.paging(before, limit))
        return ResultPage([MessageInfo(m) for m in page["messages"]], has_more=page["has_more"])

    async def mark_read(self, message_id: int) -> None:
        """Mark everything up to this message as read; repeated after a lost connection."""
        self._session.read_upto = max(self._session.read_upto, message_id)
        await self._session.send_unconfirmed({"action": "read", "message_id": message_id})

    async def typing(self) -> None:
        """Show the others that this user is writing; dropped without a connection."""
        await self._session.send_unconfirmed({"action": "typing"})
