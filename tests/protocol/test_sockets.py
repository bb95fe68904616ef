"""Opening a socket: the paths, the spellings, the first frame, and what never opens."""

import asyncio
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from ..client import Person, is_a
from .files import PNG, file


@pytest.mark.parametrize("query", ["?room_id={}", "?room_id={}/", "?room_id{}/"])
@pytest.mark.parametrize("path", ["/ws/chat/", "/ws/chat"])
async def test_each_spelling_of_the_room_opens_it(
    ada: Person, room: int, query: str, path: str
) -> None:
    message = await ada.posts(room, "in here")
    async with ada.knocks(query.format(room), path) as socket:
        assert [m["message_id"] for m in await socket.next()] == [message["message_id"]]


@pytest.mark.parametrize(
    "query", ["?room_id={}/&after=0", "?room_id{}/&after=0", "?after=0&room_id={}/"]
)
async def test_the_spellings_go_with_other_parameters(ada: Person, room: int, query: str) -> None:
    async with ada.knocks(query.format(room)) as socket:
        assert (await socket.next())["type"] == "sync"


@pytest.mark.parametrize(
    "path", ["/", "/ws/", "/ws/chats/", "/ws/chat/4/", "/api/v1/ws/chat/", "/WS/chat/", "/healthz"]
)
async def test_any_other_path_refuses_the_handshake(ada: Person, room: int, path: str) -> None:
    async with ada.knocks(f"?room_id={room}") as socket:
        assert await socket.next() == []
    with pytest.raises(InvalidStatus) as refused:
        async with ada.knocks(f"?room_id={room}", path):
            pass
    assert refused.value.response.status_code in (403, 404)


async def test_what_is_sent_before_the_first_frame_comes_takes_effect_first(
    ada: Person, room: int
) -> None:
    texts = [f"{n:03}" for n in range(198)]
    async with ada.knocks(f"?room_id={room}") as socket:
        for text in texts[:150]:
            await socket.sends(text)
        for text in texts[150:]:
            await socket.sends(text)
            await asyncio.sleep(0)
        frames = await socket.until("chat_message", message={"text": texts[-1]})
    said = [f["message"]["text"] for f in frames if is_a(f, "chat_message", {})]
    assert said == texts


@pytest.mark.parametrize("room_id", ["1" * 30, str(2**53), "0"])
async def test_a_number_that_is_no_room_closes(ada: Person, room_id: str) -> None:
    async with ada.knocks(f"?room_id={room_id}") as socket:
        assert await socket.closes() in (4000, 4004)


@pytest.mark.parametrize("after", ["", "1.5", "1e3", "01", "+1", "%D9%A4", "true", "1%20"])
async def test_a_cursor_is_a_plain_integer(ada: Person, room: int, after: str) -> None:
    async with ada.knocks(f"?room_id={room}&after={after}") as socket:
        assert await socket.closes() == 4000


async def test_a_cursor_beyond_javascript_is_refused_or_reset(ada: Person, room: int) -> None:
    async with ada.knocks(f"?room_id={room}&after={'9' * 30}") as socket:
        if await socket.opens():
            assert socket.first["reset"] is True
        else:
            assert await socket.closes() == 4000


async def test_the_reason_is_said_in_words(ada: Person, eve: Person, room: int) -> None:
    for person, query in ((eve, f"?room_id={room}"), (ada, "?room_id=x"), (ada, "")):
        async with person.knocks(query) as socket:
            await socket.closes()
            assert socket.connection.close_reason


async def test_an_outsider_sees_nothing_before_the_close(
    ada: Person, eve: Person, room: int
) -> None:
    await ada.posts(room, "not for eve")
    async with ada.enters(room) as socket:
        assert [m["text"] for m in socket.first] == ["not for eve"]
    for query in (f"?room_id={room}", f"?room_id={room}&after=0"):
        async with eve.knocks(query) as socket:
            assert await socket.closes() == 4003
            assert socket.seen == []


async def test_the_first_frame_is_the_newest_50_oldest_first(ada: Person, room: int) -> None:
    texts = [f"m{n}" for n in range(60)]
    async with ada.enters(room) as socket:
        for text in texts:
            await socket.sends(text)
        await socket.hears(texts[-1])
    async with ada.enters(room) as socket:
        assert [m["text"] for m in socket.first] == texts[10:]


async def test_a_room_is_only_its_own_messages(ada: Person, bob: Person, room: int) -> None:
    other = await ada.opens(bob)
    async with ada.enters(room) as here, ada.enters(other) as there:
        await there.says("over there")
        await here.says("over here")
        assert not here.saw("chat_message", message={"text": "over there"})
        await there.says("and again")
        assert not there.saw("chat_message", message={"text": "over here"})
    async with ada.enters(room) as socket:
        assert [m["text"] for m in socket.first] == ["over here"]


