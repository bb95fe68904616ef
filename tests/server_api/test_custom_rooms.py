"""What rooms are about, their data, frozen rooms, members' rights and flags, and reports."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from httpx_ws import aconnect_ws
from roomcast.app import About

from .conftest import Site, a_site
from .test_custom_messages import heard, posted

Json = dict[str, Any]
NOTIFICATIONS = "http://chat.test/ws/chat/notifications/"
ABOUT = {"title": "A bicycle", "url": "https://example.com/55", "price": "120 EUR"}


async def shown(site: Site, room: int) -> Json:
    found: Json = (await site.ada.get(f"/api/v1/chat/rooms/{room}/")).json()
    return found


async def test_what_a_room_is_about_is_there_wherever_the_room_is(site: Site) -> None:
    data = {"listing": 55}
    room = await site.room(context="listing:55", about=ABOUT, data=data)
    (listed,) = (await site.ada.get("/api/v1/chat/receive/")).json()["results"]
    body = {"second_user": 2, "context": "listing:55"}
    opened = (await site.ada.post("/api/v1/chat/create/", json=body)).json()
    assert opened["room_id"] == room
    record = (await site.get(f"rooms/{room}/")).json()
    for found in (listed, opened, record, await shown(site, room)):
        assert (found["about"], found["data"]) == (ABOUT, data)
        assert "frozen" not in found
    await posted(site, room, text="Hello")
    (notice,) = (await site.ada.get("/api/v1/chat/unread/")).json()["messages"]
    assert notice["about"] == ABOUT


async def test_a_room_without_has_no_such_fields(site: Site) -> None:
    room = await site.room()
    (listed,) = (await site.ada.get("/api/v1/chat/receive/")).json()["results"]
    for found in (listed, await shown(site, room)):
        assert not {"about", "data", "frozen", "marked_unread"} & set(found)


async def test_changes_are_told_to_who_is_there(site: Site) -> None:
    room = await site.room()
    async with site.ada.socket(room) as socket:
        await socket.receive_json()
        for patch in ({"about": ABOUT}, {"data": {"a": 1}}, {"frozen": True}):
            assert (await site.patch(f"rooms/{room}/", json=patch)).status_code == 200
            changed = await heard(socket, "room_changed")
            assert changed | patch == changed
        await site.patch(f"rooms/{room}/", json={"about": None, "data": None, "frozen": False})
        changed = await heard(socket, "room_changed")
        assert set(changed) == {"type", "room_id", "members", "title"}


async def test_a_frozen_room_is_read_only(site: Site) -> None:
    room, ada = await site.room(), site.ada
    url = f"/api/v1/chat/rooms/{room}/messages/"
    id_ = (await ada.post(url, json={"message": "before"})).json()["message_id"]
    await site.patch(f"rooms/{room}/", json={"frozen": True})
    assert (await shown(site, room))["frozen"] is True
    wish = {"room_id": room, "name": "a.txt", "size": 5, "type": "text/plain"}
    file = {"name": "a.txt", "size": 5, "type": "text/plain", "data": "SGVsbG8="}
    for answer in (
        await ada.post(url, json={"message": "after"}),
        await ada.post(url, json={"message": "after", "client_id": "c", "reply_to": id_}),
        await ada.post(url, json={"file": file}),
        await ada.patch(f"{url}{id_}/", json={"text": "other"}),
        await ada.put(f"{url}{id_}/reactions/%F0%9F%91%8D/"),
        await ada.post("/api/v1/chat/attachments/", json=wish),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    async with ada.socket(room) as socket:
        await socket.receive_json()
        for action in ({"action": "send", "message": "x"}, {"action": "typing"}):
            await socket.send_json(action)
            assert (await heard(socket, "error"))["code"] == "forbidden"
    assert "send" not in (await shown(site, room))["can"]
    assert (await posted(site, room, text="of the site"))["kind"] == "system"
    await site.patch(f"rooms/{room}/", json={"frozen": False})
    assert (await ada.post(url, json={"message": "again"})).status_code == 201


async def test_rights_say_what_the_caller_may_do(site: Site) -> None:
    ada, bob = site.ada, site.ada.another(2)
    pair = (await ada.post("/api/v1/chat/create/", json={"second_user": 2})).json()
    assert pair["can"] == ["send", "edit_title", "delete"]
    group = (await ada.post("/api/v1/chat/create/", json={"members": [1, 2, 3]})).json()
    everything = ["send", "edit_title", "add_member", "remove_member", "leave", "delete"]
    assert group["can"] == everything
    url = f"/api/v1/chat/rooms/{group['room_id']}/"
    assert (await bob.get(url)).json()["can"] == ["send", "leave"]
    assert (await ada.patch(url, json={"title": "Hike"})).json()["can"] == everything
    assert (await bob.patch(url, json={"muted": True})).json()["can"] == ["send", "leave"]
    again = (await ada.post("/api/v1/chat/create/", json={"second_user": 2})).json()
    assert again["can"] == pair["can"]
    await site.patch(f"rooms/{pair['room_id']}/", json={"frozen": True})
    again = (await ada.post("/api/v1/chat/create/", json={"second_user": 2})).json()
    assert (again["can"], again["frozen"]) == (["edit_title", "delete"], True)
    await site.patch(f"rooms/{pair['room_id']}/", json={"frozen": False})
    await ada.post("/api/v1/chat/blocks/2/")
    assert (await bob.get(f"/api/v1/chat/rooms/{pair['room_id']}/")).json()["can"] == ["delete"]


async def test_a_room_stays_marked_unread_until_it_is_read(site: Site) -> None:
    room, ada = await site.room(), site.ada
    message = await posted(site, room, text="x", sender=2)
    url = f"/api/v1/chat/rooms/{room}/"

    async def mark() -> None:
        assert (await ada.patch(url, json={"marked_unread": True})).json()["marked_unread"] is True
        bob = (await ada.another(2).get(url)).json()
        assert "marked_unread" not in bob

    await mark()
    await ada.post(f"{url}read/", json={"message_id": message["message_id"]})
    assert "marked_unread" not in await shown(site, room)
    await mark()
    async with ada.socket(room, receipts="manual") as socket:
        await socket.receive_json()
        assert (await shown(site, room))["marked_unread"] is True
        await socket.send_json({"action": "read", "message_id": message["message_id"]})
        await socket.send_json({"action": "history"})
        await heard(socket, "history")
        assert "marked_unread" not in await shown(site, room)
    await mark()
    async with ada.socket(room) as socket:
        await socket.receive_json()
        assert "marked_unread" not in await shown(site, room)


@pytest.mark.parametrize(
    ("about", "code"),
    [
        ({}, "invalid_frame"),
        ({"title": ""}, "invalid_frame"),
        ({"title": "x" * 201}, "too_long"),
        ({"title": "x", "url": "ftp://example.com"}, "invalid_frame"),
        ({"title": "x", "picture": "javascript:alert(1)"}, "invalid_frame"),
        ({"title": "x", "url": "https://example.com/" + "x" * 2_000}, "too_long"),
        ({"title": "x", "price": 5}, "invalid_frame"),
    ],
    ids=str,
)
async def test_a_wrong_about_is_refused(site: Site, about: Json, code: str) -> None:
    room = await site.room()
    for answer in (
        await site.post("rooms/", json={"members": [1, 3], "about": about}),
        await site.patch(f"rooms/{room}/", json={"about": about}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_the_site_is_asked_what_contexts_are_about() -> None:
    asked: list[list[str]] = []

    async def describe(contexts: Sequence[str]) -> dict[str, About]:
        asked.append(list(contexts))
        return {"listing:1": About(title="A chair", url=None), "listing:2": About(title="x" * 300)}

    async with a_site(describe_contexts=describe) as site:
        for context in ("listing:1", "listing:2", ""):
            await site.room(context=context)
        for _ in range(2):
            listed = (await site.ada.get("/api/v1/chat/receive/")).json()["results"]
            assert {r["context"]: r.get("about") for r in listed} == {
                "listing:1": {"title": "A chair"}, "listing:2": None, None: None,
            }  # fmt: skip
    assert [sorted(contexts) for contexts in asked] == [["listing:1", "listing:2"]]


async def test_notifications_say_what_the_site_says_of_contexts() -> None:
    async def describe(contexts: Sequence[str]) -> dict[str, Any]:
        return {"listing:1": {"title": "A chair"}}

    async with a_site(describe_contexts=describe) as site:
        room = await site.room(context="listing:1")
        url = f"{NOTIFICATIONS}?format=flat"
        async with aconnect_ws(url, site.ada, keepalive_ping_interval_seconds=None) as socket:
            await socket.receive_json()
            await site.post(f"rooms/{room}/messages/", json={"text": "Hello"})
            (told,) = (await heard(socket, "notify"))["messages"]
        (unread,) = (await site.ada.get("/api/v1/chat/unread/")).json()["messages"]
    assert told["about"] == unread["about"] == {"title": "A chair"}


async def test_a_site_that_can_not_say_breaks_no_list() -> None:
    async def describe(contexts: Sequence[str]) -> dict[str, About]:
        raise RuntimeError("the database of the site is away")

    async with a_site(describe_contexts=describe) as site:
        await site.room(context="listing:1")
        (listed,) = (await site.ada.get("/api/v1/chat/receive/")).json()["results"]
        assert "about" not in listed


# ---------------------------------------------------------------- reports, blocks


async def test_a_message_is_reported_once_by_each() -> None:
    told: list[Any] = []
    is_there = asyncio.Event()

    async def on_event(event: Any) -> None:
        if event.type == "message_reported":
            told.append(event)
            is_there.set()

    async with a_site(on_event=on_event) as site:
        room, ada = await site.room(), site.ada
        message = await posted(site, room, text="Buy now!", sender=2)
        url = f"/api/v1/chat/rooms/{room}/messages/{message['message_id']}/report/"
        for _ in range(2):
            answer = await ada.post(url, json={"reason": "spam", "text": "again"})
            assert (answer.status_code, answer.content) == (204, b"")
        refused = await ada.post(url, json={"reason": "boring"})
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_frame")
        stranger = await ada.another(9).post(url, json={"reason": "spam"})
        assert stranger.status_code == 404
        async with asyncio.timeout(10):
            await is_there.wait()
    assert [event.message_id for event in told] == [message["message_id"]]


async def test_who_was_blocked_sees_the_other_offline(site: Site) -> None:
    room, ada, bob = await site.room(), site.ada, site.ada.another(2)
    async with ada.socket(room) as socket:
        await socket.receive_json()
        url = f"/api/v1/chat/rooms/{room}/"

        async def sees() -> Json:
            members = (await bob.get(url)).json()["members"]
            return {m["user_id"]: (m["online"], m["last_seen"] is not None) for m in members}

        async with asyncio.timeout(10):
            while not (await sees())[1][0]:  # noqa: ASYNC110 # presence is written a moment later
                await asyncio.sleep(0.05)
        await ada.post("/api/v1/chat/blocks/2/")
        assert (await sees())[1] == (False, False)
        await ada.delete("/api/v1/chat/blocks/2/")
        assert (await sees())[1][0] is True
