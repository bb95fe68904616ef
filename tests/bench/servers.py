"""The servers that are measured: each a process of its own, on the server's core."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..engines import free_port
from . import machine
from .world import World

SECRET = "bench-secret-bench-secret-bench-secret"
READY_WITHIN = 30.0
GONE_WITHIN = 10.0

# The limit on actions is counted as always but never reached: the load stands for more people.
ROOMCAST = {
    "ROOMCAST_DATABASE_URL": "{database}",
    "ROOMCAST_BROADCAST_URL": "{broker}",
    "ROOMCAST_ATTACHMENTS_URL": "file:./attachments",
    "ROOMCAST_AUTH_SECRET": SECRET,
    "ROOMCAST_SERVER_LOG_LEVEL": "warning",
    "ROOMCAST_RATE_LIMIT_RATE": "1000000",
    "ROOMCAST_RATE_LIMIT_BURST": "1000000",
}


@dataclass(frozen=True)
class Contestant:
    """A program that is measured, with the settings it is measured under.

    `{port}` in its command, `{database}` and `{broker}` in its environment are filled in.
    """

    name: str
    command: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    store: str = ""  # sqlite, postgres, or peers: PostgreSQL with the tables of our peers
    broker: str = "memory"  # or valkey
    wire: str = "seed"  # how one talks to it: see load/wire.py
    processes: int = 1
    is_durable: bool = True  # each commit is on PostgreSQL's disk before it is told
    world: World | None = None  # where it is not the row's
    rooms: int | None = None  # where it gets fewer than the row has

    def __hash__(self) -> int:
        return hash(self.name)


def roomcast(name: str, store: str = "sqlite", **options: str | int) -> Contestant:
    """Options in capitals are settings."""
    command = (str(Path(sys.executable).with_name("roomcast")), "serve", "--port", "{port}")
    env = {f"ROOMCAST_{k}": str(v) for k, v in options.items() if k.isupper()}
    rest = {k: v for k, v in options.items() if not k.isupper()}
    return Contestant(f"roomcast, {name}", command, ROOMCAST | env, store, **rest)


def uvicorn(name: str, app: str, **options) -> Contestant:
    """As uvicorn's users would tune it."""
    command = (
        *(sys.executable, "-m", "uvicorn", f"tests.bench.peers.{app}"),
        *("--app-dir", str(machine.ROOT), "--port", "{port}", "--log-level", "warning"),
        *("--loop", "uvloop", "--ws", "websockets-sansio", "--ws-per-message-deflate", "false"),
    )
    env = {"BENCH_SECRET": SECRET} | options.pop("env", {})
    return Contestant(name, command, env, **options)


FULL = roomcast("SQLite FULL")
NORMAL = roomcast("SQLite NORMAL", DATABASE_SYNCHRONOUS="NORMAL")
POSTGRES = roomcast("PostgreSQL", "postgres")
LAZY = roomcast("PostgreSQL, synchronous_commit off", "postgres", is_durable=False)
VALKEY = roomcast("PostgreSQL + Valkey", "postgres", broker="valkey")
PLAIN = uvicorn("roomcast, SQLite FULL, mounted", "mounted:app", env=ROOMCAST, store="sqlite")
BARE = uvicorn("bare", "bare:app")
BY_HAND = uvicorn(
    "Starlette + databases + Broadcaster, PostgreSQL",
    "byhand:app",
    env={"DATABASE_URL": "{database}"},
    store="peers",
)
SOCKETIO = Contestant(
    "Socket.IO on Node, PostgreSQL",
    ("node", "{node}/server.js"),
    {
        "BENCH_SECRET": SECRET,
        "DATABASE_URL": "{database}",
        "PORT": "{port}",
        "NODE_ENV": "production",
    },
    store="peers",
    wire="socketio",
)


class DidNotStart(Exception):
    """A server that is not there cannot be measured; its log says why."""


@dataclass(frozen=True)
class Running:
    pids: list[int]
    ports: list[int]
    log: Path

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-2_000:].strip()


@contextmanager
def running(contestant: Contestant, folder: Path, urls: dict[str, str]) -> Iterator[Running]:
    """Starts a contestant inside the folder, waits until it answers, and ends it."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("ROOMCAST_")}
    # With a second one the two may run where they like, if they must share two cores.
    cores = machine.cores()
    places = (
        [cores.server] if contestant.processes == 1 else [cores.second - cores.load or cores.second]
    )
    server = Running([], [], folder / "server.log")
    with ExitStack() as stack:
        for n in range(contestant.processes):
            port = free_port()
            given = urls | {"port": str(port)}
            command = [part.format_map(given) for part in contestant.command]
            own = env | {k: v.format_map(given) for k, v in contestant.env.items()}
            process = stack.enter_context(_process(command, folder, own, server.log))
            machine.pin(process.pid, places[n % len(places)])
            _wait_until_it_answers(process, port, server)
            server.pids.append(process.pid)
            server.ports.append(port)
        yield server


@contextmanager
def _process(
    command: list[str], folder: Path, env: dict[str, str], log: Path
) -> Iterator[subprocess.Popen]:
    with log.open("ab") as out:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(GONE_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_answers(process: subprocess.Popen, port: int, server: Running) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.02)
    raise DidNotStart(server.said())
