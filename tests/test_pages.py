"""The kept first frame is what would be made now: the same bytes, while nothing has changed."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from roomcast.chat import history_cache
from roomcast.chat.attachments import links
from roomcast.chat.chat import ChatServices
from roomcast.chat.history_cache import MIN_CACHED_MESSAGES
from roomcast.realtime.room import Room
from roomcast.store.messages import Add, DeleteChange, EditChange
from roomcast.store.snapshot import SnapshotQuery

from .inside import ADA, BOB, a_chat, a_member

MANY = MIN_CACHED_MESSAGES + 2


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[ChatServices, int, list[int]]]:
    """A chat, its room, and the ids of what ada has said there."""
    async with a_chat(tmp_path) as (chat, room_id):
        said = [await chat.messages.make(Add(room_id, ADA, f"number {n}")) for n in range(MANY)]
        yield chat, room_id, [one.message.id for one in said]  # type: ignore[union-attr]


async def look(chat: ChatServices, room: Room, base: str = "http://one") -> tuple[bytes, bool]:
    """The first frame as ada gets it, and whether its messages were read for it."""
    known = chat.pages.get(room.id)
    version = None if known is None else known.known
    found = await chat.joining.join(
        SnapshotQuery(room.id, ADA, None, 50, 1000, known=version), is_manual=True
    )
    await room.wait_for_snapshot(found)
    return chat.pages.frame(room, found, known, base), found.messages is not None


def texts(frame: bytes) -> list[str]:
    return [message["text"] for message in json.loads(frame)]


def statuses(frame: bytes) -> set[str]:
    return {message["status"] for message in json.loads(frame)}


async def test_a_room_in_which_nothing_happened_is_read_once(site: Any) -> None:
    chat, room_id, _ = site
    async with chat.hub.room(room_id) as room:
        first, was_read = await look(chat, room)
        again, was_read_again = await look(chat, room)
    assert (was_read, was_read_again) == (True, False)
    assert texts(first) == [f"number {n}" for n in range(MANY)]
    assert again is first


async def test_it_is_kept_when_nobody_is_in_the_room(site: Any) -> None:
    chat, room_id, _ = site
    async with chat.hub.room(room_id) as room:
        first, _ = await look(chat, room)
    async with chat.hub.room(room_id) as room:
        assert await look(chat, room) == (first, False)


@pytest.mark.parametrize("what", ["sent", "edited", "deleted"])
async def test_every_change_is_seen(site: Any, what: str) -> None:
    chat, room_id, ids = site
    change: Any = {
        "sent": Add(room_id, BOB, "new"),
        "edited": EditChange(room_id, ADA, ids[0], "new"),
        "deleted": DeleteChange(room_id, ADA, ids[0]),
    }[what]
    async with chat.hub.room(room_id) as room:
        before, _ = await look(chat, room)
        await chat.messages.make(change)
        after, was_read = await look(chat, room)
    assert was_read
    assert "new" not in texts(before)
    assert ("new" in texts(after)) == (what != "deleted")
    assert ("number 0" in texts(after)) == (what == "sent")


async def test_a_receipt_changes_the_statuses_of_known_messages(site: Any) -> None:
    chat, room_id, _ = site
    async with chat.hub.room(room_id) as room:
        before, _ = await look(chat, room)
        async with a_member(chat, room_id, BOB):
            after, was_read = await look(chat, room)
    assert not was_read
    assert statuses(before) == {"send"}
    assert statuses(after) == {"read"}
    assert texts(after) == texts(before)


async def test_links_start_where_the_socket_reached_us_and_live_as_long_as_new_ones(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, room_id, _ = site
    async with chat.hub.room(room_id) as room:
        first, _ = await look(chat, room)
        other, was_read = await look(chat, room, "http://two")
        assert not was_read
        assert other == first
        assert other is not first
        again, _ = await look(chat, room, "http://two")
        assert again is other
        monkeypatch.setattr(links, "expires_at", lambda now, ttl: 0)
        later, _ = await look(chat, room, "http://two")
        assert later is not other


async def test_another_life_of_the_database_is_read_anew(site: Any) -> None:
    chat, room_id, _ = site
    async with chat.hub.room(room_id) as room:
        await look(chat, room)
        assert chat.pages.get(room_id) is not None
        chat.store.engine.epoch = "another"
        assert chat.pages.get(room_id) is None


async def test_what_is_kept_has_its_bounds(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    chat, room_id, _ = site
    async with chat.hub.room(room_id) as room:
        frame, _ = await look(chat, room)
        assert chat.pages.size == len(frame)
        other = (await chat.rooms.open(ADA, [ADA, "3"])).room.id
        for n in range(MANY):
            await chat.messages.make(Add(other, ADA, f"number {n}"))
        monkeypatch.setattr(history_cache, "MAX_CACHE_SIZE", len(frame) + 10)
        async with chat.hub.room(other) as room_:
            await look(chat, room_)
        assert chat.pages.get(room_id) is None
        assert chat.pages.get(other) is not None


async def test_a_page_of_a_few_messages_is_not_worth_keeping(tmp_path: Path) -> None:
    async with a_chat(tmp_path) as (chat, room_id):
        await chat.messages.make(Add(room_id, ADA, "one"))
        async with chat.hub.room(room_id) as room:
            await look(chat, room)
            assert chat.pages.get(room_id) is None
