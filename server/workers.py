"""Several server processes on the same sockets; one that dies is started again."""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from ..app import create_app
from ..integrations import metrics
from ..settings import BadSetting, Settings, apply_reload
from .listen import CannotServe
from .logs import log_to_stderr
from .startup import CANNOT_START
from .uvicorn_server import STOP_TIMEOUT, Reload, run_here

log = logging.getLogger("roomcast.serve")

START_PERIOD = 10.0  # seconds after which a worker's end is no longer a failed start
MAX_RESTART_DELAY = 30.0  # seconds between two tries to start a worker
NO_FOLDER = (
    "The workers share their metrics in a temporary folder, and none can be made ({}): let TMPDIR"
    " name a folder that this user may write to."
)
LISTENING_LINE = b"listens"  # a worker's line on success; any other line says why it can't


class Job(msgspec.Struct):
    """The input of a worker on stdin: the settings and the descriptors of its sockets.

    Workers write their metrics to `metrics_folder`, where the others read them.
    """

    settings: Settings
    sockets: list[int]
    metrics_folder: str


class Worker:
    """A process that serves on the parent's sockets; it is started again when it ends."""

    process: Process | None = None

    def __init__(self, job: Job) -> None:
        self.job = job

    async def start(self) -> None:
        """Start the process and wait until it listens. Raises CannotServe."""
        self.process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", __spec__.name),
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=self.job.sockets,
            process_group=0,  # Ctrl+C reaches only the parent, which then ends its workers
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(self.job) + b"\n")
        line = await process.stdout.read()
        if line != LISTENING_LINE:
            code = await process.wait()
            raise CannotServe(line.decode() or f"A worker did not start (exit code {code}).")

    def send(self, settings: Settings) -> None:
        """Send new settings to the process, if it runs."""
        if self.process is not None and self.process.returncode is None:
            assert self.process.stdin is not None
            self.process.stdin.write(msgspec.json.encode(settings) + b"\n")

    async def keep(self) -> None:
        """Start the process again whenever it ends, until cancelled."""
        assert self.process is not None
        while True:
            since = time.monotonic()
            code = await self.process.wait()
            metrics.forget(Path(self.job.metrics_folder), self.process.pid)
            log.error(
                "Worker %s ended (exit code %s); a new one is started.", self.process.pid, code
            )
            await self.start_again(0.0 if time.monotonic() - since > START_PERIOD else 1.0)

    async def start_again(self, pause: float) -> None:
        """Start the process, trying until it listens."""
        while True:
            await asyncio.sleep(pause)
            try:
                return await self.start()
            except CannotServe as error:
                pause = min(MAX_RESTART_DELAY, 2 * pause or 1.0)
                log.error("%s The next try is in %s seconds.", error, pause)

    async def end(self) -> int:
        """End the worker and return its exit code; 0 if there is no process."""
        if self.process is None or self.process.returncode is not None:
            return 0
        self.process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                return await self.process.wait()
        except TimeoutError:
            log.error("Worker %s did not end in time and is killed.", self.process.pid)
            self.process.kill()
            return await self.process.wait()


async def run_workers(
    settings: Settings,
    sockets: list[socket.socket],
    ready: Callable[[], None],
    reload: Reload | None = None,
) -> None:
    """Serve until SIGTERM or Ctrl+C, which are passed on to all workers, as SIGHUP is."""
    with ExitStack() as stack:
        try:
            metrics_folder = stack.enter_context(TemporaryDirectory(prefix="roomcast-"))
        except OSError as error:
            raise CannotServe(NO_FOLDER.format(error.strerror)) from None
        job = Job(settings, [listening.fileno() for listening in sockets], metrics_folder)
        codes = await _run_workers(job, sockets, ready, reload)
    if codes - {0, -signal.SIGTERM}:  # it had not begun to listen
        os._exit(1)  # as a single process does


async def _run_workers(
    job: Job, sockets: list[socket.socket], ready: Callable[[], None], reload: Reload | None
) -> set[int]:
    """Run the workers until a signal ends them; return the set of their exit codes."""
    workers = [Worker(job) for _ in range(job.settings.server.workers)]
    serving = asyncio.create_task(_keep(workers, ready))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    if reload is not None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, _reload_workers, workers, job, reload)
    try:
        with suppress(asyncio.CancelledError):
            await serving
    finally:
        for listening in sockets:
            listening.close()
        codes = await asyncio.gather(*(worker.end() for worker in workers))
    return set(codes)


def _reload_workers(workers: list[Worker], job: Job, reload: Reload) -> None:
    """Give new settings to the running workers, and to those that are started later."""
    try:
        settings = reload()
    except BadSetting as error:
        log.error("settings not reloaded: %s", error)
        return
    apply_reload(job.settings, settings)
    for worker in workers:
        worker.send(settings)


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
    """Run a worker: the parent starts this module with a Job on its standard input."""
    # Without a buffer: the interpreter can't end while a thread waits with the lock of one.
    with open(0, "rb", buffering=0, closefd=False) as parent:
        job = msgspec.json.decode(parent.readline(), type=Job)
    latest = [job.settings]
    threading.Thread(target=_follow_the_parent, args=[latest], daemon=True).start()
    log_to_stderr(job.settings.server.log_level)
    sockets = [socket.socket(fileno=number) for number in job.sockets]
    try:
        chat = create_app(job.settings)
        chat.metrics_folder = Path(job.metrics_folder)
        run_here(chat, job.settings, sockets, ready=_report_listening, reload=lambda: latest[-1])
    except CANNOT_START as error:
        os.write(1, str(error).encode())
        sys.exit(2)


def _follow_the_parent(latest: list[Settings]) -> None:
    """Apply each line of stdin as new settings; end this process when the parent ends.

    The parent holds the other end of stdin open while it runs.
    """
    with open(0, "rb", buffering=0, closefd=False) as parent:
        for line in parent:
            latest[:] = [msgspec.json.decode(line, type=Settings)]
            os.kill(os.getpid(), signal.SIGHUP)
    os.kill(os.getpid(), signal.SIGTERM)


def _report_listening() -> None:
    os.write(1, LISTENING_LINE)
    os.dup2(2, 1)  # so that the parent sees the end of the output


if __name__ == "__main__":
    work()
