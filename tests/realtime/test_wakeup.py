"""A bell wakes all who wait, and none of them loses another's ring."""

import asyncio

from roomcast.realtime.wakeup import Wakeup


async def test_everybody_who_waits_hears_the_next_ring() -> None:
    bell = Wakeup()
    waiting = [asyncio.create_task(bell.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    bell.notify()
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)


async def test_who_is_cancelled_takes_the_ring_from_nobody() -> None:
    bell = Wakeup()
    one, other = (asyncio.create_task(bell.wait()) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    await asyncio.gather(one, return_exceptions=True)
    assert one.cancelled()
    bell.notify()
    async with asyncio.timeout(5):
        await other


async def test_a_ring_that_nobody_waited_for_is_gone() -> None:
    bell = Wakeup()
    bell.notify()
    late = asyncio.create_task(bell.wait())
    await asyncio.sleep(0)
    assert not late.done()
    bell.notify()
    async with asyncio.timeout(5):
        await late
