"""The engines that the outside tests run on: `pytest --stack lite`, `redis` or `notify`."""

import secrets
from collections.abc import Callable
from pathlib import Path

from .engines.postgres import Postgres
from .engines.seaweed import Seaweed
from .server import Server

NAMES = ("lite", "redis", "notify")
Stack = Callable[..., Server]


def lite(folder: Path, **options: object) -> Server:
    """SQLite, memory and a folder, in one process."""
    return Server(folder, **options)


def shared(postgres: Postgres, seaweed: Seaweed, broker: Callable[[str], str]) -> Stack:
    """PostgreSQL, a broker and a bucket; ada is on one process, bob on another."""

    def make(folder: Path, **options: object) -> Server:
        database = postgres.create_database()
        bucket = f"b-{secrets.token_hex(8)}"
        engines = {
            "database_url": database,
            "broadcast_url": broker(database),
            "attachments_url": seaweed.url_of(bucket),
        }
        server = Server(folder, **(engines | options))
        server.listing = lambda: seaweed.keys(bucket)
        beside = folder / "twin"
        beside.mkdir()
        server.twin = Server(beside, **(engines | options))
        return server

    return make
