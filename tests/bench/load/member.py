"""One person's socket into one room: what is sent, what is heard, what went wrong."""

import asyncio
from collections import defaultdict, deque
from itertools import pairwise
from time import perf_counter
from typing import TypeVar

import jwt
import msgspec
from msgspec import Struct
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from .wire import WIRES, Wire

AT_ONCE = 32
PRESENCE = b'{"type":"presence"'
QUIET = 0.1  # seconds in which nobody hears of another one's coming


class Plan(Struct):
    """What one round does. A room is its id and its people, each with `sockets` of his own.

    The people of a room are on these ports in turn.
    """

    wire: str
    ports: list[int]
    pids: list[int]
    engines: list[int]
    secret: str
    rooms: list[tuple[int, list[int]]]
    sockets: int
    seconds: float
    warm: float


class Message(Struct, gc=False):
    text: str
    message_id: int
    sender_id: int
    version: int

    @property
    def number(self) -> int:
        return int(self.text[:8])


class Frame(Struct, gc=False):
    message: Message


class Receipt(Struct, gc=False):
    user_id: int
    read: int


decode = msgspec.json.Decoder(Frame).decode
decode_receipt = msgspec.json.Decoder(Receipt).decode


class Traffic:
    """All frames of a round that are still on their way, and the moment when none is left."""

    def __init__(self) -> None:
        self.waiting = 0
        self.heard = 0  # messages, each at everyone but its sender
        self.stopped = False
        self.drained = asyncio.get_running_loop().create_future()
        self.last = 0.0

    def arrived(self) -> None:
        self.waiting -= 1
        if self.stopped:
            self.last = perf_counter()
            if self.waiting == 0 and not self.drained.done():
                self.drained.set_result(None)

    async def none(self) -> None:
        """What was sent so far has arrived; more may follow."""
        while self.waiting:  # noqa: ASYNC110 - rare, and not measured
            await asyncio.sleep(0.01)

    async def stop(self, within: float = 10.0) -> None:
        """No message is sent any more; those under way arrive, or are lost."""
        self.stopped = True
        self.last = perf_counter()
        if self.waiting:
            await asyncio.wait([self.drained], timeout=within)


