"""Notifications: who is told of what, what it costs, and that no loss of news lasts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from roomcast.chat.chat import ChatServices
from roomcast.chat.notifications import counters, delivery, dispatcher
from roomcast.chat.notifications import inbox as inboxes
from roomcast.chat.notifications.inbox import Inbox, InboxSocket
from roomcast.chat.rooms import RoomDetails
from roomcast.protocol.actions import Send
from roomcast.protocol.errors import Close
from roomcast.realtime.brokers import GAP
from roomcast.realtime.user_channels import UserEvent
from roomcast.store.store import DatabaseUnavailable

from .inside import ADA, BOB, EVE, Recorded, a_chat

Here = tuple[ChatServices, int]


@pytest.fixture
async def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Here]:
    for module, pause in (
        (inboxes, "FRAME_INTERVAL"),
        (inboxes, "RETRY_DELAY"),
        (dispatcher, "EVENT_INTERVAL"),
    ):
        monkeypatch.setattr(module, pause, 0.01)
    async with a_chat(tmp_path) as here:
        yield here


@asynccontextmanager
async def a_reader(chat: ChatServices, user: str) -> AsyncIterator[tuple[Inbox, Recorded]]:
    outbox = Recorded()
    reader = InboxSocket(user, outbox)
    inbox = await chat.inboxes.enter(user)
    await inbox.prepare()
    inbox.activate(reader)
    try:
        yield inbox, outbox
    finally:
        inbox.leave(reader)
        chat.inboxes.leave(inbox)


async def says(chat: ChatServices, room: int, text: str = "hello") -> None:
    await chat.messages.send(room, ADA, Send(text), "")


async def until(outbox: Recorded, **fields: Any) -> None:
    async with asyncio.timeout(5):
        while not outbox.frames or outbox.frames[-1] | fields != outbox.frames[-1]:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def is_delivered(chat: ChatServices, room: int) -> None:
    async with asyncio.timeout(5):
        while not await _delivered(chat, room):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def _delivered(chat: ChatServices, room: int) -> bool:
    query = "SELECT delivered_upto FROM members WHERE room_id = :room AND user_id = :user"
    row = await chat.store.read(lambda db: db.fetch_one(query, {"room": room, "user": BOB}))
    return bool(row["delivered_upto"])


def shown(outbox: Recorded) -> list[int]:
    return [notice["room_id"] for notice in outbox.frames[-1]["messages"]]


async def test_nobody_works_for_notifications_that_nobody_has_open(here: Here) -> None:
    chat, room = here
    await says(chat, room)
    assert (chat.dispatcher.rooms, chat.dispatcher.task) == ({}, None)
    async with a_reader(chat, BOB) as (_, bob):
        assert bob.frames[0]["counter"] == 1
        await says(chat, room)
        await until(bob, counter=2)
    assert (chat.dispatcher.readers, list(chat.hub.user_channels)) == (0, [""])


async def test_many_messages_are_one_word(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    chat, room = here
    told: list[UserEvent] = []
    async with a_reader(chat, BOB) as (inbox, bob):
        on_event = inbox.on_user_event
        monkeypatch.setattr(
            inbox, "on_user_event", lambda event: (told.append(event), on_event(event))
        )
        await asyncio.gather(*(says(chat, room, f"m{n}") for n in range(300)))
        await until(bob, counter=300)
    of_bob = [news for news in told if news.user_id == BOB]
    assert len(of_bob) < 60


async def test_news_that_were_lost_are_made_up_for_by_a_look(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, room = here
    async with a_reader(chat, BOB) as (_, bob):
        monkeypatch.setattr(chat.dispatcher, "note", lambda events: None)  # nobody tells
        await says(chat, room)
        assert bob.frames[-1]["counter"] == 0
        chat.hub.user_channels.on_message(GAP + BOB)
        await until(bob, counter=1)
        await is_delivered(chat, room)


async def test_a_database_that_is_away_is_asked_again(here: Here) -> None:
    chat, room = here
    read = chat.store.read
    tries = 0

    async def away(work: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries < 5:
            raise DatabaseUnavailable("gone")
        return await read(work)

    async with a_reader(chat, BOB) as (_, bob):
        chat.store.read = away  # type: ignore[method-assign]
        await says(chat, room)
        await until(bob, counter=1)
        await is_delivered(chat, room)


async def test_what_waits_for_a_slow_reader_is_delivered_when_it_went_out(here: Here) -> None:
    chat, room = here
    async with a_reader(chat, BOB) as (inbox, bob):
        bob.waits = True
        await says(chat, room)
        await until(bob, counter=1)
        assert inbox.delivery.is_waiting
        assert not await _delivered(chat, room)
        bob.waits = False
        bob.on_drained()
        await is_delivered(chat, room)


async def test_somebody_who_came_or_went_is_no_reason_for_a_frame(here: Here) -> None:
    chat, room = here
    await says(chat, room)
    async with a_reader(chat, BOB) as (inbox, bob):
        await until(
            bob, counter=1, messages=[bob.frames[0]["messages"][0] | {"status": "delivered"}]
        )
        count = len(bob.frames)
        chat.presence.enter(ADA)
        await asyncio.sleep(0.3)
        inbox.on_user_event(UserEvent(BOB, [room]))
        await says(chat, room, "next")
        await until(bob, counter=2)
        assert [f["counter"] for f in bob.frames[:count]] == [1] * count
        assert bob.frames[count]["counter"] == 2
        assert bob.frames[count]["messages"][0]["sender_status"] == "online"
        chat.presence.leave(ADA)


async def test_who_is_cut_off_or_told_to_come_back_hears_it(here: Here) -> None:
    chat, _ = here
    async with a_reader(chat, BOB) as (_, bob), a_reader(chat, EVE) as (_, eve):
        await chat.revocations.revoke(BOB)
        assert (bob.closed, eve.closed) == (Close.DISCONNECTED, None)
        chat.inboxes.close(Close.RESTART)
        assert eve.closed is Close.RESTART


async def test_a_hundred_rooms_are_shown_and_all_are_counted(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "MAX_ROOMS_PER_FRAME", 3)
    monkeypatch.setattr(delivery, "ROOMS_PER_COMMIT", 2)
    chat, _ = here
    rooms = [
        (await chat.rooms.open(ADA, [ADA, BOB], RoomDetails(f"c{n}"))).room.id for n in range(6)
    ]
    for room in rooms:
        await says(chat, room, f"in {room}")
    async with a_reader(chat, BOB) as (_, bob):
        assert bob.frames[0]["counter"] == 6
        assert shown(bob) == rooms[:2:-1]
        for room in rooms:
            await is_delivered(chat, room)
        await chat.receipts.read(rooms[-1], BOB, 2**52)
        async with asyncio.timeout(5):
            while shown(bob) != rooms[-2:1:-1]:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert bob.frames[-1]["counter"] == 5


async def test_however_many_are_in_doubt_few_look_at_the_same_time(here: Here) -> None:
    chat, _ = here
    read, looking, most = chat.store.read, 0, 0

    async def counted(work: Any) -> Any:
        nonlocal looking, most
        looking += 1
        most = max(most, looking)
        try:
            return await read(work)
        finally:
            looking -= 1

    async with AsyncExitStack() as stack:
        users = [f"u{n}" for n in range(40)]
        entered = [await stack.enter_async_context(a_reader(chat, user)) for user in users]
        chat.store.read = counted  # type: ignore[method-assign]
        chat.hub.user_channels.on_message(GAP)
        async with asyncio.timeout(5):
            while any(inbox.task for inbox, _ in entered):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    assert (
        0 < most <= inboxes.MAX_CONCURRENT_READS + 1
    )  # and who is online, for all of them at once


async def test_large_frames_to_many_sockets_go_seldomer(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, room = here
    monkeypatch.setattr(inboxes, "MAX_BYTE_RATE", 1)  # byte a second: the next frame comes tomorrow
    async with a_reader(chat, BOB) as (_, bob):
        await says(chat, room, "first")
        await until(bob, counter=1)
        await says(chat, room, "second")
        await asyncio.sleep(0.05)  # nothing comes: there is nothing to wait for
        assert bob.frames[-1]["counter"] == 1
        async with a_reader(chat, BOB) as (_, later):
            assert later.frames[0]["counter"] == 2  # who joins does not wait
