"""What a file's URL answers: safely, to those who were given it, until it expires."""

import asyncio
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from ..client import Person
from .files import HTML, KINDS, PNG, file, gone
from .test_attachments import attached


async def url_of(person: Person, room: int, name: str = "a.png", data: bytes = PNG) -> str:
    kind = KINDS["a." + name.rsplit(".", 1)[1]][0]
    [attachment] = await attached(person, room, file(name, kind, data))
    url: str = attachment["file_url"]
    return url


@pytest.mark.parametrize("name", KINDS)
async def test_a_file_is_served_safely(ada: Person, room: int, name: str) -> None:
    kind, data = KINDS[name]
    answer = await ada.http.get(await url_of(ada, room, name, data))
    assert (answer.status_code, answer.content) == (200, data)
    said = answer.headers
    assert said["content-type"].partition(";")[0] == kind
    assert said["content-length"] == str(len(data))
    assert said["x-content-type-options"] == "nosniff"
    policy = said["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    inline = kind.startswith("image/") or kind == "application/pdf"
    assert said["content-disposition"].startswith("inline" if inline else "attachment")
    assert said.get("cross-origin-resource-policy", "cross-origin") == "cross-origin"


async def test_text_says_how_it_is_encoded_and_a_page_is_text(ada: Person, room: int) -> None:
    answer = await ada.http.get(await url_of(ada, room, "a.txt", HTML))
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.content == HTML


@pytest.mark.parametrize("name", ["Screen shot (1).png", "фото.png", "写真 👍.png", "a'b;c=d.png"])
async def test_the_url_and_the_header_carry_the_name(ada: Person, room: int, name: str) -> None:
    url = await url_of(ada, room, name)
    path = httpx.URL(url).path
    assert unquote(path).endswith(".png")
    answer = await ada.http.get(url)
    assert ".png" in unquote(answer.headers["content-disposition"])


async def test_the_url_is_absolute_signed_and_expires(ada: Person, room: int) -> None:
    url = httpx.URL(await url_of(ada, room))
    assert str(url).startswith(ada.server.url + "/")
    assert len(url.params) >= 2
    assert ".png" in url.path


async def test_no_token_is_needed_from_any_origin(ada: Person, room: int) -> None:
    headers = {"Origin": "https://elsewhere.example", "Referer": "https://elsewhere.example/"}
    answer = await ada.http.get(await url_of(ada, room), headers=headers)
    assert answer.status_code == 200


async def test_head_works_where_get_does(ada: Person, room: int) -> None:
    url = await url_of(ada, room)
    got, head = await ada.http.get(url), await ada.http.head(url)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length", "content-disposition"):
        assert head.headers[name] == got.headers[name]


async def test_a_changed_url_is_refused(ada: Person, room: int) -> None:
    url = httpx.URL(await url_of(ada, room))
    other = httpx.URL(await url_of(ada, room))
    assert (await ada.http.get(url)).status_code == 200
    changed = [url.copy_with(query=None), url.copy_with(path=other.path)]
    for name, value in url.params.items():
        changed.append(url.copy_remove_param(name))
        changed.append(url.copy_set_param(name, value + "0"))
        changed.append(url.copy_set_param(name, "9" + value))
        changed.append(url.copy_set_param(name, ""))
        changed.append(url.copy_set_param(name, "é"))
    for bad in changed:
        answer = await ada.http.get(bad)
        assert answer.status_code in (403, 404), bad
        assert set(answer.json()) == {"detail", "code"}


@pytest.mark.parametrize("step", ["../", "%2e%2e/", "..%2f", "%00", "/etc/passwd", "..\\"])
async def test_no_path_leads_out_of_the_folder(ada: Person, room: int, step: str) -> None:
    url = httpx.URL(await url_of(ada, room))
    head, _, name = url.raw_path.decode().partition("?")[0].rpartition("/")
    for target in (f"{head}/{step}{step}{step}chat.db", f"{head}/{step}{name}"):
        answer = await ada.http.get(f"{ada.server.url}{target}?{url.query.decode()}")
        assert answer.status_code in (400, 403, 404), target


async def test_a_url_expires_and_history_hands_out_a_fresh_one(serve: Any, cast: Any) -> None:
    ada, bob, _ = cast(serve(attachments_download_url_ttl=2))
    room = await ada.opens(bob)
    url = await url_of(ada, room)
    assert (await ada.http.get(url)).status_code == 200
    answer = await gone(ada.http, url)
    assert answer.status_code in (403, 404)
    assert set(answer.json()) == {"detail", "code"}
    fresh = (await ada.reads_all(room))[0]["attachments"][0]["file_url"]
    assert (await ada.http.get(fresh)).status_code == 200
    async with ada.enters(room, after=0) as socket:
        fresh = socket.first["messages"][0]["attachments"][0]["file_url"]
        assert (await ada.http.get(fresh)).status_code == 200


async def test_the_public_url_stands_before_every_file(serve: Any, cast: Any) -> None:
    ada, bob, _ = cast(serve(server_public_url="https://talk.example.com"))
    room = await ada.opens(bob)
    async with bob.enters(room) as b:
        url = await url_of(ada, room)
        live = (await b.receives("chat_message"))["message"]["attachments"][0]["file_url"]
    stored = (await ada.reads_all(room))[0]["attachments"][0]["file_url"]
    for each in (url, live, stored):
        assert each.startswith("https://talk.example.com/")
        local = each.replace("https://talk.example.com", ada.server.url)
        assert (await ada.http.get(local)).content == PNG


async def test_live_frames_name_the_host_that_their_receiver_came_to(
    ada: Person, bob: Person, room: int
) -> None:
    """The Host header of whoever sends is not a thing that others may be sent to."""
    headers = {"Authorization": f"Bearer {ada.token()}", "Host": "evil.example.com"}
    async with bob.enters(room) as b, ada.enters(room, receipts="compact") as a:
        body = {"file": file("a.png", "image/png", PNG), "message": '"file_url":"\\u0000/files/'}
        await ada.post(f"chat/rooms/{room}/messages/", body, headers=headers)
        for socket, person in ((b, bob), (a, ada)):
            message = (await socket.receives("chat_message"))["message"]
            assert message["text"] == body["message"]
            (attachment,) = message["attachments"]
            assert attachment["file_url"].startswith(f"{person.server.url}/files/")
            assert (await person.http.get(attachment["file_url"])).content == PNG
        read = (await b.receives("mark_message_as_read"))["message"]
        assert read["attachments"][0]["file_url"].startswith(f"{bob.server.url}/files/")


# ----------------------------------------------------------------- range


@pytest.mark.parametrize(
    ("asked", "begin", "end"), [("bytes=0-9", 0, 10), ("bytes=5-", 5, None), ("bytes=-4", -4, None)]
)
async def test_a_part_may_be_asked_for(
    ada: Person, room: int, asked: str, begin: int, end: int | None
) -> None:
    answer = await ada.http.get(await url_of(ada, room), headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == PNG[begin:end]
    assert answer.headers["content-range"].endswith(f"/{len(PNG)}")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "asked",
    ["bytes=9999999-", "bytes=5-1", "bytes=a-b", "bytes=", "lines=1-2", "bytes=" + "0-0," * 5000],
)
async def test_a_senseless_part_does_no_harm(ada: Person, room: int, asked: str) -> None:
    url = await url_of(ada, room)
    async with asyncio.timeout(3):
        answer = await ada.http.get(url, headers={"Range": asked})
    assert answer.status_code in (200, 206, 400, 416, 431)
    assert (await ada.http.get(url)).content == PNG


# ---------------------------------------------------------------- the end


async def test_the_object_goes_with_its_message(ada: Person, bob: Person, room: int) -> None:
    before = ada.server.objects()
    async with ada.enters(room) as a:
        message = await a.says("look", files=[file(f"{n}.png", "image/png", PNG) for n in "ab"])
        assert len(ada.server.objects()) == len(before) + 2
        urls = [attachment["file_url"] for attachment in message["attachments"]]
        assert {(await ada.http.get(u)).status_code for u in urls} == {200}
        await a.does("delete", message_id=message["message_id"])
        await a.receives("message_deleted")
        for url in urls:
            answer = await gone(ada.http, url)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert ada.server.objects() == before
