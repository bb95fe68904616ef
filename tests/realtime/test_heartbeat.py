"""Heartbeats between processes: a lost one is reported twice, an announced end is not."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from roomcast.realtime import heartbeat
from roomcast.realtime.brokers import GAP, Unreachable
from roomcast.realtime.heartbeat import Heartbeat

from ..inside import until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "HEARTBEAT_INTERVAL", 0.01)
    monkeypatch.setattr(heartbeat, "HEARTBEAT_TIMEOUT", 0.3)
    monkeypatch.setattr(heartbeat, "SECOND_CHECK_DELAY", 0.01)


class Channel:
    """Every message goes to every process; lost peers are reported by the number of a process."""

    def __init__(self) -> None:
        self.processes: list[Heartbeat] = []
        self.reports: asyncio.Queue[int] = asyncio.Queue()
        self.messages: list[str] = []

    async def publish(self, message: str) -> None:
        self.messages.append(message)
        for process in self.processes:
            process.on_message(message, time.monotonic())

    def add(self, publish: Callable[[str], Awaitable[None]] | None = None) -> Heartbeat:
        number = len(self.processes)
        process = Heartbeat(publish or self.publish, lambda: self.reports.put_nowait(number))
        self.processes.append(process)
        return process


async def test_a_lost_heartbeat_is_reported_by_each_of_the_others_and_twice() -> None:
    channel = Channel()
    tasks = [asyncio.create_task(channel.add().run()) for _ in range(3)]
    async with asyncio.timeout(10):
        await until(lambda: all(len(process.peers) == 2 for process in channel.processes))
        tasks[2].cancel()
        channel.processes.pop()
        assert sorted([await channel.reports.get() for _ in range(4)]) == [0, 0, 1, 1]
    assert channel.reports.empty()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_peer_is_not_lost_by_a_gap_nor_by_its_announced_end() -> None:
    channel = Channel()
    first, second = channel.add(), channel.add()
    await channel.publish(second.name)
    assert first.peers == {second.name}
    first.on_message(GAP, time.monotonic())
    first.check_peers(time.monotonic())
    assert first.peers == {second.name}
    await second.leave()
    assert not first.peers
    first.check_peers(time.monotonic() + 1)
    assert channel.reports.empty()


async def test_a_gap_keeps_a_silent_peer_for_one_timeout_more() -> None:
    first, now = Channel().add(), time.monotonic()
    first.on_message("peer", now - 1)
    first.on_message(GAP, now)
    first.check_peers(now)
    assert first.peers == {"peer"}
    first.check_peers(now + 1)
    assert not first.peers


async def test_a_new_peer_gets_a_heartbeat_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "HEARTBEAT_INTERVAL", 100.0)
    channel = Channel()
    old = channel.add()
    task = asyncio.create_task(old.run())
    await until(lambda: channel.messages == [old.name])
    await channel.publish("a new peer")
    await until(lambda: channel.messages == [old.name, "a new peer", old.name])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_unavailable_broker_ends_no_heartbeat() -> None:
    tries = 0

    async def fails(message: str) -> None:
        nonlocal tries
        tries += 1
        raise Unreachable("unavailable")

    process = Channel().add(fails)
    task = asyncio.create_task(process.run())
    await until(lambda: tries == 3)
    await process.leave()
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
