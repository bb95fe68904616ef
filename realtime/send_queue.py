"""The send queue of one socket: bounded, and no sender waits for it.

DirectSendQueue is for servers that offer a FrameTransport, AsgiSendQueue for all others.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from ..protocol import codec
from ..protocol.errors import Close
from .frame_transport import FrameTransport, frame_head

DROP_THRESHOLD = 1 << 14  # unread bytes, far below a transport's high-water mark

LINK_BASE = "\0"  # a placeholder for the start of links, which differs by receiver
LINK_START = b'"file_url":"\\u0000'  # as JSON; no text of a user holds a NUL


class Batch:
    """Frames that are written to many sockets at once; they are joined once for all of them.

    Links to files start with LINK_BASE, which each send queue replaces by the base of its socket.
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
        """Return the batch with links that start with the base."""
        if self._has_links is None:
            self._has_links = LINK_START in b"".join(self.frames)
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
        """The frames as bytes for the wire, with their headers."""
        if self._wire is None:
            parts: list[bytes] = []
            for frame in self.frames:
                parts += frame_head(len(frame)), frame
            self._wire = b"".join(parts)
        return self._wire

    @property
    def texts(self) -> list[str]:
        """The frames as texts for ASGI."""
        if self._texts is None:
            self._texts = [f.decode() for f in self.frames]
            self.length = sum(map(len, self._texts))
        return self._texts


class SendQueue(Protocol):
    """The queue of frames for one socket."""

    on_drained: Callable[[], None] | None  # called when everything that waited has been sent

    @property
    def is_empty(self) -> bool:
        """Whether no frame waits."""
        ...

    def put(self, batch: Batch) -> bool:
        """Send a batch; return whether it was sent at once. Above the limit, close with 4008.

        `on_drained` is called when a queued batch has been sent.
        """
        ...

    def put_droppable(self, batch: Batch) -> None:
        """Send a batch that may be lost: only if the queue is empty, and without closing."""
        ...

    def close(self, close: Close) -> None:
        """Close the socket and drop the queue; the client resumes from its cursor."""
        ...


class DirectSendQueue:
    """Writes to the transport; batches wait here only while the peer leaves data unread."""

    __slots__ = (
        "_base",
        "_limit",
        "_protocol",
        "_size",
        "_timeout",
        "_timer",
        "_waiting",
        "on_drained",
    )  # fmt: skip

    def __init__(
        self, protocol: FrameTransport, limit: int, timeout: float, base: str = ""
    ) -> None:
        self._protocol = protocol
        self._base = base
        self._limit = limit
        self._timeout = timeout
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
        return self._keep_or_close(wire)

    def put_droppable(self, batch: Batch) -> None:
        if self._waiting is None and self._protocol.waiting() < DROP_THRESHOLD:
            self._protocol.write(batch.wire)

    def _keep_or_close(self, data: bytes) -> bool:
        """Keep data until the peer has caught up; close the socket if too much waits."""
        assert self._waiting is not None
        if self._size >= self._limit:
            self.close(Close.SLOW)
        else:  # the last batch may be of any size, such as a page that the client asked for
            self._waiting.append(data)
            self._size += len(data)
        return False

    def blocked(self, is_blocked: bool) -> None:
        """Handle a call of the transport: the peer leaves too much unread, or has caught up."""
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
                self._keep_or_close(data)
        if went_out and self._waiting is None and self.on_drained is not None:
            self.on_drained()

    def _watch(self, before: int) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._timeout, self._check, before)

    def _check(self, before: int) -> None:
        """Close the socket with 4008 if the peer has read nothing since the last check."""
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
