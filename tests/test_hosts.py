"""What a host does that it should not: several workers, another event loop, a proxy of its own."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_ws import WebSocketDisconnect, aconnect_ws
from httpx_ws.transport import ASGIWebSocketTransport
from roomcast.app import App, create_app
from roomcast.chat import start
from roomcast.store.store import DatabaseInUse
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from .client import token
from .protocol.files import file
from .server import SECRET


def chat_in(folder: Path) -> App:
    return create_app(
        {
            "database": {"url": f"sqlite:///{folder}/chat.db", "synchronous": "NORMAL"},
            "attachments": {"url": f"file:{folder}/files"},
            "auth": {"secret": SECRET},
        }
    )


def site_of(chat: App) -> Starlette:
    home = Route("/", lambda request: PlainTextResponse("the site"))
    return Starlette(routes=[home, Mount("/chat", app=chat)], lifespan=chat.lifespan)


async def reaches(client: httpx.AsyncClient, status: int) -> httpx.Response:
    """Asks until the answer is this."""
    async with asyncio.timeout(10):
        while (answer := await client.get("/chat/healthz")).status_code != status:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return answer


async def test_a_second_worker_goes_on_without_a_chat_and_has_it_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "RETRY_INTERVAL", 0.01)
    first, second = chat_in(tmp_path), chat_in(tmp_path)
    site = site_of(second)
    transport = ASGIWebSocketTransport(site)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        async with first.started(), site.router.lifespan_context(site):
            assert (await client.get("/")).text == "the site"
            for _ in range(3):
                answer = await client.get("/chat/healthz")
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            async with aconnect_ws("http://test/chat/ws/chat/?room_id=1", client) as socket:
                with pytest.raises(WebSocketDisconnect) as closed:
                    await socket.receive()
            assert closed.value.code == 1013
        (line,) = [r for r in caplog.records if "database.url" in r.getMessage()]
        assert line.levelno == logging.ERROR
        async with first.started():
            starting = site.router.lifespan_context(site)
            await starting.__aenter__()
            await reaches(client, 503)
        await reaches(client, 200)  # the first worker has ended
        with pytest.raises(DatabaseInUse):
            async with first.started():
                pass
        await starting.__aexit__(None, None, None)


def test_trio_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """Another event loop's coroutine runs without asyncio's."""
    starting = chat_in(tmp_path).started().__aenter__()
    with pytest.raises(RuntimeError, match="asyncio"):
        starting.send(None)


async def test_calls_from_another_event_loop_are_refused(tmp_path: Path) -> None:
    chat = chat_in(tmp_path)
    async with chat.started():
        with pytest.raises(RuntimeError, match="run_coroutine_threadsafe"):
            await asyncio.to_thread(asyncio.run, chat.open_room([1, 2]))
        assert (await chat.open_room([1, 2])).id == 1


@pytest.mark.parametrize("path", ["/ws/chat/", "/ws/chat", "/ws/chat/notifications/"])
async def test_a_socket_without_an_upgrade_is_told_what_to_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    chat = chat_in(tmp_path)
    transport = httpx.ASGITransport(chat)
    async with chat.started(), httpx.AsyncClient(transport=transport) as client:
        for _ in range(2):
            answer = await client.get(f"http://test{path}?room_id=1")
            assert answer.status_code == 426
            assert answer.headers["upgrade"] == "websocket"
            assert "proxy_set_header Upgrade" in answer.json()["detail"]
    assert len([r for r in caplog.records if "status=426" in r.getMessage()]) == 1


# ---------------------------------------------------------------- scopes as servers make them

MINIMAL = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET"}


async def answered(app: Any, scope: dict[str, Any]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    bodies = iter([{"type": "http.request"}])

    async def receive() -> dict[str, Any]:
        for body in bodies:
            return body
        return await asyncio.get_running_loop().create_future()  # it never goes away

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/", "/api/v1/chat/receive", "/nothing", "/ws/chat"]
)
async def test_optional_keys_of_a_scope_are_optional(tmp_path: Path, path: str) -> None:
    chat = chat_in(tmp_path)
    async with chat.started():
        scope = MINIMAL | {"path": path, "query_string": b"", "headers": []}
        first, *_ = await answered(chat, scope)
        assert first["status"] < 500
        assert (await answered(chat, scope | {"client": None, "server": None}))[0] == first


class LateServer:
    """A server that offers everything that ASGI knows, and opens paths when the app has ended."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.paths: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def late(message: Any) -> None:
            if message["type"] == "http.response.pathsend":
                self.paths.append(message["path"])
            else:
                await send(message)

        offered = {"http.response.pathsend": {}, "http.response.early_hint": {}}
        await self.app({**scope, "extensions": offered}, receive, late)
        for path in self.paths:
            body = await asyncio.to_thread(Path(path).read_bytes)
            await send({"type": "http.response.body", "body": body})


async def test_a_server_that_offers_all_extensions_sends_the_right_file(tmp_path: Path) -> None:
    chat = chat_in(tmp_path)
    late = LateServer(chat)
    transport = httpx.ASGITransport(late)
    async with chat.started(), httpx.AsyncClient(transport=transport) as client:
        client.headers["Authorization"] = f"Bearer {token(1)}"
        room = (await chat.open_room([1, 2])).id
        url = f"http://test/api/v1/chat/rooms/{room}/messages/"
        body = {"message": "look", "file": file("a.txt", "text/plain", b"the right bytes")}
        sent = (await client.post(url, json=body)).json()
        answer = await client.get(sent["attachments"][0]["file_url"])
        assert (answer.status_code, answer.content) == (200, b"the right bytes")
        assert not [path for path in late.paths if path.startswith("/dev/fd")]
        assert (await client.get("http://test/")).status_code == 200
