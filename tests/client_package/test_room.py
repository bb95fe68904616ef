"""A Room loses nothing and doubles nothing, whatever becomes of its connection and its server."""

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from roomcast.client import ChatError, LocalFile, Position, Room, RoomClosed, backoff

from ..client import LIMIT, Person
from ..conftest import Cast
from ..server import Server

OwnServer = Callable[..., Server]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long before coming back to a server that a test starts again."""
    monkeypatch.setattr(backoff.Backoff, "next_delay", lambda *_, **__: 0.2)


def room_of(person: Person, room: int, **options: Any) -> Room:
    return Room(person.server.url, room, options.pop("token", person.token()), **options)


async def joins_of(person: Person) -> str:
    """How many sockets the person's server has let into a room, as its metrics show it."""
    async with httpx.AsyncClient() as http:
        text = (await http.get(person.server.url + "/metrics")).text
    (line,) = re.findall(r"^roomcast_join_seconds_count .*$", text, re.MULTILINE)
    return str(line)


async def updates_until(room: Room, holds: Callable[[Any], bool]) -> list[Any]:
    seen: list[Any] = []
    async with asyncio.timeout(LIMIT):
        while not seen or not holds(seen[-1]):
            seen.append(await anext(room))
    return seen


def texts(updates: list[Any]) -> list[str]:
    return [u.message.text for u in updates if u.type == "chat_message"]


async def test_a_conversation(ada: Person, bob: Person, room: int) -> None:
    await ada.posts(room, "before")
    async with room_of(ada, room) as hers, room_of(bob, room) as his:
        assert [m.text for m in his.messages.values()] == ["before"]
        sent = await hers.send("Hello", reply_to=min(hers.messages))
        await updates_until(his, lambda u: u.type == "chat_message")
        assert his.messages[sent.message_id].reply_to is not None
        assert (await hers.edit(sent.message_id, "Hello!")).text == "Hello!"
        assert await his.react(sent.message_id, "👍") == [
            {"emoji": "👍", "count": 1, "user_ids": [bob.id]}
        ]
        assert await his.react(sent.message_id, "👍", on=False) == []
        page = await his.history(limit=1)
        assert ([m.text for m in page], page.has_more) == (["Hello!"], True)
        await his.typing()
        await updates_until(hers, lambda u: u.type == "typing")
        await hers.delete(sent.message_id)
        await updates_until(his, lambda u: u.type == "message_deleted")
        with pytest.raises(ChatError, match="not_found"):
            await hers.delete(sent.message_id)
        with pytest.raises(ChatError, match="empty_message"):
            await hers.send("")
    with pytest.raises(RoomClosed):
        await hers.send("too late")
    assert [u async for u in his if u.type == "chat_message"] == []


async def test_receipts_move_statuses(ada: Person, bob: Person, room: int) -> None:
    async with room_of(ada, room) as hers, room_of(bob, room, receipts="manual") as his:
        sent = await hers.send("Hello")
        await updates_until(hers, lambda u: u.type == "receipt" and u["delivered"])
        assert hers.messages[sent.message_id].status == "delivered"
        await his.mark_read(sent.message_id)
        await updates_until(hers, lambda u: u.type == "receipt" and u["read"])
        assert hers.messages[sent.message_id].status == "read"


async def test_files_small_and_large(ada: Person, bob: Person, room: int) -> None:
    large = LocalFile("large.txt", b"a line of text\n" * 30_000)
    async with room_of(ada, room) as hers:
        sent = await hers.send(files=[LocalFile("small.txt", b"small")])
        assert sent.attachments[0]["size"] == 5
        sent = await hers.send("both", files=[large, LocalFile("small.txt", b"small")])
        assert [a["size"] for a in sent.attachments] == [len(large.data), 5]
        with pytest.raises(ChatError):
            await hers.send(files=[LocalFile("page.html", b"<html>" * 100_000)])


