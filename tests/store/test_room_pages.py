"""Pages of a list of rooms: in order, filtered, and as they stood at the time of a cursor."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from roomcast.store import list_order, members, profiles, receipts, room_pages, room_words, rooms
from roomcast.store.messages import Add, DeleteChange
from roomcast.store.room_pages import RoomQuery
from roomcast.store.room_places import RoomPlace
from roomcast.store.rooms import RoomPatch
from roomcast.store.store import Connection, Store

ADA, BOB = "1", "2"


async def opens(store: Store, *others: str, context: str = "", title: str = "", at: int = 1) -> int:
    users = [ADA, *(others or (BOB,))]
    open_ = partial(
        rooms.open_, creator_id=ADA, members=users, context=context, title=title, now=at
    )
    return (await store.write(open_)).room.id


async def says(store: Store, room: int, at: int, sender: str = BOB) -> int:
    (made,), _ = await store.engine.commit([Add(room, sender, "hi")], {}, at)
    return made.message.id  # type: ignore[union-attr]


async def carries_over(store: Store) -> None:
    await store.carry_over(100)


async def learns(store: Store) -> None:
    changed = await store.read(partial(room_words.changed, limit=1_000))
    await store.write(partial(room_words.refresh, dialect=store.dialect, room_ids=changed))


async def found(store: Store, question: str = "", **query: Any) -> list[int]:
    terms = (*room_words.terms_of(question), *query.pop("terms", ()))
    wanted = RoomQuery(**{"user_id": ADA, "limit": 100, "terms": terms} | query)

    async def look(db: Connection) -> tuple[list[RoomPlace], int]:
        return await room_pages.find_and_count(db, store.dialect, wanted)

    places, count = await store.read(look)
    if wanted.place is None and not wanted.offset and wanted.limit == 100:
        assert count == len(places)
    return [place.room_id for place in places]


@pytest.mark.parametrize("is_carried", [False, True])
async def test_news_bring_a_room_up_before_and_after_they_are_carried_over(
    store: Store, is_carried: bool
) -> None:
    one, two, three = [await opens(store, context=str(n), at=n) for n in (1, 2, 3)]
    await says(store, one, 10)
    await says(store, two, 11)
    if is_carried:
        await carries_over(store)
    assert await found(store) == [two, one, three]
    assert await found(store, offset=1, limit=1) == [one]
    assert await found(store, only_unread=True) == [two, one]
    assert not await store.read(list_order.has_changes) or not is_carried


async def test_what_is_read_is_unread_no_more(store: Store) -> None:
    one, two, three = [await opens(store, context=str(n), at=n) for n in (1, 2, 3)]
    told = [await says(store, room, 10 + room) for room in (one, two, three)]
    await carries_over(store)
    await store.commit([], {(one, ADA): (told[0], told[0])})
    await store.commit([DeleteChange(two, BOB, told[1])], {})
    assert await found(store, only_unread=True) == [three]
    await carries_over(store)
    assert await found(store, only_unread=True) == [three]
    mark = partial(rooms.change, user_id=ADA, patch=RoomPatch(is_marked_unread=True))
    await store.write(partial(mark, room_id=one))
    assert await found(store, only_unread=True) == [three, one]
    await store.write(partial(receipts.clear_marked_unread, room_id=one, user_id=ADA))
    await store.write(partial(receipts.clear_marked_unread, room_id=three, user_id=ADA))
    assert await found(store, only_unread=True) == [three]


async def test_an_archived_room_is_back_with_news(store: Store) -> None:
    one, two = [await opens(store, context=str(n), at=n) for n in (1, 2)]
    archive = partial(rooms.change, user_id=ADA, patch=RoomPatch(is_archived=True))
    await store.write(partial(archive, room_id=one))
    assert (await found(store), await found(store, is_archived=True)) == ([two], [one])
    await says(store, one, 10)
    assert (await found(store), await found(store, is_archived=True)) == ([one, two], [])
    await carries_over(store)
    assert (await found(store), await found(store, is_archived=True)) == ([one, two], [])


CASES: Sequence[tuple[str, Sequence[str]]] = [
    ("bic", ["bike"]),
    ("BICYC", ["bike"]),
    ("zoe", ["zoe", "many"]),
    ("Zoë bic", []),
    ("red b", ["bike"]),
    ("listing", ["bike", "flat"]),
    ("listing:55", ["bike"]),
    ("cote", ["flat"]),
    ("l'appart", ["flat"]),
    ("ycle", []),
    ("member17", ["many"]),
]


async def test_words_are_found_by_their_beginnings(store: Store) -> None:
    users = [f"m{n}" for n in range(20)]
    for n, user in enumerate(users):
        await store.write(partial(profiles.see, user_id=user, name=f"Member{n}", picture=None))
    await store.write(partial(profiles.see, user_id="z", name="Zoé Müller", picture=None))
    named = {
        "bike": await opens(store, context="listing:55", title="Red bicycle"),
        "flat": await opens(store, context="listing:7", title="L’Appartement Côté Sud"),
        "zoe": await opens(store, "z"),
        "many": await opens(store, "z", *users),
    }
    await learns(store)
    for question, wanted in CASES:
        assert set(await found(store, question)) == {named[name] for name in wanted}, question
    of_context = [named["bike"]]
    assert await found(store, terms=(room_words.context_term("listing:55"),)) == of_context
    assert await found(store, terms=(room_words.context_term("listing:5"),)) == []
    prefix = room_words.context_prefix_term("listing:")
    assert set(await found(store, terms=(prefix,))) == {named["bike"], named["flat"]}
    assert await found(store, "bike", user_id="stranger") == []


async def test_a_new_name_is_found_and_the_old_one_is_not(store: Store) -> None:
    room, group = await opens(store), await opens(store, BOB, "3")
    await store.write(partial(profiles.put, user_id=BOB, fields={"name": "Robert"}))
    await learns(store)
    assert set(await found(store, "rob")) == {room, group}
    await store.write(partial(profiles.put, user_id=BOB, fields={"name": "Quinn"}))
    await store.write(partial(members.remove, room_id=group, user_id=ADA, other_id=BOB, now=5))
    await learns(store)
    assert (await found(store, "rob"), await found(store, "qui")) == ([], [room])


async def test_pages_of_many_rooms_with_a_word_are_walked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_pages, "MAX_ROOMS_WITH_WORD", 3)
    made = [await opens(store, context=f"sale:{n}", title="Sale", at=n) for n in range(1, 8)]
    other = await opens(store, context="x", title="Other", at=50)
    await learns(store)
    await says(store, made[0], 99)
    assert await found(store, "sale") == [made[0], *made[:0:-1]]
    assert await found(store, "sale", limit=2, offset=2) == [made[5], made[4]]
    assert await found(store, "other") == [other]
    assert await found(store, "sale other") == []


@pytest.mark.parametrize("is_carried", [False, True])
async def test_news_between_two_pages_hide_nothing_and_repeat_nothing(
    store: Store, is_carried: bool
) -> None:
    made = [await opens(store, context=str(n), at=n) for n in range(1, 8)]
    await carries_over(store)
    newest = made[::-1]
    assert await found(store, limit=3) == newest[:3]
    await says(store, newest[4], 20)  # of the page that follows
    await says(store, newest[0], 21)  # of this page
    await opens(store, context="new", at=22)
    if is_carried:
        await carries_over(store)
    beyond = {"limit": 2, "as_of": 7, "place": RoomPlace(5, newest[2])}
    assert await found(store, **beyond) == newest[3:5]
    beyond = {"limit": 2, "as_of": 7, "place": RoomPlace(3, newest[4])}
    assert await found(store, **beyond) == newest[5:]
    back = {"limit": 2, "as_of": 7, "place": RoomPlace(4, newest[3]), "is_backwards": True}
    assert await found(store, **back) == newest[1:3]
