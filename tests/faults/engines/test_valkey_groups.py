"""A node of several Valkey servers dies under load: another takes over, nobody loses a thing."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ...engines.fixtures import running
from ...engines.valkey import binary
from ...engines.valkey_groups import ClusterGroup, Group, SentinelGroup
from ...patience import patient
from .conftest import Started

BACK_WITHIN = 8.0  # seconds: half of one until it counts as dead, then a vote and a promotion


@pytest.fixture(params=[SentinelGroup, ClusterGroup])
def group(request: pytest.FixtureRequest) -> Iterator[Group]:
    def find(folder: Path) -> Group:
        binary()
        folder.chmod(0o755)
        return request.param(folder)

    yield from running(find, "valkeys")


async def test_a_primary_that_is_killed_loses_nobody_a_message(
    started: Started, group: SentinelGroup | ClusterGroup
) -> None:
    async with started(group) as cluster, cluster.talking() as talk:
        group.kill_primary()
        began = time.monotonic()
        for writer in talk.writers:
            await writer.hears_more()
        await cluster.recovers()
        assert time.monotonic() - began < patient(BACK_WITHIN)
        await talk.goes_on()
        assert talk.connections == [1, 1, 1]
