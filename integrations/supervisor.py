"""Background tasks that last as long as the chat: one that ends is logged and restarted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger("roomcast.supervisor")

FIRST_RESTART_DELAY, MAX_RESTART_DELAY = 0.1, 30.0  # seconds; doubled with each failure in a row
STABLE_PERIOD = 60.0  # seconds after which a failure counts as the first one again


class Supervisor:
    """Starts tasks by name, and ends all of them at once."""

    def __init__(self, on_restart: Callable[[str], None]) -> None:
        """`on_restart` gets the name of a task that ended and is started again."""
        self._on_restart = on_restart
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` until the supervisor is closed."""
        task = asyncio.create_task(self._run(name, work), name=f"roomcast {name}")
        self._tasks.append(task)

    async def aclose(self) -> None:
        """Cancel all tasks, and wait for them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _run(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        delay, clock = FIRST_RESTART_DELAY, asyncio.get_running_loop().time
        while True:
            started = clock()
            try:
                await work()
                log.error("background task %s ended; it is started again", name)
            except Exception:
                log.exception("background task %s failed; it is started again", name)
            self._on_restart(name)
            if clock() - started > STABLE_PERIOD:
                delay = FIRST_RESTART_DELAY
            await asyncio.sleep(delay)
            delay = min(2 * delay, MAX_RESTART_DELAY)
