"""Work on tables that are full of what others have done: ten thousand rows of others in each."""
# ruff: noqa: S608 # no one's words but ours

import itertools
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from roomcast.store import (
    account,
    attachments,
    bans,
    blocks,
    epoch,
    list_order,
    listeners,
    members,
    outbox,
    presence,
    profiles,
    quotas,
    receipts,
    reports,
    revocations,
    room_list,
    room_words,
    rooms,
    site_messages,
    site_reports,
    site_rooms,
    unread,
    unread_reminders,
    uploads,
)
from roomcast.store.maintenance import retention
from roomcast.store.messages import (
    ActChange,
    Add,
    DeleteChange,
    EditChange,
    ReactionChange,
    extra,
    get_anybodys,
    of_ids,
    size_since,
    window,
)
from roomcast.store.messages.extra import SITE, StoredButton
from roomcast.store.outbox import Listeners, NewEvent
from roomcast.store.presence import Process
from roomcast.store.reports import NewReport
from roomcast.store.room_pages import RoomQuery, find_and_count
from roomcast.store.rooms import RoomPatch
from roomcast.store.search import index
from roomcast.store.search.index import IndexDelta, IndexEntry
from roomcast.store.site_rooms import SitePatch
from roomcast.store.store import Connection, Store
from roomcast.store.uploads import READY, UploadRow

Work = Callable[[Store], Awaitable[object]]
OTHERS = 10_000
ROOM, GROUP, OWN_FILE = 1, 3, "f" * 32  # rooms: of one writer, of 256 members; an upload
SERIES = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {OTHERS})"
MANY = SERIES.replace(f"{OTHERS}", f"{10 * OTHERS}")  # below that a planner may well walk
LATER = 2**60
FILLED = (
    f"INSERT INTO people (user_id, name, last_seen) {MANY} SELECT 'p' || i, 'P' || i, i FROM n",
    f"INSERT INTO bans (user_id, reason, created_at) {SERIES} SELECT 'p' || i, '', i FROM n",
    f"INSERT INTO blocks (user_id, blocked_id, created_at) {MANY} SELECT 'p' || i, 'x', i FROM n",
    f"INSERT INTO processes (id, alive_until) VALUES ('other', {LATER}), ('dead', 1)",
    f"INSERT INTO presence (user_id, process_id) {MANY} SELECT 'p' || i, 'other' FROM n",
    f"""INSERT INTO uploads (key, room_id, user_id, name, content_type, size, is_ready, expires_at)
        {SERIES} SELECT 'k' || i, 1, 'p' || i, '', '', 1, 1, {LATER} + i FROM n""",
    f"""INSERT INTO outbox (listener, room_id, kind, user_id, version, created_at)
        {SERIES} SELECT 'hook', 1000 + i, 'message_sent', 'p', 1, i FROM n""",
    f"""INSERT INTO outbox_rooms (room_id, listener, last_id, due_at)
        {SERIES} SELECT 1000 + i, 'hook', 1, {LATER} + i FROM n""",
    f"INSERT INTO unread_checks (room_id, due_at) {SERIES} SELECT 1000 + i, {LATER} + i FROM n",
    f"INSERT INTO revocations (user_id, revoked_at) {SERIES} SELECT 'p' || i, i FROM n",
    f"INSERT INTO departed (user_id, room_id) {SERIES} SELECT 'p' || i, 1 FROM n",
    f"""INSERT INTO reports (room_id, message_id, reporter_id, reason, text, created_at)
        {SERIES} SELECT 1, i, 'p' || i, 'spam', '', i FROM n""",
    f"""INSERT INTO reactions (room_id, message_id, emoji, user_id, created_at)
        {SERIES} SELECT 1, (SELECT min(id) FROM messages WHERE room_id = 1) + i, 'x',
                        'p' || i, i FROM n""",
    f"INSERT INTO room_quotas (user_id, day, opened) {SERIES} SELECT 'p' || i, 20000, 1 FROM n",
    f"""INSERT INTO idempotency_keys (key, body_hash, room_id, created_at)
        {SERIES} SELECT 'i' || i, 1, 1, {LATER} + i FROM n""",
    f"""INSERT INTO attachments (room_id, message_id, position, key, name, content_type, size)
        {SERIES} SELECT 1, (SELECT min(id) FROM messages WHERE room_id = 1) + i, 0, 'a' || i, '',
                        '', 1 FROM n""",
    f"INSERT INTO search_upto (room_id, version) {SERIES} SELECT 1000 + i, 0 FROM n",
)
numbers = itertools.count(1)


def reads(function: Callable[..., Awaitable[object]], *args: Any, **options: Any) -> Work:
    return lambda store: store.read(lambda db: function(db, *args, **options))


def writes(function: Callable[..., Awaitable[object]], *args: Any, **options: Any) -> Work:
    return lambda store: store.write(lambda db: function(db, *args, **options))


