"""The page's colours can be read, in the light and in the dark."""

import re

import pytest

from .pages import ROOT

CSS = (ROOT / "static/page.css").read_text()
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part))
    for part in CSS.split("@media (prefers-color-scheme: dark)", 1)
)
TEXT = [
    *(("ink", ground) for ground in ("ground", "panel", "talk", "mine", "theirs", "chosen")),
    *(("faint", ground) for ground in ("ground", "panel", "talk", "mine", "theirs", "chosen")),
    *(("accent", ground) for ground in ("panel", "talk", "theirs", "chosen", "mine")),
    ("faint", "line"),
    ("ink", "found"),
    ("on-accent", "accent"),
    ("trouble", "trouble-ground"),
    ("panel", "trouble"),
]
SIGNS = [("read", "mine"), ("online", "panel")]  # no text: 3 to 1 is enough (WCAG 1.4.11)


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, LIGHT | DARK], ids=["light", "dark"])
def test_colours_differ_enough_to_be_read(scheme: dict[str, str]) -> None:
    assert round(contrast("#000000", "#ffffff"), 1) == 21
    weak = [(a, b) for a, b in TEXT if contrast(scheme[a], scheme[b]) < 4.5]
    weak += [(a, b) for a, b in SIGNS if contrast(scheme[a], scheme[b]) < 3]
    assert weak == []
