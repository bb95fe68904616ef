"""Every limit of docs/limits.md is passed once: what becomes of it, and its metric, are as said."""

import asyncio
import base64
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from .client import token
from .made_files import png
from .server import Server
from .test_direct import Site, served
from .test_limits_page import ROWS

FAMILY = "👨‍👩‍👧‍👦"  # seven code points
SETTINGS: dict[str, object] = {
    "server_max_connections_per_user": 3,
    "attachments_max_size": 300,
    "attachments_max_files": 2,
    "attachments_max_pixels": 1,
    "limits_max_text_length": 10,
    "limits_max_title_length": 5,
    "limits_max_data_size": 20,
    "limits_max_client_id_length": 3,
    "limits_max_frame_size": 5_000,
    "limits_max_members": 3,
    "limits_rooms_per_day": 4,
    "limits_max_blocks": 2,
    "limits_history_page_size": 2,
    "limits_max_history_page_size": 3,
    "limits_max_emoji_length": 4,
    "limits_max_reactions_per_message": 2,
    "limits_max_resume_changes": 4,
    "limits_max_resume_size": 25,
    "limits_room_page_size": 2,
    "limits_max_room_page_size": 3,
    "limits_search_page_size": 2,
    "limits_max_pending_writes": 2,
    "rate_limit_rate": 0,
}


