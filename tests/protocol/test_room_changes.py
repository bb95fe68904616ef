"""One room by HTTP: what a member sees of it, mutes, archives, and what its creator names it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ..client import Person
from .test_http import assert_error
from .test_room_list import LIST, rooms_of

Stranger = Callable[..., Person]


async def shown(person: Person, room: int) -> dict[str, Any]:
    answer = await person.get(f"chat/rooms/{room}/")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def changed(person: Person, room: int, **fields: Any) -> dict[str, Any]:
    answer = await person.asks("PATCH", f"chat/rooms/{room}/", json=fields)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_room_is_an_item_of_the_list_and_more(stranger: Stranger, ada: Person) -> None:
    me = stranger()
    room = await ada.opens(me, title="Garden")
    await ada.posts(room, "Hello")
    [item] = await rooms_of(me)
    more = {"muted": False, "archived": False, "version": 1, "can": ["send", "delete"]}
    assert await shown(me, room) == item | more


async def test_nobody_else_sees_or_changes_it(eve: Person, ada: Person, room: int) -> None:
    await shown(ada, room)
    for path in (f"chat/rooms/{room}/", "chat/rooms/9007199254740991/", "chat/rooms/x/"):
        assert_error(await eve.get(path), 404, "not_found")
        answer = await eve.asks("PATCH", path, json={"muted": True, "title": "mine"})
        assert_error(answer, 404, "not_found")
    assert (await shown(ada, room))["title"] is None


async def test_a_member_mutes_for_himself_alone(ada: Person, bob: Person, room: int) -> None:
    assert (await changed(ada, room, muted=True))["muted"] is True
    assert (await changed(ada, room))["muted"] is True
    assert (await shown(bob, room))["muted"] is False
    assert (await changed(ada, room, muted=False))["muted"] is False


async def test_an_archived_room_is_out_of_the_list(stranger: Stranger, ada: Person) -> None:
    me = stranger()
    room, other = await ada.opens(me), await ada.opens(me)
    assert (await changed(me, room, archived=True))["archived"] is True
    assert [r["room_id"] for r in await rooms_of(me)] == [other]
    assert [r["room_id"] for r in await rooms_of(me, archived=1)] == [room]
    assert [(await me.get(LIST, archived=a)).json()["count"] for a in (0, 1)] == [1, 1]
    assert room in [r["room_id"] for r in await rooms_of(ada)]
    assert (await changed(me, room, archived=False))["archived"] is False
    assert [r["room_id"] for r in await rooms_of(me)] == [other, room]
    assert await rooms_of(me, archived=1) == []


@pytest.mark.parametrize("who", [0, 1])
async def test_a_new_message_brings_it_back(stranger: Stranger, ada: Person, who: int) -> None:
    me = stranger()
    room = await ada.opens(me)
    message = await ada.posts(room, "old")
    await changed(me, room, archived=True)
    async with ada.enters(room) as socket:
        await socket.does("edit", message_id=message["message_id"], text="edited")
        await socket.receives("message_edited")
        await socket.does("delete", message_id=message["message_id"])
        await socket.receives("message_deleted")
    assert await rooms_of(me) == []
    await (ada, me)[who].posts(room, "new")
    assert [r["room_id"] for r in await rooms_of(me)] == [room]
    assert (await shown(me, room))["archived"] is False
    await changed(me, room, archived=True)
    assert await rooms_of(me) == []


async def test_pages_of_the_list_and_of_the_archive(stranger: Stranger, bob: Person) -> None:
    me = stranger()
    rooms = [await me.opens(bob) for _ in range(6)]
    for room in rooms[::2]:
        await changed(me, room, archived=True)
    pages = [await rooms_of(me, page_size=2, page=page) for page in (1, 2)]
    assert [[r["room_id"] for r in page] for page in pages] == [[rooms[5], rooms[3]], [rooms[1]]]
    answer = (await me.get(LIST, page_size=2, archived=1)).json()
    assert [r["room_id"] for r in answer["results"]] == [rooms[4], rooms[2]]
    rest = (await me.get(answer["next"])).json()
    assert [r["room_id"] for r in rest["results"]] == [rooms[0]]
    assert_error(await me.get(LIST, page_size=2, page=3, archived=1), 400, "invalid_frame")


@pytest.mark.parametrize("archived", ["2", "", "true", "-1"])
async def test_archived_is_0_or_1(ada: Person, room: int, archived: str) -> None:
    assert_error(await ada.get(LIST, archived=archived), 400, "invalid_frame")


async def test_a_new_title_is_told_to_all_in_the_room(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, ada.enters(room, after=0) as tab, bob.enters(room) as b:
        assert (await changed(ada, room, title="Garden"))["title"] == "Garden"
        for socket in (a, tab, b):
            frame = await socket.next()
            assert frame == {
                "type": "room_changed", "room_id": room, "members": [1, 2], "title": "Garden",
            }  # fmt: skip
        await changed(ada, room, title=None)
        assert (await b.next())["title"] is None
        assert (await b.still_works())["version"] == 1
    assert (await shown(bob, room))["title"] is None


async def test_what_was_so_before_is_told_to_nobody(ada: Person, bob: Person, room: int) -> None:
    await changed(ada, room, title="Garden")
    async with bob.enters(room) as b:
        await changed(ada, room, title="Garden", muted=True, archived=True)
        await b.still_works()
        assert not b.saw("room_changed")


async def test_only_its_creator_names_it_and_nothing_is_half_done(
    ada: Person, bob: Person, room: int
) -> None:
    await changed(ada, room, title="Garden")
    answer = await bob.asks("PATCH", f"chat/rooms/{room}/", json={"title": "Yard", "muted": True})
    assert_error(answer, 403, "forbidden")
    found = await shown(bob, room)
    assert (found["title"], found["muted"]) == ("Garden", False)


@pytest.mark.parametrize(
    "body",
    [
        {"muted": 1},
        {"muted": None},
        {"archived": "yes"},
        {"title": 5},
        {"title": "a\x00b"},
        {"title": "good", "muted": "no"},
        [],
        "title",
    ],
)
async def test_a_wrong_wish_changes_nothing(ada: Person, room: int, body: Any) -> None:
    answer = await ada.asks("PATCH", f"chat/rooms/{room}/", json=body)
    assert_error(answer, 400, "invalid_frame")
    assert (await shown(ada, room))["title"] is None


async def test_a_long_title_changes_nothing(ada: Person, room: int) -> None:
    answer = await ada.asks("PATCH", f"chat/rooms/{room}/", json={"title": "x" * 201})
    assert_error(answer, 400, "too_long")
    assert (await shown(ada, room))["title"] is None


async def test_titles_that_change_at_once_end_the_same_for_all(
    ada: Person, bob: Person, room: int
) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        await asyncio.gather(*(changed(ada, room, title=f"title {n}") for n in range(20)))
        now = (await shown(bob, room))["title"]
        last = await b.still_works()
        await a.hears(last["text"])
        for socket in (a, b):
            assert socket.saw("room_changed")[-1]["title"] == now
