"""axe finds nothing in any state, in light, dark, forced colours, right to left, and small."""

import json
from collections.abc import Callable
from importlib.resources import files

import pytest
from playwright.sync_api import Page, expect

from .conftest import Person, Room, Server, token_of
from .pictures import png

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WAYS: dict[str, dict[str, object]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "forced colours": {"forced_colors": "active"},
    "right to left": {"locale": "ar"},
    "small": {"viewport": {"width": 320, "height": 568}, "is_mobile": True, "has_touch": True},
}


@pytest.fixture(scope="module")
def room(server: Server) -> Room:
    room = Room(server, "read by all")
    first = room.post("bob", "Is the table still there? https://example.org")
    room.post("ada", "It is", reply_to=first)
    room.post("bob", "Good 🎉")
    Room(server, "another").post("bob", "hello")
    return room


def is_clean(page: Page, state: str) -> None:
    found = page.evaluate(
        "async (rules) => (await axe.run(document, { runOnly: rules })).violations"
        ".map(({ id, nodes }) => [id, nodes.slice(0, 3).map(node => [node.target.flat().join(' '), node.failureSummary])])",  # noqa: E501
        RULES,
    )
    assert found == [], f"{state}: {json.dumps(found, indent=1, ensure_ascii=False)}"


@pytest.mark.parametrize("way", WAYS)
def test_axe_finds_nothing(person: Callable[..., Person], room: Room, way: str) -> None:
    ada = person("ada", **WAYS[way])
    page = ada.page
    page.goto(room.server.url)
    entry = page.locator("form.entry")
    expect(entry).to_be_visible()
    page.evaluate(AXE)
    is_clean(page, "sign-in")
    page.goto(f"{room.server.url}?1#token={token_of('ada')}")
    expect(ada.item(room)).to_be_visible()
    page.evaluate(AXE)
    is_clean(page, "list")
    ada.item(room).click()
    expect(ada.texts).to_have_count(3)
    is_clean(page, "conversation")
    ada.picks("photo.png", "image/png", png(40, 30))
    ada.picks("drawing.svg", "image/svg+xml", b"<svg/>")
    is_clean(page, "files chosen")
    ada.part("header").locator("button").last.click()
    expect(ada.part("menu")).to_be_visible()
    is_clean(page, "menu")
    ada.part("menu").locator("[data-id=details]").click()
    expect(ada.part("dialog")).to_be_visible()
    is_clean(page, "details")
    page.keyboard.press("Escape")
    ada.part("composer").locator("button").nth(1).click()
    expect(page.locator(".emoji-box")).to_be_visible()
    is_clean(page, "emoji")
