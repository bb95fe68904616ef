"""Who is in a room, and what it is called, while events of it are lost, doubled and swapped."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from roomcast.chat.chat import ChatServices
from roomcast.protocol.errors import Close, Closing, NotFound
from roomcast.realtime.connections import RoomSocket
from roomcast.store.messages import Add
from roomcast.store.rooms import RoomPatch
from roomcast.store.snapshot import SnapshotQuery

from .test_hub import ADA, BOB, Recorded, a_chat, a_socket

CARL, DORA = "4", "5"


async def name(chat: ChatServices, room_id: int, title: str) -> None:
    await chat.members.change(room_id, ADA, RoomPatch(title=title))


@asynccontextmanager
async def a_group(*faults: str) -> AsyncIterator[tuple[ChatServices, int]]:
    """Ada's room with bob and carl."""
    async with a_chat(faults) as (chat, _):
        yield chat, (await chat.rooms.open(ADA, [ADA, BOB, CARL])).room.id


def texts(outbox: Any) -> list[str]:
    return [f["message"]["text"] for f in outbox.frames if f["type"] == "chat_message"]


# ---------------------------------------------------------------- titles


async def test_a_title_whose_event_was_lost_is_told_with_the_next_message() -> None:
    async with (
        a_chat(["drop"]) as (chat, room_id),
        a_socket(chat, room_id, BOB, is_manual=True) as (room, bob),
    ):
        await name(chat, room_id, "Garden")
        assert not bob.frames
        await chat.messages.make(Add(room_id, ADA, "Hello"))
        await room.wait_until_delivered(1, {})
        assert sorted(f["type"] for f in bob.frames) == ["chat_message", "room_changed"]


async def test_a_title_whose_event_was_lost_is_told_after_a_gap() -> None:
    async with (
        a_chat(["drop"]) as (chat, room_id),
        a_socket(chat, room_id, BOB) as (room, bob),
    ):
        await name(chat, room_id, "Garden")
        assert not bob.frames
        await chat.hub.publish_gaps([room_id])
        await room.wait_until_delivered(0, {}, 1)
        assert [f["title"] for f in bob.frames] == ["Garden"]


async def test_titles_told_twice_or_in_another_order_end_with_the_last() -> None:
    async with (
        a_chat(["swap", "double", "double"]) as (chat, room_id),
        a_socket(chat, room_id, BOB) as (room, bob),
    ):
        for title in ("one", "two", "three"):
            await name(chat, room_id, title)
        await chat.messages.make(Add(room_id, ADA, "Hello"))
        await room.wait_until_delivered(1, {})
        titles = [f["title"] for f in bob.frames if f["type"] == "room_changed"]
        assert titles[-1] == "three"
        assert len(titles) == len(set(titles))


# ---------------------------------------------------------------- members


@pytest.mark.parametrize("faults", [[], ["drop"], ["swap"], ["double"]])
async def test_a_removed_member_sees_nothing_of_what_follows(faults: list[str]) -> None:
    async with (
        a_group(*faults) as (chat, room_id),
        a_socket(chat, room_id, ADA, is_manual=True) as (room, ada),
        a_socket(chat, room_id, BOB, is_manual=True) as (_, bob),
    ):
        await chat.members.remove(room_id, ADA, BOB)
        await chat.messages.make(Add(room_id, ADA, "without bob"))
        await room.wait_until_delivered(1, {})
        assert texts(ada) == ["without bob"]
        assert bob.closed is Close.FORBIDDEN
        assert bob.frames == []
        assert ada.closed is None


async def test_a_removal_that_was_lost_is_found_after_a_gap() -> None:
    async with (
        a_group("drop") as (chat, room_id),
        a_socket(chat, room_id, BOB) as (room, bob),
    ):
        await chat.members.remove(room_id, ADA, BOB)
        assert bob.closed is None
        await chat.hub.publish_gaps([room_id])
        await room.wait_until_delivered(0, {}, 1)
        assert bob.closed is Close.FORBIDDEN


