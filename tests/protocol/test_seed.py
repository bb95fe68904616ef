"""Every example of the document that the protocol began with, read from that document itself."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ..client import Person, Socket
from ..shapes import MESSAGE, TIME

SEED = Path(__file__).parents[2].parent / "shared" / "seed" / "ChatConsumer.md"

pytestmark = pytest.mark.skipif(
    not SEED.exists(), reason="the first server's document is not part of the project"
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", SEED.read_text(), re.MULTILINE | re.DOTALL)


def block(language: str, holding: str) -> str:
    found = [b for b in blocks(language) if holding in b]
    assert found, f"the document has no {language} example with {holding}"
    return found[0]


def sent(holding: str) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(block("json", holding))
    return frame


def answers(holding: str) -> list[dict[str, Any]]:
    """One example may show several frames, with commas between them."""
    frames: list[dict[str, Any]] = json.loads(f"[{block('json', holding)}]")
    return frames


def assert_says_as_much(frame: Any, example: Any) -> None:
    """Everything that the example has is there, of the same kind."""
    assert isinstance(frame, type(example)) or example is None, (frame, example)
    if isinstance(example, dict):
        for key, value in example.items():
            assert key in frame, f"{key} is missing in {frame}"
            assert_says_as_much(frame[key], value)


async def test_the_examples_are_still_in_the_document() -> None:
    assert len(blocks("json")) == 8
    assert len(blocks("http")) == 2
    assert len(blocks("javascript")) == 1
    assert len(blocks("html")) == 1


async def test_the_list_of_rooms_answers_as_in_the_document(ada: Person, stranger: Any) -> None:
    method, url = block("http", "recieve").split()
    path = re.sub(r"^http://[^/]+", "", url).replace("first_user=2", "first_user={}")
    me = stranger()
    await me.opens(ada)
    room = await me.opens(ada)
    await ada.posts(room, "redfbgfg")
    answer = await me.asks(method, path.format(me.id))
    assert answer.status_code == 200
    example = json.loads(block("json", '"last_message"'))
    assert set(answer.json()) >= set(example)
    first, second = answer.json()["results"]
    assert_says_as_much(first, example["results"][2])
    assert first["last_message"]["content"] == "redfbgfg"
    assert first["last_message"]["from_this_user"] is False
    assert second["last_message"] is None


async def test_a_room_is_deleted_as_in_the_document(ada: Person, room: int) -> None:
    method, url = block("http", "delete").split()
    path = re.sub(r"^http://[^/]+", "", url).replace("90", str(room))
    assert path.startswith("/en/api/v1/chat/delete/")
    assert (await ada.asks(method, path)).status_code == 204


async def test_a_socket_opens_with_the_url_of_the_example(ada: Person, room: int) -> None:
    url = re.search(r'"ws://[^/]+([^"]+)", \["Bearer"', block("javascript", "WebSocket"))
    assert url is not None
    path, query = url[1].replace("13", str(room)).split("?")
    async with ada.knocks(f"?{query}", path) as socket:
        assert await socket.next() == []


async def test_a_socket_opens_with_the_url_of_the_endpoint(ada: Person, room: int) -> None:
    url = re.search(r"\*\*Endpoint:\*\* `ws://[^/]+([^`]+)`", SEED.read_text())
    assert url is not None
    path, query = url[1].replace("4", str(room)).split("?")
    async with ada.knocks(f"?{query}", path) as socket:
        assert await socket.next() == []


async def test_a_socket_opens_with_the_url_of_the_page(ada: Person, room: int) -> None:
    url = re.search(r'new WebSocket\("ws://[^/]+([^"]+)"', block("html", "WebSocket"))
    assert url is not None
    path, query = url[1].replace("93", str(room)).split("?")
    async with ada.knocks(f"?{query}", path) as socket:
        assert await socket.next() == []


async def test_the_first_frame_has_every_field_of_the_example(ada: Person, room: int) -> None:
    example = block("json", '"message_id": 179')
    fields = set(re.findall(r'"(\w+)":', example)) - {"file_url", "file_name", "content_type"}
    assert fields <= MESSAGE
    await ada.posts(room, "vrgrwq")
    async with ada.enters(room) as socket:
        assert set(socket.first[0]) >= fields
        assert TIME.fullmatch(socket.first[0]["created_at"])


async def _talks(ada: Socket, bob: Socket) -> dict[str, Any]:
    await ada.raw(block("json", '"action": "send"'))
    message: dict[str, Any] = (await bob.receives("mark_message_as_read"))["message"]
    await ada.receives("mark_message_as_read")
    return message


async def test_sending_goes_as_in_the_document(ada: Person, bob: Person, room: int) -> None:
    examples = answers('"mark_message_as_read"')
    assert [e["type"] for e in examples] == [
        "chat_message",
        "mark_message_as_delivered",
        "mark_message_as_read",
    ]
    async with ada.enters(room) as a, bob.enters(room) as b:
        await _talks(a, b)
        for socket in (a, b):
            for frame, example in zip(socket.seen[1:], examples, strict=True):
                assert_says_as_much(frame, example)
                assert frame["type"] == example["type"]
                assert frame["message"]["status"] == example["message"]["status"]
                assert frame["message"]["text"] == example["message"]["text"]


async def test_editing_goes_as_in_the_document(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        message = await _talks(a, b)
        edit = sent('"action": "edit"') | {"message_id": message["message_id"]}
        await a.raw(json.dumps(edit))
        [example] = answers('"message_edited"')
        for socket in (a, b):
            frame = await socket.next()
            assert_says_as_much(frame, example)
            assert frame["text"] == example["text"]
            assert frame["message_id"] == message["message_id"]


async def test_deleting_goes_as_in_the_document(ada: Person, bob: Person, room: int) -> None:
    example = block("json", '"action": "delete"')
    with pytest.raises(json.JSONDecodeError):
        json.loads(example)
    async with ada.enters(room) as a, bob.enters(room) as b:
        message = await _talks(a, b)
        await a.raw(example)
        assert (await a.next())["code"] == "invalid_json"
        good = json.loads(re.sub(r",\s*}", "}", example)) | {"message_id": message["message_id"]}
        await a.raw(json.dumps(good))
        [answer] = answers('"message_deleted"')
        for socket in (a, b):
            frame = await socket.next()
            assert_says_as_much(frame, answer)
            assert frame["message_id"] == message["message_id"]


async def test_the_page_spells_message_ids_as_strings(ada: Person, room: int) -> None:
    assert "deleteMessage('${messageId}')" in block("html", "deleteMessage")
    async with ada.enters(room) as socket:
        message = await socket.says("of the page", file=None)
        await socket.does("delete", message_id=str(message["message_id"]))
        assert (await socket.next())["message_id"] == message["message_id"]
