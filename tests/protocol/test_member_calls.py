"""HTTP twins of socket actions, and what a caller asks of themselves and of the server."""

import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest

from ..client import Person
from .test_http import assert_error


def at(room: int, message_id: object, rest: str = "") -> str:
    return f"chat/rooms/{room}/messages/{message_id}/{rest}"


async def test_an_edit_by_http_is_an_edit(ada: Person, bob: Person, room: int) -> None:
    async with bob.enters(room) as socket:
        message = await ada.posts(room, "before")
        answer = await ada.asks("PATCH", at(room, message["message_id"]), json={"text": "after"})
        assert answer.status_code == 200
        edited = await socket.receives("message_edited", text="after")
        assert answer.json() | {"status": "read"} == edited["message"] | {"status": "read"}
        assert answer.json()["text"] == "after"


async def test_a_deletion_by_http_is_a_deletion(ada: Person, bob: Person, room: int) -> None:
    async with bob.enters(room) as socket:
        message = await ada.posts(room, "gone soon")
        where = at(room, message["message_id"])
        answer = await ada.delete(where)
        assert (answer.status_code, answer.content) == (204, b"")
        await socket.receives("message_deleted", message_id=message["message_id"])
        assert_error(await ada.delete(where), 404, "not_found")


async def test_reactions_by_http_are_safe_to_repeat(ada: Person, bob: Person, room: int) -> None:
    async with bob.enters(room) as socket:
        message = await ada.posts(room, "nice")
        where = at(room, message["message_id"], f"reactions/{quote('👍')}/")
        given = [{"emoji": "👍", "count": 1, "user_ids": [bob.id]}]
        for _ in range(2):
            answer = await bob.asks("PUT", where)
            assert (answer.status_code, answer.json()) == (200, {"reactions": given})
        await socket.receives("message_reacted", reactions=given)
        for _ in range(2):
            answer = await bob.asks("DELETE", where)
            assert (answer.status_code, answer.json()) == (200, {"reactions": []})
        await socket.receives("message_reacted", reactions=[])
        await socket.still_works()
        assert len(socket.saw("message_reacted")) == 2


@pytest.mark.parametrize(
    ("method", "rest"), [("PATCH", ""), ("DELETE", ""), ("PUT", "reactions/%F0%9F%91%8D/")]
)
async def test_the_twins_obey_the_same_rules(
    ada: Person, bob: Person, eve: Person, room: int, method: str, rest: str
) -> None:
    body = {"text": "x"} if method == "PATCH" else None
    message = await ada.posts(room, "mine")
    where = at(room, message["message_id"], rest)
    assert_error(await eve.asks(method, where, json=body), 404, "not_found")
    assert_error(await ada.asks(method, at(room, "x", rest), json=body), 404, "not_found")
    assert_error(await ada.asks(method, at(room, 2**52, rest), json=body), 404, "not_found")
    if method != "PUT":
        assert_error(await bob.asks(method, where, json=body), 403, "forbidden")


async def test_a_wrong_text_or_emoji_is_refused(ada: Person, room: int) -> None:
    where = at(room, (await ada.posts(room, "mine"))["message_id"])
    for body, code in (
        ({"text": " "}, "empty_message"),
        ({"text": "x" * 4_001}, "too_long"),
        ({}, "invalid_frame"),
        ({"text": 1}, "invalid_frame"),
    ):
        assert_error(await ada.asks("PATCH", where, json=body), 400, code)
    long = at(room, where.split("/")[4], "reactions/" + "x" * 33)
    assert_error(await ada.asks("PUT", long), 400, "invalid_frame")


# ---------------------------------------------------------------- the caller, the server


async def test_me_says_who_the_token_is(stranger: Callable[..., Person]) -> None:
    carl = stranger()
    ends = int(time.time()) + 600
    carl.claims = {"name": "Carl", "picture": "https://example.com/c.png", "exp": ends}
    me = (await carl.get("chat/me/")).json()
    assert set(me) == {"user_id", "name", "picture", "expires_at"}
    assert (me["user_id"], me["name"], me["picture"]) == (
        carl.id, "Carl", "https://example.com/c.png",
    )  # fmt: skip
    assert datetime.fromisoformat(me["expires_at"]).timestamp() == ends
    carl.claims = {}
    assert (await carl.get("chat/me/")).json()["name"] == "Carl"  # as last seen


async def test_me_wants_a_token(ada: Person) -> None:
    answer = await ada.asks("GET", "chat/me/", headers={"Authorization": ""})
    assert_error(answer, 401, "unauthenticated")


