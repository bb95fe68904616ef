"""Custom data, the site's own messages, and buttons: what everybody sees of them."""

import asyncio
import json
from typing import Any

import pytest
from roomcast.integrations.hooks import Pressed
from roomcast.protocol.errors import Forbidden
from roomcast.testing import ChatClient

from .conftest import Site, a_site

OFFER = [
    {"id": "accept", "label": "Accept", "style": "primary", "once": True},
    {"id": "decline", "label": "Decline", "once": True},
    {"label": "Terms", "url": "https://example.com/terms"},
]
Json = dict[str, Any]


async def posted(site: Site, room: int, **fields: Any) -> Json:
    answer = await site.post(f"rooms/{room}/messages/", json=fields)
    assert answer.status_code == 201, answer.text
    message: Json = answer.json()
    return message


async def page(client: ChatClient, room: int) -> list[Json]:
    found = (await client.get(f"/api/v1/chat/rooms/{room}/messages/")).json()["messages"]
    assert isinstance(found, list)
    return found


async def heard(socket: Any, kind: str) -> Json:
    while True:
        frame = await socket.receive_json()
        if isinstance(frame, dict) and frame["type"] == kind:
            return dict(frame)


# ---------------------------------------------------------------- data of members


async def test_data_comes_back_wherever_the_message_does(site: Site) -> None:
    room, ada, bob = await site.room(), site.ada, site.ada.another(2)
    data = {"kind": "size", "status": "send", "reply_to": {"message_id": 1, "x": 0}, "n": 1.5}
    async with ada.socket(room) as a, bob.socket(room) as b:
        await a.receive_json()
        await b.receive_json()
        await a.send_json({"action": "send", "message": "a shoe", "data": data})
        sent = (await heard(b, "chat_message"))["message"]
        assert sent["data"] == data
        read = (await heard(a, "mark_message_as_read"))["message"]
        assert (read["data"], read["status"]) == (data, "read")
    (listed,) = await page(bob, room)
    assert listed["data"] == data
    async with bob.socket(room) as again:
        assert (await again.receive_json())[0]["data"] == data
    async with bob.socket(room, after=0) as resumed:
        assert (await resumed.receive_json())["messages"][0]["data"] == data
    found = (await bob.get("/api/v1/chat/search/", params={"q": "shoe"})).json()["results"]
    assert found[0]["data"] == data
    export = (await ada.get("/api/v1/chat/export/")).text.splitlines()
    (said,) = [json.loads(line) for line in export if '"type":"message"' in line]
    assert said["message"]["data"] == data


async def test_a_message_without_data_has_no_field_for_it(site: Site) -> None:
    room = await site.room()
    await site.ada.post(f"/api/v1/chat/rooms/{room}/messages/", json={"message": "plain"})
    (message,) = await page(site.ada, room)
    assert not {"data", "kind", "actions", "chosen"} & set(message)


