"""Sending: everybody gets it once, in order, as it was written; client_id makes it repeatable."""

import uuid
from typing import Any

from ..stage import Stage, check

TEXTS = (
    "  spaces around, and inside  ",
    "line\nbreak\tand tab",
    "accents é, emoji 👩‍👩‍👧, مرحبا, 你好",
    '"quotes", \\ and </script>',
)


@check("nothing_lost")
async def check_everybody_gets_each_message(stage: Stage) -> None:
    """Both tabs of the sender and the other member get one frame each, and it is stored."""
    room = await stage.open_room()
    limit = stage.deployment.config.get("limits", {}).get("max_text_length", 4_000)
    texts = [*TEXTS, "𝒳" * limit]
    async with (
        stage.enter(stage.ada, room, after=0) as sender,
        stage.enter(stage.ada, room, after=0) as tab,
        stage.enter(stage.bob, room, after=0) as other,
    ):
        for number, written in enumerate(texts):
            client_id = uuid.uuid4().hex
            sent = await sender.send_message(written, client_id=client_id)
            received = [await socket.expect_message(written) for socket in (tab, other)]
            stage.equal(sent.get("client_id"), client_id, "chat_message carries its client_id")
            stage.equal(sent["status"], "send", "a message begins with status send")
            stage.equal(sent["version"], number + 1, "each message takes the next version")
            stage.holds(received == [sent, sent], "all sockets get the same message", received)
            stage.equal(sent["room_id"], room, "a message names its room")
            stage.equal(sent["sender_id"], stage.ada.user_id, "a message names its sender")
        for socket in (sender, tab, other):
            await socket.settle()
            count = len(socket.seen("chat_message"))
            stage.equal(count, len(texts), "each message reaches each socket once")
    stored = [message["text"] for message in await stage.read_all(stage.bob, room)]
    stage.equal(stored, texts, "texts are stored exactly as they came")


@check("one_order")
async def check_a_burst_keeps_its_order(stage: Stage) -> None:
    """Frames of one socket take effect in the order sent; versions are dense for everybody."""
    room = await stage.open_room()
    async with (
        stage.enter(stage.ada, room, after=0, receipts="compact") as a,
        stage.enter(stage.bob, room, after=0, receipts="compact") as b,
    ):
        for number in range(15):
            await a.act("send", message=f"a{number}")
            await b.act("send", message=f"b{number}")
        for socket in (a, b):
            while len(socket.seen("chat_message")) < 30:
                await socket.expect("chat_message")
            versions = [frame["version"] for frame in socket.seen("chat_message")]
            stage.equal(versions, list(range(1, 31)), "versions are dense and ascending")
        orders = [[f["message"]["text"] for f in s.seen("chat_message")] for s in (a, b)]
        stage.equal(orders[0], orders[1], "both members see the same order")
        for name in "ab":
            mine = [text for text in orders[0] if text.startswith(name)]
            stage.equal(mine, [f"{name}{n}" for n in range(15)], "one sender's order is kept")
        ids = [frame["message"]["message_id"] for frame in a.seen("chat_message")]
        stage.equal(ids, sorted(ids), "message ids grow within a room")


@check("nothing_doubled")
async def check_a_repeated_client_id_stores_nothing(stage: Stage) -> None:
    """The repeated send is answered to its socket alone, with the message as it is by now."""
    room = await stage.open_room()
    async with (
        stage.enter(stage.ada, room, after=0, receipts="compact") as a,
        stage.enter(stage.bob, room, after=0, receipts="compact") as b,
    ):
        sent = await a.send_message("once", client_id="n1")
        again = await a.send_message("once", client_id="n1")
        stage.equal(again["message_id"], sent["message_id"], "a repeated send is the same message")
        await a.act("edit", message_id=sent["message_id"], text="edited")
        await a.expect("message_edited")
        await a.act("send", message="once", client_id="n1")
        present = (await a.expect("chat_message"))["message"]
        stage.equal(present["text"], "edited", "a repeated send answers the present state")
        error = await a.refusal("send", message="another", client_id="n1")
        stage.equal(error["code"], "conflict", "another text under the same client_id is conflict")
        other = await b.send_message("once", client_id="n1")
        is_other = other["message_id"] != sent["message_id"]
        stage.holds(is_other, "a client_id is unique per sender only", other)
        await a.act("delete", message_id=sent["message_id"])
        await a.expect("message_deleted")
        error = await a.refusal("send", message="once", client_id="n1")
        found = error["code"], error.get("message_id")
        wanted = "not_found", sent["message_id"]
        stage.equal(found, wanted, "a repeated send of a deleted message is not_found, with its id")
        await b.settle()
        count = len(b.seen("chat_message", message={"sender_id": stage.ada.user_id}))
        stage.equal(count, 1, "a repeated message reaches the other member once")
    count = len(await stage.read_all(stage.bob, room))
    stage.equal(count, 1, "a repeated message is stored once")


@check("nothing_doubled")
async def check_a_message_is_repeated_over_http_and_sockets(stage: Stage) -> None:
    """A client_id is the same by HTTP, by its header, and by socket."""
    room = await stage.open_room()
    path = f"chat/rooms/{room}/messages/"
    body = {"message": "by http", "client_id": "n1"}
    first = await stage.ada.json("POST", path, status=201, json=body)
    second = await stage.ada.json("POST", path, status=200, json=body)
    stage.equal(second["message_id"], first["message_id"], "a repeated POST is the same message")
    header: dict[str, Any] = {"headers": {"Idempotency-Key": "n2"}, "json": {"message": "header"}}
    first = await stage.ada.json("POST", path, status=201, **header)
    second = await stage.ada.json("POST", path, status=200, **header)
    stage.equal(second["message_id"], first["message_id"], "Idempotency-Key is a client_id")
    answer = await stage.ada.request("POST", path, json=body | {"message": "another"})
    stage.equal(answer.status_code, 409, "another text under the same client_id is 409")
    async with stage.enter(stage.ada, room, after=0) as a:
        again = await a.send_message("by http", client_id="n1")
        wanted = a.first["messages"][0]["message_id"]
        stage.equal(again["message_id"], wanted, "a socket repeats what was sent by HTTP")
    count = len(await stage.read_all(stage.bob, room))
    stage.equal(count, 2, "each message is stored once")
