"""The event loop is a host's too: nothing that we do in it waits for a disk or a peer.

`python -m tests.test_loop` prints how long the loop was kept, in CPU time.
"""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from .client import token
from .server import SECRET

SHORT = 0.005  # seconds of CPU
LARGE = 0.050  # the same for the largest frame, body or answer
TRIES = 3  # a machine that has much else to do is slower by a half
MIB = 1 << 20
FRAME = 16 * MIB


class Watched:
    """The server, and ada in a room with bob."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.watched", str(folder), SECRET],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        headers = {"Authorization": f"Bearer {token(1)}"}
        self.site = f"127.0.0.1:{self.heard()}"
        self.http = httpx.Client(
            base_url=f"http://{self.site}/api/v1/", headers=headers, timeout=60, trust_env=False
        )
        self.name, self.rounds = "", 0
        self.took: dict[str, float] = {}  # the longest callback of each chapter
        self.waited: list[str] = []
        self.room = self.http.post("chat/create/", json={"second_user": 2}).json()["id"]

    def heard(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def chapter(self, name: str) -> None:
        """From here on something else is looked at."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        notes = json.loads(self.heard())
        if self.name:
            self.took[self.name] = min(self.took.get(self.name, 1e9), notes["took"])
            self.waited += [f"{self.name}: {event}" for event in notes["waited"]]
        self.name = name

    def offenders(self) -> dict[str, float]:
        """What took too long each time that it was tried."""
        limits = {name: LARGE if name.startswith("large:") else SHORT for name in self.took}
        return {name: took for name, took in self.took.items() if took > limits[name]}

    @contextmanager
    def enters(self, user: int) -> Iterator[ClientConnection]:
        """A socket in the room, its first frame heard."""
        url = f"ws://{self.site}/ws/chat/?room_id={self.room}&after=0"
        headers = {"Authorization": f"Bearer {token(user)}"}
        with connect(url, additional_headers=headers, max_size=None, proxy=None) as socket:
            socket.recv(60)
            yield socket

    def end(self) -> None:
        self.http.close()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    server = Watched(tmp_path)
    yield server
    server.end()


def until(socket: ClientConnection, kind: str) -> Any:
    while (frame := json.loads(socket.recv(60)))["type"] != kind:
        continue
    return frame


STORY = (b"A long story. " * 749_000)[: 10 * MIB]
FILE = {"name": "story.txt", "size": len(STORY), "type": "text/plain"}
DATA = base64.b64encode(STORY).decode()


def uploads(server: Watched) -> None:
    """Ten MiB each way there is."""
    with server.enters(1) as socket:
        server.chapter("large: a file in a frame")
        socket.send(json.dumps({"action": "send", "file": FILE | {"data": DATA}}))
        (sent,) = until(socket, "chat_message")["message"]["attachments"]
        server.chapter("a file is fetched")
        assert server.http.get(sent["file_url"]).content == STORY
        server.chapter("large: a file in a body")
        body = {"file": FILE | {"data": DATA}}
        answer = server.http.post(f"chat/rooms/{server.room}/messages/", json=body)
        assert answer.status_code == 201
        server.chapter("an upload is offered")
        socket.send(json.dumps({"action": "send", "file": FILE}))
        offer = until(socket, "presigned_url")
        server.chapter("an upload is put")
        url, headers = offer["presigned_url"], offer["headers"]
        assert server.http.put(url, content=STORY, headers=headers).status_code == 200
        server.chapter("an upload is sent")
        socket.send(json.dumps({"action": "file_uploaded", "file_path": offer["file_path"]}))
        until(socket, "chat_message")


def filled(head: str, filling: str, foot: str) -> str:
    """A frame as large as one may be."""
    times = (FRAME - len(head) - len(foot)) // len(filling.encode())
    return head + filling * times + foot


FRAMES = {
    "one text": ('{"action":"send","client_id":"n1","message":"', "x", '"}'),
    "umlauts": ('{"action":"send","client_id":"n1","message":"', "ü", '"}'),
    "escapes": ('{"action":"send","client_id":"n1","message":"', "\\u00fc", '"}'),
    "lists": ('{"action":"send","client_id":"n1","x":[', "[],", "[]]}"),
    "objects": ('{"action":"send","client_id":"n1","x":[', "{},", "{}]}"),
    "files": (
        '{"action":"send","client_id":"n1","files":[',
        '{"name":"a","size":1,"type":"text/plain"},',
        "{}]}",
    ),
    "no end": ('{"action":"send","client_id":"n1","message":"', "x", ""),
}


def largest_frames(server: Watched) -> None:
    with server.enters(1) as socket:
        for name, parts in FRAMES.items():
            server.chapter(f"large: a frame of {name}")
            socket.send(filled(*parts))
            assert until(socket, "error")["client_id"] == "n1", name


def pages(server: Watched) -> None:
    server.chapter("a page")
    for path in ("", "ui/page.js", "healthz", "readyz"):
        assert server.http.get(f"http://{server.site}/{path}").status_code == 200
    for path in ("schema/", "asyncapi/", "swagger/", "swagger/swagger-ui-bundle.js"):
        server.chapter(f"the documentation: {path}")
        assert server.http.get(path).status_code == 200


def everyday(server: Watched) -> None:
    server.chapter("a room")
    for number in range(10):
        body = {"second_user": 2, "context": f"{server.rounds}-{number}"}
        assert server.http.post("chat/create/", json=body).status_code == 201
    server.rounds += 1
    with server.enters(1) as at_adas, server.enters(2) as at_bobs:
        server.chapter("messages")
        for number in range(100):
            at_adas.send(json.dumps({"action": "send", "message": f"Hello {number} " * 100}))
            until(at_bobs, "chat_message")
        server.chapter("a page of history")
        at_adas.send('{"action":"history","limit":100}')
        assert len(until(at_adas, "history")["messages"]) == 100
        server.chapter("the list of rooms")
        assert server.http.get("chat/receive/").status_code == 200
    server.chapter("someone resumes")
    with server.enters(2):
        server.chapter("someone leaves")


PARTS = pages, uploads, largest_frames, everyday


def test_nothing_in_the_loop_waits(watched: Watched) -> None:
    for part in PARTS:
        part(watched)
    watched.chapter("the end")
    assert len(watched.took) > 20
    assert watched.waited == []


def main() -> int:
    """Prints each chapter, and what it took in the best of a few rounds."""
    with TemporaryDirectory() as folder:
        server = Watched(Path(folder))
        try:
            for _ in range(TRIES):
                for part in PARTS:
                    part(server)
                server.chapter("the end")
        finally:
            server.end()
    offenders = server.offenders()
    for name, took in server.took.items():
        verdict = "too long" if name in offenders else ""
        sys.stdout.write(f"{name:<40}{1000 * took:8.1f} ms  {verdict}\n")
    return 1 if offenders else 0


if __name__ == "__main__":
    sys.exit(main())