class Member(WSListener):
    """A person in a room."""

    def __init__(self, room: int, user: int, traffic: Traffic, wire: Wire) -> None:
        self.room, self.user, self.traffic, self.wire = room, user, traffic, wire
        self.sockets = 2  # in the room, that hear what this one says
        self.first = asyncio.get_running_loop().create_future()
        self.sent = 0
        self.heard: list[Message] = []
        self.unread: dict[int, deque[int]] = defaultdict(deque)  # ids by their sender
        self.delivered = self.read = self.others = 0
        self.wrong: list[str] = []
        self.leaving = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self.take(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE and not self.leaving:
            self.wrong.append(f"closed with {frame.get_close_code()}")
            self.transport.disconnect()

    def take(self, text: bytes) -> None:
        wire = self.wire
        if text.startswith(wire.chat):
            self.hear(text)
        elif text.startswith(wire.delivered):
            self.delivered += 1
            self.traffic.arrived()
        elif text.startswith(wire.read):
            self.read += 1
            self.traffic.arrived()
        else:
            self._rest(text)

    def _rest(self, text: bytes) -> None:
        wire = self.wire
        if text.startswith(wire.receipt):
            self._passed(decode_receipt(text))
        elif text.startswith(PRESENCE):
            self.others += 1
        elif wire.hello and text[:1] != b"4":
            self._engine(text)
        elif wire.hello and text.startswith(b"40"):
            pass  # the server has heard our hello
        elif self.first.done():
            self.wrong.append(text[:200].decode())
        else:
            self.first.set_result(text)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if not self.first.done():
            self.first.set_exception(ConnectionError("closed before its first frame"))
        if not self.leaving:
            self.wrong.append("disconnected")

    def hear(self, text: bytes) -> None:
        wire = self.wire
        message = decode(text[wire.head : wire.tail]).message
        self.heard.append(message)
        self.traffic.arrived()
        if wire.is_compact:
            self.unread[message.sender_id].append(message.message_id)
        if message.sender_id != self.user:
            self.traffic.heard += 1
            self.has(message)

    def has(self, message: Message) -> None:
        """The other person's message is here."""

    def _engine(self, text: bytes) -> None:
        """Of Engine.IO 4: it opens with 0 and pings with 2."""
        if text.startswith(b"0"):
            self.transport.send(WSMsgType.TEXT, self.wire.hello % (self.token.encode(), self.room))
        elif text.startswith(b"2"):
            self.transport.send(WSMsgType.TEXT, b"3")
        else:
            self.wrong.append(text[:200].decode())

    def _passed(self, receipt: Receipt) -> None:
        """In a room of two a message is read when the other one has read it."""
        for sender, ids in self.unread.items():
            while sender != receipt.user_id and ids and ids[0] <= receipt.read:
                ids.popleft()
                self.read += 1
                self.traffic.arrived()

    def say(self) -> None:
        """One more message; its number is its place among this person's."""
        self.transport.send(WSMsgType.TEXT, self.wire.send % self.sent)
        self.sent += 1
        self.traffic.waiting += self.wire.frames * self.sockets

    async def leave(self) -> None:
        """The closing handshake: whatever the server had still to say comes before its answer."""
        self.leaving = True
        self.transport.send_close(1000)
        await self.transport.wait_disconnected()


def token(user: int, secret: str) -> str:
    return jwt.encode({"sub": str(user), "exp": 2**32}, secret, algorithm="HS256")


async def enter(member: Member, port: int, token: str) -> None:
    """Into the room, up to the first frame."""
    member.token, wire = token, member.wire
    await ws_connect(
        lambda: member,
        f"ws://127.0.0.1:{port}{wire.path.format(room=member.room)}",
        extra_headers=None if wire.hello else {"Sec-WebSocket-Protocol": f"Bearer, {token}"},
        websocket_handshake_timeout=30,
    )
    await member.first


async def enter_all(members: list[Member], plan: Plan, at_once: int = AT_ONCE) -> None:
    """Of a room's people each next one on the next port."""
    gate = asyncio.Semaphore(at_once)
    place = {user: n for _, people in plan.rooms for n, user in enumerate(people)}

    async def one(member: Member) -> None:
        port = plan.ports[place[member.user] % len(plan.ports)]
        async with gate:
            await enter(member, port, token(member.user, plan.secret))

    await asyncio.gather(*map(one, members))


async def all_seen(members: list[Member]) -> None:
    """Everybody has been told who is there."""
    told = -1
    while told != (told := sum(member.others for member in members)):  # noqa: ASYNC110 - it has none
        await asyncio.sleep(QUIET)


async def leave_all(members: list[Member]) -> None:
    await asyncio.gather(*(member.leave() for member in members))


Kind = TypeVar("Kind", bound=Member)


def couples(kind: type[Kind], plan: Plan, traffic: Traffic) -> list[tuple[Kind, Kind]]:
    """Each pair knows each other as `other`."""
    wire = WIRES[plan.wire]
    pairs = [
        (kind(room, a, traffic, wire), kind(room, b, traffic, wire)) for room, (a, b) in plan.rooms
    ]
    for a, b in pairs:
        a.other, b.other = b, a
    return pairs


def audit(pairs: list[tuple[Member, Member]]) -> dict:
    """Every message of both people, at both, exactly once and in order; every receipt once."""
    found = {"lost": 0, "doubled": 0, "disordered": 0, "receipts_wrong": 0}
    for pair in pairs:
        for member in pair:
            for sender in pair:
                _count(found, member, sender)
            found["disordered"] += jumps([m.version for m in member.heard])
            marks = (member.read,) if member.wire.is_compact else (member.delivered, member.read)
            for seen in marks:
                found["receipts_wrong"] += abs(seen - sum(m.sent for m in pair))
    return found | complaints([member for pair in pairs for member in pair])


def complaints(members: list[Member]) -> dict:
    wrong = [what for member in members for what in member.wrong]
    return {"errors": len(wrong), "first_errors": wrong[:3]}


def _count(found: dict, member: Member, sender: Member) -> None:
    numbers = [m.number for m in member.heard if m.sender_id == sender.user]
    once = set(numbers)
    found["lost"] += sender.sent - len(once)
    found["doubled"] += len(numbers) - len(once)
    found["disordered"] += sum(a > b for a, b in pairwise(numbers))


def jumps(versions: list[int]) -> int:
    return sum(b != a + 1 for a, b in pairwise(versions))


def percentile(values: list[float], share: float) -> float:
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0
