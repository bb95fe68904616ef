"""uvicorn's WebSocket protocol with a faster path for frames, offered as an ASGI extension.

Encoded frames are written to the transport directly, and texts come in by a callback: as measured,
this more than doubles the throughput of a process. Apps without the extension work as before.
"""

import logging
from collections.abc import Callable
from typing import Any, cast

import uvicorn
from websockets.datastructures import Headers
from websockets.http11 import Request

from ..protocol.errors import Close
from ..realtime.frame_transport import TRANSPORT_EXTENSION, OnText
from .frame_flow import HELD_FRAMES, NOT_ACCEPTED, FrameFlow
from .frame_reader import FrameReader, close_frame
from .linger import Linger

log = logging.getLogger("roomcast.wire")

REFUSED = "request refused: status=%s client=%s reason=%s"


class WebSocketProtocol(FrameFlow):
    """`on_blocked` gets True if the peer leaves data unread, False when it has caught up.

    `on_lost` is called when the connection has ended for any reason.
    """

    on_blocked: Callable[[bool], None] | None = None
    on_lost: Callable[[], None] | None = None

    # ------------------------------------------------------------ the handshake

    def _shake_hands(self, head: bytes) -> None:
        """Handle the request, which uvicorn's HTTP protocol has parsed and written again.

        websockets' own parser does not answer lines over 8 KiB. It is also dropped here, because it
        is a reference cycle, which would wait for the garbage collector.
        """
        self._reader = FrameReader(self.config.ws_max_size)
        self.conn.parser = None  # type: ignore[assignment]
        self._waits_for = NOT_ACCEPTED
        self._update_reading()
        self.handle_connect(request_of(head))
        if self.response.status_code != 101:
            # Reference cycles: a parser, and the traceback of an exception.
            self.conn.parser = None  # type: ignore[assignment]
            forget_tracebacks(self.conn.handshake_exc)
            client = self.client[0] if self.client else "unknown"
            reason = bytes(self.response.body).decode().strip()
            report_refused(self.config, self.response.status_code, client, reason)

    async def run_asgi(self) -> None:
        extensions = cast(dict[str, object], self.scope["extensions"])
        extensions[TRANSPORT_EXTENSION] = self
        try:
            await super().run_asgi()
        finally:
            self.scope = {}  # type: ignore[typeddict-item] # a reference cycle by the extension
            if self._linger is None and not self.disconnected:
                self._start_lingering()

    def hold(self) -> None:
        """Read nothing until `begin` or `end`, because authentication is not done."""
        self._waits_for |= HELD_FRAMES
        self._update_reading()

    def begin(
        self,
        on_text: OnText,
        on_blocked: Callable[[bool], None],
        on_too_big: Callable[[], None] | None = None,
    ) -> None:
        """Use the callbacks from now on, and drop the headers of the handshake."""
        self.on_text, self.on_blocked, self.on_too_big = on_text, on_blocked, on_too_big
        # 4 KiB a connection, including the token; the task holds them too.
        self.request.headers.clear()
        cast(list[object], self.scope["headers"]).clear()
        self.scope["subprotocols"] = []
        self.request = self.response = None  # type: ignore[assignment]
        self._resume(HELD_FRAMES | NOT_ACCEPTED)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # Otherwise each would wait for the garbage collector.
        self.on_text = self.on_blocked = self.on_too_big = None
        self._linger = None
        self._stop_reading()
        if self.on_lost is not None:
            self.on_lost()
            self.on_lost = None

    # ------------------------------------------------------------ output

    async def send(self, message: Any) -> None:
        """Send an ASGI message; a close frame does not wait for a peer that reads nothing."""
        if message["type"] == "websocket.close" and self.handshake_complete and not self.close_sent:
            return self.end(message.get("code", 1000), message.get("reason") or "")
        await super().send(message)
        if message["type"] == "websocket.accept":
            self._resume(NOT_ACCEPTED)
        return None

    def write(self, data: bytes) -> bool:
        """Write encoded frames; return False if the connection has ended."""
        if self.close_sent or self.disconnected:
            return False
        self.transport.write(data)
        return True

    def waiting(self) -> int:
        """The bytes in our buffer, without those in the kernel's."""
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
        """Close, also if the peer reads nothing: ASGI's close would wait for it."""
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
        """Close with 1012 and a reason; uvicorn's method gives none."""
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
    """Remove the tracebacks of a kept exception and its causes, which hold all their frames."""
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


def request_of(head: bytes) -> Request:
    """Parse the head that uvicorn writes: one line for each header, unchanged."""
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    method, path, version = first.decode("ascii").split(" ", 2)
    headers = Headers()
    for line in lines:
        name, _, value = line.partition(b": ")
        headers[name.decode("ascii")] = value.decode("latin-1")
    return Request(path, headers, method, version)
