"""What wakes all who wait for a change; nearly nothing, while nobody does."""

import asyncio


class Bell:
    """asyncio.Event without a state: who waits, hears the next ring."""

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
