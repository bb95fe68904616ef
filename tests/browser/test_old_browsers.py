"""The colours in browsers that lack `light-dark()` or colours made of others."""

from collections.abc import Callable
from typing import Literal

from playwright.sync_api import Page, expect

from .conftest import Person, Room

OLD = "CSS.supports = (name, value) => !value?.includes('light-dark')"
PARTS = {
    "frame": ("header", "background-color"),
    "talk": ("messages", "background-color"),
    "mine": ("bubble", "background-color"),
    "time": ("meta", "color"),
    "border of the field": ("input", "border-top-color"),
    "badge": ("badge", "background-color"),
    "title": ("item-title", "color"),
}
# Any colour as three numbers between 0 and 255.
COLOURS = """(parts) => {
    const all = (root, selector) => [...root.querySelectorAll("*")].flatMap((one) => {
        const inside = one.shadowRoot ? all(one.shadowRoot, selector) : [];
        return one.matches(selector) ? [one, ...inside] : inside;
    });
    const brush = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const colour = ([part, property]) => {
        const found = all(document, `[part~="${part}"]`).find((one) => one.checkVisibility());
        brush.clearRect(0, 0, 1, 1);
        brush.fillStyle = getComputedStyle(found).getPropertyValue(property);
        brush.fillRect(0, 0, 1, 1);
        return [...brush.getImageData(0, 0, 1, 1).data];
    };
    return Object.fromEntries(Object.entries(parts).map(([name, where]) => [name, colour(where)]));
}"""
RULES = """() => document.querySelector("roomcast-inbox").shadowRoot.adoptedStyleSheets
    .flatMap((sheet) => [...sheet.cssRules]).map((rule) => rule.cssText).join()"""


def test_colours_are_much_the_same(ada: Person, person: Callable[..., Person], room: Room) -> None:
    room.post("ada", "Hello")
    Room(room.server, "another").post("bob", "Hello")
    old = person("ada")
    old.page.add_init_script(OLD)
    with old.page.expect_response("**/lazy-colours.js*"):
        old.opens(room)
    old.page.wait_for_function(f"() => !({RULES})().match(/light-dark|\\(from /)")
    ada.opens(room)
    for one in (ada, old):
        expect(one.texts).to_have_count(1)
        expect(one.part("badge").locator("visible=true").first).to_be_visible()
    for scheme in ("light", "dark"):
        for theme in ("auto", "light", "dark"):
            expected, found = (colours_of(one.page, scheme, theme) for one in (ada, old))
            differing = {
                name: (found[name], colour)
                for name, colour in expected.items()
                if max(abs(a - b) for a, b in zip(found[name], colour, strict=True)) > 6
            }
            assert differing == {}, (scheme, theme)


def colours_of(page: Page, scheme: Literal["light", "dark"], theme: str) -> dict[str, list[int]]:
    page.emulate_media(color_scheme=scheme)
    inbox = page.locator("roomcast-inbox")
    inbox.evaluate("(inbox, theme) => inbox.setAttribute('theme', theme)", theme)
    found: dict[str, list[int]] = page.evaluate(COLOURS, PARTS)
    return found
