"""Processes that hear of each other: who falls silent is missed, who says goodbye is not."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from roomcast.realtime import heartbeat
from roomcast.realtime.brokers import GAP, Unreachable
from roomcast.realtime.heartbeat import Neighbours

from .inside import until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "BEAT", 0.01)
    monkeypatch.setattr(heartbeat, "SILENT", 0.3)
    monkeypatch.setattr(heartbeat, "AGAIN", 0.01)


class Street:
    """Whatever one of them says, all hear."""

    def __init__(self) -> None:
        self.houses: list[Neighbours] = []
        self.missed: asyncio.Queue[int] = asyncio.Queue()
        self.words: list[str] = []

    async def say(self, message: str) -> None:
        self.words.append(message)
        for house in self.houses:
            house.hear(message)

    def move_in(self, say: Callable[[str], Awaitable[None]] | None = None) -> Neighbours:
        number = len(self.houses)
        house = Neighbours(say or self.say, lambda: self.missed.put_nowait(number))
        self.houses.append(house)
        return house


async def test_who_falls_silent_is_missed_by_the_others_and_twice() -> None:
    street = Street()
    lives = [asyncio.create_task(street.move_in().live()) for _ in range(3)]
    async with asyncio.timeout(10):
        await until(lambda: all(len(house._heard) == 2 for house in street.houses))
        lives[2].cancel()
        street.houses.pop()
        assert sorted([await street.missed.get() for _ in range(4)]) == [0, 0, 1, 1]
    assert street.missed.empty()
    for life in lives:
        life.cancel()
    await asyncio.gather(*lives, return_exceptions=True)


async def test_who_says_goodbye_and_who_was_not_heard_for_a_gap_is_not_missed() -> None:
    street = Street()
    first, second = street.move_in(), street.move_in()
    await street.say(second._name)
    assert list(first._heard) == [second._name]
    first._heard[second._name] -= 1
    first.hear(GAP)
    first._listen()
    assert street.missed.empty()
    await second.leave()
    assert not first._heard
    first._listen()
    assert street.missed.empty()


async def test_who_is_new_is_greeted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "BEAT", 100.0)
    street = Street()
    old = street.move_in()
    life = asyncio.create_task(old.live())
    await until(lambda: street.words == [old._name])
    await street.say("somebody new")
    await until(lambda: street.words == [old._name, "somebody new", old._name])
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)


async def test_a_broker_that_is_away_ends_nobody() -> None:
    tries = 0

    async def fails(message: str) -> None:
        nonlocal tries
        tries += 1
        raise Unreachable("away")

    house = Street().move_in(fails)
    life = asyncio.create_task(house.live())
    await until(lambda: tries == 3)
    await house.leave()
    assert not life.done()
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
