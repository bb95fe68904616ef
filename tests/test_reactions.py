"""A room that missed reactions: what it tells when it catches up with the database."""

from pathlib import Path

from roomcast.chat.chat import ChatServices
from roomcast.store.messages import Add, Added, EditChange, ReactionChange

from .inside import ADA, BOB, Frame, a_chat, a_member


async def add(chat: ChatServices, room_id: int, text: str, reply_to: int | None = None) -> int:
    made = await chat.messages.make(Add(room_id, ADA, text, reply_to=reply_to))
    assert isinstance(made, Added)
    return made.message.id


async def behind(
    chat: ChatServices, room_id: int, *changes: EditChange | ReactionChange
) -> list[Frame]:
    """What a member is told who hears of these changes only from the database."""
    async with a_member(chat, room_id, BOB) as (room, outbox):
        for change in changes:
            await chat.store.commit([change], {})
        assert outbox.frames == []
        await room.repair_gap()
        return outbox.frames


async def test_a_missed_reaction_is_told_as_one(tmp_path: Path) -> None:
    async with a_chat(tmp_path) as (chat, room_id):
        id_ = await add(chat, room_id, "one")
        [frame] = await behind(chat, room_id, ReactionChange(room_id, BOB, id_, "👍", None, 9))
    assert (frame["type"], frame["version"], frame["message_id"]) == ("message_reacted", 2, id_)
    assert frame["reactions"] == [{"emoji": "👍", "count": 1, "user_ids": [2]}]


async def test_a_missed_edit_is_told_with_the_reactions(tmp_path: Path) -> None:
    async with a_chat(tmp_path) as (chat, room_id):
        id_ = await add(chat, room_id, "one")
        missed = (
            EditChange(room_id, ADA, id_, "two"),
            ReactionChange(room_id, BOB, id_, "👍", None, 9),
        )
        [frame] = await behind(chat, room_id, *missed)
    assert (frame["type"], frame["version"], frame["text"]) == ("message_edited", 3, "two")
    assert [r["emoji"] for r in frame["message"]["reactions"]] == ["👍"]


async def test_a_missed_reply_has_its_quote(tmp_path: Path) -> None:
    async with a_chat(tmp_path) as (chat, room_id):
        id_ = await add(chat, room_id, "one")
        async with a_member(chat, room_id, BOB) as (room, outbox):
            await chat.store.commit([Add(room_id, ADA, "two", reply_to=id_)], {})
            await room.repair_gap()
            [frame] = outbox.frames
    assert frame["message"]["reply_to"] == {"message_id": id_, "sender_id": 1, "text": "one"}


async def test_a_clock_that_goes_back_takes_no_edit_before_its_message(tmp_path: Path) -> None:
    async with a_chat(tmp_path) as (chat, room_id):
        id_ = await add(chat, room_id, "one")
        outcomes, _ = await chat.store.engine.commit([EditChange(room_id, ADA, id_, "two")], {}, 1)
    assert outcomes[0].message.is_edited