@pytest.mark.usefixtures("_soon")
async def test_nothing_is_lost_or_doubled_when_the_server_is_killed(
    own_server: OwnServer, cast: Cast
) -> None:
    server = own_server(rate_limit_rate=0).start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    async with room_of(ada, room) as hers, room_of(bob, room) as his:
        sending = [
            asyncio.create_task(member.send(f"{who} {number}"))
            for number in range(300)
            for who, member in (("a", hers), ("b", his))
        ]
        await updates_until(hers, lambda _: len(hers.messages) > 50)
        server.kill()
        assert not all(task.done() for task in sending)
        server.start()
        stored = await asyncio.wait_for(asyncio.gather(*sending), 2 * LIMIT)
        last = max(message.message_id for message in stored)
        await updates_until(hers, lambda u: u.message and u.message.message_id == last)
        seen = texts(await updates_until(his, lambda u: u.message and u.message.message_id == last))
        assert len({message.message_id for message in stored}) == 600
    expected = sorted(f"{who} {n}" for who in "ab" for n in range(300))
    kept = await bob.reads_all(room)
    assert sorted(m["text"] for m in kept) == expected
    assert {m["message_id"]: m["text"] for m in kept} == {
        id_: m.text for id_, m in hers.messages.items()
    }
    assert [t for m in kept if (t := m["text"]).startswith("a")] == [f"a {n}" for n in range(300)]
    assert seen == [m["text"] for m in kept]


@pytest.mark.usefixtures("_soon")
async def test_edits_and_deletions_that_the_server_took_before_it_was_killed(
    own_server: OwnServer, cast: Cast
) -> None:
    server = own_server().start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    async with room_of(ada, room) as hers:
        sent = [await hers.send(text) for text in ("changes", "goes", "stays")]
        server.kill()
        changes = [
            asyncio.create_task(hers.edit(sent[0].message_id, "changed")),
            asyncio.create_task(hers.delete(sent[1].message_id)),
            asyncio.create_task(hers.send("new")),
        ]
        server.start()
        await asyncio.wait_for(asyncio.gather(*changes), LIMIT)
        assert [m.text for m in hers.messages.values()] == ["changed", "stays", "new"]


async def test_a_position_outlives_the_program(ada: Person, bob: Person, room: int) -> None:
    async with room_of(bob, room, position=Position()) as his:
        for text in ("one", "two", "three"):
            await ada.posts(room, text)
        await updates_until(his, lambda u: u.message and u.message.text == "two")
        kept = his.position
    await ada.posts(room, "four")
    async with room_of(bob, room, position=Position(*kept)) as his:
        seen = await updates_until(his, lambda u: u.message and u.message.text == "four")
        assert texts(seen) == ["three", "four"]


async def test_a_flood_is_slowed_down_and_nothing_is_refused(
    own_server: OwnServer, cast: Cast
) -> None:
    server = own_server(rate_limit_rate=50, rate_limit_burst=20).start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    async with room_of(ada, room) as hers:
        sending = [hers.send(f"{n}") for n in range(60)]
        stored = await asyncio.wait_for(asyncio.gather(*sending), LIMIT)
    assert len({message.message_id for message in stored}) == 60


async def test_a_token_is_renewed_before_it_expires(ada: Person, bob: Person, room: int) -> None:
    asked: list[float] = []

    async def token() -> str:
        asked.append(time.monotonic())
        return ada.token(exp=int(time.time()) + 2)

    async with room_of(ada, room, token=token) as hers:
        joins = await joins_of(ada)
        async with asyncio.timeout(LIMIT):
            while len(asked) < 3:
                await hers.send("still here")
                await asyncio.sleep(0.2)
        assert await joins_of(ada) == joins


async def test_a_token_that_expired_ends_the_room_unless_there_is_another(
    ada: Person, bob: Person, room: int
) -> None:
    soon = ada.token(exp=int(time.time()) + 2)
    async with room_of(ada, room, token=soon) as hers:
        with pytest.raises(RoomClosed) as closed:
            await updates_until(hers, lambda _: False)
    assert closed.value.code == 4001
    with pytest.raises(RoomClosed, match="4001"):
        async with room_of(ada, room, token=lambda: "nonsense"):
            pass


async def test_it_stays_away_where_it_may_not_come_back(
    ada: Person, bob: Person, eve: Person, room: int
) -> None:
    with pytest.raises(RoomClosed) as closed:
        async with room_of(eve, room):
            pass
    assert closed.value.code == 4003
    async with room_of(ada, room) as hers:
        await ada.delete(f"chat/delete/{room}")
        with pytest.raises(RoomClosed, match="4004"):
            await updates_until(hers, lambda _: False)
    with pytest.raises(RoomClosed, match=r"40[34]"):
        async with Room(ada.server.url + "/elsewhere", room, ada.token()):
            pass


async def test_many_that_wait_for_nothing_cost_no_memory(
    ada: Person, bob: Person, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roomcast.client.room_session.MAX_WAITING_UPDATES", 3)
    async with room_of(ada, room, keep=2) as hers:
        for number in range(5):
            await hers.send(f"{number}")
        assert (await anext(hers)).type in ("reset", "chat_message")
        assert len(hers.messages) == 2
