"""A server of S3 for these tests."""

from collections.abc import Iterator

import pytest

from ..engines.fixtures import running
from ..engines.seaweed import Seaweed
from ..engines.seaweed import seaweed as find_seaweed


@pytest.fixture(scope="session")
def seaweed() -> Iterator[Seaweed]:
    yield from running(find_seaweed, "seaweed")
