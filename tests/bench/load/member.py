"""One person's socket into one room: what is sent, what is heard, what went wrong."""

import asyncio
from itertools import pairwise
from time import perf_counter

import jwt
import msgspec
from msgspec import Struct
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

# Read by their first bytes where they stand as expected: it is cheaper than JSON, and no more.
CHAT = b'{"type":"chat_message"'
DELIVERED = b'{"type":"mark_message_as_delivered"'
READ = b'{"type":"mark_message_as_read"'

FRAMES = 3  # chat_message, delivered, read
SEND = b'{"action":"send","message":"%08d of some length, as people write them to each other."}'


class Plan(Struct):
    """What one round does, as the first process tells the second."""

    row: str
    port: int
    pid: int
    core: int | None
    secret: str
    rooms: list[tuple[int, int, int]]
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


class Kind(Struct):
    type: str = ""


decode = msgspec.json.Decoder(Frame).decode
decode_kind = msgspec.json.Decoder(Kind).decode


class Traffic:
    """All frames of a round that are still on their way, and the moment when none is left."""

    def __init__(self) -> None:
        self.waiting = 0
        self.heard = 0  # messages, each at the other person
        self.stopped = False
        self.drained = asyncio.get_running_loop().create_future()
        self.last = 0.0

    def arrived(self) -> None:
        self.waiting -= 1
        if self.stopped:
            self.last = perf_counter()
            if self.waiting == 0 and not self.drained.done():
                self.drained.set_result(None)

    async def stop(self, within: float = 10.0) -> None:
        """No message is sent any more; those under way arrive, or are lost."""
        self.stopped = True
        self.last = perf_counter()
        if self.waiting:
            await asyncio.wait([self.drained], timeout=within)


class Member(WSListener):
    """A person in a room of two."""

    def __init__(self, room: int, user: int, traffic: Traffic) -> None:
        self.room, self.user, self.traffic = room, user, traffic
        self.first = asyncio.get_running_loop().create_future()
        self.sent = 0
        self.heard: list[Message] = []
        self.delivered = self.read = 0
        self.wrong: list[str] = []
        self.leaving = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            self._control(frame)
            return
        text = frame.get_payload_as_bytes()
        if text.startswith(CHAT):
            self._hear(decode(text).message)
        elif text.startswith(DELIVERED):
            self.delivered += 1
            self.traffic.arrived()
        elif text.startswith(READ):
            self.read += 1
            self.traffic.arrived()
        else:
            self._other(text)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if not self.first.done():
            self.first.set_exception(ConnectionError("closed before its first frame"))
        if not self.leaving:
            self.wrong.append("disconnected")

    def _hear(self, message: Message) -> None:
        self.heard.append(message)
        self.traffic.arrived()
        if message.sender_id != self.user:
            self.traffic.heard += 1
            self.has(message)

    def has(self, message: Message) -> None:
        """The other person's message is here."""

    def _other(self, text: bytes) -> None:
        if not self.first.done():
            self.first.set_result(text)
            return
        kind = decode_kind(text).type
        if kind == "chat_message":
            self._hear(decode(text).message)
        elif kind == "mark_message_as_delivered":
            self.delivered += 1
            self.traffic.arrived()
        elif kind == "mark_message_as_read":
            self.read += 1
            self.traffic.arrived()
        else:
            self.wrong.append(text[:200].decode())

    def _control(self, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE and not self.leaving:
            self.wrong.append(f"closed with {frame.get_close_code()}")
            self.transport.disconnect()

    def say(self) -> None:
        """One more message; its number is its place among this person's."""
        self.transport.send(WSMsgType.TEXT, SEND % self.sent)
        self.sent += 1
        self.traffic.waiting += FRAMES * 2

    async def leave(self) -> None:
        """The closing handshake: whatever the server had still to say comes before its answer."""
        self.leaving = True
        self.transport.send_close(1000)
        await self.transport.wait_disconnected()


def token(user: int, secret: str) -> str:
    return jwt.encode({"sub": str(user), "exp": 2**32}, secret, algorithm="HS256")


async def enter(member: Member, port: int, token: str) -> None:
    """Into the room, up to the first frame."""
    await ws_connect(
        lambda: member,
        f"ws://127.0.0.1:{port}/ws/chat/?room_id={member.room}",
        extra_headers={"Sec-WebSocket-Protocol": f"Bearer, {token}"},
        websocket_handshake_timeout=30,
    )
    await member.first


async def enter_all(members: list[Member], plan: Plan, at_once: int = 32) -> None:
    gate = asyncio.Semaphore(at_once)

    async def one(member: Member) -> None:
        async with gate:
            await enter(member, plan.port, token(member.user, plan.secret))

    await asyncio.gather(*map(one, members))


async def leave_all(members: list[Member]) -> None:
    await asyncio.gather(*(member.leave() for member in members))


def audit(pairs: list[tuple[Member, Member]]) -> dict:
    """Every message of both people, at both, exactly once and in order; every receipt once."""
    found = {"lost": 0, "doubled": 0, "disordered": 0, "receipts_wrong": 0}
    for pair in pairs:
        for member in pair:
            for sender in pair:
                _count(found, member, sender)
            found["disordered"] += _jumps([m.version for m in member.heard])
            for seen in (member.delivered, member.read):
                found["receipts_wrong"] += abs(seen - sum(m.sent for m in pair))
    wrong = [what for pair in pairs for member in pair for what in member.wrong]
    return found | {"errors": len(wrong), "first_errors": wrong[:3]}


def _count(found: dict, member: Member, sender: Member) -> None:
    numbers = [m.number for m in member.heard if m.sender_id == sender.user]
    once = set(numbers)
    found["lost"] += sender.sent - len(once)
    found["doubled"] += len(numbers) - len(once)
    found["disordered"] += sum(a > b for a, b in pairwise(numbers))


def _jumps(versions: list[int]) -> int:
    return sum(b != a + 1 for a, b in pairwise(versions))


def percentile(values: list[float], share: float) -> float:
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0
