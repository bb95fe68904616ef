"""One WebSocket of a Room, from its handshake to its end."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from .backoff import Backoff
from .errors import FINAL_CLOSE_CODES, RoomClosed
from .pending import PendingActions
from .room_state import Frame
from .tokens import Tokens

PING_INTERVAL = 15.0  # seconds, and as long for the answer
UNAUTHENTICATED = 4001
NETWORK_ERRORS = (OSError, TimeoutError, InvalidHandshake, ConnectionClosed)
RETRIED_REFUSALS = frozenset({408, 425, 429})  # HTTP statuses below 500 that are temporary


def open_socket(url: str, token: str) -> connect:
    """Open a WebSocket with a browser's handshake; pings detect a dead connection."""
    return connect(
        url,
        subprotocols=[Subprotocol("Bearer"), Subprotocol(token)],
        max_size=None,  # a sync may have a thousand long messages
        ping_interval=PING_INTERVAL,
        ping_timeout=PING_INTERVAL,
    )


def final_error(error: BaseException) -> RoomClosed | None:
    """Return RoomClosed for an error that ends the room for good, or None to reconnect."""
    close = error.rcvd if isinstance(error, ConnectionClosed) else None
    if close is not None and close.code in FINAL_CLOSE_CODES:
        return RoomClosed(close.code, close.reason)
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        if 400 <= status < 500 and status not in RETRIED_REFUSALS:
            return RoomClosed(status, "the server refused the handshake")
    return None


class Connection:
    """Sends actions on one WebSocket: each unconfirmed action once, and again after a failure.

    Nothing is sent before the first `sync`: it says which actions were carried out already.
    """

    def __init__(self, socket: ClientConnection, actions: PendingActions, number: int) -> None:
        self.is_synced = False
        self._socket = socket
        self._actions = actions
        self._number = number
        self._order = asyncio.Lock()
        self._backoff = Backoff(most=8.0)
        self._retry: asyncio.Task[None] | None = None
        self._renewal: asyncio.Task[None] | None = None

    async def receive(self, handle: Callable[[Frame], Awaitable[None]]) -> None:
        """Pass each frame on until the connection ends; raise the reason."""
        try:
            while True:
                await handle(json.loads(await self._socket.recv()))
        finally:
            for task in (self._retry, self._renewal):
                if task is not None:
                    task.cancel()

    async def send(self, frame: Frame) -> None:
        """Send a frame; on a connection that has just ended it is lost."""
        try:
            await self._socket.send(json.dumps(frame))
        except ConnectionClosed:
            return  # `receive` raises it, and unconfirmed actions are sent on the next one

    async def flush(self) -> None:
        """Send what this connection has not sent yet, in order."""
        async with self._order:
            if not self.is_synced or self._retry is not None:
                return
            for action in self._actions.unsent(self._number):
                action.connection = self._number
                action.was_sent += 1
                await self.send(action.frame)

    def confirm(self) -> None:
        """Make the next delay short again, because the server has confirmed an action."""
        self._backoff.reset()

    def retry_later(self) -> None:
        """After a temporary refusal: wait, then send everything unconfirmed again, in order."""
        if self._retry is None:
            self._retry = asyncio.create_task(self._send_again())

    async def _send_again(self) -> None:
        await asyncio.sleep(self._backoff.next_delay())
        self._retry = None
        self._actions.send_again()
        await self.flush()

    def renew(self, tokens: Tokens) -> None:
        """Send a fresh token before the current one expires, again and again."""
        self._renewal = asyncio.create_task(self._keep_renewing(tokens))

    async def _keep_renewing(self, tokens: Tokens) -> None:
        while (delay := tokens.renewal_delay()) is not None:
            await asyncio.sleep(delay)
            await self.send({"action": "auth", "token": await tokens.fetch()})
