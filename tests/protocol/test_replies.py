"""Replies: a message that answers another one of the room shows what it answers."""

from typing import Any

import pytest

from ..client import Person
from .files import PNG, file
from .test_http import assert_error


def quote(message: dict[str, Any], text: str | None) -> dict[str, Any]:
    return {
        "message_id": message["message_id"],
        "sender_id": message["sender_id"],
        "text": text,
    }


async def test_a_reply_quotes_what_it_answers(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        one = await a.says("one")
        await b.hears("one")
        for spelled in (one["message_id"], str(one["message_id"])):
            reply = await b.says("two", reply_to=spelled)
            assert reply["reply_to"] == quote(one, "one")
        await a.until("mark_message_as_read", message={"message_id": reply["message_id"]})
        frames = [f for f in a.seen[1:] if f["message"]["message_id"] == reply["message_id"]]
        assert len(frames) == 3
        assert all(f["message"]["reply_to"] == quote(one, "one") for f in frames)
        await a.does("history", limit=1)
        assert (await a.receives("history"))["messages"] == [frames[-1]["message"]]
        async with bob.enters(room) as fresh, bob.enters(room, after=2) as back:
            assert fresh.first[-1] == back.first["messages"][-1] == frames[-1]["message"]
            assert "reply_to" not in fresh.first[0]


async def test_a_quote_is_cut(ada: Person, room: int) -> None:
    async with ada.enters(room) as a:
        one = await a.says("👍" * 141)
        reply = await a.says("two", reply_to=one["message_id"])
        assert reply["reply_to"]["text"] == "👍" * 140
    assert (await ada.reads_all(room))[-1]["reply_to"]["text"] == "👍" * 140


async def test_a_quote_says_what_the_message_says_by_now(
    ada: Person, bob: Person, room: int
) -> None:
    async with ada.enters(room) as a:
        one = await a.says("one")
        await a.says("two", reply_to=one["message_id"])
        await a.does("edit", message_id=one["message_id"], text="one!")
        await a.receives("message_edited")
        assert (await bob.reads_all(room))[1]["reply_to"] == quote(one, "one!")
        await a.does("delete", message_id=one["message_id"])
        await a.receives("message_deleted")
        async with bob.enters(room) as b, bob.enters(room, after=0) as synced:
            assert [m["reply_to"] for m in b.first] == [quote(one, None)]
            assert synced.first["messages"] == b.first
            assert synced.first["version"] == 4
        assert [m["reply_to"] for m in await bob.reads_all(room)] == [quote(one, None)]


async def test_what_is_not_in_the_room_cannot_be_answered(
    ada: Person, bob: Person, room: int
) -> None:
    elsewhere = await ada.posts(await ada.opens(bob), "elsewhere")
    async with ada.enters(room) as a:
        gone = await a.says("gone")
        await a.does("delete", message_id=gone["message_id"])
        await a.receives("message_deleted")
        for id_ in (elsewhere["message_id"], gone["message_id"], 0, 2**53 - 1):
            error = await a.is_refused("send", message="x", reply_to=id_, client_id="c")
            assert (error["code"], error["message_id"]) == ("not_found", id_)
        for wrong in (-1, 1.5, "x", "01", True, []):
            error = await a.is_refused("send", message="x", reply_to=wrong)
            assert error["code"] == "invalid_frame"
            assert "reply_to" in error["message"]
        answer = await ada.post(
            f"chat/rooms/{room}/messages/", {"message": "x", "reply_to": elsewhere["message_id"]}
        )
        assert_error(answer, 404, "not_found")
        assert (await a.says("x", client_id="c"))["version"] == 3


async def test_a_refused_reply_holds_up_nobody(unlimited: tuple[Person, Person]) -> None:
    ada, bob = unlimited
    room = await ada.opens(bob)
    async with ada.enters(room) as a:
        one = await a.says("one")
        for n in range(60):
            reply_to = [None, one["message_id"], 0][n % 3]
            await a.sends(f"m{n}", reply_to=reply_to)
            if n % 4 == 0:
                await a.does("react", message_id=one["message_id"], emoji=chr(0x1F600 + n))
        await a.hears("m58")
        versions = [f["version"] for f in a.seen[1:] if "version" in f]
        assert versions == list(range(1, 57))
    stored = [m["text"] for m in await bob.reads_all(room)]
    assert stored == ["one", *(f"m{n}" for n in range(60) if n % 3 < 2)]


async def test_sending_a_reply_again_is_safe(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room):
        one = await a.says("one")
        sent = await a.says("two", reply_to=one["message_id"], client_id="c1")
        await a.receives("mark_message_as_read", message={"message_id": sent["message_id"]})
        await a.does("delete", message_id=one["message_id"])
        await a.receives("message_deleted")
        again = await a.says("two", reply_to=one["message_id"], client_id="c1")
        assert again == sent | {"status": "read", "reply_to": quote(one, None)}


async def test_files_and_http_answer_too(ada: Person, bob: Person, room: int) -> None:
    one = await ada.posts(room, "one")
    by_http = await bob.posts(room, "two", reply_to=one["message_id"])
    assert by_http["reply_to"] == quote(one, "one")
    async with bob.enters(room) as b:
        picture = file("a.png", "image/png", PNG)
        sent = await b.says("three", file=picture, reply_to=by_http["message_id"])
        assert sent["reply_to"] == quote(by_http, "two")
        assert len(sent["attachments"]) == 1
        empty = await b.says("", file=picture)
        reply = await b.says("four", reply_to=empty["message_id"])
        assert reply["reply_to"] == quote(empty, "")
        error = await b.is_refused("send", message="x", file=picture, reply_to=0)
        assert (error["code"], error["message_id"]) == ("not_found", 0)


@pytest.mark.parametrize("receipts", ["", "compact"])
async def test_a_room_without_replies_says_nothing_of_them(
    ada: Person, room: int, receipts: str
) -> None:
    async with ada.enters(room, **({"receipts": receipts} if receipts else {})) as a:
        message = await a.says("one", reply_to=None)
        assert {"reply_to", "reactions"}.isdisjoint(message)


async def test_marks_of_an_answer_show_what_its_quote_says_by_now(
    ada: Person, bob: Person, room: int
) -> None:
    async with ada.enters(room) as a:
        one, two = await a.says("secret"), await a.says("wrong")
        answers = [await a.says("hm", reply_to=m["message_id"]) for m in (one, two)]
        await a.does("edit", message_id=two["message_id"], text="right")
        await a.receives("message_edited")
        await a.does("delete", message_id=one["message_id"])
        await a.receives("message_deleted")
        async with bob.enters(room):
            read = [
                await a.receives(
                    "mark_message_as_read", message={"message_id": answer["message_id"]}
                )
                for answer in answers
            ]
    shown = [frame["message"]["reply_to"]["text"] for frame in read]
    assert shown == [None, "right"]
