"""The page where the chat is mounted in a larger site, under a prefix."""

from collections.abc import Iterator

import pytest

from .conftest import Person, Room, Server

SITE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from roomcast.app import create_app
from roomcast.settings import load

chat = create_app(load())
hello = Route("/healthz", lambda request: PlainTextResponse("ok"))
site = Starlette(routes=[hello, Mount("/chat", app=chat)], lifespan=chat.lifespan)
uvicorn.run(site, host="127.0.0.1", port=int(sys.argv[sys.argv.index("--port") + 1]))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("site"), SITE)
    running.url += "chat/"
    yield running
    running.stop()


def test_two_people_talk_under_a_prefix(ada: Person, bob: Person, room: Room) -> None:
    ada.opens(room)
    bob.opens(room)
    ada.says("Hello from /chat/")
    bob.sees("Hello from /chat/")
    assert all(url.startswith(room.server.url) for url in ada.requests)
