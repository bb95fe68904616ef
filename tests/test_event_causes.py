"""Everything that the site is told of: what causes it, what it says, and that it says so once.

The function of the host and the webhook are told the same.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, get_args

import msgspec
import pytest
from roomcast.integrations import outbox_relay
from roomcast.store.outbox import Kind
from roomcast.store.store import Connection

from .server_api.conftest import Site, a_site
from .test_webhooks import SECRET, Ear, Receiver, is_genuine

CONTEXT = "listing:55"
FILE = {"name": "a.txt", "size": 1, "type": "text/plain", "data": "YQ=="}
TOLD_FILE = {"name": "a.txt", "content_type": "text/plain", "size": 1}
ONCE = [{"id": "accept", "label": "Accept", "once": True}]
MORE = [{"id": "more", "label": "More"}]
# What every event of a kind says beside what the cause names.
ALWAYS = {"type", "id", "at", "room_id", "context", "user_id"}
OF_MESSAGE = {"message_sent", "message_edited", "message_deleted", "message_reacted",
              "message_action"}  # fmt: skip


class World:
    """A room of users 1, 2 and 3 with a context, its message of user 2, and who acts."""

    def __init__(self, site: Site, ear: Ear, receiver: Receiver) -> None:
        self.site, self.ear, self.receiver = site, ear, receiver
        self.chat = site.ada.chat
        self.room = self.message = self.offer = self.news = 0

    async def open(self) -> None:
        self.room = await self.site.room(1, 2, 3, context=CONTEXT)
        self.message = await self.posts(text="Hello", sender=2)
        self.offer = await self.posts(text="An offer", actions=ONCE, data={"n": 1})
        self.news = await self.posts(text="News", sender=2, actions=MORE)

    async def posts(self, **fields: Any) -> int:
        answer = await self.site.post(f"rooms/{self.room}/messages/", json=fields)
        return int(answer.json()["message_id"])

    async def member(self, method: str, path: str, user: int = 1, **body: Any) -> None:
        """A call of a member, which succeeds."""
        where = f"/api/v1/chat/{path.format(**vars(self))}"
        answer = await self.site.ada.another(user).request(method, where, json=body or None)
        assert answer.is_success, answer.text

    async def owner(self, method: str, path: str, **body: Any) -> None:
        """A call of the site, which succeeds."""
        answer = await self.site.request(method, path.format(**vars(self)), json=body or None)
        assert answer.is_success, answer.text

    async def noted(self) -> int:
        """How many events were stored until now."""
        return await self.chat.state.chat.store.read(_noted) // 2  # two listeners

    async def told(self, since: int) -> list[dict[str, Any]]:
        """The events from this one on, as both listeners have them."""
        store = self.chat.state.chat.store
        while await store.read(_is_erasing):
            continue
        upto = await self.noted()
        await self.ear.until(lambda: len(self.ear.events) >= upto)
        await self.receiver.until(upto)
        assert all(is_genuine(*request) for request in self.receiver.requests)
        events = [msgspec.to_builtins(event) for event in self.ear.events[since:]]
        posted = [json.loads(body) for _, body in self.receiver.requests[since:]]
        assert _without_ids(posted) == _without_ids(events)
        assert len(self.ear.events) == len(self.receiver.requests) == upto
        return events


def _without_ids(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each listener has ids of its own, and members are those at its delivery."""
    return sorted(({**event, "id": "", "members": []} for event in events), key=repr)


async def _noted(db: Connection) -> int:
    (row,) = await db.fetch_all("SELECT coalesce(max(seq), 0) AS n FROM sqlite_sequence"
                                " WHERE name = 'outbox'")  # fmt: skip
    return int(row["n"])


async def _is_erasing(db: Connection) -> bool:
    return bool(await db.fetch_all("SELECT 1 FROM erasures"))


Act = Callable[[World], Awaitable[None]]


class Cause(NamedTuple):
    """What somebody does, and the events that this is: none, or one in nearly all cases."""

    name: str
    act: Act
    events: Sequence[dict[str, Any]]


def member(method: str, path: str, user: int = 1, **body: Any) -> Act:
    return lambda world: world.member(method, path, user, **body)


def owner(method: str, path: str, **body: Any) -> Act:
    return lambda world: world.owner(method, path, **body)


async def by_socket(world: World) -> None:
    async with world.site.ada.socket(world.room) as socket:
        await socket.receive_json()
        await socket.send_json({"action": "send", "message": "By socket"})
        while (await socket.receive_json())["type"] != "chat_message":
            continue


async def all_leave(world: World) -> None:
    room = await world.site.room(1, 2, 3, context="left")
    for user in (1, 2, 3):
        await world.member("DELETE", f"rooms/{room}/members/{user}/", user)


