"""uvicorn as it fits a chat: in one process or several, logs without tokens, an end in time."""

import asyncio
import errno
import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import msgspec
import uvicorn

from ..app import App, create_app
from ..integrations import metrics
from ..realtime.brokers import Unreachable
from ..realtime.connection_limits import ConnectionLimits, CountLimit
from ..settings import Settings
from ..store.objects.bucket import BucketUnavailable
from ..store.store import CannotOpen
from .http_protocol import HttpProtocol
from .websocket_protocol import WebSocketProtocol

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

log = logging.getLogger("roomcast.serve")

GRACE = 3  # seconds for open requests and sockets after SIGTERM
DEADLINE = 4.0  # seconds until the process ends, whatever still hangs
GONE_AFTER = 8_000  # milliseconds that a peer may acknowledge nothing we sent
BACKLOG = 2_048
UNSENT = 1 << 17  # bytes a connection that the kernel holds ready beyond what is on the wire
COLLECT_EVERY = 60.0  # seconds between two collections of garbage,
COLLECT_SHARE = 1_000  # or so many times what the last one took
SPARE_FILES = 128  # open files that no connection gets: databases, attachments, the log
STEADY = 10.0  # seconds after which a worker's end is no longer a failed start
SELDOM = 10.0  # seconds between two warnings of the same kind
MOST_PAUSE = 30.0  # seconds between two tries to start a worker


class CannotServe(Exception):
    """Nothing to serve on, in one sentence."""


CANNOT_START = (CannotServe, CannotOpen, BucketUnavailable, Unreachable)


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
    url = url_of(sockets[0])
    try:
        if settings.server.workers == 1:
            run_here(chat, settings, sockets, before=before, ready=lambda: ready(url))
        else:
            assert before is None
            asyncio.run(run_workers(settings, sockets, lambda: ready(url)))
    finally:
        for listening in sockets:
            listening.close()


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


# ---------------------------------------------------------------- several processes

LISTENS = b"listens"  # a worker's word to its parent; anything else is why it can't


class Job(msgspec.Struct):
    """What a worker is told, on its stdin: the settings, and which descriptors are its sockets.

    In the folder `shelf` the workers lay down their numbers for each other.
    """

    settings: Settings
    sockets: list[int]
    shelf: str


class Worker:
    """A process that serves on the parent's sockets, and the next one when it has died."""

    process: Process | None = None

    def __init__(self, job: Job) -> None:
        self.job = job

    async def start(self) -> None:
        """Until it listens. Raises CannotServe with the sentence of the worker."""
        self.process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", __spec__.name),
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=self.job.sockets,
            process_group=0,  # Ctrl+C is for the parent, which then tells its workers
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(self.job) + b"\n")
        said = await process.stdout.read()
        if said != LISTENS:
            code = await process.wait()
            raise CannotServe(said.decode() or f"A worker did not start (exit code {code}).")

    async def keep(self) -> None:
        """For ever: whenever it ends, it is started again."""
        assert self.process is not None
        while True:
            since = time.monotonic()
            code = await self.process.wait()
            metrics.forget(Path(self.job.shelf), self.process.pid)
            log.error("Worker %s ended (exit code %s); another follows.", self.process.pid, code)
            await self.start_again(0.0 if time.monotonic() - since > STEADY else 1.0)

    async def start_again(self, pause: float) -> None:
        """Tries until it listens."""
        while True:
            await asyncio.sleep(pause)
            try:
                return await self.start()
            except CannotServe as error:
                pause = min(MOST_PAUSE, 2 * pause or 1.0)
                log.error("%s The next try is in %s seconds.", error, pause)

    async def end(self) -> int:
        """How it ended now; 0 where nothing is left to end."""
        if self.process is None or self.process.returncode is not None:
            return 0
        self.process.terminate()
        try:
            async with asyncio.timeout(DEADLINE):
                return await self.process.wait()
        except TimeoutError:
            log.error("Worker %s did not end in time and is cut off.", self.process.pid)
            self.process.kill()
            return await self.process.wait()


async def run_workers(
    settings: Settings, sockets: list[socket.socket], ready: Callable[[], None]
) -> None:
    """Until SIGTERM or Ctrl+C, which all the workers hear of."""
    with TemporaryDirectory(prefix="roomcast-") as shelf:
        job = Job(settings, [listening.fileno() for listening in sockets], shelf)
        codes = await _run_workers(job, sockets, ready)
    if codes - {0, -signal.SIGTERM}:  # that one had not begun to listen
        os._exit(1)  # as one that is alone does


async def _run_workers(
    job: Job, sockets: list[socket.socket], ready: Callable[[], None]
) -> set[int]:
    """How they ended."""
    workers = [Worker(job) for _ in range(job.settings.server.workers)]
    serving = asyncio.create_task(_keep(workers, ready))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    try:
        with suppress(asyncio.CancelledError):
            await serving
    finally:
        for listening in sockets:
            listening.close()
        codes = await asyncio.gather(*(worker.end() for worker in workers))
    return set(codes)


async def _keep(workers: list[Worker], ready: Callable[[], None]) -> None:
    try:
        async with asyncio.TaskGroup() as starting:
            for worker in workers:
                starting.create_task(worker.start())
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    ready()
    async with asyncio.TaskGroup() as keeping:
        for worker in workers:
            keeping.create_task(worker.keep())


def work() -> None:
    """A worker's life."""
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    log_to_stderr(job.settings.server.log_level)
    sockets = [socket.socket(fileno=number) for number in job.sockets]
    try:
        chat = create_app(job.settings)
        chat.shelf = Path(job.shelf)
        run_here(chat, job.settings, sockets, ready=_tell_the_parent)
    except CANNOT_START as error:
        os.write(1, str(error).encode())
        sys.exit(2)


def _end_with_the_parent() -> None:
    """The parent keeps the other end open for as long as it lives, whatever ends it."""
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _tell_the_parent() -> None:
    os.write(1, LISTENS)
    os.dup2(2, 1)  # which ends what the parent reads


# ---------------------------------------------------------------- logs


def log_to_stderr(level: str) -> None:
    """Ours at this level, warnings of others; uvicorn logs each connection at info: a step down."""
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(name)s: %(message)s", level="WARNING", force=True
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(Seldom())
    logging.getLogger("roomcast").setLevel(level.upper())
    # Never DEBUG: there the tokens among the subprotocols are logged.
    quieter = {"debug": "INFO", "info": "WARNING"}.get(level, level.upper())
    logging.getLogger("uvicorn").setLevel(quieter)
    logging.getLogger("uvicorn.error").addFilter(without_query)


class Seldom(logging.Filter):
    """The same warning again and again is a line in ten seconds, which says how many there were."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, tuple[float, int]] = {}  # when last, and how many were not said

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        what, now = f"{record.name} {record.msg}", time.monotonic()
        at, unsaid = self._said.get(what, (-SELDOM, 0))
        if now - at < SELDOM:
            self._said[what] = at, unsaid + 1
            return False
        self._said[what] = now, 0
        if unsaid:
            record.msg = f"{record.msg} ({unsaid} more like this since the last one)"
        return True


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


if __name__ == "__main__":
    work()
