"""One server of each kind for all tests: import these into a conftest."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

from . import Engine, Missing
from .postgres import Postgres
from .postgres import postgres as find_postgres
from .valkey import Valkey
from .valkey import valkey as find_valkey

Server = TypeVar("Server", bound=Engine)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """`postgres.create_database()` is a new, empty database's URL."""
    yield from running(find_postgres, "postgres")


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    yield from running(find_valkey, "valkey")


def running(find: Callable[[Path], Server], name: str) -> Iterator[Server]:
    """In a folder that the server's user can reach, which pytest's are not."""
    prefix = f"roomcast-tests-{name}-"
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as folder:
        try:
            server = find(Path(folder))
        except Missing as why:
            give_up(why)
        server.start()
        try:
            yield server
        finally:
            server.end()


def give_up(why: Missing) -> NoReturn:
    """In CI a server that is missing is an error, on a laptop it is a reason."""
    if os.environ.get("CI"):
        pytest.fail(str(why))
    pytest.skip(str(why))
