"""A signal that wakes the tasks that wait for a change; it is cheap without waiting tasks."""

import asyncio


class Wakeup:
    """An asyncio.Event without a state: `notify` ends the waits that began before it."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next: asyncio.Future[None] | None = None

    def notify(self) -> None:
        """Wake every task that waits now."""
        done, self._next = self._next, None
        if done is not None:
            done.set_result(None)

    async def wait(self) -> None:
        """Wait for the next `notify`."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._next)  # one of the waiters may be cancelled
