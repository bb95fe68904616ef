"""Answers in pieces: they end with their client, and no cache may store them."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpx
import jwt
import pytest
from roomcast.app import App
from roomcast.chat.account import export
from roomcast.routes.requests import StreamedReply

from .conftest import SECRET


class Source:
    """Two generators, one in the other, which note that they are closed."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.is_waiting = asyncio.Event()

    async def rows(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b"first"
            self.is_waiting.set()
            await asyncio.Event().wait()
        finally:
            self.ended.append("rows")

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(self.rows()) as rows:
                async for row in rows:
                    yield row
        finally:
            self.ended.append("pieces")


@pytest.mark.parametrize("leaves", ["while it is sent to", "while rows are read"])
async def test_a_reply_whose_client_leaves_holds_nothing(leaves: str) -> None:
    source = Source()
    left = asyncio.Event()

    async def send(message: Any) -> None:
        if message.get("body") == b"first" and leaves == "while it is sent to":
            left.set()
            await asyncio.Event().wait()

    async def receive() -> Any:
        await (left if leaves == "while it is sent to" else source.is_waiting).wait()
        return {"type": "http.disconnect"}

    reply = StreamedReply(source.pieces())
    await asyncio.wait_for(reply({"type": "http", "asgi": {}}, receive, send), 5)
    assert source.ended == ["rows", "pieces"]


def bearer(user: str) -> dict[str, str]:
    token = jwt.encode({"sub": user, "exp": time.time() + 600}, SECRET, "HS256")
    return {"Authorization": f"Bearer {token}"}


async def create(client: httpx.AsyncClient, *others: int) -> int:
    body = {"members": [1, *others], "context": f"{others}"}
    answer = await client.post("/api/v1/chat/create/", json=body, headers=bearer("1"))
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def test_a_list_of_large_rooms_is_stored_nowhere(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create(client, 2)
    whole = await client.get("/api/v1/chat/receive/", headers=bearer("1"))
    monkeypatch.setattr("roomcast.routes.room_list.SMALL_ROOM_SIZE", 1)
    in_pieces = await client.get("/api/v1/chat/receive/", headers=bearer("1"))
    assert "content-length" not in in_pieces.headers
    assert in_pieces.json() == whole.json()
    for name in ("cache-control", "x-content-type-options", "content-type"):
        assert in_pieces.headers[name] == whole.headers[name]


async def test_an_export_in_small_batches_is_whole(
    app: App, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ROOM_BATCH", "MESSAGE_BATCH", "ROW_BATCH"):
        monkeypatch.setattr(export, name, 2)
    monkeypatch.setattr(export, "MAX_SEARCHED_MESSAGES", 3)
    rooms = [await create(client, other) for other in (2, 3, 4, 5, 6)]
    texts = []
    for room in rooms[:3]:
        for n in range(7):
            sender = None if n == 3 else 1  # one of the site in the midst of the user's
            await app.post(room, f"{room} {n}", sender=sender)
            texts += [f"{room} {n}"] if sender else []
    answer = await client.get("/api/v1/chat/export/", headers=bearer("1"))
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["room_id"] for line in lines if line["type"] == "room"] == rooms
    sent = [line["message"]["text"] for line in lines if line["type"] == "message"]
    assert sent == texts
    assert lines[-1] == {"type": "end", "messages": len(texts)}
