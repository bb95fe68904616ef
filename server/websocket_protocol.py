"""uvicorn's WebSocket protocol with a shorter way in and out, offered as an ASGI extension.

Ready frames, joined, go straight to the transport, and texts come in by a callback: measured, this
more than doubles what one process carries. An app that does not know the extension works as ever.
"""

import logging
from collections.abc import Callable
from typing import Any, cast

import uvicorn
from websockets.datastructures import Headers
from websockets.http11 import Request

from ..protocol.errors import Close
from ..realtime.frame_transport import EXTENSION, OnText
from .frame_flow import HELD, NOT_ACCEPTED, FrameFlow
from .frame_reader import FrameReader, close_frame
from .linger import Linger

log = logging.getLogger("roomcast.wire")

REFUSED = "request refused: status=%s client=%s reason=%s"


class WebSocketProtocol(FrameFlow):
    """`on_blocked` is called with whether the peer leaves data unread, or has caught up.

    `on_lost` is called when the connection is gone, whatever ended it.
    """

    on_blocked: Callable[[bool], None] | None = None
    on_lost: Callable[[], None] | None = None

    # ------------------------------------------------------------ the handshake

    def _shake_hands(self, head: bytes) -> None:
        """The request, which uvicorn's HTTP protocol has parsed and written again.

        websockets' own parser takes lines of 8 KiB at most, and never answers a longer one. What it
        keeps is a cycle of objects, which would wait for the garbage collector.
        """
        self._reader = FrameReader(self.config.ws_max_size)
        self.conn.parser = None  # type: ignore[assignment]
        self._waits_for = NOT_ACCEPTED
        self._update_reading()
        self.handle_connect(request_of(head))
        if self.response.status_code != 101:
            # Cycles again: a parser, and the traceback of what was raised.
            self.conn.parser = None  # type: ignore[assignment]
            forget_tracebacks(self.conn.handshake_exc)
            client = self.client[0] if self.client else "unknown"
            reason = bytes(self.response.body).decode().strip()
            report_refused(self.config, self.response.status_code, client, reason)

    async def run_asgi(self) -> None:
        extensions = cast(dict[str, object], self.scope["extensions"])
        extensions[EXTENSION] = self
        try:
            await super().run_asgi()
        finally:
            self.scope = {}  # type: ignore[typeddict-item] # it leads back here by the extension
            if self._linger is None and not self.disconnected:
                self._start_lingering()

    def hold(self) -> None:
        """Nothing is read until `begin` or `end`: nobody knows yet whether it is wanted."""
        self._waits_for |= HELD
        self._update_reading()

    def begin(
        self,
        on_text: OnText,
        on_blocked: Callable[[bool], None],
        on_too_big: Callable[[], None] | None = None,
    ) -> None:
        """From here on frames go by the callbacks. The handshake's headers are not needed again."""
        self.on_text, self.on_blocked, self.on_too_big = on_text, on_blocked, on_too_big
        # 4 KiB a connection, and the token among it: the task holds them too.
        self.request.headers.clear()
        cast(list[object], self.scope["headers"]).clear()
        self.scope["subprotocols"] = []
        self.request = self.response = None  # type: ignore[assignment]
        self._resume(HELD | NOT_ACCEPTED)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # Else each would wait for the garbage collector.
        self.on_text = self.on_blocked = self.on_too_big = None
        self._linger = None
        self._stop_reading()
        if self.on_lost is not None:
            self.on_lost()
            self.on_lost = None

    # ------------------------------------------------------------ what goes out

    async def send(self, message: Any) -> None:
        """A close frame does not wait for a peer that reads nothing."""
        if message["type"] == "websocket.close" and self.handshake_complete and not self.close_sent:
            return self.end(message.get("code", 1000), message.get("reason") or "")
        await super().send(message)
        if message["type"] == "websocket.accept":
            self._resume(NOT_ACCEPTED)
        return None

    def write(self, data: bytes) -> bool:
        """Whole frames, as they go over the wire; False where nobody is there any more."""
        if self.close_sent or self.disconnected:
            return False
        self.transport.write(data)
        return True

    def waiting(self) -> int:
        """Bytes that the peer has not taken yet, as far as they are not in the kernel."""
        return self.transport.get_write_buffer_size()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.on_blocked is not None:
            self.on_blocked(True)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.on_blocked is not None:
            self.on_blocked(False)

    # ------------------------------------------------------------ the end

    def end(self, code: int, reason: str) -> None:
        """Closes, also where the peer reads nothing: ASGI's close waits for that very reader."""
        if self.close_sent or self.disconnected:
            return
        self.stop_keepalive()
        self.transport.write(close_frame(code, reason))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self._start_lingering()
        self._update_reading()

    def _start_lingering(self) -> None:
        if self.close_timer is None:
            self._linger = Linger(self.loop, self.transport)
            self.close_timer = self._linger  # type: ignore[assignment] # all that it needs

    def keepalive_timeout(self) -> None:
        self.pong_timer = None
        self.pending_ping_payload = None
        self.end(Close.INTERNAL.code, "keepalive ping timeout")

    def shutdown(self) -> None:
        """uvicorn's own says 1012 without a reason."""
        if self.handshake_complete:
            self.end(*Close.RESTART.value)
        else:
            super().shutdown()


def report_refused(config: uvicorn.Config, status: int, client: str, reason: str) -> None:
    """Log a connection that is refused before the app is called; count it where that is done."""
    log.warning(REFUSED, status, client, reason)
    on_refused: Callable[[int], None] | None = getattr(config, "on_refused", None)
    if on_refused is not None:
        on_refused(status)


def forget_tracebacks(error: BaseException | None) -> None:
    """Removes the tracebacks of a kept exception and its causes, which hold all their frames."""
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


def request_of(head: bytes) -> Request:
    """The head that uvicorn writes: one line for each header, in the form it had."""
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    method, path, version = first.decode("ascii").split(" ", 2)
    headers = Headers()
    for line in lines:
        name, _, value = line.partition(b": ")
        headers[name.decode("ascii")] = value.decode("latin-1")
    return Request(path, headers, method, version)
