"""A real `roomcast serve` in a process of its own, for tests that know nothing but the wire."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar
from urllib.request import urlopen

from .engines import START_WITHIN, free_port
from .forks import Forked, Forks

SECRET = "a secret that only the tests know, 32 bytes and more"
COMMAND = Path(sys.executable).with_name("roomcast")


class Server:
    """One process on one folder; it can be stopped, killed and started again on the same data."""

    forks: ClassVar[Forks | None] = None  # how pytest starts them; None: by the command

    def __init__(self, folder: Path, port: int | None = None, **settings: object) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.sockets_url = f"ws://127.0.0.1:{self.port}"
        self.database = folder / "chat.db"
        self.attachments = folder / "attachments"
        self.log = folder / "server.log"
        self.settings = {
            "database_url": f"sqlite:///{self.database}",
            "attachments_url": f"file:{self.attachments}",
            "auth_secret": SECRET,
            "server_start_timeout": 0,  # an engine that is not there is what a test is about
            "limits_rooms_per_day": 0,  # the same few people open all rooms of a run
        } | settings
        self.process: subprocess.Popen[bytes] | Forked | None = None
        self.twin: Server | None = None  # a second process on the same engines
        self.listing: Callable[[], list[str]] | None = None

    @property
    def other(self) -> "Server":
        """Where the second person is: the other process, where there are two."""
        return self.twin or self

    @property
    def environment(self) -> dict[str, str]:
        plain = {k: v for k, v in os.environ.items() if not k.startswith("ROOMCAST_")}
        return plain | {f"ROOMCAST_{k.upper()}": str(v) for k, v in self.settings.items()}

    @property
    def command(self) -> list[str]:
        return [str(COMMAND), "serve", "--host", "127.0.0.1", "--port", str(self.port)]

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def launch(self) -> subprocess.Popen[bytes] | Forked:
        if self.forks is not None:
            return self.forks.start(self.command, self.environment, self.folder, self.log)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command, env=self.environment, cwd=self.folder, stdout=log, stderr=log
            )

    def start(self) -> "Server":
        self.process = self.launch()
        deadline = time.monotonic() + START_WITHIN
        while not self._lives():
            # There is nothing to wait for but the port itself.
            assert self.process.poll() is None, f"the server ended at start:\n{self.said()}"
            assert time.monotonic() < deadline, f"the server does not come up:\n{self.said()}"
            time.sleep(0.02)
        if self.twin is not None:
            self.twin.start()
        return self

    def _lives(self) -> bool:
        try:
            with urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-8000:] if self.log.exists() else ""

    def stop(self, within: float = 30) -> int:
        """SIGTERM, as an operator would; the exit code."""
        assert self.process is not None
        self.process.terminate()
        twin = 0 if self.twin is None else self.twin.stop(within)
        try:
            return self.process.wait(within) or twin
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"SIGTERM did not end the server:\n{self.said()}") from None

    def kill(self) -> None:
        """SIGKILL: the power cord of a process."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """However the test left it, the process is gone."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        if self.twin is not None:
            self.twin.end()

    def try_to_start(self) -> subprocess.CompletedProcess[str]:
        """A start that must fail by itself: its exit code and what it said."""
        return subprocess.run(
            self.command,
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=START_WITHIN,
            check=False,
        )

    def objects(self) -> list[str]:
        """What lies in the attachments folder, or in the bucket."""
        if self.listing is not None:
            return self.listing()
        return sorted(str(p) for p in self.attachments.rglob("*") if p.is_file())
