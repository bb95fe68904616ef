"""A real server on one core, attackers, and a bystander who notices nothing: a table of them.

`python -m tests.faults.attacks` runs all of them, over one and over twenty connections, without a
token, and those that go on after a login with one; `--only pings --seconds 5 --connections 20`. The
exit code is 1 where a bound was broken.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import httpx
from websockets.exceptions import ConnectionClosed

from ..client import Person, Socket
from ..server import Server
from .attackers import ATTACKS

SERVER_CORE, OTHER_CORE = 0, -1  # of those that this process may use
PACE = 0.02  # seconds between two round trips of the bystander: within its own rate limit
FROZEN_AFTER = 15.0  # seconds without an answer
AFTERWARDS = 10.0  # seconds for the memory to come back
MIB = 1 << 20
WITH_TOKEN = (
    "empty pings", "pongs", "continuations", "binary frames", "texts", "one-byte fragments",
    "unfinished 15 MiB frames",
)  # fmt: skip


class Bounds(NamedTuple):
    p99: float = 0.1  # seconds
    peak: int = 150 * MIB
    kept: int = 25 * MIB  # above what the process had before, ten seconds after the attack


class Outcome(NamedTuple):
    name: str
    connections: int
    p50: float
    p99: float
    longest: float
    cpu: float  # seconds of it a second
    before: int
    peak: int
    after: int
    exit_code: int
    traceback: bool

    def broken(self, bounds: Bounds) -> list[str]:
        """Which bounds do not hold."""
        said = {
            "p99": self.p99 > bounds.p99,
            "peak": self.peak > bounds.peak,
            "memory kept": self.after > self.before + bounds.kept,
            f"exit code {self.exit_code}": self.exit_code != 0,
            "traceback": self.traceback,
        }
        return [what for what, is_broken in said.items() if is_broken]


def resident(pid: int) -> int:
    """Bytes of memory that the process has."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} has no memory")


def cpu_time(pid: int) -> float:
    """Seconds of processor time that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Bystander:
    """Talks on a socket and over HTTP while the attack goes on; notes how long each answer took."""

    def __init__(self, person: Person, socket: Socket, pid: int) -> None:
        self.person, self.socket, self.pid = person, socket, pid
        self.took: list[float] = []
        self.peak = 0

    async def talk(self, seconds: float) -> None:
        since = time.monotonic()
        turn = 0
        while time.monotonic() < since + seconds:
            sent = time.monotonic()
            try:
                async with asyncio.timeout(FROZEN_AFTER):
                    await self.turn(turn)
            except (TimeoutError, httpx.HTTPError, ConnectionClosed):
                self.took += [FROZEN_AFTER] * len(self.took or [0])  # nothing goes on
                return
            self.took.append(time.monotonic() - sent)
            self.peak = max(self.peak, resident(self.pid))
            turn += 1
            await asyncio.sleep(PACE)

    async def turn(self, number: int) -> None:
        if number % 5 == 0:
            await self.socket.sends(f"message {number}")
            await self.socket.hears(f"message {number}")
        elif number % 5 == 1:
            assert (await self.person.get("chat/unread/")).status_code == 200
        else:
            await self.socket.does("ping")
            while (await self.socket.next())["type"] != "pong":
                pass

    async def memory_after(self, goal: int) -> int:
        """What the process has when it is down to the goal, or when the time for it is over."""
        deadline = time.monotonic() + AFTERWARDS
        # the kernel tells nobody
        while (now := resident(self.pid)) > goal and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        return now


def percentile(took: list[float], share: float) -> float:
    ordered = sorted(took)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def start_attack(name: str, server: Server, connections: int, room: int, token: str):  # type: ignore[no-untyped-def]
    command = [sys.executable, "-m", "tests.faults.attackers", name, str(server.port)]
    command += [str(0 if name == "nobody" else connections), str(room), token]
    root = Path(__file__).parent.parent.parent
    return subprocess.Popen(command, stdin=subprocess.PIPE, cwd=root)


def end_attack(attacking: "subprocess.Popen[bytes]") -> None:
    assert attacking.stdin is not None
    attacking.stdin.close()
    attacking.wait(10)


@asynccontextmanager
async def bystander_of(server: Server) -> AsyncIterator[tuple[Bystander, int]]:
    async with httpx.AsyncClient(timeout=60) as http:
        ada, bob = Person(server, http, 1, "Ada"), Person(server, http, 2, "Bob")
        room = await ada.opens(bob)
        async with ada.knocks(f"?room_id={room}") as socket:
            await socket.next()
            yield Bystander(ada, socket, server.pid), room


async def measure(
    server: Server, name: str, connections: int, seconds: float, *, with_token: bool = False
) -> Outcome:
    """Attacks, looks at the memory afterwards, and ends the server amid another attack."""
    async with bystander_of(server) as (bystander, room):
        token = Person(server, bystander.person.http, 2, "Bob").token() if with_token else ""
        await bystander.talk(0.5)
        bystander.took.clear()
        before = resident(server.pid)
        used, began = cpu_time(server.pid), time.monotonic()
        attacking = start_attack(name, server, connections, room, token)
        try:
            await bystander.talk(seconds)
        finally:
            end_attack(attacking)
        cpu = (cpu_time(server.pid) - used) / (time.monotonic() - began)
        after = await bystander.memory_after(before + Bounds().kept)
    attacking = start_attack(name, server, connections, room, token)
    try:
        await asyncio.sleep(1.0)  # the attack is under way
        exit_code = server.stop()
    except AssertionError:  # it did not end
        exit_code = -1
    finally:
        end_attack(attacking)
    took = bystander.took
    title = f"{name}, with a token" if with_token else name
    times = percentile(took, 0.5), percentile(took, 0.99), max(took), cpu
    has_traceback = "Traceback" in server.log.read_text(errors="replace")
    return Outcome(
        title, connections, *times, before, bystander.peak, after, exit_code, has_traceback
    )


def in_memory() -> str | None:
    """Returns a folder that waits for no disk; None where there is none."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def pin(pid: int, core: int) -> None:
    """All threads of the process on one core."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def own_cores() -> int:
    """Leaves a core to the server, where there are several; returns which."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[OTHER_CORE]})
    return cores[SERVER_CORE]


