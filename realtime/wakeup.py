"""A signal that wakes all who wait for a change; it costs almost nothing without waiters."""

import asyncio


class Bell:
    """An asyncio.Event without a state: a waiter wakes at the next ring."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next: asyncio.Future[None] | None = None

    def ring(self) -> None:
        rung, self._next = self._next, None
        if rung is not None:
            rung.set_result(None)

    async def heard(self) -> None:
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._next)  # one of them may be cancelled
