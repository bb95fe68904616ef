"""People come into a group, leave it, and are removed: what everybody sees of it from then on."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote

import pytest

from ..client import Person
from .test_http import assert_error
from .test_room_changes import shown
from .test_room_list import rooms_of
from .test_statuses import assert_never_back

Stranger = Callable[..., Person]
Trio = tuple[int, Person]
PLAIN, SYNC = {"receipts": "manual"}, {"after": 0}


def path(room: int, user: int | str | None = None) -> str:
    whom = "" if user is None else f"{quote(str(user), safe='')}/"
    return f"chat/rooms/{room}/members/{whom}"


async def lets_in(person: Person, room: int, guest: Person) -> dict[str, Any]:
    answer = await person.post(path(room), {"user_id": guest.id})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def removes(person: Person, room: int, other: Person) -> None:
    answer = await person.delete(path(room, other.id))
    assert (answer.status_code, answer.content) == (204, b""), answer.text


async def users_of(person: Person, room: int) -> set[int | str]:
    return {member["user_id"] for member in (await shown(person, room))["members"]}


@pytest.fixture
def elsewhere(ada: Person) -> Callable[[Person], Person]:
    """The same person on the other process, where there are two."""

    def make(person: Person) -> Person:
        server = person.server
        other = ada.server if server is ada.server.other else ada.server.other
        return Person(other, person.http, person.id, person.name)

    return make


# ---------------------------------------------------------------- coming in


async def test_a_new_member_sees_all_and_has_nothing_unread(
    ada: Person, bob: Person, trio: Trio, stranger: Stranger
) -> None:
    room, _ = trio
    dora = stranger()
    for n, person in enumerate((ada, bob, ada)):
        await person.posts(room, f"m{n}")
    assert_error(await dora.get(f"chat/rooms/{room}/"), 404, "not_found")
    body = await lets_in(ada, room, dora)
    assert body == await shown(ada, room)
    assert dora.id in [m["user_id"] for m in body["members"]]
    assert [m["text"] for m in await dora.reads_all(room)] == ["m0", "m1", "m2"]
    [item] = await rooms_of(dora)
    assert (item["room_id"], item["unread"]) == (room, 0)
    newest = await bob.posts(room, "m3")
    assert (await shown(dora, room))["unread"] == 1
    async with dora.enters(room, after=0) as socket:
        assert len(socket.first["messages"]) == 4
        receipts = {r["user_id"]: r for r in socket.first["receipts"]}
        assert receipts[dora.id]["read"] == newest["message_id"]
    assert (await shown(dora, room))["unread"] == 0


async def test_those_who_are_there_hear_who_comes_and_who_leaves(
    ada: Person, bob: Person, trio: Trio, stranger: Stranger
) -> None:
    room, carl = trio
    dora = stranger()
    async with ada.enters(room) as a, bob.enters(room, receipts="manual,compact") as b:
        await lets_in(ada, room, dora)
        for socket in (a, b):
            frame = await socket.receives("room_changed")
            assert frame["members"] == [1, 2, *sorted([carl.id, dora.id])]
        async with dora.enters(room) as d:
            assert (await d.still_works())["sender_id"] == dora.id
        await removes(carl, room, carl)
        for socket in (a, b):
            assert (await socket.receives("room_changed"))["members"] == [1, 2, dora.id]


async def test_one_who_is_in_it_already_is_let_in_silently(
    ada: Person, bob: Person, trio: Trio
) -> None:
    room, _ = trio
    async with bob.enters(room) as b:
        answer = await ada.post(path(room), {"user_id": "2"})
        assert (answer.status_code, answer.json()["room_id"]) == (200, room)
        await b.still_works()
        assert not b.saw("room_changed")


async def test_only_who_made_the_room_lets_others_in(
    bob: Person, eve: Person, trio: Trio, stranger: Stranger
) -> None:
    room, carl = trio
    guest = {"user_id": stranger().id}
    assert_error(await bob.post(path(room), guest), 403, "forbidden")
    assert_error(await eve.post(path(room), guest), 404, "not_found")
    assert_error(await eve.post(path(room), {"user_id": eve.id}), 404, "not_found")
    assert await users_of(carl, room) == {1, 2, carl.id}


@pytest.mark.parametrize(
    "body", [{}, [], {"user_id": None}, {"user_id": ""}, {"user_id": True}, {"user_id": "a\x00"}]
)
async def test_nobody_is_let_in_by_a_wrong_name(ada: Person, trio: Trio, body: Any) -> None:
    room, carl = trio
    assert_error(await ada.post(path(room), body), 400, "invalid_frame")
    assert await users_of(ada, room) == {1, 2, carl.id}


async def test_a_room_of_two_stays_one(
    ada: Person, bob: Person, room: int, stranger: Stranger
) -> None:
    answer = await ada.post(path(room), {"user_id": stranger().id})
    assert_error(answer, 409, "conflict")
    for person in (ada, bob):
        assert_error(await person.delete(path(room, 2)), 409, "conflict")
    assert await users_of(bob, room) == {1, 2}


async def test_a_full_room_lets_nobody_in(stranger: Stranger) -> None:
    me = stranger()
    guests = [f"guest {n}" for n in range(254)]
    room = (await me.post("chat/create/", {"members": [me.id, *guests]})).json()["room_id"]
    latecomers = [{"user_id": f"late {n}"} for n in range(4)]
    answers = await asyncio.gather(*(me.post(path(room), body) for body in latecomers))
    assert sorted(a.status_code for a in answers) == [201, 409, 409, 409]
    assert len(await users_of(me, room)) == 256
    assert_error(await me.post(path(room), {"user_id": "late 9"}), 409, "conflict")
    assert (await me.delete(path(room, "guest 0"))).status_code == 204
    assert (await me.post(path(room), {"user_id": "late 9"})).status_code == 201


# ---------------------------------------------------------------- leaving


@pytest.mark.parametrize("query", [{}, PLAIN, SYNC])
async def test_a_removed_member_is_out_at_once_everywhere(
    ada: Person, bob: Person, trio: Trio, elsewhere: Callable[[Person], Person], query: Any
) -> None:
    room, _ = trio
    async with (
        ada.enters(room) as a,
        bob.enters(room, **query) as b,
        elsewhere(bob).enters(room, **query) as tab,
    ):
        await a.says("for all")
        for socket in (b, tab):
            await socket.hears("for all")
        await removes(ada, room, bob)
        secret = await a.says("without bob")
        for socket in (b, tab):
            assert await socket.closes() == 4003
            assert not socket.saw("chat_message", message={"text": "without bob"})
            assert not socket.saw("room_changed")
    for person in (bob, elsewhere(bob)):
        async with person.knocks(f"?room_id={room}&after=0") as socket:
            assert await socket.closes() == 4003
            assert not socket.seen
    assert_error(await bob.get(f"chat/rooms/{room}/messages/"), 404, "not_found")
    answer = await bob.post(f"chat/rooms/{room}/messages/", {"message": "let me in"})
    assert_error(answer, 404, "not_found")
    assert room not in [r["room_id"] for r in await rooms_of(bob)]
    assert (await ada.reads_all(room))[-1]["message_id"] == secret["message_id"]


async def test_who_may_remove_whom(ada: Person, bob: Person, eve: Person, trio: Trio) -> None:
    room, carl = trio
    assert_error(await bob.delete(path(room, carl.id)), 403, "forbidden")
    assert_error(await bob.delete(path(room, 1)), 403, "forbidden")
    assert_error(await eve.delete(path(room, 2)), 404, "not_found")
    assert_error(await eve.delete(path(room, 3)), 404, "not_found")
    assert_error(await ada.delete(path(room, 3)), 404, "not_found")
    assert await users_of(carl, room) == {1, 2, carl.id}
    await removes(carl, room, carl)
    assert_error(await carl.delete(path(room, carl.id)), 404, "not_found")
    await removes(ada, room, bob)
    assert await users_of(ada, room) == {1}


@pytest.mark.parametrize("user", ["a/b", "/", "a b%2F?c#d", "ім'я 👍", "017"])
async def test_whoever_it_is_he_can_be_removed(ada: Person, trio: Trio, user: str) -> None:
    room, _ = trio
    assert (await ada.post(path(room), {"user_id": user})).status_code == 201
    assert user in await users_of(ada, room)
    assert (await ada.delete(path(room, user))).status_code == 204
    assert user not in await users_of(ada, room)


async def test_removing_at_once_removes_once(ada: Person, trio: Trio) -> None:
    room, carl = trio
    answers = await asyncio.gather(*(ada.delete(path(room, carl.id)) for _ in range(6)))
    assert sorted(a.status_code for a in answers) == [204, *[404] * 5]


async def test_the_room_goes_to_who_is_in_it_for_longest(
    ada: Person, trio: Trio, stranger: Stranger
) -> None:
    room, carl = trio
    dora, fred = stranger(), stranger()
    await lets_in(ada, room, fred)
    await lets_in(ada, room, dora)
    await removes(ada, room, ada)
    answer = await fred.post(path(room), {"user_id": 77})
    assert_error(answer, 403, "forbidden")
    heirs = [carl, fred, dora]  # bob, of those who were there from the start, comes first
    bob = Person(ada.server, ada.http, 2, "bob")
    for now, then in zip([bob, *heirs], heirs, strict=False):
        await removes(now, room, now)
        assert (await then.asks("PATCH", f"chat/rooms/{room}/", json={"title": "mine"})).is_success
    assert await users_of(dora, room) == {dora.id}


async def test_with_the_last_member_the_room_ends(ada: Person, bob: Person, trio: Trio) -> None:
    room, carl = trio
    async with ada.enters(room) as a:
        for person in (bob, carl, ada):
            await removes(person, room, person)
        assert await a.closes() == 4004
        assert a.seen[-1] == {"type": "room_deleted", "room_id": room}
    async with ada.knocks(f"?room_id={room}") as socket:
        assert await socket.closes() == 4004


async def test_a_flood_of_the_removed_one_ends_where_he_was_removed(
    unlimited: tuple[Person, Person], stranger: Stranger
) -> None:
    ada, bob = unlimited
    room = await ada.opens(bob, stranger())
    async with ada.enters(room) as a, bob.enters(room) as b:
        for n in range(200):
            await b.sends(f"m{n}")
        await a.hears("m20")
        await removes(ada, room, bob)
        last = await a.says("bob is gone")
        assert await b.closes() == 4003
        after = [m for m in await ada.reads_all(room) if m["message_id"] > last["message_id"]]
        assert after == []
        await a.still_works()
        seen = [f for f in a.seen if isinstance(f, dict)]
        gone = [f["type"] for f in seen].index("room_changed")
        assert {f["message"]["sender_id"] for f in seen[gone:] if "version" in f} == {1}


# ---------------------------------------------------------------- statuses and counters


async def test_statuses_are_over_those_who_are_there(ada: Person, bob: Person, trio: Trio) -> None:
    room, carl = trio
    async with ada.enters(room) as a, bob.enters(room):
        message = await a.says("who reads this?")
        await a.still_works()
        assert not a.saw("mark_message_as_delivered")
        await removes(ada, room, carl)
        for kind in ("delivered", "read"):
            await a.receives(f"mark_message_as_{kind}", message={"text": "who reads this?"})
        assert_never_back(a)
        found = await ada.reads_all(room)
        assert [m["status"] for m in found] == ["read"] * 2
        assert message["message_id"] == found[0]["message_id"]


async def test_a_new_member_takes_no_status_back(
    ada: Person, bob: Person, trio: Trio, stranger: Stranger
) -> None:
    room, carl = trio
    dora = stranger()
    async with AsyncExitStack() as stack:
        a, b, _ = [await stack.enter_async_context(p.enters(room)) for p in (ada, bob, carl)]
        await a.says("read by all")
        await a.receives("mark_message_as_read")
        await lets_in(ada, room, dora)
        await a.receives("room_changed")
        assert [m["status"] for m in await ada.reads_all(room)] == ["read"]
        await a.says("not by dora")
        await b.still_works()
        await a.receives("chat_message", message={"sender_id": 2})
        assert not a.saw("mark_message_as_delivered", message={"text": "not by dora"})
        async with dora.enters(room):
            await a.receives("mark_message_as_read", message={"text": "not by dora"})
        assert_never_back(a)


async def test_alone_in_a_room_no_status_goes_back(ada: Person, bob: Person, trio: Trio) -> None:
    room, carl = trio
    async with ada.enters(room) as a:
        await a.says("one")
        async with bob.enters(room), carl.enters(room):
            await a.receives("mark_message_as_read")
        for person in (bob, carl):
            await removes(person, room, person)
        await a.receives("room_changed", members=[1])
        assert [m["status"] for m in await ada.reads_all(room)] == ["read"]
        await a.says("nobody is here")
        assert_never_back(a)
    await lets_in(ada, room, bob)
    assert {m["status"] for m in await ada.reads_all(room)} == {"read"}


async def test_who_comes_back_counts_from_then_on(ada: Person, bob: Person, trio: Trio) -> None:
    room, _ = trio
    await bob.posts(room, "his own")
    unread = await ada.posts(room, "never read by him")
    await removes(ada, room, bob)
    await ada.posts(room, "without him")
    await lets_in(ada, room, bob)
    assert (await shown(bob, room))["unread"] == 0
    new = [await ada.posts(room, f"new {n}") for n in range(3)]
    await bob.posts(room, "his own, again")
    assert (await shown(bob, room))["unread"] == 3
    async with (
        ada.enters(room, receipts="compact") as a,
        bob.enters(room, receipts="manual") as b,
    ):
        for gone in (unread, new[1]):
            await a.does("delete", message_id=gone["message_id"])
            await b.receives("message_deleted")
        assert (await shown(bob, room))["unread"] == 2
        await b.does("read", message_id=new[0]["message_id"])
        await a.receives("receipt", user_id=2, read=new[0]["message_id"])
        assert (await shown(bob, room))["unread"] == 1
    async with bob.enters(room):
        assert (await shown(bob, room))["unread"] == 0
