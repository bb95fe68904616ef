"""Tests run on a real Valkey and on a real PostgreSQL, directly or through a faulty network."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from roomcast.brokers import Backend, Unreachable, backend, backend_of

from ..engines import Engine
from ..engines.proxy import FaultProxy

Opened = Callable[..., AbstractAsyncContextManager[Backend]]


@pytest.fixture(params=["valkey", "postgres"])
def server(request: pytest.FixtureRequest) -> Engine:
    engine: Engine = request.getfixturevalue(request.param)
    return engine


@pytest.fixture
def mortal(server: Engine) -> Engine:
    """A server that may be killed."""
    if not server.is_ours:
        pytest.skip("this server is not ours to kill")
    return server


@pytest.fixture
async def proxy(server: Engine) -> AsyncIterator[FaultProxy]:
    if not server.is_ours:
        pytest.skip("no proxy before a server that is not ours")
    async with FaultProxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def opened(server: Engine) -> Opened:
    """`async with opened() as broker`: connected, and gone without a trace afterwards."""

    @asynccontextmanager
    async def connected(url: str = server.url) -> AsyncIterator[Backend]:
        tasks = asyncio.all_tasks()
        broker = backend_of(url)
        await broker.connect()
        try:
            yield broker
        finally:
            await broker.disconnect()
        assert asyncio.all_tasks() <= tasks
        with pytest.raises(Unreachable):
            await broker.publish("room:1", "too late")

    return connected


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is noticed in a tenth of the time."""
    monkeypatch.setattr(backend, "TICK", backend.TICK / 10)
