"""A steady trickle, whatever the answers: how long a message takes to the other person."""

import asyncio
from time import perf_counter

from .. import machine
from .member import Member, Message, Plan, Traffic, audit, couples, enter_all, leave_all, percentile
from .wire import Wire

RATE = 200
SPIN = 0.002  # an event loop's own timers are good to a millisecond only


class Timed(Member):
    """Notes how long after its moment each of the other person's messages is here."""

    other: "Timed"

    def __init__(self, room: int, user: int, traffic: Traffic, wire: Wire) -> None:
        super().__init__(room, user, traffic, wire)
        self.due: list[float] = []
        self.took: list[float] = []

    def has(self, message: Message) -> None:
        self.took.append(perf_counter() - self.other.due[message.number])


async def run(plan: Plan) -> dict:
    traffic = Traffic()
    pairs = couples(Timed, plan, traffic)
    everyone = [member for pair in pairs for member in pair]
    await enter_all(everyone, plan)
    await _talk(pairs, plan.warm)
    for member in everyone:
        member.took.clear()
    cost = machine.Cost(plan.pids, plan.engines)
    late = await _talk(pairs, plan.seconds)
    await traffic.stop()
    took = [seconds * 1000 for member in everyone for seconds in member.took]
    spent = cost.spent(plan.seconds, len(took))
    await leave_all(everyone)
    return {
        "messages": len(took),
        "all_messages": sum(member.sent for member in everyone),
        "p50": percentile(took, 0.50),
        "p99": percentile(took, 0.99),
        "p999": percentile(took, 0.999),
        "worst": max(took, default=0.0),
        "sent_late_ms": late * 1000,
        **spent,
        **audit(pairs),
    }


async def _talk(pairs: list[tuple[Timed, Timed]], seconds: float) -> float:
    """Each message at its moment, the rooms in turn; how late the latest one was sent."""
    began, latest = perf_counter(), 0.0
    for n in range(int(seconds * RATE)):
        due = began + n / RATE
        while (left := due - perf_counter()) > 0:  # noqa: ASYNC110 - a moment, not an event
            await asyncio.sleep(max(0.0, left - SPIN))
        latest = max(latest, -left)
        sender = pairs[n % len(pairs)][n // len(pairs) % 2]
        sender.due.append(due)
        sender.say()
    return latest
