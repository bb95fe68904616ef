"""Files in a frame: what is accepted, what is refused, and what they are called."""

import base64
from typing import Any

import pytest

from ..client import Person
from .files import ELF, GIF, HTML, JPEG, KINDS, PDF, PNG, SVG, TEXT, ZIP, file
from .test_http import assert_error

Attachment = dict[str, Any]


async def attached(person: Person, room: int, *files: Any) -> list[Attachment]:
    """The attachments of a message with these files."""
    async with person.enters(room) as socket:
        await socket.sends("", **({"file": files[0]} if len(files) == 1 else {"files": files}))
        frame = await socket.next()
        assert frame["type"] == "chat_message", frame
        attachments: list[Attachment] = frame["message"]["attachments"]
        return attachments


async def refused(person: Person, room: int, *files: Any) -> str:
    """The code of the refusal; nothing is stored, neither the message nor an object."""
    objects = person.server.objects()
    async with person.enters(room) as socket:
        fields = {"file": files[0]} if len(files) == 1 else {"files": files}
        error = await socket.is_refused("send", message="look", client_id="n1", **fields)
        assert error["client_id"] == "n1"
        assert (await socket.says("without a file", client_id="n1"))["attachments"] == []
    assert [m["text"] for m in await person.reads_all(room)] == ["without a file"]
    assert person.server.objects() == objects
    code: str = error["code"]
    return code


async def content(person: Person, attachment: Attachment) -> bytes:
    answer = await person.http.get(attachment["file_url"])
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.mark.parametrize("name", KINDS)
async def test_each_kind_is_accepted(ada: Person, bob: Person, room: int, name: str) -> None:
    kind, data = KINDS[name]
    async with bob.enters(room) as b:
        [attachment] = await attached(ada, room, file(name, kind, data))
        frame = await b.receives("chat_message")
        [seen] = frame["message"]["attachments"]
        link = seen["file_url"].removeprefix(bob.server.url)  # each gets the address they use
        assert ada.server.url + link == attachment["file_url"]
        assert seen | {"file_url": attachment["file_url"]} == attachment
    assert attachment["file_name"] == name
    assert attachment["content_type"] == kind
    assert attachment["size"] == len(data)
    assert await content(bob, attachment) == data


@pytest.mark.parametrize(
    "head", ["", "data:image/png;base64,", "data:;base64,", "data:application/octet-stream;base64,"]
)
async def test_the_head_of_the_data_may_be_missing(ada: Person, room: int, head: str) -> None:
    [attachment] = await attached(ada, room, file("a.png", "image/png", PNG, head=head))
    assert await content(ada, attachment) == PNG


