"""Every call of the server API sent twice, as after an answer that was lost: it happens once."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
from roomcast.routes import server_api
from roomcast.store.store import Connection

from .conftest import Site, a_site

# What goes on by itself, or says that the site's programs were there.
PASSING = {"outbox", "outbox_rooms", "listeners", "processes", "presence", "meta", "list_changes",
           "word_changes", "room_words", "unread_checks"}  # fmt: skip

CARRIED = {"listed_at": 0, "is_behind": 0}  # columns of members that follow in the background


class Call(NamedTuple):
    """A request, the statuses of the first and the second answer, and the events that it causes.

    `again` are those that the second one causes.
    """

    path: str
    first: int
    second: int
    body: Any = None
    key: str | None = None
    events: tuple[str, ...] = ()
    again: tuple[str, ...] = ()


CALLS: dict[str, list[Call]] = {
    "POST /server/rooms": [
        Call(
            "rooms/",
            201,
            200,
            body={"members": ["7", 9], "context": "order:1", "data": {"a": 1}},
            events=("room_created",),
        ),
        Call(
            "rooms/",
            201,
            200,
            body={"members": ["7", 8, 9], "title": "Trip"},
            key="k1",
            events=("room_created",),
        ),
        Call(
            "rooms/",
            201,
            200,
            body={"members": ["7", 9], "context": "order:2"},
            key="k2",
            events=("room_created",),
        ),
    ],
    "GET /server/rooms": [
        Call("rooms/?user_id=7", 200, 200),
    ],
    "GET /server/rooms/{room_id}": [
        Call("rooms/{room}/", 200, 200),
    ],
    "PATCH /server/rooms/{room_id}": [
        Call("rooms/{room}/", 200, 200, body={"title": "New"}, events=("room_changed",)),
        Call(
            "rooms/{room}/",
            200,
            200,
            body={"about": {"title": "A bicycle"}, "data": {"a": 1}},
            events=("room_changed",),
        ),
        Call("rooms/{room}/", 200, 200, body={"frozen": True}, events=("room_changed",)),
        Call("rooms/{room}/", 200, 200, body={}),
    ],
    "DELETE /server/rooms/{room_id}": [
        Call("rooms/{room}/", 204, 404, events=("room_deleted",)),
        Call("rooms/{pair}/", 204, 404, events=("room_deleted",)),
    ],
    "POST /server/rooms/{room_id}/members": [
        Call("rooms/{room}/members/", 201, 200, body={"user_id": 30}, events=("member_added",)),
    ],
    "DELETE /server/rooms/{room_id}/members/{user_id:path}": [
        Call("rooms/{room}/members/8/", 204, 404, events=("member_removed",)),
    ],
    "GET /server/rooms/{room_id}/messages": [
        Call("rooms/{room}/messages/", 200, 200),
    ],
    "POST /server/rooms/{room_id}/messages": [
        Call(
            "rooms/{room}/messages/",
            201,
            200,
            body={"text": "Paid", "client_id": "paid"},
            events=("message_sent",),
        ),
        Call(
            "rooms/{room}/messages/",
            201,
            200,
            body={"text": "Paid", "sender": 7},
            key="paid",
            events=("message_sent",),
        ),
        Call(
            "rooms/{room}/messages/",
            201,
            200,
            body={
                "client_id": "f",
                "files": [{"name": "a.txt", "size": 1, "type": "text/plain", "data": "YQ=="}],
            },
            events=("message_sent",),
        ),
    ],
    "PATCH /server/rooms/{room_id}/messages/{message_id}": [
        Call(
            "rooms/{room}/messages/{message}/",
            200,
            200,
            body={"text": "Changed"},
            events=("message_edited",),
        ),
        Call(
            "rooms/{room}/messages/{message}/",
            200,
            200,
            body={"data": {"a": 1}},
            events=("message_edited",),
        ),
        Call("rooms/{room}/messages/{message}/", 200, 200, body={"data": None}),
        Call(
            "rooms/{room}/messages/{message}/",
            200,
            200,
            body={"actions": [{"id": "a", "label": "A"}]},
            events=("message_edited",),
        ),
    ],
    "DELETE /server/rooms/{room_id}/messages/{message_id}": [
        Call("rooms/{room}/messages/{message}/", 204, 404, events=("message_deleted",)),
    ],
    "GET /server/users/{user_id:path}/export": [
        Call("users/7/export/", 200, 200),
    ],
    "GET /server/users/{user_id:path}/unread": [
        Call("users/7/unread/", 200, 200),
    ],
    "POST /server/users/{user_id:path}/token": [
        Call("users/7/token/", 200, 200),
    ],
    "POST /server/users/{user_id:path}/disconnect": [
        Call("users/7/disconnect/", 204, 204),
    ],
    "PUT /server/users/{user_id:path}/ban": [
        Call("users/7/ban/", 204, 204, events=("user_banned",)),
        Call(
            "users/7/ban/",
            204,
            204,
            body={"until": "2090-01-01T00:00:00Z", "reason": "spam"},
            events=("user_banned",),
        ),
    ],
    "DELETE /server/users/{user_id:path}/ban": [
        Call("users/8/ban/", 204, 204),
    ],
    "GET /server/users/{user_id:path}": [
        Call("users/7/", 200, 200),
    ],
    "PUT /server/users/{user_id:path}": [
        Call("users/7/", 200, 200, body={"name": "Ada"}),
    ],
    "DELETE /server/users/{user_id:path}": [
        Call("users/7/", 204, 204, events=("user_erased",), again=("user_erased",)),
    ],
    "GET /server/reports": [
        Call("reports/?state=open", 200, 200),
    ],
    "PATCH /server/reports/{report_id}": [
        Call("reports/{report}/", 200, 200, body={"state": "resolved", "note": "Seen"}),
    ],
    "GET /server/stats": [
        Call("stats/", 200, 200),
    ],
}


def test_every_call_has_a_row() -> None:
    """Fails when a call is added without one."""
    routed = {
        f"{method} {route.path}"
        for route in server_api.API
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert set(CALLS) == routed


async def rows(db: Connection) -> dict[str, list[dict[str, Any]]]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 's*'"
    tables = sorted({row["name"] for row in await db.fetch_all(query)} - PASSING)
    found = {}
    for name in tables:
        all_rows = await db.fetch_all(f"SELECT * FROM {name}")  # noqa: S608 # of the schema
        kept = [{column: row[column] for column in row} for row in all_rows]
        shown = [{**row, **CARRIED} for row in kept] if name == "members" else kept
        found[name] = sorted(shown, key=repr)
    return found


async def noted(db: Connection) -> list[str]:
    """The types of all events: whom they are for never takes them."""
    return [row["kind"] for row in await db.fetch_all("SELECT kind FROM outbox ORDER BY id")]


async def erasing(db: Connection) -> bool:
    return bool(await db.fetch_all("SELECT 1 FROM erasures"))


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async def refuse(event: object) -> None:
        raise ConnectionError

    async with a_site(on_event=refuse) as site:
        yield site


async def stand(site: Site) -> dict[str, int]:
    """A room of three with a reported message, and a room of two; user 8 is banned."""
    room, pair = await site.room(7, 8, 9), await site.room(7, 8, context="pair")
    sent = await site.post(f"rooms/{room}/messages/", json={"text": "Hello", "sender": 8})
    message = sent.json()["message_id"]
    member = site.ada.another(7)
    said = await member.post(
        f"/api/v1/chat/rooms/{room}/messages/{message}/report/", json={"reason": "spam"}
    )
    assert said.status_code == 204
    assert (await site.put("users/8/ban/")).status_code == 204
    (report,) = (await site.get("reports/")).json()["results"]
    return {"room": room, "pair": pair, "message": message, "report": report["id"]}


@pytest.mark.parametrize(
    ("name", "call"), [(name, call) for name, calls in CALLS.items() for call in calls], ids=str
)
async def test_it_happens_once(site: Site, name: str, call: Call) -> None:
    chat = site.ada.chat.state.chat
    store = chat.store
    places = await stand(site)
    path = call.path.format(**places)
    headers = {} if call.key is None else {"Idempotency-Key": call.key}
    method, answers, states = name.split()[0], [], []
    events = [await store.read(noted)]
    for _ in range(2):
        answers.append(await site.request(method, path, json=call.body, headers=headers))
        while await store.read(erasing):
            continue  # it goes on after its answer where that takes long
        await chat.housekeeping.clean()
        states.append(await store.read(rows))
        events.append(await store.read(noted))
    assert [answer.status_code for answer in answers] == [call.first, call.second]
    assert states[0] == states[1]
    assert events[1:] == [[*events[0], *call.events], [*events[0], *call.events, *call.again]]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("rooms/", {"members": [7, 9], "context": "order:1"}),
        ("rooms/{room}/messages/", {"text": "Paid"}),
    ],
)
async def test_a_key_for_something_else_is_a_conflict(site: Site, path: str, body: Any) -> None:
    places, headers = await stand(site), {"Idempotency-Key": "k"}
    path = path.format(**places)
    first = await site.post(path, json=body, headers=headers)
    other = {**body, "text": "Sent"} if "text" in body else {**body, "context": "order:2"}
    second = await site.post(path, json=other, headers=headers)
    assert (first.status_code, second.status_code) == (201, 409)
    assert second.json()["code"] == "conflict"
