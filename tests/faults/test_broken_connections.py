"""A connection may end after any byte: a message is there whole or not at all, for everybody."""

import asyncio
import socket

from ..client import Person
from . import wire

STEP = 9


def cut_after(person: Person, data: bytes, size: int, *, reset: bool) -> None:
    connection = wire.connect(person)
    connection.sendall(data[:size])
    if reset:
        wire.resets(connection)
    else:
        connection.shutdown(socket.SHUT_WR)
        connection.close()


async def test_a_handshake_cut_anywhere_harms_nobody(ada: Person, bob: Person, room: int) -> None:
    async with bob.enters(room) as b:
        data = wire.handshake(ada, f"?room_id={room}")
        for size in range(0, len(data), STEP):
            cut_after(ada, data, size, reset=bool(size % 2))
        await b.still_works()
        assert len(b.saw("chat_message")) == 1


async def test_a_frame_cut_anywhere_is_no_message(ada: Person, bob: Person, room: int) -> None:
    """The upgrade is done first; then the frame ends after each of its bytes."""
    data = wire.frame({"action": "send", "message": "cut short", "client_id": "n1"})

    def cuts(size: int) -> None:
        connection = wire.opened(ada, f"?room_id={room}")
        connection.sendall(data[:size])
        wire.resets(connection) if size % 2 else connection.close()

    async with bob.enters(room) as b:
        for size in range(0, len(data), 2):
            await asyncio.to_thread(cuts, size)
        await b.still_works()
        assert len(b.saw("chat_message")) == 1
    assert len(await bob.reads_all(room)) == 1


async def test_a_whole_frame_counts_even_from_one_who_is_gone(
    ada: Person, bob: Person, room: int
) -> None:
    data = wire.frame({"action": "send", "message": "and gone", "client_id": "n1"})

    def says_and_goes() -> None:
        connection = wire.opened(ada, f"?room_id={room}")
        wire.read_frame(connection)
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        connection.close()

    async with bob.enters(room) as b:
        await asyncio.to_thread(says_and_goes)
        await b.hears("and gone")
        async with ada.enters(room) as a:
            await a.says("and gone", client_id="n1")
    assert [m["text"] for m in await bob.reads_all(room)] == ["and gone"]


async def test_frames_that_come_byte_by_byte_are_heard(ada: Person, bob: Person, room: int) -> None:
    def drips() -> None:
        with wire.opened(ada, f"?room_id={room}") as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for text in ("one", "two"):
                for byte in wire.frame({"action": "send", "message": text}):
                    connection.sendall(bytes([byte]))
            for _ in range(3):
                wire.read_frame(connection)

    async with bob.enters(room) as b:
        await asyncio.to_thread(drips)
        await b.hears("one")
        await b.hears("two")


async def test_many_frames_in_one_piece_are_all_heard(ada: Person, bob: Person, room: int) -> None:
    data = b"".join(wire.frame({"action": "send", "message": f"m{n}"}) for n in range(100))

    def floods() -> None:
        with wire.opened(ada, f"?room_id={room}") as connection:
            connection.sendall(data)
            for _ in range(50):
                wire.read_frame(connection)

    async with bob.enters(room) as b:
        await asyncio.to_thread(floods)
        await b.hears("m99")
        heard = [f["message"]["text"] for f in b.saw("chat_message")]
        assert heard == [f"m{n}" for n in range(100)]


async def test_a_post_cut_anywhere_leaves_nothing(ada: Person, bob: Person, room: int) -> None:
    """A body that ends early over HTTP: no message, and the server goes on."""
    body = b'{"message":"cut short"}'
    head = (
        f"POST /api/v1/chat/rooms/{room}/messages/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {ada.token()}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    for size in range(len(head), len(head) + len(body), 3):
        cut_after(ada, head + body, size, reset=bool(size % 2))
    await ada.posts(room, "whole")
    assert [m["text"] for m in await bob.reads_all(room)] == ["whole"]
