"""Too much at once: frames that are too big, actions that come too fast, engines that are away."""

import asyncio
import json
from contextlib import suppress
from itertools import count
from typing import Any

import httpx
import pytest

from ..client import Person
from .test_http import assert_error


async def test_a_frame_over_the_limit_closes(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        with suppress(AssertionError):
            await a.sends("x" * (17 << 20))  # the server need not take it all
        assert await a.closes() == 1009
        await b.still_works()
    assert len(await ada.reads_all(room)) == 1


async def test_the_limit_of_a_frame_is_a_setting(serve: Any, cast: Any) -> None:
    ada, bob, _ = cast(serve(limits_max_frame_size=65536, attachments_max_size=10_000))
    room = await ada.opens(bob)
    async with ada.enters(room) as socket:
        await socket.raw(json.dumps({"action": "ping", "x": "y" * 60_000}))
        assert (await socket.next())["type"] == "pong"
        await socket.raw(json.dumps({"action": "ping", "x": "y" * 70_000}))
        assert (await socket.receives("error"))["code"] == "file_too_large"
        assert await socket.closes() == 1009


async def test_a_body_over_the_limit_is_refused(ada: Person, room: int) -> None:
    body = json.dumps({"message": "x", "y": "z" * (17 << 20)}).encode()
    answer = await ada.asks("POST", f"chat/rooms/{room}/messages/", content=body)
    assert_error(answer, 413, "file_too_large")
    assert await ada.reads_all(room) == []


_hasty_users = count(1001)


@pytest.fixture
def hasty(serve: Any, http: httpx.AsyncClient) -> tuple[Person, Person]:
    """Two users with full buckets, on a server that takes five actions a second.

    Of a burst of eight, opening a room of two takes two, and a socket one.
    """
    server = serve(rate_limit_rate=5, rate_limit_burst=8, rate_limit_grace=1)
    first, second = next(_hasty_users), next(_hasty_users)
    return Person(server, http, first, "ada"), Person(server.other, http, second, "bob")


async def test_a_burst_passes_and_then_it_is_too_fast(hasty: tuple[Person, Person]) -> None:
    ada, bob = hasty
    room = await ada.opens(bob)
    async with ada.enters(room) as a, bob.enters(room) as b:
        for n in range(12):
            await a.sends(f"m{n}", client_id=f"n{n}")
        refused = [await a.receives("error") for _ in range(5)]
        assert {e["code"] for e in refused} == {"rate_limited"}
        assert {e["action"] for e in refused} == {"send"}
        assert all(e["client_id"].startswith("n") for e in refused)
        for n in range(5):
            await b.hears(f"m{n}")
        await b.still_works()
    stored = [m["client_id"] for m in await bob.reads_all(room) if "client_id" in m]
    assert 5 <= len(stored) <= 7
    assert stored == [f"n{n}" for n in range(len(stored))]
    assert not set(stored) & {e["client_id"] for e in refused}


async def test_another_socket_and_http_share_the_limit(hasty: tuple[Person, Person]) -> None:
    ada, bob = hasty
    room = await ada.opens(bob)
    async with ada.enters(room) as a, ada.enters(room) as again:
        for n in range(20):
            await (a, again)[n % 2].sends(f"m{n}", client_id=f"n{n}")
        assert (await ada.post(f"chat/rooms/{room}/messages/", {"message": "x"})).status_code == 429
        refused = [await (a, again)[n % 2].receives("error") for n in range(10)]
        assert {e["code"] for e in refused} == {"rate_limited"}
    assert 4 <= len(await bob.reads_all(room)) <= 8


async def test_what_costs_more_takes_more(hasty: tuple[Person, Person]) -> None:
    ada, bob = hasty
    body = {"members": [ada.id, bob.id, *range(20_000, 20_030)]}
    assert (await ada.post("chat/create/", body)).status_code == 201
    answer = await ada.get("chat/recieve/")
    assert_error(answer, 429, "rate_limited")
    assert int(answer.headers["retry-after"]) >= 4
    assert (await bob.get("chat/recieve/")).status_code == 200


async def test_a_large_room_that_is_shown_is_paid_by_its_members(
    hasty: tuple[Person, Person],
) -> None:
    ada, bob = hasty
    body = {"members": [bob.id, ada.id, *range(20_000, 20_250)]}
    room = (await bob.post("chat/create/", body)).json()["room_id"]
    path = f"chat/rooms/{room}/"
    asked = [await ada.asks("PATCH", path, json={"muted": True}) for _ in range(2)]
    assert [answer.status_code for answer in asked] == [200, 200]
    assert_error(await ada.get(path), 429, "rate_limited")


async def test_an_upload_is_paid_by_its_size_when_it_is_offered(
    hasty: tuple[Person, Person],
) -> None:
    ada, bob = hasty
    room = await ada.opens(bob)
    upload = {"room_id": room, "name": "a.txt", "size": 9 << 20, "type": "text/plain"}
    assert (await ada.post("chat/attachments/", upload)).status_code == 200
    assert_error(await ada.post("chat/attachments/", upload), 429, "rate_limited")


async def test_going_on_for_long_is_closed(hasty: tuple[Person, Person]) -> None:
    ada, bob = hasty
    room = await ada.opens(bob)
    async with ada.enters(room) as a, bob.enters(room) as b:

        async def hammers() -> None:
            while True:
                await a.connection.send('{"action":"ping"}')
                await asyncio.sleep(0)

        hammering = asyncio.create_task(hammers())
        assert await a.closes() == 4029
        await asyncio.gather(hammering, return_exceptions=True)
        assert a.saw("error", code="rate_limited")
        await b.still_works()


async def test_calls_that_come_too_fast_are_told_when_to_come_back(
    hasty: tuple[Person, Person],
) -> None:
    ada, bob = hasty
    room = await ada.opens(bob)
    path = f"chat/rooms/{room}/messages/"
    answers = [await ada.post(path, {"message": f"m{n}"}) for n in range(20)]
    sent = [a for a in answers if a.status_code == 201]
    refused = [a for a in answers if a.status_code != 201]
    assert len(sent) >= 4
    assert refused
    for answer in refused:
        assert_error(answer, 429, "rate_limited")
        assert int(answer.headers["retry-after"]) >= 1
    assert len(await bob.reads_all(room)) == len(sent)


async def test_limits_that_are_off_are_off(unlimited: tuple[Person, Person]) -> None:
    ada, bob = unlimited
    room = await ada.opens(bob)
    async with ada.enters(room) as socket:
        for _ in range(600):
            await socket.does("ping")
        for _ in range(600):
            assert (await socket.next())["type"] == "pong"
