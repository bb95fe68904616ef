"""PgBouncer before a PostgreSQL, in transaction mode: each transaction gets another session."""

import os
import shutil
from pathlib import Path
from typing import Any

from . import Engine, Missing, humble
from .postgres import PASSWORD, Postgres

SETTINGS = """
[databases]
* = host=127.0.0.1 port={postgres}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {folder}/users
pool_mode = transaction
ignore_startup_parameters = {ignored}
"""


class Bouncer(Engine):
    """`ignored` are the parameters that it lets pass, as its administrator has to say."""

    def __init__(self, folder: Path, postgres: Postgres, ignored: str = "jit") -> None:
        super().__init__(folder)
        self.binary = binary()
        where = {"postgres": postgres.port, "port": self.port, "folder": folder}
        (folder / "settings").write_text(SETTINGS.format(**where, ignored=ignored))
        (folder / "users").write_text(f'"chat" "{PASSWORD}"\n')
        self.popen = humble(folder)
        self._postgres = postgres

    @property
    def url(self) -> str:
        return self.url_of(self._postgres.url)

    def url_of(self, database: str) -> str:
        """The same database, by way of the pooler."""
        there, here = f":{self._postgres.port}/", f":{self.port}/"
        return database.replace(there, here) + "?statement_cache_size=0"

    def command(self) -> list[str | Path]:
        return [self.binary, self.folder / "settings"]

    def options(self) -> dict[str, Any]:
        return self.popen


def binary() -> Path:
    """Raises Missing: there is no wheel of it."""
    found = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        raise Missing("no pgbouncer on the PATH")
    return Path(found)
