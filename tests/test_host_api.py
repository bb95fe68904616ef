"""What the host's own code calls: every call, from the loop, from threads, and from elsewhere."""

import asyncio
import inspect
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import pytest
from msgspec import UNSET, to_builtins
from roomcast import app as roomcast_app
from roomcast.app import (
    About,
    App,
    Button,
    Conflict,
    File,
    InvalidFrame,
    NotFound,
    Room,
    User,
)
from roomcast.chat.account.export import ExportedRoom
from roomcast.chat.host_api import HostApi
from roomcast.chat.host_sync import SyncApi
from roomcast.testing import chat_client

from .pages import ROOT

CALLS = sorted(
    name
    for name, member in inspect.getmembers(HostApi, inspect.isfunction)
    if not name.startswith("_")
)


@pytest.fixture
async def chat() -> AsyncIterator[App]:
    async with chat_client(1) as client:
        yield client.chat


async def test_rooms(chat: App) -> None:
    room = await chat.open_room([1, "2", "anna"], title="Hike")
    assert isinstance(room, Room)
    assert [member.user_id for member in room.members] == [1, 2, "anna"]
    assert await chat.room(room) == await chat.room(room.id) == room
    assert (await chat.update_room(room, title="Ride")).title == "Ride"
    assert 9 in (await chat.add_member(room, 9)).member_ids
    await chat.remove_member(room, "9")
    assert (await chat.rooms(user="anna")).results[0].id == room.id
    assert len(await chat.rooms(query="rid")) == 1
    pair = await chat.open_room([1, 2], context="listing:5")
    assert (await chat.rooms(context="listing:5"))[0] == pair
    with pytest.raises(Conflict):
        await chat.add_member(pair, 3)
    await chat.delete_room(pair)
    with pytest.raises(NotFound):
        await chat.room(pair)


async def test_messages(chat: App) -> None:
    room = await chat.open_room([1, 2])
    first = await chat.post(room, "Hello", sender=1, client_id="a")
    assert await chat.post(room, "Hello", sender="1", client_id="a") == first
    answer = await chat.post(
        room.id, sender=2, reply_to=first, files=[File("a.txt", b"hi", "text/plain")]
    )
    assert answer.attachments[0].file_name == "a.txt"
    assert (await chat.edit(room, first, text="Hi")).text == "Hi"
    await chat.react(room, first, user=2, emoji="👍")
    await chat.react(room, first, user=2, emoji="👍")
    assert (await chat.unread(1)).counter == 1
    await chat.mark_read(room, user=1, message=answer)
    assert (await chat.unread(1)).counter == 0
    page = await chat.messages(room, limit=1)
    assert [message.message_id for message in page] == [answer.message_id]
    older = await chat.messages(room, before=answer.message_id)
    assert older[0].reactions
    await chat.delete_message(room, answer)
    assert len(await chat.messages(room)) == 1


async def test_data_and_buttons_are_given_and_read_as_dicts(chat: App) -> None:
    room = await chat.open_room([1, 2])
    button = {"id": "yes", "label": "Yes"}
    sent = await chat.post(room, "An offer", data={"n": 1}, actions=[button])
    assert (sent.data, to_builtins(sent.actions)) == ({"n": 1}, [button])
    assert sent.actions
    for again in (sent.actions, [Button("Yes", id="yes")]):
        assert to_builtins((await chat.edit(room, sent, actions=again)).actions) == [button]
    assert (await chat.messages(room))[0].data == {"n": 1}
    assert (await chat.edit(room, sent, text="The offer")).data == {"n": 1}
    assert (await chat.edit(room, sent, data={})).data == {}
    assert (await chat.edit(room, sent, data=None)).data is UNSET
    for wrong in ("yes", {"id": "yes"}, {"id": "yes", "label": 5}):
        with pytest.raises(InvalidFrame, match="actions"):
            await chat.post(room, "An offer", actions=[wrong])  # type: ignore[list-item]


async def test_what_a_room_is_about_may_be_a_dict(chat: App) -> None:
    about = {"title": "A bicycle", "url": "https://example.com/55"}
    room = await chat.open_room([1, 2], about=about, data={"at": ("a", "b")})
    assert to_builtins(room.about) == about
    assert room.about == (await chat.update_room(room, about=About(**about))).about
    assert room.data == {"at": ["a", "b"]}
    assert to_builtins((await chat.update_room(room, about={"title": "B"})).about) == {"title": "B"}
    lines = [line async for line in chat.export_user(1)]
    (exported,) = [line for line in lines if isinstance(line, ExportedRoom)]
    assert (to_builtins(exported.about), exported.data) == ({"title": "B"}, {"at": ["a", "b"]})


WRONG: tuple[Any, ...] = (object(), 1.5, b"x", {"x": object()}, [object()])
"""No argument of any call is one of these."""


