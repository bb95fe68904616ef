"""Where contestants play: PostgreSQL and Valkey as one would run them, and worlds to start from."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

from ..engines import Engine
from ..engines.postgres import Postgres, postgres
from ..engines.valkey import Valkey, valkey
from . import machine, world
from .servers import FULL, Contestant, running
from .world import World


class Durable(Postgres):
    """What is committed survives a power cut: nothing is off but what no one measures."""

    settings: ClassVar[dict[str, str]] = {
        "max_connections": "200",
        "shared_buffers": "256MB",
        "max_wal_size": "4GB",
        "jit": "off",
        "unix_socket_directories": "",
    }
    at_initdb = ()


@dataclass(frozen=True)
class Place:
    """A folder to run in, and the engines' addresses."""

    folder: Path
    urls: dict[str, str]


class Stage:
    """Engines and worlds, each made when it is asked for the first time."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self.root = root
        self._stack = stack
        self._kept: dict[tuple[str, World], Place] = {}
        # Not on the class: what is cached belongs to this stage.
        self.postgres, self.valkey = cache(self._postgres), cache(self._valkey)
        self.lite_world, self.postgres_world = cache(self._lite_world), cache(self._postgres_world)

    @contextmanager
    def place(self, contestant: Contestant, wanted: World) -> Iterator[Place]:
        """A world of its own, new for each row; a full one takes long to copy, and is kept."""
        if place := self._kept.get((contestant.name, wanted)):
            yield place
            return
        with ExitStack() as stack:
            folder = Path(tempfile.mkdtemp(prefix="place-", dir=self.root))
            database = self._database(contestant, wanted, folder, stack)
            broker = self.valkey().url if contestant.broker == "valkey" else "memory://"
            place = Place(folder, {"database": database, "broker": broker})
            if wanted.messages:
                self._kept[contestant.name, wanted] = place
                stack.pop_all()
            yield place

    def _database(
        self, contestant: Contestant, wanted: World, folder: Path, stack: ExitStack
    ) -> str:
        if contestant.store == "sqlite":
            copy(self.lite_world(wanted), folder)
            stack.callback(shutil.rmtree, folder)
            return "sqlite:///roomcast.db"
        if contestant.store == "postgres":
            server, template = self.postgres(), self.postgres_world(wanted)
            name = f"place_{folder.name.removeprefix('place-')}"
            server.execute(f'create database "{name}" template "{template}"')
            stack.callback(server.execute, f'drop database "{name}" with (force)')
            return server.url_of(name)
        return ""

    # ------------------------------------------------------------ engines

    def _postgres(self) -> Postgres:
        server = postgres(self._subfolder("postgres"), Durable)
        self._start(server)
        return server

    def _valkey(self) -> Valkey:
        server = valkey(self._subfolder("valkey"))
        self._start(server)
        return server

    def _start(self, server: Engine) -> None:
        self._stack.callback(server.end)
        server.start()
        if server.process:
            machine.pin(server.process.pid, machine.cores().engines)

    @property
    def engines(self) -> list[int]:
        """The processes of those that run by now, and are ours."""
        started = [make() for make in (self.postgres, self.valkey) if make.cache_info().currsize]
        return [engine.process.pid for engine in started if engine.process]

    def _subfolder(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir()
        return folder

    # ------------------------------------------------------------ worlds

    def _lite_world(self, wanted: World) -> Path:
        """The server makes its own tables."""
        folder = Path(tempfile.mkdtemp(prefix="world-", dir=self.root))
        with running(FULL, folder, {"database": "sqlite:///roomcast.db", "broker": "memory://"}):
            pass
        world.fill(folder / "roomcast.db", wanted)
        return folder

    def _postgres_world(self, wanted: World) -> str:
        """A database's name."""
        server, name = self.postgres(), f"world_{wanted.messages}"
        server.execute(f'create database "{name}"')
        move(self.lite_world(wanted) / "roomcast.db", server.url_of(name))
        server.execute("vacuum analyze", name)
        server.execute("checkpoint")
        return name


def move(source: Path, target: str) -> None:
    """`roomcast move`."""
    command = Path(sys.executable).with_name("roomcast")
    subprocess.run(
        [command, "move", f"sqlite:///{source}", target],
        check=True,
        cwd=source.parent,
        capture_output=True,
    )


def copy(prepared: Path, folder: Path) -> None:
    """The same world again, on the disk before the clock starts: nobody's syncs wait for it."""
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    for file in folder.rglob("*"):
        if file.is_file():
            descriptor = os.open(file, os.O_RDWR)
            os.fsync(descriptor)
            os.close(descriptor)
