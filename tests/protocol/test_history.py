"""Older pages, on the socket and over HTTP."""

from typing import Any

import pytest

from ..client import Person, Socket
from .test_http import assert_error


async def fill(socket: Socket, count: int) -> list[int]:
    """This many messages, m0 and on; their ids."""
    for n in range(count):
        await socket.sends(f"m{n}")
    await socket.hears(f"m{count - 1}")
    return [f["message"]["message_id"] for f in socket.saw("chat_message")]


async def page(socket: Socket, **fields: Any) -> tuple[list[int], bool]:
    await socket.does("history", **fields)
    answer = await socket.receives("history")
    return [m["message_id"] for m in answer["messages"]], answer["has_more"]


async def test_pages_go_back_to_the_beginning(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        ids = await fill(socket, 120)
        assert await page(socket) == (ids[70:], True)
        assert await page(socket, before=ids[70]) == (ids[20:70], True)
        assert await page(socket, before=ids[20]) == (ids[:20], False)
        assert await page(socket, before=ids[0]) == ([], False)
        assert await page(socket, before=0) == ([], False)
        assert await page(socket, before=2**53 - 1, limit=1) == (ids[119:], True)


async def test_a_page_is_as_long_as_asked_up_to_100(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        ids = await fill(socket, 120)
        assert await page(socket, limit=3) == (ids[117:], True)
        assert await page(socket, limit=100) == (ids[20:], True)
        assert await page(socket, limit=101) == (ids[20:], True)
        assert await page(socket, limit=10**6, before=ids[100]) == (ids[:100], False)
        assert await page(socket, limit=None, before=None) == (ids[70:], True)


async def test_has_more_is_exact(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        ids = await fill(socket, 10)
        assert await page(socket, limit=10) == (ids, False)
        assert await page(socket, limit=9) == (ids[1:], True)
        assert await page(socket, before=ids[9], limit=9) == (ids[:9], False)


async def test_before_may_be_a_string(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        ids = await fill(socket, 5)
        assert await page(socket, before=str(ids[3]), limit=2) == (ids[1:3], True)


async def test_an_empty_room_has_an_empty_page(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        assert await page(socket) == ([], False)


async def test_deleted_messages_are_on_no_page(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        ids = await fill(socket, 6)
        for gone in (ids[0], ids[3]):
            await socket.does("delete", message_id=gone)
            await socket.receives("message_deleted")
        left = [i for i in ids if i not in (ids[0], ids[3])]
        assert await page(socket) == (left, False)
        assert await page(socket, limit=4) == (left, False)
        assert await page(socket, before=ids[4], limit=2) == ([ids[1], ids[2]], False)


async def test_a_page_goes_to_this_socket_alone(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        await a.says("one")
        await a.does("history")
        await a.receives("history")
        await b.still_works()
        assert not b.saw("history")


async def test_a_page_shows_messages_as_they_are_now(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a:
        one = await a.says("one", client_id="n1")
        await a.does("edit", message_id=one["message_id"], text="one!")
        await a.receives("message_edited")
        async with bob.enters(room):
            await a.receives("mark_message_as_read")
            await a.does("history")
            [message] = (await a.receives("history"))["messages"]
    assert (message["text"], message["status"], message["version"]) == ("one!", "read", 2)
    assert message["client_id"] == "n1"


# ------------------------------------------------------------------ HTTP


async def get(person: Person, room: int, **params: Any) -> tuple[list[int], bool]:
    answer = await person.get(f"chat/rooms/{room}/messages/", **params)
    assert answer.status_code == 200, answer.text
    newer = {"has_newer"} if "after" in params else set()
    assert set(answer.json()) == {"messages", "has_more"} | newer
    return [m["message_id"] for m in answer.json()["messages"]], answer.json()["has_more"]


async def test_http_pages_go_both_ways(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        ids = await fill(socket, 120)
    assert await get(bob, room) == (ids[70:], True)
    assert await get(bob, room, limit=1000) == (ids[20:], True)
    assert await get(bob, room, before=ids[20]) == (ids[:20], False)
    assert await get(bob, room, before=0) == ([], False)
    assert await get(bob, room, after=0, limit=2) == (ids[:2], True)
    assert await get(bob, room, after=ids[1], limit=2) == (ids[2:4], True)
    assert await get(bob, room, after=ids[110]) == (ids[111:], False)
    assert await get(bob, room, after=ids[119]) == ([], False)


async def test_http_and_socket_show_the_same_messages(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room):
        await a.says("one", client_id="n1")
        await a.receives("mark_message_as_read")
        await a.does("history")
        by_socket = (await a.receives("history"))["messages"]
    assert await bob.reads_all(room) == by_socket


@pytest.mark.parametrize("name", ["before", "after", "limit"])
@pytest.mark.parametrize("value", ["now", "-1", "1.5", "٤", ""])
async def test_a_wrong_parameter_is_refused(ada: Person, room: int, name: str, value: str) -> None:
    await ada.posts(room, "one")
    answer = await ada.get(f"chat/rooms/{room}/messages/", **{name: value})
    assert_error(answer, 400, "invalid_frame")
    assert name in answer.json()["detail"]


async def test_an_outsider_finds_no_messages(ada: Person, eve: Person, room: int) -> None:
    await ada.posts(room, "not for eve")
    assert len(await ada.reads_all(room)) == 1
    assert_error(await eve.get(f"chat/rooms/{room}/messages/"), 404, "not_found")
    path = f"chat/rooms/{room}/messages/"
    assert_error(await eve.post(path, {"message": "from eve"}), 404, "not_found")
    assert len(await ada.reads_all(room)) == 1


async def test_a_room_that_is_not_there_has_no_messages(ada: Person) -> None:
    for path in ("chat/rooms/9007199254740991/messages/", "chat/rooms/0/messages/"):
        assert_error(await ada.get(path), 404, "not_found")
        assert_error(await ada.post(path, {"message": "x"}), 404, "not_found")


async def test_a_post_makes_the_same_frames_as_a_socket(
    ada: Person, bob: Person, room: int
) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        answer = await ada.post(f"/uk/api/v1/chat/rooms/{room}/messages", {"message": "posted"})
        assert answer.status_code == 201
        for socket in (a, b):
            frames = await socket.until("mark_message_as_read")
            assert [f["type"] for f in frames] == [
                "chat_message",
                "mark_message_as_delivered",
                "mark_message_as_read",
            ]
            assert frames[0]["message"] == answer.json() | {"status": "send"}
            assert frames[0]["version"] == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "empty_message"),
        ({"message": ""}, "empty_message"),
        ({"message": "x" * 4001}, "too_long"),
        ({"message": None}, "invalid_frame"),
        ({"message": "a\x00b"}, "invalid_frame"),
        ({"message": "x", "client_id": 5}, "invalid_frame"),
        ({"message": "x", "files": "y"}, "invalid_frame"),
        ({"message": "x", "files": [{"file_path": "uploads/none"}]}, "file_missing"),
    ],
)
async def test_a_bad_post_stores_nothing(ada: Person, room: int, body: Any, code: str) -> None:
    assert_error(await ada.post(f"chat/rooms/{room}/messages/", body), 400, code)
    assert await ada.reads_all(room) == []