async def test_binary_frames_are_refused(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        for data in (b"", b"\x00\xff", b'{"action":"ping"}'):
            await socket.raw(data)
            assert (await socket.next())["code"] == "invalid_frame"
        await socket.still_works()


async def test_a_frame_deeper_than_any_parser_is_refused(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        for text in ("[" * 100_000, '{"a":' * 100_000, '{"action":' + "[" * 100_000):
            await socket.raw(text)
            assert (await socket.next())["code"] in ("invalid_json", "invalid_frame")
        await socket.still_works()


FILE = {"name": "a.png", "size": 1, "type": "image/png", "data": "AA=="}


def with_file(**fields: Any) -> dict[str, Any]:
    """A send whose file has these fields; one that is None is left out."""
    file = {k: v for k, v in (FILE | fields).items() if v is not None}
    return {"action": "send", "message": "x", "file": file}


CASES: list[tuple[dict[str, Any], str]] = [
    ({"action": "send", "message": 5}, "message"),
    ({"action": "send", "message": None}, "message"),
    ({"action": "send", "message": ["x"]}, "message"),
    ({"action": "send", "message": "x", "client_id": 5}, "client_id"),
    ({"action": "send", "message": "x", "file": "a.png"}, "file"),
    ({"action": "send", "message": "x", "file": []}, "file"),
    ({"action": "send", "message": "x", "files": {}}, "files"),
    ({"action": "send", "message": "x", "files": ["a.png"]}, "files"),
    (with_file(name=None), "name"),
    (with_file(name=5), "name"),
    (with_file(size=None), "size"),
    (with_file(size="1"), "size"),
    (with_file(size=-1), "size"),
    (with_file(size=1.5), "size"),
    (with_file(type=None), "type"),
    (with_file(type=["image/png"]), "type"),
    (with_file(data=5), "data"),
    ({"action": "edit", "message_id": 1}, "text"),
    ({"action": "edit", "text": "x"}, "message_id"),
    ({"action": "edit", "message_id": 1, "text": None}, "text"),
    ({"action": "edit", "message_id": 1, "text": 5}, "text"),
    ({"action": "edit", "message_id": None, "text": "x"}, "message_id"),
    ({"action": "edit", "message_id": True, "text": "x"}, "message_id"),
    ({"action": "edit", "message_id": 1.5, "text": "x"}, "message_id"),
    ({"action": "edit", "message_id": [1], "text": "x"}, "message_id"),
    ({"action": "edit", "message_id": "", "text": "x"}, "message_id"),
    ({"action": "edit", "message_id": "01", "text": "x"}, "message_id"),
    ({"action": "edit", "message_id": "+1", "text": "x"}, "message_id"),
    ({"action": "edit", "message_id": "٤", "text": "x"}, "message_id"),
    ({"action": "edit", "message_id": " 1", "text": "x"}, "message_id"),
    ({"action": "edit", "message_id": -1, "text": "x"}, "message_id"),
    ({"action": "delete"}, "message_id"),
    ({"action": "delete", "message_id": {"$gt": 0}}, "message_id"),
    ({"action": "delete", "message_id": "one"}, "message_id"),
    ({"action": "read"}, "message_id"),
    ({"action": "read", "message_id": "last"}, "message_id"),
    ({"action": "history", "before": "now"}, "before"),
    ({"action": "history", "before": [1]}, "before"),
    ({"action": "history", "limit": "many"}, "limit"),
    ({"action": "history", "limit": 1.5}, "limit"),
    ({"action": "file_uploaded", "message": "x"}, "file_path"),
    ({"action": "file_uploaded", "file_path": 5}, "file_path"),
]


@pytest.mark.parametrize(("frame", "field"), CASES)
async def test_the_field_that_is_wrong_is_named(
    ada: Person, room: int, frame: dict[str, Any], field: str
) -> None:
    async with ada.enters(room) as socket:
        error = await socket.is_refused(**frame)
        assert error["code"] == "invalid_frame"
        assert field in error["message"]
        assert error["action"] == frame["action"]
        await socket.still_works()
    assert len(await ada.reads_all(room)) == 1


@pytest.mark.parametrize("message_id", [2**53, 10**30, str(2**53), "9" * 40])
async def test_an_id_beyond_javascript_is_nothing(ada: Person, room: int, message_id: Any) -> None:
    async with ada.enters(room) as socket:
        for action in ("edit", "delete"):
            error = await socket.is_refused(action, message_id=message_id, text="x")
            assert error["code"] in ("invalid_frame", "not_found")
        await socket.still_works()


async def test_a_client_that_offers_compression_talks_all_the_same(ada: Person, room: int) -> None:
    async with ada.knocks(f"?room_id={room}", compression="deflate") as socket:
        assert await socket.next() == []
        await socket.says("Ж" * 4000)


async def test_a_frame_in_parts_is_one_frame(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        await socket.connection.send(['{"action":"se', 'nd","mess', 'age":"in parts"}'])
        await socket.hears("in parts")
        async with asyncio.timeout(5):
            await (await socket.connection.ping(b"alive"))


async def test_file_urls_follow_the_scheme_that_a_proxy_names(ada: Person, room: int) -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    await ada.posts(room, "", file=file("a.png", "image/png", PNG))
    async with ada.knocks(f"?room_id={room}", headers=headers) as socket:
        [message] = await socket.next()
        url = message["attachments"][0]["file_url"]
        assert url.startswith(f"https://127.0.0.1:{ada.server.port}/")
