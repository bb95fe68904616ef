"""uvicorn's WebSocket protocol with a shorter way in and out, offered as an ASGI extension.

Ready frames, joined, go straight to the transport, and texts come in by a callback: measured, this
more than doubles what one process carries. The ASGI side stays whole: an app that does not know the
extension, or a connection that negotiated compression, works as ever.
"""

import asyncio
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import (  # type: ignore[attr-defined]
    Frame,
    apply_mask,  # in C, where that was built
)

from ..errors import Close

EXTENSION = "roomcast.direct"
FINAL, PLAIN, CONTROL, MASKED = 0x80, 0x81, 0x08, 0x80  # in the first bytes of a frame
CLOSE_WAIT = 4.0  # seconds for the peer to answer our close frame before the connection is cut


@lru_cache(4096)
def frame_head(size: int) -> bytes:
    """What stands before so many bytes of an unmasked, final text frame (RFC 6455, 5.2)."""
    if size < 126:
        return bytes((0x81, size))
    if size < 65_536:
        return struct.pack("!BBH", 0x81, 126, size)
    return struct.pack("!BBQ", 0x81, 127, size)


class UpgradingProtocol(HttpToolsProtocol):
    """Leaves no garbage where a connection goes on as a WebSocket."""

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        self.parser = None  # type: ignore[assignment] # as at its end: the two hold each other


class DirectProtocol(WebSocketsSansIOProtocol):
    """`on_text` takes each text frame, and None for a binary one.

    `on_blocked` hears whether the peer leaves data unread, or has caught up.
    """

    on_text: Callable[[bytes | None], None] | None = None
    on_blocked: Callable[[bool], None] | None = None
    transport: asyncio.Transport
    _is_upgraded = False  # the request has been handed over, and frames follow
    _is_fragmented = False  # websockets has the beginning of a message
    _owed = 0  # bytes, of a frame that websockets has the beginning of
    _tail = b""  # the beginning of a frame's head

    async def run_asgi(self) -> None:
        if not self.conn.extensions:
            extensions = cast(dict[str, object], self.scope["extensions"])
            extensions[EXTENSION] = self
        try:
            await super().run_asgi()
        finally:
            self.scope = {}  # type: ignore[typeddict-item] # it leads back here by the extension

    def begin(
        self, on_text: Callable[[bytes | None], None], on_blocked: Callable[[bool], None]
    ) -> None:
        """From here on frames go by the callbacks. The handshake's headers are not needed again."""
        self.on_text, self.on_blocked = on_text, on_blocked
        # 4 KiB a connection, and the token among it: websockets' parser and the task hold them too.
        self.request.headers.clear()
        cast(list[object], self.scope["headers"]).clear()
        self.scope["subprotocols"] = []
        self.request = self.response = None  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.on_text = self.on_blocked = None  # else each would wait for the garbage collector

    def data_received(self, data: bytes) -> None:
        """Plain texts, as clients send them, are taken here; all other frames are websockets' own.

        Only where frames end is known here (RFC 6455, 5.2), so that it gets each of its own whole:
        control frames, fragments, binary and large ones, and whatever is wrong.
        """
        if not self._is_upgraded:
            self._is_upgraded = True
            return super().data_received(data)
        data, self._tail = self._tail + data, b""
        pos, end = self._complete(data), len(data)
        while end - pos >= 2:
            size, start = data[pos + 1] & 127, pos + 6
            if size >= 126:
                start += 2 if size == 126 else 8
                if end < start - 4:
                    break
                size = int.from_bytes(data[pos + 2 : start - 4], "big")
            stop = start + size
            if (
                data[pos] == PLAIN
                and data[pos + 1] >= MASKED
                and stop <= end
                and size <= self.config.ws_max_size
                and self.on_text is not None
                and not (self._is_fragmented or self.close_sent)
            ):
                self.on_text(apply_mask(data[start:stop], data[start - 4 : start]))
            else:
                self._hand_over(data[pos:stop], stop - end)
            pos = stop
        self._tail = data[pos:]
        return None

    def _complete(self, data: bytes) -> int:
        """What websockets still misses of a frame; where the next one begins."""
        size = min(self._owed, len(data))
        if size:
            self._owed -= size
            super().data_received(data[:size])
        return size

    def _hand_over(self, frame: bytes, owed: int) -> None:
        """To websockets; so many bytes of it are still to come."""
        if owed > 0:
            self._owed = owed
        if frame[0] & 0x0F < CONTROL:
            self._is_fragmented = frame[0] < FINAL
        super().data_received(frame)

    def write(self, data: bytes) -> bool:
        """Whole frames, as they go over the wire; False where nobody is there any more."""
        if self.close_sent or self.disconnected:
            return False
        self.transport.write(data)
        return True

    def waiting(self) -> int:
        """Bytes that the peer has not taken yet, as far as they are not in the kernel."""
        return self.transport.get_write_buffer_size()

    def pause_reading(self) -> None:
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Not while uvicorn's queue still has what came before the app listened: it comes first."""
        is_queue_full = self.read_paused and not self.close_sent
        if not (is_queue_full or self.transport.is_closing()):
            self.transport.resume_reading()

    def end(self, code: int, reason: str) -> None:
        """Closes, also where the peer reads nothing: ASGI's close waits for that very reader."""
        if self.close_sent or self.disconnected:
            return
        self.stop_keepalive()
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.resume_reading()
        self.close_timer = self.loop.call_later(CLOSE_WAIT, self.transport.abort)

    def shutdown(self) -> None:
        """uvicorn's own says 1012 without a reason."""
        if self.handshake_complete and not (self.close_sent or self.disconnected):
            self.end(*Close.RESTART.value)
            self.transport.close()
        else:
            super().shutdown()

    def handle_parser_exception(self) -> None:
        """A frame too big, or none: closed, but what still comes is read and thrown away.

        Else the peer, amid its sending, would be told by a reset and not by the close frame.
        """
        if self.close_sent:
            return
        sent = self.conn.close_sent
        self.stop_keepalive()
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        code = 1006 if sent is None else sent.code
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": ""})
        self.resume_reading()
        self.close_timer = self.loop.call_later(CLOSE_WAIT, self.transport.abort)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.on_blocked is not None:
            self.on_blocked(True)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.on_blocked is not None:
            self.on_blocked(False)

    def send_receive_event_to_app(self) -> None:
        """Binary frames too: uvicorn's own queue would resume a reading that the app has paused."""
        if self.on_text is None:
            return super().send_receive_event_to_app()
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        if not self.close_sent:
            self.on_text(data if self.curr_msg_data_type == "text" else None)
        return None

    def handle_close(self, event: Frame) -> None:
        """The peer says goodbye: from here on nothing is written, whatever it leaves unread."""
        super().handle_close(event)
        if not self.close_sent:
            self.close_sent = True
            self.stop_keepalive()
            self.close_timer = self.loop.call_later(CLOSE_WAIT, self.transport.abort)
