"""What a client may expect of the chat under any server, each in a few lines."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import httpx

from ..client import Person
from ..faults import wire
from ..protocol.files import PNG, file

LARGE = "🐢" * 3_900


class Visit(NamedTuple):
    """Three people, a room of the first two, and the site that they visit."""

    ada: Person
    bob: Person
    eve: Person
    room: int
    url: str
    http: httpx.AsyncClient


Case = Callable[[Visit], Awaitable[None]]
CASES: dict[str, Case] = {}


def case(made: Case) -> Case:
    CASES[made.__name__.replace("_", " ")] = made
    return made


# ---------------------------------------------------------------- HTTP


@case
async def the_site_is_there(v: Visit) -> None:
    assert (await v.http.get(v.url.removesuffix("/chat") + "/")).text == "the site"


@case
async def health(v: Visit) -> None:
    for path in ("/healthz", "/readyz", "/healthz/"):
        assert (await v.http.get(v.url + path)).status_code == 200


@case
async def head(v: Visit) -> None:
    answer = await v.http.head(v.url + "/healthz")
    assert (answer.status_code, answer.content) == (200, b"")


@case
async def nobody(v: Visit) -> None:
    answer = await v.http.get(v.url + "/api/v1/chat/receive/")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@case
async def unknown_paths(v: Visit) -> None:
    for path in ("/nothing", "/xx/api/v1/chat/receive/"):
        answer = await v.http.get(v.url + path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@case
async def wrong_methods(v: Visit) -> None:
    answer = await v.ada.asks("PUT", "chat/create/")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


@case
async def a_room_for_two(v: Visit) -> None:
    first = await v.ada.post("chat/create/", {"second_user": 3, "context": "again"})
    again = await v.ada.post("chat/create/", {"second_user": 3, "context": "again"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]


@case
async def the_room_list_and_its_links(v: Visit) -> None:
    await v.ada.opens(v.eve)
    answer = await v.ada.get("chat/recieve/", page_size=1)
    assert answer.json()["next"].startswith(v.url + "/api/v1/chat/recieve/?")
    headers = {"Authorization": f"Bearer {v.ada.token()}"}
    assert (await v.http.get(answer.json()["next"], headers=headers)).status_code == 200


@case
async def user_ids_with_a_slash(v: Visit) -> None:
    assert (await v.ada.post("chat/blocks/a%2Fb")).status_code == 204
    assert (await v.ada.delete("chat/blocks/a%2Fb/")).status_code == 204


@case
async def a_message_by_http(v: Visit) -> None:
    sent = await v.ada.posts(v.room, "by http", client_id="h1")
    repeated = await v.ada.post(
        f"chat/rooms/{v.room}/messages/", {"message": "by http", "client_id": "h1"}
    )
    assert (repeated.status_code, repeated.json()["message_id"]) == (200, sent["message_id"])
    assert (await v.bob.reads_all(v.room))[-1]["text"] == "by http"


@case
async def reading_by_http(v: Visit) -> None:
    sent = await v.ada.posts(v.room, "read me")
    path = f"chat/rooms/{v.room}/read/"
    assert (await v.bob.post(path, {"message_id": sent["message_id"]})).status_code == 200
    assert (await v.bob.get("chat/unread/")).json()["counter"] == 0


@case
async def search(v: Visit) -> None:
    await v.ada.posts(v.room, "a rhinoceros")
    async with asyncio.timeout(10):
        # what was written is found a moment later, and nobody is told
        while not (await v.ada.get("chat/search/", q="rhinoceros")).json()["results"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@case
async def settings_of_a_room(v: Visit) -> None:
    answer = await v.ada.asks("PATCH", f"chat/rooms/{v.room}/", json={"muted": True})
    assert answer.json()["muted"] is True
    await v.ada.asks("PATCH", f"chat/rooms/{v.room}/", json={"muted": False})


@case
async def a_stream(v: Visit) -> None:
    answer = await v.ada.get("chat/export/")
    assert all(json.loads(line) for line in answer.text.splitlines())


@case
async def a_file(v: Visit) -> None:
    sent = await v.ada.posts(v.room, "look", file=file("a.png", "image/png", PNG))
    url = sent["attachments"][0]["file_url"]
    assert url.startswith(v.url + "/files/")
    answer = await v.http.get(url)
    assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")


@case
async def a_part_of_a_file(v: Visit) -> None:
    sent = await v.ada.posts(v.room, "look", file=file("a.png", "image/png", PNG))
    url = sent["attachments"][0]["file_url"]
    answer = await v.http.get(url, headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (206, PNG[:10])


@case
async def an_upload(v: Visit) -> None:
    fields = {"room_id": v.room, "name": "a.png", "size": len(PNG), "type": "image/png"}
    offer = (await v.ada.post("chat/attachments/", fields)).json()
    url, headers = offer["presigned_url"], offer["headers"]
    assert (await v.http.put(url, content=PNG, headers=headers)).status_code == 200
    sent = await v.ada.posts(v.room, "", file={"file_path": offer["file_path"]})
    assert (await v.http.get(sent["attachments"][0]["file_url"])).content == PNG


@case
async def a_preflight(v: Visit) -> None:
    answer = await v.http.options(v.url + "/files/x")
    assert answer.headers["access-control-allow-origin"] == "*"


@case
async def a_body_over_the_limit(v: Visit) -> None:
    body = json.dumps({"message": "x", "y": "z" * (17 << 20)}).encode()
    answer = await v.ada.asks("POST", f"chat/rooms/{v.room}/messages/", content=body)
    assert answer.status_code == 413


@case
async def a_socket_without_an_upgrade(v: Visit) -> None:
    assert (await v.http.get(v.url + "/ws/chat/?room_id=1")).status_code == 426


# ---------------------------------------------------------------- joining


@case
async def a_socket_without_a_token(v: Visit) -> None:
    async with v.ada.knocks(f"?room_id={v.room}", offers=[]) as socket:
        assert await socket.closes() == 4001


@case
async def a_stranger(v: Visit) -> None:
    async with v.eve.knocks(f"?room_id={v.room}") as socket:
        assert await socket.closes() == 4003


@case
async def rooms_that_are_none(v: Visit) -> None:
    for query, code in (("?room_id=999999", 4004), ("?room_id=x", 4000), ("", 4000)):
        async with v.ada.knocks(query) as socket:
            assert await socket.closes() == code


@case
async def the_subprotocol_and_the_first_frame(v: Visit) -> None:
    async with v.ada.knocks(f"?room_id={v.room}/") as socket:
        assert socket.connection.subprotocol == "Bearer"
        assert isinstance(await socket.next(), list)


@case
async def a_token_in_a_header(v: Visit) -> None:
    headers = {"Authorization": f"Bearer {v.ada.token()}"}
    async with v.ada.knocks(f"?room_id={v.room}", offers=[], headers=headers) as socket:
        assert isinstance(await socket.next(), list)


@case
async def compression(v: Visit) -> None:
    async with v.ada.knocks(f"?room_id={v.room}", compression="deflate") as socket:
        await socket.next()
        await socket.still_works()


# ---------------------------------------------------------------- talking


@case
async def two_people_talk(v: Visit) -> None:
    async with v.ada.enters(v.room) as a, v.bob.enters(v.room) as b:
        for number in range(20):
            await a.says(f"{number} Ж👍")
            await b.hears(f"{number} Ж👍")


@case
async def many_at_once(v: Visit) -> None:
    async with v.ada.enters(v.room) as a, v.bob.enters(v.room) as b:
        for number in range(150):
            await a.sends(f"n{number}")
        assert [(await b.receives("chat_message"))["message"]["text"] for _ in range(150)] == [
            f"n{number}" for number in range(150)
        ]


@case
async def ticks(v: Visit) -> None:
    async with v.ada.enters(v.room) as a:
        message = await a.says("seen?")
        async with v.bob.enters(v.room):
            about = {"message": {"message_id": message["message_id"], "status": "read"}}
            await a.receives("mark_message_as_read", **about)


@case
async def editing_and_deleting(v: Visit) -> None:
    async with v.ada.enters(v.room) as a, v.bob.enters(v.room) as b:
        id_ = (await a.says("a typo"))["message_id"]
        await a.does("edit", message_id=id_, text="no typo")
        await b.receives("message_edited", message_id=id_, text="no typo")
        await a.does("delete", message_id=id_)
        await b.receives("message_deleted", message_id=id_)


@case
async def reactions_and_replies(v: Visit) -> None:
    async with v.ada.enters(v.room) as a, v.bob.enters(v.room) as b:
        id_ = (await a.says("nice?"))["message_id"]
        await b.does("react", message_id=id_, emoji="👍")
        await a.receives("message_reacted", message_id=id_)
        assert (await b.says("yes", reply_to=id_))["reply_to"]["message_id"] == id_


@case
async def history(v: Visit) -> None:
    async with v.ada.enters(v.room) as a:
        await a.says("the newest")
        await a.does("history", limit=1)
        assert (await a.receives("history"))["messages"][0]["text"] == "the newest"


@case
async def typing(v: Visit) -> None:
    async with v.ada.enters(v.room) as a, v.bob.enters(v.room) as b:
        await a.does("typing")
        await b.receives("typing", user_id=v.ada.id)


@case
async def pings(v: Visit) -> None:
    async with v.ada.enters(v.room) as a:
        await a.does("ping")
        await a.receives("pong")
        await asyncio.wait_for(await a.connection.ping(), 10)


@case
async def repeated_client_ids(v: Visit) -> None:
    async with v.ada.enters(v.room) as a:
        first = await a.says("once", client_id="c1")
        assert (await a.says("once", client_id="c1"))["message_id"] == first["message_id"]


@case
async def resuming(v: Visit) -> None:
    async with v.ada.enters(v.room, after=0) as a:
        version = (await a.says("before"))["version"]
    await v.bob.posts(v.room, "meanwhile")
    async with v.ada.enters(v.room, after=version) as a:
        assert [m["text"] for m in a.first["messages"]] == ["meanwhile"]


@case
async def notifications(v: Visit) -> None:
    async with v.bob.knocks("?format=flat", "/ws/chat/notifications/") as socket:
        before = (await socket.next())["counter"]
        await v.ada.posts(v.room, "news")
        await socket.receives("notify", counter=before + 1)


@case
async def presence(v: Visit) -> None:
    async with v.ada.enters(v.room) as a:
        async with v.bob.enters(v.room):
            pass
        await a.notices(v.bob.id, online=False)
        async with v.bob.enters(v.room):
            await a.notices(v.bob.id, online=True)


@case
async def a_renewed_token(v: Visit) -> None:
    async with v.ada.enters(v.room) as a:
        await a.does("auth", token=v.ada.token())
        await a.receives("auth")


# ---------------------------------------------------------------- what is wrong, and the end


@case
async def frames_that_are_wrong(v: Visit) -> None:
    async with v.ada.enters(v.room) as a:
        for data, code in (("{", "invalid_json"), (b"\x00", "invalid_frame")):
            await a.raw(data)
            assert (await a.receives("error"))["code"] == code
        await a.still_works()


@case
async def a_text_that_is_not_utf_8(v: Visit) -> None:
    async with v.ada.enters(v.room) as a:
        await a.connection.send(b"\xff\xfe", text=True)
        assert (code := await a.closes()) in (1007, 1006, 1005), code  # each in its own words


@case
async def a_frame_of_some_megabytes(v: Visit) -> None:
    data = PNG + b"\0" * (4 << 20)
    async with v.ada.enters(v.room) as a:
        await a.sends("large", file=file("a.png", "application/octet-stream", data))
        await a.receives("chat_message", message={"text": "large"})


@case
async def who_goes_without_a_word(v: Visit) -> None:
    async with v.ada.enters(v.room) as a, v.bob.enters(v.room) as b:
        await b.still_works()
        a.cut()
        await b.still_works()
        await b.notices(v.ada.id, online=False)


@case
async def a_deleted_room(v: Visit) -> None:
    room = await v.ada.opens(v.eve)
    async with v.eve.enters(room) as e:
        assert (await v.ada.delete(f"chat/delete/{room}")).status_code == 204
        await e.receives("room_deleted", room_id=room)
        assert await e.closes() == 4004


@case
async def a_slow_reader_is_closed_or_cut(v: Visit) -> None:
    """4008, or the end of the connection; in no case an open one that gets nothing any more."""
    room = await v.ada.opens(v.eve)
    stuck = await asyncio.to_thread(
        wire.opened, v.eve, f"?room_id={room}", receive_buffer=4096, path="/chat/ws/chat/"
    )
    async with v.ada.enters(room) as a:
        for number in range(500):  # 8 MB: more than all buffers on the way hold
            await a.says(f"{number} {LARGE}")
        await asyncio.sleep(3)
        stuck.settimeout(20)
        assert await asyncio.to_thread(ends, stuck)
        await a.still_works()


def ends(connection: Any) -> bool:
    """Reads all that is there, up to a close frame or the end."""
    try:
        while True:
            opcode, _ = wire.read_frame(connection)
            if opcode == 8:
                return True
    except TimeoutError:
        return False
    except (EOFError, ConnectionError):
        return True
    finally:
        connection.close()
