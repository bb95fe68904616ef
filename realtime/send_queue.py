"""The send queue of one socket: bounded, and no sender waits for it."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from ..protocol import codec
from ..protocol.errors import Close
from .frame_transport import FrameTransport, frame_head

log = logging.getLogger("roomcast.send_queue")
DROPPABLE_BELOW = (
    1 << 14
)  # unread bytes beside which there is room for more: far below a transport's mark
GONE = "A socket is gone: %r"  # servers name a lost peer each in their own way
Send = Callable[[dict[str, Any]], Awaitable[None]]

LINK_BASE = "\0"  # stands for where links start, which each receiver knows
LINK_START = b'"file_url":"\\u0000'  # as JSON; no text of a user holds a NUL


class Batch:
    """Frames that go to many sockets in one write each: joined once, whatever their number.

    Links to files in them start with LINK_BASE; each socket gets them with a base of its own.
    """

    __slots__ = ("_by_base", "_has_links", "_texts", "_wire", "frames", "length", "size")

    def __init__(self, frames: Sequence[bytes]) -> None:
        self.frames = frames
        self.size = sum(map(len, frames))
        self.length = 0  # of its texts, in characters
        self._wire: bytes | None = None
        self._texts: list[str] | None = None
        self._has_links: bool | None = None
        self._by_base: dict[str, Batch] | None = None

    def with_base(self, base: str) -> "Batch":
        """Returns the batch with links that start with the base."""
        if self._has_links is None:
            self._has_links = any(LINK_START in frame for frame in self.frames)
        if not self._has_links:
            return self
        if self._by_base is None:
            self._by_base = {}
        if base not in self._by_base:
            start = LINK_START.replace(b"\\u0000", codec.encode(base)[1:-1])
            self._by_base[base] = Batch([f.replace(LINK_START, start) for f in self.frames])
        return self._by_base[base]

    @property
    def wire(self) -> bytes:
        """Returns the frames as bytes for the wire, with their headers."""
        if self._wire is None:
            parts: list[bytes] = []
            for frame in self.frames:
                parts += frame_head(len(frame)), frame
            self._wire = b"".join(parts)
        return self._wire

    @property
    def texts(self) -> list[str]:
        """Returns the frames as texts for ASGI."""
        if self._texts is None:
            self._texts = [f.decode() for f in self.frames]
            self.length = sum(map(len, self._texts))
        return self._texts


class SendQueue(Protocol):
    on_drained: Callable[[], None] | None  # called when all that waited has gone out

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        ...

    def put(self, batch: Batch) -> bool:
        """Whether it went out at once. The socket is closed with 4008 when too much waits."""
        ...

    def put_droppable(self, batch: Batch) -> None:
        """Sends a batch that may be lost: it is sent while the queue is empty, and never closes."""
        ...

    def close(self, close: Close) -> None:
        """Closes the socket and drops the queue; the client resumes from its cursor."""
        ...


class DirectSendQueue:
    """Straight to the transport; only while the peer leaves data unread, it waits here."""

    __slots__ = (
        "_base", "_limit", "_patience", "_protocol", "_size", "_timer", "_waiting", "on_drained",
    )  # fmt: skip

    def __init__(
        self, protocol: FrameTransport, limit: int, patience: float, base: str = ""
    ) -> None:
        self._protocol = protocol
        self._base = base
        self._limit = limit
        self._patience = patience
        self._waiting: list[bytes] | None = None
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None
        self.on_drained: Callable[[], None] | None = None

    @property
    def is_empty(self) -> bool:
        return self._waiting is None

    def put(self, batch: Batch) -> bool:
        wire = batch.with_base(self._base).wire
        if self._waiting is None:
            return self._protocol.write(wire)
        return self._wait(wire)

    def put_droppable(self, batch: Batch) -> None:
        if self._waiting is None and self._protocol.waiting() < DROPPABLE_BELOW:
            self._protocol.write(batch.wire)

    def _wait(self, data: bytes) -> bool:
        assert self._waiting is not None
        if self._size >= self._limit:
            self.close(Close.SLOW)
        else:  # the last one may be of any size: its reader has asked for it
            self._waiting.append(data)
            self._size += len(data)
        return False

    def blocked(self, is_blocked: bool) -> None:
        """Called by the transport: the peer leaves too much unread, or has caught up."""
        if is_blocked:
            self._waiting = []
            self._watch(self._protocol.waiting())
            return
        waiting, self._waiting, self._size = self._waiting or [], None, 0
        self._stop_watching()
        went_out = True
        for data in waiting:
            if self._waiting is None:
                went_out = self._protocol.write(data) and went_out
            else:  # that write blocked again
                self._wait(data)
        if went_out and self._waiting is None and self.on_drained is not None:
            self.on_drained()

    def _watch(self, before: int) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._patience, self._check, before)

    def _check(self, before: int) -> None:
        """A slow reader may take its time; one that took nothing since the last look is gone."""
        now = self._protocol.waiting()
        if now < before:
            self._watch(now)
        else:
            self.close(Close.SLOW)

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self, close: Close) -> None:
        self._stop_watching()
        self._waiting = self.on_drained = None
        self._protocol.end(close.code, close.reason)


class AsgiSendQueue:
    """By `websocket.send`, under any server: a deque, and a task while there is something in it."""

    __slots__ = (
        "_base", "_closing", "_is_closed", "_limit", "_on_dead", "_patience", "_send", "_sent",
        "_size", "_task", "_timer", "_waiting", "on_drained",
    )  # fmt: skip

    def __init__(
        self,
        send: Send,
        limit: int,
        patience: float,
        base: str = "",
        on_dead: Callable[[], object] | None = None,
    ) -> None:
        """`on_dead` is called where not even a close frame goes out any more."""
        self._send = send
        self._on_dead = on_dead
        self._base = base
        self._limit = limit
        self._patience = patience
        self._waiting: deque[str] = deque()
        self._size = self._sent = 0
        self._task: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        self.on_drained: Callable[[], None] | None = None

    @property
    def is_empty(self) -> bool:
        return not self._waiting

    def put(self, batch: Batch) -> bool:
        if self._is_closed:
            return False
        if self._size >= self._limit:
            self.close(Close.SLOW)
            return False
        batch = batch.with_base(self._base)
        self._waiting.extend(batch.texts)
        self._size += batch.length
        if self._is_idle:
            self._task = asyncio.create_task(self._drain())
        return True

    def put_droppable(self, batch: Batch) -> None:
        if self._is_idle and not self._is_closed:
            self._task = asyncio.create_task(self._try(batch))

    @property
    def _is_idle(self) -> bool:
        return self._task is None or self._task.done()

    def close(self, close: Close) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        message = {"type": "websocket.close", "code": close.code, "reason": close.reason}
        self._closing = asyncio.create_task(self._close(message))

    async def _close(self, message: dict[str, Any]) -> None:
        if self._task is not None and not self._task.done():
            if message["code"] in (Close.SLOW.code, Close.DISCONNECTED.code):
                self._task.cancel()
            await asyncio.wait([self._task])
        if self._timer is not None:
            self._timer.cancel()
        try:
            async with asyncio.timeout(self._patience):
                await self._give(message)
        except TimeoutError:
            if self._on_dead is not None:
                self._on_dead()

    async def _try(self, batch: Batch) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                for text in batch.texts:
                    await self._give({"type": "websocket.send", "text": text})
        await self._drain()

    async def _drain(self) -> None:
        """Until nothing waits, also of what is put into it meanwhile."""
        waiting, send = self._waiting, self._send
        if self._timer is None:
            self._watch()
        while waiting:
            try:
                while waiting:
                    await send({"type": "websocket.send", "text": waiting[0]})
                    self._size -= len(waiting.popleft())
                    self._sent += 1
            except Exception as error:
                log.debug(GONE, error)
                waiting.clear()
                return self.close(Close.SLOW)
            if self.on_drained is not None and not self._is_closed:
                self.on_drained()
        return None

    async def _give(self, message: dict[str, Any]) -> None:
        """To a peer that may be gone."""
        try:
            await self._send(message)
        except Exception as error:
            log.debug(GONE, error)

    def _watch(self) -> None:
        """A look now and then; a time limit for each frame costs as much as the frame."""
        assert self._task is not None
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._patience, self._check, self._task, self._sent)

    def _check(self, drain: asyncio.Task[None], before: int) -> None:
        self._timer = None
        if not self._waiting:
            return
        if self._sent > before or self._task is not drain:
            self._watch()
        else:
            self._waiting.clear()
            drain.cancel()
            self.close(Close.SLOW)
