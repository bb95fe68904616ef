"""People write in every script: a text comes back exactly as it was sent, or is refused."""

import json

import pytest

from ..client import Person

TEXTS = {
    "cyrillic": "Привіт, як справи? Їжак ґанок",
    "emoji": "👍🏽 👩‍👩‍👧‍👦 🇺🇦 ❤️",
    "right to left": "שלום עולם \u202eabc\u202c مرحبا",
    "combining": "é e\u0301 \u0b95\u0bcd ﷽ Z̸͎̎a̵l̶g̷o̸",
    "spaces kept": "  two before, two after  ",
    "lines kept": "\r\none\n\n\ttwo\u2028three\u2029",
    "html stays text": "<script>alert('&amp;')</script><img src=x onerror=alert(1)>",
    "json in it": '{"type":"room_deleted"}","status":"read","x":"\\',
    "percent and colons": "100% :name ':x' ; drop table messages; -- $1 ?",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f\x80\x9f",
    "not a character": "\ufffe\uffff\ufffd\ufeff\U0010ffff",
    "zero width": "a\u200b\u200d\u2060b",
    "one letter": "Ж",
    "a number": "007",
    "a word of code": "null",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_a_text_comes_back_exactly(ada: Person, bob: Person, room: int, text: str) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        message = await a.says(text)
        assert (await b.receives("chat_message"))["message"]["text"] == text
        other = await b.says("to be edited")
        await b.does("edit", message_id=other["message_id"], text=text)
        edited = await a.receives("message_edited")
        assert edited["text"] == edited["message"]["text"] == text
    assert [m["text"] for m in await ada.reads_all(room)] == [text, text]
    listed = (await bob.get("chat/recieve/", page_size=1)).json()["results"][0]
    assert listed["last_message"]["content"] == text
    assert message["text"] == text


async def test_escapes_of_a_pair_are_one_character(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        await socket.raw('{"action":"send","message":"\\ud83d\\udc4d \\u0416"}')
        await socket.hears("👍 Ж")


@pytest.mark.parametrize("text", ["a\\u0000b", "\\u0000", "\\ud800", "x\\udc4d\\ud83dx", "\\udfff"])
@pytest.mark.parametrize("field", ["message", "client_id", "text"])
async def test_nul_and_half_characters_are_refused(
    ada: Person, room: int, text: str, field: str
) -> None:
    async with ada.enters(room) as socket:
        message = await socket.says("one")
        frame = {"action": "send", "message": "x"} | {field: "TEXT"}
        if field == "text":
            frame = {"action": "edit", "message_id": message["message_id"], "text": "TEXT"}
        await socket.raw(json.dumps(frame).replace("TEXT", text))
        assert (await socket.next())["code"] == "invalid_frame"
        await socket.still_works()
    stored = [m["text"] for m in await ada.reads_all(room)]
    assert (stored[0], len(stored)) == ("one", 2)


@pytest.mark.parametrize("letter", ["x", "Ж", "👍", "e\u0301"])
async def test_a_text_is_4000_code_points(ada: Person, room: int, letter: str) -> None:
    full = letter * (4000 // len(letter))
    assert len(full) == 4000
    async with ada.enters(room) as socket:
        message = await socket.says(full)
        error = await socket.is_refused("send", message=full + "x", client_id="n1")
        assert (error["code"], error["client_id"]) == ("too_long", "n1")
        error = await socket.is_refused("edit", message_id=message["message_id"], text=full + "x")
        assert error["code"] == "too_long"
        await socket.does("edit", message_id=message["message_id"], text=full)
        assert (await socket.receives("message_edited"))["text"] == full


async def test_a_text_that_is_not_utf_8_ends_its_socket(
    ada: Person, bob: Person, room: int
) -> None:
    """RFC 6455, 8.1."""
    async with ada.enters(room) as a, bob.enters(room) as b:
        await a.connection.send(b'{"action":"send","message":"\xff"}', text=True)
        assert await a.closes() == 1007
        await b.still_works()
    assert len(await ada.reads_all(room)) == 1


INVISIBLE = [
    "\u200b",
    "\u2060\ufeff",
    "\u202e\u202c",
    "\u3164",
    "\u2800",
    "\u00ad",
    "\ufe0f",
    " \n\u00a0",
]


@pytest.mark.parametrize("text", INVISIBLE)
async def test_a_text_that_shows_nothing_is_empty(ada: Person, room: int, text: str) -> None:
    async with ada.enters(room) as socket:
        message = await socket.says("one")
        assert (await socket.is_refused("send", message=text))["code"] == "empty_message"
        id_ = message["message_id"]
        error = await socket.is_refused("edit", message_id=id_, text=text)
        assert error["code"] == "empty_message"


@pytest.mark.parametrize(
    ("title", "code"),
    [("\u200b", "empty_message"), (" ", "empty_message"), ("bill\u202egpj.exe", "invalid_frame")],
)
async def test_a_title_shows_something_and_turns_nothing_around(
    ada: Person, bob: Person, room: int, title: str, code: str
) -> None:
    answer = await ada.asks("PATCH", f"chat/rooms/{room}/", json={"title": title})
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    for field in ("title", "context"):
        answer = await ada.post("chat/create/", {"second_user": bob.id, field: title})
        assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize(
    "text", ["\ufeff{}", '\ufeff{"action":"ping"}', "\x00{\x00}", "{\x00}\x00"]
)
async def test_a_file_of_windows_is_answered_with_what_to_send(
    ada: Person, room: int, text: str
) -> None:
    async with ada.enters(room) as socket:
        await socket.raw(text)
        error = await socket.next()
        assert error["code"] == "invalid_json"
        assert "byte order mark" in error["message"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"file": {}}, "file.name is missing."),
        ({"file": {"name": "a"}}, "file.size is missing or negative."),
        ({"file": {"name": "a", "size": 1}}, "file.type is missing."),
        ({"files": [{"name": "a", "size": 1}]}, "files[0].type is missing."),
        ({"file": {"name": 5}}, "Expected `str | null`, got `int` - at `file.name`."),
        ({"message": 5}, "Expected `str`, got `int` - at `message`."),
    ],
)
async def test_a_wrong_field_is_named(ada: Person, room: int, fields: object, says: str) -> None:
    async with ada.enters(room) as socket:
        error = await socket.is_refused("send", **fields)  # type: ignore[arg-type]
        assert (error["code"], error["message"]) == ("invalid_frame", says)
