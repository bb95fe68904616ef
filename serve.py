"""uvicorn as it fits a chat: listening sockets of our own, logs without tokens, an end in time."""

import asyncio
import errno
import gc
import logging
import os
import socket
import threading
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn

from .app import App
from .direct import DirectProtocol
from .settings import Settings

log = logging.getLogger("roomcast.serve")

GRACE = 3  # seconds for open requests and sockets after SIGTERM
DEADLINE = 4.5  # seconds until the process ends, whatever still hangs
GONE_AFTER = 8_000  # milliseconds that a peer may acknowledge nothing we sent
BACKLOG = 2_048
UNSENT = 1 << 17  # bytes a connection that the kernel holds ready beyond what is on the wire


class CannotServe(Exception):
    """Nothing to serve on, in one sentence."""


def run(
    chat: App,
    settings: Settings,
    *,
    before: Callable[[App], Awaitable[None]] | None = None,
    ready: Callable[[str], None],
) -> None:
    """Serves until SIGTERM or Ctrl+C; `before` runs on the started chat, `ready` hears the URL.

    Raises CannotServe, and whatever kept the chat from starting.
    """
    refuse_workers(settings)
    log_to_stderr(settings.server.log_level)
    sockets = listen(settings.server.host, settings.server.port)
    server = Server(config(chat, settings), lambda: ready(url_of(sockets[0])))
    try:
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(_serve(chat, server, sockets, before))
    finally:
        server.deadline.cancel()
        for listening in sockets:
            listening.close()


async def _serve(
    chat: App,
    server: "Server",
    sockets: list[socket.socket],
    before: Callable[[App], Awaitable[None]] | None,
) -> None:
    # Not by uvicorn's lifespan: it turns what keeps the chat from starting into a traceback.
    async with chat.lifespan():
        if before is not None:
            await before(chat)
        await server.serve(sockets=sockets)


def refuse_workers(settings: Settings) -> None:
    """Several processes need a database and a broker that they can share."""
    wanted = []
    if settings.database.url.startswith("sqlite:"):
        wanted.append("database.url to postgresql://…")
    if settings.broadcast.url.startswith("memory:"):
        wanted.append("broadcast.url to redis://… or postgresql://…")
    if settings.server.workers > 1 and wanted:
        raise CannotServe(
            f"server.workers = {settings.server.workers}: the processes would not hear each other;"
            f" set {' and '.join(wanted)}, or server.workers = 1."
        )


# ---------------------------------------------------------------- uvicorn


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.ready = ready
        self.deadline = threading.Timer(DEADLINE, _give_up)
        self.deadline.daemon = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # what is there now stays: no later collection looks at it again
        self.ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Unlike uvicorn's, never raises the signal again: a clean end is exit code 0."""
        if not self.should_exit:
            self.deadline.start()
        self.should_exit = True


def _give_up() -> None:
    log.error("The server did not end within %s seconds and is cut off.", DEADLINE)
    os._exit(1)


def config(chat: App, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        chat,
        interface="asgi3",
        lifespan="off",
        loop="auto",
        http="httptools",
        ws=DirectProtocol,
        ws_max_size=settings.limits.frame,
        ws_per_message_deflate=False,  # 30 KiB a connection, for frames that are mostly short
        workers=1,
        backlog=BACKLOG,
        proxy_headers=True,
        forwarded_allow_ips=["127.0.0.1", "::1", "::ffff:127.0.0.1"],
        timeout_graceful_shutdown=GRACE,
        log_config=None,
        access_log=False,
        server_header=False,
    )


# ---------------------------------------------------------------- logs


def log_to_stderr(level: str) -> None:
    """Ours at this level, warnings of others; uvicorn logs each connection at info: a step down."""
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(name)s: %(message)s", level="WARNING", force=True
    )
    logging.getLogger("roomcast").setLevel(level.upper())
    # Never DEBUG: there the tokens among the subprotocols are logged.
    quieter = {"debug": "INFO", "info": "WARNING"}.get(level, level.upper())
    logging.getLogger("uvicorn").setLevel(quieter)
    logging.getLogger("uvicorn.error").addFilter(without_query)


def without_query(record: logging.LogRecord) -> bool:
    """A query string may hold what nobody should read in a log: a signature, a misplaced token."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            argument.partition("?")[0] if isinstance(argument, str) else argument
            for argument in record.args
        )
    return True


# ---------------------------------------------------------------- sockets


def listen(host: str, port: int) -> list[socket.socket]:
    """One listening socket for each address of the host, all on the same port; 0 is a free one."""
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    for family, address in _addresses(host.strip("[]"), port):
        try:
            sockets.append(_listening(family, address, port))
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                for opened in sockets:
                    opened.close()
                raise CannotServe(_why_not(error, host, port)) from None
            missing = error  # localhost is ::1 too, on a machine without IPv6
        else:
            port = sockets[-1].getsockname()[1]
    if missing is not None and not sockets:
        raise CannotServe(_why_not(missing, host, port))
    return sockets


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, ValueError):
        raise CannotServe(f"The host {host!r} is unknown; see --host (server.host).") from None
    return list(dict.fromkeys((family, str(address[0])) for family, *_, address in found))


def _listening(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Elsewhere it would let another program take the port.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, os.name == "posix")
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # uvicorn waits for ever for a peer that reads nothing; the kernel ends it.
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_AFTER)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            # What a slow reader leaves unread shows here, and does not hide in the kernel.
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address != "::")
        listening.bind((address, port))
        listening.listen(BACKLOG)  # at once: a taken port shows before anything else is opened
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken by another program; choose one with --port."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"This user may not listen on port {port} of {host}; choose one with --port."
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return f"{host} is no address of this machine; choose one with --host."
    return f"Nothing can listen on port {port} of {host}: {error.strerror}."


def url_of(listening: socket.socket) -> str:
    """An address that a browser on this machine can open."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
