"""The bot of docs/python-client.md does what the page says."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ..client import LIMIT, Person
from ..pages import block
from ..running import in_steps
from ..server import Server


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def has_come_to(kept: Path, message_id: int) -> None:
    """Returns when the bot has kept a position that includes this message."""
    deadline = time.monotonic() + LIMIT
    while not kept.exists() or json.loads(kept.read_text() or "[0]")[-1] < message_id:
        assert time.monotonic() < deadline, "the bot keeps no position"
        time.sleep(0.01)


async def test_the_bot_answers_each_question_once_over_restarts(
    server: Server, ada: Person, bob: Person, room: int, tmp_path: Path
) -> None:
    names: dict[str, Any] = {}
    await in_steps(block("docs/python-client.md", "python", "answer_the_time"), names)
    kept = tmp_path / "position.json"

    @asynccontextmanager
    async def bot() -> AsyncIterator[None]:
        run = names["answer_the_time"](server.url, room, bob.token(), kept)
        task = asyncio.create_task(run)
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async with ada.enters(room, receipts="compact") as a:
        await a.says("What time is it?")  # before there was a bot
        async with bot():
            await a.receives("receipt", user_id=bob.id)
            first = await a.says("What time is it?")
            answer = await a.receives("chat_message", message={"sender_id": bob.id})
            await asyncio.to_thread(has_come_to, kept, answer["message"]["message_id"])
        missed = await a.says("What time is it?")
        await a.says("Thank you!")
        async with bot():
            await a.receives("chat_message", message={"sender_id": bob.id})
            last = await a.says("What time is it?")
            await a.receives("chat_message", message={"sender_id": bob.id})
    answered = [
        m["reply_to"]["message_id"] for m in await ada.reads_all(room) if m["sender_id"] == bob.id
    ]
    assert answered == [m["message_id"] for m in (first, missed, last)]
