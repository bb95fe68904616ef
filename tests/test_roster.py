"""Who is in a room, and what it is called, while events of it are lost, doubled and swapped."""

from roomcast.brokers import GAP
from roomcast.chat import Chat
from roomcast.store.messages import Add
from roomcast.store.rooms import Wish

from .test_fanout import ADA, BOB, a_chat, a_socket


async def name(chat: Chat, room_id: int, title: str) -> None:
    await chat.roster.change(room_id, ADA, Wish(title=title))


async def test_a_title_whose_event_was_lost_is_told_before_the_next_message() -> None:
    async with (
        a_chat(["drop"]) as (chat, room_id),
        a_socket(chat, room_id, BOB, is_manual=True) as (room, bob),
    ):
        await name(chat, room_id, "Garden")
        assert not bob.frames
        await chat.make(Add(room_id, ADA, "Hello"))
        await room.reach(1, {})
        assert sorted(f["type"] for f in bob.frames) == ["chat_message", "room_changed"]


async def test_a_title_whose_event_was_lost_is_told_after_a_gap() -> None:
    async with (
        a_chat(["drop"]) as (chat, room_id),
        a_socket(chat, room_id, BOB) as (room, bob),
    ):
        await name(chat, room_id, "Garden")
        assert not bob.frames
        await room.take(GAP)
        assert [f["title"] for f in bob.frames] == ["Garden"]


async def test_titles_told_twice_or_in_another_order_end_with_the_last() -> None:
    async with (
        a_chat(["swap", "double", "double"]) as (chat, room_id),
        a_socket(chat, room_id, BOB) as (room, bob),
    ):
        for title in ("one", "two", "three"):
            await name(chat, room_id, title)
        await chat.make(Add(room_id, ADA, "Hello"))
        await room.reach(1, {})
        titles = [f["title"] for f in bob.frames if f["type"] == "room_changed"]
        assert titles[-1] == "three"
        assert len(titles) == len(set(titles))
