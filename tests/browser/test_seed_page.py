"""The page that the protocol was first described with, unchanged, from another origin."""

import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import Person, Room, token_of
from .pictures import PDF, png

SEED = Path(__file__).parents[3] / "shared" / "seed" / "ChatConsumer.md"


def page_of(text: str, room: Room, token: str) -> str:
    """The document's page; only the host, the room and the token are ours."""
    [page] = re.findall(r"```html\n(.*?)```", text, re.DOTALL)
    for theirs, ours in (
        ("127.0.0.1:8001", f"127.0.0.1:{room.server.port}"),
        ("room_id=93", f"room_id={room.id}"),
        ("<script>", f'<script>const token = "{token}";</script><script>'),
    ):
        assert page.count(theirs) == 1
        page = page.replace(theirs, ours)
    return page


@pytest.fixture
def address(room: Room) -> Iterator[str]:
    """Where the page is served: a site of its own, not the chat's."""
    if not SEED.exists():
        pytest.skip(f"the document is not here: {SEED}")
    page = page_of(SEED.read_text("utf-8"), room, token_of("ada")).encode()

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name is the library's
            self.send_response(200 if self.path == "/" else 204)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page if self.path == "/" else b"")

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    site = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    serving = Thread(target=site.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{site.server_port}/"
    site.shutdown()
    serving.join()
    site.server_close()


class SeedPage:
    """What a user of that page does and sees."""

    def __init__(self, person: Person, address: str) -> None:
        self.page: Page = person.page
        person.requests_are_minded = False  # it is another site
        self.alerts: list[str] = []
        self.page.on(
            "dialog", lambda dialog: (self.alerts.append(dialog.message), dialog.dismiss())
        )
        self.page.goto(address)
        self.page.wait_for_function("socket.readyState === WebSocket.OPEN")

    @property
    def rows(self) -> Locator:
        return self.page.locator("#messages > li")

    def says(self, text: str) -> None:
        self.page.locator("#input").fill(text)
        self.page.locator("#send-button").click()

    def sends(self, name: str, kind: str, data: bytes) -> None:
        file = {"name": name, "mimeType": kind, "buffer": data}
        self.page.locator("#file-input").set_input_files(file)  # type: ignore[arg-type]
        self.page.locator("#send-button").click()

    def last_id(self) -> str:
        return str(self.rows.last.get_attribute("id")).removeprefix("msg-")


@pytest.fixture
def seed(ada: Person, address: str, room: Room) -> SeedPage:
    room.post("bob", "said before")  # an array comes first, which that page does not show
    return SeedPage(ada, address)


def test_it_sends_and_hears_the_other(seed: SeedPage, bob: Person, room: Room) -> None:
    bob.opens(room)
    seed.says("Hello from the old page")
    bob.sees("said before", "Hello from the old page")
    expect(seed.rows.last).to_contain_text("1: Hello from the old page")
    bob.says("Hello from the new one")
    expect(seed.rows).to_have_count(2)
    expect(seed.rows.last).to_contain_text("2: Hello from the new one")
    assert seed.alerts == []


def test_it_edits_with_an_id_that_is_a_string(seed: SeedPage, bob: Person, room: Room) -> None:
    bob.opens(room)
    seed.says("frist")
    expect(seed.rows).to_have_count(1)
    seed.page.evaluate("id => editMessage(id, 'first')", seed.last_id())
    expect(seed.rows.last).to_contain_text("first")
    bob.sees("said before", "first")
    assert seed.alerts == []


def test_its_button_deletes(seed: SeedPage, bob: Person, room: Room) -> None:
    bob.opens(room)
    seed.says("a mistake")
    bob.sees("said before", "a mistake")
    seed.rows.last.locator(".delete-btn").click()
    expect(seed.rows).to_have_count(0)
    bob.sees("said before")
    assert seed.alerts == []


def test_it_sends_a_picture_and_shows_it(seed: SeedPage, bob: Person, room: Room) -> None:
    bob.opens(room)
    seed.sends("my photo (1).png", "image/png", png(30, 20))
    picture = seed.rows.last.locator("img")
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("picture => picture.naturalWidth") == 30
    expect(bob.page.get_by_role("img", name="my_photo_1.png")).to_be_visible()
    assert seed.alerts == []


def test_it_links_a_pdf(seed: SeedPage, room: Room) -> None:
    seed.sends("bill.pdf", "application/pdf", PDF)
    link = seed.rows.last.get_by_role("link", name="Download file")
    answer = seed.page.request.get(str(link.get_attribute("href")))
    assert answer.body() == PDF
    assert seed.alerts == []


def test_it_shows_files_of_the_other(seed: SeedPage, bob: Person, room: Room) -> None:
    bob.opens(room)
    bob.picks("фото.png", "image/png", png(50, 20))
    bob.says("from me")
    expect(seed.rows.last).to_contain_text("2: from me")
    picture = seed.rows.last.locator("img")
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("picture => picture.naturalWidth") == 50


def test_it_tells_what_was_refused(seed: SeedPage, room: Room) -> None:
    with seed.page.expect_event("dialog"):
        seed.says("x" * 4001)
    [alert] = seed.alerts
    assert "too long" in alert
    expect(seed.rows).to_have_count(0)
