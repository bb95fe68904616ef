"""Checks of message actions: edit, delete, answer, react, page; and of token renewal."""

import uuid
from typing import Any

from ..stage import Stage, check
from .files import PNG, inline


@check("messages")
async def check_edits_reach_everybody(stage: Stage) -> None:
    """An edit takes a version, keeps what identifies the message, and is the sender's alone."""
    room = await stage.open_room()
    async with (
        stage.enter(stage.ada, room, after=0, receipts="compact") as a,
        stage.enter(stage.bob, room, after=0, receipts="compact") as b,
    ):
        sent = await a.send_message("before", client_id="n1")
        await a.act("edit", message_id=str(sent["message_id"]), text="after")
        frames = [await socket.expect("message_edited") for socket in (a, b)]
        stage.equal(frames[0], frames[1], "both members get the same edit")
        stage.equal(frames[0]["version"], sent["version"] + 1, "an edit takes the next version")
        edited = frames[0]["message"]
        kept = ("message_id", "sender_id", "created_at", "client_id", "attachments")
        stage.equal(
            [edited.get(k) for k in kept], [sent.get(k) for k in kept], "an edit changes no more"
        )
        stage.equal(edited["text"], "after", "an edit has its text")
        error = await b.refusal("edit", message_id=sent["message_id"], text="not mine")
        stage.equal(error["code"], "forbidden", "editing somebody else's message is forbidden")
        error = await b.refusal("delete", message_id=sent["message_id"])
        stage.equal(error["code"], "forbidden", "deleting somebody else's message is forbidden")
    stored = [message["text"] for message in await stage.read_all(stage.bob, room)]
    stage.equal(stored, ["after"], "an edit is stored")


@check("messages")
async def check_an_edit_keeps_the_rest(stage: Stage) -> None:
    """An edit keeps the quote, the files and the reactions; `updated_at` is its time."""
    room = await stage.busy_room()
    async with (
        stage.enter(stage.ada, room, after=0, receipts="compact") as a,
        stage.enter(stage.bob, room, after=0, receipts="compact") as b,
    ):
        quoted = await a.send_message("an offer")
        fields: dict[str, Any] = {"reply_to": quoted["message_id"], "client_id": uuid.uuid4().hex}
        if "image/png" in stage.deployment.config.get("attachments", {}).get("types", ()):
            fields["file"] = inline("kept.png", PNG, "image/png")
        sent = await a.send_message("with all of it", **fields)
        id_ = sent["message_id"]
        await b.act("react", message_id=id_, emoji="👍")
        reacted = await a.expect("message_reacted", message_id=id_)
        await a.act("edit", message_id=id_, text="with all that it had")
        edited = (await b.expect("message_edited", message_id=id_))["message"]
        named = [each["file_name"] for each in edited["attachments"]]
        found = edited.get("reply_to"), named, edited.get("reactions")
        names = [each["file_name"] for each in sent["attachments"]]
        wanted = sent["reply_to"], names, reacted["reactions"]
        stage.equal(found, wanted, "an edit keeps the quote, the files and the reactions")
        stage.holds(edited["updated_at"] > sent["updated_at"], "updated_at is that of the edit")
    stored = {each["message_id"]: each for each in await stage.read_all(stage.bob, room)}
    there = stored.get(id_, {})
    names = [each["file_name"] for each in there.get("attachments", ())]
    found = there.get("reply_to"), names, there.get("reactions")
    stage.equal(found, wanted, "history has the quote, the files and the reactions of an edit")


@check("messages")
async def check_deletions_reach_everybody(stage: Stage) -> None:
    """A deleted message is nowhere any more, also not in quotes."""
    room = await stage.open_room()
    async with (
        stage.enter(stage.ada, room, after=0, receipts="compact") as a,
        stage.enter(stage.bob, room, after=0, receipts="compact") as b,
    ):
        sent = await a.send_message("goes")
        await b.send_message("an answer", reply_to=sent["message_id"])
        await a.act("delete", message_id=sent["message_id"])
        for socket in (a, b):
            frame = await socket.expect("message_deleted")
            found = frame["message_id"], frame["version"]
            stage.equal(found, (sent["message_id"], 3), "a deletion names its message and version")
        for action in ("delete", "edit"):
            error = await a.refusal(action, message_id=sent["message_id"], text="x")
            stage.equal(error["code"], "not_found", f"{action} of a deleted message is not_found")
    stored = await stage.read_all(stage.bob, room)
    stage.equal([m["text"] for m in stored], ["an answer"], "a deleted message is in no history")
    quoted = (stored[0].get("reply_to") or {}) if stored else {}
    stage.equal(quoted.get("text", "missing"), None, "a quote of a deleted message has text null")


