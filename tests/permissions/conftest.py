"""The page with the matrices, and the world that they are held against."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .world import World, world

PAGE = Path(__file__).parents[2] / "docs/permissions.md"


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


@pytest.fixture
def documented() -> dict[str, dict[str, str]]:
    """The cells of the page, by operation and role."""
    found: dict[str, dict[str, str]] = {}
    roles: list[str] = []
    for line in PAGE.read_text().splitlines():
        if not line.startswith("|"):
            roles = []
            continue
        first, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not roles:
            roles = cells
        elif not first.startswith("-"):
            found[first.strip("`")] = dict(zip(roles, cells, strict=True))
    return found
