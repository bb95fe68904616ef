"""Everyone writes at once: how many messages a second reach the other person."""

import asyncio
from time import perf_counter

from .. import machine
from .member import Member, Message, Plan, Traffic, audit, couples, enter_all, leave_all

IN_FLIGHT = 4


class Talker(Member):
    """Writes the next message as soon as the other person has one of the last four."""

    other: "Talker"

    def has(self, message: Message) -> None:
        if not self.traffic.stopped:
            self.other.say()


async def run(plan: Plan) -> dict:
    traffic = Traffic()
    pairs = couples(Talker, plan, traffic)
    everyone = [member for pair in pairs for member in pair]
    await enter_all(everyone, plan)
    for member in everyone * IN_FLIGHT:
        member.say()
    await asyncio.sleep(plan.warm)
    before, cost, began = traffic.heard, machine.Cost(plan.pids, plan.engines), perf_counter()
    await asyncio.sleep(plan.seconds)
    await traffic.stop()
    seconds, messages = traffic.last - began, traffic.heard - before
    spent = cost.spent(seconds, messages)
    await leave_all(everyone)
    return {
        "messages": messages,
        "seconds": seconds,
        "rate": messages / seconds,
        "all_messages": sum(member.sent for member in everyone),
        **spent,
        **audit(pairs),
    }
