"""The servers that are measured: each a process of its own, on the server's core."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from . import machine

SECRET = "bench-secret-bench-secret-bench-secret"
READY_WITHIN = 20.0
GONE_WITHIN = 10.0

# The limit on actions is counted as always but never reached: the load stands for more people.
ROOMCAST = {
    "ROOMCAST_DATABASE_URL": "sqlite:///roomcast.db",
    "ROOMCAST_BROADCAST_URL": "memory://",
    "ROOMCAST_ATTACHMENTS_URL": "file:./attachments",
    "ROOMCAST_AUTH_SECRET": SECRET,
    "ROOMCAST_SERVER_LOG_LEVEL": "warning",
    "ROOMCAST_LIMITS_ACTIONS_PER_SECOND": "1000000",
    "ROOMCAST_LIMITS_ACTIONS_BURST": "1000000",
}


@dataclass(frozen=True)
class Contestant:
    """A program that is measured, with the settings it is measured under."""

    name: str
    command: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    stores: bool = True


def _roomcast(name: str, **env: str) -> Contestant:
    command = (str(Path(sys.executable).with_name("roomcast")), "serve", "--port", "{port}")
    return Contestant(name, command, ROOMCAST | env)


FULL = _roomcast("roomcast, SQLite FULL", ROOMCAST_DATABASE_SYNCHRONOUS="FULL")
NORMAL = _roomcast("roomcast, SQLite NORMAL", ROOMCAST_DATABASE_SYNCHRONOUS="NORMAL")
BARE = Contestant(
    "bare",
    (
        *(sys.executable, "-m", "uvicorn", "tests.bench.peers.bare:app"),
        *("--app-dir", str(machine.ROOT), "--port", "{port}", "--log-level", "warning"),
        *("--loop", "uvloop", "--ws", "websockets-sansio", "--ws-per-message-deflate", "false"),
    ),
    {"BENCH_SECRET": SECRET},
    stores=False,
)


class DidNotStart(Exception):
    """A server that is not there cannot be measured; its log says why."""


@dataclass(frozen=True)
class Running:
    pid: int
    port: int


@contextmanager
def running(contestant: Contestant, folder: Path) -> Iterator[Running]:
    """Starts a contestant inside the folder, waits until it answers, and ends it."""
    port, log = _free_port(), folder / "server.log"
    command = [part.format(port=port) for part in contestant.command]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ROOMCAST_")}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=folder, env=clean | contestant.env, stdout=out, stderr=out
        )
    try:
        machine.pin(process.pid, machine.cores()[0])
        _wait_until_it_answers(process, port, log)
        yield Running(process.pid, port)
    finally:
        _end(process)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _wait_until_it_answers(process: subprocess.Popen, port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.02)
    raise DidNotStart(log.read_text(encoding="utf-8", errors="replace")[-2000:])


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(GONE_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
