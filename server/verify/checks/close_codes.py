"""Checks of the close codes of clients that do harm: floods, and readers that do not read."""

import asyncio
import socket as sockets
from contextlib import suppress

from websockets.exceptions import ConnectionClosed

from ..account import BrokenPromise
from ..probe import ProbeSocket
from ..stage import Stage, check

PINGS = 400  # at once; 100 a second are documented
BATCH = 20  # pings
EXCESS = 16.0  # seconds of a flood; 10 are documented
FLOOD_RATE = 200  # actions a second, four times the documented limit
BURST = 200  # actions that may come at once
LONG_TEXTS = 20  # messages in a page
PAGES = 30  # pages that are asked for and not read
TOKEN_SIZE = 32_768  # bytes of an answer that count as one action


@check("authentication")
async def check_a_flood_of_pings_closes_the_socket(stage: Stage) -> None:
    """1008 for more than 100 control frames a second, where the server itself sees them."""
    room = await stage.open_room()
    async with stage.enter(stage.ada, room, after=0) as a:
        for number in range(PINGS):
            a.connection.protocol.send_ping(str(number).encode())
        a.connection.send_data()
        try:
            await a.settle()
        except BrokenPromise:
            code = a.connection.close_code
            stage.equal(code, 1008, "a flood of pings closes with 1008")
        else:
            stage.report.note(f"{PINGS} pings at once met no limit")


@check("authentication", alone=True)
async def check_a_slow_reader_is_closed(stage: Stage) -> None:
    """4008 for a socket that asks for much and reads nothing; it comes back with its cursor."""
    room = await stage.open_room()
    limit = stage.deployment.config.get("limits", {}).get("max_text_length", 4_000)
    for number in range(LONG_TEXTS):
        await stage.post(stage.ada, room, f"{number} ".ljust(limit, "😀"))
    async with stage.enter(stage.ada, room, after=LONG_TEXTS, receipts="manual") as a:
        transport = a.connection.transport
        raw = transport.get_extra_info("socket")
        _set_receive_buffer(raw, 4_096)
        transport.pause_reading()
        with suppress(BrokenPromise):  # it may be closed before it has asked for all of them
            for _ in range(PAGES):
                await stage.ada.pace.wait(LONG_TEXTS * limit * 4 / TOKEN_SIZE)
                await a.act("history", limit=LONG_TEXTS)
        # A proxy may hold megabytes, which a small buffer takes minutes to take.
        _set_receive_buffer(raw, 1 << 20)
        transport.resume_reading()
        code = None
        with suppress(BrokenPromise):  # a proxy may still hand on what it holds
            code = await _code_or_none(a)
    if code is None:
        stage.report.note("a slow reader was not closed: what is in between took it all")
    else:  # the close frame is lost where the server gives up on the connection first
        stage.holds(code in (4008, 1006), "a slow reader is closed with 4008", code)
    async with stage.enter(stage.ada, room, after=LONG_TEXTS - 1) as a:
        stage.equal(len(a.first["messages"]), 1, "a slow reader comes back with its cursor")


def _set_receive_buffer(raw: sockets.socket, size: int) -> None:
    """Set how many bytes the kernel keeps unread; a socket that was closed meanwhile keeps none."""
    if raw.fileno() >= 0:
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, size)


@check("authentication", alone=True)
async def check_a_flood_that_goes_on_closes_the_socket(stage: Stage) -> None:
    """4029 for a socket that stays above the rate limit; its user may come back later."""
    room = await stage.open_room()
    async with stage.enter(stage.bob, room, after=0, receipts="manual") as b:
        code = await _code_of_flood(b)
    if code is None:
        stage.report.note(f"a flood of {EXCESS:.0f} s met no limit that ends it")
        return
    stage.equal(code, 4029, "a flood that goes on closes with 4029")
    await asyncio.sleep(2.0)
    async with stage.enter(stage.bob, room, after=0) as b:
        await b.send_message("back after a flood")


async def _code_of_flood(socket: ProbeSocket) -> int | None:
    """The code that ends a flood, or None where none does; each ping is answered once."""
    for number in range(int(EXCESS * FLOOD_RATE / BATCH)):
        is_limited = bool(socket.seen("error", code="rate_limited"))
        if number * BATCH > 2 * BURST and not is_limited:
            return None
        try:
            for _ in range(BATCH):
                await socket.connection.send('{"action":"ping"}')
            for _ in range(BATCH):
                await socket.receive()
        except (BrokenPromise, ConnectionClosed):
            return socket.connection.close_code
        await asyncio.sleep(BATCH / FLOOD_RATE if is_limited else 0)
    return None


async def _code_or_none(socket: ProbeSocket) -> int | None:
    """The code with which a socket was closed, or None where it still answers."""
    try:
        await socket.settle()
    except BrokenPromise:
        if socket.connection.close_code is None:
            raise
        return socket.connection.close_code
    return None
