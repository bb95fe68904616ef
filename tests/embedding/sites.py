"""The sites of docs/embedding as processes, two ways to each, and people who visit them."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from websockets.sync.client import ClientConnection, connect

from .serve import PREFIX

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "docs/embedding"
NAMES = {
    "Starlette": "starlette_site",
    "FastAPI": "fastapi_site",
    "Django": "django_site.asgi",
    "Litestar": "litestar_site",
}
ADA, BOB = 2, 7
LIMIT = 20.0
WIRE = httpx.HTTPTransport(verify=False)  # one for all: they are costly, and TLS is not spoken

# What `python -m django migrate` does, and two who have signed up.
READY = """
import django
from django.core.management import call_command
django.setup()
call_command("migrate", verbosity=0)
from django.contrib.auth.models import User
User.objects.create_user("ada", id=2)
User.objects.create_user("bob", id=7)
"""


class Way(NamedTuple):
    """How people reach a site: what they type, and where that ends."""

    url: str
    port: int
    forwarded: dict[str, str]

    @property
    def host(self) -> str:
        return httpx.URL(self.url).netloc.decode()

    @property
    def prefix(self) -> str:
        return httpx.URL(self.url).path.rstrip("/")

    def inside(self, url: str) -> str:
        """The path and query that the server sees. It must be a URL of this site."""
        assert url.startswith(self.url + "/"), f"{url} leads away from {self.url}"
        return url.removeprefix(self.url)


class Proxy(httpx.BaseTransport):
    """The one way to the site: what leads elsewhere fails."""

    def __init__(self, way: Way) -> None:
        self._way = way

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = self._way.inside(str(request.url))
        there = httpx.URL(f"http://127.0.0.1:{self._way.port}").copy_with(raw_path=path.encode())
        headers = {**request.headers, **self._way.forwarded}
        sent = httpx.Request(request.method, there, headers=headers, stream=request.stream)
        return WIRE.handle_request(sent)


class Site:
    """One process on two ports."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.log = folder / "log"
        self.process: subprocess.Popen[str] | None = None
        shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)

    def start(self) -> None:
        plain = {k: v for k, v in os.environ.items() if not k.startswith("ROOMCAST_")}
        environment = plain | {"DJANGO_SETTINGS_MODULE": "django_site.settings"}
        run = [sys.executable, "-W", "error"]
        with self.log.open("w") as log:
            if self.name == "Django":
                command = [*run, "-c", READY]
                subprocess.run(command, cwd=self.folder, env=environment, check=True)
            self.process = subprocess.Popen(
                [*run, str(HERE / "serve.py"), NAMES[self.name]],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def until_ready(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said, self.log.read_text()
        self.ports: list[int] = json.loads(said)

    def way(self, name: str) -> Way:
        if name == "directly":
            return Way(f"http://127.0.0.1:{self.ports[0]}", self.ports[0], {})
        forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
        return Way(f"https://shop.example{PREFIX}", self.ports[1], forwarded)

    def end(self) -> list[str]:
        """Shuts it down as it should be; what it complained of."""
        assert self.process is not None
        self.process.communicate(timeout=LIMIT)
        assert self.process.returncode == 0, self.log.read_text()
        lines = self.log.read_text().splitlines()
        refused = "origin refused: "  # what the tests of a foreign page leave in the log
        return [line for line in lines if not line.startswith("INFO") and refused not in line]

    def kill(self) -> None:
        """Whatever became of it."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()


class Visitor:
    """Somebody at a site, with cookies."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.http = httpx.Client(transport=Proxy(way), timeout=LIMIT, trust_env=False)
        self.api = f"{way.url}/chat/api/v1/chat"

    def log_in(self, name: str) -> "Visitor":
        assert self.http.post(f"{self.way.url}/login/{name}").is_success
        return self

    def call(self, method: str, url: str, **options: Any) -> Any:
        answer = self.http.request(method, url, **options)
        assert answer.is_success, answer.text
        return answer.json()

    def opens(self, context: str) -> int:
        """A room of ada and bob for this subject."""
        body = {"members": [ADA, BOB], "context": context}
        room: int = self.call("POST", f"{self.api}/create/", json=body)["id"]
        return room

    @contextmanager
    def knocks(self, room: int, **headers: str) -> Iterator[ClientConnection]:
        way = self.way
        cookies = {"Cookie": "; ".join(f"{n}={v}" for n, v in self.http.cookies.items())}
        connection = socket.create_connection(("127.0.0.1", way.port))
        with (
            closing(connection),
            connect(
                f"ws://{way.host}/chat/ws/chat/?room_id={room}",
                sock=connection,
                additional_headers=cookies | way.forwarded | headers,
                open_timeout=LIMIT,
                close_timeout=LIMIT,
            ) as open_,
        ):
            yield open_

    @contextmanager
    def enters(self, room: int) -> Iterator["Talk"]:
        """A socket in the room, with the site's own page as its origin, the first frame heard."""
        url = httpx.URL(self.way.url)
        with self.knocks(room, Origin=f"{url.scheme}://{self.way.host}") as connection:
            talk = Talk(connection)
            talk.first = talk.hears()
            yield talk


class Talk:
    """One open socket."""

    first: Any

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def says(self, **action: Any) -> None:
        self._connection.send(json.dumps(action))

    def hears(self) -> Any:
        return json.loads(self._connection.recv(LIMIT))

    def awaits(self, kind: str) -> Any:
        while (frame := self.hears())["type"] != kind:
            assert frame["type"] != "error", frame
        return frame