async def calls_of(chat: App) -> dict[str, dict[str, Any]]:
    """Right arguments of each call."""
    room = (await chat.open_room([1, 2, 3])).id
    message = (await chat.post(room, "Hello", sender=1)).message_id
    user: dict[str, Any] = {"user": 2}
    one: dict[str, Any] = {"room": room, "message": message}
    post: dict[str, Any] = {"room": room, "text": "Hi", "sender": 2, "data": {}, "actions": ()}
    return {
        "open_room": {"members": [1, 2], "context": "", "title": "", "about": None, "data": {}},
        "rooms": {"user": 1, "context": "a", "query": "a", "cursor": None},
        "room": {"id": room},
        "update_room": {"id": room, "title": "", "about": None, "data": None, "frozen": False},
        "add_member": {"room": room, "user": 4},
        "remove_member": {"room": room, "user": 4},
        "delete_room": {"id": room},
        "post": {**post, "files": (), "reply_to": None, "client_id": "a"},
        "edit": {**one, "text": "Hello", "data": None, "actions": []},
        "delete_message": one,
        "messages": {"room": room, "before": None, "after": None, "limit": 50},
        "react": {**one, **user, "emoji": "👍", "on": True},
        "mark_read": {**one, **user},
        "unread": user,
        "user": {"id": 2},
        "set_user": {"id": 2, "name": "B", "picture": None, "email": None, "language": "en"},
        "ban": {**user, "until": None, "reason": ""},
        "unban": user,
        "disconnect": user,
        "block": {**user, "blocked": 3},
        "unblock": {**user, "blocked": 3},
        "export_user": {"id": 2},
        "erase_user": {"id": 2},
        "reports": {"state": "open", "cursor": None},
        "resolve_report": {"id": 99, "note": ""},
        "stats": {},
    }


async def test_an_argument_of_another_type_is_refused_with_a_sentence(chat: App) -> None:
    calls = await calls_of(chat)
    assert sorted(calls) == CALLS
    for name, right in calls.items():
        assert right.keys() == inspect.signature(getattr(chat, name)).parameters.keys()
        for argument, wrong in product(right, WRONG):
            call = getattr(chat, name)(**{**right, argument: wrong})
            with pytest.raises(InvalidFrame):
                _ = [line async for line in call] if name == "export_user" else await call


async def test_users(chat: App) -> None:
    user = await chat.set_user(2, name="Bob", email="bob@example.com")
    assert isinstance(user, User)
    assert (user.name, user.email, user.banned) == ("Bob", "bob@example.com", False)
    await chat.ban("2", reason="spam")
    banned = (await chat.user(2)).banned
    assert banned
    assert banned.reason == "spam"
    await chat.unban(2)
    await chat.disconnect(2)
    await chat.block(1, 2)
    await chat.unblock(1, 2)
    assert [type(line).__name__ async for line in chat.export_user(2)][-1] == "ExportEnd"
    await chat.erase_user(2)
    assert (await chat.user(2)).name is None
    assert (await chat.stats()).rooms == 0


async def test_the_same_from_another_thread(chat: App) -> None:
    def work() -> tuple[Any, ...]:
        room = chat.sync.open_room([1, 2])
        message = chat.sync.post(room, "From a thread", sender=2)
        lines = list(chat.sync.export_user(2))
        with pytest.raises(NotFound):
            chat.sync.room(99)
        return chat.sync.messages(room)[0] == message, type(lines[-1]).__name__

    assert await asyncio.to_thread(work) == (True, "ExportEnd")


async def test_from_its_own_loop_sync_would_wait_for_itself(chat: App) -> None:
    with pytest.raises(RuntimeError, match=r"await chat\.open_room"):
        chat.sync.open_room([1, 2])


def test_without_a_running_chat_sync_says_so() -> None:
    chat = roomcast_app.create_app({"auth": {"secret": "s" * 32}})
    with pytest.raises(RuntimeError, match="not started"):
        chat.sync.open_room([1, 2])


@pytest.mark.parametrize("name", CALLS)
def test_every_call_is_there_for_threads_and_in_the_docs(name: str) -> None:
    assert inspect.signature(getattr(SyncApi, name)).parameters.keys() == (
        inspect.signature(getattr(HostApi, name)).parameters.keys()
    )
    assert getattr(HostApi, name).__doc__
    page = (ROOT / "docs/python-api.md").read_text()
    assert re.search(rf"`{name}\(", page)


@pytest.mark.parametrize("name", roomcast_app.__all__)
def test_what_hosts_import_is_there_and_in_the_docs(name: str) -> None:
    assert hasattr(roomcast_app, name)
    assert f"`{name}`" in (ROOT / "docs/python-api.md").read_text()


def test_mounting_the_chat_imports_no_server() -> None:
    code = "import roomcast.app, sys; print({'uvicorn', 'websockets'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ran.stdout, ran.stderr) == ("set()\n", "")