ROOM, MESSAGES = "rooms/{room}/", "rooms/{room}/messages/"
MESSAGE = "rooms/{room}/messages/{message}/"
OFFER, NEWS = "rooms/{room}/messages/{offer}/", "rooms/{room}/messages/{news}/"
SITE: dict[str, Any] = {"user_id": None}
CAUSES = [
    Cause("a member opens a room", member("POST", "create/", second_user=9, context="a"),
          [{"type": "room_created", "user_id": 1, "context": "a", "members": [1, 9]}]),
    Cause("the same room again", member("POST", "create/", second_user=9, context="a"), []),
    Cause("the site opens a room", owner("POST", "rooms/", members=[4, 5], about={"title": "x"}),
          [{"type": "room_created", **SITE, "context": None, "members": [4, 5]}]),
    Cause("the same by the site", owner("POST", "rooms/", members=[4, 5]), []),
    Cause("a title", member("PATCH", ROOM, title="Bicycle"),
          [{"type": "room_changed", "user_id": 1, "text": "Bicycle"}]),
    Cause("the same title", member("PATCH", ROOM, title="Bicycle"), []),
    Cause("a member's own flags", member("PATCH", ROOM, muted=True, marked_unread=True), []),
    Cause("the site's title", owner("PATCH", ROOM, title="Bike"),
          [{"type": "room_changed", **SITE, "text": "Bike"}]),
    Cause("what it is on", owner("PATCH", ROOM, about={"title": "x"}, data={"a": 1}, frozen=True),
          [{"type": "room_changed", **SITE}]),
    Cause("writable again", owner("PATCH", ROOM, frozen=False), [{"type": "room_changed", **SITE}]),
    Cause("writable as before", owner("PATCH", ROOM, frozen=False), []),
    Cause("a member added", member("POST", ROOM + "members/", user_id=6),
          [{"type": "member_added", "user_id": 1, "about": 6, "members": [1, 2, 3, 6]}]),
    Cause("the same member", member("POST", ROOM + "members/", user_id=6), []),
    Cause("added by the site", owner("POST", ROOM + "members/", user_id=7),
          [{"type": "member_added", **SITE, "about": 7, "members": [1, 2, 3, 6, 7]}]),
    Cause("a member removed", member("DELETE", ROOM + "members/6/"),
          [{"type": "member_removed", "user_id": 1, "about": 6, "members": [1, 2, 3, 7]}]),
    Cause("removed by the site", owner("DELETE", ROOM + "members/7/"),
          [{"type": "member_removed", **SITE, "about": 7}]),
    Cause("a message", member("POST", MESSAGES, 2, message="Hi", client_id="c", data={"a": 1}),
          [{"type": "message_sent", "user_id": 2, "text": "Hi", "data": {"a": 1}}]),
    Cause("the same client_id", member("POST", MESSAGES, 2, message="Hi", client_id="c"), []),
    Cause("a file alone", member("POST", MESSAGES, message="", file=FILE),
          [{"type": "message_sent", "user_id": 1, "text": "", "files": [TOLD_FILE]}]),
    Cause("by socket", by_socket, [{"type": "message_sent", "user_id": 1, "text": "By socket"}]),
    Cause("of the site", owner("POST", MESSAGES, text="Paid", data={"b": 2}),
          [{"type": "message_sent", **SITE, "text": "Paid", "kind": "system", "data": {"b": 2}}]),
    Cause("for a member", owner("POST", MESSAGES, text="Thanks", sender=2),
          [{"type": "message_sent", "user_id": 2, "text": "Thanks"}]),
    Cause("an edit", member("PATCH", MESSAGE, 2, text="Hello!"),
          [{"type": "message_edited", "user_id": 2, "text": "Hello!"}]),
    Cause("an edit by the site", owner("PATCH", MESSAGE, data={"c": 3}),
          [{"type": "message_edited", "user_id": 2, "text": "Hello!", "data": {"c": 3}}]),
    Cause("the same edit", owner("PATCH", MESSAGE, data={"c": 3}), []),
    Cause("a reaction", member("PUT", MESSAGE + "reactions/%F0%9F%91%8D/"),
          [{"type": "message_reacted", "user_id": 1, "text": "👍"}]),
    Cause("the same reaction", member("PUT", MESSAGE + "reactions/%F0%9F%91%8D/"), []),
    Cause("taken back", member("DELETE", MESSAGE + "reactions/%F0%9F%91%8D/"),
          [{"type": "message_reacted", "user_id": 1, "text": "👍"}]),
    Cause("a press that stays", member("POST", NEWS + "act/", id="more", params={"p": 2}),
          [{"type": "message_action", "user_id": 1, "text": "News", "action": "more",
            "params": {"p": 2}}]),
    Cause("a press of a button for once", member("POST", OFFER + "act/", 2, id="accept"),
          [{"type": "message_action", "user_id": 2, "text": "An offer", "action": "accept",
            "kind": "system", "data": {"n": 1}}]),
    Cause("a report", member("POST", MESSAGE + "report/", reason="spam", text="Again"),
          [{"type": "message_reported", "user_id": 1, "text": "Hello!", "reason": "spam",
            "report": "Again", "data": {"c": 3}}]),
    Cause("the same report", member("POST", MESSAGE + "report/", reason="spam"), []),
    Cause("receipts", member("POST", ROOM + "read/", message_id=1), []),
    Cause("a block", member("POST", "blocks/3/"), []),
    Cause("a deletion", member("DELETE", MESSAGE, 2), [{"type": "message_deleted", "user_id": 2}]),
    Cause("by the site", owner("DELETE", OFFER),
          [{"type": "message_deleted", **SITE, "kind": "system"}]),
    Cause("a ban", owner("PUT", "users/8/ban/", reason="spam"),
          [{"type": "user_banned", "user_id": 8, "text": "spam"}]),
    Cause("the same ban", owner("PUT", "users/8/ban/", reason="spam"), []),
    Cause("another ban", owner("PUT", "users/8/ban/", reason="fraud"),
          [{"type": "user_banned", "user_id": 8, "text": "fraud"}]),
    Cause("lifted", owner("DELETE", "users/8/ban/"), []),
    Cause("a profile", owner("PUT", "users/2/", name="Bob"), []),
    Cause("nobody's erasure", owner("DELETE", "users/77/"),
          [{"type": "user_erased", "user_id": 77}]),
    Cause("the last member leaves", all_leave,
          [{"type": "room_created", **SITE, "context": "left"},
           *({"type": "member_removed", "user_id": n, "about": n, "context": "left"}
             for n in (1, 2, 3)),
           {"type": "room_deleted", "user_id": 3, "context": "left", "members": []}]),
    Cause("a room deleted", member("DELETE", "delete/{room}/"),
          [{"type": "room_deleted", "user_id": 1, "members": [1, 2, 3]}]),
]  # fmt: skip


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_relay, "SEARCH_INTERVAL", 0.02)


