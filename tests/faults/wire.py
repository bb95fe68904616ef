"""A WebSocket by hand on a plain TCP connection, to do what no good client does."""

import base64
import json
import os
import socket
import struct
from pathlib import Path
from typing import Any

from ..client import Person


def handshake(person: Person, query: str, path: str = "/ws/chat/") -> bytes:
    """The request that opens a socket, as bytes."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path}{query} HTTP/1.1",
        f"Host: 127.0.0.1:{person.server.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: Bearer, {person.token()}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def frame(action: dict[str, Any]) -> bytes:
    """A masked text frame."""
    text = json.dumps(action).encode()
    size = len(text)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size)
    mask = os.urandom(4)
    return b"\x81" + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(text))


def connect(person: Person, receive_buffer: int | None = None) -> socket.socket:
    connection = socket.socket()
    if receive_buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(10)
    connection.connect(("127.0.0.1", person.server.port))
    return connection


def opened(
    person: Person, query: str, receive_buffer: int | None = None, path: str = "/ws/chat/"
) -> socket.socket:
    """Connected and upgraded; whatever the server sends afterwards lies unread."""
    connection = connect(person, receive_buffer)
    connection.sendall(handshake(person, query, path))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        assert byte, f"no answer to the handshake: {head!r}"
        head += byte
    assert head[9:12] == b"101", head
    return connection


def read_frame(connection: socket.socket) -> tuple[int, bytes]:
    """The opcode and the content of the server's next frame."""
    first, second = _exactly(connection, 2)
    size = second & 0x7F
    if size == 126:
        [size] = struct.unpack(">H", _exactly(connection, 2))
    elif size == 127:
        [size] = struct.unpack(">Q", _exactly(connection, 8))
    return first & 0x0F, _exactly(connection, size)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def resets(connection: socket.socket) -> None:
    """Gone at once, with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def server_still_holds(connection: socket.socket, server_port: int) -> bool:
    """Whether the server's end of this connection still exists in any state (Linux)."""
    ours = f"0100007F:{connection.getsockname()[1]:04X}"
    theirs = f"0100007F:{server_port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1:3] == [theirs, ours] for line in lines)
