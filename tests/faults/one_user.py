"""A real server on one core, one user who does all that the limits allow, and a bystander.

`python -m tests.faults.one_user` prints a table of what the bystander notices; `--only history
--seconds 5 --rounds 3`. A row is the median of its rounds. The exit code is 1 where the bystander's
p99 is over its bound.
"""

import argparse
import asyncio
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from ..server import Server
from .attacks import (
    MIB,
    Bounds,
    bystander_of,
    cpu_time,
    in_memory,
    own_cores,
    percentile,
    pin,
    say,
)
from .loads import fill
from .more_loads import ALL_LOADS


class Row(NamedTuple):
    """Times in seconds, CPU in seconds of it a second, and how the load was answered."""

    p50: float
    p99: float
    longest: float
    cpu: float
    peak: int
    answered: str


def start_load(name: str, server: Server) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.faults.more_loads", name, str(server.port)]
    root = Path(__file__).parent.parent.parent
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root)


async def begins(loading: "subprocess.Popen[bytes]") -> None:
    """Waits for the first answer that the load was given."""
    assert loading.stdout is not None
    line = await asyncio.to_thread(loading.stdout.readline)
    assert line == b"begun\n", "the load has ended"


async def measure(server: Server, name: str, seconds: float) -> Row:
    async with bystander_of(server) as (bystander, _):
        await bystander.talk(0.3)
        bystander.took.clear()
        loading = start_load(name, server)
        try:
            await begins(loading)
            used, began = cpu_time(server.pid), time.monotonic()
            await bystander.talk(seconds)
            cpu = (cpu_time(server.pid) - used) / (time.monotonic() - began)
            assert loading.poll() is None, f"the load {name!r} has ended"
        finally:
            answered, _ = loading.communicate(timeout=60)
        took = bystander.took
        times = percentile(took, 0.5), percentile(took, 0.99), max(took)
        return Row(*times, cpu, bystander.peak, answered.decode())


def run(name: str, filled: Path, seconds: float, core: int | None) -> Row:
    """On a server of its own, with a copy of the filled database."""
    with TemporaryDirectory(dir=in_memory()) as folder:
        for path in filled.iterdir():
            shutil.copy(path, folder)
        server = Server(Path(folder), attachments_thumbnail_cache_size=1).start()
        try:
            if core is not None:
                pin(server.pid, core)
            return asyncio.run(measure(server, name, seconds))
        finally:
            server.end()


def line_of(row: Row) -> str:
    times = "".join(f"{1000 * t:7.1f}" for t in (row.p50, row.p99, row.longest))
    verdict = "holds" if row.p99 <= Bounds().p99 else "p99"
    return f"{times}{100 * row.cpu:6.0f}{row.peak / MIB:6.0f}  {verdict:6}{row.answered}"


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--only", default="", help="loads with this in their name")
    given.add_argument("--seconds", type=float, default=4.0)
    given.add_argument("--rounds", type=int, default=1)
    options = given.parse_args()
    server_core = own_cores()
    say(f"{'':<22}{'p50 ms':>7}{'p99':>7}{'max':>7} CPU %   MiB")
    failures = 0
    with TemporaryDirectory(dir=in_memory()) as folder:
        asyncio.run(fill(Path(folder)))
        for name in ALL_LOADS:
            if options.only not in name:
                continue
            rounds = [
                run(name, Path(folder), options.seconds, server_core) for _ in range(options.rounds)
            ]
            median = sorted(rounds, key=lambda row: row.p99)[len(rounds) // 2]
            failures += median.p99 > Bounds().p99
            say(f"{name:<22}{line_of(median)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
