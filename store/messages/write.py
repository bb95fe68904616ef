"""Makes one change of a message, in the transaction that the caller holds."""

from collections.abc import Iterable, Sequence

from databases.core import Connection
from msgspec import UNSET
from sqlalchemy import bindparam, text

from .. import blocks, list_order, reactions
from ..reactions import ReactionRow
from ..room_lock import lock_room
from . import extra, message_blocks
from .add import add, next_version
from .changes import (
    ActChange,
    Acted,
    Add,
    Change,
    DeleteChange,
    Deleted,
    EditChange,
    Edited,
    Outcome,
    Reacted,
    ReactionChange,
    RefusedChange,
)
from .model import MessageRow
from .read import get, get_anybodys


def rewritten(outcomes: Iterable[Outcome]) -> list[int]:
    """Return the ids of messages whose words must be removed from the search index at once."""
    return [
        outcome.message_id if isinstance(outcome, Deleted) else outcome.message.id
        for outcome in outcomes
        if isinstance(outcome, Deleted | Edited)
    ]


async def make(db: Connection, change: Change, now: int) -> Outcome:
    """Make one change, in the transaction that the caller holds."""
    match change:
        case Add():
            return await add(db, change, now)
        case EditChange():
            return await edit(db, change, now)
        case DeleteChange():
            return await delete(db, change, now)
        case ReactionChange():
            return await react(db, change, now)
        case ActChange():
            return await act(db, change, now)


async def edit(db: Connection, change: EditChange, now: int) -> Outcome:
    reach = _anywhere if change.by_site else _own
    found = await reach(db, change.room_id, change.sender_id, change.message_id)
    if isinstance(found, RefusedChange):
        return found
    if not change.by_site and await blocks.is_silenced(db, change.room_id, change.sender_id):
        return RefusedChange("forbidden", change.message_id)
    if change.text is not None:
        if (change.is_blank or not change.text) and not found.attachments:
            return RefusedChange("empty_message", change.message_id)
        found.text = change.text
    found.extra = extra.patched(found.extra, change.patch)
    return await _update(db, found, now)


async def _update(db: Connection, message: MessageRow, now: int) -> Edited:
    """Store the text and the extra parts of a message, under the next version of the room."""
    message.updated_at = max(now, message.updated_at + 1)
    message.version, members_version = await next_version(db, message.room_id)
    query = """
        UPDATE messages SET text = :text, extra = :extra, updated_at = :now, version = :version
         WHERE room_id = :room_id AND id = :id
    """
    values = {
        "room_id": message.room_id,
        "id": message.id,
        "text": message.text,
        "extra": message.extra,
        "now": message.updated_at,
        "version": message.version,
    }
    await db.execute(query, values)
    return Edited(message, members_version)


async def act(db: Connection, change: ActChange, now: int) -> Outcome:
    """Press a button. The room is locked first, so of two simultaneous presses one is first."""
    found = await _pressed(db, change)
    if not isinstance(found, MessageRow):
        return found
    button = extra.read(found.extra).button(change.id)
    assert button is not None
    if not button.once:
        return Acted(found)
    chosen = extra.StoredChoice(change.id, change.sender_id, now)
    found.extra = extra.patched(found.extra, extra.Patch(chosen=chosen))
    return await _update(db, found, now)


async def _pressed(db: Connection, change: ActChange) -> MessageRow | RefusedChange:
    """Return the message if the user may press this button now, else the refusal."""
    room_id, user_id, id_ = change.room_id, change.sender_id, change.message_id
    await lock_room(db, room_id)
    found = await get(db, room_id, user_id, id_)
    if found is None:
        return RefusedChange("not_found", id_)
    has = extra.read(found.extra)
    if has.button(change.id) is None:
        return RefusedChange("not_found", id_, "id: the message has no such button.")
    if has.chosen is not UNSET:
        return RefusedChange("conflict", id_, "Somebody has already chosen.")
    if await blocks.is_silenced(db, room_id, user_id):
        return RefusedChange("forbidden", id_)
    return found


async def delete(db: Connection, change: DeleteChange, now: int) -> Outcome:
    """Delete a message: a tombstone stays, and its objects become expired uploads."""
    reach = _own_anywhere if change.is_erasure else _anywhere if change.by_site else _own
    found = await reach(db, change.room_id, change.sender_id, change.message_id)
    if isinstance(found, RefusedChange):
        return found
    version, members_version = await next_version(db, change.room_id)
    query = """
        UPDATE messages SET text = '', text_hash = NULL, extra = NULL, updated_at = :now,
                            deleted_at = :now, version = :version,
                            client_id = CASE WHEN :is_erasure = 0 THEN client_id END
         WHERE room_id = :room_id AND id = :id
    """
    where = {"room_id": change.room_id, "id": change.message_id}
    values = {**where, "now": now, "version": version, "is_erasure": int(change.is_erasure)}
    await db.execute(query, values)
    await message_blocks.correct(db, change.room_id, change.message_id)
    query = """
        UPDATE members SET unread_deleted = unread_deleted + 1
         WHERE room_id = :room_id AND read_upto < :id AND user_id <> :sender_id
    """
    await db.execute(query, {**where, "id": found.id, "sender_id": found.sender_id})
    await list_order.mark_room(db, change.room_id)
    if found.attachments:
        await _discard(db, change.room_id, change.message_id)
    if found.reactions:
        await reactions.forget(db, change.room_id, change.message_id)
    return Deleted(change.message_id, version, members_version, found.sender_id)


