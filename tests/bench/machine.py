"""The machine: which core does what, what a process has cost so far, and how to describe it all."""

import os
import platform
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
LIBRARIES = (
    *("starlette", "uvicorn", "uvloop", "websockets", "msgspec", "picows"),
    *("databases", "asyncpg", "redis"),
)


class Cores(NamedTuple):
    """Who runs where; empty is anywhere: there is one core only, or no pinning."""

    server: frozenset[int] = frozenset()
    engines: frozenset[int] = frozenset()
    load: frozenset[int] = frozenset()
    second: frozenset[int] = frozenset()  # a second server process


def cores() -> Cores:
    """With two cores PostgreSQL and Valkey share the load's, and a second server takes any."""
    if not hasattr(os, "sched_getaffinity"):
        return Cores()
    free = sorted(os.sched_getaffinity(0))
    if len(free) < 2:
        return Cores()
    between = frozenset(free[2:-1]) or {free[-1]}
    second = free[1:2] if len(free) > 3 else free
    return Cores(*map(frozenset, ([free[0]], between, [free[-1]], second)))


def pin(pid: int, to: frozenset[int]) -> None:
    if to:
        for process in family(pid):
            with suppress(ProcessLookupError):  # a child that has ended since
                os.sched_setaffinity(process, to)


def open_many_files() -> None:
    """Thousands of sockets need as many files; child processes inherit the limit."""
    try:
        import resource
    except ImportError:
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def family(pid: int) -> list[int]:
    """A process and its children, theirs too."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        children = []
    return [pid, *(p for child in children for p in family(int(child)))]


def cpu_seconds(pids: Iterable[int]) -> float | None:
    """What all threads of these processes and of their children have used."""
    try:
        return sum(_cpu_seconds(p) for pid in pids for p in family(pid))
    except OSError:
        return None


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Cost:
    """What servers, engines and the load use of their cores from now on."""

    def __init__(self, servers: list[int], engines: list[int]) -> None:
        self.groups = {"server_cpu": servers, "engines_cpu": engines}
        self.began = {name: cpu_seconds(pids) for name, pids in self.groups.items()}
        self.load = time.process_time()

    def spent(self, seconds: float, count: int) -> dict[str, float | None]:
        """The share of a core that each used, and the servers' microseconds for each of count."""
        used = {name: self._used(name) for name in self.groups}
        shares = {name: None if n is None else n / seconds for name, n in used.items()}
        servers = used["server_cpu"]
        return shares | {
            "load_cpu": (time.process_time() - self.load) / seconds,
            "cpu_us": None if servers is None or not count else servers / count * 1e6,
        }

    def _used(self, name: str) -> float | None:
        before, now = self.began[name], cpu_seconds(self.groups[name])
        return None if now is None or before is None else now - before


def memory_kib(pids: Iterable[int]) -> int | None:
    """The memory of processes and of their children, shared pages by their share (PSS)."""
    try:
        return sum(_memory_kib(p) for pid in pids for p in family(pid))
    except OSError:
        return None


def _memory_kib(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("Pss:")))


def describe(folder: Path) -> dict:
    return {
        "platform": platform.platform(),
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count(),
        "memory": _field("/proc/meminfo", "MemTotal"),
        "disk": _disk(folder),
        "python": sys.version.split()[0],
        "sqlite": sqlite3.sqlite_version,
        "libraries": {name: _version(name) for name in LIBRARIES},
        "commit": _commit(),
        "pinned": {name: sorted(where) for name, where in cores()._asdict().items()},
    }


def _field(file: str, name: str) -> str:
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((li.partition(":")[2].strip() for li in lines if li.startswith(name)), "")


def _disk(folder: Path) -> str:
    """The kind of file system under the folder: on tmpfs a sync costs nothing."""
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    mounts = [line.split()[1:3] for line in lines]
    under = [(len(at), kind) for at, kind in mounts if folder.resolve().is_relative_to(at)]
    return max(under, default=(0, ""))[1]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _commit() -> str:
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--tags"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
