"""The list of one's rooms: newest activity first, page by page."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ..client import Person
from ..server import Server
from ..shapes import TIME
from .files import PNG, file
from .test_http import assert_error

LIST = "chat/recieve/"
Stranger = Callable[..., Person]


async def rooms_of(person: Person, **params: Any) -> list[Any]:
    answer = await person.get(LIST, **params)
    assert answer.status_code == 200, answer.text
    results: list[Any] = answer.json()["results"]
    return results


async def test_a_room_tells_of_its_members_and_its_last_message(
    stranger: Stranger, ada: Person
) -> None:
    me = stranger()
    room = await ada.opens(me, title="Garden")
    message = await ada.posts(room, "Hello")
    answer = await me.get(LIST)
    assert set(answer.json()) == {"count", "next", "previous", "results"}
    assert answer.json() | {"results": []} == {
        "count": 1, "next": None, "previous": None, "results": [],
    }  # fmt: skip
    [item] = answer.json()["results"]
    assert item["room_id"] == room
    assert item["title"] == "Garden"
    assert TIME.fullmatch(item["created_at"])
    assert {m["user_id"] for m in item["members"]} == {1, me.id}
    assert item["unread"] == 1
    assert item["last_message"] == {
        "content": "Hello",
        "created_at": message["created_at"],
        "from_this_user": False,
        "message_id": message["message_id"],
        "sender_id": 1,
        "status": "send",
    }
    [mine] = [r for r in await rooms_of(ada) if r["room_id"] == room]
    assert mine["unread"] == 0
    assert mine["last_message"]["from_this_user"] is True


async def test_nobody_has_no_rooms(stranger: Stranger) -> None:
    empty: dict[str, Any] = {"count": 0, "next": None, "previous": None, "results": []}
    assert (await stranger().get(LIST)).json() == empty
    assert (await stranger().get(LIST, page=1)).json() == empty


async def test_the_newest_activity_comes_first(stranger: Stranger, bob: Person) -> None:
    me = stranger()
    first, second, third = [await me.opens(bob) for _ in range(3)]
    assert [r["room_id"] for r in await rooms_of(me)] == [third, second, first]
    await bob.posts(first, "news")
    await me.posts(second, "my own news count too")
    assert [r["room_id"] for r in await rooms_of(me)] == [second, first, third]


async def test_unread_counts_what_others_wrote_and_nobody_read(
    stranger: Stranger, bob: Person
) -> None:
    me = stranger()
    room = await me.opens(bob)
    for text in ("one", "two", "three"):
        last = await bob.posts(room, text)
    await me.posts(room, "mine doesn't count")
    assert (await rooms_of(me))[0]["unread"] == 3
    async with bob.enters(room) as socket:
        await socket.does("delete", message_id=last["message_id"])
        await socket.receives("message_deleted")
    assert (await rooms_of(me))[0]["unread"] == 2
    async with me.enters(room) as socket:
        assert (await rooms_of(me))[0]["unread"] == 0
        await bob.posts(room, "seen at once")
        await socket.receives("mark_message_as_read")
    await bob.posts(room, "not seen")
    assert (await rooms_of(me))[0]["unread"] == 1


async def test_the_last_message_is_never_a_deleted_one(stranger: Stranger, bob: Person) -> None:
    me = stranger()
    room = await me.opens(bob)
    await me.posts(room, "stays")
    gone = await me.posts(room, "goes")
    async with me.enters(room) as socket:
        await socket.does("delete", message_id=gone["message_id"])
        await socket.receives("message_deleted")
    assert (await rooms_of(me))[0]["last_message"]["content"] == "stays"


async def test_the_last_message_has_its_status_and_its_edited_text(
    stranger: Stranger, bob: Person
) -> None:
    me = stranger()
    room = await me.opens(bob)
    message = await me.posts(room, "old")
    async with me.enters(room) as mine, bob.enters(room):
        await mine.does("edit", message_id=message["message_id"], text="new")
        await mine.receives("message_edited")
        last = (await rooms_of(me))[0]["last_message"]
    assert (last["content"], last["status"]) == ("new", "read")
    assert last["created_at"] == message["created_at"]


async def test_names_and_pictures_come_from_the_claims_as_last_seen(
    stranger: Stranger, bob: Person
) -> None:
    me, carl = stranger(), stranger()
    await me.opens(carl)
    members = {m["user_id"]: m for m in (await rooms_of(me))[0]["members"]}
    assert (members[carl.id]["name"], members[carl.id]["picture"]) == (None, None)
    carl.claims = {"name": "Carl Ж", "picture": "https://example.com/carl.png"}
    await carl.get(LIST)
    carl.claims = {"name": "Carl the Great", "picture": "https://example.com/great.png"}
    await carl.get(LIST)
    async with asyncio.timeout(5):
        while members[carl.id]["name"] != "Carl the Great":
            # Names are written down beside the request, not within it.
            members = {m["user_id"]: m for m in (await rooms_of(me))[0]["members"]}
    assert members[carl.id]["picture"] == "https://example.com/great.png"


@pytest.mark.parametrize("path", [LIST, "chat/receive/"])
@pytest.mark.parametrize("name", ["first_user", "profile_id"])
async def test_one_may_name_oneself_and_nobody_else(
    stranger: Stranger, bob: Person, path: str, name: str
) -> None:
    me = stranger()
    await me.opens(bob)
    assert (await me.get(path, **{name: me.id})).json()["count"] == 1
    assert_error(await me.get(path, **{name: bob.id}), 403, "forbidden")


# ----------------------------------------------------------------- pages


async def test_pages_follow_each_other(stranger: Stranger, bob: Person) -> None:
    me = stranger()
    rooms = [await me.opens(bob) for _ in range(5)][::-1]
    url: str | None = f"/en/api/v1/{LIST}?first_user={me.id}&page_size=2"
    pages: list[dict[str, Any]] = []
    while url:
        pages.append((await me.get(url)).json())
        url = pages[-1]["next"]
    assert [[r["room_id"] for r in p["results"]] for p in pages] == [
        rooms[:2],
        rooms[2:4],
        rooms[4:],
    ]
    assert {p["count"] for p in pages} == {5}
    assert pages[0]["previous"] is None
    assert (await me.get(pages[2]["previous"])).json() == pages[1]
    assert (await me.get(pages[1]["previous"])).json()["results"] == pages[0]["results"]


async def test_a_page_is_41_rooms_and_at_most_100(stranger: Stranger, bob: Person) -> None:
    me = stranger()
    for _ in range(101):
        await me.opens(bob)
    assert len(await rooms_of(me)) == 41
    assert len(await rooms_of(me, page=3)) == 101 - 82
    assert len(await rooms_of(me, page_size=100)) == 100
    assert len(await rooms_of(me, page_size=101)) == 100


async def test_a_page_with_large_rooms_is_the_same_as_its_rooms_alone(stranger: Stranger) -> None:
    """Such a page goes out in pieces."""
    me, other = stranger(), stranger()  # nobody whose presence another test changes
    large = [
        await me.opens(other, members=[me.id, *range(60_000, 60_000 + size)]) for size in (60, 55)
    ]
    rooms = [*large, await me.opens(other)]
    answer = await me.get(LIST)
    assert answer.headers["content-type"] == "application/json"
    page = answer.json()
    assert (page["count"], page["next"], page["previous"]) == (3, None, None)
    assert [room["room_id"] for room in page["results"]] == rooms[::-1]
    for room in page["results"]:
        alone = (await me.get(f"chat/rooms/{room['room_id']}/")).json()
        assert {key: alone[key] for key in room} == room
    head = await me.asks("HEAD", LIST)
    assert (head.status_code, head.content) == (200, b"")


async def test_next_is_an_absolute_url_of_the_same_call(
    server: Server, stranger: Stranger, bob: Person
) -> None:
    me = stranger()
    for _ in range(2):
        await me.opens(bob)
    answer = await me.get(f"/uk/api/v1/{LIST}", page_size=1, first_user=me.id, page=1)
    url = httpx.URL(answer.json()["next"])
    assert (url.scheme, url.host, url.port) == ("http", "127.0.0.1", server.port)
    assert url.path == f"/uk/api/v1/{LIST}"
    assert dict(url.params) == {"page": "2", "page_size": "1", "first_user": str(me.id)}


async def test_next_speaks_of_the_host_that_was_asked(stranger: Stranger, bob: Person) -> None:
    me = stranger()
    for _ in range(2):
        await me.opens(bob)
    headers = {"Host": "chat.example.com", "X-Forwarded-Proto": "https"}
    answer = await me.asks("GET", LIST, params={"page_size": 1}, headers=headers)
    assert answer.json()["next"].startswith(f"https://chat.example.com/api/v1/{LIST}?")


async def test_next_speaks_of_the_public_url_where_one_is_set(serve: Any, cast: Any) -> None:
    ada, bob, _ = cast(serve(server_public_url="https://talk.example.com"))
    for _ in range(2):
        await ada.opens(bob)
    answer = await ada.get(LIST, page_size=1)
    assert answer.json()["next"].startswith(f"https://talk.example.com/api/v1/{LIST}?")


@pytest.mark.parametrize("page", ["0", "-1", "2", "one", "", "1.0", "١", "1e0", "9" * 40])
async def test_a_page_that_does_not_exist_is_refused(
    stranger: Stranger, bob: Person, page: str
) -> None:
    me = stranger()
    await me.opens(bob)
    assert (await me.get(LIST, page=1)).status_code == 200
    assert_error(await me.get(LIST, page=page), 400, "invalid_frame")


async def test_a_photo_alone_is_no_empty_text(stranger: Stranger, ada: Person) -> None:
    me = stranger()
    room = await ada.opens(me)
    async with ada.enters(room) as a:
        await a.says("", files=[file("a.png", "image/png", PNG)])
    photo = [{"file_name": "a.png", "content_type": "image/png", "size": len(PNG)}]
    [item] = await rooms_of(me)
    assert (item["last_message"]["content"], item["last_message"]["attachments"]) == ("", photo)
    [notice] = (await me.get("chat/unread/")).json()["messages"]
    assert (notice["last_message"], notice["attachments"]) == ("", photo)


async def test_without_a_page_both_links_have_a_cursor_and_every_other_parameter(
    stranger: Stranger, bob: Person
) -> None:
    me = stranger()
    for number in range(3):
        await me.opens(bob, context=f"cursor:{number}")
    given = {"page_size": "1", "q": "cursor", "context_prefix": "cursor:", "unread": "0"}
    first = (await me.get(LIST, **given)).json()
    second = (await me.get(first["next"])).json()
    for url in (first["next"], second["next"], second["previous"]):
        params = dict(httpx.URL(url).params)
        assert params.pop("cursor")
        assert params == given
    assert (first["previous"], first["count"], second["count"]) == (None, 3, 3)
    assert (await me.get(second["previous"])).json() == first


async def test_messages_between_two_pages_hide_nothing_and_repeat_nothing(
    stranger: Stranger, bob: Person
) -> None:
    me = stranger()
    rooms = [await me.opens(bob) for _ in range(6)][::-1]
    page = (await me.get(LIST, page_size=2)).json()
    seen = [room["room_id"] for room in page["results"]]
    for moved in (rooms[3], rooms[0], rooms[5]):
        await bob.posts(moved, "news")
        page = (await me.get(page["next"])).json()
        seen += [room["room_id"] for room in page["results"]]
        if not page["next"]:
            break
    assert seen == rooms


@pytest.mark.parametrize(
    "given",
    [
        {"cursor": "x"}, {"cursor": "é"}, {"cursor": "W10"}, {"cursor": "WzEsMSwtMV0"},
        {"unread": "2"}, {"unread": "yes"}, {"q": "x" * 201}, {"context": "x" * 201},
        {"context_prefix": "a\0"}, {"q": "a\0"},
    ],
)  # fmt: skip
async def test_what_the_list_does_not_take_is_refused(
    stranger: Stranger, given: dict[str, str]
) -> None:
    assert_error(await stranger().get(LIST, **given), 400, "invalid_frame")


async def test_rooms_are_found_by_words_contexts_and_what_is_unread(
    stranger: Stranger, ada: Person
) -> None:
    me, zoe = stranger(), stranger()
    zoe.claims = {"name": "Zoë Müller"}
    await zoe.get(LIST)
    bike = await me.opens(ada, context="listing:55", title="Rotes Fahrrad")
    flat = await me.opens(ada, context="listing:7")
    talk = await me.opens(zoe)

    async def found(**given: Any) -> set[int]:
        answer = (await me.get(LIST, **given)).json()
        assert answer["count"] == len(answer["results"])
        return {room["room_id"] for room in answer["results"]}

    assert await found(q="FAHR") == {bike}
    assert await found(q="zoe mull") == {talk}
    assert await found(q="listing") == {bike, flat}
    assert await found(q="rad") == await found(q="🚲") == set()
    assert await found(context="listing:5") == set()
    assert await found(context="listing:55") == {bike}
    assert await found(context_prefix="listing:", q="rot") == {bike}
    assert await found(unread=1) == set()
    news = await zoe.posts(talk, "Hello")
    assert await found(unread=1) == {talk}
    await me.asks("POST", f"chat/rooms/{talk}/read/", json={"message_id": news["message_id"]})
    assert await found(unread=1) == set()
    await me.asks("PATCH", f"chat/rooms/{flat}/", json={"marked_unread": True})
    assert await found(unread=1) == await found(unread=1, q="list") == {flat}
    await me.asks("PATCH", f"chat/rooms/{flat}/", json={"title": "Wohnung"})
    assert await found(q="wohn") == {flat}
    await me.asks("PATCH", f"chat/rooms/{flat}/", json={"archived": True})
    assert (await found(q="wohn"), await found(q="wohn", archived=1)) == (set(), {flat})
