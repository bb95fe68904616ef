"""Open sockets on which nothing happens: what each costs the server in memory."""

import asyncio
from time import perf_counter

from .. import machine
from .member import Member, Plan, Traffic, enter_all, leave_all

FIRST = 40  # what the server loads with its first guests is no cost of a socket
SETTLE = 1.0


async def run(plan: Plan) -> dict:
    traffic = Traffic()
    everyone = [Member(room, user, traffic) for room, *two in plan.rooms for user in two]
    warm = [Member(member.room, member.user, traffic) for member in everyone[:FIRST]]
    await enter_all(warm, plan)
    await leave_all(warm)
    await asyncio.sleep(SETTLE)
    before, began = machine.memory_kib(plan.pid), perf_counter()
    await enter_all(everyone, plan)
    connects = len(everyone) / (perf_counter() - began)
    await asyncio.sleep(SETTLE)
    cost = machine.Cost(plan.pid)
    await asyncio.sleep(plan.seconds)
    spent = cost.spent(plan.seconds, len(everyone))
    after = machine.memory_kib(plan.pid)
    wrong = [what for member in everyone for what in member.wrong]
    await leave_all(everyone)
    return {
        "sockets": len(everyone),
        "kib": None if after is None else (after - (before or 0)) / len(everyone),
        "connects": connects,
        **spent,
        "server_kib": before,
        "errors": len(wrong),
        "first_errors": wrong[:3],
    }
