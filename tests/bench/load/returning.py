"""Valkey is killed under load: how long after its return one process hears the other again."""

import asyncio
from collections.abc import Callable
from time import perf_counter

from .member import Member, Message, Plan, Traffic, audit, couples, enter_all, leave_all

EVERY = 0.01  # seconds between two messages


class Hearer(Member):
    """Notes when it first heard the other one again."""

    other: "Hearer"
    at = 0.0
    back: float | None = None

    def has(self, message: Message) -> None:
        if self.back is not None and not self.at:
            self.at = perf_counter()


async def run(plan: Plan, kill: Callable[[], None], start: Callable[[], None]) -> dict:
    """`start` returns when Valkey answers."""
    traffic = Traffic()
    pairs = couples(Hearer, plan, traffic)
    everyone = [member for pair in pairs for member in pair]
    await enter_all(everyone, plan)
    talking = asyncio.create_task(_talk([pair[0] for pair in pairs]))
    await asyncio.sleep(plan.warm)
    await asyncio.to_thread(kill)
    await asyncio.sleep(plan.seconds)
    await asyncio.to_thread(start)
    back = perf_counter()
    for member in everyone:
        member.back = back
    while not all(b.at for _, b in pairs) and perf_counter() < back + 30:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    talking.cancel()
    await traffic.stop()
    await leave_all(everyone)
    return {
        "first": min(b.at for _, b in pairs) - back,
        "last": max(b.at for _, b in pairs) - back,
        "all_messages": sum(member.sent for member in everyone),
        **audit(pairs),
    }


async def _talk(members: list[Hearer]) -> None:
    while True:
        for member in members:
            member.say()
            await asyncio.sleep(EVERY)
