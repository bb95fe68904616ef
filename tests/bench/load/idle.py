"""Open sockets on which nothing happens: what each costs, also when many come back at once."""

import asyncio
from time import perf_counter

from .. import machine
from .member import Member, Plan, Traffic, complaints, enter_all, leave_all, percentile
from .wire import WIRES

FIRST = 40  # what the server loads with its first guests is no cost of a socket
SETTLE = 0.5
BACK = 1_000  # sockets that are cut off and come back


async def run(plan: Plan) -> dict:
    traffic, wire = Traffic(), WIRES[plan.wire]

    def people() -> list[Member]:
        return [Member(room, user, traffic, wire) for room, two in plan.rooms for user in two]

    everyone = people()
    warm = people()[:FIRST]
    await enter_all(warm, plan)
    await leave_all(warm)
    await asyncio.sleep(SETTLE)
    before, began = machine.memory_kib(plan.pids), perf_counter()
    await enter_all(everyone, plan)
    connects = len(everyone) / (perf_counter() - began)
    await asyncio.sleep(SETTLE)
    cost = machine.Cost(plan.pids, plan.engines)
    await asyncio.sleep(plan.seconds)
    spent = cost.spent(plan.seconds, len(everyone))
    after = machine.memory_kib(plan.pids)
    back = await _cut_and_return(everyone[:BACK], people()[:BACK], plan)
    await leave_all(everyone[BACK:])
    return {
        "sockets": len(everyone),
        "kib": None if after is None else (after - (before or 0)) / len(everyone),
        "connects": connects,
        "idle_cpu": None if spent["server_cpu"] is None else spent["server_cpu"] * 100,
        "load_cpu": spent["load_cpu"],
        "server_kib": before,
        **back,
        **complaints(everyone),
    }


async def _cut_and_return(gone: list[Member], back: list[Member], plan: Plan) -> dict:
    """Without a closing handshake, and all at the same moment."""
    for member in gone:
        member.leaving = True
        member.transport.disconnect(graceful=False)
    began, took = perf_counter(), []
    for member in back:
        member.first.add_done_callback(lambda _: took.append((perf_counter() - began) * 1000))
    await enter_all(back, plan, at_once=len(back))
    seconds = perf_counter() - began
    await leave_all(back)
    return {"reconnects": len(back) / seconds, "reconnect_p99": percentile(took, 0.99)}
