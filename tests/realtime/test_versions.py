"""Events between processes of two versions: fields are appended; what can't be read is loaded."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from broadcaster import Broadcast, BroadcastBackend, Event
from roomcast.protocol import codec
from roomcast.realtime.events import Change, Mark, RoomEvent, pack, unpack
from roomcast.realtime.user_channels import UserEvent
from roomcast.store.messages import Add

from ..inside import ADA, BOB, a_chat, a_member

Head = list[Any]
# What a released version sends. A field is only ever appended: a process of this version would
# take an inserted one for another.
RELEASED = '[3,4,[[3,7,"1","sent"],[4,8,"2","edited"]],[["2",7,6,true]],false,"",5,["9"],[]]'
RELEASED_USER = '["1",[3,4],true,"2",5,true,6,["9"]]'


def an_event() -> RoomEvent:
    changes = [Change(3, 7, ADA, "sent"), Change(4, 8, BOB, "edited")]
    return RoomEvent(3, 4, changes, [Mark(BOB, 7, 6, True)], False, "", 5, ["9"], [b"{}", b"[]"])


def a_user_event() -> UserEvent:
    return UserEvent(
        "1", rooms=[3, 4], is_revoked=True, whom="2", at=5, is_online=True, last_seen=6,
        hidden_from=["9"],
    )  # fmt: skip


def test_fields_are_where_they_were() -> None:
    head, *frames = pack(an_event()).split("\n")
    head_fields = json.loads(head)
    assert head_fields[: len(json.loads(RELEASED))] == json.loads(RELEASED)
    assert frames == ["{}", "[]"]
    fields = json.loads(codec.encode(a_user_event()))
    assert fields[: len(json.loads(RELEASED_USER))] == json.loads(RELEASED_USER)


def test_an_event_of_a_released_version_is_read() -> None:
    assert unpack(f"{RELEASED}\n{{}}\n[]") == an_event()
    assert msgspec.json.decode(RELEASED_USER, type=UserEvent) == a_user_event()
    assert msgspec.json.decode('["1"]', type=UserEvent) == UserEvent("1")


def append_fields(head: Head) -> None:
    head += [{"new": True}, 7]
    for part in head[2] + head[3]:
        part.append("new")


def leave_out_fields(head: Head) -> None:
    del head[4:]


def use_an_unknown_kind(head: Head) -> None:
    head[2][0][3] = "pinned"


def use_another_type(head: Head) -> None:
    head[0] = "three"


def leave_out_all(head: Head) -> None:
    del head[2:]


def change_nothing(head: Head) -> None: ...


class OtherVersion(BroadcastBackend):
    """A broker on which every event is written as a process of another version writes it."""

    def __init__(self, change: Callable[[Head], None]) -> None:
        self._change = change
        self.changed = 0

    async def connect(self) -> None:
        self._published: asyncio.Queue[Event] = asyncio.Queue()

    async def disconnect(self) -> None: ...
    async def subscribe(self, channel: str) -> None: ...
    async def unsubscribe(self, channel: str) -> None: ...

    async def publish(self, channel: str, message: Any) -> None:
        if isinstance(message, RoomEvent):
            head, *frames = pack(message).split("\n")
            fields = json.loads(head)
            self._change(fields)
            self.changed += 1
            message = "\n".join([json.dumps(fields), *frames])
        await self._published.put(Event(channel, message))

    async def next_published(self) -> Event:
        return await self._published.get()


@pytest.mark.parametrize(
    "change",
    [
        change_nothing, append_fields, leave_out_fields, use_an_unknown_kind, use_another_type,
        leave_out_all,
    ],
)  # fmt: skip
async def test_what_another_version_publishes_reaches_everybody_once(
    change: Callable[[Head], None], tmp_path: Path
) -> None:
    broker = OtherVersion(change)
    async with (
        a_chat(tmp_path, Broadcast(backend=broker)) as (chat, room_id),
        a_member(chat, room_id, ADA, is_manual=True) as (room, ada),
    ):
        for text in ("one", "two", "three"):
            await chat.messages.make(Add(room_id, BOB, text))
        await room.wait_until_delivered(3, {})
        texts = [f["message"]["text"] for f in ada.frames if f["type"] == "chat_message"]
        assert texts == ["one", "two", "three"]
        assert broker.changed >= 3
