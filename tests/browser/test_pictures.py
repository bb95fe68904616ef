"""The pictures of the README and the docs, made from the page as it is.

`make pictures` writes them to docs/images; without it they are only made, which must work.
"""

import os
import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest
from playwright.sync_api import expect

from .conftest import SERVE, Person, Room, Server, token_of
from .pictures import png

TALK = (
    ("bob", "Hi Ada! Is the oak table still there?"),
    ("ada", "It is, and the four chairs too 🙂"),
    ("bob", "Could you send a picture of the top?"),
    ("ada", "Sure, as soon as the sun is back."),
    ("bob", "Lovely. Would Sunday at eleven suit you?"),
    ("ada", "Sunday is fine. 12 Mill Lane, the blue door."),
    ("bob", "See you there! 🎉"),
)
WAYS: dict[str, dict[str, object]] = {
    "page": {"viewport": {"width": 1280, "height": 760}},
    "page-dark": {"viewport": {"width": 1280, "height": 760}, "color_scheme": "dark"},
    "page-phone": {
        "viewport": {"width": 390, "height": 760},
        "is_mobile": True,
        "has_touch": True,
        "device_scale_factor": 2,
    },
}
LONGER = """async () => {
    const english = Object.assign({}, ...Object.values(await import(`${location.origin}/ui/lang/en.js`)));
    const twice = (text) => `[${text.replace(/[aeiou](?![^{]*})/g, (letter) => `${letter}\u0301${letter}\u0301`)}]`;
    const inbox = document.querySelector("roomcast-inbox");
    inbox.strings = Object.fromEntries(Object.entries(english).map(([key, one]) => [key, typeof one === "string" ? twice(one)
        : Object.fromEntries(Object.entries(one).map(([form, text]) => [form, twice(text)]))]));
}"""  # noqa: E501
OUTSIDE = """() => [...document.querySelector("roomcast-inbox").shadowRoot.querySelectorAll("button, h2, p, input, textarea, [part=menu]")]
    .filter((one) => { const { left, right, width } = one.getBoundingClientRect(); return width && (left < 0 || right > innerWidth); })
    .map((one) => one.outerHTML.slice(0, 90))"""  # noqa: E501


class Shop(ThreadingHTTPServer):
    """A site of another origin."""

    files: ClassVar[dict[str, tuple[str, bytes]]] = {}


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # as http.server names it
        assert isinstance(self.server, Shop)
        kind, body = self.server.files[self.path]
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with Shop(("127.0.0.1", 0), Page) as site:
        thread = Thread(target=site.serve_forever)
        thread.start()
        yield site
        site.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def server(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("pictures")
    origin = f"http://127.0.0.1:{shop.server_port}"
    (folder / "settings.toml").write_text(f'[server]\nallowed_origins = ["{origin}"]\n')
    running = Server(folder, SERVE, "serve")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def room(server: Server) -> Room:
    for name in ("ada", "bob", "eve"):
        server.call(name, "GET", "chat/receive/")
    group = {"members": [1, 2, 3], "title": "Sunday at the lake"}
    lake = server.call("eve", "POST", "chat/create/", group).json()["room_id"]
    for text in ("Who is in for Sunday? ☀️", "The 8:41 from platform 3"):
        server.call("eve", "POST", f"chat/rooms/{lake}/messages/", {"message": text})
    pair = server.call("eve", "POST", "chat/create/", {"second_user": 1}).json()["room_id"]
    server.call("eve", "POST", f"chat/rooms/{pair}/messages/", {"message": "Thanks for the lamp!"})
    room = Room(server, "")
    first = 0
    for name, text in TALK:
        more = {"reply_to": first} if text.startswith("Sure") else {}
        message = room.post(name, text, **more)
        first = message if text.startswith("Could") else first
    return room


def picture(name: str, tmp_path: Path) -> Path:
    folder = os.environ.get("ROOMCAST_PICTURES")
    return Path(folder or tmp_path) / f"{name}.png"


@pytest.mark.parametrize("name", WAYS)
def test_a_picture_of_the_page(
    person: Callable[..., Person], room: Room, name: str, tmp_path: Path
) -> None:
    bob = person("bob").opens(room)
    ada = person("ada", **WAYS[name]).opens(room)
    expect(ada.texts).to_have_count(len(TALK))
    expect(ada.part("subtitle")).to_have_text("online")
    bob.messages.nth(5).wait_for()
    ada.page.mouse.move(0, 0)
    path = picture(name, tmp_path)
    ada.page.screenshot(path=path)
    assert path.stat().st_size > 10_000


def test_a_picture_of_a_launcher_in_a_shop(
    person: Callable[..., Person], room: Room, shop: Shop, tmp_path: Path
) -> None:
    """The page of a shop, with its own colour and corners."""
    ada = person("ada", viewport={"width": 1280, "height": 760})
    ada.requests_are_minded = False
    url = room.server.url
    shop.files["/"] = (
        "text/html",
        (
            "<!doctype html><html lang=en><title>The shop</title><link rel=icon href='data:,'>"
            "<style>body{font:18px Georgia,serif;margin:3rem 4rem;color:#332;background:#faf7f2;"
            "--roomcast-accent:#8a3b12;--roomcast-radius:.3rem;--roomcast-font:Georgia,serif}"
            "img{border-radius:4px}</style><h1>An oak table</h1><img src='/photo.png' alt=''>"
            f"<p>Solid oak, 180 × 90 cm. € 240</p><script type=module src='{url}ui/roomcast.js'>"
            f"</script><roomcast-launcher open for=chat room={room.id} theme=light"
            f" token={token_of('ada')}></roomcast-launcher>"
        ).encode(),
    )
    shop.files["/photo.png"] = ("image/png", png(640, 400))
    ada.page.goto(f"http://127.0.0.1:{shop.server_port}/")
    expect(ada.texts).to_have_count(len(TALK))
    expect(ada.part("title")).to_have_text("Bob")
    path = picture("launcher", tmp_path)
    ada.page.screenshot(path=path)
    assert path.stat().st_size > 10_000


@pytest.mark.parametrize("language", ["longer", "ar"])
def test_longer_words_and_the_other_direction_fit_the_smallest_phone(
    person: Callable[..., Person], room: Room, language: str, tmp_path: Path
) -> None:
    """A made-up language whose words are long, and one that is written from right to left."""
    size = {"viewport": {"width": 320, "height": 568}, "is_mobile": True, "has_touch": True}
    ada = person("ada", **size, locale="en" if language == "longer" else language).opens(room)
    if language == "longer":
        ada.page.evaluate(LONGER)
        expect(ada.composer).to_have_attribute("placeholder", re.compile(r"^\["))
    expect(ada.texts).to_have_count(len(TALK))
    head = ada.part("header").locator("button")
    head.last.click()
    expect(ada.part("menu")).to_be_visible()
    fits(ada, tmp_path / "menu.png")
    ada.page.keyboard.press("Escape")
    fits(ada, tmp_path / "conversation.png")
    head.first.click()
    expect(ada.item(room)).to_be_visible()
    fits(ada, tmp_path / "list.png")


def fits(person: Person, picture: Path) -> None:
    person.page.screenshot(path=picture)
    assert person.page.evaluate(OUTSIDE) == [], picture.stem
    assert person.page.evaluate("document.documentElement.scrollWidth") <= 320, picture.stem
