"""What sites add: their fields in every place, buttons and bans on whichever process."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ..client import API, LIMIT, Person, Socket
from ..conftest import Cast
from ..server import Server

KEY = "a-key-of-the-tests-alone-32-characters-and-more"
Json = dict[str, Any]
ABOUT = {"title": "A bicycle", "url": "https://shop.example/1", "price": "90 €"}
OFFER = [
    {"id": "accept", "label": "Accept", "style": "primary", "once": True},
    {"id": "decline", "label": "Decline", "once": True},
]
OF_MESSAGES = ("data", "kind", "actions", "chosen")
OF_ROOMS = ("about", "data", "frozen", "marked_unread", "can")


class Site:
    """Calls the server API of one process, with the key."""

    def __init__(self, server: Server, person: Person) -> None:
        self._url = f"{server.url}{API}server/"
        self._http = person.http

    async def calls(self, method: str, path: str, body: Json | None = None) -> Any:
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = await self._http.request(method, self._url + path, json=body, headers=headers)
        assert answer.status_code in (200, 201, 204), answer.text
        return answer.json() if answer.content else None

    async def opens(self, *people: Person, **fields: Any) -> int:
        body = {"members": [p.id for p in people], "context": f"test:{uuid.uuid4()}"} | fields
        room: int = (await self.calls("POST", "rooms/", body))["room_id"]
        return room

    async def posts(self, room: int, text: str, **fields: Any) -> Json:
        body = {"text": text} | fields
        message: Json = await self.calls("POST", f"rooms/{room}/messages/", body)
        return message


Served = tuple[Site, Person, Person]


@pytest.fixture
def served(serve: Callable[..., Server], cast: Cast) -> Served:
    """The site and ada are on one process, bob on the other, where there are two."""
    server = serve(server_api_keys=KEY)
    ada, bob, _ = cast(server)
    return Site(server, ada), ada, bob


# ---------------------------------------------------------------- fields


async def sightings(person: Person, room: int, message: Json) -> dict[str, Json]:
    """The message by every place where a member finds it."""
    id_, word = message["message_id"], message["text"]
    place = f"chat/rooms/{room}/messages/"
    found: dict[str, list[Json]] = {}
    async with person.enters(room, receipts="manual,compact") as socket:
        found["the first array"] = socket.first
        await socket.does("history")
        found["history"] = (await socket.receives("history"))["messages"]
        await socket.does("history", around=id_)
        found["around"] = (await socket.receives("history"))["messages"]
    async with person.enters(room, after=0, receipts="manual,compact") as socket:
        found["sync"] = socket.first["messages"]
    found["http"] = (await person.get(place)).json()["messages"]
    found["http after"] = (await person.get(place, after=id_ - 1)).json()["messages"]
    found["search"] = (await person.get("chat/search/", q=word, room_id=room)).json()["results"]
    lines = (await person.get("chat/export/")).text.splitlines()
    said = [line["message"] for line in map(json.loads, lines) if line["type"] == "message"]
    if any(m["message_id"] == id_ for m in said):  # the export has one's own messages
        found["export"] = said
    return {at: next(m for m in page if m["message_id"] == id_) for at, page in found.items()}


def part(shown: Json, names: tuple[str, ...]) -> Json:
    return {name: shown[name] for name in names if name in shown}


async def test_a_message_has_its_fields_in_every_place(served: Served) -> None:
    site, ada, bob = served
    room = await site.opens(ada, bob)
    async with bob.enters(room, receipts="manual,compact") as socket:
        plain = await ada.posts(room, f"plain {uuid.uuid4().hex}")
        own = await ada.posts(room, f"own {uuid.uuid4().hex}", data={"n": 1})
        posted = {"data": {"price": 5}, "actions": OFFER}
        theirs = await site.posts(room, f"offer {uuid.uuid4().hex}", **posted)
        live = [await socket.hears(message["text"]) for message in (plain, own, theirs)]
    wanted = [{}, {"data": {"n": 1}}, {"kind": "system", **posted}]
    for message, frame, fields in zip((plain, own, theirs), live, wanted, strict=True):
        assert part(message, OF_MESSAGES) == part(frame, OF_MESSAGES) == fields
        for at, shown in (await sightings(ada, room, message)).items():
            assert part(shown, OF_MESSAGES) == fields, at
    assert {"export", "search", "sync"} <= (await sightings(ada, room, own)).keys()


async def test_a_choice_is_seen_in_every_place(served: Served) -> None:
    site, ada, bob = served
    room = await site.opens(ada, bob)
    async with bob.enters(room, receipts="manual,compact") as socket:
        posted = {"data": {"price": 5}, "actions": OFFER, "sender": ada.id}
        offer = await site.posts(room, f"offer {uuid.uuid4().hex}", **posted)
        await socket.hears(offer["text"])
        await socket.does("act", message_id=offer["message_id"], id="accept")
        edited = (await socket.receives("message_edited"))["message"]
    chosen = edited["chosen"]
    assert (chosen["id"], chosen["user_id"]) == ("accept", bob.id)
    fields = {"data": {"price": 5}, "chosen": chosen}
    seen = await sightings(ada, room, edited)
    assert {"export", "search", "sync"} <= seen.keys()
    for at, shown in seen.items():
        assert part(shown, OF_MESSAGES) == fields, at
    page = (await site.calls("GET", f"rooms/{room}/messages/"))["results"]
    assert part(page[0], OF_MESSAGES) == fields


async def room_sightings(person: Person, room: int) -> dict[str, Json]:
    """The room by every place where a member finds it."""
    listed = (await person.get("chat/receive/")).json()["results"]
    notices = (await person.get("chat/unread/")).json()["messages"]
    async with person.listens() as socket:
        notified = socket.first["messages"]
    places = {"list": listed, "unread": notices, "notify": notified}
    found = {at: next(r for r in rooms if r["room_id"] == room) for at, rooms in places.items()}
    found["room"] = (await person.get(f"chat/rooms/{room}/")).json()
    lines = map(json.loads, (await person.get("chat/export/")).text.splitlines())
    found["export"] = next(x for x in lines if x["type"] == "room" and x["room_id"] == room)
    return found


async def test_a_room_has_its_fields_in_every_place(served: Served) -> None:
    site, ada, bob = served
    room = await site.opens(ada, bob, about=ABOUT, data={"n": 1})
    await ada.posts(room, "unread")
    await site.calls("PATCH", f"rooms/{room}/", {"frozen": True})
    assert (await bob.asks("PATCH", f"chat/rooms/{room}/", json={"marked_unread": True})).is_success
    shown = await room_sightings(bob, room)
    given = {"about": ABOUT, "data": {"n": 1}, "frozen": True, "marked_unread": True}
    assert part(shown["list"], OF_ROOMS) == given
    assert part(shown["room"], OF_ROOMS[:-1]) == given
    assert "send" not in shown["room"]["can"]
    for notice in (shown["unread"], shown["notify"]):
        assert part(notice, OF_ROOMS) == {"about": ABOUT}
    assert part(shown["export"], OF_ROOMS) == given
    theirs = (await ada.get(f"chat/rooms/{room}/")).json()
    assert "marked_unread" not in theirs


async def test_a_room_of_which_there_is_nothing_to_say_has_no_field(served: Served) -> None:
    """Members can't set the data of a room: what they name is ignored."""
    _, ada, bob = served
    room = await ada.opens(bob, data={"n": 1}, about=ABOUT, frozen=True)
    changed = await ada.asks("PATCH", f"chat/rooms/{room}/", json={"data": {}, "frozen": True})
    assert changed.is_success
    await ada.posts(room, "unread")
    shown = await room_sightings(bob, room)
    assert {at: part(place, OF_ROOMS).keys() for at, place in shown.items()} == {
        "list": set(), "unread": set(), "notify": set(), "room": {"can"}, "export": set(),
    }  # fmt: skip
    assert "send" in shown["room"]["can"]


