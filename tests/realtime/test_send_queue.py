"""What waits for one socket: counted by what has gone out, and nothing is owed after the end."""

import asyncio
import struct
from collections.abc import Callable
from typing import Any

import pytest
from roomcast.protocol import codec
from roomcast.protocol.errors import Close
from roomcast.realtime.asgi_send_queue import AsgiSendQueue
from roomcast.realtime.send_queue import (
    DROP_THRESHOLD,
    LINK_BASE,
    LINK_START,
    Batch,
    DirectSendQueue,
)
from roomcast.server import linger
from roomcast.server.frame_flow import BYTES_PER_SLICE, FRAMES_PER_SLICE, FrameBudget
from roomcast.server.frame_reader import close_frame
from roomcast.server.websocket_protocol import WebSocketProtocol
from uvicorn import Config
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

LIMIT = 1000
MOST = 70_000  # bytes of a frame
SMALL, LARGE = b"s" * 100, b"l" * 3 * LIMIT


class Peer(WebSocketProtocol):
    """The server's end of a connection whose peer reads as the test says."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.ended: Close | None = None
        self.is_gone = False
        self.unread = 1

    def write(self, data: bytes) -> bool:
        if not self.is_gone:
            self.taken.append(data)
        return not self.is_gone

    def waiting(self) -> int:
        return self.unread

    def end(self, code: int, reason: str) -> None:
        self.is_gone = True
        self.ended = Close((code, reason))


def direct() -> tuple[Peer, DirectSendQueue, list[None]]:
    """A peer, its outbox, and the times that the outbox said to be free."""
    peer, freed = Peer(), []
    outbox = DirectSendQueue(peer, LIMIT, 60)
    outbox.on_drained = lambda: freed.append(None)
    return peer, outbox, freed


async def test_what_waits_goes_out_in_order_and_then_it_is_said() -> None:
    peer, outbox, freed = direct()
    assert outbox.put(Batch([b"1"]))
    outbox.blocked(True)
    assert not outbox.put(Batch([b"2"]))
    assert not outbox.put(Batch([b"3"]))
    assert (peer.taken, freed) == ([Batch([b"1"]).wire], [])
    outbox.blocked(False)
    assert peer.taken == [Batch([text]).wire for text in (b"1", b"2", b"3")]
    assert freed == [None]
    assert outbox.put(Batch([b"4"]))


@pytest.mark.parametrize("texts", [[LARGE], [SMALL, LARGE], [LARGE, SMALL], [SMALL, LARGE, SMALL]])
async def test_a_frame_over_the_limit_may_be_the_last_that_waits(texts: list[bytes]) -> None:
    peer, outbox, _ = direct()
    outbox.blocked(True)
    for text in texts:
        outbox.put(Batch([text]))
    assert peer.ended is (None if texts[-1] is LARGE else Close.SLOW)


async def test_what_a_goodbye_left_unsent_is_never_said_to_have_gone_out() -> None:
    peer, outbox, freed = direct()
    outbox.blocked(True)
    outbox.put(Batch([SMALL]))
    peer.is_gone = True  # it said goodbye, then read what was on its way
    outbox.blocked(False)
    assert (peer.taken, freed) == ([], [])


async def test_what_was_dropped_at_the_end_is_never_said_to_have_gone_out() -> None:
    peer, outbox, freed = direct()
    outbox.blocked(True)
    outbox.put(Batch([SMALL]))
    outbox.close(Close.SLOW)
    outbox.blocked(False)
    assert peer.ended is Close.SLOW
    assert (peer.taken, freed) == ([], [])


async def test_what_may_be_lost_is_dropped_beside_what_is_unread() -> None:
    peer, outbox, _ = direct()
    outbox.put_droppable(Batch([b"1"]))
    peer.unread = DROP_THRESHOLD
    outbox.put_droppable(Batch([b"2"]))
    peer.unread = 0
    outbox.blocked(True)
    for _ in range(2 * LIMIT // len(SMALL)):
        outbox.put_droppable(Batch([SMALL]))
    assert outbox.put(Batch([b"3"])) is False  # it waits, alone
    outbox.blocked(False)
    assert peer.taken == [Batch([b"1"]).wire, Batch([b"3"]).wire]
    assert peer.ended is None


# ---------------------------------------------------------------- links


async def test_links_start_where_each_receiver_came_to() -> None:
    link = codec.encode({"file_url": f"{LINK_BASE}/files/a"})
    text = codec.encode({"text": LINK_START.decode()})  # as somebody may write it
    batch = Batch([text, link])
    peers = []
    for base in ("https://a.example", "https://b.example", "https://a.example"):
        peer = Peer()
        DirectSendQueue(peer, LIMIT, 60, base).put(batch)
        shown = codec.encode({"file_url": f"{base}/files/a"})
        assert peer.taken == [Batch([text, shown]).wire]
        peers.append(peer)
    assert peers[0].taken[0] is peers[2].taken[0]  # joined once for all with this base


async def test_a_batch_without_links_is_the_same_for_everybody() -> None:
    batch = Batch([SMALL])
    assert batch.with_base("https://a.example") is batch


# ---------------------------------------------------------------- by ASGI


async def test_a_peer_that_takes_not_even_a_close_frame_is_given_up() -> None:
    given_up = asyncio.Event()
    outbox = AsgiSendQueue(Server(), LIMIT, 0.01, on_peer_lost=given_up.set)
    outbox.put(Batch([SMALL]))
    async with asyncio.timeout(5):
        await given_up.wait()


class Server:
    """An ASGI server that takes one message each time it is let."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.may = asyncio.Semaphore(0)

    async def __call__(self, message: dict[str, Any]) -> None:
        await self.may.acquire()
        self.sent.put_nowait(message)

    async def takes(self) -> dict[str, Any]:
        self.may.release()
        async with asyncio.timeout(5):
            return await self.sent.get()