async def test_text_and_file_go_together(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        message = await socket.says("look", file=file("a.png", "image/png", PNG), client_id="n1")
        assert (message["text"], len(message["attachments"])) == ("look", 1)
        again = await socket.says("look", file=file("a.png", "image/png", PNG), client_id="n1")
        assert again["message_id"] == message["message_id"]
        await socket.does("edit", message_id=message["message_id"], text="look!")
        assert len((await socket.receives("message_edited"))["message"]["attachments"]) == 1
    async with ada.enters(room) as socket:
        [kept] = socket.first[0]["attachments"]
        assert kept | {"file_url": ""} == message["attachments"][0] | {"file_url": ""}
        assert await content(ada, kept) == PNG


async def test_several_keep_their_order(ada: Person, room: int) -> None:
    files = [file(name, kind, data) for name, (kind, data) in KINDS.items()]
    attachments = await attached(ada, room, *files)
    assert [a["file_name"] for a in attachments] == list(KINDS)
    for attachment, (_, data) in zip(attachments, KINDS.values(), strict=True):
        assert await content(ada, attachment) == data
    assert [a["file_name"] for a in (await ada.reads_all(room))[0]["attachments"]] == list(KINDS)


async def test_ten_files_and_no_more(ada: Person, room: int) -> None:
    files = [file(f"{n}.png", "image/png", PNG) for n in range(11)]
    assert len(await attached(ada, room, *files[:10])) == 10
    other = await ada.opens(Person(ada.server, ada.http, 2, "bob"))
    assert await refused(ada, other, *files) == "invalid_frame"


async def test_two_files_of_one_name_are_two(ada: Person, room: int) -> None:
    one, two = await attached(
        ada, room, file("a.png", "image/png", PNG), file("a.png", "image/png", PNG + b"\0")
    )
    assert (await content(ada, one), await content(ada, two)) == (PNG, PNG + b"\0")


async def test_one_bad_file_refuses_all(ada: Person, room: int) -> None:
    good = file("a.png", "image/png", PNG)
    assert await refused(ada, room, good, file("b.png", "image/png", JPEG), good) == "file_invalid"


async def test_by_http_the_same(ada: Person, room: int) -> None:
    message = await ada.posts(room, "look", file=file("a.png", "image/png", PNG))
    assert await content(ada, message["attachments"][0]) == PNG
    body = {"message": "look", "file": file("a.png", "image/png", JPEG)}
    assert_error(await ada.post(f"chat/rooms/{room}/messages/", body), 400, "file_invalid")
    body = {"message": "look", "file": file("a.html", "text/html", HTML)}
    assert_error(await ada.post(f"chat/rooms/{room}/messages/", body), 400, "file_type")


# ---------------------------------------------------------- what is refused

encoded = base64.b64encode(PNG).decode()
BAD_BASE64 = {
    "a character outside": "!" + encoded[1:],
    "white space": encoded[:8] + "\n" + encoded[8:],
    "a blank at the end": encoded + " ",
    "of the other alphabet": "-_" + encoded[2:],
    "cut": encoded[:-1],
    "padding inside": encoded[:4] + "====" + encoded[8:],
    "too much padding": encoded + "====",
    "not ASCII": "é" + encoded[1:],
    "empty": "",
    "only a head": "data:image/png;base64,",
    "a head without base64": "data:image/png," + encoded,
    "two heads": "data:image/png;base64,data:image/png;base64," + encoded,
}


@pytest.mark.parametrize("data", BAD_BASE64.values(), ids=BAD_BASE64.keys())
async def test_base64_is_strict(ada: Person, room: int, data: str) -> None:
    bad = file("a.png", "image/png", PNG) | {"data": data}
    assert await refused(ada, room, bad) == "file_invalid"


@pytest.mark.parametrize("size", [0, len(PNG) - 1, len(PNG) + 1, 2**40])
async def test_the_size_is_what_was_declared(ada: Person, room: int, size: int) -> None:
    bad = file("a.png", "image/png", PNG, size=size)
    assert await refused(ada, room, bad) in ("file_invalid", "file_too_large")


@pytest.mark.parametrize(
    ("name", "kind", "data"),
    [
        ("a.png", "image/png", JPEG),
        ("a.png", "image/png", HTML),
        ("a.png", "image/png", SVG),
        ("a.png", "image/png", ELF),
        ("a.png", "image/png", PNG[1:]),
        ("a.gif", "image/gif", PNG),
        ("a.pdf", "application/pdf", b"no pdf"),
        ("a.pdf", "application/pdf", HTML),
        ("a.zip", "application/zip", TEXT),
        ("a.txt", "text/plain", ELF),
        ("a.txt", "text/plain", PNG),
        ("a.txt", "text/plain", b"a\x00b"),
    ],
)
async def test_what_is_not_what_it_was_declared_to_be_is_refused(
    ada: Person, room: int, name: str, kind: str, data: bytes
) -> None:
    assert await refused(ada, room, file(name, kind, data)) == "file_invalid"


@pytest.mark.parametrize(
    ("name", "kind", "data"),
    [
        ("a.svg", "image/svg+xml", SVG),
        ("a.html", "text/html", HTML),
        ("a.js", "application/javascript", b"alert(1)"),
        ("a.exe", "application/x-msdownload", b"MZ" + ELF),
        ("a.bin", "application/octet-stream", ELF),
        ("a.svg", "image/png, image/svg+xml", SVG),
        ("a.png", "image/*", PNG),
        ("a.png", "png", PNG),
    ],
)
async def test_a_type_outside_the_list_is_refused(
    ada: Person, room: int, name: str, kind: str, data: bytes
) -> None:
    assert await refused(ada, room, file(name, kind, data)) == "file_type"


@pytest.mark.parametrize("data", [HTML, SVG])
async def test_a_page_of_unknown_type_is_never_served_as_one(
    ada: Person, room: int, data: bytes
) -> None:
    async with ada.enters(room) as socket:
        await socket.sends("", file=file("a.bin", "application/octet-stream", data))
        frame = await socket.next()
        if frame["type"] == "error":
            assert frame["code"] == "file_type"
            return
        [attachment] = frame["message"]["attachments"]
        assert attachment["content_type"] == "text/plain"
        answer = await ada.http.get(attachment["file_url"])
        assert answer.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (GIF, "image/gif"),
        (PDF, "application/pdf"),
        (ZIP, "application/zip"),
        (TEXT, "text/plain"),
    ],
)
async def test_under_an_unknown_type_the_bytes_decide(
    ada: Person, room: int, data: bytes, kind: str
) -> None:
    [attachment] = await attached(ada, room, file("a", "application/octet-stream", data))
    assert attachment["content_type"] == kind


