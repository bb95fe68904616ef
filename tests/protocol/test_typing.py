"""Who is writing: told to the others alone, seldom, and kept nowhere."""

import asyncio
import time

from ..client import Person, Socket

BETWEEN = 1.7  # seconds: two of them, less what one may take longer on its way


async def types_until_heard(writer: Socket, other: Socket) -> float:
    """With every key, until the next word of it comes through; when that was."""
    while True:
        await writer.does("typing")
        await writer.does("ping")
        await writer.receives("pong")
        await other.does("ping")
        if any(frame["type"] == "typing" for frame in await other.until("pong")):
            return time.monotonic()
        await asyncio.sleep(0.1)  # as fast as a person


async def test_the_others_hear_it_on_all_of_their_sockets(
    ada: Person, bob: Person, room: int
) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b, bob.enters(room, after=0) as tab:
        await a.does("typing")
        for socket in (b, tab):
            frame = await socket.receives("typing")
            assert frame == {"type": "typing", "user_id": ada.id, "room_id": room}


async def test_nobody_hears_that_he_writes_himself(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, ada.enters(room) as tab, bob.enters(room) as b:
        await a.does("typing")
        await b.receives("typing")
        await b.says("I see")
        for socket in (a, tab):
            await socket.hears("I see")
            assert not socket.saw("typing")


async def test_another_room_does_not_hear_it(ada: Person, bob: Person, room: int) -> None:
    other = await ada.opens(bob)
    async with ada.enters(room) as a, bob.enters(room) as b, bob.enters(other) as elsewhere:
        await a.does("typing")
        await b.receives("typing")
        await elsewhere.still_works()
        assert not elsewhere.saw("typing")


async def test_at_most_one_comes_in_two_seconds(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        began = await types_until_heard(a, b)
        for _ in range(30):
            await a.does("typing")
        await a.says("written")
        await b.hears("written")
        assert len(b.saw("typing")) == 1
        assert await types_until_heard(a, b) - began > BETWEEN


async def test_two_tabs_are_one_person_who_writes(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, ada.enters(room) as tab, bob.enters(room) as b:
        await a.does("typing")
        await b.receives("typing")
        await tab.does("typing")
        await tab.says("from the other tab")
        await b.hears("from the other tab")
        assert len(b.saw("typing")) == 1


async def test_it_comes_after_what_was_sent_before(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        for n in range(20):
            await a.sends(f"m{n}")
        await a.does("typing")
        before = await b.until("typing")
        assert sum(frame["type"] == "chat_message" for frame in before) == 20


async def test_it_is_kept_nowhere(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        await a.does("typing")
        await b.receives("typing")
    async with bob.enters(room, after=0) as later:
        assert later.first["version"] == 0
        await later.still_works()
        assert not later.saw("typing")
    assert len(await bob.reads_all(room)) == 1