async def test_only_what_has_not_gone_out_counts_by_asgi_too() -> None:
    server = Server()
    outbox = AsgiSendQueue(server, LIMIT, 60)
    outbox.put(Batch([SMALL]))
    for _ in range(5 * LIMIT // len(SMALL)):  # never more than two wait
        outbox.put(Batch([SMALL]))
        assert (await server.takes())["text"] == SMALL.decode()
    await server.takes()


async def test_by_asgi_nothing_has_gone_out_before_the_server_took_it() -> None:
    server = Server()
    outbox = AsgiSendQueue(server, LIMIT, 60)
    drained = asyncio.Event()
    outbox.on_drained = drained.set
    assert not outbox.put(Batch([SMALL, SMALL]))
    await server.takes()
    await asyncio.sleep(0)
    assert not drained.is_set()
    await server.takes()
    async with asyncio.timeout(5):
        await drained.wait()


async def test_by_asgi_too_much_is_still_too_much() -> None:
    server = Server()
    outbox = AsgiSendQueue(server, LIMIT, 60)
    for _ in range(2 * LIMIT // len(SMALL)):
        outbox.put(Batch([SMALL]))
    taken = [await server.takes()]
    while taken[-1]["type"] != "websocket.close":
        taken.append(await server.takes())
    assert taken[-1]["code"] == 4008
    assert len(taken) * len(SMALL) <= 2 * LIMIT


@pytest.mark.parametrize(("close", "sent"), [(Close.DISCONNECTED, 0), (Close.NOT_FOUND, 3)])
async def test_by_asgi_nothing_more_is_told_to_who_is_cut_off(close: Close, sent: int) -> None:
    server = Server()
    outbox = AsgiSendQueue(server, LIMIT, 60)
    outbox.put(Batch([SMALL] * 3))
    await asyncio.sleep(0)
    outbox.close(close)
    taken = [await server.takes()]
    while taken[-1]["type"] != "websocket.close":
        taken.append(await server.takes())
    assert (len(taken) - 1, taken[-1]["code"]) == (sent, close.code)


async def test_a_frame_over_the_limit_may_be_the_last_that_waits_by_asgi_too() -> None:
    server = Server()
    outbox = AsgiSendQueue(server, LIMIT, 60)
    outbox.put(Batch([SMALL]))
    outbox.put(Batch([LARGE]))
    assert [(await server.takes())["text"] for _ in range(2)] == [SMALL.decode(), LARGE.decode()]


async def test_by_asgi_too_what_may_be_lost_closes_no_socket() -> None:
    server = Server()
    outbox = AsgiSendQueue(server, LIMIT, 0.05)
    outbox.put_droppable(Batch([b"lost"]))
    await outbox.wait()  # the server took nothing of it for too long
    outbox.put_droppable(Batch([b"spared"]))
    for _ in range(2 * LIMIT // len(SMALL)):
        outbox.put_droppable(Batch([SMALL]))
    outbox.put(Batch([b"kept"]))
    texts = [(await server.takes())["text"] for _ in range(2)]
    assert texts == ["spared", "kept"]
    assert server.sent.empty()


async def test_who_takes_nothing_for_a_while_is_given_up_by_asgi_too() -> None:
    server = Server()
    outbox = AsgiSendQueue(server, LIMIT, 0.01)
    outbox.put(Batch([SMALL]))
    async with asyncio.timeout(5):
        await outbox.wait()
    assert not outbox.put(Batch([SMALL]))
    assert (await server.takes())["code"] == 4008


async def test_who_takes_a_little_now_and_then_is_not_given_up() -> None:
    server = Server()
    outbox = AsgiSendQueue(server, LIMIT, 60)
    outbox.put(Batch([SMALL, SMALL]))
    before = outbox.progress
    await server.takes()
    outbox.check_progress(before)
    assert (await server.takes())["type"] == "websocket.send"
    outbox.put(Batch([SMALL]))
    outbox.check_progress(outbox.progress)
    assert (await server.takes())["type"] == "websocket.close"


async def test_a_look_that_was_meant_for_earlier_texts_gives_nobody_up() -> None:
    server = Server()
    outbox = AsgiSendQueue(server, LIMIT, 60)
    outbox.put(Batch([SMALL]))
    await server.takes()
    await outbox.wait()
    earlier = outbox.progress
    outbox.put(Batch([SMALL]))
    outbox.check_progress(earlier)
    outbox.put(Batch([SMALL]))
    assert [(await server.takes())["type"] for _ in range(2)] == ["websocket.send"] * 2


async def test_an_end_does_not_wait_for_a_reader_that_takes_nothing() -> None:
    server = Server()
    outbox = AsgiSendQueue(server, LIMIT, 0.01)
    outbox.put(Batch([SMALL]))
    outbox.close(Close.RESTART)
    async with asyncio.timeout(5):
        await outbox.wait()
    assert server.sent.empty()


# ---------------------------------------------------------------- uvicorn's protocol, our way


def masked(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


class Wire(asyncio.Transport):
    """A transport that writes down what is done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.did: list[str] = []
        self.written = b""
        self.aborted = asyncio.Event()

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.did.append("close")

    def abort(self) -> None:
        self.did.append("abort")
        self.aborted.set()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.did.append("eof")

    def get_write_buffer_size(self) -> int:
        return len(self.written)

    def is_closing(self) -> bool:
        return bool(self.did) and self.did[-1] in ("close", "abort")

    def pause_reading(self) -> None:
        self.did.append("pause")

    def resume_reading(self) -> None:
        self.did.append("resume")

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


async def nothing(scope: Any, receive: Any, send: Any) -> None: ...


REQUEST = "\r\n".join(
    [
        "GET / HTTP/1.1",
        "Host: x",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version: 13",
        *("", ""),
    ]
).encode()


def handshaken(
    most: int = MOST, budget: FrameBudget | None = None
) -> tuple[WebSocketProtocol, Wire]:
    """A connection whose handshake has come in, and which the app has not accepted yet."""
    config = Config(nothing, ws_ping_interval=None, ws_max_size=most, log_config=None)
    config.load()
    config.frame_budget = budget  # type: ignore[attr-defined]
    protocol, wire = WebSocketProtocol(config, ServerState(), {}), Wire()
    protocol.connection_made(wire)
    protocol.data_received(REQUEST)
    return protocol, wire


def connected(
    on_text: Callable[[bytes | None], None], most: int = MOST, budget: FrameBudget | None = None
) -> tuple[WebSocketProtocol, Wire]:
    """A connection past its handshake, whose frames go to `on_text`."""
    protocol, wire = handshaken(most, budget)
    protocol.handshake_complete = True
    protocol.begin(on_text, lambda is_blocked: None)
    wire.did.clear()
    return protocol, wire


async def test_binary_frames_come_by_the_same_way_and_resume_no_reading() -> None:
    came: list[bytes | None] = []

    def on_text(data: bytes | None) -> None:
        came.append(data)
        protocol.pause_reading()

    protocol, wire = connected(on_text)
    waiting = protocol.queue.qsize()
    protocol.data_received(masked(Opcode.TEXT, b"{}") + masked(Opcode.BINARY, b"x") * 3)
    assert came == [b"{}"]  # the app has enough for now
    for _ in range(3):
        protocol.resume_reading()
    assert came == [b"{}", None, None, None]
    assert set(wire.did) == {"pause"}
    assert protocol.queue.qsize() == waiting  # nothing for the app, whose receive() would resume


async def test_nothing_is_read_before_the_app_wants_it() -> None:
    protocol, wire = handshaken()
    assert wire.did == ["pause"]
    protocol.hold()
    protocol.handshake_complete = True
    protocol.data_received(masked(Opcode.TEXT, b"early") * 2)  # in one piece with the handshake
    assert (wire.did, protocol.queue.qsize()) == (["pause"], 1)  # "websocket.connect"
    came: list[bytes | None] = []
    protocol.begin(came.append, lambda is_blocked: None)
    assert (came, wire.did) == ([b"early", b"early"], ["pause", "resume"])
    protocol.connection_lost(None)


async def test_an_app_that_asks_by_asgi_gets_one_message_at_a_time() -> None:
    protocol, _ = handshaken()
    await protocol.receive()
    await protocol.send({"type": "websocket.accept"})
    protocol.data_received(masked(Opcode.TEXT, b"1") + masked(Opcode.BINARY, b"2"))
    assert protocol.queue.qsize() == 1
    assert (await protocol.receive())["text"] == "1"
    assert (await protocol.receive())["bytes"] == b"2"
    protocol.connection_lost(None)


@pytest.mark.parametrize(
    "frames",
    [
        masked(Opcode.PING, b"") * 200,
        masked(Opcode.PONG, b"x") * 200,
        masked(Opcode.TEXT, b"", fin=False) + masked(Opcode.CONT, b"", fin=False) * 200,
        masked(Opcode.BINARY, b"x", fin=False) + masked(Opcode.CONT, b"x", fin=False) * 200,
    ],
    ids=["pings", "pongs", "empty fragments", "fragments of a byte"],
)
async def test_a_flood_ends_the_socket(frames: bytes) -> None:
    protocol, wire = connected(lambda data: None)
    protocol.data_received(frames)
    for _ in range(5):  # in slices
        await asyncio.sleep(0)
    assert wire.written.endswith(close_frame(*Close.FLOOD.value))
    assert wire.written.count(b"\x8a") <= 101
    protocol.connection_lost(None)


async def test_large_fragments_as_browsers_make_them_are_no_flood() -> None:
    came: list[bytes | None] = []
    protocol, wire = connected(came.append, 2 << 20)
    part = b"x" * 4096
    protocol.data_received(masked(Opcode.TEXT, part, fin=False))
    for _ in range(300):
        protocol.data_received(masked(Opcode.CONT, part, fin=False))
    protocol.data_received(masked(Opcode.CONT, b"end"))
    for _ in range(2 * 301 * len(part) // BYTES_PER_SLICE):  # in slices
        await asyncio.sleep(0)
    assert came == [part * 301 + b"end"]
    assert not wire.written
    protocol.connection_lost(None)


async def test_many_frames_leave_others_their_turn() -> None:
    came: list[bytes | None] = []
    protocol, _ = connected(came.append)
    protocol.data_received(masked(Opcode.TEXT, b"{}") * 3 * FRAMES_PER_SLICE)
    assert len(came) == FRAMES_PER_SLICE
    await asyncio.sleep(0)
    assert len(came) == 2 * FRAMES_PER_SLICE
    await asyncio.sleep(0)
    assert len(came) == 3 * FRAMES_PER_SLICE
    protocol.connection_lost(None)


@pytest.mark.parametrize("ending", [Close.RESTART, Close.SLOW])
async def test_after_a_close_frame_nothing_is_read_for_long(ending: Close) -> None:
    came: list[bytes | None] = []
    protocol, wire = connected(came.append)
    protocol.end(*ending.value)
    for _ in range(10):
        protocol.data_received(masked(Opcode.TEXT, b"{}") * FRAMES_PER_SLICE)
    assert came == []
    assert protocol._reader is not None
    assert protocol._reader.buffered == 0
    assert "close" not in wire.did
    protocol.connection_lost(None)


async def test_unfinished_large_messages_have_a_budget() -> None:
    budget = FrameBudget(3 << 20)
    part = b"\x82\xff" + (8 << 20).to_bytes(8, "big") + b"mask" + b"x" * (1 << 20)
    pairs = [connected(lambda data: None, 16 << 20, budget) for _ in range(4)]
    for protocol, _ in pairs:
        protocol.data_received(part)
    assert [protocol.close_sent for protocol, _ in pairs] == [False, False, True, True]
    assert pairs[2][1].written == close_frame(*Close.TOO_MUCH.value)
    for protocol, _ in pairs:
        protocol.connection_lost(None)
    assert budget.held == 0


async def test_the_answer_to_a_close_frame_ends_the_connection() -> None:
    protocol, wire = connected(lambda data: None)
    protocol.end(*Close.RESTART.value)
    protocol.data_received(masked(Opcode.TEXT, b"{}") + masked(Opcode.CLOSE, b"\x03\xf4"))
    assert wire.did == ["close"]
    protocol.connection_lost(None)


async def test_a_silent_peer_sees_the_end_after_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linger, "SILENCE_TIMEOUT", 0.001)
    monkeypatch.setattr(linger, "LINGER_TIMEOUT", 0.3)
    protocol, wire = connected(lambda data: None)
    protocol.data_received(masked(Opcode.TEXT, b"\xff"))
    async with asyncio.timeout(5):
        await wire.aborted.wait()
    assert wire.did == ["eof", "abort"]
    assert wire.written.startswith(b"\x88")
    assert wire.written[2:4] == struct.pack("!H", 1007)
    protocol.connection_lost(None)


async def test_after_the_peers_goodbye_nothing_is_written_and_no_end_fails() -> None:
    protocol, wire = connected(lambda data: None)
    outbox = DirectSendQueue(protocol, LIMIT, 60)
    outbox.blocked(True)
    protocol.data_received(masked(Opcode.CLOSE, struct.pack("!H", 1000)))
    assert "close" in wire.did
    written = wire.written
    outbox.put(Batch([LARGE]))
    outbox.put(Batch([LARGE]))  # too much: it ends what has ended
    outbox.close(Close.RESTART)
    assert not protocol.write(b"late")
    assert wire.written == written
    protocol.connection_lost(None)
