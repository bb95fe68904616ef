"""The page at `/` and at `/embed/`: coming in, its address, its language, its looks."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import WebSocketRoute, expect

from .conftest import HTTP, SERVE, Person, Room, Server, token_of
from .first_message import WATCH, wait_for_first_message
from .pictures import png

ADDRESS = "location.hash"


def test_the_token_leaves_the_address_and_links_can_be_shared(ada: Person, room: Room) -> None:
    room.post("bob", "hello")
    ada.opens(room)
    assert ada.page.evaluate(ADDRESS) == f"#room={room.id}"
    ada.page.reload()
    ada.sees("hello")
    ada.page.goto("about:blank")
    ada.page.goto(f"{room.server.url}#room={room.id}")
    ada.sees("hello")
    ada.page.evaluate("sessionStorage.clear()")
    ada.page.reload()
    expect(ada.page.get_by_role("textbox", name="Access token")).to_be_focused()


def test_the_first_message_needs_three_requests(ada: Person, room: Room) -> None:
    """The script, who the user is, and the list, if it is asked for by then; no other one."""
    room.post("bob", "Good morning")
    ada.page.add_init_script(WATCH)
    url = f"{room.server.url}#token={token_of('ada')}&room={room.id}"
    asked = [urlsplit(one).path for one in wait_for_first_message(ada.page, url).asked]
    api = "/api/v1/chat/"
    assert {"/ui/page.js"} <= set(asked) <= {"/ui/page.js", f"{api}me/", f"{api}receive/"}
    assert len(set(asked)) == len(asked)


NO_STORAGE = """
    const forbid = () => { throw new DOMException("denied", "SecurityError"); };
    Object.defineProperty(window, "sessionStorage", { get: forbid });
    Object.defineProperty(window, "indexedDB", { get: forbid });
    navigator.locks.request = async () => forbid();
"""
SILENT_STORAGE = """
    IDBFactory.prototype.open = () => new EventTarget();
    IDBFactory.prototype.databases = async () => [{ name: "roomcast" }];
