"""Engines that may be killed, and two processes on them."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from ...engines import Engine
from ...engines.fixtures import running
from ...engines.postgres import Postgres, binaries
from ...engines.valkey import Valkey, binary
from .cluster import Cluster

Started = Callable[..., AbstractAsyncContextManager[Cluster]]


def mortal_postgres(folder: Path) -> Postgres:
    binaries()
    return Postgres(folder)


def mortal_valkey(folder: Path) -> Valkey:
    binary()
    return Valkey(folder)


@pytest.fixture(scope="package")
def postgres() -> Iterator[Postgres]:
    """Ours alone, whatever servers the other tests run on."""
    yield from running(mortal_postgres, "postgres")


@pytest.fixture(scope="package")
def valkey() -> Iterator[Valkey]:
    yield from running(mortal_valkey, "valkey")


@pytest.fixture(params=["redis", "notify"])
def broker(request: pytest.FixtureRequest) -> Engine:
    """What carries events between the processes."""
    name = {"redis": "valkey", "notify": "postgres"}[request.param]
    engine: Engine = request.getfixturevalue(name)
    return engine


@pytest.fixture
def started(tmp_path: Path, postgres: Postgres) -> Started:
    """`async with started(broker) as cluster`: sound at its end, and well ended."""

    @asynccontextmanager
    async def start(
        broker: Engine, *, is_proxied: bool = False, **options: object
    ) -> AsyncIterator[Cluster]:
        cluster = Cluster(tmp_path, postgres, broker, **options)
        try:
            await cluster.start(is_proxied=is_proxied)
            yield cluster
            await cluster.is_sound()
            await cluster.stop()
        finally:
            await cluster.end()

    return start
