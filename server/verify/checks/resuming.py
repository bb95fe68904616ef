"""Resuming: a cursor brings exactly what was missed, or a reset; an epoch guards it."""

import json

from ..shapes import MARKS
from ..stage import Stage, check

MARKS_OF_JOIN = 50  # messages whose marks a join tells
LARGE_TEXTS = 70  # messages of 16 KB: more than a sync holds by default


@check("resuming")
async def check_a_cursor_brings_what_was_missed(stage: Stage) -> None:
    """New and edited messages in their present state, the ids of deleted ones, receipts."""
    room = await stage.open_room()
    kept, edited, deleted = [
        (await stage.post(stage.ada, room, text))["message_id"] for text in ("a", "b", "c")
    ]
    async with stage.enter(stage.bob, room, after=0, receipts="manual") as b:
        first = b.first
        stage.equal(first["version"], 3, "sync says the version of the room")
        found = [message["message_id"] for message in first["messages"]]
        stage.equal(found, [kept, edited, deleted], "after=0 is everything")
        stage.equal(first["reset"], False, "everything is no reset")
    async with stage.enter(stage.ada, room, after=3) as a:
        await a.act("edit", message_id=edited, text="B")
        await a.act("delete", message_id=deleted)
        await a.expect("message_deleted")
        new = (await a.send_message("d"))["message_id"]
    query = {"after": first["version"], "epoch": first["epoch"], "receipts": "manual"}
    async with stage.enter(stage.bob, room, **query) as b:
        second = b.first
        found_texts = [(m["message_id"], m["text"]) for m in second["messages"]]
        stage.equal(found_texts, [(edited, "B"), (new, "d")], "sync brings what changed, once")
        stage.equal(second["deleted"], [deleted], "sync brings what was deleted")
        stage.equal(second["version"], 6, "sync leads to the present version")
        stage.equal(second["epoch"], first["epoch"], "the epoch stays the same")
        members = {receipt["user_id"] for receipt in second["receipts"]}
        wanted = {stage.ada.user_id, stage.bob.user_id}
        stage.equal(members, wanted, "sync carries everybody's receipts")
    async with stage.enter(stage.bob, room, after=6, epoch=first["epoch"]) as b:
        nothing = b.first["messages"], b.first["deleted"], b.first["reset"]
        stage.equal(nothing, ([], [], False), "nothing missed, nothing sent")
        sent = await b.send_message("goes on")
        stage.equal(sent["version"], 7, "versions go on after a resume")


@check("resuming")
async def check_a_cursor_that_cannot_be_trusted_resets(stage: Stage) -> None:
    """A cursor ahead of the room, or of another epoch, is answered with a reset."""
    room = await stage.open_room()
    for number in range(3):
        await stage.post(stage.ada, room, f"m{number}")
    for query, what in (
        ({"after": 1_000_000}, "a cursor ahead of the room resets"),
        ({"after": 2, "epoch": "of-another-database"}, "another epoch resets"),
    ):
        async with stage.enter(stage.bob, room, **query) as b:
            stage.equal(b.first["reset"], True, what)
            found = [message["text"] for message in b.first["messages"]]
            stage.equal(found, ["m0", "m1", "m2"], "a reset brings the newest messages")
            stage.equal(b.first["deleted"], [], "a reset has nothing deleted")
            stage.equal(b.first["version"], 3, "a reset says the present version")


@check("resuming")
async def check_the_first_frame_without_a_cursor(stage: Stage) -> None:
    """An array of the newest 50, oldest first; of a new room the empty one."""
    room = await stage.open_room()
    async with stage.enter(stage.ada, room) as a:
        stage.equal(a.first, [], "the first frame of a new room is []")
        size = stage.deployment.config.get("limits", {}).get("history_page_size", 50)
        for number in range(size + 3):
            await a.act("send", message=f"m{number}")
        await a.expect_message(f"m{size + 2}")
        async with stage.enter(stage.bob, room) as b:
            found = [message["text"] for message in b.first]
            wanted = [f"m{number}" for number in range(3, size + 3)]
            stage.equal(found, wanted, f"the first frame holds the newest {size}, oldest first")
        newest = [frame["message"]["message_id"] for frame in a.seen("chat_message")]
        wanted_mark = {"message_id": newest[-1]}
        await a.expect("mark_message_as_read", message=wanted_mark)
        await a.settle()
        delivered, read = (
            [frame["message"]["message_id"] for frame in a.seen(kind)] for kind in MARKS
        )
        what = f"a join tells that the newest {MARKS_OF_JOIN} at most are read, once each"
        stage.equal(read, newest[-MARKS_OF_JOIN:], what)
        # A notifications socket of another check may have delivered them one by one before.
        stage.equal(len(set(delivered)), len(delivered), "each message is delivered once")
        stage.equal(set(read) - set(delivered), set(), "what is read was delivered")


@check("resuming")
async def check_a_connection_that_breaks_misses_nothing(stage: Stage) -> None:
    """Messages sent between two connections arrive in the sync of the second one."""
    room = await stage.open_room()
    cursor, epoch, got = 0, "", []
    for number in range(6):
        query = {"after": cursor} | ({"epoch": epoch} if epoch else {})
        async with stage.enter(stage.bob, room, receipts="compact", **query) as b:
            got += [message["text"] for message in b.first["messages"]]
            await stage.post(stage.ada, room, f"live {number}")
            frame = await b.expect("chat_message")
            got.append(frame["message"]["text"])
            cursor, epoch = frame["version"], b.first["epoch"]
            b.connection.transport.abort()
        await stage.post(stage.ada, room, f"missed {number}")
    wanted = [f"{what} {number}" for number in range(6) for what in ("live", "missed")]
    stage.equal(got, wanted[:-1], "each message comes once, live or by sync")


@check("resuming")
async def check_a_long_absence(stage: Stage) -> None:
    """A sync has all that was missed, or where that is too much a reset to the newest."""
    room = await stage.open_room()
    limits = stage.deployment.config.get("limits", {})
    length, size = limits.get("max_text_length", 4_000), limits.get("history_page_size", 50)
    texts = [f"{number} ".ljust(length, "😀") for number in range(LARGE_TEXTS)]
    async with stage.enter(stage.ada, room, after=0, receipts="compact") as a:
        for text in texts:
            action = {"action": "send", "message": text}
            await a.send(json.dumps(action, ensure_ascii=False))
        await a.expect_message(texts[-1])
    async with stage.enter(stage.bob, room, after=0) as b:
        found = [message["text"] for message in b.first["messages"]]
        wanted = texts[-size:] if b.first["reset"] else texts
        stage.holds(found == wanted, "a sync has everything that was missed, or is a reset", found)
        cursor = b.first["version"], b.first["deleted"]
        stage.equal(cursor, (LARGE_TEXTS, []), "a reset leads to the present version")
