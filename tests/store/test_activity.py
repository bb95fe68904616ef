"""What a list of rooms says of the newest message: its files, and the time by a clock put right."""

from functools import partial

import pytest
from roomcast.store import receipts, rooms, unread, uploads
from roomcast.store.messages import Add, AttachmentRow
from roomcast.store.store import Store
from roomcast.store.uploads import READY, UploadRow

from .listing import list_rooms

ADA, BOB, EVE = "1", "2", "3"
HOUR = 3_600_000_000


async def opens(store: Store, other: str) -> int:
    open_ = partial(rooms.open_, creator_id=ADA, members=[ADA, other], context="", title="", now=1)
    return (await store.write(open_)).room.id


async def listed(store: Store) -> list[int]:
    page = await list_rooms(store, ADA)
    return [room.room.id for room in page]


@pytest.mark.parametrize("many", [1, 2])
async def test_a_clock_that_was_ahead_keeps_no_room_on_top(store: Store, many: int) -> None:
    one, two = await opens(store, BOB), await opens(store, EVE)
    now = 10 * HOUR
    await store.engine.commit([Add(one, ADA, "ahead")] * many, {}, now + 5 * HOUR)
    await store.engine.commit([Add(one, ADA, "right again")] * many, {}, now)
    await store.engine.commit([Add(two, ADA, "later")] * many, {}, now + 1)
    assert await listed(store) == [two, one]


async def test_a_picture_alone_is_told_of(store: Store) -> None:
    room, other = await opens(store, BOB), await opens(store, EVE)
    upload = UploadRow("ab" * 16, room, BOB, "a.png", "image/png", 68, READY, 2**60, 4, 3)
    await store.write(partial(uploads.add, upload=upload))
    await store.commit([Add(room, BOB, "", files=[upload.key]), Add(other, EVE, "hi")], {})
    picture = AttachmentRow(upload.key, "a.png", "image/png", 68, 4, 3)
    page = await list_rooms(store, ADA)
    files = {r.room.id: list(r.last_message.attachments) for r in page if r.last_message}
    assert files == {room: [picture], other: []}
    newest = await store.read(partial(unread.of_rooms, user_id=ADA, room_ids=[room, other]))
    assert {id_: list(n.attachments) for id_, (_, n) in newest.items()} == files


@pytest.mark.parametrize("is_hidden", [False, True])
async def test_hidden_receipts_do_not_show_in_what_is_unread(store: Store, is_hidden: bool) -> None:
    open_ = partial(rooms.open_, creator_id=ADA, members=[ADA, BOB, EVE], context="", title="")
    room = (await store.write(partial(open_, now=1))).room.id
    if is_hidden:
        await store.write(partial(receipts.hide, room_id=room, user_id=ADA))
    await store.commit([Add(room, BOB, "hi")], {})
    page = await store.read(partial(unread.of_rooms, user_id=EVE, room_ids=[room]))
    id_ = page[room][1].id
    await store.commit([], {(room, ADA): (id_, id_), (room, EVE): (id_, 0)})
    newest = await store.read(partial(unread.of_rooms, user_id=EVE, room_ids=[room]))
    assert newest[room][1].status == ("send" if is_hidden else "delivered")