def spoken(function: Callable[..., Awaitable[object]], *args: Any) -> Work:
    """A read of a function that also takes the dialect."""
    return lambda store: store.read(lambda db: function(db, store.dialect, *args))


def both(*works: Work) -> Work:
    """One after the other, the second undoing the first."""

    async def work(store: Store) -> object:
        return [await each(store) for each in works]

    return work


def stranger() -> str:
    return f"stranger {next(numbers)}"


async def open_and_delete(store: Store) -> None:
    async def work(db: Connection) -> None:
        for context in ("", "order"):
            opened = await rooms.open_(db, "writer", ["writer", stranger()], context, "", 1)
            assert await rooms.delete(db, opened.room.id, "writer", 2)
        await rooms.sweep(db, 50)

    await store.write(work)


async def come_and_leave(store: Store) -> None:
    async def work(db: Connection) -> None:
        guest = stranger()
        assert await members.find_addition(db, GROUP, "writer", guest)
        added = await members.add(db, GROUP, "writer", guest, 1_000, 1)
        assert not isinstance(added, str)
        assert not isinstance(await members.remove(db, GROUP, "writer", guest, 2), str)

    await store.write(work)


async def leave_as_creator(store: Store) -> None:
    async def work(db: Connection) -> None:
        opened = await rooms.open_(db, "c", ["c", "d", stranger()], "", "", 1)
        await members.remove(db, opened.room.id, "c", "c", 2)

    await store.write(work)


async def send_a_file(store: Store) -> None:
    key = f"{next(numbers):032}"
    upload = UploadRow(key, ROOM, "writer", "a.txt", "text/plain", 1, READY, LATER)
    await store.write(partial(uploads.add, upload=upload))
    (sent,), *_ = await store.commit([Add(ROOM, "writer", "file", files=(key,))], {})
    delete = DeleteChange(ROOM, "writer", sent.message.id)  # type: ignore[union-attr]
    await store.commit([delete], {})


async def handle_uploads(store: Store) -> None:
    key, final = (f"{next(numbers):032}" for _ in range(2))
    upload = UploadRow(key, ROOM, "writer", "a.txt", "text/plain", 1, READY, LATER)

    async def work(db: Connection) -> None:
        await uploads.add(db, upload)
        assert await uploads.get(db, key, ROOM, "writer", 1)
        assert await uploads.is_open(db, key, 1)
        assert await uploads.update(db, upload)
        assert await uploads.claim(db, upload, final)
        await uploads.expire(db, [final])
        assert await uploads.expired(db, 1, 100)
        await uploads.forget(db, [final])

    await store.write(work)


async def press_buttons(store: Store) -> None:
    buttons = extra.of(None, (StoredButton("Yes", "yes"), StoredButton("No", "no", once=True)))
    offer = Add(ROOM, SITE, "An offer", client_id=stranger(), extra=buttons, by_site=True)
    (sent,), *_ = await store.commit([offer], {})
    id_ = sent.message.id  # type: ignore[union-attr]
    await store.commit([ActChange(ROOM, "reader", id_, name) for name in ("yes", "no")], {})
    await store.commit([EditChange(ROOM, SITE, id_, "Closed", by_site=True)], {})
    for on in (True, False, True):  # the last one goes with the message
        await store.commit([ReactionChange(ROOM, "reader", id_, "x", on, 20)], {})
    await store.commit([DeleteChange(ROOM, SITE, id_, by_site=True)], {})


async def repeat_a_message(store: Store) -> None:
    name = stranger()
    for _ in range(2):
        await store.commit([Add(ROOM, "writer", "one", client_id=name)], {})


async def be_online(store: Store) -> None:
    me = Process("me", LATER, store.dialect)

    async def work(db: Connection) -> None:
        await presence.change(db, me, ["writer", "reader"], [])
        await presence.of(db, store.dialect, ["writer", "reader", "p7"])
        await presence.change(db, me, [], ["writer"])
        await presence.reap(db, me)
        await presence.retire(db, me, 0)

    await store.write(work)


async def tell_the_site(store: Store) -> None:
    told = Listeners(("site",), 1)
    event = NewEvent("message_sent", ROOM, "writer", 1, 1)

    async def work(db: Connection) -> None:
        await outbox.note(db, told, [event], 1)
        (claim,) = await outbox.claim(db, store.dialect, ["site"], 2, 3, 10)
        waiting = await outbox.waiting(db, claim, 10)
        await outbox.next_due(db)
        await outbox.settle(db, claim, waiting[-1].id, 0, 4)
        await listeners.register(db, told, 1)
        await listeners.load(db, 0)
        await db.execute("DELETE FROM unread_checks WHERE room_id = :room", {"room": ROOM})

    await store.write(work)


