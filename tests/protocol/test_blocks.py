"""Blocking somebody: what he can't do any more, in a room of two, and what he still can."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import quote

import pytest

from ..client import LIMIT, Person
from .files import PNG, TEXT, file
from .test_http import assert_error
from .test_room_list import rooms_of

Stranger = Callable[..., Person]
CREATE = "chat/create/"


def path(person: Person | str) -> str:
    user = person if isinstance(person, str) else str(person.id)
    return f"chat/blocks/{quote(user, safe='')}/"


async def blocks(person: Person, other: Person | str) -> None:
    answer = await person.post(path(other))
    assert (answer.status_code, answer.content) == (204, b"")


async def unblocks(person: Person, other: Person | str) -> None:
    answer = await person.delete(path(other))
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.fixture
async def pair(ada: Person, bob: Person) -> AsyncIterator[tuple[int, int]]:
    """A room of ada and bob, and the message in it that bob sent before she blocked him."""
    room = await ada.opens(bob)
    message = await bob.posts(room, "before", client_id="before")
    await blocks(ada, bob)
    yield room, message["message_id"]
    await unblocks(ada, bob)


async def test_the_blocked_one_says_nothing_any_more(
    ada: Person, bob: Person, pair: tuple[int, int]
) -> None:
    room, message_id = pair
    wish = {"name": "a.txt", "size": len(TEXT), "type": "text/plain"}
    async with ada.enters(room) as a, bob.enters(room) as b:
        for action, fields in (
            ("send", {"message": "hi"}),
            ("send", {"message": "hi", "client_id": "n1"}),
            ("send", {"message": "look", "file": file("a.png", "image/png", PNG)}),
            ("send", {"message": "look", "file": wish}),
            ("edit", {"message_id": message_id, "text": "changed"}),
            ("react", {"message_id": message_id, "emoji": "👍"}),
            ("typing", {}),
        ):
            error = await b.is_refused(action, **fields)
            assert (error["code"], error["action"]) == ("forbidden", action)
        await a.says("she may")
        await b.hears("she may")
        assert [f["type"] for f in a.seen[1:] if "version" in f] == ["chat_message"]
        assert not a.saw("typing")
    answer = await bob.post(f"chat/rooms/{room}/messages/", {"message": "hi"})
    assert_error(answer, 403, "forbidden")


async def test_he_may_read_and_take_back_and_ask_what_became_of_his_message(
    ada: Person, bob: Person, pair: tuple[int, int]
) -> None:
    room, message_id = pair
    async with ada.enters(room) as a, bob.enters(room) as b:
        await a.says("read this")
        await a.receives("mark_message_as_read", message={"text": "read this"})
        again = await b.says("before", client_id="before")
        assert again["message_id"] == message_id
        await b.does("delete", message_id=message_id)
        await a.receives("message_deleted", message_id=message_id)


async def test_a_flood_ends_where_he_was_blocked(
    unlimited: tuple[Person, Person],
) -> None:
    ada, bob = unlimited
    room = await ada.opens(bob)
    async with ada.enters(room) as a, bob.enters(room) as b:
        for n in range(200):
            await b.sends(f"m{n}", client_id=f"n{n}")
        await a.hears("m20")
        await blocks(ada, bob)
        last = await a.says("blocked")
        await b.sends("and now?")
        await b.receives("error", code="forbidden")
        after = [m for m in await ada.reads_all(room) if m["message_id"] > last["message_id"]]
        assert after == []
    await unblocks(ada, bob)


async def test_blocking_is_safe_to_repeat_and_can_be_taken_back(ada: Person, bob: Person) -> None:
    room = await ada.opens(bob)
    for _ in range(2):
        await blocks(ada, bob)
    await unblocks(bob, ada)
    answer = await bob.post(f"chat/rooms/{room}/messages/", {"message": "hi"})
    assert_error(answer, 403, "forbidden")
    for _ in range(2):
        await unblocks(ada, bob)
    await bob.posts(room, "hi")


async def test_rooms_of_several_are_as_they_were(
    ada: Person, bob: Person, trio: tuple[int, Person]
) -> None:
    room, _ = trio
    await blocks(ada, bob)
    async with ada.enters(room) as a, bob.enters(room) as b:
        message = await b.says("hi")
        await b.does("react", message_id=message["message_id"], emoji="👍")
        await a.receives("message_reacted")
        await b.does("typing")
        await a.receives("typing")
    await unblocks(ada, bob)


async def test_the_blocked_one_gets_no_presence_and_no_typing_of_her(stranger: Stranger) -> None:
    her, bob, carl = stranger(), stranger(), stranger()
    room = await her.opens(bob, carl)
    await blocks(her, bob)
    async with bob.enters(room) as b, carl.enters(room) as c:
        async with her.enters(room) as a:
            await c.notices(her.id, online=True)
            await a.does("typing")
            await c.receives("typing", user_id=her.id)
            await a.says("this he may see")
            await b.hears("this he may see")
            await b.does("typing")
            await a.receives("typing", user_id=bob.id)
        about_her = {f["type"] for f in b.seen[1:] if f.get("user_id") == her.id}
        assert about_her <= {"receipt"}
        assert her.id not in {f["user_id"] for f in b.presences}


async def test_the_blocked_ones_notifications_show_her_offline(
    stranger: Stranger,
) -> None:
    her, bob, carl = stranger(), stranger(), stranger()
    room = await her.opens(bob, carl)
    async with her.enters(room) as socket:
        await socket.says("hello")
        assert await sender_status(carl, room, "online") == "online"
        assert await sender_status(bob, room, "online") == "online"
        await blocks(her, bob)
        assert await sender_status(bob, room, "offline") == "offline"
        assert await sender_status(carl, room, "online") == "online"


async def sender_status(person: Person, room: int, expected: str) -> str:
    """What the notifications say of the sender: presence is written a moment after it changes."""
    async with asyncio.timeout(LIMIT):
        while True:
            (notice,) = (await person.get("chat/unread/")).json()["messages"]
            assert notice["room_id"] == room
            if notice["sender_status"] == expected:
                return expected
            await asyncio.sleep(0.02)


async def test_the_blocked_one_gets_no_receipts_of_her(stranger: Stranger) -> None:
    """In a room of two the ticks stay as they were; she reads on for herself."""
    her, bob = stranger(), stranger()
    room = await her.opens(bob)
    first = await bob.posts(room, "read before")
    path_of_room = f"chat/rooms/{room}/"
    assert (await her.post(path_of_room + "read/", {"message_id": first["message_id"]})).is_success
    async with bob.enters(room) as b:
        last = await b.says("before the block")
        await blocks(her, bob)
        async with her.enters(room), her.enters(room, after=0, receipts="compact") as a:
            await a.says("she has read it all")
            await b.hears("she has read it all")
        assert [f for f in b.seen[1:] if "read" in f["type"] or "delivered" in f["type"]] == []
    read = await her.post(path_of_room + "read/", {"message_id": last["message_id"]})
    assert read.json()["read"] == last["message_id"]
    assert (await her.get(path_of_room)).json()["unread"] == 0
    statuses = {m["message_id"]: m["status"] for m in await bob.reads_all(room)}
    assert (statuses[first["message_id"]], statuses[last["message_id"]]) == ("read", "send")
    async with bob.enters(room, after=0) as b:
        (sync,) = b.seen[:1]
        assert {r["user_id"]: r["read"] for r in sync["receipts"]}[her.id] == first["message_id"]
        await unblocks(her, bob)
        marked = await b.receives("mark_message_as_read")
        assert marked["message"]["message_id"] == last["message_id"]
    statuses = {m["message_id"]: m["status"] for m in await bob.reads_all(room)}
    assert statuses[last["message_id"]] == "read"


QUIET = {"receipts": "manual,compact"}


async def reads(person: Person, room: int, message: dict[str, Any]) -> None:
    body = {"message_id": message["message_id"]}
    assert (await person.post(f"chat/rooms/{room}/read/", body)).is_success


def receipts_of(person: Person, frames: list[Any]) -> list[int]:
    """How far the person has read, by the frames of another's socket."""
    found = [f for f in frames if f["type"] == "receipt" and f["user_id"] == person.id]
    return [receipt["read"] for receipt in found]


