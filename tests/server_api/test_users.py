"""Users by the server API: profiles, tokens, bans."""

import json
import logging
import time
from typing import Any, cast

import httpx_ws
import pytest
from roomcast.chat import bans
from roomcast.protocol.errors import Forbidden

from .conftest import Site, a_site


async def closed_with(socket: httpx_ws.AsyncWebSocketSession) -> int:
    try:
        while True:
            await socket.receive_json()
    except httpx_ws.WebSocketDisconnect as closed:
        return closed.code


async def test_a_user_of_whom_nothing_is_known_is_shown(site: Site) -> None:
    assert (await site.get("users/a%2Fb/")).json() == {
        "user_id": "a/b", "name": None, "picture": None, "email": None, "language": None,
        "online": False, "last_seen": None, "banned": False,
    }  # fmt: skip


async def test_what_the_site_says_of_a_user_stays(site: Site) -> None:
    body = {"name": "Ada", "picture": "https://example.com/a.png", "email": "a@example.com"}
    answer = await site.put("users/1/", json=body)
    assert answer.status_code == 200
    assert answer.json() | body == answer.json()
    answer = await site.put("users/1/", json={"language": "uk", "email": None})
    assert (answer.json()["name"], answer.json()["email"]) == ("Ada", None)
    room = await site.room(1, 2)
    claims = site.ada.another(1, {"name": "Somebody"})
    await claims.get("/api/v1/chat/receive/")
    shown = (await site.get(f"rooms/{room}/")).json()["members"][0]
    assert shown["name"] == "Ada"
    await site.put("users/1/", json={"name": None})
    again = site.ada.another(1, {"name": "Somebody else"})
    await again.get("/api/v1/chat/receive/")
    assert (await site.get("users/1/")).json()["name"] == "Somebody else"
    for wrong, code in (({"name": 5}, "invalid_frame"), ({"name": "x" * 201}, "too_long")):
        answer = await site.put("users/1/", json=wrong)
        assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_token_lets_the_user_in(site: Site) -> None:
    answer = await site.post("users/7/token/", json={"ttl": 60})
    assert answer.status_code == 200
    assert answer.json().keys() == {"token", "expires_at"}
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    mine = await site.get("http://chat.test/api/v1/chat/receive/", headers=headers)
    assert mine.json()["results"] == []
    assert (await site.post("users/7/token/")).status_code == 200
    for ttl in (0, -5, "x", 1e12):
        assert (await site.post("users/7/token/", json={"ttl": ttl})).status_code == 400


async def test_a_ban_closes_what_is_open_and_lets_nothing_in(site: Site) -> None:
    room = await site.room(1, 2)
    notifications = "http://chat.test/ws/chat/notifications/"
    async with (
        site.ada.socket(room) as socket,
        httpx_ws.aconnect_ws(notifications, site.ada) as news,
    ):
        await socket.receive_json()
        await news.receive_json()
        answer = await site.put("users/1/ban/", json={"reason": "spam", "until": None})
        assert answer.status_code == 204
        assert await closed_with(socket) == 4005
        assert await closed_with(news) == 4005
    answer = await site.ada.get("/api/v1/chat/receive/")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    async with site.ada.socket(room) as socket:
        assert await closed_with(socket) == 4005
    assert (await site.get("users/1/")).json()["banned"] == {"until": None, "reason": "spam"}
    assert (await site.delete("users/1/ban/")).status_code == 204
    assert (await site.get("users/1/")).json()["banned"] is False
    assert (await site.ada.get("/api/v1/chat/receive/")).status_code == 200


