"""Versions without gaps, and what a client that comes back with its cursor is told."""

from typing import Any

import pytest

from ..client import Person, Socket
from .files import PNG, file


def cursor(socket: Socket) -> int:
    """The highest top-level version seen; of the first array, the highest of its messages."""
    first = socket.first
    seen = [m["version"] for m in first] if isinstance(first, list) else [first["version"]]
    seen += [f["version"] for f in socket.seen if isinstance(f, dict) and "version" in f]
    return max(seen, default=0)


async def test_every_change_takes_the_next_version(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room, after=0) as b:
        assert b.first["version"] == 0
        one = await a.says("one")
        two = await b.says("two")
        await a.does("edit", message_id=one["message_id"], text="one!")
        await b.does("edit", message_id=two["message_id"], text="two!")
        await b.receives("message_edited", message_id=two["message_id"])
        await b.does("delete", message_id=two["message_id"])
        await b.receives("message_deleted")
        last = await b.says("a picture", file=file("a.png", "image/png", PNG))
        await a.hears("a picture")
        for socket in (a, b):
            versions = [f["version"] for f in socket.seen[1:] if "version" in f]
            assert versions == list(range(1, 7))
        assert last["version"] == 6


async def test_refusals_receipts_and_repetitions_take_none(
    ada: Person, bob: Person, room: int
) -> None:
    async with ada.enters(room) as a:
        one = await a.says("one", client_id="n1")
        async with bob.enters(room) as b:
            await a.receives("mark_message_as_read")
            await a.says("one", client_id="n1")
            await a.is_refused("send", message="other", client_id="n1")
            await a.is_refused("send", message="")
            await b.is_refused("edit", message_id=one["message_id"], text="x")
            await b.does("read", message_id=one["message_id"])
        assert (await a.says("two"))["version"] == 2


async def test_marks_and_pages_carry_no_cursor(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room):
        await a.says("one")
        marks = [await a.next(), await a.next()]
        await a.does("history")
        page = await a.receives("history")
        for frame in (*marks, page):
            assert "version" not in frame


async def test_a_message_holds_the_version_of_its_last_change(ada: Person, room: int) -> None:
    async with ada.enters(room) as a:
        one = await a.says("one")
        await a.says("two")
        await a.does("edit", message_id=one["message_id"], text="one!")
        edited = await a.receives("message_edited")
        assert edited["message"]["version"] == edited["version"] == 3
        assert edited["message"]["updated_at"] > one["updated_at"]
        assert edited["message"]["created_at"] == one["created_at"]
    assert [m["version"] for m in await ada.reads_all(room)] == [3, 2]


