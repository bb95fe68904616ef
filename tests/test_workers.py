"""One server of several processes, on PostgreSQL and Valkey: they share everything but memory."""

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from .client import Person, Socket
from .conftest import Cast
from .engines.postgres import Postgres
from .engines.proxy import FaultProxy
from .engines.valkey import Valkey
from .faults.load import Load
from .faults.test_crash import survives, survives_repeats
from .patience import LONG, patient
from .server import SECRET, Server

WORKERS = 2
WITHIN = 5.0  # seconds in which a server ends
COMES_BACK = LONG

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into /proc")
Made = Callable[..., Server]


@pytest.fixture
def several(tmp_path: Path, postgres: Postgres, valkey: Valkey) -> Iterator[Made]:
    """A server of several processes; not started yet."""
    made: list[Server] = []

    def make(**settings: object) -> Server:
        engines = {
            "database_url": postgres.create_database(),
            "broadcast_url": valkey.url,
            "attachments_url": f"file:{tmp_path / 'attachments'}",
            "server_workers": WORKERS,
        }
        made.append(Server(tmp_path, **(engines | settings)))
        return made[-1]

    yield make
    for server in made:
        server.end()


# ---------------------------------------------------------------- what the system knows of them


def workers(server: Server) -> set[int]:
    """The processes that the server has started and not yet buried."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    return {int(pid) for pid in children.read_text().split()}


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def until(what: Callable[[], object]) -> None:
    """What happens in other processes tells nobody: it can only be looked at."""
    async with asyncio.timeout(COMES_BACK):
        while not what():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def started(server: Server) -> Server:
    """All of its workers listen, not only the first that answers."""
    await asyncio.to_thread(server.start)
    await until(lambda: "  secret " in server.said())
    return server


async def worker_of(socket: Socket, server: Server) -> int:
    """The process at the other end of the connection."""
    ours = socket.connection.transport.get_extra_info("sockname")[1]
    found: list[int] = []
    async with asyncio.timeout(COMES_BACK):
        while len(found) != 1:  # the kernel's table is read in pieces, while it changes
            found = holders(server, f":{server.port:04X}", f":{ours:04X}")
            await asyncio.sleep(0)
    return found[0]


def holders(server: Server, here: str, there: str) -> list[int]:
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {f"socket:[{r[9]}]" for r in rows if (r[1][-5:], r[2][-5:]) == (here, there)}
    return [pid for pid in workers(server) if inodes & descriptors(pid)]


def descriptors(pid: int) -> set[str]:
    return {os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()}


@asynccontextmanager
async def crowd(
    server: Server, room: int, *people: Person
) -> AsyncIterator[dict[int, list[Socket]]]:
    """Many sockets into a room, by the worker that each has come to."""
    async with AsyncExitStack() as stack:
        entered = [await stack.enter_async_context(p.enters(room)) for p in people * 20]
        found: dict[int, list[Socket]] = {}
        for socket in entered:
            found.setdefault(await worker_of(socket, server), []).append(socket)
        yield found


# ---------------------------------------------------------------- together


async def test_any_worker_tells_the_numbers_of_all(several: Made, http: httpx.AsyncClient) -> None:
    server = await started(several())
    told: set[str] = set()

    async def all_told() -> None:
        while told != {str(pid) for pid in workers(server)}:
            text = (await http.get(server.url + "/metrics")).text
            told.update(re.findall(r'roomcast_open_rooms{worker="(\d+)"}', text))

    async with asyncio.timeout(COMES_BACK):
        await all_told()


async def test_sockets_on_different_workers_hear_each_other(several: Made, cast: Cast) -> None:
    server = await started(several())
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    async with crowd(server, room, ada, bob) as sockets:
        assert len(sockets) > 1
        assert set(sockets) <= workers(server)
        for pid, (first, *_) in sockets.items():
            await first.sends(f"from {pid}")
        for socket in (one for each in sockets.values() for one in each):
            heard = {(await socket.receives("chat_message"))["message"]["text"] for _ in sockets}
            assert heard == {f"from {pid}" for pid in sockets}


async def test_a_banner_is_printed_once(several: Made) -> None:
    server = await started(several())
    assert server.stop() == 0
    assert server.said().count("listens on") == 1
    assert server.said().startswith(f"roomcast listens on {server.url}\n")
    assert "Traceback" not in server.said()


async def test_the_secret_stands_in_no_command_line(several: Made) -> None:
    server = await started(several())
    lines = [command(pid) for pid in workers(server)]
    assert len(lines) == WORKERS
    assert not [line for line in lines if SECRET in line]


# ---------------------------------------------------------------- a worker dies


async def test_the_others_go_on_when_a_worker_is_killed(several: Made, cast: Cast) -> None:
    server = await started(several())
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    before = workers(server)
    async with crowd(server, room, ada, bob) as sockets:
        killed, *rest = sockets
        assert rest
        os.kill(killed, signal.SIGKILL)
        assert {await socket.closes() for socket in sockets[killed]} == {1006}
        for pid in rest:
            await sockets[pid][0].says(f"still here, {pid}")
        await until(lambda: len(workers(server) - {killed}) == WORKERS)
    assert before - workers(server) == {killed}
    assert f"Worker {killed} ended (exit code -9); a new one is started." in server.said()
    assert server.stop() == 0


async def test_the_one_that_takes_its_place_serves(several: Made, cast: Cast) -> None:
    server = await started(several(server_workers=2))
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    for pid in workers(server):
        os.kill(pid, signal.SIGKILL)
    async with ada.enters(room) as hers, bob.enters(room) as his:  # the sockets still listen
        await hers.says("is anybody there?")
        await his.hears("is anybody there?")
    assert server.stop() == 0


async def test_a_worker_that_cannot_start_is_tried_again(
    several: Made, postgres: Postgres, http: httpx.AsyncClient
) -> None:
    async with FaultProxy(postgres.port) as proxy:
        database = proxy.url_of(postgres.create_database())
        server = await started(several(database_url=database, server_workers=2))
        killed, _ = workers(server)
        await proxy.refuse()
        os.kill(killed, signal.SIGKILL)
        await until(lambda: "The next try is in" in server.said())
        assert "can't be opened: " in server.said()
        assert (await http.get(f"{server.url}/healthz")).status_code == 200  # by the other one
        await proxy.heal()
        await until(lambda: len(workers(server)) == 2 and killed not in workers(server))
        assert await asyncio.to_thread(server.stop) == 0
    assert "Traceback" not in server.said()


# ---------------------------------------------------------------- the start


@pytest.mark.parametrize("engine", ["database_url", "broadcast_url"])
def test_an_engine_that_is_away_at_the_start_is_one_sentence(engine: str, several: Made) -> None:
    scheme = {"database_url": "postgresql", "broadcast_url": "redis"}[engine]
    refused = several(**{engine: f"{scheme}://127.0.0.1:1/chat"}).try_to_start()
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("Error: ")
    assert refused.stderr.count("\n") == 1
    assert "127.0.0.1:1" in refused.stderr


# ---------------------------------------------------------------- the end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_tells_every_socket_and_ends_all(
    number: signal.Signals, several: Made, cast: Cast
) -> None:
    server = await started(several())
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    all_of_them = workers(server)
    assert len(all_of_them) == WORKERS
    async with crowd(server, room, ada, bob) as sockets:
        assert server.process is not None
        sent = time.monotonic()
        server.process.send_signal(number)
        assert await asyncio.to_thread(server.process.wait, 10) == 0
        assert time.monotonic() - sent < patient(WITHIN)
        codes = {await socket.closes() for each in sockets.values() for socket in each}
    assert codes == {1012}
    assert not [pid for pid in all_of_them if lives(pid)]
    assert "Traceback" not in server.said()


async def test_stopping_amid_writing_loses_nothing(several: Made, cast: Cast) -> None:
    server = await started(several(rate_limit_rate=0))
    ada, bob, _ = cast(server)
    load = Load(await ada.opens(bob), *[ada, bob] * 4)
    running = asyncio.create_task(load.run("m", 200))
    await asyncio.wait_for(load.enough.wait(), LONG)
    began = time.monotonic()
    assert await asyncio.to_thread(server.stop) == 0
    assert time.monotonic() - began < patient(WITHIN)
    await asyncio.wait_for(running, LONG)
    assert "Traceback" not in server.said()
    await started(server)
    await survives(load, ada)
    await survives_repeats(load, ada)
    assert server.stop() == 0


async def test_a_worker_that_hangs_is_cut_off_in_time(several: Made) -> None:
    server = await started(several(server_workers=2))
    stuck, other = workers(server)
    os.kill(stuck, signal.SIGSTOP)
    sent = time.monotonic()
    assert server.process is not None
    server.process.terminate()
    assert await asyncio.to_thread(server.process.wait, 10) == 1
    assert time.monotonic() - sent < patient(WITHIN)
    assert [pid for pid in (stuck, other) if lives(pid)] == []
    assert server.said().endswith(f"Worker {stuck} did not end in time and is killed.\n")


async def test_the_workers_of_a_killed_parent_end_too(several: Made, cast: Cast) -> None:
    server = await started(several())
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    orphans = workers(server)
    assert len(orphans) == WORKERS
    async with crowd(server, room, ada, bob) as sockets:
        killed = time.monotonic()
        server.kill()
        codes = {await socket.closes() for each in sockets.values() for socket in each}
        assert codes == {1012}
        await until(lambda: not [pid for pid in orphans if lives(pid)])
        assert time.monotonic() - killed < patient(WITHIN)
    assert (await started(server)).stop() == 0  # the port is free


async def test_a_parent_killed_during_the_start_leaves_nobody(several: Made) -> None:
    server = several()
    server.process = server.launch()
    await until(lambda: len(workers(server)) == WORKERS)
    orphans = workers(server)
    server.kill()
    await until(lambda: not [pid for pid in orphans if lives(pid)])


def test_a_signal_during_the_start_ends_all(several: Made) -> None:
    server = several()
    server.process = server.launch()
    asyncio.run(until(lambda: workers(server)))
    started = workers(server)
    assert server.stop() == 0
    assert not [pid for pid in started if lives(pid)]
    assert "Traceback" not in server.said()
