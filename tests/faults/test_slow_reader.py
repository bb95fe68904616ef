"""A client that does not read: it goes, with 4008, and nobody else notices."""

import asyncio
import json
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ..client import Person, Socket
from ..patience import patient
from ..server import Server
from . import wire

TEXT = "👍" * 3000  # 12 kB on the wire
GONE_WITHIN = 10.0
NOTICED = 1.0  # seconds that a message may take to the others, on a busy machine
People = tuple[Person, Person, Person, int]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc/net/tcp")


@pytest.fixture
async def people(own_server: Callable[..., Server], cast: Any) -> AsyncIterator[People]:
    ada, bob, eve = cast(own_server(rate_limit_rate=0, limits_max_resume_size="8MiB").start())
    yield ada, bob, eve, await ada.opens(bob, eve)
    assert ada.server.stop() == 0


async def slowest_of(ada: Socket, bob: Socket, count: int) -> float:
    """Ada writes this many large messages, bob hears each; the longest that one took."""
    worst = 0.0
    for number in range(count):
        sent = time.monotonic()
        await ada.sends(f"{number} {TEXT}")
        await bob.hears(f"{number} {TEXT}")
        worst = max(worst, time.monotonic() - sent)
    return worst


async def test_a_client_that_never_reads_is_gone_and_nobody_notices(people: People) -> None:
    ada, bob, eve, room = people
    async with ada.enters(room) as a, bob.enters(room) as b:
        stuck = wire.opened(eve, f"?room_id={room}", receive_buffer=4096)
        try:
            assert wire.server_still_holds(stuck, eve.server.port)
            began = time.monotonic()
            worst = 0.0
            while wire.server_still_holds(stuck, eve.server.port):
                assert time.monotonic() - began < patient(GONE_WITHIN), (
                    "the connection is still there"
                )
                worst = max(worst, await slowest_of(a, b, 20))
            assert worst < NOTICED
        finally:
            stuck.close()
        await b.still_works()


def read_to_the_end(connection: socket.socket) -> tuple[list[Any], int | None]:
    """All frames that still come, and the code of the close; None where it was cut off."""
    frames: list[Any] = []
    while True:
        try:
            opcode, data = wire.read_frame(connection)
        except (EOFError, ConnectionError):
            return frames, None
        if opcode == 8:
            return frames, struct.unpack(">H", data[:2])[0]
        frames.append(json.loads(data))


async def test_a_client_that_read_too_late_hears_why_and_resumes(people: People) -> None:
    ada, bob, eve, room = people
    async with ada.enters(room) as a, bob.enters(room) as b:
        late = wire.opened(eve, f"?room_id={room}", receive_buffer=4096)
        try:
            await slowest_of(a, b, 400)
            frames, code = await asyncio.to_thread(read_to_the_end, late)
        finally:
            late.close()
        # On a busy machine he comes so late that the server has stopped waiting for him to read it.
        assert code == 4008 or (code is None and patient(1) > 1)
        assert frames[0] == []
        heard = [f["version"] for f in frames[1:] if "version" in f]
        assert heard == list(range(1, len(heard) + 1))
        assert len(heard) < 400
        async with eve.enters(room, after=len(heard)) as socket:
            missed = [m["version"] for m in socket.first["messages"]]
            assert heard + missed == list(range(1, 401))


async def test_a_stuck_client_does_not_hold_up_the_end(people: People) -> None:
    ada, bob, eve, room = people
    async with ada.enters(room) as a, bob.enters(room) as b:
        stuck = wire.opened(eve, f"?room_id={room}", receive_buffer=4096)
        try:
            await slowest_of(a, b, 100)
            began = time.monotonic()
            assert await asyncio.to_thread(ada.server.stop) == 0
            assert time.monotonic() - began < patient(5)
            assert await a.closes() == await b.closes() == 1012
        finally:
            stuck.close()
        ada.server.start()
    assert len(await ada.reads_all(room)) == 100
