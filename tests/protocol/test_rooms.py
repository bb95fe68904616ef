"""Opening rooms: who with whom, once for each pair and context."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ..client import Person
from ..shapes import TIME
from .test_http import assert_error

CREATE = "chat/create/"
Stranger = Callable[..., Person]


async def test_a_room_of_two_is_made_once(stranger: Stranger) -> None:
    me, you = stranger(), stranger()
    made = await me.post(CREATE, {"second_user": you.id})
    assert made.status_code == 201
    body = made.json()
    assert body["id"] == body["room_id"] > 0
    assert sorted(body["members"]) == sorted([me.id, you.id])
    assert TIME.fullmatch(body["created_at"])
    again = await me.post(CREATE, {"second_user": you.id})
    assert again.status_code == 200
    assert {k: again.json()[k] for k in body} == body
    from_the_other_side = await you.post(CREATE, {"second_user": me.id})
    assert from_the_other_side.status_code == 200
    assert from_the_other_side.json()["room_id"] == body["room_id"]


@pytest.mark.parametrize(
    "form", ["first_user={}&second_user={}", "first_profile_id={}&second_profile_id={}"]
)
async def test_the_query_forms_of_the_first_server_work(stranger: Stranger, form: str) -> None:
    me, you = stranger(), stranger()
    made = await me.asks("POST", f"{CREATE}?{form.format(me.id, you.id)}")
    assert made.status_code == 201, made.text
    turned = await me.asks("POST", f"{CREATE}?{form.format(you.id, me.id)}")
    assert turned.status_code == 200
    assert turned.json()["room_id"] == made.json()["room_id"]
    body = await you.post(CREATE, {"second_user": me.id})
    assert (body.status_code, body.json()["room_id"]) == (200, made.json()["room_id"])


@pytest.mark.parametrize(
    "form", ["first_user={}&second_user={}", "first_profile_id={}&second_profile_id={}"]
)
async def test_nobody_opens_a_room_of_two_others(
    stranger: Stranger, eve: Person, form: str
) -> None:
    path = f"{CREATE}?{form.format(stranger().id, stranger().id)}"
    assert_error(await eve.asks("POST", path), 403, "forbidden")
    members = [stranger().id, stranger().id]
    assert_error(await eve.post(CREATE, {"members": members}), 403, "forbidden")


async def test_a_number_and_its_text_are_the_same_user(stranger: Stranger) -> None:
    me, you = stranger(), stranger()
    made = await me.post(CREATE, {"second_user": str(you.id)})
    assert made.status_code == 201
    assert sorted(made.json()["members"]) == sorted([me.id, you.id])
    again = await me.post(CREATE, {"members": [str(me.id), me.id, you.id, str(you.id)]})
    assert (again.status_code, again.json()["room_id"]) == (200, made.json()["room_id"])


@pytest.mark.parametrize(
    ("user", "wire"),
    [
        ("017", "017"),
        ("carl", "carl"),
        ("a/b c%20d?e#f", "a/b c%20d?e#f"),
        ("ім'я 👍", "ім'я 👍"),
        ("-5", -5),
        ("-0", "-0"),
        ("+5", "+5"),
        ("٤", "٤"),
        ("1.0", "1.0"),
        ("9007199254740991", 9007199254740991),
        ("9007199254740992", "9007199254740992"),
        ("x" * 255, "x" * 255),
        (" ", " "),
    ],
)
async def test_a_user_id_is_a_number_only_where_javascript_holds_it(
    stranger: Stranger, user: str, wire: int | str
) -> None:
    me, you = stranger(), stranger(user)
    made = await me.post(CREATE, {"second_user": user})
    assert made.status_code == 201, made.text
    assert wire in made.json()["members"]
    room = made.json()["room_id"]
    async with you.enters(room) as socket:
        assert (await socket.says("it is me"))["sender_id"] == wire


async def test_a_context_makes_a_room_of_its_own(stranger: Stranger) -> None:
    me, you = stranger(), stranger()
    plain = (await me.post(CREATE, {"second_user": you.id})).json()["room_id"]
    first = await me.post(CREATE, {"second_user": you.id, "context": "listing:55"})
    assert first.status_code == 201
    assert first.json()["context"] == "listing:55"
    same = await you.post(CREATE, {"second_user": me.id, "context": "listing:55"})
    assert (same.status_code, same.json()["room_id"]) == (200, first.json()["room_id"])
    assert same.json()["context"] == "listing:55"
    other = await me.post(CREATE, {"second_user": you.id, "context": "listing:56"})
    assert other.status_code == 201
    assert len({plain, first.json()["room_id"], other.json()["room_id"]}) == 3


async def test_a_context_and_a_title_come_back_in_the_list(stranger: Stranger) -> None:
    me, you = stranger(), stranger()
    fields = {"context": "Ж" * 200, "title": "👍" * 200}
    made = await me.post(CREATE, {"members": [me.id, you.id], **fields})
    assert made.status_code == 201, made.text
    assert made.json()["title"] == fields["title"]
    [listed] = (await you.get("chat/recieve/")).json()["results"]
    assert {k: listed[k] for k in fields} == fields


@pytest.mark.parametrize("field", ["context", "title"])
@pytest.mark.parametrize(
    ("value", "code"),
    [("x" * 201, "too_long"), *((wrong, "invalid_frame") for wrong in ("a\x00b", 5, ["x"]))],
    ids=str,
)
async def test_a_wrong_context_or_title_opens_nothing(
    stranger: Stranger, field: str, value: Any, code: str
) -> None:
    me, you = stranger(), stranger()
    answer = await me.post(CREATE, {"second_user": you.id, field: value})
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert (await me.get("chat/recieve/")).json()["count"] == 0


async def test_three_always_make_a_new_room(stranger: Stranger) -> None:
    body = {"members": [(me := stranger()).id, stranger().id, stranger().id], "title": "team"}
    rooms = [await me.post(CREATE, body) for _ in range(2)]
    assert [r.status_code for r in rooms] == [201, 201]
    assert rooms[0].json()["room_id"] < rooms[1].json()["room_id"]
    assert sorted(rooms[0].json()["members"]) == sorted(body["members"])


async def test_a_room_holds_256_and_no_more(stranger: Stranger) -> None:
    me = stranger()
    others = [f"guest {n}" for n in range(255)]
    full = await me.post(CREATE, {"members": [me.id, *others]})
    assert full.status_code == 201
    assert len(full.json()["members"]) == 256
    answer = await me.post(CREATE, {"members": [me.id, *others, "one more"]})
    assert_error(answer, 400, "invalid_frame")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"second_user": None},
        {"second_user": ""},
        {"second_user": True},
        {"second_user": 1.5},
        {"second_user": [7]},
        {"second_user": {"id": 7}},
        {"second_user": "x" * 256},
        {"second_user": "a\x00b"},
        {"members": []},
        {"members": None},
        {"members": "7"},
        {"members": [1, None]},
        {"members": [1, ""]},
        {"members": {"1": 2}},
    ],
)
async def test_ids_that_are_missing_or_none_open_nothing(ada: Person, body: Any) -> None:
    assert_error(await ada.post(CREATE, body), 400, "invalid_frame")


async def test_a_lone_surrogate_is_no_user(ada: Person) -> None:
    answer = await ada.asks("POST", CREATE, content=b'{"second_user": "\\ud800"}')
    assert_error(answer, 400, "invalid_frame")


@pytest.mark.parametrize(
    "query", ["", "?first_user=1", "?first_user=1&second_user=", "?first_user=1&second_user=1"]
)
async def test_a_query_without_two_ids_opens_nothing(ada: Person, query: str) -> None:
    answer = await ada.asks("POST", CREATE + query)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    "body", [{"second_user": 1}, {"second_user": "1"}, {"members": [1]}, {"members": [1, "1"]}]
)
async def test_nobody_talks_to_himself(ada: Person, body: Any) -> None:
    assert_error(await ada.post(CREATE, body), 400, "invalid_frame")


async def test_opening_at_once_from_both_sides_makes_one_room(stranger: Stranger) -> None:
    me, you = stranger(), stranger()
    calls = [
        a.post(CREATE, {"second_user": b.id}) for _ in range(10) for a, b in ((me, you), (you, me))
    ]
    answers = await asyncio.gather(*calls)
    assert sorted(a.status_code for a in answers) == [200] * 19 + [201]
    assert len({a.json()["room_id"] for a in answers}) == 1
    assert (await me.get("chat/recieve/")).json()["count"] == 1


async def test_room_ids_grow(ada: Person, bob: Person) -> None:
    rooms = [await ada.opens(bob) for _ in range(3)]
    assert rooms == sorted(set(rooms))
