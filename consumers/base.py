"""The base of all sockets: user, token expiry, rate limit, and how the socket ends."""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from starlette.endpoints import WebSocketEndpoint
from starlette.websockets import WebSocket, WebSocketDisconnect

from ..auth.authenticator import Authenticator, subprotocol_of
from ..chat.bans import Banned
from ..chat.chat import ChatServices
from ..chat.rate_limit import UPLOAD_BYTES_PER_TOKEN, RateLimiter, TokenBucket
from ..integrations import audit
from ..protocol import codec, errors
from ..protocol.actions import AnyAction, Auth
from ..protocol.codec import Hint, error_of
from ..protocol.errors import Close, Closing, Forbidden, InvalidFrame, Refusal
from ..protocol.events import AuthRenewed, Pong
from ..protocol.ids import when
from ..realtime.asgi_send_queue import AsgiSendQueue
from ..realtime.connection_limits import CountLimit
from ..realtime.frame_transport import EXTENSION, REFUSED_AT_ONCE, REFUSED_PAUSE, FrameTransport
from ..realtime.send_queue import DirectSendQueue, SendQueue
from ..realtime.user_socket import UserSocket
from ..store.store import DatabaseUnavailable
from .flow_control import FlowControl

log = logging.getLogger("roomcast.socket")

LARGE_FRAME = 1 << 16  # bytes from which on the size of a frame counts
LONG = 30 * 86_400.0  # seconds; timers further away are set again
CLOSE_OF_REFUSAL: Mapping[type[Refusal], Close] = {
    errors.Unauthenticated: Close.UNAUTHENTICATED,
    errors.RateLimited: Close.RATE_LIMITED,
    Banned: Close.DISCONNECTED,
    Forbidden: Close.FORBIDDEN,
}
REFUSALS_OF_A_JOIN = tuple(CLOSE_OF_REFUSAL)
PONG = codec.encode(Pong())


