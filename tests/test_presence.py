"""What presence costs, and that nothing keeps it from coming true."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from roomcast.chat import presence
from roomcast.chat.chat import ChatServices
from roomcast.realtime.brokers import GAP
from roomcast.realtime.channels import Channels
from roomcast.realtime.room import Room
from roomcast.realtime.user_channels import UserChannels, UserEvent
from roomcast.store.store import DatabaseUnavailable

from .inside import ADA, BOB, EVE, Rows, a_chat, as_of, enter, room_of

WITHIN = 30.0


class Listener:
    """Follows people, and writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bool]] = []

    def on_user_event(self, event: UserEvent) -> None:
        self.heard.append((event.user_id, event.is_online))

    def on_gap(self, user_id: str) -> None: ...

    async def has_heard(self, *expected: tuple[str, bool]) -> None:
        async with asyncio.timeout(WITHIN):
            while len(self.heard) < len(expected):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert sorted(self.heard) == sorted(expected)


@pytest.fixture
async def chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ChatServices]:
    monkeypatch.setattr(presence, "WRITE_DELAY", 0.01)
    monkeypatch.setattr(presence, "RETRY_DELAY", 0.01)
    async with a_chat(tmp_path) as (chat, _):
        chat.presence.grace = 0.05
        yield chat


async def test_a_thousand_who_come_at_once_are_few_writes(chat: ChatServices) -> None:
    users, everybody, writes = [f"u{n}" for n in range(1_000)], Listener(), []
    write = chat.store.write

    async def counted(work: Any) -> Any:
        writes.append(work)
        return await write(work)

    chat.store.write = counted  # type: ignore[method-assign]
    for user in users:
        await chat.hub.user_channels.follow(user, everybody)
        for _ in range(3):
            chat.presence.enter(user)
    await everybody.has_heard(*((user, True) for user in users))
    for user in users * 3:
        chat.presence.leave(user)
    await everybody.has_heard(*((user, is_online) for user in users for is_online in (True, False)))
    assert len(writes) <= 6
    for user in users:
        chat.hub.user_channels.unfollow(user, everybody)


async def test_a_database_that_is_away_holds_nothing_up(chat: ChatServices) -> None:
    follower, tries = Listener(), []
    write = chat.store.write

    async def away(work: Any) -> Any:
        tries.append(work)
        if len(tries) < 3:
            raise DatabaseUnavailable("gone")
        return await write(work)

    chat.store.write = away  # type: ignore[method-assign]
    await chat.hub.user_channels.follow(BOB, follower)
    chat.presence.enter(BOB)
    await follower.has_heard((BOB, True))
    chat.presence.leave(BOB)
    await follower.has_heard((BOB, True), (BOB, False))


async def test_who_came_and_went_while_it_was_away_is_not_told(chat: ChatServices) -> None:
    follower = Listener()
    write = chat.store.write
    is_away = asyncio.Event()

    async def away(work: Any) -> Any:
        is_away.set()
        raise DatabaseUnavailable("gone")

    chat.store.write = away  # type: ignore[method-assign]
    for user in (ADA, BOB):
        await chat.hub.user_channels.follow(user, follower)
    chat.presence.enter(BOB)
    await is_away.wait()
    chat.presence.leave(BOB)
    while chat.presence.leaving:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    chat.store.write = write  # type: ignore[method-assign]
    chat.presence.enter(ADA)
    await follower.has_heard((ADA, True))


async def test_what_is_in_doubt_is_looked_up_and_told_where_it_differs(chat: ChatServices) -> None:
    follower = Listener()
    for user in (ADA, BOB, EVE):
        await chat.hub.user_channels.follow(user, follower)
    chat.presence.enter(ADA)
    await follower.has_heard((ADA, True))
    hear, chat.hub.user_channels.dispatch = chat.hub.user_channels.dispatch, lambda event: None  # type: ignore[method-assign]
    chat.presence.enter(BOB)  # what is told of him is lost
    while BOB not in chat.presence.written:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    chat.hub.user_channels.dispatch = hear  # type: ignore[method-assign]
    chat.hub.user_channels.on_message(GAP)
    await follower.has_heard((ADA, True), (BOB, True))
    chat.presence.leave(ADA)
    chat.presence.leave(BOB)
    await follower.has_heard((ADA, True), (ADA, False), (BOB, True), (BOB, False))


def test_an_older_word_and_the_same_one_are_no_news() -> None:
    channels, follower = UserChannels(Channels("memory:")), Listener()
    channels.add(BOB, follower)
    for is_online, at in ((True, 5), (True, 5), (False, 9), (True, 7), (False, 9), (False, 12)):
        channels.dispatch(UserEvent(BOB, is_online=is_online, last_seen=at))
    channels.dispatch(UserEvent(ADA, is_online=True, last_seen=1))  # whom nobody follows
    assert follower.heard == [(BOB, True), (BOB, False)]
    channels.dispatch(UserEvent(BOB, is_online=True, last_seen=13))
    assert follower.heard[2:] == [(BOB, True)]


# ---------------------------------------------------------------- in a room


async def a_room() -> Room:
    room = room_of(1, Rows())
    await room.wait_for_snapshot(as_of(0, {ADA: (0, 0), BOB: (0, 0), EVE: (0, 0)}, 0))
    return room


async def test_a_slow_reader_is_told_afterwards_how_it_stands() -> None:
    room = await a_room()
    _, ada = enter(room, ADA)
    ada.waits = True
    for user, is_online, at in ((BOB, True, 1), (EVE, True, 2), (BOB, False, 3)):
        room.connections.on_user_event(UserEvent(user, is_online=is_online, last_seen=at))
    assert ada.frames == []
    ada.waits = False
    ada.on_drained()
    assert [(f["user_id"], f["online"]) for f in ada.frames] == [(2, False), (3, True)]
    ada.on_drained()
    assert len(ada.frames) == 2


async def test_a_socket_on_its_way_in_is_told_after_its_first_frame() -> None:
    room = await a_room()
    socket, ada = enter(room, ADA)
    room.connections.remove(socket)
    room.connections.start_buffering(socket)
    room.connections.on_user_event(UserEvent(BOB, is_online=True, last_seen=1))
    assert ada.frames == []
    room.activate(socket, b'{"type":"first"}', above=0, top=0)
    assert [frame["type"] for frame in ada.frames] == ["first", "presence"]
