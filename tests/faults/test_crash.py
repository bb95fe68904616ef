"""kill -9 under load: what a client was told is there, once, and sending again adds nothing."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ..client import Person
from ..protocol.files import PNG, file
from ..protocol.test_sites import KEY, OFFER, Site, webhook
from ..server import Server
from .load import Load


async def survives(load: Load, ada: Person) -> list[dict[str, Any]]:
    """Every message that anybody saw is stored once, as it was seen."""
    stored = await ada.reads_all(load.room)
    by_id = {m["message_id"]: m for m in stored}
    assert len(by_id) == len(stored)
    for told in load.told:
        for message_id, message in told.items():
            assert message_id in by_id, f"lost: {message}"
            for key in ("text", "sender_id", "client_id", "created_at", "version"):
                assert by_id[message_id][key] == message[key]
    assert [m["version"] for m in stored] == list(range(1, len(stored) + 1))
    return stored


async def sends_all_again(load: Load) -> None:
    """Each sender repeats everything it ever sent, as a client does that got no answer."""

    async def repeats(person: Person) -> None:
        own = {text for text, sender in load.sent.items() if sender is person}
        async with person.enters(load.room) as socket:
            for text in sorted(own):
                await socket.sends(text, client_id=text)
            while own:
                frame = await socket.receives("chat_message")
                own.discard(frame["message"]["client_id"])

    await asyncio.gather(*(repeats(person) for person in load.people))


async def survives_repeats(load: Load, ada: Person) -> list[dict[str, Any]]:
    """After all is sent again, each message that was ever sent is stored once."""
    await sends_all_again(load)
    stored = await survives(load, ada)
    assert sorted(m["client_id"] for m in stored) == sorted(load.sent)
    return stored


async def test_a_killed_server_keeps_what_it_told(
    own_server: Callable[..., Server], cast: Any
) -> None:
    server = own_server(rate_limit_rate=0).start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    load = Load(room, ada, bob)
    for round_ in range(3):
        load.enough.clear()
        running = asyncio.create_task(load.run(f"r{round_}", goal=100 + 150 * round_))
        await asyncio.wait_for(load.enough.wait(), 20)
        server.kill()
        await asyncio.wait_for(running, 20)
        server.start()
        await survives(load, ada)
    assert len(load.sent) > 500
    stored = await survives_repeats(load, ada)
    await sends_all_again(load)
    again = await ada.reads_all(room)
    assert [m | {"status": ""} for m in again] == [m | {"status": ""} for m in stored]
    assert server.stop() == 0


async def test_a_cursor_outlives_the_process(own_server: Callable[..., Server], cast: Any) -> None:
    server = own_server().start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    async with ada.enters(room, after=0) as socket:
        epoch = socket.first["epoch"]
        await socket.says("one")
        server.kill()
        assert await socket.closes() == 1006
    server.start()
    await bob.posts(room, "two")
    async with ada.enters(room, after=1, epoch=epoch) as socket:
        assert socket.first["reset"] is False
        assert socket.first["epoch"] == epoch
        assert [m["text"] for m in socket.first["messages"]] == ["two"]


async def test_files_of_a_killed_server_are_served_again(
    own_server: Callable[..., Server], cast: Any
) -> None:
    server = own_server().start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    async with ada.enters(room) as socket:
        message = await socket.says("look", file=file("a.png", "image/png", PNG))
        server.kill()
    server.start()
    url = message["attachments"][0]["file_url"]
    assert (await ada.http.get(url)).content == PNG


async def test_no_message_outlives_its_file(own_server: Callable[..., Server], cast: Any) -> None:
    """Killed while files are being sent: every message that is there has its bytes."""
    server = own_server(rate_limit_rate=0).start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    for round_ in range(3):
        async with ada.enters(room) as socket:
            for number in range(200):
                name = f"{round_}-{number}"
                picture = file("a.png", "image/png", PNG + name.encode())
                await socket.sends(name, client_id=name, file=picture)
            await socket.hears(f"{round_}-{20 + 20 * round_}")
            told = {f["message"]["text"] for f in socket.saw("chat_message")}
            server.kill()
        server.start()
        stored = await ada.reads_all(room)
        assert told <= {m["text"] for m in stored}
        for message in stored:
            [attachment] = message["attachments"]
            answer = await ada.http.get(attachment["file_url"])
            assert answer.content == PNG + message["text"].encode()
    assert server.stop() == 0


@pytest.mark.parametrize("is_on_its_way", [False, True], ids=["stored", "on its way"])
async def test_a_press_is_told_after_a_kill(
    own_server: Callable[..., Server], cast: Any, is_on_its_way: bool
) -> None:
    """Killed between the press and the site's answer: the site hears of it, under the same id."""
    accepts = asyncio.Event()
    async with webhook(accepts) as (url, events), asyncio.timeout(60):
        hook = {"webhooks_url": url, "webhooks_secret": "s" * 32, "webhooks_allow_private": "true"}
        server = own_server(server_api_keys=KEY, **hook).start()
        ada, bob, _ = cast(server)
        room = await ada.opens(bob)
        accepts.set()
        offer = (await Site(server, ada).posts(room, "offer", actions=OFFER))["message_id"]
        while (await events.get())["type"] != "message_sent":
            continue
        accepts.clear()
        pressed = await bob.post(f"chat/rooms/{room}/messages/{offer}/act/", {"id": "accept"})
        assert pressed.json()["chosen"]["user_id"] == bob.id
        told = [await events.get()] if is_on_its_way else []
        server.kill()
        accepts.set()
        server.start()
        refused = await ada.post(f"chat/rooms/{room}/messages/{offer}/act/", {"id": "decline"})
        assert refused.json()["code"] == "conflict"
        await ada.posts(room, "after")
        last: dict[str, Any] = {}
        while (last.get("type"), last.get("text")) != ("message_sent", "after"):
            told.append(last := await events.get())
        assert server.stop() == 0
    presses = [event for event in told if event["type"] == "message_action"]
    assert {(e["type"], e["message_id"], e["action"], e["user_id"]) for e in presses} == {
        ("message_action", offer, "accept", bob.id)
    }
    assert len({event["id"] for event in presses}) == 1
    assert len(presses) >= (2 if is_on_its_way else 1)
