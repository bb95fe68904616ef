"""The engines that the outside tests run on: `pytest --stack lite`, `redis` or `notify`."""

from collections.abc import Callable
from pathlib import Path

from .engines.postgres import Postgres
from .server import Server

NAMES = ("lite", "redis", "notify")
Stack = Callable[..., Server]


def lite(folder: Path, **options: object) -> Server:
    """SQLite, memory and a folder, in one process."""
    return Server(folder, **options)


def shared(postgres: Postgres, broker: Callable[[str], str]) -> Stack:
    """PostgreSQL, a broker and a shared folder; ada is on one process, bob on another."""

    def make(folder: Path, **options: object) -> Server:
        database = postgres.create_database()
        engines = {
            "database_url": database,
            "broadcast_url": broker(database),
            "attachments_url": f"file:{folder / 'attachments'}",
        }
        server = Server(folder, **(engines | options))
        beside = folder / "twin"
        beside.mkdir()
        server.twin = Server(beside, **(engines | options))
        return server

    return make
