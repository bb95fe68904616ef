"""Real servers for the tests, each on a port of 127.0.0.1 and in a folder of its own."""

import asyncio
import os
import pwd
import secrets
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

START_WITHIN = 60.0  # seconds; mostly it is one
PORTS = range(10_000, 32_000)


class Missing(Exception):
    """No server of this kind is to be had here, and why."""


def free_port() -> int:
    """Of those that the kernel gives to nobody by itself, so that it is still free when it is used.

    Chosen at random: other tests, in other processes, choose as well.
    """
    while True:
        port = PORTS[secrets.randbelow(len(PORTS))]
        with suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            return port


def done(coroutine: Coroutine[Any, Any, T]) -> T:
    """Its result, for those who cannot await, also while an event loop runs in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def humble(folder: Path) -> dict[str, Any]:
    """How a child of root becomes somebody else, who then owns the folder; else nothing."""
    if os.geteuid() != 0:
        return {}
    user = next(u for u in pwd.getpwall() if u.pw_name in ("postgres", "nobody"))
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Engine(ABC):
    """A server that can be stopped, killed and started again on the same port and data."""

    is_ours = True  # whether it may be stopped at all
    host = "127.0.0.1"
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def command(self) -> list[str | Path]: ...

    def lives(self) -> bool:
        """Whether it answers: where nothing more is known of it, whether its port is open."""
        try:
            socket.create_connection((self.host, self.port), timeout=5).close()
        except OSError:
            return False
        return True

    def options(self) -> dict[str, Any]:
        """More arguments of Popen."""
        return {}

    def start(self) -> None:
        """Returns when it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.options(),
            )
        deadline = time.monotonic() + START_WITHIN
        while not self.lives():
            # There is nothing to wait for but the port itself.
            assert self.process.poll() is None, f"it ended at start:\n{self.said()}"
            assert time.monotonic() < deadline, f"it does not come up:\n{self.said()}"
            time.sleep(0.01)

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL, to its children too."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        self.stop()
        self.start()

    def end(self) -> None:
        """However the test left it, it is gone."""
        if self.process is not None and self.process.poll() is None:
            self.stop()

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""
