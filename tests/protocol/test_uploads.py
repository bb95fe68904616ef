"""Presigned uploads: asked for, PUT, checked, sent."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ..client import Person, Socket
from .files import HTML, JPEG, KINDS, PNG, file

Offer = dict[str, Any]


def wish(name: Any = "a.png", kind: str = "image/png", data: bytes = PNG, **rest: Any) -> Any:
    return {"name": name, "size": len(data), "type": kind} | rest


async def offered(socket: Socket, text: str = "look", **fields: Any) -> Offer:
    await socket.sends(text, **({"file": wish()} | fields))
    offer: Offer = await socket.receives("presigned_url")
    return offer


async def put(person: Person, offer: Offer, data: bytes, **headers: str) -> httpx.Response:
    return await person.http.put(
        offer["presigned_url"], content=data, headers=offer["headers"] | headers
    )


async def uploaded(person: Person, socket: Socket, data: bytes = PNG, **fields: Any) -> str:
    offer = await offered(socket, **fields)
    answer = await put(person, offer, data)
    assert answer.status_code in (200, 201, 204), answer.text
    path: str = offer["file_path"]
    return path


@pytest.mark.parametrize("name", KINDS)
async def test_an_upload_becomes_a_message(ada: Person, bob: Person, room: int, name: str) -> None:
    kind, data = KINDS[name]
    async with ada.enters(room) as a, bob.enters(room) as b:
        path = await uploaded(ada, a, data, file=wish(name, kind, data))
        await a.does("file_uploaded", file_path=path, message="look", client_id="n1")
        for socket in (a, b):
            message = await socket.hears("look")
            assert message["client_id"] == "n1"
            [attachment] = message["attachments"]
            assert attachment["file_name"] == name
            assert (attachment["content_type"], attachment["size"]) == (kind, len(data))
        assert (await bob.http.get(attachment["file_url"])).content == data


async def test_a_refused_upload_costs_no_more_than_an_action(
    ada: Person, stranger: Callable[..., Person]
) -> None:
    """A user of their own: all sockets of a user share one rate limit."""
    me = stranger()
    async with me.enters(await ada.opens(me)) as socket:
        await socket.sends("look", file=wish(size=1 << 40))
        assert (await socket.receives("error"))["code"] == "file_too_large"
        await socket.sends("hello")
        await socket.hears("hello")


async def test_the_offer_goes_to_this_socket_alone(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b, ada.enters(room) as tab:
        offer = await offered(a, "look", client_id="n1")
        assert (offer["message"], offer["client_id"]) == ("look", "n1")
        assert offer["file_name"] == "a.png"
        assert offer["presigned_url"].startswith("http://127.0.0.1:")
        assert isinstance(offer["headers"], dict)
        assert 0 < offer["expires_in"] <= 86_400
        await a.still_works()
        for socket in (b, tab):
            await socket.receives("chat_message")
            assert not socket.saw("presigned_url")
    assert len(await ada.reads_all(room)) == 1


async def test_a_browser_of_another_origin_may_put(ada: Person, room: int) -> None:
    origin = "https://elsewhere.example"
    async with ada.enters(room) as socket:
        offer = await offered(socket)
        names = ", ".join(k.lower() for k in offer["headers"]) or "content-type"
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": names,
        }
        preflight = await ada.http.options(offer["presigned_url"], headers=asked)
        assert preflight.status_code in (200, 204)
        assert preflight.headers["access-control-allow-origin"] in ("*", origin)
        assert "PUT" in preflight.headers["access-control-allow-methods"]
        allowed = preflight.headers["access-control-allow-headers"].lower()
        assert allowed == "*" or set(names.split(", ")) <= set(allowed.replace(" ", "").split(","))
        answer = await put(ada, offer, PNG, Origin=origin)
        assert answer.status_code in (200, 201, 204)
        assert answer.headers["access-control-allow-origin"] in ("*", origin)


async def test_nothing_uploaded_is_nothing_to_send(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        offer = await offered(a)
        for path in (offer["file_path"], "uploads/none", "", "/etc/passwd", "../chat.db", "\x00"):
            error = await a.is_refused("file_uploaded", file_path=path, message="x", client_id="n1")
            assert error["code"] in ("file_missing", "invalid_frame"), path
            assert error["action"] == "file_uploaded"
        first = await a.is_refused("file_uploaded", file_path=offer["file_path"], message="x")
        assert first["code"] == "file_missing"
        await a.says("nothing", client_id="n1")
        await b.hears("nothing")
        assert len(b.saw("chat_message")) == 1


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        (PNG + b"\0", {"file_invalid", "file_too_large", "file_missing"}),
        (PNG[:-1], {"file_invalid", "file_missing"}),
        (b"", {"file_invalid", "file_missing"}),
        (b"\0" * len(PNG), {"file_invalid"}),
        ((HTML * 9)[: len(PNG)], {"file_invalid"}),
        ((JPEG * 9)[: len(PNG)], {"file_invalid"}),
    ],
)
async def test_what_really_lies_there_is_checked(
    ada: Person, bob: Person, room: int, data: bytes, codes: set[str]
) -> None:
    before = ada.server.objects()
    async with ada.enters(room) as a, bob.enters(room) as b:
        offer = await offered(a)
        answer = await put(ada, offer, data)
        assert answer.status_code < 500
        error = await a.is_refused("file_uploaded", file_path=offer["file_path"], message="x")
        assert error["code"] in codes
        await a.still_works()
        await b.receives("chat_message")
        assert len(b.saw("chat_message")) == 1
    assert [o for o in ada.server.objects() if o not in before and "upload" not in o] == []


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (wish("a.html", "text/html", HTML), "file_type"),
        (wish("a.svg", "image/svg+xml"), "file_type"),
        (wish(size=(10 << 20) + 1), "file_too_large"),
        (wish(size=-1), "invalid_frame"),
        (wish(size="1"), "invalid_frame"),
        (wish(name=5), "invalid_frame"),
        ({"name": "a.png", "type": "image/png"}, "invalid_frame"),
        ({"name": "a.png", "size": 5}, "invalid_frame"),
    ],
)
async def test_what_can_never_be_sent_is_not_offered(
    ada: Person, room: int, bad: Any, code: str
) -> None:
    async with ada.enters(room) as socket:
        error = await socket.is_refused("send", message="x", file=bad)
        assert error["code"] == code
        await socket.still_works()


async def test_an_upload_is_sent_once(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a:
        path = await uploaded(ada, a)
        await a.does("file_uploaded", file_path=path, message="look", client_id="n1")
        first = await a.hears("look")
        error = await a.is_refused("file_uploaded", file_path=path, message="look")
        assert error["code"] == "file_missing"
        await a.does("file_uploaded", file_path=path, message="look", client_id="n1")
        assert (await a.hears("look"))["message_id"] == first["message_id"]
        error = await a.is_refused("file_uploaded", file_path=path, message="other", client_id="n1")
        assert error["code"] == "conflict"
    assert len(await ada.reads_all(room)) == 1


async def test_an_upload_sent_at_once_from_two_tabs_is_one_message(
    ada: Person, bob: Person, room: int
) -> None:
    async with ada.enters(room) as one, ada.enters(room) as two, bob.enters(room) as b:
        for number in range(5):
            path = await uploaded(ada, one)
            for tab in (one, two):
                await tab.does("file_uploaded", file_path=path, message=f"look {number}")
            for tab in (one, two):
                await tab.hears(f"look {number}")
        await one.says("done")
        await two.says("done too")
        await b.hears("done too")
        errors = one.saw("error") + two.saw("error")
        assert [e["code"] for e in errors] == ["file_missing"] * 5
        assert len(b.saw("chat_message")) == 7


async def test_what_was_checked_cannot_be_swapped(ada: Person, room: int) -> None:
    async with ada.enters(room) as a:
        offer = await offered(a)
        await put(ada, offer, PNG)
        await a.does("file_uploaded", file_path=offer["file_path"], message="look")
        [attachment] = (await a.hears("look"))["attachments"]
        await put(ada, offer, HTML[: len(PNG)].ljust(len(PNG)))
        assert (await ada.http.get(attachment["file_url"])).content == PNG


async def test_an_upload_is_of_its_user_and_its_room(ada: Person, bob: Person, room: int) -> None:
    other = await ada.opens(bob)
    async with ada.enters(room) as a, bob.enters(room) as b, ada.enters(other) as elsewhere:
        path = await uploaded(ada, a)
        for socket in (b, elsewhere):
            error = await socket.is_refused("file_uploaded", file_path=path, message="stolen")
            assert error["code"] in ("file_missing", "forbidden", "not_found")
        await a.does("file_uploaded", file_path=path, message="mine")
        await a.hears("mine")


async def test_finished_uploads_go_into_files(ada: Person, room: int) -> None:
    async with ada.enters(room) as a:
        paths = [await uploaded(ada, a), await uploaded(ada, a)]
        mixed = [
            {"file_path": paths[0]},
            file("b.png", "image/png", PNG),
            {"file_path": paths[1]},
        ]
        message = await a.says("three", files=mixed)
        assert [x["file_name"] for x in message["attachments"]] == ["a.png", "b.png", "a.png"]
        for attachment in message["attachments"]:
            assert (await ada.http.get(attachment["file_url"])).content == PNG
        path = await uploaded(ada, a)
        posted = await ada.posts(room, "by HTTP", files=[{"file_path": path}])
        assert (await ada.http.get(posted["attachments"][0]["file_url"])).content == PNG


async def test_one_missing_upload_refuses_all(ada: Person, room: int) -> None:
    async with ada.enters(room) as a:
        path = await uploaded(ada, a)
        files = [{"file_path": path}, {"file_path": path + "x"}]
        error = await a.is_refused("send", message="two", files=files)
        assert error["code"] == "file_missing"
        message = await a.says("one", files=[{"file_path": path}])
        assert (await ada.http.get(message["attachments"][0]["file_url"])).content == PNG


async def test_an_upload_url_is_signed(ada: Person, room: int) -> None:
    async with ada.enters(room) as a:
        offer = await offered(a)
        url = httpx.URL(offer["presigned_url"])
        bad = [url.copy_set_param(k, v + "0") for k, v in url.params.items()]
        bad += [url.copy_remove_param(k) for k in url.params]
        for changed in bad:
            answer = await put(ada, offer | {"presigned_url": changed}, PNG)
            assert answer.status_code in (
                400,
                403,
                404,
            )  # a bucket refuses in its own words, changed
        error = await a.is_refused("file_uploaded", file_path=offer["file_path"], message="x")
        assert error["code"] == "file_missing"
        assert (await put(ada, offer, PNG)).status_code in (200, 201, 204)


async def test_an_upload_cannot_be_read_before_it_is_sent(ada: Person, room: int) -> None:
    async with ada.enters(room) as a:
        offer = await offered(a)
        await put(ada, offer, PNG)
        answer = await ada.http.get(offer["presigned_url"])
        assert answer.status_code in (403, 404, 405)