# ---------------------------------------------------------------- buttons


@asynccontextmanager
async def webhook(
    accepts: asyncio.Event | None = None,
) -> AsyncIterator[tuple[str, asyncio.Queue[Json]]]:
    """A URL, and the events that are POSTed there; each has its answer when `accepts` is set."""
    events: asyncio.Queue[Json] = asyncio.Queue()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        events.put_nowait(json.loads(await reader.readexactly(length)))
        if accepts is not None:
            await accepts.wait()
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", events


async def test_of_two_who_press_at_once_one_wins_for_all(
    own_server: Callable[..., Server], cast: Cast
) -> None:
    async with webhook() as (url, events):
        hook = {"webhooks_url": url, "webhooks_secret": "s" * 32, "webhooks_allow_private": "true"}
        server = own_server(server_api_keys=KEY, **hook).start()
        ada, bob, _ = cast(server)
        site = Site(server, ada)
        room = await site.opens(ada, bob)
        quiet = {"receipts": "manual,compact"}
        async with ada.enters(room, **quiet) as a, bob.enters(room, **quiet) as b:
            offers = [(await site.posts(room, f"offer {n}", actions=OFFER)) for n in range(4)]
            for socket in (a, b):
                await socket.hears("offer 3")
            for offer in offers:
                await press_together(offer["message_id"], a, b)
        chosen = {m["message_id"]: m["chosen"] for m in await bob.reads_all(room)}
        await ada.posts(room, "the last")
        told = [event for event in await until_last(events) if event["type"] == "message_action"]
    assert {e["message_id"]: (e["action"], e["user_id"]) for e in told} == {
        id_: (choice["id"], choice["user_id"]) for id_, choice in chosen.items()
    }
    assert len(told) == len(offers)


