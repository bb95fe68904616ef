"""uvicorn's WebSocket protocol with a shorter way in and out, offered as an ASGI extension.

Ready frames, joined, go straight to the transport, and texts come in by a callback: measured, this
more than doubles what one process carries. An app that does not know the extension works as ever.

Nothing here is done without a limit: a slice of a few frames at a time, so that other connections
have their turn; control frames and small fragments by a token bucket; nothing at all is read
before the app wants it; and after a close frame what still comes is thrown away.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.frames import Frame
from websockets.frames import Opcode as Kind
from websockets.http11 import Request

from ..protocol.errors import Close
from ..realtime.frame_transport import EXTENSION, REFUSED_AT_ONCE, REFUSED_PAUSE, OnText
from .frame_reader import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    FrameError,
    FrameReader,
    close_frame,
    frame_of,
    read_close,
)
from .linger import Linger

log = logging.getLogger("roomcast.wire")

REFUSED = "request refused: status=%s client=%s reason=%s"
FRAMES_PER_SLICE = 64  # then other connections have their turn
BYTES_PER_SLICE = 1 << 16
FLOOD_RATE = 100.0  # control frames and small fragments a second, and how many at once
SMALL_FRAGMENT = 1 << 12  # bytes; larger ones are what browsers cut large messages into
FRAMES_AFTER_CLOSE = 64  # among which the peer's answer to our close frame is looked for

# Reasons for which nothing is read: nobody knows yet whether the socket may be there; the app has
# as much as it can take; the peer sends faster than it may; the app has not accepted it.
HELD, FULL, TOO_FAST, NOT_ACCEPTED = 1, 2, 4, 8


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """`on_text` takes each text, and None for a binary message; it answers whether it refused it.

    `on_blocked` is called with whether the peer leaves data unread, or has caught up;
    `on_too_big` before the connection is closed for a frame over the limit;
    `on_lost` when the connection is gone, whatever ended it.
    """

    on_text: OnText | None = None
    on_blocked: Callable[[bool], None] | None = None
    on_too_big: Callable[[], None] | None = None
    on_lost: Callable[[], None] | None = None
    flood_rate = FLOOD_RATE
    transport: asyncio.Transport
    _waits_for = 0  # the reasons for which nothing is read now
    _refused = 0  # messages
    _is_reading = True  # what the transport was told last
    _is_scheduled = False  # a slice follows
    _is_discarding = False  # whatever comes is thrown away
    _linger: Linger | None = None

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.conn.available_extensions = None  # no compression: 30 KiB each, for short texts
        self._reader: FrameReader | None = None
        self._flood_left, self._flood_at = self.flood_rate, self.loop.time()
        self._after_close = FRAMES_AFTER_CLOSE

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
            log.warning(REFUSED, self.response.status_code, client, reason)

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

    # ------------------------------------------------------------ what comes in

    def data_received(self, data: bytes) -> None:
        if self._linger is not None:
            self._linger.was_heard = True
        if self._reader is None:
            self._shake_hands(data)
        elif not self._is_discarding:
            self._reader.feed(data)
            if not self._is_scheduled:
                self._read()

    def _read(self) -> None:
        """A slice of what has come in; the next one follows when others have had their turn."""
        self._is_scheduled = False
        if self._reader is not None and not self._may_not_read:
            try:
                self._read_slice(self._reader)
            except FrameError as error:
                self._fail(error)
        if self._waits_for or self.read_paused or self._is_scheduled or not self._is_reading:
            self._update_reading()

    def _read_slice(self, reader: FrameReader) -> None:
        frames, size = FRAMES_PER_SLICE, BYTES_PER_SLICE
        while (frame := reader.next()) is not None:
            opcode, content = frame
            on_text = self.on_text
            if opcode != TEXT or on_text is None or self.close_sent:
                self._take(opcode, content)
            elif on_text(content):
                self._slow_down()
            if self._waits_for or self.read_paused or self._is_discarding:
                return
            frames -= 1
            size -= len(content)
            if not frames or size <= 0:
                self._is_scheduled = True
                self.loop.call_soon(self._read)
                return

    def _take(self, opcode: int, content: bytes) -> None:
        if self.close_sent:
            self._take_after_close(opcode)
        elif opcode in (TEXT, BINARY):
            self._take_message(opcode, content)
        elif len(content) < SMALL_FRAGMENT and self._is_flood():
            self.end(*Close.FLOOD.value)
        elif opcode == PING:
            self.transport.write(frame_of(PONG, content))
        elif opcode == PONG:
            self.handle_pong(Frame(Kind.PONG, content))
        elif opcode == CLOSE:
            self._answer_close(content)

    def _take_message(self, opcode: int, content: bytes) -> None:
        if self.on_text is None:
            self._queue(opcode, content)
        elif self.on_text(content if opcode == TEXT else None):
            self._slow_down()

    def _slow_down(self) -> None:
        """Who sends too fast is read less often: each refusal costs as much as what it refuses."""
        self._refused += 1
        if self._refused % REFUSED_AT_ONCE == 0:
            self._waits_for |= TOO_FAST
            self.loop.call_later(REFUSED_PAUSE, self._resume, TOO_FAST)

    def _is_flood(self) -> bool:
        now = self.loop.time()
        refilled = self._flood_left + (now - self._flood_at) * self.flood_rate
        self._flood_left, self._flood_at = min(self.flood_rate, refilled) - 1, now
        return self._flood_left < 0

    def _queue(self, opcode: int, content: bytes) -> None:
        """For an app that asks by `receive()`: one message at a time."""
        message: dict[str, object] = {"type": "websocket.receive"}
        message |= {"text": content.decode()} if opcode == TEXT else {"bytes": content}
        self.queue.put_nowait(message)  # type: ignore[arg-type]
        self.read_paused = True

    async def receive(self) -> Any:
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self._read_on()
        return message

    # ------------------------------------------------------------ whether more is wanted

    @property
    def _may_not_read(self) -> bool:
        """Whether nobody is there for more. After a close everything is read, and thrown away."""
        return bool((self._waits_for or self.read_paused) and not self.close_sent)

    def _read_on(self) -> None:
        if not self._is_scheduled:
            self._read()

    def _update_reading(self) -> None:
        """Tells the transport whether to read, where that has changed."""
        is_full = self._is_scheduled and self._reader and self._reader.buffered > BYTES_PER_SLICE
        is_wanted = not (is_full or self._may_not_read)
        if is_wanted != self._is_reading and not self.transport.is_closing():
            self._is_reading = is_wanted
            (self.transport.resume_reading if is_wanted else self.transport.pause_reading)()

    def pause_reading(self) -> None:
        self._waits_for |= FULL
        self._update_reading()

    def resume_reading(self) -> None:
        self._resume(FULL)

    def _resume(self, reasons: int) -> None:
        self._waits_for &= ~reasons
        self._read_on()

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

    def _stop_reading(self) -> None:
        """Nothing is parsed any more, and what came in is forgotten."""
        self._is_discarding = True
        if self._reader is not None:
            self._reader.clear()

    def _fail(self, error: FrameError) -> None:
        """The peer broke the protocol: it is told how, and nothing else that it sends counts."""
        if error.code == Close.TOO_BIG.code and self.on_too_big is not None and not self.close_sent:
            self.on_too_big()
        self._stop_reading()
        self.end(error.code, error.reason)

    def _take_after_close(self, opcode: int) -> None:
        """The peer's answer to our close frame is the end; it is looked for, but not for long."""
        self._after_close -= 1
        if opcode == CLOSE:
            self._stop_reading()
            self.transport.close()
        elif not self._after_close:
            self._stop_reading()

    def _answer_close(self, content: bytes) -> None:
        """The peer ends: from here on nothing is written, whatever it leaves unread."""
        code, reason = read_close(content)
        self._stop_reading()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(frame_of(CLOSE, content))
        self.close_sent = True
        self.stop_keepalive()
        self._start_lingering()
        self.transport.close()

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


def forget_tracebacks(error: BaseException | None) -> None:
    """Of an exception that somebody keeps, and of those before it: they hold all their frames."""
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
