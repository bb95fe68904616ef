"""How pictures are shown: small ones in the conversation, whole, readable, nothing jumps."""

import io
import re
from collections.abc import Callable, Iterable

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Route, expect

from ..protocol.files import file
from ..test_thumbnails import picture
from .conftest import Person, Room

RED, BLUE, BLACK = (220, 20, 20), (20, 20, 220), (0, 0, 0)
SWIPE = """(img, places) => places.forEach((clientX, i) => img.dispatchEvent(new PointerEvent(
    i ? "pointerup" : "pointerdown", { pointerType: "touch", clientX, bubbles: true })))"""
BOX = "img => { const {width, height} = img.getBoundingClientRect(); return [width, height]; }"


def sends(room: Room, *files: tuple[str, str, bytes]) -> None:
    room.post("bob", "", files=[file(*each) for each in files])


def photo(width: int = 1600, height: int = 1200, name: str = "photo.jpg") -> tuple[str, str, bytes]:
    return name, "image/jpeg", picture("image/jpeg", width, height)


def edged(width: int, height: int) -> tuple[str, str, bytes]:
    """Red at its beginning, blue at its end."""
    image = Image.new("RGB", (width, height), (230, 230, 230))
    draw, edge = ImageDraw.Draw(image), max(width, height) // 20
    is_wide = width > height
    draw.rectangle((0, 0, *((edge, height) if is_wide else (width, edge))), RED)
    end = (width - edge, 0) if is_wide else (0, height - edge)
    draw.rectangle((*end, width, height), BLUE)
    return "edged.png", "image/png", saved(image)


def saved(image: Image.Image) -> bytes:
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def pixels_of(shown: Locator) -> list[tuple[int, int, int]]:
    with Image.open(io.BytesIO(shown.screenshot())) as image:
        raw = image.convert("RGB").tobytes()
    return list(zip(raw[::3], raw[1::3], raw[2::3], strict=True))


def count_like(pixels: Iterable[tuple[int, int, int]], colour: tuple[int, int, int]) -> int:
    return sum(max(abs(a - b) for a, b in zip(each, colour, strict=True)) < 60 for each in pixels)


