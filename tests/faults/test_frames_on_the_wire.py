"""WebSocket frames by hand: in any pieces the same, and a broken one ends only its own socket."""

import asyncio
import json
import os
import random
import struct
from typing import Any

import pytest

from ..client import Person
from . import wire


def raw(opcode: int, data: bytes, *, end: bool = True, masked: bool = True, rsv: int = 0) -> bytes:
    """Any frame, also one that must not be."""
    first = (0x80 if end else 0) | rsv << 4 | opcode
    size, bit = len(data), 0x80 if masked else 0
    if size < 126:
        head = bytes([first, bit | size])
    elif size < 65536:
        head = bytes([first, bit | 126]) + struct.pack(">H", size)
    else:
        head = bytes([first, bit | 127]) + struct.pack(">Q", size)
    if not masked:
        return head + data
    mask = os.urandom(4)
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))


TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def send(text: str) -> bytes:
    return json.dumps({"action": "send", "message": text}).encode()


def conversation(dice: random.Random) -> tuple[bytes, list[str], int]:
    """Frames of every kind; the texts that must be stored, in order, and the number of pings."""
    data, texts, pings = b"", [], 0
    for number in range(40):
        text = f"{number} " + "Ж👍x" * dice.choice([0, 1, 30, 60, 700])
        match dice.choice(["whole", "whole", "parts", "ping", "binary", "pong", "empty"]):
            case "whole":
                data += raw(TEXT, send(text))
                texts.append(text)
            case "parts":
                content = send(text)
                cut = dice.randrange(len(content))
                data += raw(TEXT, content[:cut], end=False)
                data += raw(PING, b"between")
                data += raw(0, content[cut:])
                texts.append(text)
                pings += 1
            case "ping":
                data += raw(PING, b"p" * dice.choice([0, 5, 125]))
                pings += 1
            case "binary":
                data += raw(BINARY, content_of(dice))
            case "pong":
                data += raw(PONG, b"nobody asked")
            case "empty":
                data += raw(TEXT, b"")
    return data, texts, pings


def content_of(dice: random.Random) -> bytes:
    return bytes(dice.randrange(256) for _ in range(dice.choice([0, 10, 200])))


def feeds(person: Person, room: int, dice: random.Random, data: bytes, pings: int) -> None:
    """The bytes in random pieces; then reads until every ping was answered."""
    with wire.opened(person, f"?room_id={room}") as connection:
        while data:
            size = dice.choice([1, 2, 3, 7, 50, 1000, 5000])
            connection.sendall(data[:size])
            data = data[size:]
        while pings:
            pings -= wire.read_frame(connection)[0] == PONG


@pytest.mark.parametrize("seed", range(12))
async def test_frames_in_any_pieces_are_the_same_frames(
    ada: Person, bob: Person, room: int, seed: int
) -> None:
    dice = random.Random(seed)
    data, texts, pings = conversation(dice)
    data += raw(PING, b"last") + raw(TEXT, send("the end"))
    async with bob.enters(room) as b:
        await asyncio.to_thread(feeds, ada, room, dice, data, pings + 1)
        await b.hears("the end")
        assert [f["message"]["text"] for f in b.saw("chat_message")] == [*texts, "the end"]


BROKEN: dict[str, tuple[int, bytes]] = {
    "unmasked": (1002, raw(TEXT, send("no"), masked=False)),
    "a reserved bit": (1002, raw(TEXT, send("no"), rsv=4)),
    "another reserved bit": (1002, raw(TEXT, send("no"), rsv=1)),
    "an unknown opcode": (1002, raw(3, b"x")),
    "an unknown control opcode": (1002, raw(11, b"x")),
    "a ping in parts": (1002, raw(PING, b"x", end=False)),
    "a ping too long": (1002, raw(PING, b"x" * 126)),
    "a rest of nothing": (1002, raw(0, b"x")),
    "a new text amid another": (1002, raw(TEXT, b"{", end=False) + raw(TEXT, send("no"))),
    "a close of one byte": (1002, raw(CLOSE, b"x")),
    "a close code nobody may send": (1002, raw(CLOSE, struct.pack(">H", 1005))),
    "a length of 2^63": (1009, b"\x81\xff" + b"\xff" * 8 + b"mask"),
    "a length over the limit": (1009, b"\x81\xff" + struct.pack(">Q", 17 << 20) + b"mask"),
    "no WebSocket at all": (1002, b"GET / HTTP/1.1\r\n\r\n" * 3),
    "a text that is not UTF-8": (1007, raw(TEXT, b"\xff")),
    "a surrogate": (1007, raw(TEXT, b'{"action":"send","message":"\xed\xa0\x80"}')),
    "a fragment that is not UTF-8": (1007, raw(TEXT, b"\xc0", end=False)),
    "pings without an end": (1008, raw(PING, b"") * 120),
}


def is_closed(person: Person, room: int, data: bytes) -> Any:
    """The code that the server answers with; of a frame too large it says so before."""
    with wire.opened(person, f"?room_id={room}") as connection:
        wire.read_frame(connection)
        connection.sendall(data)
        try:
            while True:
                opcode, content = wire.read_frame(connection)
                if opcode == PONG:
                    continue
                if opcode == TEXT:
                    assert json.loads(content)["code"] == "file_too_large"
                    continue
                assert opcode == CLOSE, content
                assert connection.recv(1) == b""  # and soon it sees the end
                return struct.unpack(">H", content[:2])[0]
        except (EOFError, ConnectionResetError):
            return None


@pytest.mark.parametrize(("code", "data"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_frame_ends_its_own_socket(
    ada: Person, bob: Person, room: int, code: int, data: bytes
) -> None:
    async with bob.enters(room) as b:
        assert await asyncio.to_thread(is_closed, ada, room, data) == code
        await b.still_works()
        assert len(b.saw("chat_message")) == 1


async def test_what_follows_a_broken_frame_never_counts(
    ada: Person, bob: Person, room: int
) -> None:
    data = raw(TEXT, send("before")) + raw(3, b"x") + raw(TEXT, send("after"))
    async with bob.enters(room) as b:

        def sends() -> None:
            with wire.opened(ada, f"?room_id={room}") as connection:
                connection.sendall(data)
                while wire.read_frame(connection)[0] != CLOSE:
                    pass

        await asyncio.to_thread(sends)
        await b.still_works()
        stored = {m["text"] for m in await bob.reads_all(room)}
        while not stored <= (heard := {f["message"]["text"] for f in b.saw("chat_message")}):
            await b.next()
    assert "after" not in stored | heard


async def test_a_close_is_answered_and_the_frames_before_it_count(
    ada: Person, bob: Person, room: int
) -> None:
    data = raw(TEXT, send("bye")) + raw(CLOSE, struct.pack(">H", 1000) + b"done")
    async with bob.enters(room) as b:

        def leaves() -> int:
            with wire.opened(ada, f"?room_id={room}") as connection:
                connection.sendall(data)
                while (frame := wire.read_frame(connection))[0] != CLOSE:
                    pass
                code: int = struct.unpack(">H", frame[1][:2])[0]
                return code

        assert await asyncio.to_thread(leaves) == 1000
        await b.hears("bye")
