"""The interface of a server that offers direct access to the transport of a socket.

Such a server puts a FrameTransport into `scope["extensions"]` under TRANSPORT_EXTENSION.
"""

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

TRANSPORT_EXTENSION = "roomcast.direct"
MAX_REFUSED_MESSAGES = 8  # messages refused by the rate limit, after which their socket is not read
REFUSED_PAUSE = 0.05  # for so many seconds
OnText = Callable[[bytes | None], object]


class FrameTransport(Protocol):
    """One WebSocket: a callback receives its texts, and `write` sends whole frames."""

    def hold(self) -> None:
        """Read nothing until `begin` or `end` is called."""
        ...

    def begin(
        self,
        on_text: OnText,
        on_blocked: Callable[[bool], None],
        on_too_big: Callable[[], None] | None = None,
    ) -> None:
        """Pass texts to `on_text` from now on; it returns whether the client sends too fast.

        `on_text` gets None for a binary message. `on_blocked` is called with whether the peer
        leaves data unread, `on_too_big` before the connection is closed for a frame over the limit.
        """
        ...

    def write(self, data: bytes) -> bool:
        """Write whole frames; return False if the connection is lost."""
        ...

    def waiting(self) -> int:
        """Return the bytes that wait for the peer, without those in the kernel's buffers."""
        ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def end(self, code: int, reason: str) -> None:
        """Close the connection, even if the peer reads nothing."""
        ...


@lru_cache(4096)
def frame_head(size: int) -> bytes:
    """Return the header of an unmasked, final text frame of `size` bytes (RFC 6455, 5.2)."""
    if size < 126:
        return bytes((0x81, size))
    if size < 65_536:
        return struct.pack("!BBH", 0x81, 126, size)
    return struct.pack("!BBQ", 0x81, 127, size)
