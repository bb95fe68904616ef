"""The interface of a server that offers a shorter way than ASGI to a socket's transport.

A server that offers it puts a FrameTransport into `scope["extensions"]` under EXTENSION.
"""

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

EXTENSION = "roomcast.direct"
REFUSED_AT_ONCE = 8  # messages that were refused for their rate, after which
REFUSED_PAUSE = 0.05  # seconds their socket is not read
OnText = Callable[[bytes | None], object]


class FrameTransport(Protocol):
    """One WebSocket, with texts in by a callback and whole frames out."""

    def hold(self) -> None:
        """Reads nothing until `begin` or `end`."""
        ...

    def begin(
        self,
        on_text: OnText,
        on_blocked: Callable[[bool], None],
        on_too_big: Callable[[], None] | None = None,
    ) -> None:
        """From here on texts go to `on_text`, which answers whether the client sends too fast.

        A binary message is None there. `on_blocked` is called with whether the peer leaves data
        unread, `on_too_big` before the connection is closed for a frame over the limit.
        """
        ...

    def write(self, data: bytes) -> bool:
        """Whole frames, as they go over the wire; False where nobody is there any more."""
        ...

    def waiting(self) -> int:
        """Bytes that the peer has not taken yet, as far as they are not in the kernel."""
        ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def end(self, code: int, reason: str) -> None:
        """Closes, also where the peer reads nothing."""
        ...


@lru_cache(4096)
def frame_head(size: int) -> bytes:
    """Returns the header of an unmasked, final text frame of `size` bytes (RFC 6455, 5.2)."""
    if size < 126:
        return bytes((0x81, size))
    if size < 65_536:
        return struct.pack("!BBH", 0x81, 126, size)
    return struct.pack("!BBQ", 0x81, 127, size)