async def remind(store: Store, rooms: tuple[int, ...] = (1, 2, 3, 4)) -> None:
    """Of all that is unread in the rooms, as soon as it may be and as late."""

    async def work(db: Connection) -> None:
        query = "INSERT INTO unread_checks (room_id, due_at) VALUES (:room, 1)"
        for room in rooms:
            await db.execute(query, {"room": room})
        await unread_reminders.claim_unread(db, LATER, 2, 10)
        await unread_reminders.claim_unread(db, 1, LATER - 1, 10)
        await db.execute("DELETE FROM unread_checks WHERE room_id < 10")
        await db.execute(
            "UPDATE members SET reminded_upto = 0 WHERE room_id < 10 AND reminded_upto > 0"
        )

    await store.write(work)


async def ban_and_block(store: Store) -> None:
    async def work(db: Connection) -> None:
        await bans.put(db, "writer", bans.Ban(None, ""), 1)
        assert await bans.find(db, "writer", 1)
        await bans.remove(db, "writer")
        await blocks.add(db, "reader", "writer", 1)
        assert await blocks.find_blockers(db, "writer", ["reader", "p7"]) == {"reader"}
        assert await blocks.has_blocked(db, "reader", "writer")
        assert await blocks.any_blocked(db, ["reader", "p7"], "writer")
        assert await blocks.count(db, "reader") == 1
        assert await blocks.of_user(db, "reader", LATER, 10)
        assert await account.blocked(db, "reader")
        await blocks.remove(db, "reader", "writer")
        await revocations.add(db, "writer", LATER)
        assert await revocations.since(db, LATER - 1)
        await revocations.forget(db, 0)

    await store.write(work)


async def change_own(store: Store) -> None:
    async def work(db: Connection) -> None:
        for flag in (True, False):
            wish = RoomPatch(is_muted=flag, is_archived=flag, is_marked_unread=flag)
            await rooms.change(db, ROOM, "reader", wish)
        await rooms.change(db, ROOM, "writer", RoomPatch(title=stranger()))
        await rooms.change(db, ROOM, "reader", RoomPatch(is_marked_unread=True))
        assert await receipts.is_marked_unread(db, ROOM, "reader")
        await receipts.clear_marked_unread(db, ROOM, "reader")
        await receipts.of_member(db, ROOM, "reader")
        await receipts.of_room(db, GROUP)
        await site_rooms.patch(db, ROOM, SitePatch(title="", about=None))
        await room_words.changed_of(db, "reader", 100, 10)
        await room_words.refresh(db, store.dialect, await room_words.changed(db, 10))

    await store.write(work)


async def open_by_request(store: Store) -> None:
    request = quotas.Request(stranger(), 1)

    async def work(db: Connection) -> None:
        await quotas.count_opened_room(db, "writer", 1)
        await quotas.keep_request(db, request, ROOM, LATER)
        assert await quotas.find_request(db, request.key)

    await store.write(work)


async def report(store: Store) -> None:
    async def work(db: Connection) -> None:
        new = NewReport(ROOM, 1, stranger(), "spam", "")
        assert await reports.add(db, new, 1)
        (newest,) = await site_reports.page(db, "open", LATER, 1)
        assert await site_reports.change(db, newest.id, "open", "seen")

    await store.write(work)


async def erase(store: Store) -> None:
    async def work(db: Connection) -> None:
        await account.ask(db, "nobody", 1)
        assert await account.asked(db, 2)
        assert await account.is_asked(db, "nobody")
        assert await account.claim(db, "nobody", 2, 3)
        await account.renew(db, "nobody", 4)
        await account.release_claims(db)
        await account.forget_client_ids(db, ROOM, [1, 2, 3])
        await db.execute("DELETE FROM erasures")

    await store.write(work)


async def learn(store: Store) -> None:
    """Search follows one room, and what an edit removes from it is forgotten."""
    news, _ = await store.read(lambda db: index.load_changes(db, store.dialect, [ROOM], 50))
    known = [IndexDelta(of.room_id, of.since, of.since, of.entries, True) for of in news]
    for of in known:
        of.entries = [IndexEntry(entry.message_id, entry.text, ("text",)) for entry in of.entries]
    await store.write(lambda db: index.learn(db, store.finder, known))
    (sent,), *_ = await store.commit([Add(ROOM, "writer", "old words")], {})
    await store.commit([EditChange(ROOM, "writer", sent.message.id, "new")], {})  # type: ignore[union-attr]


