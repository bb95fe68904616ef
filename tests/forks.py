"""Servers by fork, from a process that has imported all that `roomcast serve` needs.

An import takes a second of processor time, a fork milliseconds, and the tests start hundreds of
servers. `python -m tests.forks FD` is that process: it reads one JSON object a line from the socket
FD, and answers each with a number. The command itself is run by the tests of the command.
"""

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parent.parent
PRELOADED = (
    "asyncpg",
    "httptools",
    "minio",
    "redis.asyncio",
    "uvloop",
    "roomcast.server.main",
    "roomcast.server.commands.serve",
    "roomcast.server.serve",
)


class Forked:
    """A forked server, in the shape of `subprocess.Popen`: pid, poll, wait, signals."""

    def __init__(self, forks: "Forks", pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._forks = forks
        self._ended = os.pidfd_open(pid)  # stays valid until the child's exit code is asked for
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        return self._exit_code(0)

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        code = self._exit_code(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"forked server {self.pid}", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._ended, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _exit_code(self, timeout: float | None) -> int | None:
        with self._lock:
            if self.returncode is None and select.select([self._ended], [], [], timeout)[0]:
                self.returncode = self._forks.ask({"ended": self.pid})
                os.close(self._ended)
            return self.returncode


class Forks:
    """Starts servers by fork; one for a run of pytest, which begins with the first server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def _begin(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "tests.forks", str(theirs.fileno())]
            self._process = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()])
        self._answers = self._socket.makefile("r")

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path
    ) -> Forked:
        asked = {"arguments": command[1:], "environment": dict(environment)}
        return Forked(self, self.ask(asked | {"folder": str(folder), "log": str(log)}))

    def ask(self, request: dict[str, Any]) -> int:
        with self._lock:
            if self._process is None:
                self._begin()
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            return int(self._answers.readline())

    def close(self) -> None:
        if self._process is not None:
            self._answers.close()
            self._socket.close()
            self._process.wait(10)


def serve(channel: socket.socket) -> None:
    """Answer the requests that come by the socket until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest
    for line in channel.makefile("r"):
        request = json.loads(line)
        if "ended" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["ended"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                channel.close()
                become(request)
        channel.sendall(b"%d\n" % answer)


def become(request: dict[str, Any]) -> NoReturn:
    """Run the command of a request in this process, as its script would."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    sys.argv = ["roomcast", *request["arguments"]]
    sys.exit(sys.modules["roomcast.server.main"].main())


if __name__ == "__main__":
    for name in PRELOADED:
        __import__(name)
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
