"""Reactions: their order, their forms, and how many there may be."""

from typing import Any

from ..stage import Stage, check

MANY = 25  # different emoji that a check gives at most
FIRST_EMOJI = 0x1F400  # of animals: each is one emoji


@check("messages")
async def check_the_order_of_reactions(stage: Stage) -> None:
    """Emoji in the order of their first use, users in the order in which they gave them."""
    room = await stage.open_room()
    sent = await stage.post(stage.ada, room, "react in order")
    async with (
        stage.enter(stage.ada, room, after=1, receipts="compact") as a,
        stage.enter(stage.bob, room, after=1, receipts="compact") as b,
    ):
        frame: dict[str, Any] = {}
        heart, plain_heart = "❤\ufe0f", "❤"
        for version, socket, emoji in (
            (2, b, "🎉"), (3, a, heart), (4, a, "🎉"), (5, b, plain_heart),
        ):  # fmt: skip
            await socket.act("react", message_id=sent["message_id"], emoji=emoji, on=True)
            frame = await a.expect("message_reacted", version=version)
        found = [(r["emoji"], r["user_ids"]) for r in frame["reactions"]]
        ada, bob = stage.ada.user_id, stage.bob.user_id
        wanted = [("🎉", [bob, ada]), (heart, [ada, bob])]
        stage.equal(found, wanted, "reactions are in order, with one form of each emoji")
    (stored,) = await stage.read_all(stage.bob, room) or [{}]
    found = [(r["emoji"], r["user_ids"]) for r in stored.get("reactions", ())]
    stage.equal(found, wanted, "history has the reactions in the same order")
    same = stored.get("text"), stored.get("updated_at")
    stage.equal(same, (sent["text"], sent["updated_at"]), "a reaction changes no more")


@check("messages")
async def check_limits_of_reactions(stage: Stage) -> None:
    """One emoji at a time, of a limited length, and not too many under one message."""
    room = await stage.open_room()
    id_ = (await stage.post(stage.ada, room, "react"))["message_id"]
    limits = stage.deployment.config.get("limits", {})
    longest, most = limits.get("max_emoji_length", 32), limits.get("max_reactions_per_message", 20)
    async with stage.enter(stage.ada, room, after=1) as a:
        for emoji in ("", "👍" * (longest + 1), "\u0000"):
            error = await a.refusal("react", message_id=id_, emoji=emoji)
            stage.equal(error["code"], "invalid_frame", "what is no emoji is invalid_frame")
        error = await a.refusal("react", message_id=id_)
        stage.equal(error["code"], "invalid_frame", "a reaction without an emoji is invalid_frame")
        if most > MANY:
            stage.report.note(f"{most} reactions under one message are allowed: not tried")
            return
        for number in range(most):
            await a.act("react", message_id=id_, emoji=chr(FIRST_EMOJI + number), on=True)
        await a.expect("message_reacted", version=most + 1)
        error = await a.refusal("react", message_id=id_, emoji=chr(FIRST_EMOJI + most), on=True)
        what = f"more than {most} different reactions are invalid_frame"
        stage.equal(error["code"], "invalid_frame", what)
