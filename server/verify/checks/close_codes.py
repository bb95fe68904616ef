"""Checks of the close codes of floods: of pings, and of actions."""

import asyncio

from websockets.exceptions import ConnectionClosed

from ..account import BrokenPromise
from ..probe import ProbeSocket
from ..stage import Stage, check

PINGS = 400  # at once; 100 a second are documented
BATCH = 20  # pings
EXCESS = 16.0  # seconds of a flood; 10 are documented
FLOOD_RATE = 200  # actions a second, four times the documented limit
BURST = 200  # actions that may come at once


@check("authentication")
async def check_a_flood_of_pings_closes_the_socket(stage: Stage) -> None:
    """1008 for more than 100 control frames a second, where the server itself sees them."""
    room = await stage.empty_room()
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
async def check_a_flood_that_goes_on_closes_the_socket(stage: Stage) -> None:
    """4029 for a socket that stays above the rate limit; its user may come back later."""
    room = await stage.busy_room()
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
