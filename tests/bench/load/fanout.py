"""A few write, many listen: how many messages a second reach the listeners of one large room.

Frames are not looked at while they come: a listener would cost more than the server's half of it.
All listeners must end with the same bytes, and those of one of them are read afterwards.
"""

import asyncio
import re
from collections.abc import Iterator
from time import perf_counter
from zlib import crc32

from .. import machine
from .member import Member, Plan, Traffic, all_seen, complaints, enter_all, jumps, leave_all
from .wire import WIRES, Wire

WRITERS = 4
IN_FLIGHT = 4
PATIENCE = 30.0
PRESENCE = re.compile(rb'\x81.\{"type":"presence"[^}]*\}', re.DOTALL)
CLOSE = b"\x88\x82\0\0\0\0\x03\xe8"  # 1000, masked with zeros (RFC 6455, 5.5.1)


class Writer(Member):
    """Writes the next message as soon as one of its last four has come back."""

    def hear(self, text: bytes) -> None:
        super().hear(text)
        if self.heard[-1].sender_id == self.user and not self.traffic.stopped:
            self.say()


class Listener(Member, asyncio.Protocol):
    """From its first frame on it takes the bytes as they are, in place of the library."""

    def __init__(self, room: int, user: int, traffic: Traffic, wire: Wire) -> None:
        super().__init__(room, user, traffic, wire)
        self.size = self.digest = 0
        self.kept: list[bytes] | None = None

    def listen(self) -> None:
        self.gone = asyncio.get_running_loop().create_future()
        self.stream = self.transport.underlying_transport
        self.stream.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        if self.leaving:
            return
        if b'"presence"' in data:  # is not told to who comes or goes, so streams differ by it
            data = PRESENCE.sub(b"", data)
        self.size += len(data)
        self.digest = crc32(data, self.digest)
        if self.kept is not None:
            self.kept.append(data)
        if self.traffic.stopped:
            self.traffic.last = perf_counter()

    def connection_lost(self, error: Exception | None) -> None:
        self.gone.set_result(None)
        if not self.leaving:
            self.wrong.append("disconnected")

    async def leave(self) -> None:
        self.leaving = True
        self.stream.write(CLOSE)
        await self.gone


async def run(plan: Plan) -> dict:
    traffic, wire = Traffic(), WIRES[plan.wire]
    [(room, people)] = plan.rooms
    writers = [Writer(room, user, traffic, wire) for user in people[:WRITERS]]
    silent = people[WRITERS:] + people * (plan.sockets - 1)
    listeners = [Listener(room, user, traffic, wire) for user in silent]
    await enter_all([*writers, *listeners], plan)
    await all_seen([*writers, *listeners])
    for listener in listeners:
        listener.listen()
    listeners[0].kept = []
    for writer in writers:
        writer.sockets = WRITERS
    for writer in writers * IN_FLIGHT:
        writer.say()
    await asyncio.sleep(plan.warm)
    before, cost = sum(m.size for m in listeners), machine.Cost(plan.pids, plan.engines)
    began = perf_counter()
    await asyncio.sleep(plan.seconds)
    await traffic.stop(PATIENCE)
    await _all_have_it(listeners)
    seconds, sent = traffic.last - began, sum(writer.sent for writer in writers)
    share = 1 - before / sum(m.size for m in listeners)
    deliveries = share * sent * len(listeners)
    spent = cost.spent(seconds, round(deliveries))
    await leave_all([*writers, *listeners])
    return {
        "rate": deliveries / seconds,
        "all_messages": sent,
        **spent,
        **_audit(writers, listeners),
        **complaints([*writers, *listeners]),
    }


async def _all_have_it(listeners: list[Listener]) -> None:
    deadline = perf_counter() + PATIENCE
    while len({m.size for m in listeners}) > 1 and perf_counter() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.002)


def _audit(writers: list[Writer], listeners: list[Listener]) -> dict:
    """One listener has each message once, in order, and its marks; the others have the same."""
    sent = sum(writer.sent for writer in writers)
    witness = Member(0, 0, Traffic(), writers[0].wire)
    for text in frames(b"".join(listeners[0].kept or ())):
        witness.take(text)
    numbers = {(m.sender_id, m.number) for m in witness.heard}
    whole, digest = listeners[0].size, listeners[0].digest
    return {
        "lost": sent - len(numbers) + sum(m.size < whole for m in listeners),
        "doubled": len(witness.heard) - len(numbers) + sum(m.size > whole for m in listeners),
        "disordered": jumps([m.version for m in witness.heard])
        + sum(m.digest != digest for m in listeners if m.size == whole),
        "receipts_wrong": abs(witness.delivered - sent) + abs(witness.read - sent),
    }


def frames(data: bytes) -> Iterator[bytes]:
    """What a server's unmasked, whole frames hold (RFC 6455, 5.2)."""
    at = 0
    while at < len(data):
        length, head = data[at + 1], 2
        if length > 125:
            head = 4 if length == 126 else 10
            length = int.from_bytes(data[at + 2 : at + head], "big")
        yield data[at + head : at + head + length]
        at += head + length
