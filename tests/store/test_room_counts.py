"""How many rooms a list and an archive have: counted as they change, whatever changes them."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from roomcast.chat.room_lists import RoomLists
from roomcast.store import members, room_counts, room_pages, rooms
from roomcast.store.maintenance import recount, retention
from roomcast.store.messages import Add
from roomcast.store.room_pages import RoomQuery
from roomcast.store.rooms import RoomPatch
from roomcast.store.store import Connection, Store

ADA, BOB, CARL, DORA = "1", "2", "3", "4"
EVERYBODY = (ADA, BOB, CARL, DORA)
Step = Callable[[Store], Awaitable[object]]


def writes(function: Callable[..., Awaitable[object]], *args: Any, **options: Any) -> Step:
    return lambda store: store.write(lambda db: function(db, *args, **options))


def opens(context: str, *users: str) -> Step:
    return writes(rooms.open_, ADA, users, context, "", 1)


def archives(room: int, user: str = ADA, *, on: bool = True) -> Step:
    return writes(rooms.change, room, user, RoomPatch(is_archived=on))


async def carries_over(store: Store) -> object:
    return await store.carry_over(100)


def says(room: int) -> Step:
    return lambda store: store.engine.commit([Add(room, BOB, "hi")], {}, 10 + room)


PAIR, GROUP, OTHER = 1, 2, 3
STEPS: list[tuple[str, Step]] = [
    ("a pair", opens("a", ADA, BOB)),
    ("the same pair again", opens("a", ADA, BOB)),
    ("a group", opens("b", ADA, BOB, CARL)),
    ("another pair", opens("c", ADA, BOB)),
    ("archived", archives(PAIR)),
    ("archived again", archives(PAIR)),
    ("by the other too", archives(PAIR, BOB)),
    ("muted", writes(rooms.change, PAIR, ADA, RoomPatch(is_muted=True))),
    ("news for an archived room", says(PAIR)),
    ("archived with its news", archives(PAIR)),
    ("carried over", carries_over),
    ("more news", says(PAIR)),
    ("back", archives(PAIR, on=False)),
    ("back again", archives(PAIR, on=False)),
    ("carried over again", carries_over),
    ("archived for long", archives(GROUP)),
    ("by a stranger", archives(GROUP, DORA)),
    ("news in both", says(GROUP)),
    ("carried over at last", carries_over),
    ("a member more", writes(members.add, GROUP, ADA, DORA, 9, 1)),
    ("the same member", writes(members.add, GROUP, ADA, DORA, 9, 1)),
    ("archived by the new one", archives(GROUP, DORA)),
    ("recounted", writes(recount.mend, GROUP)),
    ("pruned", writes(retention.prune, PAIR, 1_000, 50)),
    ("removed from an archived room", writes(members.remove, GROUP, ADA, DORA, 1)),
    ("nobody removed", writes(members.remove, GROUP, ADA, DORA, 1)),
    ("left", writes(members.remove, GROUP, CARL, CARL, 1)),
    ("archived, then deleted", archives(OTHER)),
    ("deleted", writes(rooms.delete, OTHER, ADA, 1)),
    ("deleted twice", writes(rooms.delete, OTHER, ADA, 1)),
    ("carried over in the end", carries_over),
]


async def lengths(db: Connection, store: Store, user: str) -> tuple[int, int]:
    """By walking through both lists."""
    found = []
    for is_archived in (False, True):
        query = RoomQuery(user, 100, is_archived=is_archived)
        found.append(len(await room_pages.find(db, store.dialect, query)))
    return found[0], found[1]


async def counts(db: Connection, user: str) -> tuple[int, int]:
    of_user = partial(room_counts.of_user, db, user)
    return await of_user(is_archived=False), await of_user(is_archived=True)


async def test_the_counters_follow_whatever_changes_a_list(store: Store) -> None:
    seen = set()
    for name, step in STEPS:
        await step(store)
        wrong, _ = await store.read(lambda db: room_counts.find_wrong(db, "", 100))
        assert wrong == [], name
        for user in EVERYBODY:
            counted = await store.read(lambda db, user=user: counts(db, user))
            walked = await store.read(lambda db, user=user: lengths(db, store, user))
            assert counted == walked, (name, user)
            seen.add(counted)
    assert {(0, 0), (1, 0), (2, 1), (3, 0)} <= seen


async def test_wrong_counters_are_found_and_mended(store: Store) -> None:
    await opens("a", ADA, BOB)(store)
    await store.write(lambda db: db.execute("UPDATE room_counts SET listed = 7, archived = 1"))
    wrong, following = await store.read(lambda db: room_counts.find_wrong(db, "", 1))
    assert [(w.user_id, w.listed, w.counted_listed, w.counted_archived) for w in wrong] == [
        (ADA, 7, 1, 0)
    ]
    assert following == ADA
    for user in (ADA, BOB, "nobody"):
        await store.write(partial(room_counts.mend, user_id=user))
    assert await store.read(lambda db: room_counts.find_wrong(db, "", 9)) == ([], None)


@pytest.mark.parametrize("only_unread", [False, True])
async def test_a_filtered_list_counts_so_many_and_pages_go_on(
    store: Store, monkeypatch: pytest.MonkeyPatch, only_unread: bool
) -> None:
    monkeypatch.setattr(room_pages, "MAX_COUNTED_ROOMS", 3)
    for n in range(1, 7):
        await opens(f"{n}", ADA, BOB)(store)
        await says(n)(store)
    lists = RoomLists(store)
    for offset, count, has_more in ((0, 3, True), (2, 5, True), (4, 6, False)):
        wanted = RoomQuery(ADA, 2, offset, only_unread=only_unread)
        page = await lists.page(wanted)
        assert (len(page.rooms), page.has_more) == (2, has_more)
        assert page.count == (count if only_unread else 6)
