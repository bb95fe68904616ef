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
# What depends on how a page is drawn, not on its elements and words.
DRAWN = ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"]
DRAWN_OTHERWISE = ("dark", "forced colours", "twice the font")  # the elements are those of "light"
LARGE = """addEventListener("DOMContentLoaded", () => {
    document.documentElement.style.fontSize = "200%";
});"""
WAYS: dict[str, dict[str, object]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "forced colours": {"forced_colors": "active"},
    "right to left": {"locale": "ar"},
    "twice the font": {"viewport": {"width": 640, "height": 800}},
    "small": {"viewport": {"width": 320, "height": 568}, "is_mobile": True, "has_touch": True},
}


@pytest.fixture
def room(server: Server, way: str) -> Room:
    room = Room(server, f"read by all: {way}")
    first = room.post("bob", "Is the table still there? https://example.org")
    room.post("ada", "It is", reply_to=first)
    room.post("bob", "Good 🎉")
    Room(server, "another").post("bob", "hello")
    return room


def is_clean(page: Page, way: str, state: str) -> None:
    kind, names = ("rule", DRAWN) if way in DRAWN_OTHERWISE else ("tag", RULES)
    found = page.evaluate(
        "async ([type, values]) =>"
        " (await axe.run(document, { runOnly: { type, values } })).violations"
        ".map(({ id, nodes }) => [id, nodes.slice(0, 3).map(node => [node.target.flat().join(' '), node.failureSummary])])",  # noqa: E501
        [kind, names],
    )
    assert found == [], f"{state}: {json.dumps(found, indent=1, ensure_ascii=False)}"


def is_clean_and_large(page: Page, way: str, state: str) -> None:
    """On touch nothing is smaller than a finger."""
    is_clean(page, way, state)
    if page.evaluate("matchMedia('(pointer: coarse)').matches"):
        targets = page.locator("button:visible, input:visible, textarea:visible, label:visible")
        sizes = targets.evaluate_all(
            "all => all.map(one => [one.outerHTML.slice(0, 90), one.closest('label, button')"
            "?.getBoundingClientRect().height ?? one.getBoundingClientRect().height])"
        )
        assert [one for one in sizes if one[1] < 44] == [], state


@pytest.mark.parametrize("way", WAYS)
def test_axe_finds_nothing(person: Callable[..., Person], room: Room, way: str) -> None:
    ada = person("ada", **WAYS[way])
    page = ada.page
    if way == "twice the font":
        page.add_init_script(LARGE)
    page.goto(room.server.url)
    entry = page.locator("form.entry")
    expect(entry).to_be_visible()
    page.evaluate(AXE)
    is_clean_and_large(page, way, "sign-in")
    page.goto(f"{room.server.url}?1#token={token_of('ada')}")
    expect(ada.item(room)).to_be_visible()
    page.evaluate(AXE)
    is_clean_and_large(page, way, "list")
    ada.item(room).click()
    expect(ada.texts).to_have_count(3)
    is_clean_and_large(page, way, "conversation")
    ada.picks("photo.png", "image/png", png(40, 30))
    ada.picks("drawing.svg", "image/svg+xml", b"<svg/>")
    is_clean_and_large(page, way, "files chosen")
    ada.part("header").locator("button").last.click()
    expect(ada.part("menu")).to_be_visible()
    is_clean_and_large(page, way, "menu")
    ada.part("menu").locator("[data-id=details]").click()
    expect(ada.part("dialog")).to_be_visible()
    is_clean_and_large(page, way, "details")
    page.keyboard.press("Escape")
    ada.part("header").locator("button").last.click()
    ada.part("menu").locator("[data-id=search]").click()
    ada.part("dialog").get_by_role("searchbox").fill("table")
    expect(ada.part("dialog").locator("mark").first).to_be_visible()
    is_clean_and_large(page, way, "search of a conversation")
    ada.part("dialog").locator(".dialog-head button").click()
    ada.part("composer").locator("button").nth(1).click()
    expect(page.locator(".emoji-box")).to_be_visible()
    is_clean_and_large(page, way, "emoji")
    page.keyboard.press("Escape")
    ada.part("composer").locator("[part=send]").click()
    ada.sees_status("Sent" if way != "right to left" else "أُرسلت")
    expect(ada.part("picture")).to_have_count(1)
    ada.part("picture").click()
    expect(page.locator("[part=lightbox]")).to_be_visible()
    is_clean_and_large(page, way, "lightbox")
    page.keyboard.press("Escape")
    ada.part("header").locator("button").last.click()
    ada.part("menu").locator("[data-id=deleteChat]").click()
    expect(ada.part("dialog")).to_be_visible()
    is_clean_and_large(page, way, "question")
    page.keyboard.press("Escape")
    expect(ada.part("header").locator("button").last).to_be_focused()
    ada.part("header").locator("button").last.click()
    ada.part("menu").locator("[data-id=date]").click()
    expect(ada.part("dialog")).to_be_visible()
    is_clean_and_large(page, way, "date")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    ada.part("search").fill("nowhere to be found")
    nothing = "لا توجد نتائج" if way == "right to left" else "Nothing found"
    expect(page.get_by_text(nothing).last).to_be_visible()
    is_clean_and_large(page, way, "nothing found")
    ada.part("search").fill("table")
    expect(page.locator("mark").first).to_be_visible()
    is_clean_and_large(page, way, "found")
    ada.opens(room, "?2")
    page.evaluate(AXE)
    mine, theirs = ada.messages.nth(1), ada.messages.first
    for message in (mine, theirs):
        message.focus()
        message.press("Enter")
        expect(ada.part("menu")).to_be_visible()
        is_clean_and_large(page, way, "menu of a message")
        page.keyboard.press("Escape")
    theirs.press("Enter")
    ada.part("menu").locator("[data-id=report]").click()
    expect(ada.part("dialog")).to_be_visible()
    is_clean_and_large(page, way, "report")
    page.keyboard.press("Escape")
    ada.expects_errors = True  # of the tries without a connection
    ada.context.set_offline(True)
    expect(page.locator(".bar")).to_be_visible()
    is_clean_and_large(page, way, "offline")