"""


@pytest.mark.parametrize("storage", [NO_STORAGE, SILENT_STORAGE], ids=["forbidden", "silent"])
def test_a_browser_whose_storage_does_not_work_shows_and_sends(
    ada: Person, room: Room, storage: str
) -> None:
    """A browser that blocks cookies forbids its storages; some databases never answer."""
    room.post("bob", "hello")
    ada.page.add_init_script(storage)
    ada.opens(room)
    ada.sees("hello")
    ada.says("and back")
    ada.sees_status("Sent")
    expect(ada.item(room)).to_contain_text("and back")
    ada.page.wait_for_function("() => document.querySelector('roomcast-inbox').session.leads")


def test_without_a_token_the_page_asks_for_one(ada: Person, room: Room) -> None:
    ada.expects_errors = True  # the browser reports the 401
    ada.page.goto(room.server.url)
    field = ada.page.get_by_role("textbox", name="Access token")
    expect(field).to_be_focused()
    field.fill("nonsense")
    field.press("Enter")
    expect(ada.page.get_by_role("alert")).to_contain_text("not valid")
    field.fill(token_of("ada"))
    field.press("Enter")
    ada.item(room).click()
    expect(ada.composer).to_be_visible()
    assert ada.page.url.endswith(f"#room={room.id}")
    ada.page.get_by_role("navigation").get_by_role("button", name="More").click()
    ada.page.get_by_role("menuitem", name="Sign out").click()
    expect(field).to_be_focused()
    expect(ada.page).to_have_title("roomcast")
    assert ada.part("item").count() == 0
    assert "room" not in ada.page.url
    field.fill(token_of("eve"))  # who has nothing to do with that room
    field.press("Enter")
    expect(ada.page.get_by_role("searchbox")).to_be_visible()
    expect(ada.part("header")).to_have_count(0)
    ada.page.get_by_role("navigation").get_by_role("button", name="More").click()
    ada.page.get_by_role("menuitem", name="Sign out").click()
    ada.page.reload()
    expect(field).to_be_focused()


def test_an_expired_token_is_asked_for_again(ada: Person, room: Room) -> None:
    ada.expects_errors = True
    lines: list[WebSocketRoute] = []

    def relay(line: WebSocketRoute) -> None:
        line.connect_to_server()
        lines.append(line)

    ada.page.route_web_socket(re.compile("/ws/"), relay)
    ada.opens(room)
    ada.says("still here")
    ada.sees_status("Sent")
    ada.composer.fill("a draft")
    for line in lines:
        line.close(code=4001)
    expect(ada.page.get_by_role("alert")).to_contain_text("expired")
    field = ada.page.get_by_role("textbox", name="Access token")
    field.fill(token_of("ada"))
    field.press("Enter")
    ada.sees("still here")
    expect(ada.composer).to_have_value("a draft")


def test_the_page_speaks_the_language_of_its_address(ada: Person, room: Room) -> None:
    ada.opens(address="uk/")
    assert ada.page.evaluate("document.documentElement.lang") == "uk"
    expect(ada.item(room)).to_be_visible()
    expect(ada.page.get_by_role("searchbox")).to_have_attribute("placeholder", "Пошук")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_colours_of_the_system(
    person: Callable[..., Person], room: Room, scheme: str
) -> None:
    ada = person("ada", color_scheme=scheme).opens(room)
    ground = "getComputedStyle(document.querySelector('roomcast-inbox')).backgroundColor"
    shown = ada.page.evaluate(
        f"(() => {{ const c = document.createElement('canvas').getContext('2d');"
        f" c.fillStyle = {ground}; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; }})()"  # noqa: E501
    )
    assert (sum(shown[:3]) / 3 > 128) is (scheme == "light")


SETTINGS = """[server]
frame_ancestors = ["http://127.0.0.1:{port}"]
[web]
name = "The Oak & Sons <Shop>"
accent = "#b4235a"
logo = "/logo.png"
[rooms]
open_by = "host"
[server_api]
keys = ["{key}"]
"""
KEY = "a-key-of-the-server-of-the-site-long-enough"


class Opened(Room):
    """A room that the site has opened, since members may not."""

    def __init__(self, server: Server, context: str) -> None:
        self.server, self.context = server, context
        answer = HTTP.post(
            f"{server.url}api/v1/server/rooms/",
            json={"members": [1, 2], "context": context},
            headers={"Authorization": f"Bearer {KEY}"},
        )
        self.id = answer.json()["room_id"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a name, a colour, and one site that may frame it."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "settings.toml").write_text(SETTINGS.format(port=9, key=KEY))
    running = Server(folder, SERVE, "serve")
    yield running
    running.stop()


def test_an_operator_gives_it_a_name_a_logo_and_a_colour(
    person: Callable[..., Person], shop: Server
) -> None:
    ada = person("ada", shop)
    ada.expects_errors = True  # the browser reports the logo that is not there
    ada.opens()
    expect(ada.page.locator("img.logo")).to_have_count(0)
    ada.page.route("**/logo.png", lambda route: route.fulfill(body=png(20, 20)))
    ada.opens(None, "?1")
    expect(ada.page).to_have_title("The Oak & Sons <Shop>")
    expect(ada.page.get_by_role("heading", name="The Oak & Sons <Shop>").last).to_be_visible()
    accent = "getComputedStyle(document.documentElement).getPropertyValue('--roomcast-accent')"
    assert ada.page.evaluate(accent) == "#b4235a"
    expect(ada.page.locator("roomcast-inbox img.logo")).to_be_visible()
    expect(ada.page.locator("link[rel=icon]")).to_have_attribute("href", "/logo.png")
    room = Opened(shop, "coloured")
    ada.opens(room, "?2")
    ada.composer.fill("hello")
    ground = "one => getComputedStyle(one).backgroundColor"
    assert ada.part("send").evaluate(ground) == "rgb(180, 35, 90)"


def test_where_only_the_site_opens_rooms_nothing_offers_it(
    person: Callable[..., Person], shop: Server
) -> None:
    room = Opened(shop, "opened by the site")
    ada = person("ada", shop)
    ada.expects_errors = True  # the browser reports the logo that is not there
    ada.opens()
    expect(ada.item(room)).to_be_visible()
    start = ada.page.get_by_role("button", name="New conversation")
    ada.part("list").locator("xpath=../..").get_by_role("button", name="More").click()
    expect(ada.part("menu").get_by_role("menuitem", name="Download my data")).to_be_visible()
    expect(start).to_have_count(0)
    expect(ada.part("menu").get_by_text("New conversation")).to_have_count(0)


def test_a_frame_shows_one_conversation_where_the_settings_allow_it(
    person: Callable[..., Person], shop: Server, server: Server
) -> None:
    room = Opened(shop, "framed")
    room.post("bob", "hello")
    ada = person("ada", shop)
    ada.page.add_init_script("addEventListener('message', event => window.told = event.data)")
    answer = ada.page.goto(f"{shop.url}embed/?room={room.id}#token={token_of('ada')}")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert policy.endswith("frame-ancestors http://127.0.0.1:9")
    ada.sees("hello")
    expect(ada.part("list")).to_have_count(0)
    ada.page.wait_for_function("() => window.told?.type === 'roomcast'")
    guest = person("eve", shop)
    guest.expects_errors = True
    guest.page.goto(f"{shop.url}embed/?room={room.id}")
    expect(guest.page.get_by_text("You are signed out.")).to_be_visible()
    expect(guest.page.get_by_text("Connecting")).to_have_count(0)
    expect(guest.page.get_by_role("progressbar")).to_have_count(0)
    bob = person("bob", server)
    bob.expects_errors = True
    missing = bob.page.goto(f"{server.url}embed/")
    assert missing is not None
    assert missing.status == 404
    framed = bob.page.goto(server.url)
    assert framed is not None
    assert re.search("frame-ancestors 'none'$", framed.headers["content-security-policy"])
