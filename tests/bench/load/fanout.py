"""A few write, many listen: how many messages a second reach the sockets of one large room."""

import asyncio
from time import perf_counter

from .. import machine
from .member import Member, Plan, Traffic, complaints, enter_all, leave_all
from .wire import WIRES

WRITERS = 8
IN_FLIGHT = 4


class Listener(Member):
    """Reads of each message no more than its version: there are many of them."""

    version = 0

    def hear(self, text: bytes) -> None:
        start = len(self.wire.chat)
        version = int(text[start : text.index(b",", start)])
        if version != self.version + 1 and self.version:
            self.wrong.append(f"version {version} after {self.version}")
        self.version = version
        self.heard.append(version)
        self.traffic.heard += 1
        self.traffic.arrived()


class Writer(Member):
    """Writes the next message as soon as one of its last four has come back."""

    def hear(self, text: bytes) -> None:
        super().hear(text)
        if self.heard[-1].sender_id == self.user and not self.traffic.stopped:
            self.say()


async def run(plan: Plan) -> dict:
    traffic, wire = Traffic(), WIRES[plan.wire]
    ((room, people),) = plan.rooms
    writers = [Writer(room, user, traffic, wire) for user in people[:WRITERS]]
    silent = people[WRITERS:] + people * (plan.sockets - 1)
    listeners = [Listener(room, user, traffic, wire) for user in silent]
    everyone = writers + listeners
    await enter_all(everyone, plan)
    for writer in writers:
        writer.sockets = len(everyone)
    for writer in writers * IN_FLIGHT:
        writer.say()
    await asyncio.sleep(plan.warm)
    before, cost, began = traffic.heard, machine.Cost(plan.pids, plan.engines), perf_counter()
    await asyncio.sleep(plan.seconds)
    await traffic.stop(30)
    seconds, deliveries = traffic.last - began, traffic.heard - before
    spent = cost.spent(seconds, deliveries)
    await leave_all(everyone)
    return {
        "rate": deliveries / seconds,
        "all_messages": sum(writer.sent for writer in writers),
        **spent,
        **_audit(writers, listeners),
    }


def _audit(writers: list[Writer], listeners: list[Listener]) -> dict:
    """Each socket has heard each version once, in order, and each mark of it once."""
    sent = sum(writer.sent for writer in writers)
    everyone = [[m.version for m in w.heard] for w in writers] + [m.heard for m in listeners]
    found = {
        "lost": sum(sent - len(set(versions)) for versions in everyone),
        "doubled": sum(len(versions) - len(set(versions)) for versions in everyone),
        "disordered": sum(versions != sorted(versions) for versions in everyone),
    }
    marks = [seen for m in (*writers, *listeners) for seen in (m.delivered, m.read)]
    return (
        found
        | {"receipts_wrong": sum(abs(n - sent) for n in marks)}
        | complaints([*writers, *listeners])
    )
