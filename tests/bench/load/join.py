"""People come and go: connect, prove who one is, see the last fifty messages of an old room."""

import asyncio
from itertools import cycle
from time import perf_counter

from .. import machine
from .member import Member, Plan, Traffic, enter, enter_all, leave_all, percentile, token
from .wire import WIRES

TOGETHER = 16
PAGE = 50


async def run(plan: Plan) -> dict:
    wire = WIRES[plan.wire]
    await _say_something(plan)
    people = [(room, user, token(user, plan.secret)) for room, two in plan.rooms for user in two]
    turns = cycle(people)
    took: list[tuple[float, float]] = []  # when, how long
    wrong: list[str] = []
    began = perf_counter()
    end = began + plan.warm + plan.seconds

    async def come_and_go() -> None:
        while (start := perf_counter()) < end:
            room, user, proof = next(turns)
            member = Member(room, user, Traffic(), wire)
            await enter(member, plan.ports[0], proof)
            took.append((start, perf_counter() - start))
            if member.first.result().count(b'"message_id":') != PAGE:
                wrong.append(member.first.result()[:200].decode())
            await member.leave()
            wrong.extend(member.wrong)

    visitors = asyncio.gather(*(come_and_go() for _ in range(TOGETHER)))
    await asyncio.sleep(plan.warm)
    cost = machine.Cost(plan.pids, plan.engines)
    await visitors
    seconds = perf_counter() - began - plan.warm
    counted = [long * 1000 for at, long in took if at >= began + plan.warm]
    return {
        "joins": len(counted),
        "seconds": seconds,
        "rate": len(counted) / seconds,
        "p50": percentile(counted, 0.50),
        "p99": percentile(counted, 0.99),
        **cost.spent(seconds, len(counted)),
        "errors": len(wrong),
        "first_errors": wrong[:3],
    }


async def _say_something(plan: Plan) -> None:
    """Fifty messages in each room of a server that has none, so that it has them to show too."""
    traffic, wire = Traffic(), WIRES[plan.wire]
    speakers = [Member(room, two[0], traffic, wire) for room, two in plan.rooms]
    listeners = [Member(room, two[1], traffic, wire) for room, two in plan.rooms]
    await enter_all(speakers + listeners, plan)
    empty = [m for m in speakers if m.first.result().count(b'"message_id":') < PAGE]
    for speaker in empty * PAGE:
        speaker.say()
    await traffic.stop()
    await leave_all(speakers + listeners)
