"""SIGTERM: every socket is told to come back, and the process ends, soon and clean."""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from ..client import Person
from ..patience import patient
from ..server import Server
from . import wire
from .load import Load
from .test_crash import survives, survives_repeats

WITHIN = 5.0


async def test_every_socket_is_told_to_come_back(
    own_server: Callable[..., Server], cast: Any
) -> None:
    server = own_server().start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    async with AsyncExitStack() as stack:
        people = [ada, bob] * 20
        sockets = [await stack.enter_async_context(p.enters(room)) for p in people]
        began = time.monotonic()
        assert await asyncio.to_thread(server.stop) == 0
        assert time.monotonic() - began < patient(WITHIN)
        assert {await socket.closes() for socket in sockets} == {1012}


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
async def test_a_server_with_nobody_on_it_ends_at_once(
    own_server: Callable[..., Server], sign: signal.Signals
) -> None:
    server = own_server().start()
    assert server.process is not None
    began = time.monotonic()
    server.process.send_signal(sign)
    assert await asyncio.to_thread(server.process.wait, patient(WITHIN)) == 0
    assert time.monotonic() - began < patient(WITHIN)
    assert "Traceback" not in server.said()


async def test_stopping_amid_writing_loses_nothing(
    own_server: Callable[..., Server], cast: Any
) -> None:
    server = own_server(rate_limit_rate=0).start()
    ada, bob, _ = cast(server)
    load = Load(await ada.opens(bob), ada, bob)
    running = asyncio.create_task(load.run("m", 200))
    await asyncio.wait_for(load.enough.wait(), 20)
    began = time.monotonic()
    assert await asyncio.to_thread(server.stop) == 0
    assert time.monotonic() - began < patient(WITHIN)
    await asyncio.wait_for(running, 20)
    assert "Traceback" not in server.said()
    server.start()
    await survives(load, ada)
    await survives_repeats(load, ada)
    assert server.stop() == 0


async def test_a_client_that_does_not_answer_the_close_holds_nobody_up(
    own_server: Callable[..., Server], cast: Any
) -> None:
    server = own_server().start()
    ada: Person = cast(server)[0]
    room = await ada.opens(cast(server)[1])
    silent = [wire.opened(ada, f"?room_id={room}") for _ in range(5)]
    halfway = wire.connect(ada)
    halfway.sendall(wire.handshake(ada, f"?room_id={room}")[:50])
    try:
        began = time.monotonic()
        assert await asyncio.to_thread(server.stop) == 0
        assert time.monotonic() - began < patient(WITHIN)
    finally:
        for connection in (*silent, halfway):
            connection.close()
