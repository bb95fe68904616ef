"""The base of both socket endpoints: handshake, limits of connections, and the end."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from starlette.endpoints import WebSocketEndpoint
from starlette.websockets import WebSocket, WebSocketDisconnect

from ..auth.tokens import subprotocol_of
from ..chat.bans import Banned
from ..chat.chat import ChatServices
from ..chat.rate_limit import RateLimiter, TokenBucket
from ..integrations import audit
from ..protocol import errors
from ..protocol.errors import Close, Closing, Forbidden, Refusal
from ..realtime.asgi_send_queue import AsgiSendQueue
from ..realtime.connection_limits import CountLimit
from ..realtime.frame_transport import (
    MAX_REFUSED_MESSAGES,
    REFUSED_PAUSE,
    TRANSPORT_EXTENSION,
    FrameTransport,
)
from ..realtime.send_queue import DirectSendQueue, SendQueue
from ..store.store import DatabaseUnavailable
from .session import Session

log = logging.getLogger("roomcast.socket")

CLOSE_OF_REFUSAL: Mapping[type[Refusal], Close] = {
    errors.Unauthenticated: Close.UNAUTHENTICATED,
    errors.RateLimited: Close.RATE_LIMITED,
    Banned: Close.DISCONNECTED,
    Forbidden: Close.FORBIDDEN,
}
REFUSALS_OF_A_JOIN = tuple(CLOSE_OF_REFUSAL)


AUDITED = {
    Close.UNAUTHENTICATED: "login_refused",
    Close.FORBIDDEN: "room_refused",
    Close.NOT_FOUND: "room_refused",
}


class Endpoint(WebSocketEndpoint):
    """An endpoint that always completes the handshake, so that browsers see the close code."""

    _session: Session | None = None
    _task: asyncio.Task[object] | None = None  # of this socket, under a server with ASGI alone
    _is_abandoned = False
    _counted: tuple[tuple[CountLimit, str], ...] = ()

    async def dispatch(self) -> None:
        """Handle a connection like the base class, without its three coroutines for each frame."""
        extensions: dict[str, Any] = self.scope.get("extensions") or {}
        if (direct := extensions.get(TRANSPORT_EXTENSION)) is not None:
            direct.hold()  # read nothing before the user is authenticated
        websocket = WebSocket(self.scope, receive=self.receive, send=self.send)
        await self.on_connect(websocket)
        code = Close.INTERNAL.code
        try:
            code = await self._read_texts()
        except asyncio.CancelledError:
            if not self._is_abandoned or self._task is None or self._task.uncancel():
                raise
            code = Close.SLOW.code
        finally:
            await self.on_disconnect(websocket, code)

    async def _read_texts(self) -> int:
        """Read texts until the socket ends; return its close code."""
        while (message := await self.receive())["type"] == "websocket.receive":
            if (session := self._session) is not None:
                if session.on_text(message.get("text")):
                    await asyncio.sleep(REFUSED_PAUSE / MAX_REFUSED_MESSAGES)
                if session.flow.is_paused:
                    await session.wait_until_readable()
        return int(message.get("code") or 1000)

    async def on_connect(self, websocket: WebSocket) -> None:
        await websocket.accept(subprotocol_of(websocket.scope))
        try:
            await self._join(websocket)
        except Closing as closing:
            await self._refuse(websocket, closing.close)
        except REFUSALS_OF_A_JOIN as refusal:
            await self._refuse(websocket, CLOSE_OF_REFUSAL[type(refusal)])
        except DatabaseUnavailable as error:
            log.warning("join failed: %s", error)
            await self._refuse(websocket, Close.TRY_LATER)
        except Exception:
            log.exception("join failed")
            await self._refuse(websocket, Close.INTERNAL)
        except BaseException:  # the server gives up on this connection
            self._leave()
            raise

    async def _refuse(self, websocket: WebSocket, close: Close) -> None:
        if action := AUDITED.get(close):
            source = websocket.client.host if websocket.client else ""
            room_id = websocket.query_params.get("room_id", "")[:20]
            by = audit.Actor("socket", source)
            audit.record(action, close.name.lower(), by=by, room_id=room_id)
        self._leave()
        # The peer may have disconnected, or the end of the room may have closed the socket.
        with suppress(WebSocketDisconnect, RuntimeError):
            await websocket.close(close.code, close.reason)

    async def _join(self, websocket: WebSocket) -> None:
        """Join and send the first frame. Raises errors that `on_connect` turns into close codes."""
        raise NotImplementedError

    def _count(self, websocket: WebSocket, user_id: str) -> None:
        """Count one more socket of this user and address. Raises Closing above limits."""
        state, client = websocket.app.state, websocket.scope.get("client")
        keys = [(state.sockets_by_user, user_id)]
        if client:
            keys.append((state.sockets_by_address, client[0]))
        for limit, key in keys:
            if not limit.enter(key):
                log.info("socket refused: user=%s reason=too many sockets", user_id)
                raise Closing(Close.TOO_MANY)
            self._counted += ((limit, key),)

    async def _admit_user(self, websocket: WebSocket, user_id: str) -> TokenBucket:
        """Return the user's token bucket, after taking a token for this socket. Raises Closing."""
        self._count(websocket, user_id)
        limiter: RateLimiter = websocket.app.state.rate_limiter
        bucket = limiter.bucket_of(user_id)
        await bucket.wait_to_join()
        return bucket

    def _leave(self) -> None:
        """Undo everything that this socket has entered so far."""
        for limit, key in self._counted:
            limit.leave(key)
        self._counted = ()
        session, self._session = self._session, None
        if session is not None:
            session.end()

    def _new_send_queue(
        self, chat: ChatServices, direct: FrameTransport | None, base: str = ""
    ) -> SendQueue:
        limits = chat.settings.limits
        if direct is None:
            self._task = asyncio.current_task()
            size, timeout = limits.send_queue_size, limits.slow_consumer_timeout
            return AsgiSendQueue(self.send, size, timeout, base, self._abandon)
        return DirectSendQueue(direct, limits.send_queue_size, limits.slow_consumer_timeout, base)

    def _abandon(self) -> None:
        """Cancel the app for a socket whose peer reads nothing, so that the server closes it.

        ASGI has no other way: a close waits until the peer has read everything before it.
        """
        self._is_abandoned = True
        if self._task is not None:
            self._task.cancel()

    async def on_disconnect(self, websocket: WebSocket, close_code: int) -> None:
        websocket.app.state.chat.metrics.ended(close_code)
        self._leave()


def direct_of(websocket: WebSocket) -> FrameTransport | None:
    extensions: dict[str, Any] = websocket.scope.get("extensions") or {}
    return extensions.get(TRANSPORT_EXTENSION)
