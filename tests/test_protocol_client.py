"""The client of docs/protocol.md loses nothing and doubles nothing, whatever befalls its line."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from .client import LIMIT, Person
from .conftest import Cast
from .pages import block
from .running import in_steps
from .server import Server

OwnServer = Callable[..., Server]
OnFrame = Callable[[dict[str, Any]], Awaitable[None]]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


class Watch:
    """Wakes up whenever one of the page's clients has received a frame."""

    def __init__(self) -> None:
        self._received = asyncio.Event()

    @asynccontextmanager
    async def client(self, person: Person, room: int) -> AsyncIterator[Any]:
        """The page's client, running."""
        names: dict[str, Any] = {}
        await in_steps(block("docs/protocol.md", "python", "class Room"), names)
        it = names["Room"](person.server.sockets_url, room, person.token())
        it.on_frame = self._on(it.on_frame)
        it.task = asyncio.create_task(it.run())
        try:
            yield it
        finally:
            it.task.cancel()
            with suppress(asyncio.CancelledError, ConnectionClosed):
                await it.task

    def _on(self, on_frame: OnFrame) -> OnFrame:
        async def received(frame: dict[str, Any]) -> None:
            await on_frame(frame)
            self._received.set()

        return received

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(3 * LIMIT):
            while not holds():
                self._received.clear()
                await self._received.wait()


@pytest.fixture
def watch() -> Watch:
    return Watch()


def texts(it: Any) -> list[str]:
    return [it.messages[message_id]["text"] for message_id in sorted(it.messages)]


async def both_say(hers: Any, his: Any, numbers: range) -> None:
    for number in numbers:
        await hers.send(f"a {number}")
        await his.send(f"b {number}")


async def test_nothing_is_lost_or_doubled_when_the_server_is_killed(
    own_server: OwnServer, cast: Cast, watch: Watch
) -> None:
    server = own_server(rate_limit_rate=0).start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    async with watch.client(ada, room) as hers, watch.client(bob, room) as his:
        await both_say(hers, his, range(150))
        await watch.until(lambda: len(hers.messages) > 50)
        server.kill()
        await both_say(hers, his, range(150, 300))
        assert len(hers.unsent) >= 150
        server.start()
        await watch.until(lambda: not hers.unsent and not his.unsent)
        await watch.until(lambda: len(hers.messages) == len(his.messages) == 600)
        assert texts(hers) == texts(his)
        assert sorted(texts(hers)) == sorted(f"{who} {n}" for who in "ab" for n in range(300))
        assert [t for t in texts(hers) if t.startswith("a")] == [f"a {n}" for n in range(300)]


async def test_it_gets_the_edits_and_deletions_of_an_outage(
    own_server: OwnServer, cast: Cast, watch: Watch
) -> None:
    server = own_server().start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    async with watch.client(ada, room) as hers:
        for text in ("stays", "will change", "will go"):
            await hers.send(text)
        await watch.until(lambda: texts(hers) == ["stays", "will change", "will go"])
        await hers.socket.close()
        ids = sorted(hers.messages)
        async with ada.enters(room) as other:
            await other.does("edit", message_id=ids[1], text="has changed")
            await other.does("delete", message_id=ids[2])
            await other.receives("message_deleted")
        await watch.until(lambda: texts(hers) == ["stays", "has changed"])


async def test_it_learns_from_sync_what_was_read(
    own_server: OwnServer, cast: Cast, watch: Watch
) -> None:
    server = own_server(rate_limit_rate=0).start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    async with watch.client(ada, room) as hers:
        for number in range(60):
            await hers.send(f"{number}")
        await watch.until(lambda: len(hers.messages) == 60 and not hers.unsent)
        async with bob.enters(room):  # marks are told for the newest 50
            await watch.until(lambda: hers.messages[max(hers.messages)]["status"] == "read")
        assert "send" in {message["status"] for message in hers.messages.values()}
        await hers.socket.close()
        await watch.until(lambda: {m["status"] for m in hers.messages.values()} == {"read"})


async def test_it_does_not_trust_a_cursor_of_another_life(
    own_server: OwnServer, cast: Cast, watch: Watch
) -> None:
    server = own_server().start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    async with watch.client(ada, room) as hers:
        await hers.send("one")
        await watch.until(lambda: len(hers.messages) == 1 and not hers.unsent)
        hers.messages[0] = {"text": "what only the lost life had"}
        hers.epoch = "other"
        await hers.socket.close()
        await watch.until(lambda: texts(hers) == ["one"])


async def test_it_tells_a_refusal_from_a_line_that_broke(
    own_server: OwnServer, cast: Cast, watch: Watch
) -> None:
    server = own_server(rate_limit_rate=20, rate_limit_burst=5).start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    async with watch.client(ada, room) as hers:
        await watch.until(lambda: hers.is_synced)
        await hers.send(" ")
        await watch.until(lambda: not hers.unsent)
        for count in range(8):  # more than may go at once
            await hers.send(f"{count}")
        await watch.until(lambda: not hers.unsent)
        assert sorted(texts(hers)) == sorted(f"{count}" for count in range(8))


async def test_it_stays_away_where_it_may_not_come_back(
    own_server: OwnServer, cast: Cast, watch: Watch
) -> None:
    server = own_server().start()
    ada, bob, eve = cast(server)
    room = await ada.opens(bob)
    async with watch.client(eve, room) as hers:
        with pytest.raises(ConnectionClosed) as ended:
            await asyncio.wait_for(hers.task, LIMIT)
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 4003


async def test_the_shortest_conversation_is_as_shown(
    server: Server, ada: Person, bob: Person
) -> None:
    room = await ada.opens(bob)
    async with ada.enters(room, after=0) as hers, bob.enters(room, after=0):
        assert hers.first["type"] == "sync"
        await hers.says("Hello", client_id="5f0c3a52")
        await hers.receives("mark_message_as_delivered")
        await hers.receives("mark_message_as_read")
    assert [frame["type"] for frame in hers.seen] == [
        line.partition('"type":"')[2].partition('"')[0]
        for line in block("docs/protocol.md", "text", "POST /api").splitlines()
        if line.startswith("←")
    ]
