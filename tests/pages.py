"""The documents, taken apart for the tests that hold them to their word."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/design").glob("*.md")]
)


def blocks(text: str, language: str) -> Iterator[tuple[str, str]]:
    """(what else the fence says, content) of each fenced block of a language."""
    for found in re.finditer(rf"^```{language}\b *(.*)\n((?:.*\n)*?)```$", text, re.MULTILINE):
        yield found[1], found[2]


def block(page: str, language: str, holding: str) -> str:
    """The one block of a page, README.md or docs/…, that holds this text."""
    found = [b for _, b in blocks((ROOT / page).read_text(), language) if holding in b]
    assert len(found) == 1, f"{len(found)} blocks of {page} hold {holding!r}"
    return found[0]


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are made for links."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))