OTHER_ROWS: list[tuple[str, Work]] = [
    ("profile", reads(account.profile, "writer")),
    ("is known", reads(account.is_known, "nobody")),
    ("own reactions", reads(account.given, "writer", None, 100)),
    ("erasure asked for", erase),
    ("files of messages", reads(attachments.of_messages, [(ROOM, 10_000), (2, 30_000)])),
    ("bans, blocks and revocations", ban_and_block),
    ("value of the database", reads(epoch.get, "schema")),
    ("proof of a write", writes(epoch.prove)),
    ("list changes", both(writes(list_order.mark_room, 2), reads(list_order.has_changes))),
    ("events for the site", tell_the_site),
    ("rooms in order", reads(retention.rooms, 0, 100)),
    ("come and leave", come_and_leave),
    ("creator leaves", leave_as_creator),
    ("message with a file", send_a_file),
    ("uploads", handle_uploads),
    ("buttons", press_buttons),
    ("repeated message", repeat_a_message),
    ("size since", reads(size_since, ROOM, 19_000, 100)),
    ("messages by ids", reads(of_ids, "writer", [(ROOM, 10_000), (2, 30_000)])),
    ("around a message", reads(window.around, ROOM, "reader", 10_000, 50)),
    ("around a deleted message", reads(window.around, 2, "reader", 30_000, 50)),
    ("first at a time", reads(window.first_since, ROOM, 10_000)),
    ("first at a time before all", reads(window.first_since, 2, 0)),
    ("presence", be_online),
    ("profile of a token", writes(profiles.see, "reader", "Reader", None)),
    ("profile of the site", writes(profiles.put, "reader", {"email": "a@b"})),
    ("profile shown", reads(profiles.load, "reader")),
    ("profile of a stranger", reads(profiles.load, "nobody")),
    ("requests and quotas", open_by_request),
    ("own flags and words", change_own),
    ("reports", report),
    ("no resolved reports", reads(site_reports.page, "resolved", LATER, 50)),
    ("unread in a room", reads(room_list.unread, ROOM, "reader")),
    ("rooms opened and deleted", open_and_delete),
    ("context", reads(rooms.find_context, ROOM)),
    ("reminders of what is unread", remind),
    ("reminders of what is unread beside own", partial(remind, rooms=(5, 6))),
    ("room opened again", writes(rooms.open_, "writer", ["writer", "reader"], "1", "", 1)),
    ("room of a pair", reads(rooms.find_pair, ["writer", "reader"], "1")),
    ("room is there", reads(rooms.exists, ROOM)),
    ("is member", reads(rooms.has_member, ROOM, "reader")),
    ("rooms that search is behind of", reads(index.behind_of, "many", [ROOM], 20)),
    ("rooms of a user for search", reads(index.rooms_of, "many")),
    ("search follows", learn),
    ("messages for the site", reads(site_messages.page, ROOM, None, None, 50)),
    ("message for the site", reads(get_anybodys, ROOM, 10_000)),
    ("deleted messages for the site", reads(site_messages.page, 2, None, None, 50)),
    ("newer messages for the site", reads(site_messages.page, ROOM, None, 0, 50)),
    ("room for the site", reads(site_rooms.one, ROOM)),
    ("members for the site", reads(site_rooms.find_members, GROUP)),
    ("online", spoken(unread.online, ["writer", "p7"])),
    ("members of rooms", spoken(unread.members, [ROOM, GROUP])),
    ("counted page", spoken(find_and_count, RoomQuery("writer", 42, only_unread=True))),
]

# Functions with statements that no row runs, and why they may visit what they visit.
REASONS = {
    "account.py: forget": "once for each erasure: uploads and events of the last day",
    "bans.py: current": "the bans themselves are asked for",
    "listeners.py: forget": "once for each listener that is gone: its own events",
    "maintenance/recount.py: wrong": "fsck: an operator's command over everything",
    "maintenance/recount.py: mend": "the same",
    "maintenance/retention.py: count_rooms": "prune: an operator's command over everything",
    "maintenance/retention.py: rooms_with_old": "once an hour, an index entry for each room",
    "messages/message_blocks.py: extend": "once for each message, in the background, in parts",
    "messages/message_blocks.py: rebuild": "fsck: an operator's command over everything",
    "outbox.py: release": "once at a start",
    "quotas.py: forget_old": "once an hour, of the last days",
    "room_counts.py: find_wrong": "fsck: an operator's command over everything",
    "room_counts.py: mend": "the same",
    "search/index.py: behind": "once at a start: whether search knows all of each room",
    "search/sqlite.py: merge": "at most 100 pages of the index in one call",
    "search/sqlite.py: find": "walks through at most WALKED messages with the word",
    "search/postgres.py: _walk": "walks through stretches of ids for at most BUDGET seconds",
    "stats.py: load": "the site asks for numbers of everything",
    # One row of a table with one row for each database, connection or process:
    "postgres/engine.py: _migrate": "a lock, at a start",
    "postgres/engine.py: _make_schema": "the catalogue, at a start",
    "postgres/process_lock.py: take": "a lock",
    "postgres/session.py: find_lock_holder": "the locks, at a start",
    "postgres/session.py: find_lineage": "a value of the cluster",
}
