"""A message is one message, however often it is sent; and a socket's frames keep their order."""

import asyncio
from typing import Any

import pytest

from ..client import Person
from .files import PNG, file
from .test_http import assert_error


async def test_a_repeated_send_is_heard_by_nobody_else(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        first = await a.says("once", client_id="n1")
        await a.receives("mark_message_as_read")
        again = await a.says("once", client_id="n1")
        assert again == first | {"status": "read"}
        await b.still_works()
        assert len(b.saw("chat_message", message={"text": "once"})) == 1
    assert [m["text"] for m in await ada.reads_all(room)][:-1] == ["once"]


async def test_it_is_the_same_message_much_later_and_from_another_socket(
    ada: Person, room: int
) -> None:
    async with ada.enters(room) as socket:
        first = await socket.says("once", client_id="n1")
        for n in range(60):
            await socket.sends(f"m{n}")
        await socket.hears("m59")
    async with ada.enters(room) as socket:
        again = await socket.says("once", client_id="n1")
        assert again["message_id"] == first["message_id"]
        assert again["version"] == first["version"]
    assert len(await ada.reads_all(room)) == 61


async def test_a_client_id_is_of_one_sender_and_one_room(
    ada: Person, bob: Person, room: int
) -> None:
    other = await ada.opens(bob)
    ids = set()
    for person, place in ((ada, room), (bob, room), (ada, other)):
        async with person.enters(place) as socket:
            ids.add((await socket.says("same id", client_id="n1"))["message_id"])
    assert len(ids) == 3


async def test_other_members_see_the_client_id_too(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        await a.sends("hi", client_id="n1")
        assert (await b.hears("hi"))["client_id"] == "n1"
        assert "client_id" not in await a.says("without")


@pytest.mark.parametrize("client_id", ["x" * 64, "👍" * 64, "a b/c\n\"'", "1", "Ї"])
async def test_a_client_id_is_any_string_of_64(ada: Person, room: int, client_id: str) -> None:
    async with ada.enters(room) as socket:
        first = await socket.says("hi", client_id=client_id)
        assert first["client_id"] == client_id
        assert await socket.says("hi", client_id=client_id) == first


async def test_a_longer_client_id_is_refused(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        error = await socket.is_refused("send", message="hi", client_id="x" * 65)
        assert error["code"] in ("invalid_frame", "too_long")
        await socket.still_works()
    assert len(await ada.reads_all(room)) == 1


async def test_client_ids_differ_in_case_and_in_their_form(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        for client_id in ("n", "N", "n ", "é", "e\u0301"):
            await socket.says("hi", client_id=client_id)
    assert len(await ada.reads_all(room)) == 5


async def test_two_sockets_with_one_client_id_at_once(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as one, ada.enters(room) as two, bob.enters(room) as b:
        for n in range(20):
            await asyncio.gather(*(s.sends(f"m{n}", client_id=f"n{n}") for s in (one, two)))
            ids = {(await s.hears(f"m{n}"))["message_id"] for s in (one, two)}
            assert len(ids) == 1
        await b.still_works()
        heard = [f["message"]["text"] for f in b.saw("chat_message")][:-1]
        assert heard == [f"m{n}" for n in range(20)]
    assert len(await ada.reads_all(room)) == 21


async def test_two_texts_under_one_client_id_at_once(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as one, ada.enters(room) as two:
        for n in range(10):
            await asyncio.gather(
                one.sends(f"a{n}", client_id=f"n{n}"), two.sends(f"b{n}", client_id=f"n{n}")
            )
        await one.says("done")
        await two.says("done too")
        await one.hears("done too")
        for socket in (one, two):  # of one commit, what is stored may be told before what is not
            await socket.still_works()
        conflicts = one.saw("error", code="conflict") + two.saw("error", code="conflict")
        assert len(conflicts) == 10
    texts = [m["text"] for m in await ada.reads_all(room)]
    assert len(texts) == 14


async def test_the_repetition_comes_after_all_up_to_its_version(
    ada: Person, bob: Person, room: int
) -> None:
    async with bob.enters(room) as b, ada.enters(room) as a:
        first = await a.says("mine", client_id="n1")
        for n in range(30):
            await b.sends(f"m{n}")
        await a.does("edit", message_id=first["message_id"], text="mine, edited")
        await a.sends("mine", client_id="n1")
        repeated = (await a.until("chat_message", message={"text": "mine, edited"}))[-1]
        versions = [f["version"] for f in a.seen if isinstance(f, dict) and "version" in f]
        assert versions[-1] == repeated["version"]
        assert versions[:-1] == list(range(1, len(versions)))
        assert repeated["version"] in versions[:-1]


async def test_a_refused_send_uses_nothing_up(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        error = await socket.is_refused("send", message="x" * 4001, client_id="n1")
        assert (error["code"], error["client_id"]) == ("too_long", "n1")
        assert (await socket.says("shorter", client_id="n1"))["version"] == 1


# ----------------------------------------------------------------- order


async def test_frames_take_effect_in_the_order_sent(ada: Person, bob: Person, room: int) -> None:
    texts = [f"m{n}" for n in range(150)]
    async with ada.enters(room) as a, bob.enters(room) as b:
        for text in texts:
            await a.sends(text)
        for socket in (a, b):
            await socket.hears(texts[-1])
            assert [f["message"]["text"] for f in socket.saw("chat_message")] == texts
            versions = [f["version"] for f in socket.saw("chat_message")]
            assert versions == list(range(1, 151))
    assert [m["text"] for m in await ada.reads_all(room)] == texts


async def test_history_sees_what_the_socket_sent_before(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        for n in range(20):
            await socket.sends(f"m{n}")
            await socket.does("history", limit=1)
            page = await socket.receives("history")
            assert [m["text"] for m in page["messages"]] == [f"m{n}"]


async def test_a_message_can_be_changed_without_waiting(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        first = (await socket.says("first"))["message_id"]
        await socket.does("edit", message_id=first, text="a")
        await socket.does("edit", message_id=first, text="b")
        await socket.does("delete", message_id=first)
        await socket.does("edit", message_id=first, text="c")
        kinds = [(await socket.next())["type"] for _ in range(4)]
        assert kinds == ["message_edited", "message_edited", "message_deleted", "error"]


async def test_a_file_holds_back_what_follows_it(ada: Person, bob: Person, room: int) -> None:
    big = PNG + b"\0" * 5_000_000
    async with ada.enters(room) as a, bob.enters(room) as b:
        await a.sends("file", file=file("big.png", "image/png", big))
        await a.sends("text")
        for _ in range(10):
            await b.sends("meanwhile")
        await b.hears("text")
        texts = [f["message"]["text"] for f in b.saw("chat_message")]
        assert [t for t in texts if t != "meanwhile"] == ["file", "text"]


async def test_two_senders_are_seen_in_one_order(ada: Person, bob: Person, room: int) -> None:
    async with (
        ada.enters(room) as a,
        bob.enters(room) as b,
        ada.enters(room, after=0) as watching,
    ):
        for n in range(60):
            await a.sends(f"a{n}")
            await b.sends(f"b{n}")
        orders = []
        for socket in (a, b, watching):
            while len(socket.saw("chat_message")) < 120:
                await socket.next()
            orders.append([f["message"]["text"] for f in socket.saw("chat_message")])
        assert orders[0] == orders[1] == orders[2]
    assert [m["text"] for m in await ada.reads_all(room)] == orders[0]


# ------------------------------------------------------------------ HTTP


async def test_a_repeated_post_answers_with_the_same_message(
    ada: Person, bob: Person, room: int
) -> None:
    path, body = f"chat/rooms/{room}/messages/", {"message": "once", "client_id": "n1"}
    async with bob.enters(room) as b:
        made = await ada.post(path, body)
        assert made.status_code == 201
        again = await ada.post(path, body)
        assert again.status_code == 200
        assert again.json()["message_id"] == made.json()["message_id"]
        await b.still_works()
        assert len(b.saw("chat_message", message={"text": "once"})) == 1


async def test_the_idempotency_key_is_a_client_id(ada: Person, room: int) -> None:
    path, headers = f"chat/rooms/{room}/messages/", {"Idempotency-Key": "k1"}
    made = await ada.post(path, {"message": "once"}, headers=headers)
    again = await ada.post(path, {"message": "once"}, headers=headers)
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json()["message_id"] == again.json()["message_id"]
    other = await ada.post(path, {"message": "twice"}, headers=headers)
    assert_error(other, 409, "conflict")
    async with ada.enters(room) as socket:
        assert (await socket.says("once", client_id="k1"))["message_id"] == made.json()[
            "message_id"
        ]


async def test_posting_at_once_stores_once(ada: Person, room: int) -> None:
    path, body = f"chat/rooms/{room}/messages/", {"message": "once", "client_id": "n1"}
    answers = await asyncio.gather(*(ada.post(path, body) for _ in range(10)))
    assert sorted(a.status_code for a in answers) == [200] * 9 + [201]
    assert len(await ada.reads_all(room)) == 1


async def test_a_deleted_message_is_not_sent_anew(ada: Person, room: int) -> None:
    path, body = f"chat/rooms/{room}/messages/", {"message": "once", "client_id": "n1"}
    message: dict[str, Any] = (await ada.post(path, body)).json()
    async with ada.enters(room) as socket:
        await socket.does("delete", message_id=message["message_id"])
        await socket.receives("message_deleted")
    assert_error(await ada.post(path, body), 404, "not_found")
    assert await ada.reads_all(room) == []
