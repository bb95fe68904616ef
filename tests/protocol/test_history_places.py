"""History around a message, around a time, and after a message: on a socket and by HTTP."""

from typing import Any

import pytest

from ..client import Person
from .test_history import fill
from .test_http import assert_error


@pytest.fixture
async def ten(ada: Person, room: int) -> list[dict[str, Any]]:
    """Ten messages of a room, the fifth of which was deleted."""
    async with ada.enters(room) as socket:
        ids = await fill(socket, 11)
        await socket.does("delete", message_id=ids[4])
        await socket.receives("message_deleted")
    found = await ada.reads_all(room)
    assert [m["message_id"] for m in found] == [*ids[:4], *ids[5:]]
    return found


async def both_ways(ada: Person, room: int, **asked: Any) -> dict[str, Any]:
    """The answer by HTTP, which is the answer on a socket."""
    answer = await ada.get(f"chat/rooms/{room}/messages/", **asked)
    assert answer.status_code == 200, answer.text
    async with ada.enters(room) as socket:
        await socket.does("history", **asked)
        frame = await socket.receives("history")
    body: dict[str, Any] = answer.json()
    assert {"type": "history", **body} == frame
    return body


def shown(found: list[dict[str, Any]], body: dict[str, Any]) -> tuple[list[int], bool, bool]:
    places = {m["message_id"]: i for i, m in enumerate(found)}
    listed = [places[m["message_id"]] for m in body["messages"]]
    return listed, body["has_more"], body["has_newer"]


async def test_around_a_message_there_are_as_many_on_both_sides(
    ada: Person, room: int, ten: list[dict[str, Any]]
) -> None:
    middle = ten[5]["message_id"]
    for limit, expected in (
        (1, ([5], True, True)),
        (4, ([3, 4, 5, 6], True, True)),
        (5, ([3, 4, 5, 6, 7], True, True)),
        (50, ([*range(10)], False, False)),
    ):
        body = await both_ways(ada, room, around=middle, limit=limit)
        assert shown(ten, body) == expected


async def test_what_one_side_lacks_the_other_has(
    ada: Person, room: int, ten: list[dict[str, Any]]
) -> None:
    first, last = ten[0]["message_id"], ten[9]["message_id"]
    body = await both_ways(ada, room, around=first, limit=4)
    assert shown(ten, body) == ([0, 1, 2, 3], False, True)
    body = await both_ways(ada, room, around=last, limit=4)
    assert shown(ten, body) == ([6, 7, 8, 9], True, False)


async def test_around_a_missing_message_is_its_place(
    ada: Person, room: int, ten: list[dict[str, Any]]
) -> None:
    gone = ten[3]["message_id"] + 1
    body = await both_ways(ada, room, around=gone, limit=2)
    assert shown(ten, body) == ([3, 4], True, True)
    for id_, expected in ((0, ([0, 1], False, True)), (2**53 - 1, ([8, 9], True, False))):
        body = await both_ways(ada, room, around=id_, limit=2)
        assert shown(ten, body) == expected


async def test_at_is_around_the_first_message_since_then(
    ada: Person, room: int, ten: list[dict[str, Any]]
) -> None:
    moments = [m["created_at"] for m in ten]
    first = moments.index(moments[5])  # messages of one commit have the same time
    body = await both_ways(ada, room, at=moments[5], limit=1)
    assert shown(ten, body)[0] == [first]
    body = await both_ways(ada, room, at="2000-01-01T00:00:00Z", limit=2)
    assert shown(ten, body) == ([0, 1], False, True)
    body = await both_ways(ada, room, at="2100-01-01T12:00:00+05:30", limit=2)
    assert shown(ten, body) == ([8, 9], True, False)


async def test_after_says_whether_there_are_newer_ones(
    ada: Person, room: int, ten: list[dict[str, Any]]
) -> None:
    body = await both_ways(ada, room, after=ten[5]["message_id"], limit=2)
    assert shown(ten, body) == ([6, 7], True, True)
    body = await both_ways(ada, room, after=ten[5]["message_id"], limit=4)
    assert shown(ten, body) == ([6, 7, 8, 9], False, False)


async def test_before_and_the_newest_say_nothing_of_newer_ones(
    ada: Person, room: int, ten: list[dict[str, Any]]
) -> None:
    for asked in ({}, {"before": ten[5]["message_id"]}):
        assert "has_newer" not in await both_ways(ada, room, **asked)


async def test_an_empty_room_has_nothing_around(ada: Person, room: int) -> None:
    for asked in ({"around": 7}, {"at": "2025-05-12T15:09:23Z"}):
        body = await both_ways(ada, room, **asked)
        assert body == {"messages": [], "has_more": False, "has_newer": False}


@pytest.mark.parametrize(
    "asked",
    [
        {"around": 1, "at": "2025-05-12T15:09:23Z"},
        {"around": 1, "before": 5},
        {"at": "2025-05-12T15:09:23Z", "after": 5},
        {"at": "2025-05-12T15:09:23"},
        {"at": "yesterday"},
        {"at": ""},
        {"around": "x"},
        {"around": -1},
    ],
    ids=str,
)
async def test_a_place_that_is_none_is_refused(
    ada: Person, room: int, asked: dict[str, Any]
) -> None:
    answer = await ada.get(f"chat/rooms/{room}/messages/", **asked)
    assert_error(answer, 400, "invalid_frame")
    async with ada.enters(room) as socket:
        assert (await socket.is_refused("history", **asked))["code"] == "invalid_frame"


async def test_a_stranger_sees_nothing_around(ada: Person, eve: Person, room: int) -> None:
    message = await ada.posts(room, "private")
    for asked in ({"around": message["message_id"]}, {"at": message["created_at"]}):
        assert_error(await eve.get(f"chat/rooms/{room}/messages/", **asked), 404, "not_found")
