"""Files are answered whole, in ranges, or not again: the same from a folder and from a bucket."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from roomcast.routes.file_response import InMemory, ObjectResponse, OpenFile, etag_of
from roomcast.store.objects.folder import Folder
from roomcast.testing import ChatClient, chat_client

from .. import made_files as made

DATA = bytes(range(256)) * 3
ETAG = etag_of("a key")


@pytest.fixture(params=["memory", "file"])
async def client(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    path = tmp_path / "a"
    path.write_bytes(DATA)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        content = OpenFile(path) if request.param == "file" else InMemory(DATA)
        await ObjectResponse(content, ETAG, {"Content-Type": "text/plain"})(scope, receive, send)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as made_client:
        yield made_client


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 20)),
        ("bytes=700-", (700, 768)),
        ("bytes=700-9999", (700, 768)),
        ("bytes=-5", (763, 768)),
        ("bytes=-9999", (0, 768)),
    ],
)
async def test_a_range_is_answered_alone(
    client: httpx.AsyncClient, asked: str, part: tuple[int, int]
) -> None:
    for more in ({}, {"If-Range": ETAG}):
        answer = await client.get("/", headers={"Range": asked} | more)
        assert (answer.status_code, answer.content) == (206, DATA[slice(*part)])
        assert answer.headers["content-range"] == f"bytes {part[0]}-{part[1] - 1}/768"
        assert answer.headers["content-length"] == str(part[1] - part[0])


@pytest.mark.parametrize("asked", ["bytes=768-", "bytes=9-3", "bytes=-0"])
async def test_a_range_beyond_the_end_is_none(client: httpx.AsyncClient, asked: str) -> None:
    answer = await client.get("/", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == "bytes */768"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Range": "lines=1-2"},
        {"Range": "bytes=a-b"},
        {"Range": "bytes=0-1,3-4"},
        {"Range": "bytes=-"},
        {"Range": "bytes=0-1", "If-Range": '"another"'},
        {"Range": "bytes=0-1", "If-Range": "Sat, 29 Oct 1994 19:43:31 GMT"},
    ],
)
async def test_everything_else_is_answered_whole(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.get("/", headers=headers)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert (answer.headers["etag"], answer.headers["accept-ranges"]) == (ETAG, "bytes")
    head = await client.head("/", headers=headers)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == "768"


async def sends_picture(ada: ChatClient) -> tuple[str, bytes]:
    room = (await ada.chat.open_room([1, 2])).id
    picture = made.png()
    wish = {"room_id": room, "name": "a.png", "size": len(picture), "type": "image/png"}
    offered = (await ada.post("/api/v1/chat/attachments/", json=wish)).json()
    put = await ada.put(offered["presigned_url"], content=picture, headers=offered["headers"])
    assert put.status_code == 200
    send = {"message": "", "files": [{"file_path": offered["file_path"]}]}
    sent = await ada.post(f"/api/v1/chat/rooms/{room}/messages/", json=send)
    url: str = sent.json()["attachments"][0]["file_url"]
    return url, picture


async def no_path(self: Folder, key: str) -> None:
    """As a bucket that is no folder of this machine."""


@pytest.mark.parametrize("is_remote", [False, True])
async def test_a_file_that_is_there_already_is_not_sent_again(
    is_remote: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_remote:
        monkeypatch.setattr(Folder, "path", no_path)
    async with chat_client(1) as ada:
        url, picture = await sends_picture(ada)
        first, second = await ada.get(url), await ada.get(url)
        assert first.content == second.content == picture
        etag = first.headers["etag"]
        assert second.headers["etag"] == etag
        same = await ada.get(url, headers={"If-None-Match": f'"x", W/{etag}'})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
        assert "content-type" not in same.headers
        part = await ada.get(url, headers={"Range": "bytes=1-3", "If-Range": etag})
        assert (part.status_code, part.content) == (206, b"PNG")


async def test_no_temporary_folder_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Folder, "path", no_path)
    async with chat_client(1) as ada:
        monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
        url, picture = await sends_picture(ada)
        assert (await ada.get(url)).content == picture
        assert (await ada.get("/readyz")).status_code == 200


async def test_a_file_that_cannot_be_read_is_not_called_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(self: OpenFile, path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    async with chat_client(1) as ada:
        url, _ = await sends_picture(ada)
        monkeypatch.setattr(OpenFile, "__init__", refuse)
        answer = await ada.get(url)
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
