"""A working day: most sockets are silent; some people write, type, read, edit, look around."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from itertools import cycle
from time import perf_counter

from picows import WSMsgType

from .. import machine
from .http import Http
from .member import (
    Member,
    Message,
    Plan,
    Traffic,
    audit,
    complaints,
    couples,
    enter,
    enter_all,
    leave_all,
    percentile,
    token,
)
from .wire import WIRES, Wire

RATE = 200  # things that are begun in a second, all together
OFTEN = ("write",) * 4 + ("type",) * 2 + ("read", "edit", "join", "list")  # of each ten
ROOMS = {"write": 400, "type": 300, "read": 100, "edit": 100, "join": 100, "list": 0}
TYPING = b'{"type":"typing"'
EDITED = b'{"type":"message_edited"'


class Person(Member):
    """Knows when it began something that the other one waits for."""

    other: "Person"

    def __init__(self, room: int, user: int, traffic: Traffic, wire: Wire) -> None:
        super().__init__(room, user, traffic, wire)
        self.began: dict[str, float] = {}
        self.took: dict[str, list[float]] = defaultdict(list)

    def take(self, text: bytes) -> None:
        if text.startswith(EDITED):
            self.end("edit")
        elif text.startswith(TYPING):
            self.end("type")
        else:
            if text.startswith(self.wire.read):
                self.end("read")
            super().take(text)

    def has(self, message: Message) -> None:
        self.end("write")
        if self.wire is WIRES["manual"]:
            self.begin("read", b'{"action":"read","message_id":%d}' % message.message_id)

    def begin(self, what: str, frame: bytes) -> None:
        self.began[what] = perf_counter()
        self.transport.send(WSMsgType.TEXT, frame)

    def end(self, what: str) -> None:
        if began := self.other.began.pop(what, None):
            self.took[what].append(perf_counter() - began)

    def write(self) -> None:
        self.began["write"] = perf_counter()
        self.say()

    def type(self) -> None:
        self.begin("type", b'{"action":"typing"}')

    def edit(self) -> None:
        last = self.heard[-1].message_id
        frame = b'{"action":"edit","message_id":%d,"text":"Better said at %d"}'
        self.begin("edit", frame % (last, perf_counter() * 1e6))


async def run(plan: Plan) -> dict:
    traffic = Traffic()
    pairs = couples(Person, plan, traffic)
    rest = iter(pairs)
    doers = {what: [next(rest) for _ in range(count)] for what, count in ROOMS.items()}
    for _, other in doers["read"]:
        other.wire = WIRES["manual"]
    everyone = [person for pair in pairs for person in pair]
    await enter_all(everyone, plan)
    for a, _ in doers["edit"]:
        a.say()
    await traffic.none()
    visits = Visits(plan, [pair[1] for pair in doers["join"]], [pair[0] for pair in pairs])
    await visits.open()
    turns = {what: cycle(pair[0] for pair in pairs) for what, pairs in doers.items()}
    await _live(turns, visits, plan.warm)
    cost = machine.Cost(plan.pids, plan.engines)
    for person in everyone:
        person.took.clear()
    visits.took.clear()
    begun = await _live(turns, visits, plan.seconds)
    spent = cost.spent(plan.seconds, begun)
    await visits.aclose()
    await traffic.stop()
    await _all_ended(everyone)
    unanswered = [f"no end of {what}" for person in everyone for what in person.began]
    await leave_all(everyone)
    seen = complaints(everyone)
    return {
        **{what: _p99(what, everyone, visits) for what in ROOMS},
        "all_messages": sum(person.sent for person in everyone),
        **spent,
        **audit(doers["write"] + doers["read"]),
        "errors": seen["errors"] + len(unanswered),
        "first_errors": (seen["first_errors"] + unanswered)[:3],
    }


def _p99(what: str, everyone: list[Person], visits: "Visits") -> float:
    took = [seconds for person in everyone for seconds in person.took[what]]
    return percentile((took or visits.took[what]), 0.99) * 1000


async def _live(turns: dict[str, Iterator[Person]], visits: "Visits", seconds: float) -> int:
    """Each thing at its moment; how many were begun."""
    began, count = perf_counter(), int(seconds * RATE)
    for n, what in zip(range(count), cycle(OFTEN), strict=False):
        await asyncio.sleep(max(0.0, began + n / RATE - perf_counter()))
        if what in ("join", "list"):
            visits.begin(what)
        elif what in ("type", "edit"):
            getattr(next(turns[what]), what)()
        else:
            next(turns[what]).write()
    return count


async def _all_ended(everyone: list[Person], within: float = 5.0) -> None:
    deadline = perf_counter() + within
    while any(person.began for person in everyone) and perf_counter() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


class Visits:
    """What takes a connection of its own: a second device that joins, a list of rooms."""

    def __init__(self, plan: Plan, joining: list[Person], looking: list[Person]) -> None:
        self.port, self.secret = plan.ports[0], plan.secret
        self.people = {"join": cycle(joining), "list": cycle(looking)}
        self.took: dict[str, list[float]] = defaultdict(list)
        self.under_way: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self.connections = [await Http(self.port).open() for _ in range(4)]
        self.turns: Iterator[Http] = cycle(self.connections)

    def begin(self, what: str) -> None:
        task = asyncio.create_task(self._visit(what, next(self.people[what])))
        self.under_way.add(task)

    async def _visit(self, what: str, person: Person) -> None:
        proof = token(person.user, self.secret)
        began = perf_counter()
        if what == "list":
            await next(self.turns).get("/api/v1/chat/receive/", proof)
            self.took[what].append(perf_counter() - began)
        else:
            device = Member(person.room, person.user, person.traffic, person.wire)
            await enter(device, self.port, proof)
            self.took[what].append(perf_counter() - began)
            await device.leave()

    async def aclose(self) -> None:
        """Raises what any of them raised."""
        await asyncio.gather(*self.under_way)
        for connection in self.connections:
            connection.close()