def luminance(colour: tuple[int, int, int]) -> float:
    """As WCAG 2.2 defines it."""
    red, green, blue = (
        c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def pictures_of(person: Person, count: int = 1) -> Locator:
    """The pictures of the conversation, once they are drawn."""
    found = person.messages.locator("[part=picture] img")
    expect(found).to_have_count(count)
    for each in found.all():
        expect(each).to_have_js_property("complete", True)
        each.evaluate("img => img.decode()")
    return found


class Held:
    """Requests for files that are not answered until they are let go."""

    def __init__(self, person: Person, pattern: str) -> None:
        self.page, self.routes = person.page, list[Route]()
        self.page.route(re.compile(pattern), lambda route: self.routes.append(route))

    def wait_for(self, number: int) -> None:
        """Until so many are held: frame by frame, for the browser says so in between."""
        for _ in range(2_000):
            if len(self.routes) >= number:
                return
            self.page.evaluate("new Promise(requestAnimationFrame)")
        raise AssertionError(f"{len(self.routes)} of {number} requests came")

    def let_go(self) -> None:
        while self.routes:
            self.routes.pop().continue_()


# ---------------------------------------------------------------- what is loaded


@pytest.mark.parametrize(("density", "size"), [(1, 360), (2, 720), (3, 1080)])
def test_the_conversation_loads_a_thumbnail(
    person: Callable[..., Person], room: Room, density: int, size: int
) -> None:
    sends(room, photo())
    ada = person("ada", device_scale_factor=density).opens(room)
    shown = pictures_of(ada)
    assert shown.evaluate("img => img.naturalWidth") == size
    asked = [url for url in ada.requests if "photo.jpg" in url]
    assert len(asked) == 1
    assert asked[0].endswith(f"&size={size}")
    assert shown.evaluate("img => [img.loading, img.decoding]") == ["lazy", "async"]
    assert shown.evaluate(BOX) == pytest.approx([336, 252], abs=1)


def test_what_is_small_and_what_moves_is_loaded_itself(ada: Person, room: Room) -> None:
    moving = io.BytesIO()
    Image.effect_noise((500, 400), 40).save(moving, "GIF")
    sends(room, photo(350, 200), ("moving.gif", "image/gif", moving.getvalue()))
    pictures_of(ada.opens(room), 2)
    assert [url for url in ada.requests if "&size=" in url] == []


def test_nothing_jumps_when_a_picture_comes(ada: Person, room: Room) -> None:
    shapes = [(1600, 1200), (700, 2100), (300, 200), (4000, 90)]
    for shape in shapes:
        sends(room, photo(*shape))
    ada.page.set_viewport_size({"width": 1280, "height": 1800})
    held = Held(ada, "/files/")
    ada.opens(room)
    held.wait_for(len(shapes))
    shown = ada.messages.locator("[part=picture] img")
    bubbles = ada.messages.locator("[part=bubble]")
    boxes = [each.evaluate(BOX) for each in (*shown.all(), *bubbles.all())]
    held.let_go()
    pictures_of(ada, len(shapes))
    assert [each.evaluate(BOX) for each in (*shown.all(), *bubbles.all())] == boxes
    for (width, height), box in zip(shapes, boxes, strict=False):
        assert min(box) == 48 or box[0] / box[1] == pytest.approx(width / height, rel=0.02)


def test_ones_own_picture_does_not_vanish_when_it_is_stored(ada: Person, room: Room) -> None:
    held = Held(ada, "&size=360")
    ada.opens(room)
    ada.picks(*edged(1600, 1000))
    ada.part("send").click()
    ada.sees_status("Sent")
    held.wait_for(1)
    shown = ada.messages.locator("[part=picture] img")
    assert shown.evaluate("img => img.complete") is False
    seen = pixels_of(shown)
    assert count_like(seen, RED) > 1_000
    assert count_like(seen, BLUE) > 1_000
    held.let_go()
    expect(shown).to_have_js_property("naturalWidth", 360)
    expect(shown).to_have_css("background-image", "none")


def test_the_lightbox_shows_the_thumbnail_then_the_photo(ada: Person, room: Room) -> None:
    sends(room, photo(), photo(1200, 1600, "second.jpg"))
    ada.opens(room)
    pictures_of(ada, 2)
    held = Held(ada, r"jpg\?(?!.*&size=)")
    ada.messages.locator("[part=picture]").first.click()
    held.wait_for(1)
    shown = ada.part("lightbox").locator("img")
    expect(shown).to_have_js_property("naturalWidth", 360)
    box = shown.evaluate(BOX)
    assert box == pytest.approx([960, 720], abs=1)  # the window is 1280 × 720
    held.let_go()
    expect(shown).to_have_js_property("naturalWidth", 1600)
    assert shown.evaluate(BOX) == box
    ada.page.keyboard.press("ArrowRight")
    held.wait_for(1)
    held.let_go()
    expect(shown).to_have_js_property("naturalHeight", 1600)
    shown.evaluate(SWIPE, [300, 500])
    expect(ada.part("lightbox")).to_contain_text("photo.jpg · 1 / 2")
    shown.click()
    assert shown.evaluate(BOX) == [1600, 1200]


# ---------------------------------------------------------------- how it looks


def test_one_pixel_is_not_blown_up(ada: Person, room: Room) -> None:
    dot = ("dot.png", "image/png", saved(Image.new("RGB", (1, 1), RED)))
    sends(room, dot)
    sends(room, dot, photo())
    shown = pictures_of(ada.opens(room), 3)
    for each in (shown.nth(0), shown.nth(1)):
        assert 1 <= count_like(pixels_of(each), RED) <= 4
        assert min(each.evaluate(BOX)) >= 48


def test_a_panorama_and_a_portrait_are_shown_whole(ada: Person, room: Room) -> None:
    """In an album too, where others are cut to a square."""
    for shape in ((4000, 300), (300, 4000), (1600, 1000), (900, 1700)):
        sends(room, edged(*shape))
    sends(room, photo(), edged(4000, 300), photo(), edged(300, 4000))
    shown = pictures_of(ada.opens(room), 8)
    for number in (0, 1, 2, 3, 5, 7):
        seen = pixels_of(shown.nth(number))
        assert count_like(seen, RED) > 10, number
        assert count_like(seen, BLUE) > 10, number


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dark_ink_on_nothing_can_be_read(
    person: Callable[..., Person], room: Room, scheme: str
) -> None:
    image = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((100, 80, 200, 120), (*BLACK, 255))
    sends(room, ("scan.png", "image/png", saved(image)))
    seen = pixels_of(pictures_of(person("ada", color_scheme=scheme).opens(room)))
    assert count_like(seen, BLACK) > 2_000
    ground = luminance(seen[300 * 50 + 150])
    assert (ground + 0.05) / 0.05 > 4.5
    assert scheme == "light" or 1.05 / (ground + 0.05) > 4


def test_an_album_stands_in_a_square(ada: Person, room: Room) -> None:
    rows_of = {1: 1, 2: 1, 3: 2, 4: 2, 7: 2}
    for count in rows_of:
        sends(room, *(photo(400, 300, f"photo {n}.jpg") for n in range(count)))
    pictures_of(ada.opens(room), 14)
    for message, (count, rows) in zip(ada.messages.all(), rows_of.items(), strict=True):
        area = message.locator("[part=files]").bounding_box()
        assert area is not None
        assert area["height"] <= area["width"] + 20
        tops = message.locator("[part=picture]").evaluate_all(
            "all => all.map(one => one.offsetTop)"
        )
        assert len(set(tops)) == rows
        expect(message.locator(".more-pictures")).to_have_text(["+3"] if count == 7 else [])
