"""The stored places of rooms in lists are those that the rooms say, whatever happens in them."""

from roomcast.store import list_order
from roomcast.store.maintenance import recount
from roomcast.store.messages import Add, DeleteChange, EditChange
from roomcast.store.room_lock import lock_room
from roomcast.store.rooms import RoomPatch, change, open_
from roomcast.store.store import Connection, Store

from ..engines.postgres import Postgres


async def carries_over(store: Store) -> None:
    await store.carry_over(100)


async def misplaced(store: Store) -> list[int]:
    found = await store.read(lambda db: recount.wrong(db, 0, 2**53))
    return [room.misplaced for room in found]


async def test_places_are_right_after_each_change(store: Store) -> None:
    opened = await store.write(lambda db: open_(db, "1", ["1", "2", "3"], "", "", 5))
    room = opened.room.id
    changes = (
        Add(room, "1", "first"),
        Add(room, "1", "second"),
        EditChange(room, "1", 1, "other"),
        DeleteChange(room, "1", 2),
        DeleteChange(room, "1", 1),
    )
    for each in changes:
        await store.commit([each], {})
        assert await misplaced(store) == [], each
        await carries_over(store)
        assert await misplaced(store) == [], each
    await store.commit([Add(room, "2", "third")], {})
    await carries_over(store)
    for marks in ({(room, "1"): (3, 3)}, {(room, "3"): (3, 0)}, {(room, "3"): (3, 3)}):
        await store.commit([], marks)
        assert await misplaced(store) == [], marks
    for flag in (True, False):
        patch = RoomPatch(is_marked_unread=flag)
        await store.write(lambda db, patch=patch: change(db, room, "1", patch))  # type: ignore[misc]
        assert await misplaced(store) == [], flag


async def test_rooms_that_others_write_to_are_left_for_the_next_time(postgres: Postgres) -> None:
    store, other = (Store(url, alone=False) for url in [postgres.create_database()] * 2)
    await store.open()
    await other.open()
    for context in "ab":
        await store.write(lambda db, name=context: open_(db, "1", ["1", "2"], name, "", 5))  # type: ignore[misc]
    await store.commit([Add(1, "1", "one"), Add(2, "1", "two")], {})
    behind = "SELECT room_id FROM members WHERE user_id = '2' AND is_behind = 1 ORDER BY room_id"

    async def find(db: Connection) -> list[int]:
        return [row["room_id"] for row in await db.fetch_all(behind)]

    async def update(db: Connection) -> None:
        await lock_room(db, 1)
        assert not await store.carry_over(100)
        assert await store.read(find) == [2]

    await other.write(update)
    assert await store.read(list_order.has_changes)
    await store.carry_over(1)
    assert await store.read(find) == [1, 2]
    assert not await store.read(list_order.has_changes)
    await other.aclose()
    await store.aclose()
