"""A background task that ends is logged, counted and started again."""

import asyncio

import pytest
from roomcast.integrations import supervisor as module
from roomcast.integrations.supervisor import Supervisor


async def test_a_task_that_fails_or_ends_is_started_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "FIRST_RESTART_DELAY", 0.0)
    starts, goes_on, counted = 0, asyncio.Event(), []

    async def work() -> None:
        nonlocal starts
        starts += 1
        if starts == 1:
            raise ValueError("not foreseen")
        if starts == 3:
            goes_on.set()
            await asyncio.Event().wait()

    supervisor = Supervisor(counted.append)
    supervisor.start("search", work)
    async with asyncio.timeout(5):
        await goes_on.wait()
    assert counted == ["search", "search"]
    assert "background task search failed" in caplog.text
    assert "background task search ended" in caplog.text
    async with asyncio.timeout(5):
        await supervisor.aclose()
    assert starts == 3
