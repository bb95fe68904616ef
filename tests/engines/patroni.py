"""PostgreSQL under Patroni with etcd, all from Debian's packages."""

import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import asyncpg

from . import Engine, Missing, done, free_port, humble
from .postgres import execute

TTL = 20  # seconds that a dead leader keeps its key: the least that Patroni allows
PASSWORD = "only-for-the-tests"
CONFIGURATION = """
scope: chat
name: {name}
restapi: {{listen: "127.0.0.1:{rest}", connect_address: "127.0.0.1:{rest}"}}
etcd3: {{host: "127.0.0.1:{etcd}"}}
bootstrap:
  dcs:
    ttl: {ttl}
    loop_wait: 1
    retry_timeout: 3
    master_start_timeout: 0
    synchronous_mode: {is_synchronous}
    postgresql: {{use_pg_rewind: true}}
  initdb: [{{encoding: UTF8}}, {{locale: C.UTF-8}}, {{auth-host: scram-sha-256}}]
  pg_hba:
  - host all all 127.0.0.1/32 scram-sha-256
  - host replication all 127.0.0.1/32 scram-sha-256
postgresql:
  listen: "127.0.0.1:{port}"
  connect_address: "127.0.0.1:{port}"
  data_dir: {folder}/data
  bin_dir: {bin}
  pgpass: {folder}/pgpass
  authentication:
    superuser: {{username: chat, password: {password}}}
    replication: {{username: replicator, password: {password}}}
    rewind: {{username: chat, password: {password}}}
  parameters: {{unix_socket_directories: "{folder}", max_connections: 100, shared_buffers: 32MB}}
"""


class Etcd(Engine):
    """One etcd, which keeps who leads."""

    def command(self) -> list[str | Path]:
        here, peer = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{free_port()}"
        return [
            binary("etcd"), "--data-dir", self.folder / "etcd", "--listen-client-urls", here,
            "--advertise-client-urls", here, "--listen-peer-urls", peer, "--log-level", "error",
            "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
            "--unsafe-no-fsync",
        ]  # fmt: skip

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def lives(self) -> bool:
        try:
            with urlopen(f"{self.url}/health", timeout=1) as answer:
                return bool(json.load(answer)["health"] == "true")
        except (URLError, OSError):
            return False


class PatroniNode(Engine):
    """A PostgreSQL and the Patroni that looks after it."""

    def __init__(self, folder: Path, name: str, etcd: Etcd, *, is_synchronous: bool) -> None:
        folder.mkdir()
        super().__init__(folder)
        self.rest = free_port()
        self.configuration = folder / "patroni.yml"
        self.configuration.write_text(
            CONFIGURATION.format(
                name=name, rest=self.rest, etcd=etcd.port, ttl=TTL, port=self.port,
                is_synchronous=str(is_synchronous).lower(), folder=folder, password=PASSWORD,
                bin=postgres_folder(),
            )
        )  # fmt: skip
        self.popen = humble(folder)

    def command(self) -> list[str | Path]:
        return [binary("patroni"), self.configuration]

    def options(self) -> dict[str, Any]:
        plain = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        return {"env": plain | {"HOME": str(self.folder)}, **self.popen}

    @property
    def url(self) -> str:
        return f"postgresql://chat:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def lives(self) -> bool:
        return self.status() in ("leader", "replica")

    def status(self) -> str:
        """`leader`, `replica` where it follows, or nothing."""
        try:
            with urlopen(f"http://127.0.0.1:{self.rest}/patroni", timeout=2) as answer:
                answered = json.load(answer)
        except (URLError, OSError, ValueError):
            return ""
        if answered.get("state") != "running":
            return ""
        return "leader" if answered["role"] in ("master", "primary", "leader") else "replica"

    def members(self) -> list[dict[str, Any]]:
        """All nodes as this one's Patroni sees them."""
        with urlopen(f"http://127.0.0.1:{self.rest}/cluster", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)["members"]
            return found

    def kill(self) -> None:
        """SIGKILL to Patroni and to its PostgreSQL, as a machine loses its power."""
        postmaster = int((self.folder / "data/postmaster.pid").read_text().split()[0])
        super().kill()
        os.kill(postmaster, signal.SIGKILL)

    def kill_postgres(self) -> None:
        """SIGKILL to PostgreSQL alone: Patroni sees it at once."""
        os.kill(int((self.folder / "data/postmaster.pid").read_text().split()[0]), signal.SIGKILL)


class PatroniCluster(Engine):
    """Two nodes; `url` names both, and the one that takes writes is chosen."""

    def __init__(self, folder: Path, *, is_synchronous: bool) -> None:
        self.folder = folder
        folder.chmod(0o755)
        (folder / "etcd").mkdir()
        self.etcd = Etcd(folder / "etcd")
        self.nodes = [
            PatroniNode(folder / name, name, self.etcd, is_synchronous=is_synchronous)
            for name in ("one", "two")
        ]
        self.is_synchronous = is_synchronous

    def start(self) -> None:
        self.etcd.start()
        self.nodes[0].start()
        while self.nodes[0].status() != "leader":
            time.sleep(0.1)
        self.nodes[1].start()
        while not self.may_fail_over():
            time.sleep(0.1)

    def may_fail_over(self) -> bool:
        """Whether Patroni would promote the standby: it is named in etcd, seconds after PostgreSQL
        replicates to it. Before that, a leader that crashes is started again in its place."""
        role = "sync_standby" if self.is_synchronous else "replica"
        return any(
            member["role"] == role and member["state"] in ("running", "streaming")
            and member.get("lag") == 0
            for member in self.nodes[0].members()
        )  # fmt: skip

    def command(self) -> list[str | Path]:
        raise AssertionError("its nodes are started")

    def lives(self) -> bool:
        return any(node.status() == "leader" for node in self.nodes)

    @property
    def leader(self) -> PatroniNode:
        return next(node for node in self.nodes if node.status() == "leader")

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        account = f"chat:{PASSWORD}"
        return f"postgresql://{account}@{hosts}/{database}?target_session_attrs=read-write"

    def create_database(self) -> str:
        done(execute(self.leader.url, "create database chat"))
        return self.url_of("chat")

    def switch_over(self) -> None:
        """As `patronictl switchover`: the standby becomes the leader, in order."""
        leader = self.leader
        body = json.dumps({"leader": leader.folder.name}).encode()
        address = f"http://127.0.0.1:{leader.rest}/switchover"
        with urlopen(address, data=body, timeout=60) as answer:
            assert answer.status == 200

    async def promoted(self, node: PatroniNode) -> float:
        """The time at which a node takes writes, by `time.monotonic`."""
        while True:
            try:
                if await execute(node.url, "select not pg_is_in_recovery()"):
                    return time.monotonic()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                pass  # not yet: it is asked again

    def end(self) -> None:
        for node in self.nodes:
            node.end()
        self.etcd.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def binary(name: str) -> Path:
    """Raises Missing."""
    if found := shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin"):
        return Path(found)
    raise Missing(f"no {name}: apt-get install patroni etcd-server postgresql")


def postgres_folder() -> Path:
    """Debian's, of the newest version. Raises Missing."""
    found = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(found, key=lambda path: float(path.parts[4]), default=None)
    if newest is None:
        raise Missing("no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql")
    return newest.parent
