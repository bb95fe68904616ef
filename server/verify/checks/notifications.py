"""The notifications socket: what is unread in all rooms, as it changes."""

from typing import Any

from ..probe import ProbeSocket
from ..shapes import UNREAD_WRAPPED
from ..stage import Stage, check

PATH = "notifications/"


async def entry_of(socket: ProbeSocket, room: int, counter: int | None) -> Any:
    """The entry of a room in the next `notify` that counts so many there; None: no entry."""
    while True:
        frame = await socket.expect("notify")
        entry = next((e for e in frame["messages"] if e["room_id"] == room), None)
        if (entry or {}).get("counter_by_room") == counter:
            return entry


@check("notifications")
async def check_notifications_follow_what_is_unread(stage: Stage) -> None:
    """A message counts and is delivered; reading takes it away."""
    room = await stage.open_room()
    async with stage.knock(stage.bob, "?format=flat", PATH) as b:
        first = await b.next()
        stage.equal(first.get("type"), "notify", "the first frame is notify")
        async with stage.enter(stage.ada, room, after=0) as a:
            sent = await a.send_message("for the badge")
            entry = await entry_of(b, room, 1)
            found = entry["last_message"], entry["sender_id"]
            stage.equal(found, ("for the badge", stage.ada.user_id), "notify shows the message")
            wanted = {"message_id": sent["message_id"]}
            await a.expect("mark_message_as_delivered", message=wanted)
            await a.send_message("another")
            await entry_of(b, room, 2)
            await a.settle()
            stage.equal(a.seen("mark_message_as_read"), [], "notifications deliver, not read")
            body = {"message_id": 2**53 - 1}
            await stage.bob.json("POST", f"chat/rooms/{room}/read/", json=body)
            await entry_of(b, room, None)
        error = await b.refusal("send", message="x")
        stage.equal(error["code"], "invalid_frame", "notifications take ping and auth only")
        await b.settle()


@check("notifications")
async def check_the_shape_of_the_first_client(stage: Stage) -> None:
    """Without `format=flat`, counter and rooms stand inside `messages`."""
    async with stage.knock(stage.bob, "", PATH) as b:
        frame = await b.next()
        problems = list(UNREAD_WRAPPED(frame, "notify"))
        stage.equal(problems, [], "notify is wrapped, as the first client reads it")
    async with stage.knock(stage.bob, "", PATH, offers=["Bearer", "nonsense"]) as b:
        stage.equal(await b.closes(), 4001, "a bad token closes with 4001")


@check("notifications", alone=True)
async def check_the_counter_is_the_sum(stage: Stage) -> None:
    """Rooms that the user has muted count in their room and not in all."""
    loud, muted = await stage.open_room(), await stage.open_room()
    await stage.bob.json("PATCH", f"chat/rooms/{muted}/", json={"muted": True})
    before = (await stage.bob.json("GET", "chat/unread/"))["counter"]
    await stage.post(stage.ada, loud, "counts")
    await stage.post(stage.ada, muted, "does not")
    unread = await stage.bob.json("GET", "chat/unread/")
    stage.equal(unread["counter"] - before, 1, "a muted room is not in the counter")
    by_room = {entry["room_id"]: entry["counter_by_room"] for entry in unread["messages"]}
    found = by_room.get(loud), by_room.get(muted)
    stage.equal(found, (1, 1), "both rooms have their own counter")