async def test_in_a_room_of_several_he_gets_no_receipts_of_her(stranger: Stranger) -> None:
    """He goes on seeing those of others, and they see hers."""
    her, bob, carl = stranger(), stranger(), stranger()
    room = await her.opens(bob, carl)
    first = await bob.posts(room, "before the block")
    async with bob.enters(room, after=0, **QUIET) as b, carl.enters(room, after=0, **QUIET) as c:
        await reads(her, room, first)
        await b.receives("receipt", user_id=her.id, read=first["message_id"])
        await blocks(her, bob)
        second = await carl.posts(room, "after it")
        await reads(her, room, second)
        await c.receives("receipt", user_id=her.id, read=second["message_id"])
        await reads(carl, room, first)
        await b.receives("receipt", user_id=carl.id, read=first["message_id"])
        assert receipts_of(her, b.seen[1:]) == [first["message_id"]]
    for person, seen in ((bob, {bob.id, carl.id}), (carl, {her.id, bob.id, carl.id})):
        async with person.enters(room, after=0, **QUIET) as socket:
            assert {receipt["user_id"] for receipt in socket.first["receipts"]} == seen
    async with bob.enters(room, **QUIET) as b, carl.enters(room, **QUIET) as c:
        third = await carl.posts(room, "and more")
        await reads(her, room, third)
        await reads(bob, room, third)
        await c.receives("receipt", user_id=bob.id, read=third["message_id"])
        assert third["message_id"] in receipts_of(her, c.seen[1:])
        assert receipts_of(her, b.seen[1:]) == []
        await unblocks(her, bob)
        last = await carl.posts(room, "at last")
        await reads(her, room, last)
        await b.receives("receipt", user_id=her.id, read=last["message_id"])