async def press_together(id_: int, a: Socket, b: Socket) -> None:
    """One wins, the other gets a conflict, and both see the same message."""
    await asyncio.gather(
        a.does("act", message_id=id_, id="accept"), b.does("act", message_id=id_, id="decline")
    )
    edited, answers = [], []
    for socket in (a, b):
        edited.append((await socket.receives("message_edited", message_id=id_))["message"])
        answers.append([f for f in socket.seen if is_answer(f, id_)] or [await answer(socket, id_)])
    ((first,), (second,)) = answers
    assert sorted((first["type"], second["type"])) == ["acted", "error"]
    lost = first if first["type"] == "error" else second
    assert lost["code"] == "conflict"
    winner = (1, "accept") if lost is second else (2, "decline")
    assert edited[0] == edited[1]
    assert (edited[0]["chosen"]["user_id"], edited[0]["chosen"]["id"]) == winner
    assert "actions" not in edited[0]


def is_answer(frame: Any, id_: int) -> bool:
    return (
        isinstance(frame, dict)
        and frame["type"] in ("acted", "error")
        and (frame.get("message_id") == id_)
    )


async def answer(socket: Socket, id_: int) -> Json:
    while not is_answer(frame := await socket.next(), id_):
        pass
    return frame


async def until_last(events: asyncio.Queue[Json]) -> list[Json]:
    """A room's events come in order: whatever was sent before its last message is there."""
    found: list[Json] = []
    async with asyncio.timeout(LIMIT):
        while not found or found[-1].get("text") != "the last":
            found.append(await events.get())
    return found


# ---------------------------------------------------------------- bans


async def test_a_ban_ends_what_is_open_on_every_process(served: Served) -> None:
    site, ada, bob = served
    mallory = Person(bob.server, bob.http, f"mallory-{uuid.uuid4()}", "mallory")
    room = await site.opens(ada, mallory)
    async with (
        mallory.enters(room) as inside,
        mallory.listens() as notified,
        ada.enters(room) as beside,
    ):
        await site.calls("PUT", f"users/{mallory.id}/ban/", {"reason": "spam"})
        assert [await inside.closes(), await notified.closes()] == [4005, 4005]
        await beside.still_works()
    refused = await mallory.get("chat/receive/")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    async with mallory.knocks(f"?room_id={room}") as socket:
        assert await socket.closes() == 4005
    await site.calls("DELETE", f"users/{mallory.id}/ban/")
    here = Person(ada.server, ada.http, mallory.id, "mallory")
    async with here.enters(room) as again:
        await again.still_works()
