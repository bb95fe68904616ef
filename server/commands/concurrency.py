"""Work on many objects, some at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 8  # objects that are worked on at the same time


async def for_each(items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Do the work for each item; the first error is raised once all other work has stopped."""
    waiting = iter(items)

    async def carry() -> None:
        for item in waiting:
            await work(item)

    tasks = [asyncio.create_task(carry()) for _ in range(AT_ONCE)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
