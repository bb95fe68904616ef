"""Statuses and receipts: they follow from what recipients do, in order, and never go back."""

from ..probe import ProbeSocket
from ..shapes import MARKS
from ..stage import Stage, check


def marks_of(socket: ProbeSocket, message_id: int) -> list[str]:
    """The statuses that a socket received for a message, in order."""
    return [
        frame["message"]["status"]
        for frame in socket.frames
        if isinstance(frame, dict)
        and frame["type"] in MARKS
        and frame["message"]["message_id"] == message_id
    ]


@check("true_statuses")
async def check_an_open_room_reads_what_comes(stage: Stage) -> None:
    """Delivered, then read, once each, on every socket of the room."""
    room = await stage.open_room()
    async with (
        stage.enter(stage.ada, room, after=0) as sender,
        stage.enter(stage.ada, room, after=0) as tab,
        stage.enter(stage.bob, room, after=0) as other,
    ):
        for number in range(3):
            sent = await sender.send_message(f"m{number}")
            for socket in (sender, tab, other):
                wanted = {"message_id": sent["message_id"]}
                await socket.expect("mark_message_as_read", message=wanted)
        for socket in (sender, tab, other):
            await socket.settle()
            for frame in socket.seen("chat_message"):
                found = marks_of(socket, frame["message"]["message_id"])
                stage.equal(found, ["delivered", "read"], "delivered, then read, once each")


@check("true_statuses")
async def check_nobody_reads_for_somebody_else(stage: Stage) -> None:
    """While the recipient has no socket, and for the sender's own tabs, nothing moves."""
    room = await stage.open_room()
    async with (
        stage.enter(stage.ada, room, after=0) as a,
        stage.enter(stage.ada, room, after=0) as tab,
    ):
        sent = await a.send_message("nobody else is here")
        await tab.act("read", message_id=sent["message_id"])
        await tab.settle()
        await a.send_message("marker")
        await tab.expect_message("marker")
        stage.equal(marks_of(tab, sent["message_id"]), [], "the sender's own tabs never count")
        async with stage.enter(stage.bob, room) as b:
            statuses = {message["status"] for message in b.first}
            stage.equal(statuses, {"read"}, "the first frame of who joins says read already")
            stage.equal(len(b.first), 2, "the first frame holds the messages of the room")
        for message in b.first:
            wanted = {"message_id": message["message_id"]}
            await a.expect("mark_message_as_read", message=wanted)
            found = marks_of(a, message["message_id"])
            stage.equal(found, ["delivered", "read"], "a join tells both marks, in order")


@check("true_statuses")
async def check_manual_receipts(stage: Stage) -> None:
    """With receipts=manual joining delivers; `read` reads all before it, and never goes back."""
    room = await stage.open_room()
    first = await stage.post(stage.ada, room, "one")
    async with (
        stage.enter(stage.ada, room, after=0) as a,
        stage.enter(stage.bob, room, after=0, receipts="manual") as b,
    ):
        found = [message["status"] for message in b.first["messages"]]
        stage.equal(found, ["delivered"], "a manual join makes delivered only, and says so")
        second = await a.send_message("two")
        third = await a.send_message("three")
        await a.expect("mark_message_as_delivered", message={"message_id": third["message_id"]})
        await b.act("read", message_id=second["message_id"])
        for message in (first, second):
            wanted = {"message_id": message["message_id"]}
            await a.expect("mark_message_as_read", message=wanted)
        await b.act("read", message_id=first["message_id"])
        await b.settle()
        stage.equal(marks_of(a, third["message_id"]), ["delivered"], "what comes later is unread")
        await b.act("read", message_id=2**53 - 1)
        await a.expect("mark_message_as_read", message={"message_id": third["message_id"]})
        body = {"message_id": first["message_id"]}
        receipt = await stage.bob.json("POST", f"chat/rooms/{room}/read/", json=body)
        stage.equal(receipt["read"], third["message_id"], "a receipt never goes back")
    async with stage.enter(stage.ada, room, after=0) as a:
        receipts = {r["user_id"]: r["read"] for r in a.first["receipts"]}
        found_read = receipts.get(stage.bob.user_id)
        stage.equal(found_read, third["message_id"], "sync carries the receipts as they stand")


@check("true_statuses")
async def check_compact_receipts(stage: Stage) -> None:
    """One `receipt` for any number of messages, in place of the marks."""
    room = await stage.open_room()
    sent = [await stage.post(stage.ada, room, f"m{n}") for n in range(3)]
    async with stage.enter(stage.ada, room, after=0, receipts="compact") as a:
        async with stage.enter(stage.bob, room, after=0, receipts="manual,compact") as b:
            last = sent[-1]["message_id"]
            wanted = {"room_id": room, "user_id": stage.bob.user_id, "delivered": last}
            frame = await a.expect("receipt", **wanted)
            stage.equal(frame["read"], 0, "a manual join reads nothing")
            await b.act("read", message_id=sent[1]["message_id"])
            await a.expect("receipt", **wanted, read=sent[1]["message_id"])
            own = await b.send_message("of the reader")
            await b.act("read", message_id=own["message_id"])
            await a.expect("receipt", user_id=stage.bob.user_id, read=last)
        kinds = {frame["type"] for frame in a.frames if isinstance(frame, dict)}
        stage.holds(not kinds & MARKS.keys(), "compact sockets get no marks", sorted(kinds))


@check("true_statuses", max_members=3)
async def check_the_slowest_of_three_counts(stage: Stage) -> None:
    """In a room of three the status is the least of all recipients'."""
    room = await stage.open_room("verify-third-member")
    async with (
        stage.enter(stage.ada, room, after=0, receipts="compact") as a,
        stage.enter(stage.bob, room, after=0) as b,
    ):
        sent = await a.send_message("for two recipients")
        await a.expect("receipt", user_id=stage.bob.user_id, read=sent["message_id"])
        await b.expect_message("for two recipients")
        await b.settle()
        stage.equal(marks_of(b, sent["message_id"]), [], "one of two recipients is not enough")
    stored = await stage.read_all(stage.ada, room)
    found = [message["status"] for message in stored]
    stage.equal(found, ["send"], "the status is the least of all recipients'")
