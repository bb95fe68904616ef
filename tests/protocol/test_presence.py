"""Who is online: one presence for each person, told to those who have a room open with him."""

from collections.abc import Callable
from typing import Any

import pytest

from ..client import Person
from ..shapes import TIME

GRACE = 0.5  # seconds
Cast = tuple[Person, Person, Person]


@pytest.fixture
def people(serve: Any, cast: Any, stranger: Callable[..., Person]) -> Cast:
    """Ada on one process, two whom nobody knows yet on the other, where there is one."""
    server = serve(presence_grace=GRACE)
    ada, _, _ = cast(server)
    others = stranger(), stranger()
    for other in others:
        other.id, other.server = f"presence {other.id}", server.other
    return ada, *others


async def listed(person: Person, room: int, user: int | str) -> dict[str, Any]:
    """What the room list says of a user, beside who he is."""
    rooms = (await person.get("chat/receive/")).json()["results"]
    (members,) = (r["members"] for r in rooms if r["room_id"] == room)
    (found,) = (m for m in members if m["user_id"] == user)
    return {key: found[key] for key in ("online", "last_seen")}


async def test_the_first_socket_of_a_person_is_told_and_the_last_one(people: Cast) -> None:
    ada, carl, _ = people
    room = await ada.opens(carl)
    async with ada.enters(room) as a:
        async with carl.enters(room):
            came = await a.notices(carl.id, online=True)
        left = await a.notices(carl.id, online=False)
        assert TIME.fullmatch(came["last_seen"])
        assert left["last_seen"] > came["last_seen"]


async def test_two_tabs_are_one_presence(people: Cast) -> None:
    ada, carl, dora = people
    room = await ada.opens(carl, dora)
    async with ada.enters(room) as a:
        async with carl.enters(room) as tab:
            await a.notices(carl.id, online=True)
            async with carl.enters(room):
                pass
            async with dora.enters(room):
                await a.notices(dora.id, online=True)
            await a.notices(dora.id, online=False)  # later than carl's would come
            await tab.still_works()
        assert not a.presences
        await a.notices(carl.id, online=False)


async def test_a_page_that_is_loaded_anew_goes_unnoticed(people: Cast) -> None:
    ada, carl, dora = people
    room = await ada.opens(carl, dora)
    async with ada.enters(room) as a:
        async with carl.enters(room):
            await a.notices(carl.id, online=True)
        async with carl.enters(room):
            async with dora.enters(room):
                pass
            await a.notices(dora.id, online=True)
            await a.notices(dora.id, online=False)
        assert not a.presences
        await a.notices(carl.id, online=False)


async def test_a_person_in_another_room_is_online_here(people: Cast) -> None:
    ada, carl, dora = people
    room, elsewhere = await ada.opens(carl), await carl.opens(dora)
    async with ada.enters(room) as a, carl.enters(elsewhere):
        await a.notices(carl.id, online=True)


async def test_only_the_others_in_his_rooms_are_told(people: Cast) -> None:
    ada, carl, dora = people
    room, without = await ada.opens(carl), await ada.opens(dora)
    async with ada.enters(room) as a, ada.enters(without) as elsewhere:
        async with carl.enters(room) as own:
            await a.notices(carl.id, online=True)
            async with dora.enters(without):
                await elsewhere.notices(dora.id, online=True)
            await own.still_works()
            await elsewhere.still_works()
        assert {frame["user_id"] for frame in elsewhere.presences} <= {dora.id}
        assert carl.id not in {frame["user_id"] for frame in own.presences}


async def test_the_room_list_knows_who_is_there(people: Cast) -> None:
    ada, carl, _ = people
    room = await ada.opens(carl)
    assert await listed(ada, room, carl.id) == {"online": False, "last_seen": None}
    async with ada.enters(room) as a:
        async with carl.enters(room):
            came = await a.notices(carl.id, online=True)
            told = {"online": True, "last_seen": came["last_seen"]}
            assert await listed(ada, room, carl.id) == told
            assert (await listed(carl, room, ada.id))["online"] is True
        left = await a.notices(carl.id, online=False)
        told = {"online": False, "last_seen": left["last_seen"]}
        assert await listed(ada, room, carl.id) == told


async def test_who_is_refused_was_never_there(people: Cast) -> None:
    ada, carl, dora = people
    room, private = await ada.opens(carl), await ada.opens(dora)
    async with ada.enters(room) as a:
        async with carl.knocks(f"?room_id={private}") as refused:
            assert await refused.closes() == 4003
        async with carl.enters(room):
            came = await a.notices(carl.id, online=True)
        await a.notices(carl.id, online=False)
        assert not a.presences
        assert came["online"]