async def test_data_is_changed_by_an_edit(site: Site) -> None:
    room, ada = await site.room(), site.ada
    url = f"/api/v1/chat/rooms/{room}/messages/"
    sent = (await ada.post(url, json={"message": "x", "data": {"n": 1}})).json()
    async with ada.socket(room) as socket:
        await socket.receive_json()
        where = f"{url}{sent['message_id']}/"
        answer = await ada.patch(where, json={"data": {"n": 2}})
        assert (answer.status_code, answer.json()["data"]) == (200, {"n": 2})
        edited = await heard(socket, "message_edited")
        assert edited["message"] | {"text": "x", "data": {"n": 2}} == edited["message"]
        await socket.send_json({"action": "edit", "message_id": sent["message_id"], "text": "y"})
        edited = await heard(socket, "message_edited")
        assert (edited["text"], edited["message"]["data"]) == ("y", {"n": 2})
    assert (await ada.patch(where, json={})).status_code == 400
    by_site = f"rooms/{room}/messages/{sent['message_id']}/"
    assert (await site.patch(by_site, json={"text": "z"})).json()["data"] == {"n": 2}
    assert "data" not in (await site.patch(by_site, json={"data": None})).json()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ([1], "invalid_frame"),
        ("x", "invalid_frame"),
        ({"a": "x" * 4_097}, "too_long"),
        ({"a": "\0"}, "invalid_frame"),
        ({"\ud800": 1}, "invalid_frame"),
        (json.loads('{"a":' * 40 + "1" + "}" * 40), "invalid_frame"),
    ],
)
async def test_data_that_is_no_small_object_is_refused(site: Site, data: Any, code: str) -> None:
    room = await site.room()
    body = json.dumps({"message": "x", "data": data})
    url = f"/api/v1/chat/rooms/{room}/messages/"
    answer = await site.ada.post(url, content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    answer = await site.post(
        f"rooms/{room}/messages/", content=json.dumps({"text": "x", "data": data})
    )
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert await page(site.ada, room) == []


async def test_data_of_4_kib_is_taken(site: Site) -> None:
    room = await site.room()
    body = {"message": "x", "data": {"a": "x" * (4_096 - 8)}}
    answer = await site.ada.post(f"/api/v1/chat/rooms/{room}/messages/", json=body)
    assert answer.status_code == 201


async def test_members_data_can_be_turned_off_but_not_the_sites() -> None:
    async with a_site({"limits": {"max_data_size": 0}}) as site:
        room = await site.room()
        body = {"message": "x", "data": {}}
        answer = await site.ada.post(f"/api/v1/chat/rooms/{room}/messages/", json=body)
        assert answer.status_code == 403
        assert (await posted(site, room, text="x", data={"a": 1}))["data"] == {"a": 1}


# ---------------------------------------------------------------- messages of the site


async def test_a_message_of_the_site_is_a_system_message_for_all(site: Site) -> None:
    room, ada, bob = await site.room(), site.ada, site.ada.another(2)
    message = await posted(site, room, text="Welcome")
    assert (message["kind"], message["sender_id"], message["status"]) == ("system", None, "send")
    for client in (ada, bob):
        unread = (await client.get("/api/v1/chat/unread/")).json()
        assert unread["counter"] == 1
        (notice,) = unread["messages"]
        assert (notice["sender_id"], notice["kind"]) == (None, "system")
        (listed,) = (await client.get("/api/v1/chat/receive/")).json()["results"]
        last = listed["last_message"]
        assert (last["sender_id"], last["kind"], last["from_this_user"]) == (None, "system", False)
    async with ada.socket(room) as socket:
        assert (await socket.receive_json())[0]["kind"] == "system"
    assert (await page(ada, room))[0]["status"] == "send"  # bob has not read it
    async with bob.socket(room) as socket:
        assert (await socket.receive_json())[0]["status"] == "read"


async def test_nobody_changes_a_message_of_the_site_but_the_site(site: Site) -> None:
    room, ada = await site.room(), site.ada
    message = await posted(site, room, text="Welcome")
    url = f"/api/v1/chat/rooms/{room}/messages/{message['message_id']}/"
    assert (await ada.patch(url, json={"text": "x"})).status_code == 403
    assert (await ada.delete(url)).status_code == 403
    where = f"rooms/{room}/messages/{message['message_id']}/"
    changed = (await site.patch(where, json={"text": "Hello", "data": {"a": 1}})).json()
    assert (changed["text"], changed["data"], changed["kind"]) == ("Hello", {"a": 1}, "system")
    assert (await site.delete(where)).status_code == 204
    assert await page(ada, room) == []


async def test_a_client_id_of_the_site_is_one_message_in_a_room(site: Site) -> None:
    room = await site.room()
    body = {"text": "once", "client_id": "c1"}
    first = await site.post(f"rooms/{room}/messages/", json=body)
    again = await site.post(f"rooms/{room}/messages/", json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["message_id"] == again.json()["message_id"]
    other = await site.post(f"rooms/{room}/messages/", json={"text": "two", "client_id": "c1"})
    assert other.status_code == 409
    assert (await site.post("rooms/999999/messages/", json=body)).status_code == 404


async def test_a_reply_to_the_site_quotes_it(site: Site) -> None:
    room = await site.room()
    message = await posted(site, room, text="Any questions?")
    body = {"message": "Yes", "reply_to": message["message_id"]}
    answer = await site.ada.post(f"/api/v1/chat/rooms/{room}/messages/", json=body)
    quote = {"message_id": message["message_id"], "sender_id": None, "text": "Any questions?"}
    assert answer.json()["reply_to"] == quote


# ---------------------------------------------------------------- buttons


async def test_a_button_that_can_be_pressed_once_is_pressed_once(site: Site) -> None:
    room, ada, bob = await site.room(), site.ada, site.ada.another(2)
    offer = await posted(site, room, text="An offer", sender=1, actions=OFFER)
    assert offer["actions"] == OFFER
    id_ = offer["message_id"]
    async with ada.socket(room) as a, bob.socket(room) as b:
        assert (await a.receive_json())[0]["actions"] == OFFER
        await b.receive_json()
        await b.send_json({"action": "act", "message_id": id_, "id": "accept"})
        edited = await heard(b, "message_edited")
        assert await heard(b, "acted") == {"type": "acted", "message_id": id_, "id": "accept"}
        chosen = edited["message"]["chosen"]
        assert (chosen["id"], chosen["user_id"]) == ("accept", 2)
        assert "actions" not in edited["message"]
        assert (await heard(a, "message_edited"))["message"]["chosen"] == chosen
        for button in ("accept", "decline"):
            await a.send_json({"action": "act", "message_id": id_, "id": button})
            assert (await heard(a, "error"))["code"] == "conflict"
        await a.send_json({"action": "act", "message_id": id_, "id": "never"})
        assert (await heard(a, "error"))["code"] == "not_found"
    (message,) = await page(ada, room)
    assert message["chosen"] == chosen


async def test_of_two_who_press_at_once_one_wins(site: Site) -> None:
    room = await site.room()
    id_ = (await posted(site, room, text="An offer", actions=OFFER))["message_id"]
    url = f"/api/v1/chat/rooms/{room}/messages/{id_}/act/"
    clients = [site.ada, site.ada.another(2)] * 4
    answers = await asyncio.gather(
        *(c.post(url, json={"id": id_}) for c, id_ in zip(clients, ["accept", "decline"] * 4))  # noqa: B905
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7


async def test_a_button_that_stays_can_be_pressed_again(site: Site) -> None:
    room = await site.room()
    actions = [{"id": "more", "label": "Tell me more"}]
    message = await posted(site, room, text="News", actions=actions)
    url = f"/api/v1/chat/rooms/{room}/messages/{message['message_id']}/act/"
    for _ in range(2):
        answer = await site.ada.post(url, json={"id": "more", "params": {"page": 2}})
        assert (answer.status_code, answer.json()["actions"]) == (200, actions)
    assert (await page(site.ada, room))[0]["version"] == message["version"]
    eve = site.ada.another(9)
    assert (await eve.post(url, json={"id": "more"})).status_code == 404
    big = await site.ada.post(url, json={"id": "more", "params": {"a": "x" * 1_100}})
    assert (big.status_code, big.json()["code"]) == (400, "too_long")


async def test_the_site_decides_what_a_button_does() -> None:
    asked: list[Pressed] = []

    async def on_action(pressed: Pressed) -> str | None:
        asked.append(pressed)
        if pressed.id == "decline":
            raise Forbidden("The offer has ended.")
        return "Thank you"

    async with a_site(on_action=on_action) as site:
        room, ada = await site.room(), site.ada
        message = await posted(site, room, text="An offer", actions=OFFER)
        url = f"/api/v1/chat/rooms/{room}/messages/{message['message_id']}/act/"
        refused = await ada.post(url, json={"id": "decline"})
        assert (refused.status_code, refused.json()["detail"]) == (403, "The offer has ended.")
        done = await ada.post(url, json={"id": "accept", "params": {"price": 5}})
        assert (done.json()["reply"], done.json()["chosen"]["id"]) == ("Thank you", "accept")
        again = await ada.post(url, json={"id": "accept"})
        assert again.status_code == 409
        assert [(p.id, p.user, p.params) for p in asked] == [
            ("decline", 1, None), ("accept", 1, {"price": 5}),
        ]  # fmt: skip


async def test_the_site_is_told_of_each_press_once() -> None:
    told: list[Any] = []
    is_there = asyncio.Event()

    async def on_event(event: Any) -> None:
        if event.type == "message_action":
            told.append(event)
            is_there.set()

    async with a_site(on_event=on_event) as site:
        room = await site.room()
        message = await posted(site, room, text="An offer", actions=OFFER)
        url = f"/api/v1/chat/rooms/{room}/messages/{message['message_id']}/act/"
        for _ in range(2):
            await site.ada.post(url, json={"id": "accept", "params": {"a": 1}})
        async with asyncio.timeout(10):
            await is_there.wait()
    said = [(event.message_id, event.action, event.params, event.kind) for event in told]
    assert said == [(message["message_id"], "accept", {"a": 1}, "system")]


async def test_events_say_what_sites_have_given() -> None:
    told: dict[str, Any] = {}
    is_there = asyncio.Event()

    async def on_event(event: Any) -> None:
        told[event.type] = event
        if event.type == "message_deleted":
            is_there.set()

    async with a_site(on_event=on_event) as site:
        room = await site.room()
        message = await posted(site, room, text="An offer", data={"price": 5}, sender=2)
        where = f"rooms/{room}/messages/{message['message_id']}/"
        member = f"/api/v1/chat/{where}"
        body = {"reason": "spam", "text": "Again!"}
        assert (await site.ada.post(f"{member}report/", json=body)).status_code == 204
        await site.patch(where, json={"data": {"price": 6}})
        system = await posted(site, room, text="Welcome", data={"n": 1})
        await site.delete(f"rooms/{room}/messages/{system['message_id']}/")
        async with asyncio.timeout(10):
            await is_there.wait()
    reported, edited = told["message_reported"], told["message_edited"]
    assert (reported.reason, reported.report, reported.text) == ("spam", "Again!", "An offer")
    assert (reported.user_id, reported.data, reported.kind) == (1, {"price": 5}, None)
    assert (edited.data, edited.kind) == ({"price": 6}, None)
    assert (told["message_sent"].data, told["message_sent"].kind) == ({"n": 1}, "system")
    assert (told["message_deleted"].kind, told["message_deleted"].text) == ("system", None)


@pytest.mark.parametrize(
    "actions",
    [
        [{"id": "a", "label": "A"}] * 2,
        [{"id": str(n), "label": "A"} for n in range(6)],
        [{"label": "A"}],
        [{"id": "a", "label": " "}],
        [{"id": "a", "label": "A", "url": "https://example.com"}],
        [{"label": "A", "url": "javascript:alert(1)"}],
        ["a"],
    ],
    ids=str,
)
async def test_buttons_that_make_no_sense_are_refused(site: Site, actions: Any) -> None:
    room = await site.room()
    body = {"text": "x", "actions": actions}
    answer = await site.post(f"rooms/{room}/messages/", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_frame")


async def test_new_buttons_can_be_pressed_after_one_was_chosen(site: Site) -> None:
    room, ada = await site.room(), site.ada
    message = await posted(site, room, text="An offer", actions=OFFER)
    url = f"/api/v1/chat/rooms/{room}/messages/{message['message_id']}/act/"
    assert (await ada.post(url, json={"id": "accept"})).status_code == 200
    more = [{"id": "pay", "label": "Pay", "once": True}]
    where = f"rooms/{room}/messages/{message['message_id']}/"
    changed = (await site.patch(where, json={"actions": more})).json()
    assert changed["actions"] == more
    assert "chosen" not in changed
    assert (await ada.post(url, json={"id": "accept"})).status_code == 404
    assert (await ada.post(url, json={"id": "pay"})).status_code == 200