async def test_coming_back_brings_all_that_changed(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a:
        async with bob.enters(room) as b:
            old = [await a.says(f"old {n}") for n in range(6)]
            await b.hears("old 5")
            seen_upto = cursor(b)
        assert seen_upto == 6
        await a.does("edit", message_id=old[0]["message_id"], text="edited")
        await a.does("delete", message_id=old[1]["message_id"])
        await a.sends("new")
        brief = await a.says("came and went")
        await a.does("delete", message_id=brief["message_id"])
        await a.does("edit", message_id=old[2]["message_id"], text="edited, then deleted")
        await a.does("delete", message_id=old[2]["message_id"])
        await a.receives("message_deleted", message_id=old[2]["message_id"])
        async with bob.enters(room, after=seen_upto) as b:
            sync = b.first
    assert (sync["version"], sync["reset"]) == (13, False)
    assert [m["text"] for m in sync["messages"]] == ["edited", "new"]
    gone = {old[1]["message_id"], old[2]["message_id"]}
    assert gone <= set(sync["deleted"]) <= gone | {brief["message_id"]}


async def test_a_sync_and_what_follows_leave_no_gap(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a:
        for n in range(100):
            await a.sends(f"m{n}")
        await a.hears("m50")
        async with bob.enters(room, after=0) as b:
            last = await a.says("the end")
            await b.hears("the end")
            texts = [m["text"] for m in b.first["messages"]]
            texts += [f["message"]["text"] for f in b.saw("chat_message")]
            assert texts == [*(f"m{n}" for n in range(100)), "the end"]
            assert [f["version"] for f in b.saw("chat_message")] == list(
                range(b.first["version"] + 1, last["version"] + 1)
            )


async def test_the_first_array_is_a_cursor_too(ada: Person, room: int) -> None:
    async with ada.enters(room) as a:
        one = await a.says("one")
        await a.says("two")
        await a.does("edit", message_id=one["message_id"], text="one!")
        await a.receives("message_edited")
        async with ada.enters(room) as late:
            assert cursor(late) == 3
        await a.says("three")
        async with ada.enters(room, after=3) as back:
            assert [m["text"] for m in back.first["messages"]] == ["three"]


async def test_the_epoch_stays_and_is_checked_only_where_given(ada: Person, room: int) -> None:
    await ada.posts(room, "one")
    async with ada.enters(room, after=0) as socket:
        epoch = socket.first["epoch"]
        assert isinstance(epoch, str)
        assert epoch
    for query, reset in (
        ({"after": 1}, False),
        ({"after": 1, "epoch": epoch}, False),
        ({"after": 1, "epoch": epoch + "x"}, True),
        ({"after": 0, "epoch": "another"}, True),
        ({"after": 2}, True),
        ({"after": 2**53 - 1, "epoch": epoch}, True),
    ):
        async with ada.enters(room, **query) as socket:
            assert socket.first["reset"] is reset, query
            assert socket.first["epoch"] == epoch
            assert len(socket.first["messages"]) == int(reset)


async def test_the_epoch_is_of_the_database_not_of_the_room(
    ada: Person, bob: Person, room: int
) -> None:
    other = await ada.opens(bob)
    async with ada.enters(room, after=0) as one, bob.enters(other, after=0) as two:
        assert one.first["epoch"] == two.first["epoch"]


# ---------------------------------------------------------------- limits


@pytest.fixture
def small(serve: Any, cast: Any) -> tuple[Person, Person]:
    """Ada and bob on a server that syncs at most five messages, of at most 64 KiB together."""
    server = serve(limits_max_resume_changes=5, limits_max_resume_size="64KiB")
    people: tuple[Person, Person, Person] = cast(server)
    return people[:2]


async def test_up_to_the_limit_nothing_is_dropped(small: tuple[Person, Person]) -> None:
    ada, bob = small
    room = await ada.opens(bob)
    sent = [await ada.posts(room, f"m{n}") for n in range(5)]
    async with ada.enters(room, after=0) as socket:
        assert socket.first["reset"] is False
        assert [m["text"] for m in socket.first["messages"]] == [f"m{n}" for n in range(5)]
        for _ in range(10):
            await socket.does("edit", message_id=sent[0]["message_id"], text="again and again")
        await socket.does("delete", message_id=sent[1]["message_id"])
        await socket.receives("message_deleted")
    async with ada.enters(room, after=0) as socket:
        assert socket.first["reset"] is False
        assert len(socket.first["messages"]) + len(socket.first["deleted"]) == 5


async def test_a_sync_is_limited_by_bytes_too(small: tuple[Person, Person]) -> None:
    ada, bob = small
    room = await ada.opens(bob)
    for n in range(5):
        await ada.posts(room, "\N{BLUE HEART}" * 4_000)
        async with ada.enters(room, after=0) as socket:
            assert socket.first["reset"] is (n == 4)
            assert len(socket.first["messages"]) == n + 1
    async with ada.enters(room, after=1) as socket:
        assert socket.first["reset"] is False
        assert len(socket.first["messages"]) == 4


async def test_over_the_limit_the_client_starts_anew(small: tuple[Person, Person]) -> None:
    ada, bob = small
    room = await ada.opens(bob)
    for n in range(60):
        last = await ada.posts(room, f"m{n}")
    async with ada.enters(room, after=54) as socket:
        assert socket.first["reset"] is True
        assert [m["text"] for m in socket.first["messages"]] == [f"m{n}" for n in range(10, 60)]
        assert socket.first["version"] == 60
        await socket.does("delete", message_id=last["message_id"])
        await socket.receives("message_deleted")
    async with ada.enters(room, after=0) as socket:
        assert (socket.first["reset"], socket.first["deleted"]) == (True, [])
        assert [m["text"] for m in socket.first["messages"]] == [f"m{n}" for n in range(9, 59)]
    async with ada.enters(room, after=55) as socket:
        assert socket.first["reset"] is False
        assert len(socket.first["messages"]) == 4
        assert socket.first["deleted"] == [last["message_id"]]
