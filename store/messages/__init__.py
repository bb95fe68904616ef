"""Messages of a room: what is stored of them, the changes to them, and the ways to read them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, TypeGuard

from databases.core import Connection
from msgspec import Struct
from sqlalchemy import TextClause, bindparam, text

from .. import blocks, reactions
from ..reactions import Reaction

QUOTED = 140  # code points of a message that are shown where another one answers it


class Attachment(Struct, frozen=True):
    """A file of a message; `key` is its object in the bucket, `size` in bytes.

    Width and height are the pixels of a picture as it is shown; None for everything else.
    """

    key: str
    name: str
    content_type: str
    size: int
    width: int | None = None
    height: int | None = None


class Quote(Struct, frozen=True):
    """What is shown of the message that another one answers; no text once it is deleted."""

    message_id: int
    sender_id: str
    text: str | None


Quotes = Mapping[tuple[int, int | None], Quote]  # by room and message; of others there are none


class Message(Struct, gc=False):  # as all of which each message makes one: none is in a cycle
    """A row of messages, and what hangs on it; times in microseconds since 1970, UTC."""

    id: int
    room_id: int
    sender_id: str
    text: str
    created_at: int
    updated_at: int
    version: int
    client_id: str | None = None
    reply_to: int | None = None
    attachments: Sequence[Attachment] = ()
    quote: Quote | None = None
    reactions: Sequence[Reaction] = ()

    @property
    def is_edited(self) -> bool:
        """A reaction changes the version alone."""
        return self.updated_at > self.created_at


# ---------------------------------------------------------------- changes and their outcomes


class Refused(Struct):
    """The change was not made: `code` is one of the refusals' codes."""

    code: str
    message_id: int | None = None
    says: str = ""


class Added(Struct, gc=False):
    """`roster` is the room's, in this and the other outcomes: under it the change was made."""

    message: Message
    roster: int = 0


class Repeated(Struct):
    """This client_id is stored already, as this message: nothing was added."""

    message: Message


class Edited(Struct):
    message: Message
    roster: int = 0


class Deleted(Struct):
    message_id: int
    version: int
    roster: int = 0


class Reacted(Struct):
    """The reactions to a message as they are now; `is_new` where this change made them so."""

    message_id: int
    author_id: str
    version: int
    reactions: Sequence[Reaction]
    is_new: bool
    roster: int = 0


Outcome = Added | Repeated | Edited | Deleted | Reacted | Refused


class Add(Struct, gc=False):
    """A new message; `files` are keys of its sender's uploads, `base` is where links start.

    `said` is the sender's own text, where the host had it changed.
    """

    room_id: int
    sender_id: str
    text: str
    client_id: str | None = None
    files: Sequence[str] = ()
    base: str = ""
    reply_to: int | None = None
    said: str | None = None

    @property
    def text_hash(self) -> int | None:
        said = self.text if self.said is None else self.said
        return None if self.client_id is None else hash_of(said)

    def is_lost(self, quotes: Quotes) -> bool:
        """Whether it answers what is not there (any more)."""
        quote = quotes.get((self.room_id, self.reply_to))
        return self.reply_to is not None and (quote is None or quote.text is None)

    def again(self, message: Message, text_hash: int, *, is_deleted: bool) -> Outcome:
        """The outcome where this client_id is stored already, as `message`."""
        if is_deleted:
            return Refused("not_found", message.id)
        same = text_hash == self.text_hash
        return Repeated(message) if same else Refused("conflict", message.id)


class Edit(Struct):
    room_id: int
    sender_id: str
    message_id: int
    text: str
    base: str = ""


class Delete(Struct):
    """An erasure also reaches into rooms that the sender has left, and leaves no `client_id`.

    Otherwise the `client_id` stays: sent again, it says that the message was deleted.
    """

    room_id: int
    sender_id: str
    message_id: int
    is_erasure: bool = False


