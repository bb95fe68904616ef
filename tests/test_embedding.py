"""docs/embedding.md works as written: mounted, in the host's own code, in somebody's tests."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_ws import WebSocketDisconnect, aconnect_ws
from httpx_ws.transport import ASGIWebSocketTransport
from starlette.applications import Starlette
from starlette.routing import Mount
from websockets.sync.client import connect

from .pages import ROOT, block, blocks
from .running import in_steps
from .server import free_port

PAGE = "docs/embedding.md"
COOKIES = {2: "session=a-long-random-word", 7: "session=another-one"}

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the site runs, with a settings.toml of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.toml").write_text("# all at their defaults\n")
    return tmp_path


@pytest.fixture
async def site() -> dict[str, Any]:
    """The page's Starlette site, as names."""
    names: dict[str, Any] = {"__name__": "site"}
    await in_steps(block(PAGE, "python", "SESSIONS = "), names)
    return names


@asynccontextmanager
async def started(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The host's own lifespan, and a client that speaks HTTP and WebSocket to it."""
    transport = ASGIWebSocketTransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield client


def mounted(chat: Any) -> Starlette:
    return Starlette(routes=[Mount("/chat", app=chat)], lifespan=chat.lifespan)


async def talk(client: httpx.AsyncClient) -> None:
    """Bob, at his socket, hears what Ada sends over HTTP."""
    ada, bob = {"Cookie": COOKIES[2]}, {"Cookie": COOKIES[7]}
    api = "/chat/api/v1/chat"
    room = (await client.post(f"{api}/create/", json={"second_user": 7}, headers=ada)).json()["id"]
    url = f"http://test/chat/ws/chat/?room_id={room}"
    async with aconnect_ws(url, client, headers=bob) as socket:
        assert await socket.receive_json() == []
        said = {"message": "Hello"}
        await client.post(f"{api}/rooms/{room}/messages/", json=said, headers=ada)
        frame = await socket.receive_json()
    assert (frame["message"]["text"], frame["message"]["sender_id"]) == ("Hello", 2)


async def test_starlette_mounts_it(site: dict[str, Any]) -> None:
    async with started(site["app"]) as client:
        await talk(client)


async def test_a_lifespan_of_the_sites_own_starts_it(site: dict[str, Any]) -> None:
    await in_steps(block(PAGE, "python", "async def lifespan"), site)
    async with started(site["app"]) as client:
        await talk(client)


async def test_fastapi_mounts_it(site: dict[str, Any]) -> None:
    await in_steps(block(PAGE, "python", "FastAPI"), site)
    async with started(site["app"]) as client:
        await talk(client)


async def test_fastapi_with_a_root_path_of_its_own_mounts_it(site: dict[str, Any]) -> None:
    source = block(PAGE, "python", "FastAPI").replace("FastAPI(", 'FastAPI(root_path="/site", ')
    with pytest.warns(match="`root_path` parameter is deprecated"):
        await in_steps(source, site)
    async with started(site["app"]) as client:
        await talk(client)
        url = "/chat/api/v1/chat/receive/?page=1&page_size=1"
        await site["chat"].open_room([2, 7], context="another")
        page = (await client.get(url, headers={"Cookie": COOKIES[2]})).json()
    assert page["next"].startswith("http://test/site/chat/api/v1/chat/receive/?")


async def test_the_host_is_asked_for_texts(site: dict[str, Any]) -> None:
    await in_steps(block(PAGE, "python", "async def before_send"), site)
    async with started(mounted(site["chat"])) as client:
        room = (await site["chat"].open_room([2, 7])).id
        url, ada = f"/chat/api/v1/chat/rooms/{room}/messages/", {"Cookie": COOKIES[2]}
        masked = await client.post(url, json={"message": "+380 44 123 45 67"}, headers=ada)
        refused = await client.post(url, json={"message": "You fool"}, headers=ada)
    assert masked.json()["text"] == "[number]"
    assert (refused.status_code, refused.json()["detail"]) == (403, "Please be kind.")


async def test_the_host_is_asked_for_names(site: dict[str, Any]) -> None:
    await in_steps(block(PAGE, "python", "async def describe_users"), site)
    async with started(mounted(site["chat"])) as client:
        await site["chat"].open_room([2, 7])
        mine = await client.get("/chat/api/v1/chat/receive/", headers={"Cookie": COOKIES[2]})
    (room,) = mine.json()["results"]
    told = [(member["name"], member["picture"]) for member in room["members"]]
    assert told == [("Ada", "https://shop.example/ada.png"), ("Bob", None)]


async def test_links_start_with_the_address_that_was_set(folder: Path) -> None:
    there = "https://shop.example/site/chat"
    source = block(PAGE, "python", "SESSIONS = ")
    (folder / "settings.toml").write_text(f'[server]\npublic_url = "{there}"\n')
    names: dict[str, Any] = {"__name__": "site"}
    await in_steps(source, names)
    async with started(names["app"]) as client:
        for subject in ("one", "two"):
            await names["chat"].open_room([2, 7], context=subject)
        url = "/chat/api/v1/chat/receive/?page_size=1"
        page = (await client.get(url, headers={"Cookie": COOKIES[2]})).json()
    assert page["next"].startswith(f"{there}/api/v1/chat/receive/?page_size=1&cursor=")


SHOWN = [ROOT / PAGE, *(ROOT / "docs").glob("add-chat-to-*.md")]
EXCERPTS = [
    (name, text) for page in SHOWN for name, text in blocks(page.read_text(), "python") if name
]


@pytest.mark.parametrize(("name", "excerpt"), EXCERPTS)
def test_what_the_page_shows_of_a_site_stands_in_it(name: str, excerpt: str) -> None:
    lines = iter((ROOT / "docs/embedding" / name).read_text().splitlines())
    assert [line for line in excerpt.splitlines() if line and line not in lines] == []


def test_the_page_shows_something_of_the_sites() -> None:
    assert len(EXCERPTS) > 7


@pytest.mark.parametrize("framework", ["starlette", "fastapi", "litestar"])
async def test_the_first_lines_of_a_page_are_a_site(framework: str) -> None:
    """They run as they are, without the rest of the page."""
    page = (ROOT / f"docs/add-chat-to-{framework}.md").read_text()
    (_, first), *_ = blocks(page, "python")
    names: dict[str, Any] = {"__name__": "site"}
    await in_steps(first, names)
    transport = httpx.ASGITransport(names["app"])
    async with (
        names["chat"].lifespan(),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        for path, status in (("ui/roomcast.js", 200), ("api/v1/chat/me/", 401)):
            assert (await client.get(f"/chat/{path}")).status_code == status


async def test_nobody_is_refused(site: dict[str, Any]) -> None:
    async with started(site["app"]) as client:
        known = await client.get("/chat/api/v1/chat/receive/", headers={"Cookie": COOKIES[2]})
        assert known.status_code == 200
        assert (await client.get("/chat/api/v1/chat/receive/")).status_code == 401


async def test_who_is_logged_out_is_cut_off(site: dict[str, Any]) -> None:
    async with started(site["app"]) as client:
        room = (await site["chat"].open_room([2, 7])).id
        url, ada = f"http://test/chat/ws/chat/?room_id={room}", {"Cookie": COOKIES[2]}
        async with aconnect_ws(url, client, headers=dict(ada)) as socket:
            assert await socket.receive_json() == []
            await in_steps(block(PAGE, "python", "chat.disconnect"), site)
            with pytest.raises(WebSocketDisconnect) as end:
                await socket.receive()
        assert end.value.code == 4005
        assert (await client.get("/chat/api/v1/chat/receive/", headers=ada)).status_code == 401


async def test_a_cookie_counts_from_the_sites_own_pages_alone(site: dict[str, Any]) -> None:
    async with started(site["app"]) as client:
        for origin, status in (("http://test", 200), ("https://evil.example", 403)):
            headers = {"Cookie": COOKIES[2], "Origin": origin}
            answer = await client.get("/chat/api/v1/chat/receive/", headers=headers)
            assert answer.status_code == status
        assert "'https://evil.example'" in answer.json()["detail"]
        assert "'test'" in answer.json()["detail"]  # the host that the request came to


async def test_a_chat_that_was_not_started_says_so(site: dict[str, Any]) -> None:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(site["app"]), base_url="http://test")
    async with client:
        answer = await client.get("/chat/api/v1/chat/receive/", headers={"Cookie": COOKIES[2]})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "lifespan=chat.lifespan" in answer.json()["detail"]


async def test_the_host_talks_too(site: dict[str, Any]) -> None:
    source = block(PAGE, "python", "shipped:981")
    async with started(site["app"]) as client:
        await in_steps(source.partition("await chat.unread")[0], site)
        mine = await client.get("/chat/api/v1/chat/receive/", headers={"Cookie": COOKIES[7]})
        (room,) = mine.json()["results"]
        assert room["last_message"]["content"] == "Your order has shipped"
        url = f"/chat/api/v1/chat/rooms/{room['room_id']}/messages/"
        (message,) = (await client.get(url, headers={"Cookie": COOKIES[7]})).json()["messages"]
        assert message["reactions"] == [{"emoji": "👍", "count": 1, "user_ids": [7]}]
        await in_steps(source, site)
        assert site["room"].id == room["room_id"]
        mine = await client.get("/chat/api/v1/chat/receive/", headers={"Cookie": COOKIES[7]})
        assert mine.json()["results"] == []


def test_uvicorn_serves_it_with_our_websocket_class(folder: Path) -> None:
    (folder / "shop.py").write_text(block(PAGE, "python", "SESSIONS = "))
    port = free_port()
    command = block(PAGE, "sh", "uvicorn --ws").split()
    server = subprocess.Popen(
        [str(Path(sys.executable).with_name(command[0])), *command[1:], "--port", str(port)],
        env={k: v for k, v in os.environ.items() if not k.startswith("ROOMCAST_")},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        assert any("Uvicorn running" in line for line in server.stderr)
        site, ada = f"127.0.0.1:{port}/chat", {"Cookie": COOKIES[2]}
        with httpx.Client(headers=ada, trust_env=False) as client:
            body = {"second_user": 7}
            room = client.post(f"http://{site}/api/v1/chat/create/", json=body).json()["id"]
        url = f"ws://{site}/ws/chat/?room_id={room}"
        with connect(url, additional_headers=ada, proxy=None) as socket:
            assert socket.recv(10) == "[]"
            socket.send('{"action":"ping"}')
            assert socket.recv(10) == '{"type":"pong"}'
    finally:
        server.kill()
        server.communicate()
