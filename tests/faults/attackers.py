"""Connections that send what no good client sends, as fast as they are allowed to.

`python -m tests.faults.attackers NAME PORT CONNECTIONS ROOM TOKEN` attacks until its stdin ends.
"""

import base64
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

BYTES_PER_SECOND = 10_000_000  # of all connections together
CHUNK = 1 << 16
RECONNECT_AFTER = 0.01  # seconds
SLOW = 5.0  # seconds between two bytes of the patient ones
TEXT, BINARY, PING, PONG, CONTINUATION = 1, 2, 9, 10, 0
MASK = b"mask"

Step = bytes | float  # what to send, or how many seconds to wait
Script = Iterator[Step]


class Target(NamedTuple):
    port: int
    room: str
    token: str  # "" is an attacker without one


def frame(opcode: int, data: bytes = b"", *, final: bool = True) -> bytes:
    first, size = (0x80 if final else 0) | opcode, len(data)
    head = bytes([first, 0x80 | size]) if size < 126 else struct.pack("!BBH", first, 0xFE, size)
    return head + MASK + bytes(b ^ MASK[i % 4] for i, b in enumerate(data))


def handshake(target: Target) -> bytes:
    """The request that opens a socket; without a token the server closes it with 4001."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET /ws/chat/?room_id={target.room} HTTP/1.1",
        f"Host: 127.0.0.1:{target.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
    ]
    if target.token:
        lines.append(f"Sec-WebSocket-Protocol: Bearer, {target.token}")
    return "\r\n".join([*lines, "", ""]).encode()


def many(piece: bytes) -> bytes:
    return piece * (CHUNK // len(piece))


def flood(piece: bytes, first: bytes = b"") -> Callable[[Target], Script]:
    """A socket that gets the piece again and again."""
    chunk = many(piece)

    def script(target: Target) -> Script:
        yield handshake(target) + first
        while True:
            yield chunk

    return script


def unfinished(target: Target) -> Script:
    """All of a frame of 15 MiB but its end."""
    size = 15 << 20
    yield handshake(target)
    yield struct.pack("!BBQ", 0x81, 0xFF, size) + MASK
    for _ in range(size // CHUNK - 1):
        yield b"x" * CHUNK
    yield 60.0


def pipelined(target: Target) -> Script:
    while True:
        yield many(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")


def pipelined_unfinished(target: Target) -> Script:
    """The first request waits for its body, and the others behind it."""
    yield b"POST /api/v1/chat/create/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"
    while True:
        yield many(b"GET / HTTP/1.1\r\nHost:x\r\n\r\n")


def one_header(target: Target) -> Script:
    yield b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: "
    while True:
        yield b"x" * CHUNK


def many_headers(target: Target) -> Script:
    yield b"GET / HTTP/1.1\r\nHost: x\r\n"
    while True:
        yield many(b"a: b\r\n")


def long_address(target: Target) -> Script:
    yield b"GET /"
    while True:
        yield b"x" * CHUNK


def silent(target: Target) -> Script:
    yield 600.0


def drops(target: Target) -> Script:
    """A byte of a head every five seconds."""
    yield b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "
    while True:
        yield SLOW
        yield b"x"


def drops_of_a_body(target: Target) -> Script:
    yield b"POST /api/v1/chat/create/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
    while True:
        yield SLOW
        yield b"x"


def hanging(target: Target) -> Script:
    """A handshake with a header of 9 KiB, and then nothing."""
    yield handshake(target)[:-2] + b"X-Long: " + b"x" * 9_000 + b"\r\n\r\n"
    yield 600.0


def half(target: Target) -> Script:
    """A handshake without its end."""
    yield handshake(target)[:-2]
    yield 600.0


def nobody(target: Target) -> Script:
    """No attack, to compare with: what the machine itself costs a bystander."""
    yield 600.0


ATTACKS: dict[str, Callable[[Target], Script]] = {
    "nobody": nobody,
    "empty pings": flood(frame(PING)),
    "pongs": flood(frame(PONG)),
    "continuations": flood(frame(CONTINUATION, final=False), frame(TEXT, final=False)),
    "binary frames": flood(frame(BINARY)),
    "texts": flood(frame(TEXT, b"{}")),
    "one-byte fragments": flood(
        frame(CONTINUATION, b"x", final=False), frame(TEXT, b"x", final=False)
    ),
    "unfinished 15 MiB frames": unfinished,
    "pipelined requests": pipelined,
    "pipelined behind a body": pipelined_unfinished,
    "one giant header": one_header,
    "headers without an end": many_headers,
    "an address without an end": long_address,
    "silent connections": silent,
    "bytes every five seconds": drops,
    "a body every five seconds": drops_of_a_body,
    "hanging handshakes": hanging,
    "half handshakes": half,
}


class Attacker:
    """One connection, and the next one as soon as the server has ended it."""

    def __init__(self, script: Callable[[Target], Script], target: Target) -> None:
        self.script, self.target = script, target
        self.connection: socket.socket | None = None
        self.steps: Script = iter(())
        self.left = b""
        self.due = 0.0

    def connect(self) -> None:
        self.connection = socket.socket()
        self.connection.setblocking(False)
        self.connection.connect_ex(("127.0.0.1", self.target.port))
        self.steps, self.left = self.script(self.target), b""

    def lose(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection, self.due = None, time.monotonic() + RECONNECT_AFTER

    def drain(self) -> None:
        """What the server answers is read and forgotten."""
        assert self.connection is not None
        try:
            if not self.connection.recv(1 << 18):
                self.lose()
        except BlockingIOError:
            pass
        except OSError:
            self.lose()

    def send(self) -> int:
        """The bytes that went out."""
        assert self.connection is not None
        if not self.left:
            step = next(self.steps)
            if isinstance(step, float):
                self.due = time.monotonic() + step
                return 0
            self.left = step
        try:
            sent = self.connection.send(self.left)
        except BlockingIOError:
            return 0
        except OSError:
            self.lose()
            return 0
        self.left = self.left[sent:]
        return sent


def attack(name: str, target: Target, connections: int) -> None:
    """Until stdin ends."""
    attackers = [Attacker(ATTACKS[name], target) for _ in range(connections)]
    since, sent = time.monotonic(), 0
    while True:
        now = time.monotonic()
        for attacker in attackers:
            if attacker.connection is None and attacker.due <= now:
                attacker.connect()
        open_ones = [a for a in attackers if a.connection is not None]
        by_socket = {a.connection: a for a in open_ones}
        may_send = sent <= (now - since) * BYTES_PER_SECOND
        writers = [a.connection for a in open_ones if may_send and a.due <= now]
        pause = 0.002 if not may_send else 0.05
        readable, writable, _ = select.select([0, *by_socket], writers, [], pause)
        if 0 in readable:
            return
        for connection in readable:
            by_socket[connection].drain()
        for connection in writable:
            if by_socket[connection].connection is not None:
                sent += by_socket[connection].send()


if __name__ == "__main__":
    name, port, connections, room, token = sys.argv[1:]
    attack(name, Target(int(port), room, token), int(connections))
