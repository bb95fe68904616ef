"""The README does what it says: its commands and its client, against a real server."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from roomcast.app import create_app
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import Mount

from .pages import block
from .running import in_steps, read_until
from .server import free_port

HERE = "127.0.0.1:8000"  # as the README has it
README = "README.md"
START = "docs/getting-started.md"


class Shell:
    """The README's own commands, in a folder of their own and on a free port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        plain = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
        plain = {k: v for k, v in plain.items() if not k.startswith("ROOMCAST_")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        own = {"PATH": path, "PYTHONUNBUFFERED": "1", "ROOMCAST_SERVER_PORT": str(self.port)}
        self.environ = plain | own

    def start(self, script: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["bash", "-e", "-c", self.here(script)],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str) -> str:
        with self.start(script) as running:
            said, _ = running.communicate(timeout=30)
        assert running.returncode == 0, said
        return said

    def here(self, text: str) -> str:
        return text.replace(HERE, f"127.0.0.1:{self.port}")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def served(shell: Shell) -> Iterator[Shell]:
    """`roomcast serve`, as the README starts it."""
    command = block(START, "sh", "roomcast serve").splitlines()[-1]
    assert command == "roomcast serve"
    server = shell.start(f"exec {command}")
    try:
        read_until(server, "secret ")
        yield shell
        server.terminate()
        assert server.wait(10) == 0
    finally:
        server.kill()
        server.communicate()


def answers(said: str) -> list[Any]:
    """What several calls of curl printed, one after the other."""
    found, at = [], 0
    while at < len(said.rstrip()):
        value, at = json.JSONDecoder().raw_decode(said, at)
        found.append(value)
    return found


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_readmes_commands_open_a_room_and_talk(served: Shell) -> None:
    opened, sent, listed = answers(served.run(block(START, "sh", "curl")))
    assert (opened["room_id"], opened["members"]) == (1, [2, 7])
    assert (sent["text"], sent["status"]) == ("Hello", "send")
    assert listed["results"][0]["last_message"]["content"] == "Hello"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_readmes_client_talks(served: Shell) -> None:
    client = served.folder / "talk.py"
    client.write_text(served.here(block(START, "python", "websockets")))
    commands = block(START, "sh", "curl") + "\nexec python talk.py $TOKEN 1"
    with served.start(commands) as talking:
        try:
            assert "Hello from Python" in read_until(talking, '"type":"chat_message"')
        finally:
            talking.kill()


def test_the_readmes_client_is_ten_lines() -> None:
    lines = block(START, "python", "websockets").splitlines()
    assert len([line for line in lines if line]) <= 10


async def test_the_readmes_embedding_works_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def current_user_id(connection: HTTPConnection) -> str | None:
        return connection.headers.get("x-user")

    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.toml").write_text("# all at their defaults\n")
    names: dict[str, Any] = {
        "create_app": create_app,
        "Starlette": Starlette,
        "Mount": Mount,
        "current_user_id": current_user_id,
    }
    assembled, used = block(README, "python", "create_app").split("\n\n")
    await in_steps(assembled, names)
    app = names["app"]
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
    ):
        await in_steps(used, names)
        mine = await client.get("/chat/api/v1/chat/receive/", headers={"X-User": "7"})
    (room,) = mine.json()["results"]
    assert (room["room_id"], room["context"]) == (names["room"].id, "listing:55")
    assert room["last_message"]["content"] == "Your order has shipped"
