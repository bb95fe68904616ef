"""A proxy that did nothing would let every test of a fault pass."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from .proxy import FaultProxy


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """The port of a server that says back what it hears."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1_000):
                writer.write(data)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@asynccontextmanager
async def connected(
    proxy: FaultProxy,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def test_it_passes_what_it_gets(echo):
    async with FaultProxy(echo) as proxy, connected(proxy) as (reader, writer):
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        writer.write_eof()
        assert await reader.read() == b""


async def test_it_refuses_and_heals_on_the_same_port(echo):
    async with FaultProxy(echo) as proxy:
        async with connected(proxy) as (reader, writer):
            writer.write(b"a")
            await reader.readexactly(1)
            await proxy.refuse()
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(1)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", proxy.port)
        await proxy.heal()
        async with connected(proxy) as (reader, writer):
            writer.write(b"b")
            assert await reader.readexactly(1) == b"b"


@pytest.mark.parametrize("ways", [(), ("up",), ("down",)], ids=["both", "up", "down"])
async def test_a_blackhole_holds_back_until_it_heals(echo, ways):
    async with FaultProxy(echo) as proxy, connected(proxy) as (reader, writer):
        proxy.blackhole(*ways)
        writer.write(b"late")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await reader.read(1)
        await proxy.heal()
        assert await reader.readexactly(4) == b"late"


@pytest.mark.parametrize("way", ["up", "down"])
async def test_it_cuts_after_so_many_bytes_once(echo, way):
    async with FaultProxy(echo) as proxy:
        proxy.cut_after(3, way)
        async with connected(proxy) as (reader, writer):
            writer.write(b"hello")
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)) as cut:
                await reader.readexactly(5)
            assert len(getattr(cut.value, "partial", b"")) <= 3
        async with connected(proxy) as (reader, writer):
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"


async def test_it_is_as_slow_as_it_is_told(echo):
    async with FaultProxy(echo) as proxy, connected(proxy) as (reader, writer):
        for proxy.latency, proxy.rate in ((0.05, None), (0.0, 2_000)):
            start = time.monotonic()
            writer.write(b"x" * 100)
            await reader.readexactly(100)
            assert time.monotonic() - start >= 0.09
