"""A user's own data: all of it handed out, and all of it erased, while rooms stay whole."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ..client import Person
from ..server import Server
from ..shapes import check_message
from .files import PNG, file

Stranger = Callable[..., Person]


@pytest.fixture
def dora(stranger: Stranger) -> Person:
    """Somebody of whom there is nothing yet."""
    person = stranger()
    person.claims = {"name": "Dora", "picture": "https://example.com/dora.png"}
    return person


async def exports(person: Person) -> dict[str, list[dict[str, Any]]]:
    """The lines by their types; the first is who it is, the last that it is whole."""
    answer = await person.get("chat/export/")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.split("\n") if line]
    assert (lines[0]["type"], lines[-1]["type"]) == ("user", "end")
    found: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        found.setdefault(line.pop("type"), []).append(line)
    assert found["end"] == [{"messages": len(found.get("message", []))}]
    return found


async def reacts(person: Person, message: dict[str, Any], emoji: str) -> None:
    async with person.enters(message["room_id"]) as socket:
        await socket.does("react", message_id=message["message_id"], emoji=emoji)
        await socket.receives("message_reacted", message_id=message["message_id"])


# ---------------------------------------------------------------- export


async def test_an_export_is_all_that_is_ones_own(
    dora: Person, ada: Person, bob: Person, http: httpx.AsyncClient
) -> None:
    pair, group = await dora.opens(ada, title="Two"), await ada.opens(bob, dora)
    theirs = await ada.posts(group, "ada's own words")
    async with dora.enters(pair) as d:
        picture = await d.says("a dot", file=file("dot.png", "image/png", PNG))
        gone = await d.says("taken back")
        await d.does("delete", message_id=gone["message_id"])
        await d.receives("message_deleted")
    reply = await dora.posts(group, "mine", reply_to=theirs["message_id"])
    await reacts(dora, theirs, "👍")
    assert (await dora.asks("POST", f"chat/blocks/{bob.id}")).status_code == 204
    found = await exports(dora)
    assert found["user"] == [
        {"user_id": dora.id, "name": "Dora", "picture": "https://example.com/dora.png"}
    ]
    assert [(r["room_id"], r["title"]) for r in found["room"]] == [(pair, "Two"), (group, None)]
    assert sorted(found["room"][1]["members"]) == sorted([ada.id, bob.id, dora.id])
    messages = [line["message"] for line in found["message"]]
    for message in messages:
        check_message(message)
    assert [m["message_id"] for m in messages] == [picture["message_id"], reply["message_id"]]
    answer = await http.get(messages[0]["attachments"][0]["file_url"])
    assert answer.content == PNG
    [reaction] = found["reaction"]
    assert (reaction["message_id"], reaction["emoji"]) == (theirs["message_id"], "👍")
    assert [b["user_id"] for b in found["block"]] == [bob.id]


async def test_an_export_has_what_was_said_in_rooms_that_one_left(
    dora: Person, ada: Person, bob: Person
) -> None:
    room = await ada.opens(bob, dora)
    theirs = await ada.posts(room, "ada's own words")
    await dora.posts(room, "bye", reply_to=theirs["message_id"])
    path = f"chat/rooms/{room}/members/{dora.id}"
    assert (await dora.delete(path)).status_code == 204
    await ada.posts(room, "she is gone")
    found = await exports(dora)
    assert found["left_room"] == [{"room_id": room}]
    [line] = found["message"]
    assert line["message"]["text"] == "bye"
    assert "ada's own words" not in json.dumps(found)


async def test_nobody_gets_what_is_others(ada: Person, eve: Person, room: int) -> None:
    secret = uuid.uuid4().hex
    await ada.posts(room, secret)
    assert secret in json.dumps(await exports(ada))
    assert secret not in json.dumps(await exports(eve))


async def test_a_long_export_is_whole(dora: Person, ada: Person, serve: Any, cast: Any) -> None:
    many, *_ = cast(serve(rate_limit_rate=0))
    dora = Person(many.server, many.http, dora.id, "dora")
    room = await dora.opens(many)
    async with dora.enters(room) as d:
        for n in range(1200):
            await d.sends(f"m{n}")
        await d.hears("m1199")
    texts = [line["message"]["text"] for line in (await exports(dora))["message"]]
    assert texts == [f"m{n}" for n in range(1200)]


# ---------------------------------------------------------------- erasing


async def test_erased_is_all_that_one_said_and_the_rooms_stay_whole(
    dora: Person, ada: Person, bob: Person, server: Server
) -> None:
    word = f"w{uuid.uuid4().hex}"
    pair, group = await dora.opens(ada), await ada.opens(bob, dora)
    async with dora.enters(pair) as d, ada.enters(pair) as a, bob.enters(group) as b:
        sent = await d.says(word, file=file("dot.png", "image/png", PNG), client_id="c1")
        await a.receives("mark_message_as_read")
        theirs = await a.says("ada's own", reply_to=sent["message_id"])
        await a.receives("mark_message_as_read", message={"message_id": theirs["message_id"]})
        await d.does("react", message_id=theirs["message_id"], emoji="👍")
        await a.receives("message_reacted")
        in_group = await dora.posts(group, word)
        assert len((await ada.get("chat/search/", q=word)).json()["results"]) == 2
        answer = await dora.delete("chat/me/")
        assert (answer.status_code, answer.content) == (204, b"")
        await a.receives("message_deleted", message_id=sent["message_id"])
        taken = await a.receives("message_reacted", message_id=theirs["message_id"])
        assert taken["reactions"] == []
        await b.receives("message_deleted", message_id=in_group["message_id"])
        after = await d.says("a new start")
        assert after["version"] == taken["version"] + 1
    left = await ada.reads_all(pair)
    assert [m["text"] for m in left] == ["ada's own", "a new start"]
    assert (left[0]["status"], left[0]["reply_to"]["text"]) == ("read", None)
    assert (await ada.get("chat/search/", q=word)).json()["results"] == []
    found = await exports(dora)
    assert [line["message"]["text"] for line in found["message"]] == ["a new start"]
    assert "reaction" not in found
    async with ada.enters(pair, after=0) as synced:
        assert synced.first["deleted"] == [sent["message_id"]]
        assert word not in json.dumps(synced.first)


async def test_the_others_see_no_name_any_more(dora: Person, ada: Person) -> None:
    room = await dora.opens(ada)
    names = [m["name"] for m in (await ada.get(f"chat/rooms/{room}/")).json()["members"]]
    assert "Dora" in names
    assert (await dora.delete("chat/me/")).status_code == 204
    members = (await ada.get(f"chat/rooms/{room}/")).json()["members"]
    assert {m["user_id"]: m["name"] for m in members}[dora.id] is None


async def test_what_was_said_in_a_room_that_one_left_is_erased_too(
    dora: Person, ada: Person, bob: Person
) -> None:
    room = await ada.opens(bob, dora)
    message = await dora.posts(room, "bye")
    await reacts(dora, await ada.posts(room, "stay"), "👍")
    assert (await dora.delete(f"chat/rooms/{room}/members/{dora.id}")).status_code == 204
    async with ada.enters(room) as a:
        assert (await dora.delete("chat/me/")).status_code == 204
        await a.receives("message_deleted", message_id=message["message_id"])
        await a.receives("message_reacted", reactions=[])
    assert [m["text"] for m in await ada.reads_all(room)] == ["stay"]


async def test_erasing_takes_no_status_back_and_counts_nothing_as_unread(
    dora: Person, ada: Person
) -> None:
    room = await dora.opens(ada)
    read = await ada.posts(room, "read by dora")
    async with dora.enters(room):
        sent = [await dora.posts(room, text) for text in ("one", "two")]
    assert (await ada.get(f"chat/rooms/{room}/")).json()["unread"] == 2
    async with ada.enters(room, receipts="manual") as a:
        assert (await dora.delete("chat/me/")).status_code == 204
        for message in sent:  # on a busy machine the erasure continues after its answer
            await a.receives("message_deleted", message_id=message["message_id"])
    assert (await ada.get(f"chat/rooms/{room}/")).json()["unread"] == 0
    [left] = await ada.reads_all(room)
    assert (left["message_id"], left["status"]) == (read["message_id"], "read")


async def test_others_keep_what_they_said(dora: Person, ada: Person, room: int) -> None:
    message = await ada.posts(room, "mine")
    assert (await dora.delete("chat/me/")).status_code == 204
    assert (await ada.reads_all(room))[-1]["text"] == message["text"]


async def test_both_want_a_token(server: Server, http: httpx.AsyncClient) -> None:
    for method, path in (("GET", "chat/export/"), ("DELETE", "chat/me/")):
        answer = await http.request(method, f"{server.url}/api/v1/{path}")
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