async def drop(db: Connection, room_id: int, last: int) -> None:
    """Delete all messages up to this id without tombstones; objects become uploads."""
    upto = {"room_id": room_id, "last": last}
    query = """
        INSERT INTO search_upto (room_id, version) SELECT id, 0 FROM rooms WHERE id = :room_id
            ON CONFLICT (room_id) DO UPDATE SET version = search_upto.version
    """
    await db.execute(query, {"room_id": room_id})  # waits for the search index of this room
    query = """
        INSERT INTO uploads (key, room_id, user_id, name, content_type, size, is_ready, expires_at)
        SELECT key, room_id, '', name, content_type, size, 0, 0
          FROM attachments WHERE room_id = :room_id AND message_id <= :last
            ON CONFLICT (key) DO NOTHING -- another process does the same
    """
    await db.execute(query, upto)
    query = "DELETE FROM messages WHERE room_id = :room_id AND id <= :last RETURNING id"
    ids = [row["id"] for row in await db.fetch_all(query, upto)]
    await message_blocks.drop_upto(db, room_id, last)
    forget = text("DELETE FROM search WHERE rowid IN :ids")
    await db.execute(forget.bindparams(bindparam("ids", value=ids, expanding=True)))


async def _discard(db: Connection, room_id: int, message_id: int) -> None:
    where = {"room_id": room_id, "message_id": message_id}
    query = """
        INSERT INTO uploads (key, room_id, user_id, name, content_type, size, is_ready, expires_at)
        SELECT key, room_id, '', name, content_type, size, 0, 0
          FROM attachments WHERE room_id = :room_id AND message_id = :message_id
    """
    await db.execute(query, where)
    query = "DELETE FROM attachments WHERE room_id = :room_id AND message_id = :message_id"
    await db.execute(query, where)


async def _own(
    db: Connection, room_id: int, user_id: str, message_id: int
) -> MessageRow | RefusedChange:
    """Return a message that the user may change, or the refusal."""
    message = await get(db, room_id, user_id, message_id)
    if message is None:
        return RefusedChange("not_found", message_id)
    return message if message.sender_id == user_id else RefusedChange("forbidden", message_id)


async def _own_anywhere(
    db: Connection, room_id: int, user_id: str, message_id: int
) -> MessageRow | RefusedChange:
    """Return a message of the user, also in a room that they have left."""
    message = await get_anybodys(db, room_id, message_id)
    own = message is not None and message.sender_id == user_id
    return message if message is not None and own else RefusedChange("not_found", message_id)


async def _anywhere(
    db: Connection, room_id: int, user_id: str, message_id: int
) -> MessageRow | RefusedChange:
    """Return a message for the site, whoever sent it."""
    return await get_anybodys(db, room_id, message_id) or RefusedChange("not_found", message_id)


async def react(db: Connection, change: ReactionChange, now: int) -> Outcome:
    """Change a reaction; a real change takes a version, which becomes the message's version."""
    room_id, user_id, id_ = change.room_id, change.sender_id, change.message_id
    if change.is_erasure:
        message = await get_anybodys(db, room_id, id_)
    else:
        message = await get(db, room_id, user_id, id_)
    if message is None:
        return RefusedChange("not_found", id_)
    if not change.is_erasure and await blocks.is_silenced(db, room_id, user_id):
        return RefusedChange("forbidden", id_)
    emoji = _as_shown(change.emoji, message.reactions)
    mine = [r.emoji for r in message.reactions if user_id in r.user_ids]
    wanted = emoji not in mine if change.on is None else change.on
    if wanted == (emoji in mine):
        return Reacted(id_, message.sender_id, message.version, message.reactions, is_new=False)
    if not wanted:
        await reactions.remove(db, room_id, id_, emoji, user_id)
    elif _is_full(message, emoji, change.most):
        text = f"emoji: at most {change.most} different ones under one message."
        return RefusedChange("invalid_frame", id_, text)
    else:
        await reactions.add(db, room_id, id_, emoji, user_id, now)
    version, members_version = await next_version(db, room_id)
    query = "UPDATE messages SET version = :version WHERE room_id = :room_id AND id = :id"
    await db.execute(query, {"room_id": room_id, "id": id_, "version": version})
    now_there = (await reactions.between(db, room_id, id_, id_)).get(id_, [])
    return Reacted(
        id_, message.sender_id, version, now_there, is_new=True, members_version=members_version
    )


def _as_shown(emoji: str, shown: Sequence[ReactionRow]) -> str:
    """Return the form in which the message already has this emoji, else the given form."""
    key = reactions.emoji_key(emoji)
    same = (r.emoji for r in shown if r.emoji == emoji or reactions.emoji_key(r.emoji) == key)
    return next(same, emoji)


def _is_full(message: MessageRow, emoji: str, most: int) -> bool:
    emojis = {reaction.emoji for reaction in message.reactions}
    return len(emojis) >= most and emoji not in emojis
