"""The end of a socket that asks for much and reads nothing, also behind a proxy."""

import asyncio
import socket as sockets
from contextlib import suppress

from ..account import BrokenPromise
from ..probe import ProbeSocket, includes
from ..stage import Stage, check

LONG_TEXTS = 20  # messages in a page
PAGES = 60  # pages that are asked for and not read: 19 MB, more than the kernels of a proxy hold
TOKEN_SIZE = 32_768  # bytes of an answer that count as one action
CHECK_LIMIT = 150.0  # seconds: a server that does not close the socket has to answer all pages


@check("authentication", alone=True, limit=CHECK_LIMIT)
async def check_a_slow_reader_is_closed(stage: Stage) -> None:
    """4008 for a socket that asks for much and reads nothing; it comes back with its cursor.

    A proxy holds megabytes of a socket that the server has closed, and its end with them. So the
    other member's socket is asked, too: a user whose only socket was closed goes offline.
    """
    room = await stage.open_room()
    limit = stage.deployment.config.get("limits", {}).get("max_text_length", 4_000)
    for number in range(LONG_TEXTS):
        await stage.post(stage.ada, room, f"{number} ".ljust(limit, "😀"))
    async with (
        stage.enter(stage.bob, room, after=LONG_TEXTS, receipts="manual") as b,
        # Compressed, the pages are a few kilobytes, which wait for nobody.
        stage.knock(stage.ada, f"?room_id={room}&receipts=manual", compression=None) as a,
    ):
        await a.next()
        await a.settle()
        leaving = asyncio.create_task(_goes_offline(stage, b, room))
        asked = await _ask_without_reading(stage, a, leaving, limit)
        is_offline = await _ends(leaving, stage.deployment.patience)
        code, answered = await _read_to_the_end(a, asked)
    if is_offline or code is not None:
        # The close frame is lost where the server gives up on the connection first.
        stage.holds(code in (4008, 1006, None), "a slow reader is closed with 4008", code)
    elif answered < asked:
        stage.report.note("a slow reader: what is in between had not passed on all answers in time")
    else:
        size = asked * LONG_TEXTS * limit * 4 // 1_000_000
        what = f"{size} MB were kept for it, and came when it began to read"
        stage.holds(False, "a slow reader is closed with 4008", what)
    async with stage.enter(stage.ada, room, after=LONG_TEXTS - 1) as a:
        stage.equal(len(a.first["messages"]), 1, "a slow reader comes back with its cursor")


async def _ask_without_reading(
    stage: Stage, a: ProbeSocket, leaving: "asyncio.Task[None]", limit: int
) -> int:
    """Ask for pages and read none of them, until the socket was closed; return how many."""
    transport = a.connection.transport
    set_receive_buffer(transport.get_extra_info("socket"), 4_096)
    transport.pause_reading()
    asked = 0
    with suppress(BrokenPromise):  # it may be closed before it has asked for all of them
        while asked < PAGES and not leaving.done():
            await stage.ada.pace.wait(LONG_TEXTS * limit * 4 / TOKEN_SIZE)
            await a.act("history", limit=LONG_TEXTS)
            asked += 1
    return asked


async def _goes_offline(stage: Stage, b: ProbeSocket, room: int) -> None:
    """Wait until the other member sees the slow reader's user offline."""
    wanted = {"type": "presence", "user_id": stage.ada.user_id, "online": False}
    while b.connection.close_code is None:
        with suppress(BrokenPromise):
            if not includes(await b.receive(), wanted):
                continue
            shown = await stage.bob.json("GET", f"chat/rooms/{room}/")
            if not any(m["online"] for m in shown["members"] if m["user_id"] == wanted["user_id"]):
                return
    await asyncio.Event().wait()


async def _ends(task: "asyncio.Task[None]", seconds: float) -> bool:
    await asyncio.wait((task,), timeout=seconds)
    is_done = task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return is_done


async def _read_to_the_end(a: ProbeSocket, asked: int) -> tuple[int | None, int]:
    """Read on; return the close code, or None where it is open, and the number of answers."""
    transport = a.connection.transport
    # A proxy may hold megabytes, which a small buffer takes minutes to take.
    set_receive_buffer(transport.get_extra_info("socket"), 1 << 20)
    transport.resume_reading()
    with suppress(BrokenPromise):
        while len(a.seen("history")) < asked:
            await a.receive()
    return a.connection.close_code, len(a.seen("history"))


def set_receive_buffer(raw: sockets.socket | None, size: int) -> None:
    """Set how many bytes the kernel keeps unread; a socket that was closed meanwhile keeps none.

    With TLS a transport that was closed has no socket.
    """
    if raw is not None and raw.fileno() >= 0:
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, size)
