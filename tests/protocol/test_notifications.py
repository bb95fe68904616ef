"""One socket for all of a user's rooms: exact counters, the newest messages, few frames."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ..client import Person, Socket
from .test_http import assert_error

Two = tuple[Person, Person]


@pytest.fixture
def two(ada: Person, bob: Person, stranger: Callable[..., Person]) -> Two:
    """Two whom nobody wrote to before: on one process each, where there are two."""
    carl, dora = stranger(), stranger()
    carl.server, dora.server = ada.server, bob.server
    carl.id, dora.id = f"carl {carl.id}", f"dora {dora.id}"
    return carl, dora


@pytest.fixture
async def his(two: Two) -> AsyncIterator[Socket]:
    """Dora's notifications, when there is nothing in them yet."""
    async with two[1].listens() as socket:
        assert socket.first == {"type": "notify", "counter": 0, "messages": []}
        yield socket


def counts(frame: dict[str, Any]) -> dict[int, int]:
    return {notice["room_id"]: notice["counter_by_room"] for notice in frame["messages"]}


async def until(socket: Socket, **fields: Any) -> dict[str, Any]:
    frame: dict[str, Any] = await socket.receives("notify", **fields)
    return frame


async def status(person: Person, room: int) -> str:
    found: str = (await person.reads_all(room))[-1]["status"]
    return found


# ---------------------------------------------------------------- what it says


async def test_the_first_frame_says_how_it_stands(two: Two) -> None:
    carl, dora = two
    first, second = await carl.opens(dora), await carl.opens(dora)
    await carl.posts(first, "one")
    await carl.posts(second, "two")
    last = await carl.posts(first, "three")
    async with dora.listens() as socket:
        assert socket.first["counter"] == 3
        assert counts(socket.first) == {first: 2, second: 1}
        newest, older = socket.first["messages"]
        assert newest | {"room_id": first, "last_message": "three", "sender_id": carl.id} == newest
        assert newest["created_at"] == last["created_at"]
        assert older["last_message"] == "two"


async def test_each_message_is_told_and_is_delivered_by_that(two: Two, his: Socket) -> None:
    carl, dora = two
    room = await carl.opens(dora)
    message = await carl.posts(room, "hello")
    frame = await until(his, counter=1)
    (notice,) = frame["messages"]
    assert notice["last_message"] == "hello"
    await until(his, messages=[{"room_id": room, "status": "delivered"}])
    assert await status(carl, room) == "delivered"
    async with carl.enters(room) as c:
        await carl.posts(room, "and again")
        marked = await c.receives("mark_message_as_delivered")
        assert marked["message"]["text"] == "and again"
        assert not c.saw("mark_message_as_read")
    assert (await until(his, counter=2))["messages"][0]["counter_by_room"] == 2
    assert message["status"] == "send"


async def test_what_was_there_is_delivered_by_the_first_frame(two: Two) -> None:
    carl, dora = two
    room = await carl.opens(dora)
    async with carl.enters(room) as c:
        for text in ("one", "two"):
            await c.says(text)
        async with dora.listens():
            for text in ("one", "two"):
                await c.receives("mark_message_as_delivered", message={"text": text})
            assert not c.saw("mark_message_as_read")


async def test_ones_own_messages_count_nowhere(two: Two, his: Socket) -> None:
    carl, dora = two
    room = await carl.opens(dora)
    await dora.posts(room, "mine")
    await carl.posts(room, "yours")
    assert (await until(his, counter=1))["messages"][0]["last_message"] == "yours"
    assert [frame["counter"] for frame in his.saw("notify")] == [0, 1]


async def test_edits_and_deletions_are_told(two: Two, his: Socket) -> None:
    carl, dora = two
    room = await carl.opens(dora)
    async with carl.enters(room) as c:
        first, second = await c.says("first"), await c.says("second")
        await until(his, counter=2)
        await c.does("edit", message_id=second["message_id"], text="changed")
        await until(his, counter=2, messages=[{"last_message": "changed"}])
        await c.does("delete", message_id=second["message_id"])
        await until(his, counter=1, messages=[{"last_message": "first", "counter_by_room": 1}])
        await c.does("delete", message_id=first["message_id"])
        await until(his, counter=0, messages=[])