class User:
    """A user of the server; each test has its own, so that quotas are too."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self.http = httpx.AsyncClient(
            base_url=f"{server.url}/api/v1/chat/",
            headers={"Authorization": f"Bearer {token(name)}"}, trust_env=False, timeout=30,
        )  # fmt: skip

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.http.post(path, json=body)

    async def room(self, **fields: Any) -> int:
        answer = await self.post("create/", members=[self.name, "other"], **fields)
        return int(answer.json()["id"])

    async def send(self, room: int, text: str = "hi", **fields: Any) -> httpx.Response:
        return await self.post(f"rooms/{room}/messages/", message=text, **fields)

    def socket(self, room: int, query: str = "") -> connect:
        url = f"{self.server.sockets_url}/ws/chat/?room_id={room}{query}"
        protocols = [Subprotocol("Bearer"), Subprotocol(token(self.name))]
        return connect(url, subprotocols=protocols, proxy=None)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = Server(tmp_path_factory.mktemp("limits"), **SETTINGS).start()
    yield made
    made.stop()


@pytest.fixture
async def user(server: Server, request: pytest.FixtureRequest) -> AsyncIterator[User]:
    made = User(server, request.node.name)
    yield made
    await made.http.aclose()


BY_NAME = {row[0].strip("`"): row for row in ROWS}
OF_RATES = [name for name in BY_NAME if name.startswith("rate_limit.")]

Passed = Callable[[User], Awaitable[Any]]
PASSED: dict[str, Passed] = {}


def passes(name: str) -> Callable[[Passed], Passed]:
    """The function passes this limit, and returns what the page says of it."""

    def register(function: Passed) -> Passed:
        PASSED[name] = function
        return function

    return register


def code(answer: httpx.Response) -> str:
    return str(answer.json()["code"])


async def closed(socket: ClientConnection) -> str:
    async with asyncio.timeout(20):
        await socket.wait_closed()
    return str(socket.close_code)


def a_file(size: int) -> dict[str, Any]:
    data = base64.b64encode(b"x" * size).decode()
    return {"name": "a.txt", "size": size, "type": "text/plain", "data": data}


@passes("server.max_connections_per_user")
async def too_many_sockets(user: User) -> str:
    room = await user.room()
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await (await stack.enter_async_context(user.socket(room))).recv()
        return await closed(await stack.enter_async_context(user.socket(room)))


@passes("attachments.max_size")
async def a_large_file(user: User) -> str:
    room = await user.room()
    assert (await user.send(room, file=a_file(300))).status_code == 201
    return code(await user.send(room, file=a_file(301)))


@passes("attachments.max_files")
async def many_files(user: User) -> str:
    room = await user.room()
    assert (await user.send(room, files=[a_file(1)] * 2)).status_code == 201
    return code(await user.send(room, files=[a_file(1)] * 3))


@passes("attachments.max_pixels")
async def many_pixels(user: User) -> str:
    data = png()
    picture = {"name": "a.png", "size": len(data), "type": "image/png"}
    picture["data"] = base64.b64encode(data).decode()
    return code(await user.send(await user.room(), files=[picture] * 2))


@passes("limits.max_text_length")
async def a_long_text(user: User) -> str:
    room = await user.room()
    assert (await user.send(room, "x" * 10)).status_code == 201
    return code(await user.send(room, "x" * 11))


@passes("limits.max_title_length")
async def a_long_title(user: User) -> str:
    return code(await user.post("create/", members=[user.name, "other"], context="x" * 6))


@passes("limits.max_data_size")
async def large_data(user: User) -> str:
    room = await user.room()
    assert (await user.send(room, data={"a": "x"})).status_code == 201
    return code(await user.send(room, data={"a": "x" * 20}))


@passes("limits.max_client_id_length")
async def a_long_client_id(user: User) -> str:
    return code(await user.send(await user.room(), client_id="abcd"))


@passes("limits.max_frame_size")
async def a_large_frame(user: User) -> str:
    room = await user.room()
    assert code(await user.send(room, "x" * 6_000)) == "file_too_large"
    async with user.socket(room) as socket:
        await socket.send("x" * 5_001)
        return await closed(socket)


@passes("limits.max_members")
async def many_members(user: User) -> str:
    return code(await user.post("create/", members=[user.name, "2", "3", "4"]))


@passes("limits.rooms_per_day")
async def many_rooms(user: User) -> str:
    for n in range(4):
        await user.room(context=f"c{n}")
    refused = await user.post("create/", members=[user.name, "other"], context="c9")
    to_midnight = 86_400 - time.time() % 86_400
    assert abs(int(refused.headers["retry-after"]) - to_midnight) < 60
    return code(refused)


@passes("limits.max_blocks")
async def many_blocks(user: User) -> str:
    for n in range(2):
        assert (await user.post(f"blocks/{n}/")).status_code == 204
    return code(await user.post("blocks/9/"))


async def pages(user: User, path: str, key: str) -> list[int]:
    """How many entries a page has: by default, and where a hundred are asked for."""
    size = "limit" if key == "messages" else "page_size"
    answers = [await user.http.get(path), await user.http.get(path, params={size: 100})]
    return [len(answer.json()[key]) for answer in answers]


@passes("limits.history_page_size")
@passes("limits.max_history_page_size")
async def long_history(user: User) -> str:
    room = await user.room()
    for n in range(4):
        await user.send(room, f"{n}")
    assert await pages(user, f"rooms/{room}/messages/", "messages") == [2, 3]
    async with user.socket(room) as socket:
        assert str(await socket.recv()).count('"text"') == 2
    return "pages"


@passes("limits.room_page_size")
@passes("limits.max_room_page_size")
async def long_list(user: User) -> str:
    for n in range(4):
        await user.room(context=f"c{n}")
    assert await pages(user, "receive/", "results") == [2, 3]
    return "pages"


@passes("limits.search_page_size")
async def many_found(user: User) -> str:
    room = await user.room()
    for n in range(3):
        await user.send(room, f"needle {n}")
    async with asyncio.timeout(20):
        while True:  # a message is found a moment after it was sent
            found = (await user.http.get("search/", params={"q": "needle"})).json()
            if found["next"]:
                break
    assert len(found["results"]) == 2
    return "pages"


@passes("limits.max_emoji_length")
async def a_long_emoji(user: User) -> str:
    room = await user.room()
    message = (await user.send(room)).json()["message_id"]
    return code(await user.http.put(f"rooms/{room}/messages/{message}/reactions/{FAMILY}/"))


@passes("limits.max_reactions_per_message")
async def many_reactions(user: User) -> str:
    room = await user.room()
    message = (await user.send(room)).json()["message_id"]
    path = f"rooms/{room}/messages/{message}/reactions/"
    answers = [await user.http.put(f"{path}{emoji}/") for emoji in "👍🎉🙈"]
    assert [answer.status_code for answer in answers] == [200, 200, 400]
    return code(answers[-1])


async def is_reset(user: User, *texts: str) -> bool:
    room = await user.room(context=f"c{len(texts)}")
    for text in texts:
        await user.send(room, text)
    async with user.socket(room, "&after=0") as socket:
        return '"reset":true' in str(await socket.recv())


@passes("limits.max_resume_changes")
async def many_changes(user: User) -> str:
    assert not await is_reset(user, *"1234")
    return "reset" if await is_reset(user, *"12345") else ""


@passes("limits.max_resume_size")
async def large_changes(user: User) -> str:
    assert not await is_reset(user, "x" * 10, "y" * 10)
    return "reset" if await is_reset(user, "x" * 10, "y" * 10, "z" * 10) else ""


@passes("limits.max_pending_writes")
async def many_writes(user: User) -> str:
    room = await user.room()
    holder = sqlite3.connect(user.server.database, isolation_level=None)
    try:
        async with user.socket(room) as one, user.socket(room) as two:
            for socket in (one, two):
                await socket.recv()
            holder.execute("BEGIN IMMEDIATE")
            waiting = 0.0
            async with asyncio.timeout(2.5):  # so long a commit waits for the lock
                while not waiting:
                    for socket in (one, two):
                        await socket.send('{"action":"send","message":"hi"}')
                    waiting = (await metrics(user)).get("roomcast_waiting_changes", 0)
            assert waiting <= 4
            holder.execute("ROLLBACK")
    finally:
        holder.close()
    return "its next frames wait"


async def metrics(user: User) -> dict[str, float]:
    return numbers_of((await user.http.get(f"{user.server.url}/metrics")).text)


def numbers_of(text: str) -> dict[str, float]:
    """The samples of a page of metrics."""
    return {
        name: float(value) for name, value in re.findall(r"^(\w[^ ]*) (\S+)$", text, re.MULTILINE)
    }


# ---------------------------------------------------------------- limits with a server of their own

PROXY_FREE = {"server": {"max_connections_per_address": 2, "trusted_proxies": []}}
OF_SERVERS: dict[str, Mapping[str, Mapping[str, object]]] = {
    "server.max_connections": {"server": {"max_connections": 2}},
    "server.max_connections_per_address": PROXY_FREE,
    "limits.max_bytes_in_flight": {
        "limits": {"max_bytes_in_flight": 600_000, "max_frame_size": 1_000_000},
        "attachments": {"max_size": 100_000},
    },
    "limits.send_queue_size": {"limits": {"send_queue_size": 65_536, "slow_consumer_timeout": 600}},
    "limits.slow_consumer_timeout": {"limits": {"slow_consumer_timeout": 0.1}},
}
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


async def one_too_many(site: Site) -> None:
    """A third connection beside two sockets."""
    async with site.visit() as one, site.visit() as two:
        assert await one.recv() == await two.recv() == "[]"
        assert (await site.asks(GET)).startswith(b"HTTP/1.1 503 ")


async def much_at_once(site: Site) -> None:
    """Two frames that have come in for the most part."""
    async with site.visit() as one, site.visit() as two:
        for socket in (one, two):
            await socket.recv()
            socket.transport.write(b"\x81\xff" + (900_000).to_bytes(8, "big") + b"mask")
            socket.transport.write(b"x" * 400_000)
        done = [asyncio.create_task(closed(socket)) for socket in (one, two)]
        (first, *_), rest = await asyncio.wait(done, return_when=asyncio.FIRST_COMPLETED)
        assert first.result() == "1013"
        for task in rest:
            task.cancel()


async def reading_nothing(site: Site) -> None:
    """A socket that takes nothing of what is written in its room."""
    async with site.visit() as reader:
        await reader.recv()
        reader.transport.pause_reading()
        for held in site.connections:
            held.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_SNDBUF, 4_096)
        async with asyncio.timeout(20):
            while 'code="4008"' not in site.chat.state.numbers.text().decode():
                await site.chat.post(site.room, "x" * 4_000, sender=2)
        reader.transport.abort()


PASSED_ON = {
    "server.max_connections": one_too_many,
    "server.max_connections_per_address": one_too_many,
    "limits.max_bytes_in_flight": much_at_once,
    "limits.send_queue_size": reading_nothing,
    "limits.slow_consumer_timeout": reading_nothing,
}


@pytest.mark.parametrize("name", OF_SERVERS)
async def test_a_limit_that_is_passed_on_a_server_of_its_own(name: str, tmp_path: Path) -> None:
    sections = dict(OF_SERVERS[name])
    server = sections.pop("server", {})
    metric = BY_NAME[name][-1].strip("`")
    async with served(tmp_path, sections, **server) as site:
        assert metric not in numbers_of(site.chat.state.numbers.text().decode())
        await PASSED_ON[name](site)
        await site.empty()
        assert numbers_of(site.chat.state.numbers.text().decode())[metric] >= 1


def test_every_limit_is_passed_somewhere() -> None:
    assert {*PASSED, *OF_SERVERS, *OF_RATES} == set(BY_NAME)


@pytest.mark.parametrize("name", PASSED)
async def test_a_limit_that_is_passed(name: str, user: User) -> None:
    *_, what_is_above, counted_by = BY_NAME[name]
    before = await metrics(user)
    found = await PASSED[name](user)
    assert found == "pages" or found in [*re.split(r"[`;: ]+", what_is_above), what_is_above]
    metric = counted_by.strip("`")
    if found != "its next frames wait":  # which looks while they wait
        assert (await metrics(user))[metric] > before.get(metric, 0), metric


async def test_the_rate_its_burst_and_its_grace(tmp_path: Path) -> None:
    rates = {"rate_limit_rate": 5, "rate_limit_burst": 8, "rate_limit_grace": 0.2}
    server = Server(tmp_path, **rates).start()
    user = User(server, "ada")
    try:
        async with user.socket(await user.room()) as socket:
            answers: list[str] = []
            with suppress(ConnectionClosed):
                while True:  # each is answered, as a history or as an error
                    await socket.send('{"action":"history","limit":1}')
                    answers.append(str(await socket.recv()))
        assert socket.close_code == 4029
        assert len(answers) > 8
        seen = await metrics(user)
        assert {BY_NAME[name][-1].strip("`") for name in OF_RATES} <= set(seen)
        assert seen['roomcast_closed_sockets_total{code="4029"}'] == 1
        assert seen['roomcast_refusals_total{code="rate_limited"}'] >= 1
    finally:
        await user.http.aclose()
        server.stop()
