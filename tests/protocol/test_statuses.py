"""How far a message has come: by the recipients' doing only, never back, each mark once."""

from typing import Any

import pytest

from ..client import Person, Socket
from ..shapes import MARKS, RANK

DELIVERED, READ = MARKS


async def statuses(person: Person, room: int) -> list[str]:
    return [m["status"] for m in await person.reads_all(room)]


def marks(socket: Socket, kind: str) -> list[str]:
    return [f["message"]["text"] for f in socket.saw(kind)]


async def test_nobody_receives_by_asking_over_http(ada: Person, bob: Person, room: int) -> None:
    await ada.posts(room, "hello")
    assert await statuses(bob, room) == ["send"]
    await bob.get("chat/recieve/")
    await bob.posts(room, "an answer without a socket")
    assert await statuses(ada, room) == ["send", "send"]


async def test_an_open_room_reads_what_is_posted(ada: Person, bob: Person, room: int) -> None:
    async with bob.enters(room) as socket:
        await ada.posts(room, "hello")
        frames = await socket.until(READ)
        assert [f["type"] for f in frames] == ["chat_message", DELIVERED, READ]
    assert await statuses(ada, room) == ["read"]


async def test_a_left_room_reads_no_more(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a:
        async with bob.enters(room):
            await a.says("seen")
            await a.receives(READ)
        await a.says("not seen")
        await a.says("this neither")
        assert not a.saw(DELIVERED, message={"text": "not seen"})
    assert await statuses(ada, room) == ["read", "send", "send"]


async def test_another_room_reads_nothing_here(ada: Person, bob: Person, room: int) -> None:
    other = await ada.opens(bob)
    async with bob.enters(other) as elsewhere, ada.enters(room) as a:
        await a.says("over here")
        await a.says("hello?")
        await elsewhere.still_works()
        assert not a.saw(DELIVERED)
    assert await statuses(ada, room) == ["send", "send"]


async def test_own_tabs_never_count(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, ada.enters(room) as tab, ada.enters(room, after=0) as third:
        message = await a.says("alone")
        await tab.does("read", message_id=message["message_id"])
        await third.hears("alone")
        await tab.says("still alone")
        await a.says("and still")
        assert not [f for s in (a, tab, third) for k in MARKS for f in s.saw(k)]
    assert await statuses(bob, room) == ["send", "send", "send"]


async def test_a_second_socket_that_only_receives_takes_nothing_back(
    ada: Person, bob: Person, room: int
) -> None:
    async with ada.enters(room) as a, bob.enters(room):
        await a.says("read at once")
        await a.receives(READ)
        async with bob.enters(room, receipts="manual") as late:
            assert [m["status"] for m in late.first] == ["read"]
            await a.says("read by the first socket")
            await a.receives(READ)
            assert marks(a, DELIVERED) == ["read at once", "read by the first socket"]
            assert marks(a, READ) == ["read at once", "read by the first socket"]


async def test_each_mark_is_told_once_however_many_sockets_read(
    ada: Person, bob: Person, room: int
) -> None:
    async with ada.enters(room) as a, bob.enters(room), bob.enters(room), bob.enters(room):
        texts = [f"m{n}" for n in range(20)]
        for text in texts:
            await a.sends(text)
        await a.receives(READ, message={"text": texts[-1]})
        async with bob.enters(room):
            pass
        await a.says("last")
        await a.receives(READ, message={"text": "last"})
        for kind in MARKS:
            assert sorted(marks(a, kind)) == sorted([*texts, "last"])


async def test_delivered_comes_before_read(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a:
        for n in range(10):
            await a.says(f"m{n}")
        async with bob.enters(room) as b:
            assert {m["status"] for m in b.first} == {"read"}
            while len(a.saw(READ)) < 10:
                await a.next()
        for text in (f"m{n}" for n in range(10)):
            of_it = [f["type"] for f in a.seen[1:] if f["message"]["text"] == text]
            assert of_it == ["chat_message", DELIVERED, READ]


async def test_a_join_tells_the_marks_of_the_newest_50(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a:
        texts = [f"m{n}" for n in range(60)]
        for text in texts:
            await a.sends(text)
        await a.hears(texts[-1])
        async with bob.enters(room):
            while len(a.saw(READ)) < 50:
                await a.next()
            await a.says("done")
            await a.receives(READ, message={"text": "done"})
        for kind in MARKS:
            assert sorted(marks(a, kind)) == sorted([*texts[10:], "done"])
    assert set(await statuses(ada, room)) == {"read"}


# ---------------------------------------------------------------- manual


async def test_reading_is_a_watermark(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room, receipts="manual") as b:
        sent = [await a.says(f"m{n}") for n in range(4)]
        await a.receives(DELIVERED, message={"text": "m3"})
        assert await statuses(ada, room) == ["delivered"] * 4
        await b.does("read", message_id=sent[2]["message_id"])
        await a.receives(READ, message={"text": "m2"})
        await b.does("read", message_id=sent[0]["message_id"])
        await a.says("later")
        await a.receives(DELIVERED, message={"text": "later"})
        assert sorted(marks(a, READ)) == ["m0", "m1", "m2"]
        assert await statuses(ada, room) == ["read", "read", "read", "delivered", "delivered"]


@pytest.mark.parametrize("spell", [int, str])
async def test_an_id_above_the_newest_counts_as_the_newest(
    ada: Person, bob: Person, room: int, spell: Any
) -> None:
    async with ada.enters(room) as a, bob.enters(room, receipts="manual") as b:
        await a.says("one")
        await b.hears("one")
        await b.does("read", message_id=spell(2**53 - 1))
        await a.receives(READ, message={"text": "one"})
        await a.says("two")
        await a.receives(DELIVERED, message={"text": "two"})
        await a.says("three")
        await a.receives(DELIVERED, message={"text": "three"})
        assert marks(a, READ) == ["one"]
    assert await statuses(ada, room) == ["read", "delivered", "delivered"]


async def test_ones_own_messages_never_move_the_receipt(
    ada: Person, bob: Person, room: int
) -> None:
    async with ada.enters(room) as a, bob.enters(room, receipts="manual") as b:
        await a.says("unread")
        await b.says("an answer")
        await a.says("hm")
        await a.receives(DELIVERED, message={"text": "hm"})
    own = {m["text"]: m["status"] for m in await ada.reads_all(room)}
    assert own == {"unread": "delivered", "an answer": "read", "hm": "delivered"}


async def test_an_ordinary_socket_may_say_read_too(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        message = await a.says("hello")
        await a.receives(READ)
        await b.does("read", message_id=message["message_id"])
        await a.says("again")
        await a.receives(READ, message={"text": "again"})
        assert marks(a, READ) == ["hello", "again"]


# --------------------------------------------------------------- several


async def test_the_slowest_of_three_decides(
    ada: Person, bob: Person, trio: tuple[int, Person]
) -> None:
    room, carl = trio
    async with ada.enters(room) as a, bob.enters(room, receipts="compact") as b:
        await a.says("to both")
        await b.says("from bob")
        newest = (await a.says("again"))["message_id"]
        await b.receives("receipt", user_id=bob.id, read=newest)
        assert not [f for s in (a, b) for k in MARKS for f in s.saw(k)]
        async with carl.enters(room, receipts="manual") as c:
            assert [m["status"] for m in c.first] == ["delivered"] * 3
            while len(a.saw(DELIVERED)) < 3:
                await a.next()
            assert not a.saw(READ)
            await c.does("read", message_id=c.first[1]["message_id"])
            while len(a.saw(READ)) < 2:
                await a.next()
            assert sorted(marks(a, READ)) == ["from bob", "to both"]
            assert sorted(marks(a, DELIVERED)) == ["again", "from bob", "to both"]
    assert await statuses(ada, room) == ["read", "read", "delivered"]


async def test_marks_carry_the_message_as_it_is_now(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a:
        message = await a.says("old")
        await a.does("edit", message_id=message["message_id"], text="new")
        await a.receives("message_edited")
        async with bob.enters(room):
            assert (await a.next())["message"]["text"] == "new"
            assert (await a.next())["message"]["text"] == "new"
        assert [f["type"] for f in a.seen[-2:]] == [DELIVERED, READ]


async def test_a_deleted_message_gets_no_marks(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a:
        gone = await a.says("gone")
        await a.says("stays")
        await a.does("delete", message_id=gone["message_id"])
        await a.receives("message_deleted")
        async with bob.enters(room):
            await a.receives(READ, message={"text": "stays"})
            await a.still_works()
        assert marks(a, DELIVERED)[0] == marks(a, READ)[0] == "stays"


# --------------------------------------------------------------- compact


async def test_compact_is_one_frame_for_any_number(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room, receipts="compact") as a:
        for n in range(30):
            last = await a.says(f"m{n}")
        async with bob.enters(room):
            upto = last["message_id"]
            receipt = await a.receives("receipt")
            assert receipt == {
                "type": "receipt",
                "room_id": room,
                "user_id": 2,
                "delivered": upto,
                "read": upto,
            }
            await a.says("next")
            await a.receives("receipt")
        assert len(a.saw("receipt")) == 2
        assert not [f for k in MARKS for f in a.saw(k)]


async def test_a_receipt_is_told_where_a_slower_one_holds_the_status(
    ada: Person, bob: Person, trio: tuple[int, Person]
) -> None:
    room, _carl = trio
    async with ada.enters(room, receipts="compact") as a, ada.enters(room) as plain:
        message = await a.says("to both")
        async with bob.enters(room):
            receipt = await a.receives("receipt", user_id=2)
            assert receipt["read"] == message["message_id"]
            await plain.still_works()
            assert not [f for k in MARKS for f in plain.saw(k)]


async def test_no_receipt_passes_only_ones_own_messages(
    ada: Person, bob: Person, room: int
) -> None:
    async with ada.enters(room, receipts="compact") as a:
        await a.says("mine")
        async with bob.enters(room, receipts="compact") as b:
            await a.receives("receipt", user_id=2)
            await b.says("bob's")
            await a.hears("bob's")
            await b.receives("receipt", user_id=1)
            await b.does("read", message_id=2**53 - 1)
            await b.says("bob's again")
            await b.receives("receipt", user_id=1)
            await a.still_works()
        assert len(a.saw("receipt", user_id=2)) == 1


async def test_receipts_only_grow(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room, receipts="compact") as a:
        for round_ in range(5):
            async with bob.enters(room, receipts="manual") as b:
                message = await a.says(f"m{round_}")
                await b.hears(f"m{round_}")
                await b.does("read", message_id=message["message_id"])
                await a.receives("receipt", user_id=2, read=message["message_id"])
                await b.does("read", message_id=0)
        for field in ("delivered", "read"):
            values = [f[field] for f in a.saw("receipt", user_id=2)]
            assert values == sorted(values)
        assert all(f["delivered"] >= f["read"] for f in a.saw("receipt"))


async def test_a_sync_carries_the_receipts_as_they_stand(
    ada: Person, bob: Person, trio: tuple[int, Person]
) -> None:
    room, carl = trio
    async with ada.enters(room, receipts="compact") as a:
        one, two = await a.says("one"), await a.says("two")
        async with bob.enters(room, receipts="manual") as b:
            await b.does("read", message_id=one["message_id"])
            await a.receives("receipt", user_id=2, read=one["message_id"])
        async with ada.enters(room, after=0, receipts="compact") as late:
            receipts = {r["user_id"]: r for r in late.first["receipts"]}
            assert receipts[2] == {
                "user_id": 2,
                "delivered": two["message_id"],
                "read": one["message_id"],
            }
            assert receipts[carl.id]["delivered"] < one["message_id"]


async def test_an_edit_amid_a_join_takes_no_status_back(
    ada: Person, bob: Person, room: int
) -> None:
    async with ada.enters(room) as a:
        for n in range(40):
            message = await a.says(f"m{n}")
            await a.does("edit", message_id=message["message_id"], text=f"edited {n}")
            async with bob.enters(room) as b, ada.enters(room) as tab:
                last = await b.still_works()
                await a.hears(last["text"])
                await tab.hears(last["text"])
                for socket in (a, b, tab):
                    assert_never_back(socket)


def assert_never_back(socket: Socket) -> None:
    """Whatever frame speaks of a message, its status is at least what was seen before."""
    best: dict[int, int] = {}
    for frame in socket.seen:
        for message in frame if isinstance(frame, list) else [frame.get("message")]:
            if isinstance(message, dict):
                seen = best.get(message["message_id"], 0)
                assert RANK[message["status"]] >= seen, f"{message} took a status back"
                best[message["message_id"]] = RANK[message["status"]]