async def test_what_is_read_on_another_device_is_told(two: Two, his: Socket) -> None:
    carl, dora = two
    room, other = await carl.opens(dora), await carl.opens(dora)
    await carl.posts(room, "one")
    await carl.posts(other, "two")
    await until(his, counter=2)
    async with dora.enters(room):
        assert counts(await until(his, counter=1)) == {other: 1}
    async with dora.enters(other, receipts="manual") as manual:
        (message,) = manual.first
        await manual.does("read", message_id=message["message_id"])
        await until(his, counter=0, messages=[])


async def test_reading_half_leaves_the_other_half(two: Two, his: Socket) -> None:
    carl, dora = two
    room = await carl.opens(dora)
    sent = [await carl.posts(room, f"m{n}") for n in range(4)]
    await until(his, counter=4)
    path = f"chat/rooms/{room}/read/"
    await dora.post(path, {"message_id": sent[1]["message_id"]})
    await until(his, counter=2, messages=[{"counter_by_room": 2, "last_message": "m3"}])


async def test_rooms_that_end_or_are_left_leave_the_counter(two: Two, his: Socket) -> None:
    carl, dora = two
    room = await carl.opens(dora)
    group = await carl.opens(dora, Person(carl.server, carl.http, 3, "eve"))
    await carl.posts(room, "one")
    await carl.posts(group, "two")
    await until(his, counter=2)
    assert (await carl.delete(f"chat/delete/{room}")).status_code == 204
    await until(his, counter=1)
    path = f"chat/rooms/{group}/members/{dora.id.replace(' ', '%20')}"  # type: ignore[union-attr]
    assert (await carl.delete(path)).status_code == 204
    await until(his, counter=0, messages=[])


async def test_a_group_one_is_added_to_counts_from_there(two: Two, his: Socket) -> None:
    carl, dora = two
    eve, fred = (Person(carl.server, carl.http, id_, "x") for id_ in (3, "fred"))
    group = await carl.opens(eve, fred)
    await carl.posts(group, "before")
    answer = await carl.post(f"chat/rooms/{group}/members/", {"user_id": dora.id})
    assert answer.status_code == 201
    await carl.posts(group, "after")
    frame = await until(his, counter=1)
    assert frame["messages"][0]["last_message"] == "after"
    assert [f["counter"] for f in his.saw("notify")] == [0, 1]


async def test_a_muted_room_counts_by_itself_alone(two: Two, his: Socket) -> None:
    carl, dora = two
    room = await carl.opens(dora)
    await carl.posts(room, "one")
    await until(his, counter=1)
    await dora.asks("PATCH", f"chat/rooms/{room}/", json={"muted": True})
    await until(his, counter=0, messages=[{"room_id": room, "counter_by_room": 1}])
    await carl.posts(room, "two")
    await until(his, counter=0, messages=[{"room_id": room, "counter_by_room": 2}])
    await dora.asks("PATCH", f"chat/rooms/{room}/", json={"muted": False})
    await until(his, counter=2)


async def test_in_a_group_a_status_waits_for_the_last_one(two: Two, his: Socket) -> None:
    carl, dora = two
    fred = Person(carl.server, carl.http, "fred 2", "fred")
    group = await carl.opens(dora, fred)
    await carl.posts(group, "hello")
    await until(his, counter=1, messages=[{"status": "send"}])
    async with fred.listens():
        await until(his, counter=1, messages=[{"status": "delivered"}])


async def test_the_sender_is_online_or_not(two: Two, stranger: Callable[..., Person]) -> None:
    carl, dora = two
    fred = stranger()
    room, other = await carl.opens(dora), await dora.opens(fred)
    async with dora.enters(await carl.opens(dora)) as elsewhere, carl.enters(room) as c:
        await elsewhere.notices(carl.id, online=True)
        await fred.posts(other, "by HTTP alone")
        await c.says("here I am")
        async with dora.listens() as socket:
            said = {n["sender_id"]: n["sender_status"] for n in socket.first["messages"]}
            assert said == {carl.id: "online", fred.id: "offline"}


# ---------------------------------------------------------------- how often


async def test_at_most_five_frames_come_in_a_second(unlimited: Two) -> None:
    ada, bob = unlimited
    room = await ada.opens(bob)
    at: list[float] = []
    async with bob.listens() as socket, ada.enters(room) as a:
        before, began = socket.first["counter"], time.monotonic()
        for n in range(200):
            await a.says(f"m{n}")
        while not at or socket.seen[-1]["counter"] < before + 200:
            await socket.next()
            at.append(time.monotonic())
    # From its start: on a busy machine several may be read at the same moment.
    assert len(at) <= 5 * (at[-1] - began) + 2


