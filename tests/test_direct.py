"""The server's own way to a socket: what a connection keeps while it is open, and leaves after."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import pytest
import uvicorn
from roomcast.app import App, create_app
from roomcast.server.listen import listen
from roomcast.server.uvicorn_server import config
from roomcast.server.websocket_protocol import WebSocketProtocol
from roomcast.settings import load
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from .client import token
from .server import SECRET


class Site:
    """A chat that is served here, and the room of users 1 and 2."""

    def __init__(self, chat: App, server: uvicorn.Server, port: int, room: int) -> None:
        self.chat, self.server, self.port, self.room = chat, server, port, room
        self.token = token(1)

    def visit(self) -> connect:
        """The first frame is still to be read."""
        url = f"ws://127.0.0.1:{self.port}/ws/chat/?room_id={self.room}"
        return connect(url, subprotocols=[Subprotocol("Bearer"), Subprotocol(self.token)])

    async def asks(self, data: bytes, *, ends: bool = False) -> bytes:
        """Sends these bytes on a connection of their own; all that comes back until its end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        if ends:
            writer.write_eof()
        async with asyncio.timeout(10):
            try:
                return await reader.read()
            finally:
                writer.close()

    @property
    def connections(self) -> list[WebSocketProtocol]:
        return [c for c in self.server.server_state.connections if isinstance(c, WebSocketProtocol)]

    async def empty(self) -> None:
        """Waits until the last connection and its task are gone."""
        async with asyncio.timeout(5):
            # uvicorn says it to nobody
            while self.server.server_state.connections or self.server.server_state.tasks:  # noqa: ASYNC110
                await asyncio.sleep(0)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with served(tmp_path) as site:
        yield site


@asynccontextmanager
async def served(
    folder: Path,
    sections: Mapping[str, Mapping[str, object]] | None = None,
    by: Callable[[uvicorn.Config], uvicorn.Server] = uvicorn.Server,
    **of_server: object,
) -> AsyncIterator[Site]:
    """A chat with these sections of the settings, and these of [server]."""
    source: dict[str, dict[str, object]] = {
        "server": of_server,
        "database": {"url": f"sqlite:///{folder}/chat.db", "synchronous": "NORMAL"},
        "attachments": {"url": f"file:{folder}/files"},
        "auth": {"secret": SECRET},
    }
    for name, section in (sections or {}).items():
        source[name] = source.get(name, {}) | dict(section)
    settings = load(source)
    chat = create_app(settings)
    server = by(config(chat, settings))
    (listening,) = listen("127.0.0.1", 0)
    with closing(listening):
        async with chat.lifespan():
            running = asyncio.create_task(server.serve(sockets=[listening]))
            try:
                port = listening.getsockname()[1]
                yield Site(chat, server, port, (await chat.open_room([1, 2])).id)
            finally:
                server.should_exit = True
                await running


async def come_and_go(site: Site) -> None:
    async with site.visit() as socket:
        await said_something(socket)


async def said_something(socket: ClientConnection) -> None:
    await socket.recv()
    await socket.send('{"action":"send","message":"hello"}')
    await socket.recv()


GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /api/v1/chat/create/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"


async def break_off_amid_a_frame(site: Site) -> None:
    async with site.visit() as socket:
        await said_something(socket)
        socket.transport.write(b"\x81\xff" + (1 << 20).to_bytes(8, "big") + b"mask" + b"x" * 99_999)
        socket.transport.write(b"\x89\x80mask")
        socket.transport.abort()


async def break_the_protocol(site: Site) -> None:
    async with site.visit() as socket:
        await said_something(socket)
        socket.transport.write(b"\x83\x80mask")
        await socket.wait_closed()


async def ask(site: Site, data: bytes, *, ends: bool = False) -> None:
    await site.asks(data, ends=ends)


BREAKS: dict[str, Callable[[Site], Awaitable[None]]] = {
    "a socket that comes and goes": come_and_go,
    "amid a frame": break_off_amid_a_frame,
    "with a broken frame": break_the_protocol,
    "after an answer": partial(ask, data=GET + b"Connection: close\r\n\r\n"),
    "amid a head": partial(ask, data=GET + b"X: " + b"y" * 50_000, ends=True),
    "with a head too large": partial(ask, data=GET + b"X: " + b"y" * 70_000),
    "with too many headers": partial(ask, data=GET + b"X: y\r\n" * 101 + b"\r\n"),
    "amid a body": partial(ask, data=POST + b"{", ends=True),
    "with no HTTP": partial(ask, data=b"hello\r\n\r\n"),
    "with a handshake that is none": partial(
        ask, data=GET + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    ),
}


@pytest.mark.parametrize("goes", BREAKS.values(), ids=BREAKS.keys())
async def test_a_connection_leaves_nothing_to_the_garbage_collector(
    site: Site, goes: Callable[[Site], Awaitable[None]]
) -> None:
    await goes(site)
    await site.empty()
    gc.collect()
    gc.disable()
    try:
        await goes(site)
        await site.empty()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = {type(o).__module__ for o in gc.garbage}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    ours = ("roomcast", "uvicorn", "starlette", "websockets.server", "httptools", "uvloop")
    assert not [module for module in left if module.startswith(ours)]


async def test_an_open_connection_keeps_nothing_of_its_handshake(site: Site) -> None:
    async with site.visit() as socket:
        await said_something(socket)
        (connection,) = site.connections
        assert connection.scope["path"] == "/ws/chat/"
        assert not connection.scope["headers"]
        assert not connection.scope["subprotocols"]
