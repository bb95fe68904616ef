"""Users named in a path: percent-encoded, `/` included, wherever the chat is mounted."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from roomcast.app import App, create_app
from roomcast.protocol.errors import InvalidFrame
from roomcast.routes.requests import Reply, user_id_of
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

ODD = [
    "2",
    "017",
    "a/b",
    "a/b/c",
    "/",
    "//",
    "/a",
    "a/",
    "a//",
    "a%2Fb",
    "%",
    "a b+c",
    "a?b=c#d",
    "a;b=c",
    "ада",
    "👩‍🚀",
    "https://site.example/users/7",
    "auth0|5f7c8ec7c33c6c004bbafe82",
    "x" * 255,
]
PLACES = ["", "/chat", "/ch%C3%A4t/x"]


async def told(request: Request) -> Response:
    return Reply(user_id_of(request))


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    """A chat with a route that says whom its path names."""
    chat = create_app(
        {
            "database": {"url": f"sqlite:///{tmp_path}/chat.db"},
            "attachments": {"url": f"file:{tmp_path}/attachments"},
            "auth": {"secret": "a secret that only these tests know, long enough"},
        }
    )
    chat.router.routes.append(Route("/who/{user_id:path}", told))
    async with chat.lifespan():
        yield chat


def client_of(app: App, place: str) -> httpx.AsyncClient:
    """Somebody who reaches the chat under this prefix."""
    mounts = {"/chat": "/chat", "/ch%C3%A4t/x": "/chät/x"}
    site = Starlette(routes=[Mount(mounts[place], app)]) if place else app
    return httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url=f"http://t{place}")


async def named(client: httpx.AsyncClient, path: str) -> str | int:
    """Whom the path names; the status where it names nobody."""
    answer = await client.get(f"/who/{path}")
    who: str = answer.json() if answer.status_code == 200 else ""
    return who or answer.status_code


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("place", PLACES)
async def test_a_user_is_named_whatever_stands_in_the_id(app: App, place: str, slash: str) -> None:
    async with client_of(app, place) as client:
        assert [await named(client, quote(user, safe="") + slash) for user in ODD] == ODD


@pytest.mark.parametrize("place", PLACES)
async def test_a_slash_that_is_not_encoded_parts_the_path(app: App, place: str) -> None:
    paths = ["a/b", "a/b/", "a%2Fb/c", "/a", "a//b", "..%2F../x"]
    async with client_of(app, place) as client:
        assert await named(client, "a%2Fb") == "a/b"
        assert {await named(client, path) for path in paths} == {404}


async def test_what_is_no_user_id_is_refused(app: App) -> None:
    async with client_of(app, "") as client:
        for path in ("x" * 256, "a%00b", "%FF", "%ED%A0%80"):
            answer = await client.get(f"/who/{path}")
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_frame")


async def test_nobody_is_named_by_nothing(app: App) -> None:
    async with client_of(app, "/chat") as client:
        answers = [await client.get(path) for path in ("/who", "/who/", "/who//")]
        assert {answer.status_code for answer in answers} == {404}


def asked(**scope: object) -> Request:
    return Request({"type": "http", "headers": [], "path_params": {"user_id": "a/b"}} | scope)


def test_a_server_that_keeps_no_raw_path_has_the_decoded_one() -> None:
    assert user_id_of(asked()) == user_id_of(asked(raw_path=None)) == "a/b"


def test_a_decoded_id_is_looked_at_too() -> None:
    with pytest.raises(InvalidFrame, match="user_id"):
        user_id_of(asked(path_params={"user_id": "a\0"}))