@check("messages", max_text_length=200)
async def check_replies_quote_their_room_only(stage: Stage) -> None:
    """A reply shows whom it answers, cut at 140 code points; foreign ids are not found."""
    room, elsewhere = await stage.open_room(), await stage.busy_room()
    foreign = await stage.post(stage.ada, elsewhere, "elsewhere")
    async with stage.enter(stage.ada, room, after=0) as a:
        first = await a.send_message("ü" * 200)
        answer = await a.send_message("answer", reply_to=first["message_id"])
        wanted = {
            "message_id": first["message_id"],
            "sender_id": stage.ada.user_id,
            "text": "ü" * 140,
        }
        stage.equal(answer.get("reply_to"), wanted, "a reply quotes 140 code points")
        await a.act("edit", message_id=first["message_id"], text="as it is now")
        await a.expect("message_edited", message_id=first["message_id"])
        error = await a.refusal("send", message="x", reply_to=foreign["message_id"])
        found = error["code"], error.get("message_id")
        wanted_error = ("not_found", foreign["message_id"])
        stage.equal(found, wanted_error, "a reply to another room's message is not_found")
    stored = await stage.read_all(stage.bob, room)
    quoted = [(message.get("reply_to") or {}).get("text") for message in stored]
    stage.equal(quoted, [None, "as it is now"], "a quote has the present text")


@check("messages")
async def check_reactions_toggle(stage: Stage) -> None:
    """A reaction is there once per user and emoji; with `on` it is safe to repeat."""
    room = await stage.open_room()
    async with (
        stage.enter(stage.ada, room, after=0, receipts="compact") as a,
        stage.enter(stage.bob, room, after=0, receipts="compact") as b,
    ):
        sent = await a.send_message("react to this")
        id_ = sent["message_id"]
        both = [stage.ada.user_id, stage.bob.user_id]

        async def reacts(socket: Any, emoji: str, **fields: Any) -> Any:
            await socket.act("react", message_id=id_, emoji=emoji, **fields)
            frame = await socket.expect("message_reacted", message_id=id_)
            return frame["version"], [(r["emoji"], r["user_ids"]) for r in frame["reactions"]]

        stage.equal(await reacts(a, "👍"), (2, [("👍", both[:1])]), "a reaction is added")
        await b.expect("message_reacted", version=2)
        stage.equal(await reacts(b, "👍", on=True), (3, [("👍", both)]), "reactions are counted")
        await a.expect("message_reacted", version=3)
        stage.equal(await reacts(b, "👍", on=True), (3, [("👍", both)]), "on=true is repeatable")
        stage.equal(await reacts(a, "👍"), (4, [("👍", both[1:])]), "a reaction is taken back")
        await b.expect("message_reacted", version=4)
        stage.equal(await reacts(b, "👍", on=False), (5, []), "on=false takes it back")
        await a.expect("message_reacted", version=5)
        await b.act("react", message_id=id_, emoji="🎉")
        await a.expect("message_reacted", version=6)
    (stored,) = await stage.read_all(stage.ada, room) or [{}]
    wanted = [{"emoji": "🎉", "count": 1, "user_ids": both[1:]}]
    stage.equal(stored.get("reactions"), wanted, "history shows reactions")


@check("messages")
async def check_history_pages(stage: Stage) -> None:
    """A page of the socket's history: oldest first, and whether there are more."""
    room = await stage.open_room()
    async with stage.enter(stage.ada, room, after=0) as a:
        ids = [(await a.send_message(f"m{n}"))["message_id"] for n in range(5)]

        async def page(**query: Any) -> tuple[list[int], bool]:
            await a.act("history", **query)
            frame = await a.expect("history")
            return [m["message_id"] for m in frame["messages"]], frame["has_more"]

        stage.equal(await page(limit=2), (ids[3:], True), "without before: the newest")
        stage.equal(await page(before=ids[3], limit=2), (ids[1:3], True), "before an id")
        stage.equal(await page(before=str(ids[1])), (ids[:1], False), "the last page")
        stage.equal(await page(before=0), ([], False), "before=0 is an empty page")
        stage.equal(await page(limit=1_000), (ids, False), "a limit above 100 counts as 100")
        error = await a.refusal("history", before="x")
        stage.equal(error["code"], "invalid_frame", "before must be an id")


@check("messages")
async def check_a_token_is_renewed_on_the_socket(stage: Stage) -> None:
    """`auth` takes a token of the same user only; `ping` is answered."""
    room = await stage.open_room()
    async with stage.enter(stage.ada, room, after=0) as a:
        await a.settle()
        await a.act("auth", token=stage.ada.token)
        frame = await a.expect("auth")
        me = await stage.ada.json("GET", "chat/me/")
        expiry = frame["expires_at"]
        stage.equal(expiry, me["expires_at"], "auth says until when the token works")
        error = await a.refusal("auth", token=stage.bob.token)
        stage.equal(error["code"], "forbidden", "another user's token is forbidden")
        await a.settle()