class Session(ABC):
    """One open socket, from its first frame on."""

    __slots__ = ("_auth", "_bucket", "_chat", "_is_open", "_socket", "_timer", "flow")

    def __init__(
        self, chat: ChatServices, auth: Authenticator, socket: UserSocket, bucket: TokenBucket
    ) -> None:
        limits = chat.settings.limits
        self.flow = FlowControl(limits.max_pending_writes, limits.max_frame_size)
        self._chat = chat
        self._auth = auth
        self._socket = socket
        self._bucket = bucket
        self._timer: asyncio.TimerHandle | None = None
        self._is_open = True

    # ------------------------------------------------------------ begin and end

    def begin(self, expires_at: float | None, direct: FrameTransport | None) -> None:
        """Take actions until `end`, or until the token expires (seconds since 1970)."""
        self.flow.transport = direct
        self._chat.presence.enter(self._socket.user_id)
        self._expire_at(expires_at)
        if direct is not None and isinstance(self._socket.send_queue, DirectSendQueue):
            direct.begin(self.on_text, self._socket.send_queue.blocked, self._refuse_frame)

    def end(self) -> None:
        self._is_open = False
        self.flow.notify()
        self._chat.presence.leave(self._socket.user_id)
        if self._timer is not None:
            self._timer.cancel()

    def _expire_at(self, expires_at: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if expires_at is not None:
            left = expires_at - time.time()
            again = partial(self._expire_at, expires_at)
            what = again if left > LONG else partial(self._close, Close.UNAUTHENTICATED)
            self._timer = asyncio.get_running_loop().call_later(min(max(left, 0), LONG), what)

    def _close(self, close: Close) -> None:
        self._is_open = False
        self._socket.send_queue.close(close)

    # ------------------------------------------------------------ what comes in

    def on_text(self, data: bytes | str | None) -> bool:
        """One frame, None for a binary one. What is wrong with it answers to this socket alone.

        Returns whether the client sends too fast.
        """
        if not self._is_open or self._socket.is_revoked:
            return False
        try:
            self._bucket.take()
            if data is None:
                raise InvalidFrame("Frames are JSON text, not binary.")
            if len(data) > LARGE_FRAME:
                self._bucket.charge(len(data) / UPLOAD_BYTES_PER_TOKEN)
            self._take(codec.decode(data), len(data))
        except Refusal as refusal:
            self._refuse(refusal, codec.hint(data or b""))
            return isinstance(refusal, errors.RateLimited)
        except Closing as closing:
            self._close(closing.close)
        except Exception:
            log.exception("A frame failed")
            self._refuse(errors.Internal(), codec.hint(data or b""))
        return False

    @abstractmethod
    def _take(self, action: AnyAction, size: int) -> None:
        """Raises the Refusal of what it does not take."""

    async def wait_until_readable(self) -> None:
        """Wait until this socket may send more."""
        while self.flow.is_paused and self._is_open:
            await self.flow.wait()

    async def _answered(self, work: Awaitable[None], action: AnyAction) -> None:
        try:
            await work
        except Refusal as refusal:
            self._refuse(refusal, hint_of(action))
        except DatabaseUnavailable as error:
            log.warning("An action was refused: %s", error)
            self._refuse(errors.Unavailable(), hint_of(action))
        except Closing as closing:
            self._close(closing.close)
        except Exception:
            log.exception("An action failed")
            self._refuse(errors.Internal(), hint_of(action))

    async def _renew(self, action: Auth) -> None:
        try:
            identity = await self._auth.verify(action.token)
        except errors.Unauthenticated as error:
            raise Forbidden(str(error)) from None
        if identity.user_id != self._socket.user_id:
            raise Forbidden("The token is another user's.")
        self._expire_at(identity.expires_at)
        expires_at = when(int((identity.expires_at or 0) * 1_000_000))
        self._socket.put(codec.encode(AuthRenewed(expires_at)))

    def _refuse_frame(self) -> None:
        """A frame over the limit, before its socket is closed with 1009."""
        most = self._chat.settings.limits.max_frame_size
        says = f"A frame may have at most {most:,} bytes, all its files together."
        self._refuse(errors.FileTooLarge(says), codec.hint(b""))

    def _refuse(self, refusal: Refusal, about: Hint) -> None:
        self._chat.metrics.refusals.labels(refusal.code).inc()
        self._socket.put(codec.encode(error_of(refusal, about)))


def hint_of(action: AnyAction) -> Hint:
    """Returns the fields of a failed action that its error frame repeats."""
    name = type(action).__struct_config__.tag
    client_id, message_id = (getattr(action, f, None) for f in ("client_id", "message_id"))
    return codec.hint_of(name, client_id, message_id)


AUDITED = {
    Close.UNAUTHENTICATED: "login_refused",
    Close.FORBIDDEN: "room_refused",
    Close.NOT_FOUND: "room_refused",
}


class Endpoint(WebSocketEndpoint):
    """The handshake is completed first, so that a browser can see why the socket is closed."""

    _session: Session | None = None
    _task: asyncio.Task[object] | None = None  # of this socket, where a server speaks only ASGI
    _is_abandoned = False
    _counted: tuple[tuple[CountLimit, str], ...] = ()

    async def dispatch(self) -> None:
        """Handles a connection like the base class, without its three coroutines for each frame."""
        extensions: dict[str, Any] = self.scope.get("extensions") or {}
        if (direct := extensions.get(EXTENSION)) is not None:
            direct.hold()  # nothing is read of who may not be let in
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
        """Until the socket ends; the code that it ended with."""
        while (message := await self.receive())["type"] == "websocket.receive":
            if (session := self._session) is not None:
                if session.on_text(message.get("text")):
                    await asyncio.sleep(REFUSED_PAUSE / REFUSED_AT_ONCE)
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
            log.warning("A socket could not join: %s", error)
            await self._refuse(websocket, Close.TRY_LATER)
        except Exception:
            log.exception("A socket could not join")
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
        # Nobody is there any more to be refused, or the room's own end has closed it already.
        with suppress(WebSocketDisconnect, RuntimeError):
            await websocket.close(close.code, close.reason)

    async def _join(self, websocket: WebSocket) -> None:
        """Up to the first frame. Raises what `on_connect` knows."""
        raise NotImplementedError

    def _count(self, websocket: WebSocket, user_id: str) -> None:
        """One more socket of this user and address. Raises Closing where they have too many."""
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
        """The user's bucket, with the token of this socket taken. Raises Closing."""
        self._count(websocket, user_id)
        limiter: RateLimiter = websocket.app.state.rate_limiter
        bucket = limiter.bucket_of(user_id)
        await bucket.wait_to_join()
        return bucket

    def _leave(self) -> None:
        """All that was entered, as far as it was."""
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
        """Ends the app's part in a socket whose peer takes nothing: the server then ends its own.

        By ASGI there is no other way: a close waits until the peer has read what came before it.
        """
        self._is_abandoned = True
        if self._task is not None:
            self._task.cancel()

    async def on_disconnect(self, websocket: WebSocket, close_code: int) -> None:
        websocket.app.state.chat.metrics.ended(close_code)
        self._leave()


def direct_of(websocket: WebSocket) -> FrameTransport | None:
    extensions: dict[str, Any] = websocket.scope.get("extensions") or {}
    return extensions.get(EXTENSION)
