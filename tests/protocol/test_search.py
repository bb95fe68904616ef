"""Search: one's own rooms, newest first, and what was changed or deleted since."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from ..client import Person
from ..shapes import check_message
from .files import PNG, file
from .test_http import assert_error


def a_word() -> str:
    """One that nobody else has used."""
    return f"w{uuid.uuid4().hex}"


async def finds(person: Person, question: str) -> list[dict[str, Any]]:
    """All pages."""
    found: list[dict[str, Any]] = []
    answer = await person.get("chat/search/", q=question)
    while True:
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert set(page) == {"results", "next"}
        found += page["results"]
        if page["next"] is None:
            break
        answer = await person.get(page["next"])
    for message in found:
        check_message(message)
    return found


def texts(messages: list[dict[str, Any]]) -> list[str]:
    return [message["text"] for message in messages]


async def test_messages_are_found_newest_first_in_all_rooms(
    ada: Person, bob: Person, room: int
) -> None:
    word, other = a_word(), await ada.opens(bob)
    for n, where in enumerate([room, other, room]):
        await bob.posts(where, f"{word.upper()}! no. {n}")
    await bob.posts(room, "something else")
    found = await finds(ada, f"no {word}")
    assert texts(found) == [f"{word.upper()}! no. {n}" for n in (2, 1, 0)]
    assert [m["room_id"] for m in found] == [room, other, room]
    assert await finds(ada, f"{word} else") == []


async def test_what_is_found_is_the_message_as_it_is(ada: Person, bob: Person, room: int) -> None:
    word = a_word()
    async with ada.enters(room) as a, bob.enters(room):
        first = await a.says("first")
        picture = file("my holiday.png", "image/png", PNG)
        sent = await a.says(word, reply_to=first["message_id"], file=picture, client_id="c1")
        await a.receives("mark_message_as_read", message={"message_id": sent["message_id"]})
        await a.does("react", message_id=sent["message_id"], emoji="👍")
        await a.receives("message_reacted")
    [found] = await finds(bob, f"{word} holiday")
    [_, stored] = await bob.reads_all(room)
    for message in (found, stored):
        message["attachments"][0].pop("file_url")
    assert found == stored
    assert found["status"] == "read"


async def test_nobody_finds_what_is_in_others_rooms(
    ada: Person, bob: Person, eve: Person, room: int
) -> None:
    word = a_word()
    await ada.posts(room, word)
    await eve.posts(await eve.opens(bob), f"{word} of eve")
    assert texts(await finds(ada, word)) == [word]
    assert texts(await finds(eve, word)) == [f"{word} of eve"]
    assert texts(await finds(bob, word)) == [f"{word} of eve", word]


async def test_who_is_in_no_room_finds_nothing(
    ada: Person, room: int, stranger: Callable[..., Person]
) -> None:
    word = a_word()
    await ada.posts(room, word)
    assert len(await finds(ada, word)) == 1
    assert await finds(stranger(), word) == []


async def test_edits_and_deletions_are_followed(ada: Person, room: int) -> None:
    before, after = a_word(), a_word()
    async with ada.enters(room) as a:
        message, gone = await a.says(before), await a.says(before)
        assert len(await finds(ada, before)) == 2
        await a.does("edit", message_id=message["message_id"], text=after)
        await a.does("delete", message_id=gone["message_id"])
        await a.receives("message_deleted")
    assert await finds(ada, before) == []
    assert texts(await finds(ada, after)) == [after]


async def test_a_room_that_is_gone_is_found_no_more(ada: Person, bob: Person, room: int) -> None:
    word = a_word()
    await ada.posts(room, word)
    assert len(await finds(bob, word)) == 1
    assert (await ada.delete(f"chat/delete/{room}")).status_code == 204
    assert await finds(bob, word) == []


async def test_pages_follow_each_other_without_a_gap(ada: Person, bob: Person, room: int) -> None:
    word = a_word()
    sent = [await ada.posts(room, f"{word} {n}") for n in range(60)]
    page = (await bob.get("chat/search/", q=word)).json()
    assert len(page["results"]) == 25
    assert page["next"].startswith("http")
    assert texts(await finds(bob, word)) == texts(sent[::-1])


async def test_any_script_is_found(ada: Person, room: int) -> None:
    mark = a_word()
    for text, question in (
        ("今天天氣很好", "天氣"),
        ("Привіт, їжаче!", "ПРИВІТ"),
        ("हिन्दी में लिखो", "हिन्दी"),
        ("the Café", "cafe"),
    ):
        await ada.posts(room, f"{text} {mark}")
        assert texts(await finds(ada, f"{question} {mark}")) == [f"{text} {mark}"]


@pytest.mark.parametrize("q", ["", " ", "👍", "…", "x" * 201, "a\x00b"])
async def test_a_question_needs_words(ada: Person, q: str) -> None:
    assert_error(await ada.get("chat/search/", q=q), 400, "invalid_frame")


async def test_a_question_is_needed_and_a_token(ada: Person, http: Any) -> None:
    assert_error(await ada.get("chat/search/"), 400, "invalid_frame")
    assert_error(await ada.get("chat/search/", q="x", before="y"), 400, "invalid_frame")
    answer = await http.get(ada.server.url + ada.path("chat/search/?q=x"))
    assert_error(answer, 401, "unauthenticated")


@pytest.mark.parametrize("q", ['"', "a OR b", "words : x", "a* -b", "' & '", "NEAR(a b)", "/1"])
async def test_signs_are_no_language(ada: Person, room: int, q: str) -> None:
    answer = await ada.get("chat/search/", q=f"{q} {a_word()}")
    assert answer.json() == {"results": [], "next": None}