async def test_in_a_room_of_several_a_status_is_that_of_all_and_names_nobody(
    stranger: Stranger,
) -> None:
    """One value for everybody: the blocked one's message is read when the last one has read it."""
    her, bob, carl = stranger(), stranger(), stranger()
    room = await her.opens(bob, carl)
    await blocks(her, bob)
    async with bob.enters(room, receipts="manual") as b, carl.enters(room, receipts="manual") as c:
        message = await b.says("to all")
        await reads(carl, room, message)
        assert (await bob.reads_all(room))[-1]["status"] != "read"
        await reads(her, room, message)
        for socket in (b, c):
            frame = await socket.receives("mark_message_as_read")
            assert frame["message"]["message_id"] == message["message_id"]
        assert [f for f in b.seen[1:] if her.id in f.values()] == []


async def test_who_comes_into_the_room_later_is_hidden_too(stranger: Stranger) -> None:
    her, bob, carl, dora = (stranger() for _ in range(4))
    room = await carl.opens(bob, dora)
    await blocks(her, bob)
    async with bob.enters(room, **QUIET) as b, carl.enters(room, **QUIET) as c:
        assert (await carl.post(f"chat/rooms/{room}/members/", {"user_id": her.id})).is_success
        await b.receives("room_changed")
        message = await carl.posts(room, "welcome")
        await reads(her, room, message)
        await c.receives("receipt", user_id=her.id, read=message["message_id"])
        await reads(dora, room, message)
        await b.receives("receipt", user_id=dora.id, read=message["message_id"])
        assert receipts_of(her, b.seen[1:]) == []


async def test_no_new_room_is_opened_with_who_has_blocked_one(stranger: Stranger) -> None:
    me, you = stranger(), stranger()
    old = (await me.post(CREATE, {"second_user": you.id})).json()["room_id"]
    await blocks(you, me)
    fresh = {"second_user": you.id, "context": f"test:{uuid.uuid4()}"}
    assert_error(await me.post(CREATE, fresh), 403, "forbidden")
    assert [r["room_id"] for r in await rooms_of(you)] == [old]
    answer = await me.post(CREATE, {"second_user": you.id})
    assert (answer.status_code, answer.json()["room_id"]) == (200, old)
    made = await you.post(CREATE, {"second_user": me.id, "context": fresh["context"]})
    assert made.status_code == 201
    answer = await me.post(f"chat/rooms/{made.json()['room_id']}/messages/", {"message": "hi"})
    assert_error(answer, 403, "forbidden")


async def test_nobody_blocks_himself(ada: Person) -> None:
    assert_error(await ada.post(path(ada)), 400, "invalid_frame")


@pytest.mark.parametrize("user", ["a/b", "/", "ім'я 👍", "017", "nobody was ever called this"])
async def test_whoever_it_is_he_can_be_blocked(stranger: Stranger, user: str) -> None:
    me, you = stranger(), stranger(user)
    await blocks(me, user)
    fresh: dict[str, Any] = {"second_user": me.id, "context": f"test:{uuid.uuid4()}"}
    assert_error(await you.post(CREATE, fresh), 403, "forbidden")
    await unblocks(me, user)
    assert (await you.post(CREATE, fresh)).status_code == 201


async def test_who_may_not_ask_blocks_nobody(ada: Person) -> None:
    for method in ("POST", "DELETE"):
        answer = await ada.asks(method, path("9"), headers={"Authorization": ""})
        assert_error(answer, 401, "unauthenticated")


async def test_blocks_are_limited(serve: Any, cast: Any) -> None:
    ada, *_ = cast(serve(limits_max_blocks=2))
    await blocks(ada, "b1")
    await blocks(ada, "b2")
    await blocks(ada, "b2")
    assert_error(await ada.post(path("b3")), 409, "conflict")
    await unblocks(ada, "b1")
    await blocks(ada, "b3")