async def test_what_changes_nothing_makes_no_frame(two: Two, his: Socket) -> None:
    carl, dora = two
    room = await carl.opens(dora)
    async with carl.enters(room) as c:
        await c.does("typing")
        message = await dora.posts(room, "mine")
        async with dora.enters(room) as d:
            await d.does("react", message_id=message["message_id"], emoji="👍")
            await c.receives("message_reacted")
        await c.says("yours")
        await until(his, counter=1)
    assert [frame["counter"] for frame in his.saw("notify")] == [0, 1]


async def test_all_tabs_are_told_the_same(two: Two, his: Socket) -> None:
    carl, dora = two
    room = await carl.opens(dora)
    await carl.posts(room, "one")
    await until(his, counter=1)
    async with dora.listens() as tab:
        assert tab.first["counter"] == 1
        await carl.posts(room, "two")
        for socket in (his, tab):
            await until(socket, counter=2)


# ---------------------------------------------------------------- the socket


async def test_it_takes_ping_and_auth_and_nothing_else(two: Two, his: Socket) -> None:
    carl, dora = two
    await his.does("ping")
    await his.receives("pong")
    await his.does("auth", token=dora.token())
    await his.receives("auth")
    error = await his.is_refused("auth", token=carl.token())
    assert error["code"] == "forbidden"
    room = await carl.opens(dora)
    for action, fields in (
        ("send", {"message": "no", "client_id": "n1"}),
        ("typing", {}),
        ("history", {}),
        ("dance", {}),
    ):
        error = await his.is_refused(action, **fields)
        assert (error["code"], error["action"]) == ("invalid_frame", action)
    await his.raw("no json")
    assert (await his.receives("error"))["code"] == "invalid_json"
    assert await carl.reads_all(room) == []


async def test_nobody_listens_without_a_token(two: Two) -> None:
    _, dora = two
    async with dora.knocks("", "/ws/chat/notifications", offers=[]) as socket:
        assert await socket.closes() == 4001
    async with dora.knocks("", "/ws/chat/notifications/", offers=["Bearer", "no"]) as socket:
        assert await socket.closes() == 4001


async def test_it_ends_with_its_token(two: Two) -> None:
    _, dora = two
    dora.claims = {"exp": int(time.time()) + 2}
    async with dora.listens() as socket:
        assert await socket.closes() == 4001


async def test_it_counts_as_being_online(two: Two) -> None:
    carl, dora = two
    room = await carl.opens(dora)
    async with carl.enters(room) as c, dora.listens():
        await c.notices(dora.id, online=True)


# ---------------------------------------------------------------- by HTTP


async def test_the_same_by_http(two: Two) -> None:
    carl, dora = two
    room = await carl.opens(dora)
    for text in ("one", "two"):
        await carl.posts(room, text)
    said = (await dora.get("chat/unread/")).json()
    async with dora.listens() as socket:
        assert socket.first == said
    assert said["counter"] == 2
    assert await status(carl, room) in ("send", "delivered")


async def test_http_delivers_nothing(two: Two) -> None:
    carl, dora = two
    room = await carl.opens(dora)
    await carl.posts(room, "one")
    assert (await dora.get("chat/unread/")).json()["counter"] == 1
    assert await status(carl, room) == "send"


async def test_unread_wants_a_token(ada: Person) -> None:
    answer = await ada.asks("GET", "chat/unread/", headers={"Authorization": ""})
    assert_error(answer, 401, "unauthenticated")


async def test_whatever_happens_at_the_same_time_the_last_frame_is_true(two: Two) -> None:
    carl, dora = two
    rooms = [await carl.opens(dora) for _ in range(5)]
    async with dora.listens() as socket:

        async def talk(room: int, n: int) -> None:
            async with carl.enters(room) as c:
                sent = [await c.says(f"m{i}") for i in range(10)]
                for message in sent[:n]:
                    await c.does("delete", message_id=message["message_id"])
                for message in sent[:n]:  # a pong may come before what was done is stored
                    await c.until("message_deleted", message_id=message["message_id"])

        await asyncio.gather(*(talk(room, n) for n, room in enumerate(rooms)))
        expected = {room: 10 - n for n, room in enumerate(rooms)}
        while counts((socket.saw("notify") or [socket.first])[-1]) != expected:
            await socket.next()
        assert socket.seen[-1]["counter"] == sum(expected.values())
    assert counts((await dora.get("chat/unread/")).json()) == expected