async def test_who_is_removed_amid_his_joining_does_not_get_in() -> None:
    async with (
        a_group() as (chat, room_id),
        a_socket(chat, room_id, ADA) as (room, _),
    ):
        socket = RoomSocket(BOB, Recorded(), is_manual=False, is_compact=False)
        room.connections.start_buffering(socket)
        found = await chat.joining.join(
            SnapshotQuery(room_id, BOB, None, 50, 1000), is_manual=False
        )
        await chat.members.remove(room_id, ADA, BOB)
        await room.wait_until_delivered(0, {}, found.members_version + 1)
        await room.wait_for_snapshot(found)
        with pytest.raises(Closing) as closing:
            room.activate(socket, b"[]", above=found.version, top=found.top)
        assert closing.value.close is Close.FORBIDDEN
        assert socket.send_queue.frames == []


async def test_who_joins_sees_the_roster_that_his_snapshot_has() -> None:
    """The process has not heard yet that somebody came; whoever joins makes it look."""
    async with (
        a_group("drop") as (chat, room_id),
        a_socket(chat, room_id, ADA) as (_, ada),
    ):
        await chat.members.add(room_id, ADA, DORA)
        assert not ada.frames
        async with asyncio.timeout(5), a_socket(chat, room_id, DORA) as (room, _):
            assert DORA in room.statuses.watermarks
            assert DORA in chat.hub.user_channels
            (changed,) = ada.frames
            assert changed["members"] == [1, 2, 4, 5]


async def test_a_room_follows_those_who_are_in_it_by_now() -> None:
    async with a_group() as (chat, room_id), a_socket(chat, room_id, ADA) as (room, _):
        await chat.members.remove(room_id, ADA, BOB)
        await chat.members.add(room_id, ADA, DORA)
        await room.wait_until_delivered(0, {}, 2)
        assert {*chat.hub.user_channels} >= {ADA, CARL, DORA}
        assert BOB not in chat.hub.user_channels
        assert DORA in chat.hub.user_channels
    assert DORA not in chat.hub.user_channels


async def test_messages_held_back_by_the_removed_one_are_marked_also_those_from_long_ago() -> None:
    async with a_group() as (chat, room_id):
        for n in range(3):
            await chat.messages.make(Add(room_id, ADA, f"{n}"))
        async with (
            a_socket(chat, room_id, ADA, is_manual=True) as (room, ada),
            a_socket(chat, room_id, BOB),
            a_socket(chat, room_id, BOB, is_compact=True) as (_, bob),
        ):
            ada.frames.clear()
            await chat.members.remove(room_id, ADA, CARL)
            await room.wait_until_delivered(0, {}, 1)
            marks = [(f["type"], f["message"]["text"]) for f in ada.frames[:-1]]
            kinds = "mark_message_as_delivered", "mark_message_as_read"
            assert marks == [(kind, f"{n}") for n in range(3) for kind in kinds]
            assert ada.frames[-1]["type"] == "room_changed"
            assert [f["type"] for f in bob.frames] == ["room_changed"]
            assert room.statuses.status(ADA, 1) == "read"


async def test_what_a_removed_member_sends_is_refused_and_takes_no_version() -> None:
    async with a_group() as (chat, room_id):
        await chat.messages.make(Add(room_id, BOB, "in time"))
        await chat.members.remove(room_id, ADA, BOB)
        with pytest.raises(NotFound):
            await chat.messages.make(Add(room_id, BOB, "too late"))
        sent = await chat.messages.make(Add(room_id, ADA, "after him"))
        assert sent.message.version == 2


async def test_a_removal_is_told_also_where_who_asked_for_it_went_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("roomcast.realtime.room.COMMIT_TIMEOUT", 60)
    async with a_group() as (chat, room_id), a_socket(chat, room_id, BOB) as (room, bob):
        asked = asyncio.create_task(chat.members.remove(room_id, ADA, BOB))
        await asyncio.sleep(0)
        asked.cancel()
        async with asyncio.timeout(5):
            await room.wait_until_delivered(0, {}, 1)
        assert asked.cancelled()
        assert bob.closed is Close.FORBIDDEN
