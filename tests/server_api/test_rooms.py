"""Rooms by the server API."""

from .conftest import Site, a_site


async def test_a_pair_shares_one_room_for_each_context(site: Site) -> None:
    first = await site.post("rooms/", json={"members": [1, "2"], "context": "listing:5"})
    again = await site.post("rooms/", json={"members": [2, 1], "context": "listing:5"})
    other = await site.post("rooms/", json={"members": [1, 2]})
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 201)
    assert first.json()["members"] == [1, 2]
    assert first.json()["context"] == "listing:5"
    assert first.json()["id"] == first.json()["room_id"] == again.json()["id"]
    assert other.json()["id"] != first.json()["id"]


async def test_a_request_sent_again_opens_one_room(site: Site) -> None:
    body, key = {"members": [1, 2, 3], "title": "Hike"}, {"Idempotency-Key": "req-1"}
    first = await site.post("rooms/", json=body, headers=key)
    again = await site.post("rooms/", json=body, headers=key)
    other = await site.post("rooms/", json={**body, "title": "Ride"}, headers=key)
    plain = await site.post("rooms/", json=body)
    assert [a.status_code for a in (first, again, other, plain)] == [201, 200, 409, 201]
    assert first.json()["id"] == again.json()["id"] != plain.json()["id"]


async def test_wrong_bodies_say_what_is_wrong(site: Site) -> None:
    for body, code in (
        ({}, "invalid_frame"),
        ({"members": []}, "invalid_frame"),
        ({"members": [1]}, "invalid_frame"),
        ({"members": [1, 2], "title": "x" * 201}, "too_long"),
        ({"members": [1, 2], "context": "x" * 201}, "too_long"),
        ({"members": [1, 2], "title": "a\0b"}, "invalid_frame"),
        ({"members": [1, {}]}, "invalid_frame"),
        ({"members": list(range(300))}, "invalid_frame"),
    ):
        answer = await site.post("rooms/", json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, code), body
    answer = await site.post("rooms/", content=b"{")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")


async def test_rooms_are_listed_filtered_and_paged(site: Site) -> None:
    rooms = [await site.room(1, n, context=f"order:{n}") for n in range(2, 62)]
    await site.room(7, 8, context="order:2")
    page = (await site.get("rooms/", params={"user_id": 1})).json()
    assert len(page["results"]) == 50
    assert page["next"].startswith("http://chat.test/api/v1/server/rooms/?")
    rest = (await site.get(page["next"])).json()
    assert rest["next"] is None
    seen = [room["id"] for room in page["results"] + rest["results"]]
    assert seen == rooms[::-1]
    everything = (await site.get("rooms/")).json()
    assert (await site.get(everything["next"])).json()["next"] is None
    both = (await site.get("rooms/", params={"context": "order:2"})).json()["results"]
    assert len(both) == 2
    one = (await site.get("rooms/", params={"context": "order:2", "user_id": 7})).json()["results"]
    assert [m["user_id"] for m in one[0]["members"]] == [7, 8]
    assert (await site.get("rooms/", params={"cursor": "x"})).status_code == 400


async def test_rooms_are_found_by_words(site: Site) -> None:
    bike = await site.room(1, 2, title="A red bicycle")
    await site.put("users/9/", json={"name": "Ada Lovelace"})
    named = await site.room(9, 2, context="chair:1")

    async def found(q: str) -> list[int]:
        return [r["id"] for r in (await site.get("rooms/", params={"q": q})).json()["results"]]

    assert await found("bicy") == [bike]
    assert await found("love") == [named]
    assert await found("chair") == [named]
    assert await found("icycle") == []
    assert await found("%") == []


async def test_a_room_is_shown_renamed_and_deleted(site: Site) -> None:
    room = await site.room(1, 2, 3)
    async with site.ada.socket(room) as ada:
        assert await ada.receive_json() == []
        answer = await site.patch(f"rooms/{room}/", json={"title": "Hike"})
        assert answer.json()["title"] == "Hike"
        changed = await ada.receive_json()
        assert (changed["type"], changed["title"]) == ("room_changed", "Hike")
        assert (await site.get(f"rooms/{room}/")).json() == answer.json()
        assert (await site.delete(f"rooms/{room}/")).status_code == 204
        assert (await ada.receive_json())["type"] == "room_deleted"
    for answer in (
        await site.delete(f"rooms/{room}/"),
        await site.get(f"rooms/{room}/"),
        await site.patch(f"rooms/{room}/", json={"title": "x"}),
        await site.get("rooms/abc/"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_members_come_and_go(site: Site) -> None:
    room = await site.room(1, 2, 3)
    first = await site.post(f"rooms/{room}/members/", json={"user_id": "a/b"})
    again = await site.post(f"rooms/{room}/members/", json={"user_id": "a/b"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert "a/b" in [m["user_id"] for m in first.json()["members"]]
    assert (await site.delete(f"rooms/{room}/members/a%2Fb/")).status_code == 204
    assert (await site.delete(f"rooms/{room}/members/a%2Fb/")).status_code == 404
    pair = await site.room(1, 2)
    answer = await site.post(f"rooms/{pair}/members/", json={"user_id": 3})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert (await site.post("rooms/99/members/", json={"user_id": 3})).status_code == 404


async def test_only_the_site_opens_rooms_where_it_is_set_so() -> None:
    async with a_site({"rooms": {"open_by": "host"}}) as site:
        answer = await site.ada.post("/api/v1/chat/create/", json={"second_user": 2})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        room = await site.room(1, 2)
        answer = await site.ada.post("/api/v1/chat/create/", json={"second_user": 2})
        assert (answer.status_code, answer.json()["id"]) == (200, room)


async def test_a_user_opens_so_many_rooms_on_one_day() -> None:
    async with a_site({"limits": {"rooms_per_day": 3}}) as site:
        for n in (2, 3, 2, 4):
            body = {"second_user": n}
            answer = await site.ada.post("/api/v1/chat/create/", json=body)
            assert answer.status_code in (200, 201)
        answer = await site.ada.post("/api/v1/chat/create/", json={"second_user": 5})
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert answer.headers["retry-after"]
        await site.room(1, 5)
        bob = site.ada.another(2)
        assert (await bob.post("/api/v1/chat/create/", json={"second_user": 5})).status_code == 201


async def test_nobody_is_put_into_a_room_by_somebody_whom_they_have_blocked(site: Site) -> None:
    bob = site.ada.another(2)
    assert (await bob.post("/api/v1/chat/blocks/1/")).status_code == 204
    answer = await site.ada.post("/api/v1/chat/create/", json={"members": [1, 2, 3]})
    assert answer.status_code == 403
    group = (await site.ada.post("/api/v1/chat/create/", json={"members": [1, 3, 4]})).json()["id"]
    answer = await site.ada.post(f"/api/v1/chat/rooms/{group}/members/", json={"user_id": 2})
    assert answer.status_code == 403
    answer = await site.post(f"rooms/{group}/members/", json={"user_id": 2})
    assert answer.status_code == 201


async def test_a_wrong_body_is_refused_in_a_plain_sentence(site: Site) -> None:
    for body, says in (
        ({"member": [2]}, "Object missing required field `members`."),
        ([], "Expected `object`, got `array`."),
    ):
        answer = await site.post("rooms/", json=body)
        assert answer.json() == {"detail": says, "code": "invalid_frame"}