@asynccontextmanager
async def a_world(**webhooks: Any) -> AsyncIterator[World]:
    ear, receiver = Ear(), Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    options = {"url": f"http://localhost:{port}/", "secret": SECRET, "allow_private": True}
    try:
        async with a_site({"webhooks": options | webhooks}, on_event=ear) as site:
            yield World(site, ear, receiver)
    finally:
        server.close()


def expected(world: World, event: dict[str, Any]) -> dict[str, Any]:
    """The whole event, without what is counted."""
    is_of_user = event["type"].startswith("user_")
    of_room = {"context": CONTEXT, "members": [1, 2, 3]}
    return {"room_id": None, "context": None, **event} if is_of_user else {**of_room, **event}


async def test_each_cause_is_told_once_and_as_documented() -> None:
    seen: set[str] = set()
    async with a_world() as world:
        await world.open()
        for cause in CAUSES:
            since = await world.noted()
            await cause.act(world)
            events = await world.told(since)
            assert [event["type"] for event in events] == [e["type"] for e in cause.events], cause
            for event, wanted in zip(events, cause.events, strict=True):
                counted = {"id", "at", "room_id", "version", "message_id"}
                whole = expected(world, wanted)
                left = {"members"} if cause.name == "the last member leaves" else set()
                shown = {k: v for k, v in event.items() if k not in counted | left}
                assert shown == {k: v for k, v in whole.items() if k not in counted | left}, cause
                assert event.keys() >= ALWAYS
                assert ("version" in event) == (event["type"] in OF_MESSAGE), cause
                assert ("message_id" in event) == event["type"].startswith("message_"), cause
                seen.add(event["type"])
        assert len({event.id for event in world.ear.events}) == len(world.ear.events)
    assert seen == set(get_args(Kind)) - {"messages_unread"}


async def test_what_stays_unread_is_told_to_both() -> None:
    async with a_world(unread_reminder_after=0.05) as world:
        room = await world.site.room(1, 2, context=CONTEXT)
        sent = await world.site.post(f"rooms/{room}/messages/", json={"text": "Hello", "sender": 1})
        await world.ear.hears("messages_unread")
        *_, event = await world.told(0)
    assert {k: v for k, v in event.items() if k not in ("id", "at")} == {
        "type": "messages_unread", "room_id": room, "context": CONTEXT, "user_id": 2,
        "members": [1, 2], "message_id": sent.json()["message_id"], "unread": 1,
    }  # fmt: skip
