"""Backpressure: a socket is not read while too many of its actions wait."""

from ..realtime.frame_transport import FrameTransport
from ..realtime.wakeup import Wakeup


class FlowControl:
    """Counts the actions of one socket that wait, and their bytes.

    Reading pauses at `max_count` actions or above `max_size` bytes, and resumes at half of both.
    """

    __slots__ = ("_count", "_max_count", "_max_size", "_size", "_wakeup", "is_paused", "transport")

    def __init__(self, max_count: int, max_size: int) -> None:
        self._max_count = max_count
        self._max_size = max_size
        self._count = self._size = 0
        self._wakeup = Wakeup()
        self.is_paused = False
        self.transport: FrameTransport | None = None  # where the server offers one

    def add(self, size: int = 0) -> None:
        """Count one more waiting action of this size in bytes; pause reading above the limits."""
        self._count += 1
        self._size += size
        if not self.is_paused and (self._count >= self._max_count or self._size > self._max_size):
            self.is_paused = True
            if self.transport is not None:
                self.transport.pause_reading()

    def remove(self, size: int = 0) -> None:
        """Count one waiting action less; resume reading below half of the limits."""
        self._count -= 1
        self._size -= size
        self._wakeup.notify()
        if self.is_paused and self._is_low:
            self.is_paused = False
            if self.transport is not None:
                self.transport.resume_reading()

    @property
    def _is_low(self) -> bool:
        return self._count <= self._max_count // 2 and self._size <= self._max_size // 2

    def notify(self) -> None:
        """Wake the tasks in `wait`, so that they check their condition again."""
        self._wakeup.notify()

    async def wait(self) -> None:
        """Wait until an action is finished, or the socket has ended."""
        await self._wakeup.wait()