@pytest.mark.parametrize(
    ("said", "data", "kind"),
    [
        ("application/x-zip-compressed", ZIP, "application/zip"),
        ("text/plain", HTML, "text/plain"),
        ("text/plain", SVG, "text/plain"),
    ],
)
async def test_what_else_a_type_may_be_called(
    ada: Person, room: int, said: str, data: bytes, kind: str
) -> None:
    [attachment] = await attached(ada, room, file("a.x", said, data))
    assert attachment["content_type"] == kind
    assert await content(ada, attachment) == data


async def test_a_file_is_10_mib_and_no_more(ada: Person, room: int) -> None:
    full = b"a" * (10 << 20)
    [attachment] = await attached(ada, room, file("a.txt", "text/plain", full))
    assert attachment["size"] == 10 << 20
    other = await ada.opens(Person(ada.server, ada.http, 2, "bob"))
    assert await refused(ada, other, file("a.txt", "text/plain", full + b"a")) == "file_too_large"
    body = {"file": file("a.txt", "text/plain", full + b"a")}
    answer = await ada.post(f"chat/rooms/{other}/messages/", body)
    assert_error(answer, 413, "file_too_large")


async def test_an_outsider_leaves_no_object_behind(ada: Person, eve: Person, room: int) -> None:
    before = ada.server.objects()
    body = {"message": "", "file": file("a.png", "image/png", PNG)}
    path = f"chat/rooms/{room}/messages/"
    assert_error(await eve.post(path, body), 404, "not_found")
    assert ada.server.objects() == before
    assert (await ada.post(path, body)).status_code == 201
    assert len(ada.server.objects()) == len(before) + 1


# ----------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name",
    [
        "Screen shot (1).png",
        "фото.png",
        "写真 👍.png",
        "a.b.c.png",
        "a'b&c=d#e%20f.png",
        "UPPER.PNG",
        "a+b~c,d;e@f!.png",
    ],
)
async def test_a_name_stays_readable(ada: Person, room: int, name: str) -> None:
    [attachment] = await attached(ada, room, file(name, "image/png", PNG))
    assert attachment["file_name"] == name
    assert await content(ada, attachment) == PNG


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd.png",
        "/etc/passwd.png",
        "a/b/../c.png",
        "C:\\Users\\a\\b.png",
        "..\\..\\b.png",
        "a\r\nSet-Cookie: x.png",
        'a"b.png',
        "a\tb\x7fc.png",
        "-rf.png",
        "\u202egnp.exe.png",
        "con.png",
        "." * 300 + ".png",
        "x" * 5000 + ".png",
        "<img src=x onerror=alert(1)>.png",
    ],
)
async def test_a_name_is_made_safe(ada: Person, room: int, name: str) -> None:
    [attachment] = await attached(ada, room, file(name, "image/png", PNG))
    kept = attachment["file_name"]
    assert not set(kept) & set('/\\\r\n\t\0"\x7f\u202e'), kept
    assert kept.endswith(".png")
    assert not kept.startswith(".")
    assert 4 < len(kept) <= 255
    answer = await ada.http.get(attachment["file_url"])
    assert (answer.status_code, answer.content) == (200, PNG)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("name", "kind", "data", "end"),
    [
        (".png", "image/png", PNG, ".png"),
        ("photo", "image/png", PNG, ".png"),
        ("photo.", "image/jpeg", JPEG, ".jpg"),
        (".pdf", "application/pdf", PDF, ".pdf"),
        ("notes", "text/plain", TEXT, ".txt"),
        ("..", "image/gif", GIF, ".gif"),
        ("photo", "application/octet-stream", PNG, ".png"),
        ("archive", "application/x-zip-compressed", ZIP, ".zip"),
    ],
)
async def test_a_name_that_lacks_something_is_completed(
    ada: Person, room: int, name: str, kind: str, data: bytes, end: str
) -> None:
    [attachment] = await attached(ada, room, file(name, kind, data))
    kept = attachment["file_name"]
    assert kept.endswith(end)
    assert len(kept) > len(end)
    assert kept.startswith(name.strip(".")) or name.startswith(".")


async def test_a_page_never_keeps_a_name_that_runs(ada: Person, room: int) -> None:
    [attachment] = await attached(ada, room, file("page.html", "text/plain", HTML))
    answer = await ada.http.get(attachment["file_url"])
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["content-disposition"].startswith("attachment")
