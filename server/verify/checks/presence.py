"""Presence and typing: the other members, as it changes, and nobody twice."""

import asyncio
import time

from ..account import BrokenPromise
from ..probe import Frame, ProbeSocket
from ..stage import Stage, check

KEYS = 4  # that are pressed at once
TYPING_INTERVAL = 2.0  # seconds between two frames for the others


async def expect_presence(stage: Stage, socket: ProbeSocket, *, online: bool) -> Frame:
    """The next presence frame that says so of bob."""
    user, patience = stage.bob.user_id, stage.deployment.patience
    deadline = time.monotonic() + patience
    while True:
        for frame in socket.presences:
            if (frame["user_id"], frame["online"]) == (user, online):
                del socket.presences[: socket.presences.index(frame) + 1]
                return frame
        if time.monotonic() > deadline:
            raise BrokenPromise(f"no presence with online={online}", socket.story())
        await socket.receive(patience)


@check("presence", alone=True)
async def check_presence_follows_sockets(stage: Stage) -> None:
    """Online with the first socket, offline a while after the last; two tabs are one presence."""
    room = await stage.open_room()
    bob = stage.bob.user_id
    async with stage.enter(stage.ada, room, after=0, receipts="compact") as a:
        async with stage.enter(stage.bob, room, after=0, receipts="compact"):
            async with stage.enter(stage.bob, room, after=0, receipts="compact"):
                pass
            await a.settle()
        await expect_presence(stage, a, online=False)
        await a.settle()
        a.presences.clear()
        async with stage.enter(stage.bob, room, after=0, receipts="compact"):
            frame = await expect_presence(stage, a, online=True)
            stage.holds(frame["last_seen"], "presence says since when", frame)
            async with stage.enter(stage.bob, room, after=0, receipts="compact") as second:
                await a.settle()
                await second.settle()
                stage.equal(second.presences, [], "who joins gets no presence of who is there")
            await a.settle()
            stage.equal(a.presences, [], "two tabs are one presence")
            shown = await stage.ada.json("GET", f"chat/rooms/{room}/")
            online = {member["user_id"]: member["online"] for member in shown["members"]}
            stage.equal(online.get(bob), True, "the room shows who is online")
        async with stage.enter(stage.bob, room, after=0, receipts="compact"):
            await a.settle()
            stage.equal(a.presences, [], "a page that is loaded again changes no presence")
        frame = await expect_presence(stage, a, online=False)
        shown = await stage.ada.json("GET", f"chat/rooms/{room}/")
        online = {member["user_id"]: member["online"] for member in shown["members"]}
        stage.equal(online.get(bob), False, "the room shows who is offline")


@check("presence")
async def check_typing_reaches_the_others(stage: Stage) -> None:
    """Typing goes to the other users, not to the typist's own sockets, and is not stored."""
    room = await stage.open_room()
    async with (
        stage.enter(stage.ada, room, after=0, receipts="compact") as a,
        stage.enter(stage.ada, room, after=0, receipts="compact") as tab,
        stage.enter(stage.bob, room, after=0, receipts="compact") as b,
    ):
        await a.act("typing")
        frame = await b.expect("typing")
        found = frame["user_id"], frame["room_id"]
        stage.equal(found, (stage.ada.user_id, room), "typing says who and where")
        await a.send_message("marker")
        await tab.expect_message("marker")
        await asyncio.gather(a.settle(), tab.settle())
        own = [*a.seen("typing"), *tab.seen("typing")]
        stage.equal(own, [], "the typist's own sockets get no typing")


@check("presence")
async def check_typing_is_limited(stage: Stage) -> None:
    """The others get typing every two seconds at most, however many keys are pressed."""
    room = await stage.open_room()
    async with (
        stage.enter(stage.ada, room, after=0, receipts="compact") as a,
        stage.enter(stage.bob, room, after=0, receipts="compact") as b,
    ):
        began = time.monotonic()
        for _ in range(KEYS):
            await a.act("typing")
        await a.send_message("typed")
        await b.expect_message("typed")
        await b.settle()
        most = 1 + (time.monotonic() - began) // TYPING_INTERVAL
        count = len(b.seen("typing"))
        stage.holds(0 < count <= most, "typing comes every two seconds at most", count)
    stored = [message["text"] for message in await stage.read_all(stage.bob, room)]
    stage.equal(stored, ["typed"], "typing is stored nowhere")
