"""By HTTP and by a socket the same is done, others see the same, and the same is refused."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ..client import Person, Socket
from ..examples import examples
from .files import PNG, TEXT, file

Fields = dict[str, Any]

PICTURE = file("dot.png", "image/png", PNG)
REPEATED = [{"message": "once", "client_id": "n1"}] * 2
CASES: dict[str, list[Fields]] = {
    "text": [{"message": " Hello\n"}],
    "text with an unknown field": [{"message": "Hello", "colour": "red", "action": "send"}],
    "a picture": [{"message": "look", "file": PICTURE}],
    "pictures without a text": [{"files": [PICTURE, PICTURE]}],
    "no file": [{"message": "Hello", "file": None, "files": None}],
    "sent again": REPEATED,
    "a picture sent again": [{"message": "look", "file": PICTURE, "client_id": "n1"}] * 2,
    "another text under the same name": [*REPEATED, {"message": "twice", "client_id": "n1"}],
    "an answer": [{"message": "one"}, {"message": "two", "reply_to": 0}],
    "an answer to nothing": [{"message": "two", "reply_to": 2**53 - 1}],
    "an answer to no id": [{"message": "two", "reply_to": "x"}],
    "nothing": [{}],
    "spaces": [{"message": " \n"}],
    "too long": [{"message": "x" * 4001}],
    "as long as may be": [{"message": "x" * 4000}],
    "NUL": [{"message": "a\0b"}],
    "no text": [{"message": 5}],
    "null": [{"message": None}],
    "a long name": [{"message": "Hello", "client_id": "x" * 65}],
    "a name that is none": [{"message": "Hello", "client_id": 7}],
    "bad base64": [{"file": PICTURE | {"data": "%%%"}}],
    "another size": [{"file": PICTURE | {"size": 3}}],
    "another type": [{"file": PICTURE | {"type": "application/pdf"}}],
    "a type that nobody takes": [{"file": PICTURE | {"type": "video/mp4"}}],
    "a file without a name": [{"file": {"size": 1, "type": "image/png", "data": "AA=="}}],
    "an upload that is none": [{"files": [{"file_path": "uploads/nothing"}]}],
    "one upload twice": [{"files": [{"file_path": "uploads/x"}] * 2}],
    "too many files": [{"files": [PICTURE] * 11}],
}


def plain(message: Fields, first: int) -> Fields:
    """What two messages in two rooms have in common; ids count from the room's first message."""
    url = re.compile(r"^https?://[^?]+/|\?.*$")
    ids = {"message_id": message["message_id"] - first}
    if quote := message.get("reply_to"):
        ids["reply_to"] = quote["message_id"] - first
    files = [a | {"file_url": url.sub("", a["file_url"])} for a in message["attachments"]]
    own = {"room_id", "created_at", "updated_at", "status"}
    rest = {k: v for k, v in message.items() if k not in own}
    return (
        rest
        | ids
        | {"attachments": files, "is_new": message["updated_at"] == message["created_at"]}
    )


class Way:
    """A room of its own, into which ada speaks in one way while bob listens."""

    def __init__(self, room: int, ada: Person, mine: Socket, his: Socket, first: int) -> None:
        self.room, self.ada, self.mine, self.his, self.first = room, ada, mine, his, first

    def fields(self, given: Fields) -> Fields:
        """An answer to message 0 is one to the first message that this room has."""
        answered = {"reply_to": self.first} if given.get("reply_to") == 0 else {}
        return given | answered

    async def by_socket(self, given: Fields) -> Any:
        fields = self.fields(given)
        fields.pop("action", None)
        await self.mine.does("send", **fields)
        while True:
            frame = await self.mine.next()
            if frame["type"] == "chat_message":
                return plain(frame["message"], self.first)
            if frame["type"] == "error":
                return frame["code"], frame["message"]

    async def by_http(self, given: Fields) -> Any:
        path = f"chat/rooms/{self.room}/messages/"
        answer = await self.ada.post(path, self.fields(given))
        body = answer.json()
        if answer.status_code < 400:
            return plain(body, self.first)
        return body["code"], body["detail"]

    async def heard(self) -> list[Any]:
        """What bob was told, up to a message of his own."""
        await self.his.still_works()
        told = [f for f in self.his.seen[1:] if f["type"] == "chat_message"][:-1]
        return [(f["version"], plain(f["message"], self.first)) for f in told]


async def both_ways(ada: Person, bob: Person, sent: list[Fields]) -> None:
    said, heard = [], []
    for is_http in (False, True):
        room = await ada.opens(bob)
        first = (await ada.posts(room, "the first"))["message_id"]
        async with (
            ada.enters(room, receipts="manual,compact") as mine,
            bob.enters(room, receipts="manual,compact") as his,
        ):
            way = Way(room, ada, mine, his, first)
            speak = way.by_http if is_http else way.by_socket
            said.append([await speak(fields) for fields in sent])
            heard.append(await way.heard())
    assert said[0] == said[1]
    assert heard[0] == heard[1]


@pytest.mark.parametrize("case", CASES)
async def test_each_send_is_the_same_by_both_ways(ada: Person, bob: Person, case: str) -> None:
    await both_ways(ada, bob, CASES[case])


@examples(12)
@given(
    st.lists(st.sampled_from([fields for case in CASES.values() for fields in case]), max_size=8)
)
async def test_sends_one_after_the_other_are_the_same_by_both_ways(
    unlimited: tuple[Person, Person], sent: list[Fields]
) -> None:
    await both_ways(*unlimited, sent)


# ---------------------------------------------------------------- reading


