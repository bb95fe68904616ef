"""What a room is about, the site's data of it, and freezing."""

import pytest
from roomcast.app import About

from .conftest import Site

ABOUT = {"title": "A red bicycle", "url": "https://shop.example/55", "price": "120 €"}


async def test_a_room_keeps_what_it_is_about_and_its_data(site: Site) -> None:
    body = {"members": [1, 2], "context": "listing:55", "about": ABOUT, "data": {"a": [1, None]}}
    made = await site.post("rooms/", json=body)
    assert made.status_code == 201
    assert (made.json()["about"], made.json()["data"]) == (ABOUT, {"a": [1, None]})
    path = f"rooms/{made.json()['id']}/"
    shown = (await site.get(path)).json()
    assert (shown["about"], shown["data"]) == (ABOUT, {"a": [1, None]})
    assert "frozen" not in shown
    patched = (await site.patch(path, json={"about": None, "data": {}, "title": "x"})).json()
    assert "about" not in patched
    assert (patched["data"], patched["title"]) == ({}, "x")
    again = (await site.post("rooms/", json={**body, "data": {"b": 1}})).json()
    assert again["data"] == {}
    assert "data" not in (await site.patch(path, json={"data": None})).json()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"data": []}, "invalid_frame"),
        ({"data": "x"}, "invalid_frame"),
        ({"data": {"x": "y" * 4_096}}, "too_long"),
        ({"about": {}}, "invalid_frame"),
        ({"about": {"title": "x" * 201}}, "too_long"),
        ({"about": {"title": "x", "url": "javascript:alert(1)"}}, "invalid_frame"),
        ({"about": {"title": "x", "picture": "//x.example/a"}}, "invalid_frame"),
        ({"about": {"title": "x", "url": "https://x/" + "y" * 2_000}}, "too_long"),
        ({"frozen": 1}, "invalid_frame"),
    ],
)
async def test_what_is_wrong_is_refused(site: Site, fields: dict[str, object], code: str) -> None:
    room = await site.room(1, 2)
    for answer in (
        await site.patch(f"rooms/{room}/", json=fields),
        await site.post("rooms/", json={"members": [1, 3], **fields}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_frozen_room_is_read_only_for_its_members(site: Site) -> None:
    room = await site.room(1, 2)
    path = f"/api/v1/chat/rooms/{room}/messages/"
    sent = await site.ada.post(path, json={"message": "before"})
    assert sent.status_code == 201
    frozen = await site.patch(f"rooms/{room}/", json={"frozen": True})
    assert frozen.json()["frozen"] is True
    answer = await site.ada.post(path, json={"message": "after"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    edit = f"{path}{sent.json()['message_id']}/"
    assert (await site.ada.patch(edit, json={"text": "x"})).status_code == 403
    answer = await site.post(f"rooms/{room}/messages/", json={"text": "The site may"})
    assert answer.status_code == 201
    await site.patch(f"rooms/{room}/", json={"frozen": False})
    assert (await site.ada.post(path, json={"message": "again"})).status_code == 201


async def test_the_same_in_python(site: Site) -> None:
    chat = site.ada.chat
    room = await chat.open_room([1, 2], about=About("A bicycle", price="5 €"), data={"a": 1})
    assert room.about == About("A bicycle", price="5 €")
    assert room.data == {"a": 1}
    changed = await chat.update_room(room, frozen=True, data=None)
    assert changed.frozen is True
    assert changed.data != {"a": 1}
