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

import asyncpg
from roomcast.store.search import tokenizer

from ..engines import Engine, Missing, done
from ..engines.postgres import Postgres, postgres
from ..engines.valkey import Valkey, valkey
from . import machine, world
from .servers import FULL, SOCKETIO, Contestant, DidNotStart, running
from .world import World

PEERS = Path(__file__).with_name("peers")


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
        self.peers_world, self.node = cache(self._peers_world), cache(self._node)

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
            urls = {"database": database, "broker": broker}
            if contestant is SOCKETIO:
                urls["node"] = str(self.node())
            place = Place(folder, urls)
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
        if contestant.store in ("postgres", "peers"):
            worlds = self.postgres_world if contestant.store == "postgres" else self.peers_world
            server, template = self.postgres(), worlds(wanted)
            name = f"place_{folder.name.removeprefix('place-')}"
            server.execute(f'create database "{name}" template "{template}"')
            stack.callback(server.execute, f'drop database "{name}" with (force)')
            if not contestant.is_durable:
                server.execute(f'alter database "{name}" set synchronous_commit = off')
            return server.url_of(name)
        return ""

    # ------------------------------------------------------------ engines

    def _postgres(self) -> Postgres:
        server = postgres(self._subfolder("postgres"), Durable)
        self._stack.callback(server.end)
        self.start(server)
        return server

    def _valkey(self) -> Valkey:
        server = valkey(self._subfolder("valkey"))
        self._stack.callback(server.end)
        self.start(server)
        return server

    @staticmethod
    def start(server: Engine) -> None:
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
        server, name = self.postgres(), "world_" + wanted.name.replace(" ", "_")
        server.execute(f'create database "{name}"')
        moved = self._subfolder(f"moved_{name}")  # a move ends its source
        copy(self.lite_world(wanted), moved)
        move(moved / "roomcast.db", server.url_of(name))
        server.execute(world.SEARCHED, name)
        if wanted.collected:
            query = f"insert into meta values ('tokenizer', '{tokenizer.VERSION}')"  # noqa: S608
            server.execute(f"{query} on conflict (name) do update set value = excluded.value", name)
            server.execute("delete from word_changes", name)
            server.execute(world.WORDS, name)
        server.execute("vacuum analyze", name)
        server.execute("checkpoint")
        return name

    def _peers_world(self, wanted: World) -> str:
        server, name = self.postgres(), f"peers_{wanted.messages}"
        server.execute(f'create database "{name}" template "{self.postgres_world(wanted)}"')
        done(run_script(server.url_of(name), (PEERS / "tables.sql").read_text()))
        server.execute("vacuum analyze", name)
        server.execute("checkpoint")
        return name

    def _node(self) -> Path:
        """Where the Socket.IO server and its packages are. Raises Missing."""
        folder = machine.ROOT / ".cache" / "bench" / "node"
        shutil.copytree(PEERS / "socketio", folder, dirs_exist_ok=True)
        try:
            subprocess.run(
                ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund"],
                check=True,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=120,
            )
        except FileNotFoundError:
            raise Missing("THERE IS NO NODE HERE, and so no comparison with Socket.IO") from None
        except subprocess.SubprocessError as error:
            said = getattr(error, "stderr", "") or error
            raise Missing(f"NPM COULD NOT INSTALL Socket.IO, so no comparison: {said}") from None
        return folder


async def run_script(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def move(source: Path, target: str) -> None:
    """`roomcast move`. Raises DidNotStart."""
    command = [Path(sys.executable).with_name("roomcast"), "move", f"sqlite:///{source}", target]
    done = subprocess.run(command, cwd=source.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DidNotStart(done.stderr.strip())


def copy(prepared: Path, folder: Path) -> None:
    """The same world again, on the disk before the clock starts: nobody's syncs wait for it."""
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    for file in folder.rglob("*"):
        if file.is_file():
            descriptor = os.open(file, os.O_RDWR)
            os.fsync(descriptor)
            os.close(descriptor)