async def test_reading_by_http_moves_and_tells_what_reading_by_a_socket_does(
    ada: Person, bob: Person
) -> None:
    for is_http in (False, True):
        room = await ada.opens(bob)
        one, two = [(await ada.posts(room, text))["message_id"] for text in ("one", "two")]
        own = (await bob.posts(room, "his own"))["message_id"]
        steps = [(0, 0, 0), (one, one, one), (0, 0, one), (own, two, two), (2**53 - 1, 0, two)]
        async with (
            ada.enters(room, receipts="manual,compact") as a,
            bob.enters(room, receipts="manual") as b,
        ):
            for upto, told, now in steps:
                if is_http:
                    answer = await bob.post(f"chat/rooms/{room}/read/", {"message_id": upto})
                    expected = {"user_id": 2, "delivered": two, "read": now}
                    assert (answer.status_code, answer.json()) == (200, expected)
                else:
                    await b.does("read", message_id=upto)
                if told:
                    await a.receives("receipt", user_id=2, read=told)
            await b.still_works()
            await a.receives("chat_message")
            assert [f["read"] for f in a.saw("receipt", user_id=2) if f["read"]] == [one, two]


async def test_what_was_read_by_http_is_counted_at_once(ada: Person, bob: Person) -> None:
    room = await ada.opens(bob)
    ids = [(await ada.posts(room, f"m{n}"))["message_id"] for n in range(3)]
    for n, message_id in enumerate(ids):
        answer = await bob.post(f"chat/rooms/{room}/read/", {"message_id": str(message_id)})
        assert answer.json() == {"user_id": 2, "delivered": message_id, "read": message_id}
        assert (await bob.get(f"chat/rooms/{room}/")).json()["unread"] == 2 - n
    assert [m["status"] for m in await ada.reads_all(room)] == ["read"] * 3


@pytest.mark.parametrize("message_id", [None, "x", -1, 2**53, 1.5, True, []])
async def test_a_wrong_id_is_refused_by_both_ways(ada: Person, room: int, message_id: Any) -> None:
    answer = await ada.post(f"chat/rooms/{room}/read/", {"message_id": message_id})
    async with ada.enters(room) as a:
        error = await a.is_refused("read", message_id=message_id)
    assert answer.status_code == 400
    assert answer.json() == {"code": error["code"], "detail": error["message"]}


async def test_nobody_reads_in_a_strangers_room(eve: Person, room: int) -> None:
    answer = await eve.post(f"chat/rooms/{room}/read/", {"message_id": 1})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


# ---------------------------------------------------------------- uploads and pages


WISHES: dict[str, Fields] = {
    "good": {"name": "фото.txt", "size": len(TEXT), "type": "text/plain"},
    "a type that nobody takes": {"name": "a.mp4", "size": 1, "type": "video/mp4"},
    "too large": {"name": "a.txt", "size": 10 * 2**20 + 1, "type": "text/plain"},
    "no name": {"name": "", "size": 1, "type": "text/plain"},
    "no type": {"name": "a.txt", "size": 1},
    "a negative size": {"name": "a.txt", "size": -1, "type": "text/plain"},
    "no size": {"name": "a.txt", "type": "text/plain"},
    "a size that is none": {"name": "a.txt", "size": "1", "type": "text/plain"},
}


@pytest.mark.parametrize("case", WISHES)
async def test_an_upload_is_offered_or_refused_by_both_ways(
    ada: Person, room: int, case: str
) -> None:
    wish = WISHES[case]
    answer = await ada.post("chat/attachments/", {"room_id": room, **wish})
    async with ada.enters(room) as a:
        await a.sends(file=wish)
        frame = await a.next()
    body = answer.json()
    if frame["type"] == "error":
        assert (answer.is_error, body["code"]) == (True, frame["code"])
    else:
        assert (answer.status_code, set(body)) == (200, set(frame))
        own = {"presigned_url", "file_path"}
        assert all(body[k] == v for k, v in frame.items() if k not in own)


async def test_an_upload_that_was_offered_by_http_is_sent(ada: Person, room: int) -> None:
    offer = (await ada.post("chat/attachments/", {"room_id": str(room), **WISHES["good"]})).json()
    put = await ada.http.put(offer["presigned_url"], content=TEXT, headers=offer["headers"])
    assert put.status_code == 200
    sent = await ada.posts(room, "look", files=[{"file_path": offer["file_path"]}])
    [attachment] = sent["attachments"]
    assert (attachment["file_name"], attachment["size"]) == ("фото.txt", len(TEXT))
    assert (await ada.http.get(attachment["file_url"])).content == TEXT


async def test_uploads_are_offered_to_members_alone(ada: Person, eve: Person, room: int) -> None:
    for person, where, status in ((eve, room, 404), (ada, 2**53 - 1, 404), (ada, "x", 400)):
        answer = await person.post("chat/attachments/", {"room_id": where, **WISHES["good"]})
        assert answer.status_code == status


@pytest.mark.parametrize(
    "query",
    [{}, {"limit": 2}, {"before": 3}, {"before": 3, "limit": 1}, {"before": 0}, {"limit": 0}],
)
async def test_a_page_is_the_same_by_both_ways(ada: Person, room: int, query: Fields) -> None:
    ids = [(await ada.posts(room, f"m{n}"))["message_id"] for n in range(5)]
    asked = query | ({"before": ids[query["before"]]} if query.get("before") else {})
    answer = (await ada.get(f"chat/rooms/{room}/messages/", **asked)).json()
    async with ada.enters(room) as a:
        await a.does("history", **asked)
        frame = await a.next()
    if frame["type"] == "error":
        assert answer == {"code": frame["code"], "detail": frame["message"]}
    else:
        assert answer == {"messages": frame["messages"], "has_more": frame["has_more"]}
