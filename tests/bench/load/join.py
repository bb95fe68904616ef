"""People come and go: connect, prove who one is, see the last fifty messages of an old room."""

import asyncio
from itertools import cycle
from time import perf_counter

from .. import machine
from .member import Member, Plan, Traffic, enter, enter_all, leave_all, percentile, token

AT_ONCE = 16
PAGE = 50


async def run(plan: Plan) -> dict:
    await _say_something(plan)
    people = [(room, user, token(user, plan.secret)) for room, *two in plan.rooms for user in two]
    turns = cycle(people)
    took: list[tuple[float, float]] = []  # when, how long
    wrong: list[str] = []
    began = perf_counter()
    end = began + plan.warm + plan.seconds

    async def come_and_go() -> None:
        while (start := perf_counter()) < end:
            room, user, proof = next(turns)
            member = Member(room, user, Traffic())
            await enter(member, plan.port, proof)
            took.append((start, perf_counter() - start))
            if member.first.result().count(b'"message_id":') != PAGE:
                wrong.append(member.first.result()[:200].decode())
            await member.leave()
            wrong.extend(member.wrong)

    visitors = asyncio.gather(*(come_and_go() for _ in range(AT_ONCE)))
    await asyncio.sleep(plan.warm)
    cost = machine.Cost(plan.pid)
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
    """Fifty messages in each room, so that a server without a memory has them to show too."""
    traffic = Traffic()
    speakers = [Member(room, user, traffic) for room, user, _ in plan.rooms]
    listeners = [Member(room, user, traffic) for room, _, user in plan.rooms]
    await enter_all(speakers + listeners, plan)
    for speaker in speakers * PAGE:
        speaker.say()
    await traffic.stop()
    await leave_all(speakers + listeners)
