"""The machine: which core does what, what a process has cost so far, and how to describe it all."""

import os
import platform
import sqlite3
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIBRARIES = ("starlette", "uvicorn", "uvloop", "websockets", "msgspec", "picows", "databases")


def cores() -> tuple[int | None, int | None]:
    """The server's core and the load's; None where there is only one, or no pinning."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    free = sorted(os.sched_getaffinity(0))
    return (free[0], free[-1]) if len(free) > 1 else (None, None)


def pin(pid: int, core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(pid, {core})


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


def cpu_seconds(pid: int) -> float | None:
    """What all threads of a process and of its children have used."""
    try:
        return sum(_cpu_seconds(p) for p in family(pid))
    except OSError:
        return None


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Cost:
    """What the server and the load use of their cores from now on."""

    def __init__(self, server: int) -> None:
        self.server, self.began = server, cpu_seconds(server)
        self.load = time.process_time()

    def spent(self, seconds: float, count: int) -> dict[str, float | None]:
        """The share of a core that each used, and the server's microseconds for each of count."""
        now = cpu_seconds(self.server)
        used = None if now is None or self.began is None else now - self.began
        return {
            "server_cpu": None if used is None else used / seconds,
            "load_cpu": (time.process_time() - self.load) / seconds,
            "cpu_us": None if used is None or not count else used / count * 1e6,
        }


def memory_kib(pid: int) -> int | None:
    """The memory of a process and of its children, shared pages by their share (PSS)."""
    try:
        return sum(_memory_kib(p) for p in family(pid))
    except OSError:
        return None


def _memory_kib(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("Pss:")))


def describe(folder: Path) -> dict:
    server, load = cores()
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
        "server_core": server,
        "load_core": load,
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
