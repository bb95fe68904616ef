"""SIGTERM while PostgreSQL is stopped dead and clients read nothing: the process ends in time."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ...client import Person
from ...engines.postgres import Postgres
from ...patience import patient
from ...server import Server
from .. import wire
from ..load import Load
from ..test_crash import survives, survives_repeats

WITHIN = 5.0  # seconds from SIGTERM to the end of the process
TEXT = "👍" * 3000  # 12 kB on the wire
STUCK = 5  # clients that read nothing

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into /proc")


def processes(postgres: Postgres) -> list[int]:
    """Its own process and that of each connection."""
    assert postgres.process is not None
    pid = postgres.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [pid, *map(int, children.split())]


@contextmanager
def frozen(postgres: Postgres) -> Iterator[None]:
    """It has all its connections, and answers nothing."""
    pids = processes(postgres)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def test_a_dead_database_and_stuck_clients_hold_up_no_end(
    postgres: Postgres, tmp_path: Path, cast: Callable[[Server], tuple[Person, Person, Person]]
) -> None:
    server = Server(
        tmp_path, database_url=postgres.create_database(), rate_limit_rate=0, limits_rooms_per_day=0
    )
    server.start()
    stuck = []
    try:
        ada, bob, eve = cast(server)
        room, quiet = await ada.opens(bob), await ada.opens(bob, eve)
        stuck = [wire.opened(eve, f"?room_id={quiet}", receive_buffer=4096) for _ in range(STUCK)]
        for number in range(20):
            await ada.posts(quiet, f"{number} {TEXT}")
        load = Load(room, ada, bob)
        writing = asyncio.create_task(load.run("m", 100))
        await asyncio.wait_for(load.enough.wait(), 20)
        with frozen(postgres):
            code, took = await asyncio.to_thread(ends, server)
            assert took < patient(WITHIN), server.said()
            await asyncio.wait_for(writing, 20)
        assert code in (0, 1), server.said()
        assert "Traceback" not in server.said()
        server.start()
        await survives(load, ada)
        await survives_repeats(load, ada)
        assert server.stop() == 0
    finally:
        for connection in stuck:
            connection.close()
        server.end()


def ends(server: Server) -> tuple[int, float]:
    """Its exit code, and the seconds from SIGTERM on."""
    began = time.monotonic()
    code = server.stop()
    return code, time.monotonic() - began