async def test_the_config_needs_no_token(ada: Person) -> None:
    answer = await ada.asks("GET", "chat/config/", headers={"Authorization": ""})
    assert answer.status_code == 200
    config = answer.json()
    assert set(config) == {"limits", "attachments", "features", "languages"}
    limits = config["limits"]
    assert (limits["max_text_length"], limits["max_members"]) == (4_000, 256)
    assert limits["max_frame_size"] == 16 * 2**20
    files = config["attachments"]
    assert (files["max_size"], files["max_files"]) == (10 * 2**20, 10)
    assert "image/png" in files["types"]
    assert set(config["features"]) == {"open_rooms", "reports", "push"}
    assert config["features"]["push"] is None
    assert config["languages"] == ["en", "uk"]


async def test_blocks_are_listed(stranger: Callable[..., Person]) -> None:
    carl, dora, emil = stranger(), stranger(), stranger()
    for other in (dora, emil):
        assert (await carl.post(f"chat/blocks/{quote(str(other.id), safe='')}/")).status_code == 204
    body = (await carl.get("chat/blocks/")).json()
    assert body["next"] is None
    assert [entry["user_id"] for entry in body["results"]] == [emil.id, dora.id]
    assert all(set(entry) == {"user_id", "at"} for entry in body["results"])
    assert (await dora.get("chat/blocks/")).json() == {"results": [], "next": None}


async def test_search_within_one_room(ada: Person, bob: Person, eve: Person) -> None:
    first, second = await ada.opens(bob), await ada.opens(bob)
    word = f"needle{first}x{second}"
    here = await ada.posts(first, f"a {word}")
    there = await ada.posts(second, f"another {word}")
    found = (await ada.get("chat/search/", q=word)).json()["results"]
    assert [m["message_id"] for m in found] == [there["message_id"], here["message_id"]]
    within = (await ada.get("chat/search/", q=word, room_id=first)).json()["results"]
    assert [m["message_id"] for m in within] == [here["message_id"]]
    assert_error(await eve.get("chat/search/", q=word, room_id=first), 404, "not_found")
    assert_error(await ada.get("chat/search/", q=word, room_id="x"), 400, "invalid_frame")


async def test_custom_data_goes_everywhere_on_every_stack(
    ada: Person, bob: Person, room: int
) -> None:
    data = {"size": 42, "status": "send"}
    async with bob.enters(room) as socket:
        await ada.posts(room, "a shoe", data=data)
        sent = await socket.receives("chat_message")
        assert sent["message"]["data"] == data
        async with ada.enters(room) as a:
            await a.sends("socket", data=data, client_id="c1")
            own = await a.receives("chat_message", message={"text": "socket"})
            assert own["message"]["data"] == data
            await a.sends("socket", data=data, client_id="c1")
            again = await a.receives("chat_message", message={"text": "socket"})
            assert again["message"]["data"] == data
            id_ = own["message"]["message_id"]
            await a.does("edit", message_id=id_, text="new", data={"size": 43})
            edited = await a.receives("message_edited")
            assert edited["message"]["data"] == {"size": 43}
    for found in (
        (await bob.get(f"chat/rooms/{room}/messages/")).json()["messages"],
        [m async for m in first_frames(bob, room)],
    ):
        assert [m["data"] for m in found] == [data, {"size": 43}]


async def first_frames(person: Person, room: int) -> AsyncIterator[dict[str, Any]]:
    """What a socket starts from, with a cursor."""
    async with person.enters(room, after=0) as socket:
        for message in socket.first["messages"]:
            yield message


async def test_a_room_marked_unread_is_so_until_it_is_joined(ada: Person, room: int) -> None:
    url = f"chat/rooms/{room}/"
    marked = await ada.asks("PATCH", url, json={"marked_unread": True})
    assert marked.json()["marked_unread"] is True
    async with ada.enters(room):
        assert "marked_unread" not in (await ada.get(url)).json()


async def test_a_report_is_taken_once(ada: Person, bob: Person, eve: Person, room: int) -> None:
    message = await bob.posts(room, "Buy now!")
    where = at(room, message["message_id"], "report/")
    for _ in range(2):
        assert (await ada.post(where, {"reason": "spam"})).status_code == 204
    assert_error(await ada.post(where, {"reason": "boring"}), 400, "invalid_frame")
    assert_error(await eve.post(where, {"reason": "spam"}), 404, "not_found")
