"""uvicorn with the protocols and limits of a chat, in this process."""

import asyncio
import gc
import logging
import os
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import FrameType

import uvicorn

from ..app import App
from ..realtime.connection_limits import ConnectionLimits, CountLimit
from ..settings import Settings
from .http_protocol import HttpProtocol
from .listen import BACKLOG
from .websocket_protocol import WebSocketProtocol

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

log = logging.getLogger("roomcast.serve")

GRACE = 3  # seconds for open requests and sockets after SIGTERM
DEADLINE = 4.0  # seconds until the process ends, whatever still hangs
COLLECT_EVERY = 60.0  # seconds between two collections of garbage,
COLLECT_SHARE = 1_000  # or so many times what the last one took
SPARE_FILES = 128  # open files that no connection gets: databases, attachments, the log


def run_here(
    chat: App,
    settings: Settings,
    sockets: list[socket.socket],
    *,
    before: Callable[[App], Awaitable[None]] | None = None,
    ready: Callable[[], None],
) -> None:
    """In this process."""
    server = Server(config(chat, settings), ready)
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(_serve(chat, server, sockets, before))
    server.deadline.cancel()  # only after a clean end: threads that are left would hang for ever


async def _serve(
    chat: App,
    server: "Server",
    sockets: list[socket.socket],
    before: Callable[[App], Awaitable[None]] | None,
) -> None:
    # Not by uvicorn's lifespan: it turns what keeps the chat from starting into a traceback.
    async with chat.started():
        if before is not None:
            await before(chat)
        await server.serve(sockets=sockets)


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.ready = ready
        self.collects_at = time.monotonic() + COLLECT_EVERY
        self.deadline = threading.Timer(DEADLINE, _give_up)
        self.deadline.daemon = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # what is there now stays: no later collection looks at it again
        gc.set_threshold(100_000, 50, 1_000)  # what comes later is mostly gone without one
        self.ready()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second. The thresholds above are hardly ever reached: hence by time too."""
        if time.monotonic() >= self.collects_at:
            began = time.monotonic()
            gc.collect()
            took = time.monotonic() - began
            self.collects_at = began + max(COLLECT_EVERY, took * COLLECT_SHARE)
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Unlike uvicorn's, never raises the signal again: a clean end is exit code 0."""
        if not self.should_exit:
            self.deadline.start()
        self.should_exit = True


def _give_up() -> None:
    log.error("The server did not end within %s seconds and is cut off.", DEADLINE)
    os._exit(1)


class ServerConfig(uvicorn.Config):
    """uvicorn's, with what our HTTP protocol asks of it."""

    connection_limits: ConnectionLimits


def config(chat: App, settings: Settings) -> ServerConfig:
    proxies = [*settings.server.trusted_proxies, *map("::ffff:{}".format, _ipv4(settings))]
    made = ServerConfig(
        chat,
        interface="asgi3",
        lifespan="off",
        loop="auto",
        http=HttpProtocol,
        ws=WebSocketProtocol,
        ws_max_size=settings.limits.max_frame_size,
        ws_per_message_deflate=False,  # 30 KiB a connection, for frames that are mostly short
        workers=1,
        backlog=BACKLOG,
        proxy_headers=True,
        forwarded_allow_ips=proxies,
        timeout_graceful_shutdown=GRACE,
        log_config=None,
        access_log=False,
        server_header=False,
    )
    made.connection_limits = ConnectionLimits(
        most=_most_connections(settings.server.max_connections),
        addresses=CountLimit(settings.server.max_connections_per_address),
        proxies=frozenset(proxies),
    )
    return made


def _ipv4(settings: Settings) -> list[str]:
    """A socket of "::" names them as IPv6 addresses too."""
    return [
        proxy
        for proxy in settings.server.trusted_proxies
        if ":" not in proxy and "/" not in proxy and proxy != "*"
    ]


def _most_connections(wanted: int) -> int:
    """As many as the process may have open files, where that is less."""
    if resource is None:
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    allowed = max(soft - SPARE_FILES, 1) if soft != resource.RLIM_INFINITY else wanted
    return min(wanted or allowed, allowed)
