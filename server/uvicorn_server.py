"""uvicorn with the protocols and limits of a chat, in this process."""

import asyncio
import gc
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from types import FrameType

import uvicorn

from ..app import App
from ..chat.chat import ChatServices
from ..realtime.connection_limits import ConnectionLimits, CountLimit
from ..settings import BadSetting, Settings
from .frame_flow import FrameBudget
from .http_protocol import HttpProtocol
from .listen import BACKLOG
from .logs import log_to_stderr
from .startup import started_when_reachable
from .websocket_protocol import WebSocketProtocol

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

log = logging.getLogger("roomcast.serve")

Reload = Callable[[], Settings]  # loads the settings anew; raises BadSetting

# The stages of an end, in their order: 2.6 seconds at most until the engines are closed.
STOP_CHECK_INTERVAL = 0.1  # seconds until the server looks whether it should end
DRAIN_INTERVAL = 0.1  # seconds between two groups of sockets that are closed,
MAX_DRAIN_GROUPS = 15  # at most so many groups,
MIN_DRAIN_GROUP_SIZE = 5  # of at least so many sockets: not all of them come back at once
CLOSE_TIMEOUT = 1  # seconds for open requests and sockets after all were closed
STOP_TIMEOUT = 4.5  # seconds after SIGTERM until the process ends, whatever still hangs
COLLECTION_INTERVAL = 60.0  # seconds between two collections of garbage,
COLLECTION_COST_FACTOR = 1_000  # or so many times what the last one took
RESERVED_FILE_COUNT = 128  # open files reserved for databases, attachments and the log


def run_here(
    chat: App,
    settings: Settings,
    sockets: list[socket.socket],
    *,
    before: Callable[[App], Awaitable[None]] | None = None,
    ready: Callable[[], None],
    reload: Reload | None = None,
) -> None:
    """Serve in this process; SIGHUP reloads the settings that may change at run time."""
    server = Server(config(chat, settings), ready)
    server.on_drain = chat.start_draining
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        if reload is not None and hasattr(signal, "SIGHUP"):
            runner.get_loop().add_signal_handler(signal.SIGHUP, reload_settings, chat, reload)
        runner.run(_serve(chat, server, sockets, before))
    server.deadline.cancel()  # only after a clean end: remaining threads would block the exit


async def _serve(
    chat: App,
    server: "Server",
    sockets: list[socket.socket],
    before: Callable[[App], Awaitable[None]] | None,
) -> None:
    # Not by uvicorn's lifespan, which prints a traceback if the chat can't start.
    async with started_when_reachable(chat, chat.settings.server.start_timeout):
        if before is not None:
            await before(chat)
        await server.serve(sockets=sockets)


def reload_settings(chat: App, reload: Reload) -> None:
    """Reload the settings; an invalid one changes nothing, and is logged."""
    try:
        settings = reload()
    except BadSetting as error:
        log.error("settings not reloaded: %s", error)
        return
    chat.reload(settings)
    log_to_stderr(chat.settings.server.log_level)


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.ready = ready
        self.on_drain: Callable[[], None] = lambda: None
        self.collects_at = time.monotonic() + COLLECTION_INTERVAL
        self.deadline = threading.Timer(STOP_TIMEOUT, _give_up)
        self.deadline.daemon = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # objects that exist now stay, so later collections skip them
        gc.set_threshold(100_000, 50, 1_000)  # most later objects need no collection
        self.ready()

    async def on_tick(self, counter: int) -> bool:
        """Collect garbage by time too, as thresholds are rarely reached; called every 0.1 s."""
        if time.monotonic() >= self.collects_at:
            began = time.monotonic()
            gc.collect()
            took = time.monotonic() - began
            self.collects_at = began + max(COLLECTION_INTERVAL, took * COLLECTION_COST_FACTOR)
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End without raising the signal again, unlike uvicorn: a clean end has exit code 0."""
        if not self.should_exit:
            self.deadline.start()
            self.on_drain()
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close sockets with 1012 in groups, then end everything else."""
        self.on_drain()  # where no signal has ended it
        waiting = [c for c in self.server_state.connections if isinstance(c, WebSocketProtocol)]
        size = max(MIN_DRAIN_GROUP_SIZE, -(-len(waiting) // MAX_DRAIN_GROUPS))
        for start in range(0, len(waiting), size):
            for connection in waiting[start : start + size]:
                connection.shutdown()
            if start + size < len(waiting):
                await asyncio.sleep(DRAIN_INTERVAL)
        await super().shutdown(sockets)


def _give_up() -> None:
    log.error("The server did not end within %s seconds and is killed.", STOP_TIMEOUT)
    os._exit(1)


class ServerConfig(uvicorn.Config):
    """uvicorn's configuration, with the fields of our HTTP protocol."""

    connection_limits: ConnectionLimits
    frame_budget: FrameBudget
    on_refused: Callable[[int], None]  # gets the status of each connection that is refused


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
        timeout_graceful_shutdown=CLOSE_TIMEOUT,
        log_config=None,
        access_log=False,
        server_header=False,
    )
    made.connection_limits = ConnectionLimits(
        most=_most_connections(settings.server.max_connections),
        addresses=CountLimit(settings.server.max_connections_per_address),
        proxies=frozenset(proxies),
    )
    made.on_refused = partial(_count_refused, chat)
    made.frame_budget = FrameBudget(settings.limits.max_bytes_in_flight)
    return made


def _count_refused(chat: App, status: int) -> None:
    services: ChatServices | None = getattr(chat.state, "chat", None)
    if services is not None:
        services.metrics.refused_connections.labels(status).inc()


def _ipv4(settings: Settings) -> list[str]:
    """Return IPv4 addresses as such: a socket on "::" has them as IPv6 addresses."""
    return [
        proxy
        for proxy in settings.server.trusted_proxies
        if ":" not in proxy and "/" not in proxy and proxy != "*"
    ]


def _most_connections(wanted: int) -> int:
    """Return `wanted`, or fewer connections if the process's limit of open files is lower."""
    if resource is None:
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    allowed = max(soft - RESERVED_FILE_COUNT, 1) if soft != resource.RLIM_INFINITY else wanted
    return min(wanted or allowed, allowed)