async def test_a_ban_ends_when_it_is_said_to(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.put("users/1/ban/", json={"until": "2030-01-01T00:00:00Z"})
    assert (await site.ada.get("/api/v1/chat/receive/")).status_code == 403
    shown = (await site.get("users/1/")).json()["banned"]
    assert shown == {"until": "2030-01-01T00:00:00.000000+00:00", "reason": ""}
    later = time.time_ns() // 1000 + 10 * 366 * 86_400 * 1_000_000
    monkeypatch.setattr(bans, "_now", lambda: later)
    assert (await site.ada.get("/api/v1/chat/receive/")).status_code == 200
    assert (await site.get("users/1/")).json()["banned"] is False
    for until in ("tomorrow", "2030-01-01T00:00:00"):
        answer = await site.put("users/1/ban/", json={"until": until})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_frame")


async def test_a_ban_is_in_force_after_a_restart_and_without_news(site: Site) -> None:
    chat = site.ada.chat.state.chat
    await chat.bans.put("1", bans.Ban(None, ""))
    another = bans.Bans(chat.store)
    await another.open()
    with pytest.raises(bans.Banned):
        await another.check("1")


async def test_a_user_is_disconnected_and_may_come_back(site: Site) -> None:
    room = await site.room(1, 2)
    async with site.ada.socket(room) as socket:
        await socket.receive_json()
        assert (await site.post("users/1/disconnect/")).status_code == 204
        assert await closed_with(socket) == 4005
    async with site.ada.socket(room) as socket:
        assert await socket.receive_json() == []


async def test_unread_export_and_erase(site: Site) -> None:
    room = await site.room(1, 2)
    await site.post(f"rooms/{room}/messages/", json={"text": "Hi", "sender": 2})
    unread = (await site.get("users/1/unread/")).json()
    assert (unread["type"], unread["counter"]) == ("notify", 1)
    answer = await site.get("users/2/export/")
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[-1]["type"] == "end"
    assert (await site.delete("users/2/")).status_code == 204
    assert (await site.get(f"rooms/{room}/messages/")).json()["results"] == []


async def test_numbers_of_the_whole_chat(site: Site) -> None:
    room = await site.room(1, 2)
    await site.post(f"rooms/{room}/messages/", json={"text": "Hi", "sender": 2})
    stats = (await site.get("stats/")).json()
    assert stats.keys() == {"users", "rooms", "messages", "bytes", "sockets", "days"}
    assert (stats["users"], stats["rooms"], stats["messages"]) == (2, 1, 1)
    assert stats["days"][-1]["messages"] == 1


async def test_each_administrative_act_leaves_a_line(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "roomcast.audit"):
        room = await site.room(1, 2)
        await site.post(f"rooms/{room}/messages/", json={"text": "secret words", "sender": 2})
        await site.put("users/1/ban/", json={"reason": "secret words"})
        await site.delete("rooms/99/")
        await Site(site.ada, "x" * 32).get("rooms/")
    lines: list[dict[str, Any]] = [
        json.loads(record.message) for record in caplog.records if record.name == "roomcast.audit"
    ]
    assert [(line["action"], line["outcome"]) for line in lines] == [
        ("room_opened", "ok"),
        ("message_posted", "ok"),
        ("user_banned", "ok"),
        ("call_refused", "not_found"),
        ("key_refused", "unauthenticated"),
    ]
    assert lines[0]["actor"].startswith("key:")
    assert "secret words" not in caplog.text
    assert "k" * 32 not in caplog.text


async def test_the_rooms_of_others_are_asked_for_by_before_open() -> None:
    asked: list[tuple[object, ...]] = []

    async def before_open(creator: object, members: object, context: str) -> None:
        asked.append((creator, members, context))
        if context == "no":
            raise Forbidden("Not about this.")

    async with a_site(before_open=before_open) as site:
        create = "/api/v1/chat/create/"
        body = {"second_user": 2, "context": "no"}
        answer = await site.ada.post(create, json=body)
        assert (answer.status_code, answer.json()["detail"]) == (403, "Not about this.")
        assert (await site.ada.post(create, json={"second_user": 2})).status_code == 201
        assert (await site.ada.post(create, json={"second_user": 2})).status_code == 200
        assert asked == [(1, [1, 2], "no"), (1, [1, 2], "")]


async def test_the_host_is_asked_before_a_member_adds_another() -> None:
    asked: list[tuple[object, ...]] = []

    async def before_open(creator: object, members: object, context: str) -> None:
        asked.append((creator, members, context))
        if 9 in cast(list[object], members):
            raise Forbidden("Not this one.")

    async with a_site(before_open=before_open) as site:
        body = {"members": [1, 2, "anna"], "context": "hike"}
        room = (await site.ada.post("/api/v1/chat/create/", json=body)).json()["room_id"]
        asked.clear()
        path, bob = f"/api/v1/chat/rooms/{room}/members/", site.ada.another(2)
        refused = await site.ada.post(path, json={"user_id": 9})
        assert (refused.status_code, refused.json()["detail"]) == (403, "Not this one.")
        assert (await site.ada.post(path, json={"user_id": "5"})).status_code == 201
        assert (await site.ada.post(path, json={"user_id": 5})).status_code == 200
        assert (await bob.post(path, json={"user_id": 6})).status_code == 403
        assert (await site.ada.another(8).post(path, json={"user_id": 6})).status_code == 404
        assert (await site.post(f"rooms/{room}/members/", json={"user_id": 9})).status_code == 201
        shown = await site.ada.chat.add_member(room, 10)
    assert sorted(map(str, shown.member_ids)) == ["1", "10", "2", "5", "9", "anna"]
    assert asked == [(1, [1, 2, 9, "anna"], "hike"), (1, [1, 2, 5, "anna"], "hike")]


async def test_failed_logins_and_tries_at_others_rooms_leave_a_line(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    room = await site.room(2, 3)
    caplog.clear()
    with caplog.at_level(logging.INFO, "roomcast.audit"):
        headers = {"Authorization": "Bearer a.b.c"}
        await site.get("http://chat.test/api/v1/chat/receive/", headers=headers)
        await site.ada.get(f"/api/v1/chat/rooms/{room}/")
        async with site.ada.socket(room) as socket:
            assert await closed_with(socket) == 4003
    lines = [json.loads(record.message) for record in caplog.records]
    assert [(line["action"], line["actor"]) for line in lines] == [
        ("login_refused", "unknown"),
        ("room_refused", "user:1"),
        ("room_refused", "socket"),
    ]
    assert "a.b.c" not in caplog.text
