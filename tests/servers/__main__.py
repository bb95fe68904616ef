"""Each server with each of its WebSocket implementations: how many of the cases pass; a table.

`python -m tests.servers ENVIRONMENT`, the folder of a virtual environment with the servers in it
(`make servers` makes one). The exit code is 1 where a case fails that is not known to.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import httpx

from ..client import Person
from ..engines import free_port
from ..server import SECRET
from .cases import CASES, Visit

SERVERS: dict[str, str] = {
    "uvicorn, websockets-sansio": "uvicorn --ws websockets-sansio --port {port} mounted:app",
    "uvicorn, websockets": "uvicorn --ws websockets --port {port} mounted:app",
    "uvicorn, wsproto": "uvicorn --ws wsproto --port {port} mounted:app",
    "uvicorn, h11": "uvicorn --http h11 --ws wsproto --port {port} mounted:app",
    "uvicorn, roomcast's protocol": (
        "uvicorn --ws roomcast.server.websocket_protocol:WebSocketProtocol --port {port}"
        " mounted:app"
    ),
    "uvicorn --workers 2": "uvicorn --workers 2 --port {port} mounted:app",
    "gunicorn": "gunicorn -k uvicorn_worker.UvicornWorker -b 127.0.0.1:{port} mounted:app",
    "hypercorn": "hypercorn -b 127.0.0.1:{port} mounted:app",
    "granian": "granian --interface asgi --port {port} mounted:app",
    "daphne": "daphne -b 127.0.0.1 -p {port} mounted:app",
}
START_LIMIT = 60.0  # seconds
WITHOUT_CHAT = {"uvicorn --workers 2", "daphne"}  # the site lives, and a sentence says what to do


def start(command: str, environment: Path, folder: Path, port: int) -> "subprocess.Popen[bytes]":
    settings = {
        "PYTHONPATH": str(Path(__file__).parent),
        "ROOMCAST_AUTH_SECRET": SECRET,
        "ROOMCAST_RATE_LIMIT_RATE": "0",
        "ROOMCAST_LIMITS_SLOW_CONSUMER_TIMEOUT": "1s",
        "ROOMCAST_PRESENCE_GRACE": "0.1s",
        "PYTHONWARNINGS": "ignore",
    }
    program, *arguments = command.format(port=port).split()
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [str(environment / "bin" / program), *arguments],
            cwd=folder,
            env=os.environ | settings,
            stdout=log,
            stderr=log,
        )


async def listening(http: httpx.AsyncClient, url: str) -> None:
    async with asyncio.timeout(START_LIMIT):
        while True:
            try:
                await http.get(url)
                return
            except httpx.TransportError:
                await asyncio.sleep(0.1)


async def try_all(port: int, only: str) -> dict[str, str]:
    """What went wrong, by case."""
    url = f"http://127.0.0.1:{port}/chat"
    server: Any = SimpleNamespace(url=url, sockets_url=url.replace("http", "ws"), port=port)
    async with httpx.AsyncClient(timeout=30) as http:
        await listening(http, f"http://127.0.0.1:{port}/")
        people = [Person(server, http, n, name) for n, name in ((1, "Ada"), (2, "Bob"), (3, "Eve"))]
        ada, bob, eve = people
        visit = Visit(ada, bob, eve, await ada.opens(bob), url, http)
        wrong = {}
        for name, case in CASES.items():
            if only in name:
                try:
                    async with asyncio.timeout(90):
                        await case(visit)
                except Exception as error:
                    wrong[name] = f"{error!r:.300}"
        return wrong


async def try_without_chat(port: int) -> dict[str, str]:
    """The site answers, and the chat says in a sentence why it does not."""
    async with httpx.AsyncClient(timeout=30) as http:
        await listening(http, f"http://127.0.0.1:{port}/")
        seen: set[int] = set()
        deadline = time.monotonic() + START_LIMIT  # until the last worker has started
        while not seen & {500, 503} and time.monotonic() < deadline:
            assert (await http.get(f"http://127.0.0.1:{port}/")).text == "the site"
            headers = {"Connection": "close"}
            answer = await http.get(f"http://127.0.0.1:{port}/chat/healthz", headers=headers)
            seen.add(answer.status_code)
        return {} if seen & {500, 503} and seen <= {200, 500, 503} else {"statuses": str(seen)}


def try_server(name: str, environment: Path, only: str) -> tuple[dict[str, str], str]:
    with TemporaryDirectory() as made:
        folder, port = Path(made), free_port()
        process = start(SERVERS[name], environment, folder, port)
        try:
            tried = try_without_chat(port) if name in WITHOUT_CHAT else try_all(port, only)
            wrong = asyncio.run(tried)
        except Exception as error:
            wrong = {"the start": f"{error!r:.200}"}
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            wrong["the end"] = "SIGTERM did not end it within 15 s"
        return wrong, (folder / "log").read_text(errors="replace")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(environment: Path, chosen: str = "", only: str = "") -> int:
    say(f"roomcast {version('roomcast')}, {len(CASES)} cases each")
    failed = False
    for name in SERVERS:
        if chosen not in name:
            continue
        began = time.monotonic()
        wrong, log = try_server(name, environment, only)
        failed |= bool(wrong)
        total = 1 if name in WITHOUT_CHAT else len(CASES)
        passed = "as documented" if name in WITHOUT_CHAT else f"{total - len(wrong)} of {total}"
        seconds = f"{time.monotonic() - began:.0f} s"
        say(f"{name:<30} {'FAILED' if wrong else passed:<14} {seconds}")
        for case, error in wrong.items():
            say(f"    {case}: {error}")
        if wrong:
            say(log[-1500:])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), *sys.argv[2:]))
