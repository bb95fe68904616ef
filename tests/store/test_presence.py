"""Presence in the database: several processes hold the same user, and one of them tells of him."""

import asyncio
import random
from collections.abc import AsyncIterator, Collection
from functools import partial

import pytest
from roomcast.store import blocks, presence
from roomcast.store.presence import Process, Seen
from roomcast.store.store import Store

SECOND = 1_000_000
LONG, EXPIRED = 3_600 * SECOND, -SECOND


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = Store(database_url, "NORMAL", alone=False)
    await store.open()
    yield store
    await store.aclose()


async def change(
    store: Store, process: str, came: Collection[str] = (), left: Collection[str] = (), lease=LONG
) -> list[tuple[str, bool]]:
    """For whom it made a difference."""
    me = Process(process, lease, store.dialect)
    work = partial(presence.change, me=me, came=came, left=left)
    return [(seen.user_id, seen.is_online) for seen in (await store.write(work))[1]]


async def reap(store: Store, **options: bool) -> list[Seen] | None:
    me = Process("reaper", LONG, store.dialect)
    return await store.write(partial(presence.reap, me=me, **options))


async def of(store: Store, *users: str) -> dict[str, bool]:
    work = partial(presence.of, dialect=store.dialect, users=users)
    return {seen.user_id: seen.is_online for seen in await store.read(work)}


async def test_a_user_of_two_processes_comes_once_and_goes_once(store: Store) -> None:
    assert await change(store, "a", came=["1", "x y"]) == [("1", True), ("x y", True)]
    assert await change(store, "b", came=["1"]) == []
    assert await change(store, "a", left=["1"]) == []
    assert await of(store, "1", "x y", "nobody") == {"1": True, "x y": True}
    assert await change(store, "b", left=["1"]) == [("1", False)]
    assert await of(store, "1") == {"1": False}


async def test_presence_names_those_who_are_not_to_know(store: Store) -> None:
    for blocked in ("bob", "eve"):
        await store.write(partial(blocks.add, user_id="ada", blocked_id=blocked, now=1))
    me = Process("a", LONG, store.dialect)
    _, seen = await store.write(partial(presence.change, me=me, came=["ada", "bob"], left=[]))
    hidden = {each.user_id: sorted(each.hidden_from) for each in seen}
    assert hidden == {"ada": ["bob", "eve"], "bob": []}
    found = await store.read(partial(presence.of, dialect=store.dialect, users=["ada"]))
    assert sorted(found[0].hidden_from) == ["bob", "eve"]
    other = Process("reaper", LONG, store.dialect)
    reaped = await store.write(partial(presence.reap, me=other, all_others=True))
    assert {s.user_id: sorted(s.hidden_from) for s in reaped or ()} == hidden


async def test_what_was_written_already_makes_no_difference(store: Store) -> None:
    assert await change(store, "a", came=["1"]) == [("1", True)]
    assert await change(store, "a", came=["1"]) == []
    assert await change(store, "a", left=["1"]) == [("1", False)]
    assert await change(store, "a", left=["1"]) == []


async def test_the_users_of_a_dead_process_go_unless_another_one_has_them(store: Store) -> None:
    await change(store, "dead", came=["1", "2"], lease=EXPIRED)
    await change(store, "living", came=["2", "3"])
    (seen,) = await reap(store) or ()
    assert (seen.user_id, seen.is_online) == ("1", False)
    assert await reap(store) is None
    assert await of(store, "1", "2", "3") == {"1": False, "2": True, "3": True}


async def test_a_process_that_was_taken_for_dead_hears_of_it(store: Store) -> None:
    me = Process("slow", EXPIRED, store.dialect)
    first = partial(presence.change, me=me, came=["1"], left=[])
    assert (await store.write(first))[0] is False
    assert (await store.write(partial(presence.change, me=me, came=[], left=[])))[0] is True
    assert await reap(store)
    assert (await store.write(first)) == (False, [Seen("1", True, await last_seen(store, "1"))])


async def last_seen(store: Store, user: str) -> int:
    (seen,) = await store.read(partial(presence.of, dialect=store.dialect, users=[user]))
    return seen.last_seen


async def test_a_process_that_ends_leaves_its_users_time_to_come_back(store: Store) -> None:
    await change(store, "old", came=["1", "2"])
    retire = partial(presence.retire, me=Process("old", LONG, store.dialect), grace=LONG)
    await store.write(retire)
    assert await reap(store) is None
    assert await change(store, "new", came=["1"]) == []
    await store.write(partial(retire, grace=EXPIRED))
    assert [seen.user_id for seen in await reap(store) or ()] == ["2"]
    assert await of(store, "1", "2") == {"1": True, "2": False}


async def test_who_is_alone_ends_all_that_were_before(store: Store) -> None:
    await change(store, "before", came=["1"])
    assert await reap(store) is None
    assert [seen.user_id for seen in await reap(store, all_others=True) or ()] == ["1"]


async def test_last_seen_grows_with_every_change(store: Store) -> None:
    seen = []
    for _ in range(5):
        await change(store, "a", came=["1"])
        seen.append(await last_seen(store, "1"))
        await change(store, "a", left=["1"])
        seen.append(await last_seen(store, "1"))
    assert seen == sorted(set(seen))


async def test_more_users_than_one_transaction_takes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "USER_BATCH", 3)
    users = [f"u{n}" for n in range(8)]
    await change(store, "dead", came=users, lease=EXPIRED)
    gone: list[str] = []
    while (seen := await reap(store)) is not None:
        assert len(seen) <= 3
        gone += [each.user_id for each in seen]
    assert gone == users


@pytest.mark.parametrize("seed", range(3))
async def test_whoever_writes_at_the_same_moment_one_tells_it(store: Store, seed: int) -> None:
    """The last word on each user is what the database has, and comings and goings take turns."""
    chance = random.Random(seed)
    told: list[tuple[str, int, bool]] = []
    users = [f"u{n}" for n in range(6)]

    async def process(name: str) -> None:
        held: set[str] = set()
        for _ in range(25):
            some = set(chance.sample(users, 3))
            me = Process(name, LONG, store.dialect)
            work = partial(presence.change, me=me, came=some - held, left=some & held)
            told.extend((s.user_id, s.last_seen, s.is_online) for s in (await store.write(work))[1])
            held ^= some

    await asyncio.gather(*map(process, "abc"))
    state = await of(store, *users)
    for user in users:
        steps = [is_online for who, _, is_online in sorted(told) if who == user]
        assert steps == [n % 2 == 0 for n in range(len(steps))]
        assert steps[-1] == state[user]
