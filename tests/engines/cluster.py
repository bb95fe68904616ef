"""`make cluster`: two server processes on a real PostgreSQL, Valkey and SeaweedFS, to try out."""

import asyncio
import secrets
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count, islice
from pathlib import Path

import click
from roomcast.app import create_app
from roomcast.server.commands import demo
from roomcast.server.commands.token import sign_token
from roomcast.settings import Settings, load

from ..server import Server
from . import Missing
from .postgres import postgres
from .seaweed import seaweed
from .valkey import valkey

FIRST_PORT = 8001  # `make run` has 8000
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(Exception):
    """Somebody does not want to wait until all has started."""


@click.command()
@click.option("--port", type=int, default=FIRST_PORT, help="Where to look for free ports.")
def main(port: int) -> None:
    """Ada and Bob again, one on each process, until Ctrl+C."""
    asked: list[int] = []
    for number in ENDS:
        signal.signal(number, lambda number, _: asked.append(number))

    def go_on() -> None:
        if asked:
            raise Ended

    try:
        with cluster(go_on, *free_ports(port, 2)) as said:
            click.echo(said)
            while not asked:
                time.sleep(0.1)
    except Missing as why:
        click.echo(f"Error: {why}", err=True)
        sys.exit(2)
    except Exception:
        if not asked:  # Ctrl+C reaches what is starting, too
            raise
    click.echo("\nAll of it has ended.")


@contextmanager
def cluster(go_on: Callable[[], None], *ports: int) -> Iterator[str]:
    """All of it runs, and this is to be said of it; nothing is left of it afterwards.

    `go_on` is asked between the steps of the start, and may raise.
    """
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roomcast-")))
        root.chmod(0o711)  # not every server runs as this user
        urls = engines(root, stack, go_on)
        settings = load(
            {section: {"url": url} for section, url in urls.items()}
            | {"auth": {"secret": secrets.token_urlsafe(64)}}
        )
        tokens = {
            name: sign_token(settings.auth, str(user), demo.TOKEN_TTL, name)
            for user, name in demo.PEOPLE.items()
        }
        rooms = asyncio.run(seed(settings, tokens.values()))
        servers = []
        for port in ports:
            go_on()
            servers.append(serve(settings, port, root, stack))
        yield told(urls, servers, {name: f"{tokens[name]}&room={rooms[name]}" for name in tokens})


def told(urls: dict[str, str], servers: list[Server], doors: dict[str, str]) -> str:
    lines = [f"{section:<13}{url}" for section, url in urls.items()]
    lines += [f"{f'port {each.port}':<13}process {each.pid}" for each in servers]
    lines += ["\nOpen each link in a window of its own; Ctrl+C ends all of it."]
    for (name, door), server in zip(doors.items(), servers, strict=False):
        lines += [f"\n{name}, on port {server.port}:", f"{server.url}/#token={door}"]
    return "\n".join(lines)


def engines(root: Path, stack: ExitStack, go_on: Callable[[], None]) -> dict[str, str]:
    """Their URLs, by the section of the settings that each belongs to."""
    database = postgres(subfolder(root, "postgres"))
    broker = valkey(subfolder(root, "valkey"))
    bucket = seaweed(subfolder(root, "seaweed"))
    for engine in (database, broker, bucket):
        stack.callback(engine.end)
        engine.start()
        go_on()
    return {
        "database": database.create_database(),
        "broadcast": broker.url,
        "attachments": bucket.url,
    }


async def seed(settings: Settings, tokens: Iterable[str]) -> dict[str, int]:
    chat = create_app(settings)
    async with chat.lifespan():
        return await demo.seed(chat, tokens)


def serve(settings: Settings, port: int, root: Path, stack: ExitStack) -> Server:
    own = {
        "database_url": settings.database.url,
        "broadcast_url": settings.broadcast.url,
        "attachments_url": settings.attachments.url,
        "auth_secret": settings.auth.secret,
    }
    server = Server(subfolder(root, f"port-{port}"), port, **own)
    stack.callback(server.end)
    server.start()
    stack.callback(server.stop)
    return server


def subfolder(root: Path, name: str) -> Path:
    folder = root / name
    folder.mkdir()
    return folder


def free_ports(first: int, many: int) -> list[int]:
    return list(islice(filter(is_free, count(first)), many))


def is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
