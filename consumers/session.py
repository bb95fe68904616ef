"""An open socket: its rate limit, its token's expiry, and its error frames."""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from functools import partial

from ..auth.authenticator import Authenticator
from ..chat.chat import ChatServices
from ..chat.rate_limit import UPLOAD_BYTES_PER_TOKEN, TokenBucket
from ..protocol import codec, errors
from ..protocol.actions import AnyAction, Auth
from ..protocol.codec import Hint, error_of
from ..protocol.errors import Close, Closing, Forbidden, InvalidFrame, Refusal
from ..protocol.events import AuthRenewed, Pong
from ..protocol.ids import when
from ..realtime.frame_transport import FrameTransport
from ..realtime.send_queue import DirectSendQueue
from ..realtime.user_socket import UserSocket
from ..store.store import DatabaseUnavailable
from .flow_control import FlowControl

log = logging.getLogger("roomcast.socket")

LARGE_FRAME_SIZE = 1 << 16  # bytes of a frame, above which its size counts in the rate limit
MAX_TIMER_DELAY = 30 * 86_400.0  # seconds; a longer timer is set in several steps
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
            what = again if left > MAX_TIMER_DELAY else partial(self._close, Close.UNAUTHENTICATED)
            self._timer = asyncio.get_running_loop().call_later(
                min(max(left, 0), MAX_TIMER_DELAY), what
            )

    def _close(self, close: Close) -> None:
        self._is_open = False
        self._socket.send_queue.close(close)

    # ------------------------------------------------------------ receiving

    def on_text(self, data: bytes | str | None) -> bool:
        """Handle one frame; `data` is None for a binary one. Errors are sent to this socket alone.

        Returns whether the client sends too fast.
        """
        if not self._is_open or self._socket.is_revoked:
            return False
        try:
            self._bucket.take()
            if data is None:
                raise InvalidFrame("Frames are JSON text, not binary.")
            if len(data) > LARGE_FRAME_SIZE:
                self._bucket.charge(len(data) / UPLOAD_BYTES_PER_TOKEN)
            self._take(codec.decode(data), len(data))
        except Refusal as refusal:
            self._refuse(refusal, codec.hint(data or b""))
            return isinstance(refusal, errors.RateLimited)
        except Closing as closing:
            self._close(closing.close)
        except Exception:
            log.exception("frame failed")
            self._refuse(errors.Internal(), codec.hint(data or b""))
        return False

    @abstractmethod
    def _take(self, action: AnyAction, size: int) -> None:
        """Accept an action. Raises a Refusal for an action that the session does not accept."""

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
            log.warning("action refused: %s", error)
            self._refuse(errors.Unavailable(), hint_of(action))
        except Closing as closing:
            self._close(closing.close)
        except Exception:
            log.exception("action failed")
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
        """Send the error for a frame over the limit, before the socket is closed with 1009."""
        most = self._chat.settings.limits.max_frame_size
        message = f"A frame may have at most {most:,} bytes, all its files together."
        self._refuse(errors.FileTooLarge(message), codec.hint(b""))

    def _refuse(self, refusal: Refusal, about: Hint) -> None:
        self._chat.metrics.refusals.labels(refusal.code).inc()
        self._socket.put(codec.encode(error_of(refusal, about)))


def hint_of(action: AnyAction) -> Hint:
    """Return the fields of a failed action that its error frame repeats."""
    name = type(action).__struct_config__.tag
    client_id, message_id = (getattr(action, f, None) for f in ("client_id", "message_id"))
    return codec.hint_of(name, client_id, message_id)
