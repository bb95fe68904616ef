"""Deleting a room: by whom, and what is left of it: nothing."""

import asyncio

import pytest

from ..client import Person
from .files import PNG, file, gone
from .test_http import assert_error


async def test_a_room_is_deleted_once(ada: Person, room: int) -> None:
    answer = await ada.delete(f"chat/delete/{room}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert_error(await ada.delete(f"chat/delete/{room}"), 404, "not_found")


async def test_in_a_room_of_two_either_may(bob: Person, room: int) -> None:
    assert (await bob.delete(f"chat/delete/{room}")).status_code == 204


async def test_an_outsider_finds_nothing_to_delete(ada: Person, eve: Person, room: int) -> None:
    await ada.posts(room, "still here")
    assert_error(await eve.delete(f"chat/delete/{room}"), 404, "not_found")
    assert [m["text"] for m in await ada.reads_all(room)] == ["still here"]


async def test_in_a_room_of_three_only_its_creator_may(
    ada: Person, bob: Person, trio: tuple[int, Person]
) -> None:
    room, carl = trio
    await bob.posts(room, "bob is in it")
    for member in (bob, carl):
        assert_error(await member.delete(f"chat/delete/{room}"), 404, "not_found")
    assert (await ada.delete(f"chat/delete/{room}")).status_code == 204


@pytest.mark.parametrize("spelled", ["0{}", "-{}", "+{}", "{}.0", "den", "%D9%A4", "9" * 30])
async def test_an_id_that_is_none_is_not_found(ada: Person, room: int, spelled: str) -> None:
    assert_error(await ada.delete(f"chat/delete/{spelled.format(room)}"), 404, "not_found")
    assert await ada.reads_all(room) == []


async def test_open_sockets_are_told_and_closed(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, ada.enters(room) as tab, bob.enters(room) as b:
        assert (await bob.delete(f"chat/delete/{room}")).status_code == 204
        for socket in (a, tab, b):
            assert await socket.closes() == 4004
            assert socket.seen[-1] == {"type": "room_deleted", "room_id": room}


async def test_nothing_of_it_is_left(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        await socket.sends("look", file=file("a.png", "image/png", PNG))
        url = (await socket.hears("look"))["attachments"][0]["file_url"]
    assert (await ada.http.get(url)).status_code == 200
    assert (await bob.delete(f"chat/delete/{room}")).status_code == 204
    assert_error(await gone(ada.http, url), 404, "not_found")
    assert_error(await ada.get(f"chat/rooms/{room}/messages/"), 404, "not_found")
    listed = (await ada.get("chat/recieve/", page_size=100)).json()["results"]
    assert room not in [r["room_id"] for r in listed]
    async with ada.knocks(f"?room_id={room}") as socket:
        assert await socket.closes() == 4004


async def test_a_deleted_room_is_not_the_next_one(ada: Person, bob: Person, room: int) -> None:
    await ada.delete(f"chat/delete/{room}")
    assert await ada.opens(bob) > room


async def test_the_same_pair_and_context_begin_anew(ada: Person, bob: Person) -> None:
    room = await ada.opens(bob, context="listing:9")
    await ada.posts(room, "old")
    await ada.delete(f"chat/delete/{room}")
    again = await ada.opens(bob, context="listing:9")
    assert again != room
    assert await ada.reads_all(again) == []


async def test_deleting_amid_a_flood_ends_it_cleanly(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        for n in range(100):
            await a.sends(f"m{n}")
        await b.hears("m10")
        answers = await asyncio.gather(*(bob.delete(f"chat/delete/{room}") for _ in range(5)))
        assert sorted(r.status_code for r in answers) == [204, 404, 404, 404, 404]
        for socket in (a, b):
            assert await socket.closes() == 4004
            assert len(socket.saw("room_deleted")) == 1
            assert socket.seen[-1]["type"] == "room_deleted"
            assert not socket.saw("error", code="internal")
