"""What is wrong with a request before the app sees it: answered, logged, and soon over."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from roomcast.routes import bodies
from roomcast.server import http_protocol, linger
from websockets.exceptions import ConnectionClosed

from .client import token
from .test_direct import GET, POST, Site, served

SHAKE = (
    b"GET /ws/chat/?room_id=1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
)


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with served(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT", 0.05)


REFUSED: dict[str, tuple[int, bytes]] = {
    "a header over 64 KiB": (431, GET + b"X: " + b"y" * 65_536 + b"\r\n\r\n"),
    "a head over 64 KiB without an end": (431, GET + b"X: " + b"y" * 70_000),
    "over 100 headers": (431, GET + b"X: y\r\n" * 100 + b"\r\n"),
    "an address over 64 KiB": (431, b"GET /" + b"y" * 70_000),
    "blank lines without an end": (431, b"\r\n" * 40_000),
    "no HTTP": (400, b"hello\r\n\r\n"),
    "no Host": (400, b"GET /healthz HTTP/1.1\r\n\r\n"),
    "two Hosts": (400, GET + b"Host: y\r\n\r\n"),
    "two lengths": (400, GET + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
    "an address that is none": (400, b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a handshake over 64 KiB": (431, SHAKE + b"X: " + b"y" * 65_536 + b"\r\n\r\n"),
    "a handshake with over 100 headers": (431, SHAKE + b"X: y\r\n" * 100 + b"\r\n"),
    "a handshake by HTTP/1.0": (426, SHAKE.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n"),
    "a handshake without Host": (400, SHAKE.replace(b"Host: x\r\n", b"") + b"\r\n"),
    "a handshake with a body": (400, SHAKE + b"Content-Length: 1\r\n\r\nx"),
    "a handshake without a key": (400, SHAKE.replace(b"Sec-WebSocket-Key", b"X") + b"\r\n"),
    "a handshake of another version": (400, SHAKE.replace(b" 13", b" 8") + b"\r\n"),
    "a handshake by POST": (405, SHAKE.replace(b"GET", b"POST") + b"\r\n"),
}


@pytest.mark.parametrize(("status", "data"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_wrong_is_answered_and_logged(
    site: Site, caplog: pytest.LogCaptureFixture, status: int, data: bytes
) -> None:
    with caplog.at_level(logging.WARNING, "roomcast.wire"):
        answer = await site.asks(data)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer
    (line,) = [r.getMessage() for r in caplog.records if r.name == "roomcast.wire"]
    assert f"status={status} client=127.0.0.1 reason=" in line
    if b"application/json" in head:
        assert json.loads(body).keys() == {"detail", "code"}


@pytest.mark.parametrize("size", [8_000, 16_384, 60_000])
async def test_long_headers_are_taken_in_handshakes_too(site: Site, size: int) -> None:
    for head in (GET + b"Connection: close\r\n", SHAKE):
        name = b"Authorization: Bearer "
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(head + name + b"y" * size + b"\r\n\r\n")
        assert (await reader.readline()).split()[1] in (b"200", b"101")
        writer.close()


async def test_a_token_of_16384_characters_opens_a_socket(site: Site) -> None:
    claim = "x" * 12_050
    long = token(1, filler=claim)
    assert 16_000 < len(long) <= 16_384
    site.token = long
    async with site.visit() as socket:
        assert await socket.recv() == "[]"


@pytest.mark.usefixtures("hasty")
async def test_a_head_that_does_not_come_in_is_answered_408(site: Site) -> None:
    assert (await site.asks(GET)).startswith(b"HTTP/1.1 408 ")
    assert await site.asks(b"") == b""  # a connection that a browser opened ahead
    later = GET + b"\r\n" + GET
    answers = await site.asks(later)
    assert answers.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answers


async def test_requests_that_are_sent_ahead_are_answered_one_by_one(site: Site) -> None:
    last = GET.replace(b"healthz", b"nothing") + b"Connection: close\r\n\r\n"
    answers = await site.asks((GET + b"\r\n") * 30 + last)
    assert answers.count(b"HTTP/1.1 200 ") == 30
    assert answers.count(b"HTTP/1.1 404 ") == 1


async def test_who_sends_many_requests_ahead_waits_between_them(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "PIPELINE_PAUSE", 3600.0)
    reader, writer = await begins(site, (GET + b"\r\n") * 30)
    for _ in range(http_protocol.MAX_SENT_AHEAD):
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b"}")
    last = GET + b"Connection: close\r\n\r\n"
    assert (await site.asks(last)).startswith(b"HTTP/1.1 200 ")  # others are answered meanwhile
    writer.close()
    assert await reader.read() == b""


async def test_an_answer_is_read_although_the_body_is_still_coming(site: Site) -> None:
    body = b"x" * (17 << 20)
    head = POST.replace(b"Content-Length: 9", b"Content-Length: %d" % len(body))
    head = head.replace(b"\r\n\r\n", f"\r\nAuthorization: Bearer {token(1)}\r\n\r\n".encode())
    answer = await site.asks(head + body)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer


async def test_a_small_body_that_nobody_wanted_costs_no_connection(site: Site) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    for _ in range(2):
        writer.write(POST)
        assert b" 401 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(b'{"a":"b"}')
    writer.close()


@pytest.mark.usefixtures("hasty")
async def test_a_body_that_does_not_end_after_its_answer_ends_the_connection(site: Site) -> None:
    assert (await site.asks(POST)).startswith(b"HTTP/1.1 401 ")


async def test_connections_are_limited(tmp_path: Path) -> None:
    async with served(tmp_path, max_connections=2) as site, AsyncExitStack() as stack:
        for _ in range(2):
            await (await stack.enter_async_context(site.visit())).recv()
        answer = await site.asks(GET + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: " in answer


async def test_connections_of_an_address_are_limited(tmp_path: Path) -> None:
    limits = {"max_connections_per_address": 2, "trusted_proxies": []}
    async with served(tmp_path, **limits) as site:
        for _ in range(3):  # who goes makes room
            async with site.visit() as one, site.visit() as two:
                assert await one.recv() == await two.recv() == "[]"
                assert (await site.asks(GET + b"\r\n")).startswith(b"HTTP/1.1 503 ")
            await site.empty()


async def test_behind_a_proxy_its_clients_are_counted_and_not_the_proxy(tmp_path: Path) -> None:
    async with served(tmp_path, max_connections_per_address=1) as site, AsyncExitStack() as stack:
        first, second, third = [site.visit() for _ in range(3)]
        for opening, address in ((first, "10.0.0.1"), (second, "10.0.0.2"), (third, "10.0.0.2")):
            opening.additional_headers = {"X-Forwarded-For": address}
        assert await (await stack.enter_async_context(first)).recv() == "[]"
        assert await (await stack.enter_async_context(second)).recv() == "[]"
        refused = await stack.enter_async_context(third)
        with pytest.raises(ConnectionClosed) as closed:
            await refused.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4029


async def test_sockets_of_a_user_are_limited(tmp_path: Path) -> None:
    async with served(tmp_path, max_connections_per_user=2) as site:
        for _ in range(3):
            async with site.visit() as one, site.visit() as two, site.visit() as three:
                assert await one.recv() == await two.recv() == "[]"
                with pytest.raises(ConnectionClosed) as closed:
                    await three.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4029
            await site.empty()


async def test_a_closed_connection_ends_whatever_its_peer_does(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linger, "LINGER_TIMEOUT", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(SHAKE + b"\r\n")  # without a token: 4001
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    async with asyncio.timeout(5):
        with pytest.raises(ConnectionError):
            await writes_for_ever(writer, b"\x89\x80mask" * 1000)
    writer.close()


async def writes_for_ever(writer: asyncio.StreamWriter, data: bytes) -> None:
    while True:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0)


# ---------------------------------------------------------------- bodies that come in slowly


async def begins(site: Site, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(data)
    await writer.drain()
    return reader, writer


def authorized(head: bytes) -> bytes:
    return head.replace(b"\r\n\r\n", f"\r\nAuthorization: Bearer {token(1)}\r\n\r\n".encode())


async def test_a_body_that_comes_in_too_slowly_is_answered_408(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "FIRST_BYTES_TIMEOUT", 0.05)
    answer = await site.asks(authorized(POST) + b"{")
    assert answer.startswith(b"HTTP/1.1 408 ")


async def upload_of(site: Site) -> str:
    wish = {"room_id": site.room, "name": "a.txt", "size": 5, "type": "text/plain"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{site.port}") as http:
        headers = {"Authorization": f"Bearer {token(1)}"}
        answer = await http.post("/api/v1/chat/attachments/", json=wish, headers=headers)
    url: str = answer.json()["presigned_url"]
    return httpx.URL(url).raw_path.decode()


async def test_an_upload_comes_in_once_at_a_time(site: Site) -> None:
    path = await upload_of(site)
    head = f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
    reader, writer = await begins(site, head.encode() + b"by")
    while not site.chat.state.bodies.keys:  # noqa: ASYNC110 # the server tells nobody
        await asyncio.sleep(0)
    assert (await site.asks(head.encode() + b"other")).startswith(b"HTTP/1.1 409 ")
    writer.write(b"tes")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()
    assert not site.chat.state.bodies.keys


async def test_bodies_in_flight_are_limited(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.chat.state.bodies, "_most", 4)
    answer = await site.asks(authorized(POST) + b'{"a":"b"}' + GET + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in answer.lower()
    assert site.chat.state.bodies.size == 0
