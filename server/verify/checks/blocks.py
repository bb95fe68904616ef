"""Blocks: what the blocked user can't do any more, and what they do not see of the blocker."""

from ..probe import ProbeSocket
from ..shapes import BLOCK_PAGE, ROOM_SHOWN
from ..stage import Stage, check


@check("isolation", alone=True, max_members=3)
async def check_a_block_silences_a_direct_room(stage: Stage) -> None:
    """The blocked one's sends and edits are refused; the blocker takes it back."""
    room, group = await stage.open_room(), await stage.open_room("verify-third-member")
    path = f"chat/blocks/{stage.bob.user_in_path}/"
    async with (
        stage.enter(stage.ada, room, after=0, receipts="manual,compact") as a,
        stage.enter(stage.bob, room, after=0, receipts="compact") as b,
    ):
        sent = await b.send_message("before")
        await b.expect("receipt", delivered=sent["message_id"], read=0)
        try:
            for _ in range(2):
                answer = await stage.ada.request("POST", path)
                stage.equal(answer.status_code, 204, "a block is 204, and repeatable")
            page = await stage.ada.json("GET", "chat/blocks/", BLOCK_PAGE)
            blocked = [each["user_id"] for each in page["results"]]
            stage.equal(blocked[:1], [stage.bob.user_id], "the latest block is listed first")
            await _expect_silence(stage, b, sent["message_id"], room)
            await _expect_absence(stage, a, b, sent["message_id"], room)
            await stage.post(stage.bob, group, "in a room of several all may write")
        finally:
            answer = await stage.ada.request("DELETE", path)
        stage.equal(answer.status_code, 204, "a block is taken back")
        answer = await stage.ada.request("DELETE", path)
        stage.equal(answer.status_code, 204, "taking it back is repeatable")
        await b.send_message("afterwards")
        await a.expect_message("afterwards")
        texts = a.seen("chat_message", message={"text": "blocked"})
        stage.equal(texts, [], "the blocker sees nothing of it")
    async with stage.enter(stage.bob, room, after=0) as b:
        reads = {receipt["user_id"]: receipt["read"] for receipt in b.first["receipts"]}
        read = reads.get(stage.ada.user_id, 0)
        stage.holds(read >= sent["message_id"], "after a block its receipts are seen", reads)


async def _expect_silence(stage: Stage, b: ProbeSocket, message_id: int, room: int) -> None:
    """Whatever the blocked user does in the room of two is refused."""
    for action, fields in (
        ("send", {"message": "blocked"}),
        ("edit", {"message_id": message_id, "text": "blocked"}),
        ("react", {"message_id": message_id, "emoji": "👍"}),
        ("typing", {}),
    ):
        error = await b.refusal(action, **fields)
        stage.equal(error["code"], "forbidden", f"a blocked user's {action} is forbidden")
    answer = await stage.bob.request(
        "POST", f"chat/rooms/{room}/messages/", json={"message": "blocked"}
    )
    stage.equal(answer.status_code, 403, "a blocked user's POST is 403")
    wish = {"second_user": stage.ada.user_id, "context": f"roomcast-verify:blocked:{room}"}
    answer = await stage.bob.request("POST", "chat/create/", json=wish)
    stage.equal(answer.status_code, 403, "a blocked user opens no room with the blocker")
    if answer.status_code in (200, 201):
        stage.deployment.rooms.append((stage.ada, answer.json()["room_id"]))


async def _expect_absence(
    stage: Stage, a: ProbeSocket, b: ProbeSocket, message_id: int, room: int
) -> None:
    """The blocked user sees the blocker offline, and neither typing nor receipts of them."""
    await a.act("typing")
    await a.act("read", message_id=message_id)
    await a.send_message("from the blocker")
    await b.expect_message("from the blocker")
    await b.settle()
    stage.equal(b.seen("typing"), [], "a blocked user sees no typing of the blocker")
    reads = [receipt["read"] for receipt in b.seen("receipt", user_id=stage.ada.user_id)]
    stage.equal(max(reads, default=0), 0, "a blocked user sees no later receipt of the blocker")
    shown = await stage.bob.json("GET", f"chat/rooms/{room}/", ROOM_SHOWN)
    ada = next(m for m in shown["members"] if m["user_id"] == stage.ada.user_id)
    seen = ada["online"], ada["last_seen"]
    stage.equal(seen, (False, None), "a blocked user sees the blocker offline")