class React(Struct):
    """The sender's reaction: there, not there, or (None) the other of the two."""

    room_id: int
    sender_id: str
    message_id: int
    emoji: str
    on: bool | None
    most: int  # different emoji that one message may have
    is_erasure: bool = False


Change = Add | Edit | Delete | React


def is_plain(change: Change) -> TypeGuard[Add]:
    """A text and nothing else: what the engines store many of in one statement."""
    return isinstance(change, Add) and not change.files


def runs(changes: Sequence[Change]) -> Iterator[list[Add] | Change]:
    """In the order given: plain texts in a row are together, everything else is alone."""
    plain: list[Add] = []
    for change in changes:
        if is_plain(change):
            plain.append(change)
            continue
        if plain:
            yield plain
        plain = []
        yield change
    if plain:
        yield plain


def hash_of(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


# ---------------------------------------------------------------- writing


async def make(db: Connection, change: Change, now: int) -> Outcome:
    """One change, in the transaction that the caller holds."""
    match change:
        case Add():
            return await add(db, change, now)
        case Edit():
            return await edit(db, change, now)
        case Delete():
            return await delete(db, change, now)
        case React():
            return await react(db, change, now)


async def add(db: Connection, change: Add, now: int) -> Outcome:
    """A message with files: they turn from the sender's uploads into its attachments."""
    if refused := await _may_add(db, change):
        return refused
    quoted = await _quotes(db, change.room_id, [change.reply_to])
    if change.is_lost(quoted):
        return Refused("not_found", change.reply_to)
    files = await _uploads(db, change, now)
    if len(files) < len(change.files):
        return Refused("file_missing")
    await _take(db, change)
    version, roster = await _next_version(db, change.room_id, sent_at=now)
    message = Message(
        0, change.room_id, change.sender_id, change.text, now, now, version, change.client_id,
        change.reply_to, files, quoted.get((change.room_id, change.reply_to)),
    )  # fmt: skip
    message.id = await _insert(db, message, change.text_hash)
    await _count(db, message)
    await _attach(db, message)
    return Added(message, roster)


async def _may_add(db: Connection, change: Add) -> Outcome | None:
    query = """
        SELECT x.id, x.room_id, x.sender_id, x.text, x.created_at, x.updated_at, x.version,
               x.client_id, x.reply_to, x.text_hash, x.deleted_at
          FROM members me
          LEFT JOIN messages x ON x.room_id = me.room_id AND x.sender_id = me.user_id
                              AND x.client_id = :client_id
         WHERE me.room_id = :room_id AND me.user_id = :user_id
    """
    values = {"room_id": change.room_id, "user_id": change.sender_id, "client_id": change.client_id}
    row = await db.fetch_one(query, values)
    if row is None:
        return Refused("not_found")
    if row["id"] is None:
        is_blocked = await blocks.is_blocked(db, change.room_id, change.sender_id)
        return Refused("forbidden") if is_blocked else None
    *fields, text_hash, deleted_at = row._mapping.values()
    message = Message(*fields)
    await _complete(db, message.room_id, [message])
    return change.again(message, text_hash, is_deleted=deleted_at is not None)


async def _uploads(db: Connection, change: Add, now: int) -> list[Attachment]:
    query = """
        SELECT key, name, content_type, size, width, height FROM uploads
         WHERE key = :key AND room_id = :room_id AND user_id = :user_id AND expires_at > :now
           AND is_ready = 1
    """
    found: list[Attachment] = []
    for key in change.files:
        values = {"key": key, "room_id": change.room_id, "user_id": change.sender_id, "now": now}
        rows = await db.fetch_all(query, values)
        found += [Attachment(**dict(row._mapping)) for row in rows]
    return found


async def _take(db: Connection, change: Add) -> None:
    """The uploads are the message's from here on."""
    for key in change.files:
        await db.execute("DELETE FROM uploads WHERE key = :key", {"key": key})


async def _insert(db: Connection, message: Message, text_hash: int | None) -> int:
    query = """
        INSERT INTO messages (room_id, sender_id, client_id, text_hash, text, reply_to,
                              created_at, updated_at, version)
        VALUES (:room_id, :sender_id, :client_id, :text_hash, :text, :reply_to,
                :now, :now, :version)
        RETURNING id
    """
    values = {
        "room_id": message.room_id,
        "sender_id": message.sender_id,
        "client_id": message.client_id,
        "text_hash": text_hash,
        "text": message.text,
        "reply_to": message.reply_to,
        "now": message.created_at,
        "version": message.version,
    }
    rows = await db.fetch_all(query, values)
    return int(rows[0]["id"])


async def _attach(db: Connection, message: Message) -> None:
    query = """
        INSERT INTO attachments (room_id, message_id, position, key, name, content_type, size,
                                 width, height)
        VALUES (:room_id, :message_id, :position, :key, :name, :content_type, :size,
                :width, :height)
    """
    for position, file in enumerate(message.attachments):
        await db.execute(
            query,
            {
                "room_id": message.room_id,
                "message_id": message.id,
                "position": position,
                "key": file.key,
                "name": file.name,
                "content_type": file.content_type,
                "size": file.size,
                "width": file.width,
                "height": file.height,
            },
        )


async def _next_version(db: Connection, room_id: int, sent_at: int = 0) -> tuple[int, int]:
    """And the roster. With `sent_at` it is the version of a new message."""
    query = """
        UPDATE rooms
           SET version = version + 1, total = total + :sent,
               active_at = CASE WHEN active_at < :sent_at THEN :sent_at ELSE active_at END
         WHERE id = :room_id
        RETURNING version, roster
    """
    values = {"room_id": room_id, "sent": 1 if sent_at else 0, "sent_at": sent_at}
    rows = await db.fetch_all(query, values)
    return rows[0]["version"], rows[0]["roster"]


async def _count(db: Connection, message: Message) -> None:
    query = """
        UPDATE members SET sent = sent + 1 WHERE room_id = :room_id AND user_id = :user_id
    """
    await db.execute(query, {"room_id": message.room_id, "user_id": message.sender_id})


async def edit(db: Connection, change: Edit, now: int) -> Outcome:
    found = await _own(db, change.room_id, change.sender_id, change.message_id)
    if isinstance(found, Refused):
        return found
    if await blocks.is_blocked(db, change.room_id, change.sender_id):
        return Refused("forbidden", change.message_id)
    if not change.text.strip() and not found.attachments:
        return Refused("empty_message", change.message_id)
    found.text, found.updated_at = change.text, max(now, found.updated_at + 1)
    found.version, roster = await _next_version(db, change.room_id)
    query = """
        UPDATE messages SET text = :text, updated_at = :now, version = :version
         WHERE room_id = :room_id AND id = :id
    """
    await db.execute(
        query,
        {
            "room_id": change.room_id,
            "id": change.message_id,
            "text": change.text,
            "now": found.updated_at,
            "version": found.version,
        },
    )
    return Edited(found, roster)


async def delete(db: Connection, change: Delete, now: int) -> Outcome:
    """Leaves a tombstone; the objects of its attachments go to the next sweep."""
    reach = _own_anywhere if change.is_erasure else _own
    found = await reach(db, change.room_id, change.sender_id, change.message_id)
    if isinstance(found, Refused):
        return found
    version, roster = await _next_version(db, change.room_id)
    query = """
        UPDATE messages SET text = '', text_hash = NULL, updated_at = :now, deleted_at = :now,
                            version = :version,
                            client_id = CASE WHEN :is_erasure = 0 THEN client_id END
         WHERE room_id = :room_id AND id = :id
    """
    where = {"room_id": change.room_id, "id": change.message_id}
    values = {**where, "now": now, "version": version, "is_erasure": int(change.is_erasure)}
    await db.execute(query, values)
    if found.attachments:
        await _discard(db, change.room_id, change.message_id)
    if found.reactions:
        await reactions.forget(db, change.room_id, change.message_id)
    return Deleted(change.message_id, version, roster)


async def drop(db: Connection, room_id: int, last: int) -> None:
    """Takes all up to this id without a trace; the objects go to the next sweep."""
    upto = {"room_id": room_id, "last": last}
    query = """
        INSERT INTO search_upto (room_id, version) SELECT id, 0 FROM rooms WHERE id = :room_id
            ON CONFLICT (room_id) DO UPDATE SET version = search_upto.version
    """
    await db.execute(query, {"room_id": room_id})  # search, if it learns of them now, is waited for
    query = """
        INSERT INTO uploads (key, room_id, user_id, name, content_type, size, is_ready, expires_at)
        SELECT key, room_id, '', name, content_type, size, 0, 0
          FROM attachments WHERE room_id = :room_id AND message_id <= :last
            ON CONFLICT (key) DO NOTHING -- another process does the same
    """
    await db.execute(query, upto)
    query = "DELETE FROM messages WHERE room_id = :room_id AND id <= :last RETURNING id"
    gone = [row["id"] for row in await db.fetch_all(query, upto)]
    forget = text("DELETE FROM search WHERE rowid IN :ids")
    await db.execute(forget.bindparams(bindparam("ids", value=gone, expanding=True)))


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


def rewritten(outcomes: Iterable[Outcome]) -> list[int]:
    """Return the ids of messages whose words search must forget at once."""
    return [
        outcome.message_id if isinstance(outcome, Deleted) else outcome.message.id
        for outcome in outcomes
        if isinstance(outcome, Deleted | Edited)
    ]


async def _own(db: Connection, room_id: int, user_id: str, message_id: int) -> Message | Refused:
    """A message that the user may change."""
    message = await get(db, room_id, user_id, message_id)
    if message is None:
        return Refused("not_found", message_id)
    return message if message.sender_id == user_id else Refused("forbidden", message_id)


async def _own_anywhere(
    db: Connection, room_id: int, user_id: str, message_id: int
) -> Message | Refused:
    """Also where the user is no member any more."""
    message = await _anybodys(db, room_id, message_id)
    own = message is not None and message.sender_id == user_id
    return message if message is not None and own else Refused("not_found", message_id)


async def _anybodys(db: Connection, room_id: int, message_id: int) -> Message | None:
    query = """
        SELECT id, room_id, sender_id, text, created_at, updated_at, version, client_id, reply_to
          FROM messages WHERE room_id = :room_id AND id = :id AND deleted_at IS NULL
    """
    found = await load(db, room_id, query, {"room_id": room_id, "id": message_id})
    return found[0] if found else None


async def react(db: Connection, change: React, now: int) -> Outcome:
    """Takes a version where it changes anything; that is the message's from then on."""
    room_id, user_id, id_ = change.room_id, change.sender_id, change.message_id
    if change.is_erasure:
        message = await _anybodys(db, room_id, id_)
    else:
        message = await get(db, room_id, user_id, id_)
    if message is None:
        return Refused("not_found", id_)
    if not change.is_erasure and await blocks.is_blocked(db, room_id, user_id):
        return Refused("forbidden", id_)
    mine = [r.emoji for r in message.reactions if user_id in r.user_ids]
    wanted = change.emoji not in mine if change.on is None else change.on
    if wanted == (change.emoji in mine):
        return Reacted(id_, message.sender_id, message.version, message.reactions, is_new=False)
    if not wanted:
        await reactions.remove(db, room_id, id_, change.emoji, user_id)
    elif _is_full(message, change):
        says = f"emoji: at most {change.most} different ones under one message."
        return Refused("invalid_frame", id_, says)
    else:
        await reactions.add(db, room_id, id_, change.emoji, user_id, now)
    version, roster = await _next_version(db, room_id)
    query = "UPDATE messages SET version = :version WHERE room_id = :room_id AND id = :id"
    await db.execute(query, {"room_id": room_id, "id": id_, "version": version})
    now_there = (await reactions.between(db, room_id, id_, id_)).get(id_, [])
    return Reacted(id_, message.sender_id, version, now_there, is_new=True, roster=roster)


def _is_full(message: Message, change: React) -> bool:
    emojis = {reaction.emoji for reaction in message.reactions}
    return len(emojis) >= change.most and change.emoji not in emojis


# ---------------------------------------------------------------- reading


async def get(db: Connection, room_id: int, user_id: str, message_id: int) -> Message | None:
    """One message of a room of the user's; None for a deleted one and for a stranger."""
    query = """
        SELECT m.id, m.room_id, m.sender_id, m.text, m.created_at, m.updated_at, m.version,
               m.client_id, m.reply_to
          FROM messages m
          JOIN members me ON me.room_id = m.room_id AND me.user_id = :user_id
         WHERE m.room_id = :room_id AND m.id = :id AND m.deleted_at IS NULL
    """
    values = {"room_id": room_id, "user_id": user_id, "id": message_id}
    found = await load(db, room_id, query, values)
    return found[0] if found else None


async def find(db: Connection, room_id: int, user_id: str, client_id: str) -> int | None:
    """The id of the message that was sent under this client_id, deleted or not."""
    query = """
        SELECT id FROM messages
         WHERE room_id = :room_id AND sender_id = :user_id AND client_id = :client_id
    """
    values = {"room_id": room_id, "user_id": user_id, "client_id": client_id}
    row = await db.fetch_one(query, values)
    return None if row is None else int(row["id"])


class Page(Struct, frozen=True):
    """Which messages: older than `before`; with `after`, the oldest of the newer ones."""

    room_id: int
    user_id: str
    before: int
    after: int | None
    limit: int


async def page(db: Connection, where: Page, limit: int) -> list[Message]:
    """At most `limit` messages, oldest first; none for a stranger."""
    values = {
        "room_id": where.room_id,
        "user_id": where.user_id,
        "before": where.before,
        "limit": limit,
    }
    if where.after is not None:
        return await load(db, where.room_id, NEWER, {**values, "after": where.after})
    return (await load(db, where.room_id, OLDER, values))[::-1]


OLDER = """
    SELECT m.id, m.room_id, m.sender_id, m.text, m.created_at, m.updated_at, m.version,
           m.client_id, m.reply_to
      FROM messages m
      JOIN members me ON me.room_id = m.room_id AND me.user_id = :user_id
     WHERE m.room_id = :room_id AND m.id < :before AND m.deleted_at IS NULL
     ORDER BY m.id DESC LIMIT :limit
"""
NEWER = """
    SELECT m.id, m.room_id, m.sender_id, m.text, m.created_at, m.updated_at, m.version,
           m.client_id, m.reply_to
      FROM messages m
      JOIN members me ON me.room_id = m.room_id AND me.user_id = :user_id
     WHERE m.room_id = :room_id AND m.id > :after AND m.id < :before AND m.deleted_at IS NULL
     ORDER BY m.id LIMIT :limit
"""


async def between(db: Connection, room_id: int, above: int, upto: int, most: int) -> list[Message]:
    """The newest messages with above < id <= upto, oldest first: the server's own look."""
    query = """
        SELECT id, room_id, sender_id, text, created_at, updated_at, version, client_id, reply_to
          FROM messages
         WHERE room_id = :room_id AND id > :above AND id <= :upto AND deleted_at IS NULL
         ORDER BY id DESC LIMIT :most
    """
    values = {"room_id": room_id, "above": above, "upto": upto, "most": most}
    return (await load(db, room_id, query, values))[::-1]


class Since(Struct):
    """A room's state, and what changed in it after a version."""

    version: int
    roster: int
    title: str
    messages: list[Message]
    deleted: list[tuple[int, int, str]]  # id, version, sender


async def since(db: Connection, room_id: int, version: int) -> Since | None:
    """For the server's own catching up; None where the room is gone."""
    query = "SELECT version, roster, title FROM rooms WHERE id = :room_id AND deleted_at IS NULL"
    row = await db.fetch_one(query, {"room_id": room_id})
    if row is None:
        return None
    values = {"room_id": room_id, "version": version}
    query = """
        SELECT id, room_id, sender_id, text, created_at, updated_at, version, client_id, reply_to
          FROM messages
         WHERE room_id = :room_id AND version > :version AND deleted_at IS NULL
         ORDER BY version
    """
    messages = await load(db, room_id, query, values)
    query = """
        SELECT id, version, sender_id FROM messages
         WHERE room_id = :room_id AND version > :version AND deleted_at IS NOT NULL
    """
    rows = await db.fetch_all(query, values)
    deleted = [(gone["id"], gone["version"], gone["sender_id"]) for gone in rows]
    return Since(row["version"], row["roster"], row["title"], messages, deleted)


async def of_ids(db: Connection, user_id: str, found: Iterable[tuple[int, int]]) -> list[Message]:
    """Those of these (room, id) that are there and in rooms of the user's, newest first."""
    by_room: dict[int, list[int]] = {}
    for room_id, id_ in found:
        by_room.setdefault(room_id, []).append(id_)
    messages: list[Message] = []
    for room_id, ids in by_room.items():
        query = text("""
            SELECT m.id, m.room_id, m.sender_id, m.text, m.created_at, m.updated_at, m.version,
                   m.client_id, m.reply_to
              FROM messages m
              JOIN members me ON me.room_id = m.room_id AND me.user_id = :user_id
             WHERE m.room_id = :room_id AND m.id IN :ids AND m.deleted_at IS NULL
        """).bindparams(
            bindparam("ids", value=ids, expanding=True),
            bindparam("room_id", value=room_id),
            bindparam("user_id", value=user_id),
        )
        messages += await load(db, room_id, query)
    return sorted(messages, key=lambda message: -message.id)


async def load(
    db: Connection, room_id: int, query: str | TextClause, values: dict[str, Any] | None = None
) -> list[Message]:
    rows = await db.fetch_all(query, values)
    messages = [Message(*row._mapping.values()) for row in rows]
    await _complete(db, room_id, messages)
    return messages


async def _complete(db: Connection, room_id: int, messages: Sequence[Message]) -> None:
    """Gives the messages of a room what hangs on them."""
    if not messages:
        return
    ids = [message.id for message in messages]
    files = await _attachments(db, room_id, min(ids), max(ids))
    reacted = await reactions.between(db, room_id, min(ids), max(ids))
    quotes = await _quotes(db, room_id, [message.reply_to for message in messages])
    for message in messages:
        message.attachments = files.get(message.id, ())
        message.reactions = reacted.get(message.id, ())
        message.quote = quotes.get((room_id, message.reply_to))


async def _quotes(db: Connection, room_id: int, ids: Sequence[int | None]) -> Quotes:
    wanted = list({id_ for id_ in ids if id_ is not None})
    if not wanted:
        return {}
    query = text("""
        SELECT id, sender_id,
               CASE WHEN deleted_at IS NULL THEN substr(text, 1, :most) END AS shown
          FROM messages WHERE room_id = :room_id AND id IN :ids
    """).bindparams(
        bindparam("ids", value=wanted, expanding=True),
        bindparam("room_id", value=room_id),
        bindparam("most", value=QUOTED),
    )
    rows = await db.fetch_all(query)
    return {(room_id, r["id"]): Quote(r["id"], r["sender_id"], r["shown"]) for r in rows}


async def _attachments(
    db: Connection, room_id: int, first: int, last: int
) -> dict[int, list[Attachment]]:
    query = """
        SELECT message_id, key, name, content_type, size, width, height
          FROM attachments
         WHERE room_id = :room_id AND message_id BETWEEN :first AND :last
         ORDER BY message_id, position
    """
    rows = await db.fetch_all(query, {"room_id": room_id, "first": first, "last": last})
    found: dict[int, list[Attachment]] = {}
    for row in rows:
        message_id, *rest = row._mapping.values()
        found.setdefault(message_id, []).append(Attachment(*rest))
    return found
