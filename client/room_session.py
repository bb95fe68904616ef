"""The session of a Room: its successive connections and their frames."""

import asyncio
import itertools
import re
from collections import deque
from typing import Any
from urllib.parse import urlencode

from .backoff import Backoff
from .connection import NETWORK_ERRORS, UNAUTHENTICATED, Connection, final_error, open_socket
from .errors import RoomClosed
from .member_api import MemberApi
from .pending import PendingAction, PendingActions
from .records import UserId
from .room_state import Frame, Position, RoomState, RoomUpdate
from .tokens import Tokens

MAX_WAITING_UPDATES = 10_000  # updates that wait for the iteration
CLOSED_BY_PROGRAM = 1000


class ResumingSession:
    """Connects and reconnects until that is useless; `ask` waits meanwhile."""

    def __init__(self, url: str, query: dict[str, Any], tokens: Tokens, state: RoomState) -> None:
        self.api = MemberApi(url)
        self.state = state
        self.tokens = tokens
        self.user_id: UserId | None = None
        self.connection: Connection | None = None
        self.read_upto = 0
        self.ended: BaseException | None = None
        self._place = re.sub(r"^http", "ws", url) + "/ws/chat/", query
        self._pending = PendingActions()
        self.position = state.position  # after the last update that was returned
        self._updates: deque[tuple[RoomUpdate, Position]] = deque()
        self._changed = asyncio.Condition()

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection that has received its sync."""
        return self.connection is not None and self.connection.is_synced

    # ---------------------------------------------------------------- for the room

    async def wait_until_synced(self) -> None:
        """Wait for the first sync. Raises RoomClosed if there will be none."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.state.is_synced or self.ended)
        if self.ended is not None:
            raise self.ended

    async def next_update(self) -> RoomUpdate:
        """Wait for the next change. Raises the error that ended the session."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._updates or self.ended)
        if self._updates:
            update, self.position = self._updates.popleft()
            return update
        assert self.ended is not None
        raise self.ended

    async def ask(self, action: PendingAction) -> Any:
        """Send an action, repeated over reconnections, and return its answer."""
        if self.ended is not None:
            raise self.ended
        self._pending.add(action)
        if self.connection is not None:
            await self.connection.flush()
        return await action.future

    async def send_unconfirmed(self, frame: Frame) -> None:
        """Send a frame that has no answer; dropped without a connection."""
        if self.connection is not None and self.connection.is_synced:
            await self.connection.send(frame)

    async def end(self, error: BaseException) -> None:
        """Fail all waiting calls, because the session has ended."""
        self.ended = self.ended or error
        if isinstance(self.ended, Exception):
            self._pending.fail_all(self.ended)
        async with self._changed:
            self._changed.notify_all()

    # ---------------------------------------------------------------- connections

    async def run(self) -> None:
        """Connect, and reconnect after random delays, until that is useless."""
        backoff = Backoff()
        try:
            for number in itertools.count(1):
                await self._connect(number)
                if self.is_connected and not len(self._pending):
                    backoff.reset()
                self.connection = None
                await asyncio.sleep(backoff.next_delay())
        except Exception as error:
            await self.end(error)

    async def _connect(self, number: int) -> None:
        """Run one connection until it ends. Raises RoomClosed if another is useless."""
        token = await self.tokens.fetch()
        if self.user_id is None:
            self.user_id = await self.api.fetch_user_id(token)
        try:
            async with open_socket(self._url(), token) as socket:
                self.connection = Connection(socket, self._pending, number)
                await self.connection.receive(self._on_frame)
        except NETWORK_ERRORS as error:
            closed = final_error(error)
            if closed is not None and not self._may_return(closed):
                raise closed from error

    def _may_return(self, closed: RoomClosed) -> bool:
        """Return whether to reconnect: with a new token, or after a temporary error of a proxy."""
        if closed.code == UNAUTHENTICATED:
            return self.is_connected and self.tokens.is_renewable
        return closed.code < 1000 and self.state.is_synced

    def _url(self) -> str:
        path, query = self._place
        query = query | {"after": self.state.cursor}
        if self.state.epoch:
            query["epoch"] = self.state.epoch
        return f"{path}?{urlencode(query)}"

    async def _on_frame(self, frame: Frame) -> None:
        assert self.connection is not None
        if frame["type"] == "error":
            if not self._pending.refuse(frame):
                self.connection.retry_later()
            return
        updates = self.state.apply(frame)
        if self._pending.resolve(frame):
            self.connection.confirm()
        if frame["type"] == "sync":
            await self._on_sync(self.connection)
        await self.connection.flush()
        await self._publish(updates)

    async def _on_sync(self, connection: Connection) -> None:
        self._pending.resolve_by(self.state)
        connection.is_synced = True
        connection.renew(self.tokens)
        if self.read_upto:
            await connection.send({"action": "read", "message_id": self.read_upto})
        async with self._changed:
            self._changed.notify_all()

    async def _publish(self, updates: list[RoomUpdate]) -> None:
        """Keep updates for the iteration, each with the position after it."""
        if not updates:
            self._move_past_silence()
            return
        before = self._updates[-1][1] if self._updates else self.position
        self._updates.extend((update, before) for update in updates[:-1])
        self._updates.append((updates[-1], self.state.position))
        if len(self._updates) > MAX_WAITING_UPDATES:
            self._updates.clear()
            self._updates.append((RoomUpdate({"type": "reset"}), self.state.position))
        async with self._changed:
            self._changed.notify_all()

    def _move_past_silence(self) -> None:
        if not self._updates:
            self.position = self.state.position
