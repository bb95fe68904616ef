"""The reading side of a WebSocket: frames in slices, within limits, and only if the app wants them.

A slice is a few frames, after which other connections have their turn. A token bucket limits
control frames and small fragments, a budget of the process the bytes of large frames. Nothing is
read before the app wants it; after a close frame, all input is discarded.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.frames import Opcode as Kind

from ..protocol.errors import Close
from ..realtime.frame_transport import MAX_REFUSED_MESSAGES, REFUSED_PAUSE, OnText
from .frame_reader import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    FrameError,
    FrameReader,
    frame_of,
    read_close,
)
from .linger import Linger

FRAMES_PER_SLICE = 64  # then other connections have their turn
BYTES_PER_SLICE = 1 << 16
FLOOD_RATE = 100.0  # control frames and small fragments a second, and how many at once
SMALL_FRAGMENT_SIZE = 1 << 12  # bytes; browsers cut large messages into larger ones
LARGE_FRAME_SIZE = 1 << 18  # bytes of an unfinished message that the budget counts
MAX_FRAMES_AFTER_CLOSE = 64  # among which the peer's close frame may be

# Reasons to read nothing: authentication is not done; the app's queue is full; the peer sends
# faster than it may; the app has not accepted the socket.
HELD_FRAMES, BUFFER_FULL, TOO_FAST, NOT_ACCEPTED = 1, 2, 4, 8


class FloodBucket:
    """A token bucket for frames that are expensive and carry little."""

    __slots__ = ("_at", "_left", "_rate")

    def __init__(self, rate: float, now: float) -> None:
        self._rate = self._left = rate
        self._at = now

    def is_empty(self, now: float) -> bool:
        """Take one token; return whether there was none."""
        self._left = min(self._rate, self._left + (now - self._at) * self._rate) - 1
        self._at = now
        return self._left < 0


class FrameBudget:
    """The bytes of unfinished large messages in all connections."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = 0

    def change(self, difference: int) -> bool:
        """Change the number of bytes; return whether it is still within the budget."""
        self.held += difference
        return self.held <= self._most


class FrameFlow(WebSocketsSansIOProtocol):
    """`on_text` gets each text, or None for a binary message; it returns whether it refused it.

    `on_too_big` is called before the connection is closed for a frame over the limit.
    """

    on_text: OnText | None = None
    on_too_big: Callable[[], None] | None = None
    flood_rate = FLOOD_RATE
    transport: asyncio.Transport
    _waits_for = 0  # the present reasons to read nothing
    _refused = 0  # messages
    _is_reading = True  # the last state that was set on the transport
    _is_scheduled = False  # whether another slice follows
    _is_discarding = False  # whether all input is discarded
    _counted = 0  # bytes of an unfinished message that are in the budget
    _linger: Linger | None = None

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.conn.available_extensions = None  # no compression: 30 KiB each, for short texts
        self._reader: FrameReader | None = None
        self._budget: FrameBudget | None = getattr(self.config, "frame_budget", None)
        self._flood = FloodBucket(self.flood_rate, self.loop.time())
        self._after_close = MAX_FRAMES_AFTER_CLOSE

    def _shake_hands(self, head: bytes) -> None:
        raise NotImplementedError

    def end(self, code: int, reason: str) -> None:
        raise NotImplementedError

    def _start_lingering(self) -> None:
        raise NotImplementedError

    # ------------------------------------------------------------ input

    def data_received(self, data: bytes) -> None:
        if self._linger is not None:
            self._linger.has_received = True
        if self._reader is None:
            self._shake_hands(data)
        elif not self._is_discarding:
            self._reader.feed(data)
            if not self._is_scheduled:
                self._read()
            if self._counted or self._reader.held > LARGE_FRAME_SIZE:
                self._count(self._reader.held)

    def _count(self, held: int) -> None:
        """Count the bytes of an unfinished large message in the budget of the process."""
        before, self._counted = self._counted, held if held > LARGE_FRAME_SIZE else 0
        difference = self._counted - before
        is_within = self._budget is None or self._budget.change(difference)
        if difference > 0 and not is_within:
            self._stop_reading()
            self.end(*Close.TOO_MUCH.value)

    def _read(self) -> None:
        """Read a slice of the input; the next slice follows after other connections."""
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
        elif len(content) < SMALL_FRAGMENT_SIZE and self._flood.is_empty(self.loop.time()):
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
        """Pause reading from a client that sends too fast: refusals cost as much as actions."""
        self._refused += 1
        if self._refused % MAX_REFUSED_MESSAGES == 0:
            self._waits_for |= TOO_FAST
            self.loop.call_later(REFUSED_PAUSE, self._resume, TOO_FAST)

    def _queue(self, opcode: int, content: bytes) -> None:
        """Queue a message for an app that calls `receive()`, which gets one at a time."""
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

    # ------------------------------------------------------------ pausing

    @property
    def _may_not_read(self) -> bool:
        """Return whether the app can't take more; after a close, all input is discarded."""
        return bool((self._waits_for or self.read_paused) and not self.close_sent)

    def _read_on(self) -> None:
        if not self._is_scheduled:
            self._read()

    def _update_reading(self) -> None:
        """Pause or resume the transport if that has changed."""
        is_full = self._is_scheduled and self._reader and self._reader.buffered > BYTES_PER_SLICE
        is_wanted = not (is_full or self._may_not_read)
        if is_wanted != self._is_reading and not self.transport.is_closing():
            self._is_reading = is_wanted
            (self.transport.resume_reading if is_wanted else self.transport.pause_reading)()

    def pause_reading(self) -> None:
        self._waits_for |= BUFFER_FULL
        self._update_reading()

    def resume_reading(self) -> None:
        self._resume(BUFFER_FULL)

    def _resume(self, reasons: int) -> None:
        self._waits_for &= ~reasons
        self._read_on()

    # ------------------------------------------------------------ the end

    def _stop_reading(self) -> None:
        """Stop parsing, and drop the input."""
        self._is_discarding = True
        if self._reader is not None:
            self._reader.clear()
            self._count(0)

    def _fail(self, error: FrameError) -> None:
        """Close the connection for a protocol error, and read nothing more."""
        if error.code == Close.TOO_BIG.code and self.on_too_big is not None and not self.close_sent:
            self.on_too_big()
        self._stop_reading()
        self.end(error.code, error.reason)

    def _take_after_close(self, opcode: int) -> None:
        """Look for the peer's answer to our close frame in a limited number of frames."""
        self._after_close -= 1
        if opcode == CLOSE:
            self._stop_reading()
            self.transport.close()
        elif not self._after_close:
            self._stop_reading()

    def _answer_close(self, content: bytes) -> None:
        """Answer the peer's close frame; nothing is written after it."""
        code, reason = read_close(content)
        self._stop_reading()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(frame_of(CLOSE, content))
        self.close_sent = True
        self.stop_keepalive()
        self._start_lingering()
        self.transport.close()