def run(
    name: str, connections: int, seconds: float, *, with_token: bool = False, core: int | None
) -> Outcome:
    """On a server of its own, pinned to one core."""
    with TemporaryDirectory(dir=in_memory()) as folder:
        server = Server(Path(folder)).start()
        try:
            if core is not None:
                pin(server.pid, core)
            attack = measure(server, name, connections, seconds, with_token=with_token)
            return asyncio.run(attack)
        finally:
            server.end()


def row(outcome: Outcome, bounds: Bounds) -> str:
    times = (f"{1000 * t:7.1f}" for t in (outcome.p50, outcome.p99, outcome.longest))
    sizes = (f"{size / MIB:6.0f}" for size in (outcome.before, outcome.peak, outcome.after))
    verdict = ", ".join(outcome.broken(bounds)) or "holds"
    title = f"{outcome.name} ×{outcome.connections}"
    cpu = f"{100 * outcome.cpu:5.0f}"
    return f"{title:<46}{''.join(times)}{cpu}{''.join(sizes)}{outcome.exit_code:5}  {verdict}"


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--only", default="", help="attacks with this in their name")
    given.add_argument("--seconds", type=float, default=6.0)
    given.add_argument("--connections", type=int, nargs="*", default=[1, 20])
    given.add_argument("--rounds", type=int, default=1, help="a row is their median")
    options = given.parse_args()
    core = own_cores()
    plan = [(name, False) for name in ATTACKS] + [(name, True) for name in WITH_TOKEN]
    say(f"{'':<46}{'p50 ms':>7}{'p99':>7}{'max':>7} CPU %  MiB  peak after exit")
    failures = 0
    for name, with_token in plan:
        for connections in options.connections:
            if options.only in name:
                attack = partial(run, name, connections, options.seconds, core=core)
                rounds = [attack(with_token=with_token) for _ in range(options.rounds)]
                outcome = sorted(rounds, key=lambda one: one.p99)[len(rounds) // 2]
                failures += bool(outcome.broken(Bounds()))
                say(row(outcome, Bounds()))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
