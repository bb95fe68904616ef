"""The custom elements in a page of a site, under its strictest policy."""

import json
import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, WebSocketRoute, expect

from .conftest import Person, Room, Server, token_of
from .first_message import WATCH, wait_for_first_message
from .pictures import png

SITE = """
import sys, uvicorn
from pathlib import Path
from typing import NamedTuple
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from roomcast.app import About, Button, create_app

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; require-trusted-types-for 'script'"
)
USERS = {"ada": 1, "bob": 2, "eve": 3}


async def current_user_id(connection):
    return USERS.get(connection.cookies.get("session", ""))


class Face(NamedTuple):
    name: str
    picture: str | None = None


async def names(users):
    found = {str(number): Face(name.title()) for name, number in USERS.items()}
    return {user: found[str(user)] for user in users if str(user) in found}


def page(request):
    text = Path("pages", request.path_params["name"]).read_text()
    kinds = {".js": "text/javascript", ".css": "text/css"}
    kind = kinds.get(Path(request.path_params["name"]).suffix, "text/html")
    return Response(text, media_type=kind, headers={"Content-Security-Policy": POLICY})


async def talk(request):
    about = request.query_params
    room = await chat.open_room([1, 2], context=about["context"])
    await chat.post(room, sender=int(about["sender"]), text=about["text"])
    return PlainTextResponse(str(room))


async def offer(request):
    about = About("City bike", url="https://shop.example/55", price="€ 240")
    room = await chat.open_room([1, 2], context=request.query_params["context"], about=about)
    buttons = [Button("Accept", "accept", "primary", once=True), Button("No", "no")]
    await chat.post(room, "Offer: € 220", actions=buttons)
    return JSONResponse(room.room_id)


async def freeze(request):
    about = request.query_params
    await chat.update_room(int(about["room"]), frozen=about["on"] == "1")
    return PlainTextResponse("")


async def reports(request):
    return JSONResponse([report.reason for report in (await chat.reports()).results])


async def pressed(press):
    return "Thank you, we tell the seller."


chat = create_app(
    {}, authenticate=current_user_id, describe_users=names, on_action=pressed
)
routes = [
    Route("/offer", offer, methods=["POST"]),
    Route("/freeze", freeze, methods=["POST"]),
    Route("/reports", reports, methods=["POST"]),
    Route("/healthz", lambda request: PlainTextResponse("ok")),
    Route("/talk", talk, methods=["POST"]),
    Mount("/chat", app=chat),
    Route("/{name}", page),
]
uvicorn.run(
    Starlette(routes=routes, lifespan=chat.lifespan),
    host="127.0.0.1", port=int(sys.argv[sys.argv.index("--port") + 1]), log_level="warning",
)
"""
HEAD = '<!doctype html><html lang="en"><title>The shop</title><link rel=icon href="data:,"><script type="module" src="/chat/ui/roomcast.js"></script>'  # noqa: E501
PAGES = {
    "all.html": HEAD + '<script type="module" src="/all.js"></script><h1>The shop</h1>'
    "<p>Messages <roomcast-badge title></roomcast-badge></p>"
    '<roomcast-chat with="2" context="listing:55" suggestion="Is it still there?"></roomcast-chat>'
    "<roomcast-launcher></roomcast-launcher>",
    "all.js": 'window.events = []; for (const name of ["ready", "unread", "select", "message", "send", "sent", "refused", "open", "close", "state", "link", "file", "action"])'  # noqa: E501
    ' document.addEventListener("roomcast-" + name, (event) => window.events.push([name, event.target.localName, Object.keys(event.detail).sort().join()]));',  # noqa: E501
    "inbox.html": HEAD + '<roomcast-inbox history="query"></roomcast-inbox>',
    **{
        f"{name}.html": HEAD + f'<roomcast-chat with="2" context="listing:{about}"></roomcast-chat>'
        for name, about in {
            "chat": "photo",
            "place": "place",
            "search": "search",
            "lost": "lost",
            "begun": "begun",
            "low": "low",
            "method": "method",
            "stays": "stays",
        }.items()
    },
    "guest.html": HEAD + '<roomcast-chat with="2"></roomcast-chat>'
    "<roomcast-launcher open></roomcast-launcher>",
    "new.html": HEAD + '<roomcast-chat with="2" context="listing:new"></roomcast-chat>'
    '<roomcast-chat with="nobody" context="listing:new"></roomcast-chat>',
    "behind.html": HEAD + '<meta name="viewport" content="width=device-width">'
    '<button id="behind">Behind</button><roomcast-launcher></roomcast-launcher>',
    "full.html": HEAD + '<meta name="viewport" content="width=device-width">'
    '<link rel="stylesheet" href="full.css">'
    '<roomcast-chat with="2" context="keyboard"></roomcast-chat>',
    "full.css": "body { margin: 0 } roomcast-chat { height: 100dvh }",
    "small.html": HEAD + "<roomcast-launcher></roomcast-launcher><roomcast-badge></roomcast-badge>",
}


class Shop(Server):
    """A site with a chat under /chat/ and its own login by cookie."""

    def start(self) -> None:
        pages = self.folder / "pages"
        pages.mkdir(exist_ok=True)
        for name, text in PAGES.items():
            (pages / name).write_text(text)
        super().start()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    running = Shop(tmp_path_factory.mktemp("shop"), SITE)
    yield running
    running.stop()


class Visitor:
    """Somebody who is logged in at the shop; errors in the console are minded."""

    def __init__(self, browser: Browser, shop: Shop, name: str, **context: object) -> None:
        self.shop = shop
        self.context = browser.new_context(**context)  # type: ignore[arg-type]  # passed on
        self.context.add_cookies([{"name": "session", "value": name, "url": shop.url}])
        self.page: Page = self.context.new_page()
        self.errors: list[str] = []
        self.sockets: list[str] = []
        self.loaded: dict[str, int] = {}
        self.page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("websocket", lambda socket: self.sockets.append(socket.url))
        self.page.on("requestfinished", self._count)

    def _count(self, request: object) -> None:
        url = request.url  # type: ignore[attr-defined]  # a Request
        if "/ui/" in url:
            self.loaded[url] = request.sizes()["responseBodySize"]  # type: ignore[attr-defined]

    def opens(self, page: str) -> "Visitor":
        self.page.goto(self.shop.url + page)
        return self

    def says(self, sender: int, text: str, context: str = "listing:55") -> None:
        self.asks("talk", sender=str(sender), text=text, context=context)

    def asks(self, path: str, **query: str) -> str:
        """What the site answers."""
        answer = self.page.request.post(f"{self.shop.url}{path}", params=query)
        assert answer.ok, answer.text()
        return answer.text()

    def goes(self) -> None:
        self.context.close()
        assert self.errors == []


@pytest.fixture
def visitor(browser: Browser, shop: Shop) -> Iterator[Callable[..., Visitor]]:
    seated: list[Visitor] = []

    def seat(name: str, **context: object) -> Visitor:
        seated.append(Visitor(browser, shop, name, **context))
        return seated[-1]

    yield seat
    for one in seated:
        one.goes()


def test_ten_lines_under_the_strictest_policy(visitor: Callable[..., Visitor]) -> None:
    ada = visitor("ada").opens("all.html")
    chat = ada.page.locator("roomcast-chat")
    field = chat.locator("[part=input]")
    expect(field).to_have_value("Is it still there?")
    field.press("Enter")
    expect(chat.locator("[part=text]")).to_have_text("Is it still there?")
    expect(chat.locator("[part=meta]").get_by_role("img")).to_have_attribute("aria-label", "Sent")
    ada.says(2, "Yes, it is", "another")
    badge = ada.page.locator("roomcast-badge")
    expect(badge).to_be_visible()
    expect(badge.locator("[part=badge]")).to_have_text("1")
    expect(ada.page).to_have_title("(1) The shop")
    launcher = ada.page.locator("roomcast-launcher")
    expect(launcher.locator("> [part=badge], [part=launcher] [part=badge]").first).to_have_text("1")
    launcher.locator("[part=launcher]").click()
    expect(launcher.get_by_role("searchbox")).to_be_focused()
    expect(launcher.locator("[part=item]")).to_have_count(2)
    launcher.locator("[part=item]").first.click()
    expect(launcher.locator("[part=text]")).to_have_text("Yes, it is")
    expect(badge).to_be_hidden()
    expect(ada.page).to_have_title("The shop")
    ada.page.keyboard.press("Escape")
    expect(launcher.locator("[part=list]")).to_be_visible()
    launcher.locator("[part=item]").last.click()
    expect(launcher.locator("[part=text]")).to_have_text("Is it still there?")
    ada.page.keyboard.press("Escape")
    expect(launcher.locator("[part=list]")).to_be_visible()
    ada.page.keyboard.press("Escape")
    expect(launcher.locator("[part=panel]")).to_be_hidden()
    expect(launcher.locator("[part=launcher]")).to_be_focused()
    assert len([url for url in ada.sockets if "notifications" in url]) <= 2  # light, then whole
    assert len([url for url in ada.sockets if "room_id" in url]) == 2  # one for each conversation
    assert ada.page.locator("[style]").count() == 0
    events = ada.page.evaluate("window.events")
    told = {name for name, _, _ in events}
    assert told >= {"ready", "unread", "select", "send", "sent", "open", "close", "state"}
    assert ["sent", "roomcast-chat", "message"] in events


def test_pictures_open_under_the_strictest_policy(visitor: Callable[..., Visitor]) -> None:
    """The lightbox, the emoji, the menu and the dialog bring style sheets of their own."""
    ada = visitor("ada").opens("chat.html")
    photo = {"name": "bike.png", "mimeType": "image/png", "buffer": png(60, 40)}
    ada.page.locator("[part=attach]").wait_for()
    ada.page.set_input_files("input[type=file]", files=[photo])
    ada.page.locator("[part=input]").press("Enter")
    ada.page.locator("button[part=picture]").click()
    lightbox = ada.page.locator("[part=lightbox]")
    expect(lightbox).to_have_css("position", "fixed")
    expect(lightbox).to_have_css("padding", "0px")
    with ada.page.expect_download() as download:
        lightbox.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "bike.png"
    lightbox.get_by_role("button", name="Close").click()
    ada.page.get_by_role("button", name="Emoji").click()
    expect(ada.page.get_by_role("dialog").or_(ada.page.locator("[popover]")).last).to_be_visible()
    ada.page.keyboard.press("Escape")
    ada.page.locator("[part~=message]").hover()
    ada.page.locator("[part~=message]").get_by_role("button", name="More").click()
    expect(ada.page.locator("[part=menu]")).to_have_css("position", "fixed")
    ada.page.get_by_role("menuitem", name="Delete").click()
    expect(ada.page.locator("[part=dialog]")).to_be_visible()


def test_a_picture_has_its_place_before_it_is_drawn(visitor: Callable[..., Visitor]) -> None:
    """What draws pictures is loaded after the texts: nothing moves then."""
    ada = visitor("ada").opens("place.html")
    field, messages = ada.page.locator("[part=input]"), ada.page.locator("[part~=message]")
    field.wait_for()
    for number, files in enumerate(([(900, 600)], [(400, 300)] * 2, [(400, 300)] * 3, [(90, 180)])):
        photos = [{"name": "a.png", "mimeType": "image/png", "buffer": png(*s)} for s in files]
        ada.page.set_input_files("input[type=file]", files=photos)  # type: ignore[arg-type]
        field.press("Enter")
        sent = messages.nth(number).locator("[part=meta]").get_by_role("img")
        expect(sent).to_have_attribute("aria-label", "Sent")
    held: list[Route] = []
    ada.page.route("**/lazy-extras.js*", lambda route: held.append(route))
    ada.page.reload()
    expect(messages).to_have_count(4)
    field.wait_for()  # loaded with what draws pictures
    boxes = "all => all.map(({ offsetWidth, offsetHeight }) => [offsetWidth, offsetHeight])"
    bubbles, pictures = ada.page.locator("[part=bubble]"), ada.page.locator("[part=picture]")
    before = bubbles.evaluate_all(boxes)
    assert pictures.count() == 0
    held[0].continue_()
    expect(pictures).to_have_count(7)
    sizes = [*zip(before, bubbles.evaluate_all(boxes), strict=True)]
    assert [pair for pair in sizes if pair[1] != pytest.approx(pair[0], abs=5)] == []


def test_a_chat_is_searched(visitor: Callable[..., Visitor]) -> None:
    ada = visitor("ada")
    for text in ("The bike is blue", "The saddle is black", "Its bell is loud"):
        ada.says(2, text, "listing:search")
    ada.opens("search.html")
    chat, dialog = ada.page.locator("roomcast-chat"), ada.page.locator("[part=dialog]")
    expect(chat.locator("[part=text]")).to_have_count(3)
    chat.evaluate("chat => chat.find('saddle')")
    expect(dialog.get_by_role("searchbox")).to_have_value("saddle")
    expect(dialog.locator("li")).to_have_text([re.compile("Bob.*The saddle is black")])
    dialog.get_by_role("searchbox").fill("bike")
    dialog.get_by_text("The bike is blue").click()
    expect(dialog).to_be_hidden()
    expect(chat.locator("[part~=message]").first).to_be_focused()
    chat.get_by_role("button", name="More").first.click()
    ada.page.get_by_role("menuitem", name="Search").click()
    expect(dialog.get_by_role("searchbox")).to_be_focused()


def test_a_chat_that_is_not_begun_finds_nothing_of_other_rooms(
    visitor: Callable[..., Visitor],
) -> None:
    ada = visitor("ada")
    ada.says(2, "the secret of the saddle", "listing:else")
    ada.opens("begun.html")
    chat, dialog = ada.page.locator("roomcast-chat"), ada.page.locator("[part=dialog]")
    chat.locator("[part=input]").wait_for()
    chat.evaluate("chat => void chat.find('saddle')")
    expect(dialog.get_by_text("Nothing found")).to_be_visible()
    expect(dialog.locator("li")).to_have_count(0)


def test_a_chat_in_a_frame_without_height_is_whole_once_it_has_one(
    visitor: Callable[..., Visitor],
) -> None:
    """A site gives the frame the height that the page in it tells, or shows it later."""
    ada = visitor("ada")
    for text in ("Hello", "Is it still there?"):
        ada.says(2, text, "listing:low")
    frame = '<iframe src="/low.html" style="height: 0; border: 0; inline-size: 400px"></iframe>'
    ada.page.route("**/frame", lambda route: route.fulfill(body=frame, content_type="text/html"))
    ada.opens("frame")
    inside = ada.page.frame_locator("iframe")
    expect(inside.locator("[part=text]")).to_have_text(["Hello", "Is it still there?"])
    ada.page.locator("iframe").evaluate("frame => (frame.style.height = '600px')")
    expect(inside.locator("[part=new-line]")).to_be_visible()
    expect(inside.locator("[part=input]")).to_be_visible()


def test_what_cannot_be_loaded_is_said_and_tried_again(visitor: Callable[..., Visitor]) -> None:
    ada = visitor("ada")
    ada.says(2, "hello", "listing:lost")
    ada.opens("lost.html")
    chat = ada.page.locator("roomcast-chat")
    more = chat.locator("[part=header]").get_by_role("button", name="More")
    more.wait_for()
    ada.page.route("**/lazy-more.js*", lambda route: route.abort())
    more.click()
    expect(chat.get_by_text("No connection")).to_be_visible()
    ada.page.unroute("**/lazy-more.js*")
    more.click()
    expect(ada.page.locator("[part=menu]")).to_be_visible()
    ada.errors.clear()  # the browser reports the file


BY_ROOM = ("roomcast-chat", {"room": "ROOM"})
BY_PEER = ("roomcast-chat", {"with": "2", "context": "listing:3"})
NEEDED = {  # elements, and what is asked for until the first message, after `roomcast.js`
    "room": ([BY_ROOM], r"/ui/views\.js|/chat/me/"),
    "with": ([BY_PEER], r"/ui/views\.js|/chat/receive/\?"),
    "all": (
        [("roomcast-inbox", {}), BY_ROOM],
        r"/ui/views\.js|/chat/receive/",
    ),
}
ADD = """elements => {
    for (const [tag, attributes] of elements) {
        const element = document.createElement(tag);
        for (const name in attributes) element.setAttribute(name, attributes[name]);
        document.body.append(element);
    }
}"""


@pytest.mark.parametrize(("elements", "needed"), NEEDED.values(), ids=NEEDED)
def test_the_first_message_needs_few_requests(
    visitor: Callable[..., Visitor], elements: list[tuple[str, dict[str, str]]], needed: str
) -> None:
    ada = visitor("ada").opens("small.html")  # has a launcher and a badge
    room = ada.asks("offer", context="listing:3")
    ada.says(2, "hello", "listing:3")  # which tells who ada is

    def decide(route: Route) -> None:
        if re.search(needed, route.request.url):
            route.continue_()  # all else waits

    ada.page.route("**/chat/**", decide)
    own = [(tag, {n: v.replace("ROOM", str(room)) for n, v in of.items()}) for tag, of in elements]
    with ada.page.expect_request("**/ui/lazy-extras.js*"):  # after the first message
        ada.page.evaluate(ADD, own)
        expect(ada.page.locator("roomcast-chat [part=text]").last).to_have_text("hello")
        item = ada.page.locator(f'roomcast-inbox [part=item][data-room="{room}"]')
        expect(item).to_have_count(len(own) - 1)
    ada.page.unroute("**/chat/**")


API = "/chat/api/v1/chat/"
SCRIPTS = ["/chat/ui/roomcast.js", "/chat/ui/views.js"]


def test_a_chat_with_somebody_shows_a_message_after_three_requests(
    visitor: Callable[..., Visitor],
) -> None:
    ada = visitor("ada")
    ada.says(2, "hello", "listing:lost")
    ada.page.add_init_script(WATCH)
    asked = wait_for_first_message(ada.page, f"{ada.shop.url}lost.html").asked
    assert sorted(urlsplit(one).path for one in asked) == [f"{API}receive/", *SCRIPTS]
    said = ada.page.locator("roomcast-chat [part~=message]").last
    expect(said).to_have_attribute("part", "message theirs")
    ada.page.wait_for_function("() => document.querySelector('roomcast-chat').user")


def test_an_inbox_shows_its_rows_after_three_requests(visitor: Callable[..., Visitor]) -> None:
    ada = visitor("ada")
    ada.says(2, "hello", "rows")
    asked: list[str] = []

    def decide(route: Route) -> None:
        path = urlsplit(route.request.url).path
        asked.append(path)
        if path in {f"{API}receive/", *SCRIPTS}:
            route.continue_()  # all else waits

    ada.page.route("**/chat/**", decide)
    with ada.page.expect_request("**/ui/lazy-list-tools.js*"):  # after the first rows
        ada.opens("inbox.html")
        row = ada.page.locator("[part=item]").first
        expect(row).to_contain_text("Bob")
        expect(row).not_to_contain_text("Ada")
    assert sorted(asked[:3]) == [f"{API}receive/", *SCRIPTS]
    ada.page.unroute("**/chat/**")


def test_each_element_tells_the_site_when_it_is_ready(visitor: Callable[..., Visitor]) -> None:
    """Also one that is added when it is long known who the user is."""
    ada = visitor("ada").opens("low.html")
    ada.page.locator("[part=input]").wait_for()
    user = ada.page.evaluate(
        """() => new Promise(done => {
            const chat = document.createElement("roomcast-chat");
            chat.setAttribute("with", 3);
            document.body.append(chat);
            chat.addEventListener("roomcast-ready", (event) => done(event.detail.user));
        })"""
    )
    assert (user["user_id"], user["name"]) == (1, "Ada")


def test_an_element_does_what_it_is_asked_before_it_is_shown_and_keeps_it_where_it_is_moved(
    visitor: Callable[..., Visitor],
) -> None:
    ada = visitor("ada")
    ada.page.clock.install()
    ada.opens("small.html")
    ada.page.route("**/ui/views.js*", lambda route: route.abort())
    with ada.page.expect_event("requestfailed"):
        ada.page.evaluate(
            """() => {
                const chat = document.createElement("roomcast-chat");
                chat.setAttribute("with", 2);
                chat.setAttribute("context", "listing:at once");
                document.body.append(chat);
                chat.send({ text: "first" });
                chat.insert("second");
                chat.focusComposer();
            }"""
        )
    ada.page.unroute("**/ui/views.js*")
    ada.page.clock.fast_forward(3_000)
    chat = ada.page.locator("roomcast-chat")
    field, chosen = chat.locator("[part=input]"), chat.get_by_text("plan.txt")
    expect(chat.locator("[part=text]")).to_have_text("first")
    expect(field).to_have_value("second")
    expect(field).to_be_focused()
    plan = {"name": "plan.txt", "mimeType": "text/plain", "buffer": b"x"}
    ada.page.set_input_files("input[type=file]", files=[plan])  # type: ignore[list-item]
    expect(chosen).to_be_visible()
    chat.evaluate("chat => document.body.prepend(chat)")
    expect(chosen).to_be_visible()
    field.press("Enter")
    expect(chat.locator("[part=text]")).to_have_text(["first", "second"])
    expect(chat.locator("[part=card]")).to_contain_text("plan.txt")
    again = "chat => (chat.remove(), chat.setAttribute('context', 'x'), document.body.append(chat))"
    chat.evaluate(again)
    expect(chat.locator("[part=text]")).to_have_count(0)
    expect(field).to_have_value("")
    ada.errors.clear()  # the browser reports the file


def test_a_conversation_that_is_begun_has_its_number_in_the_element_and_the_address(
    visitor: Callable[..., Visitor],
) -> None:
    ada = visitor("ada").opens("inbox.html")
    inbox = ada.page.locator("roomcast-inbox")
    inbox.evaluate("inbox => inbox.select({ with: 2, context: 'listing:number' })")
    field = ada.page.locator("[part=input]")
    field.fill("hello")
    field.press("Enter")
    chosen = ada.page.locator("[part=item][aria-current]")
    expect(chosen).to_contain_text("hello")
    room = chosen.get_attribute("data-room")
    expect(inbox).to_have_attribute("room", str(room))
    expect(ada.page).to_have_url(re.compile(rf"\?room={room}$"))


def test_a_conversation_that_may_not_be_begun_keeps_its_field(
    visitor: Callable[..., Visitor],
) -> None:
    eve, bob = visitor("eve"), visitor("bob").opens("small.html")
    block = "method => fetch('/chat/api/v1/chat/blocks/3/', { method }).then(({ ok }) => ok)"
    assert bob.page.evaluate(block, "POST")
    closing = []

    def relay(line: WebSocketRoute) -> None:
        line.connect_to_server()
        closing.append(line)

    eve.page.route_web_socket(re.compile("/ws/"), relay)
    eve.opens("chat.html")
    chat = eve.page.locator("roomcast-chat")
    field, texts = chat.locator("[part=input]"), chat.locator("[part=text]")
    field.fill("hello")
    field.press("Enter")
    expect(chat.get_by_text("You can't do this.")).to_be_visible()
    expect(chat.get_by_text("no longer there")).to_be_hidden()
    assert bob.page.evaluate(block, "DELETE")
    chat.get_by_role("button", name="Edit").click()
    expect(field).to_have_value("hello")
    field.press("Enter")
    expect(texts).to_have_text("hello")
    expect(chat.get_by_role("img", name="Delivered")).to_be_visible()
    for line in closing:
        line.close(code=4005)  # the site has signed the user out
    expect(chat.get_by_text("You are signed out.")).to_be_visible()
    expect(field).to_be_hidden()
    eve.errors.clear()  # the browser reports the refusal


def test_another_function_for_tokens_interrupts_nothing(
    person: Callable[..., Person], server: Server, room: Room
) -> None:
    """A framework makes a new one with each rendering, and each element has its own."""
    room.post("bob", "hello")
    ada, token = person("ada"), token_of("ada")
    ada.expects_errors = True  # the browser looks for an icon of the page
    ada.page.goto(f"{server.url}healthz")
    ada.page.evaluate(
        """async ([room, token]) => {
            await import("/ui/roomcast.js");
            window.asked = [];
            window.render = (number) => {
                const tag = number < 2 ? "roomcast-chat" : "roomcast-badge";
                const element = document.querySelector(tag) ?? document.createElement(tag);
                element.setAttribute("room", room);
                element.getToken = () => (asked.push(number), token);
                document.body.append(element);
            };
            render(0);
        }""",
        [str(room.id), token],
    )
    ada.sees("hello")
    ada.composer.evaluate("field => (window.field = field)")
    for number in (1, 2):
        ada.page.evaluate("number => render(number)", number)
    ada.says("still here")
    ada.sees("hello", "still here")
    assert ada.composer.evaluate("field => field === window.field")
    ada.page.evaluate(
        """token => {
            const { session } = document.querySelector("roomcast-chat");
            session.session.refuse(token); // as the server does once it has expired
            return session.request("GET", "chat/me/");
        }""",
        token,
    )
    assert ada.page.evaluate("asked") == [0, 2]


def test_what_a_site_selects_stays_when_the_element_is_built_again(
    visitor: Callable[..., Visitor],
) -> None:
    ada = visitor("ada")
    for context in ("listing:low", "listing:selected"):
        ada.says(2, f"about {context}", context)
    ada.opens("low.html")
    chat = ada.page.locator("roomcast-chat")
    text, field = chat.locator("[part=text]").last, chat.locator("[part=input]")
    expect(text).to_have_text("about listing:low")
    chat.evaluate("chat => chat.select({ with: 2, context: 'listing:selected' })")
    expect(text).to_have_text("about listing:selected")
    chat.evaluate("chat => chat.setAttribute('lang', 'de')")
    expect(field).to_have_attribute("placeholder", "Nachricht schreiben")
    expect(text).to_have_text("about listing:selected")
    chat.evaluate("chat => chat.setAttribute('context', 'listing:none')")
    expect(chat.locator("[part=text]")).to_have_count(0)


def test_a_user_who_comes_back_without_a_new_page_is_let_in(
    visitor: Callable[..., Visitor],
) -> None:
    ada = visitor("guest").opens("small.html")
    launcher = ada.page.locator("roomcast-launcher")
    ada.page.wait_for_function(
        "() => document.querySelector('roomcast-launcher').link?.state === 'signedout'"
    )
    ada.context.add_cookies([{"name": "session", "value": "ada", "url": ada.shop.url}])
    ada.says(2, "welcome back", "listing:back")
    add = """() => {
        const chat = document.createElement("roomcast-chat");
        chat.setAttribute("with", 2);
        chat.setAttribute("context", "listing:back");
        document.body.append(chat);
    }"""
    ada.page.evaluate(add)
    shown = ada.page.locator("roomcast-chat [part=text]")
    expect(shown).to_have_text("welcome back")
    ada.page.evaluate(
        """() => {
            window.reasons = [];
            const launcher = document.querySelector("roomcast-launcher");
            launcher.addEventListener("roomcast-signed-out", (event) => window.reasons.push(event.detail.why));
            return launcher.signOut();
        }"""  # noqa: E501
    )
    assert ada.page.evaluate("window.reasons") == ["left"]
    expect(shown).to_have_count(0)
    assert ada.page.evaluate("document.querySelector('roomcast-launcher').user") is None
    ada.page.evaluate("document.querySelector('roomcast-chat').remove()")
    ada.page.evaluate(add)
    expect(shown).to_have_text("welcome back")
    expect(launcher).to_be_visible()
    ada.errors.clear()  # the browser reports the refusal


def test_what_a_site_sets_later_is_drawn_in_place(visitor: Callable[..., Visitor]) -> None:
    """A framework sets properties with each rendering: nothing is built again for that."""
    ada = visitor("ada").opens("chat.html")
    chat = ada.page.locator("roomcast-chat")
    field = chat.locator("[part=input]")
    field.fill("half a sentence")
    chat.evaluate("chat => chat.send({ text: 'see', data: { type: 'offer', amount: 3 } })")
    expect(chat.locator("[part=text]").last).to_have_text("see")
    chat.evaluate(
        """chat => {
            window.field = chat.shadowRoot.querySelector("[part=input]");
            chat.renderers = { offer: ({ data }) => document.createTextNode(`Offer: ${data.amount}`) };
            chat.quickReplies = () => ["Yes"];
            chat.setAttribute("theme", "dark");
        }"""  # noqa: E501
    )
    expect(chat.locator("[part~=message]").last).to_contain_text("Offer: 3")
    expect(field).to_have_value("half a sentence")
    field.fill("")
    expect(chat.get_by_role("button", name="Yes")).to_be_visible()
    same = "chat => chat.shadowRoot.querySelector('[part=input]') === window.field"
    assert chat.evaluate(same)


def test_a_closed_launcher_is_light(visitor: Callable[..., Visitor]) -> None:
    ada = visitor("ada").opens("small.html")
    expect(ada.page.locator("roomcast-launcher [part=launcher]")).to_be_visible()
    ada.says(2, "hello", "light")
    expect(ada.page.locator("roomcast-badge")).to_be_visible()
    names = [url.rpartition("/")[2].partition("?")[0] for url in ada.loaded]
    assert names == ["roomcast.js", "lazy-unread.js"]
    assert sum(ada.loaded.values()) <= 6.2 * 1024


def test_a_closed_launcher_counts_after_a_failure(visitor: Callable[..., Visitor]) -> None:
    ada = visitor("ada")
    ada.says(2, "hello", "failed")
    hurry = "later = setTimeout; setTimeout = (act, wait) => later(act, wait === 3000 ? 0 : wait)"
    ada.page.add_init_script(hurry)
    failures = iter([True])

    def fail_once(route: Route) -> None:
        route.abort() if next(failures, False) else route.continue_()

    ada.page.route("**/lazy-unread.js*", fail_once)
    with ada.page.expect_event("requestfailed"):
        ada.opens("small.html")
    expect(ada.page.locator("roomcast-badge")).to_be_visible()
    ada.errors.clear()  # the browser reports the file


def test_a_chat_that_is_not_begun_names_the_other_one(visitor: Callable[..., Visitor]) -> None:
    ada = visitor("ada")
    ada.says(2, "hello", "elsewhere")
    ada.opens("new.html")
    titles = ada.page.locator("roomcast-chat [part=title]")
    expect(titles).to_have_text(["Bob", "Someone"])


def test_a_guest_reads_one_sentence(visitor: Callable[..., Visitor]) -> None:
    guest = visitor("guest").opens("guest.html")
    for place in ("body > roomcast-chat", "roomcast-launcher"):
        shown = guest.page.locator(place)
        expect(shown.get_by_text("You are signed out.")).to_be_visible()
        for role in ("progressbar", "searchbox", "button"):
            found = shown.get_by_role(role)  # type: ignore[arg-type]  # one of those
            expect(found.and_(guest.page.locator(":not([part=launcher])"))).to_have_count(0)
        expect(shown.get_by_text("Connecting")).to_have_count(0)
        expect(shown.locator("[part=header]").and_(guest.page.locator(":visible"))).to_have_count(0)
    guest.errors.clear()  # the browser reports the refusals


def test_an_inbox_in_a_page_of_the_site(visitor: Callable[..., Visitor]) -> None:
    ada = visitor("ada").opens("inbox.html")
    ada.says(2, "first", "inbox")
    row = ada.page.locator("[part=item]").first
    expect(row).to_contain_text("first")
    row.click()
    expect(ada.page.locator("[part=text]").last).to_have_text("first")
    expect(ada.page).to_have_url(re.compile(r"\?room=\d+$"))
    inbox = ada.page.locator("roomcast-inbox")
    room = str(inbox.get_attribute("room"))
    ada.page.go_back()
    expect(ada.page.get_by_text("Choose a conversation")).to_be_visible()
    inbox.evaluate("(inbox, room) => inbox.setAttribute('room', room)", room)
    expect(ada.page.locator("[part=text]").last).to_have_text("first")
    inbox.evaluate(
        """inbox => {
            inbox.quickReplies = ["Yes, at 555", "No"];
            inbox.renderers = { offer: (message) => Object.assign(document.createElement("b"), { textContent: message.data.sum }) };
            inbox.beforeSend = (draft) => ({ ...draft, text: draft.text.replace("555", "***") });
            inbox.addEventListener("roomcast-send", (event) => event.detail.text === "no" && event.preventDefault());
        }"""  # noqa: E501
    )
    field = ada.page.locator("[part=input]")
    for text in ("no", "call 555"):
        field.fill(text)
        field.press("Enter")
    ada.page.get_by_role("button", name="Yes, at 555", exact=True).click()
    texts = ada.page.locator("[part=text]")
    expect(texts).to_have_text(["first", "call ***", "Yes, at ***"])
    inbox.evaluate(
        """async inbox => {
            for (const text of ["no", " ", "555 by a script"]) await inbox.send({ text });
            const { beforeSend } = inbox;
            inbox.beforeSend = () => false;
            await inbox.send({ text: "discarded" });
            inbox.beforeSend = beforeSend;
            await inbox.send("last");
        }"""
    )
    expect(texts).to_have_text(["first", "call ***", "Yes, at ***", "*** by a script", "last"])
    inbox.evaluate("inbox => inbox.insert('from a script')")
    expect(field).to_have_value("from a script")


def test_a_hidden_page_notifies_and_only_when_it_was_allowed(
    visitor: Callable[..., Visitor],
) -> None:
    ada = visitor("ada")
    ada.page.add_init_script(
        """window.shown = [];
        window.Notification = class { static permission = "default"; static requestPermission() { window.asked = true; } constructor(...about) { window.shown.push(about); } };
        Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
        addEventListener("roomcast-notify", (event) => (window.told = event.detail.message.text));"""  # noqa: E501
    )
    ada.opens("inbox.html")
    ada.page.wait_for_function("() => document.querySelector('roomcast-inbox').session?.leads")
    ada.says(2, "psst", "hidden")
    ada.page.wait_for_function("() => window.told === 'psst'")
    assert ada.page.evaluate("window.shown") == []
    assert ada.page.evaluate("window.asked") is None  # the question comes with a click alone
    ada.page.evaluate("Notification.permission = 'granted'")
    ada.says(2, "psst again", "hidden")
    ada.page.wait_for_function("() => window.shown.length === 1")
    ((title, about),) = ada.page.evaluate("window.shown")
    assert (title, about["body"]) == ("Bob", "psst again")
    ada.page.evaluate(
        """() => (window.Notification = class {
            static permission = "granted";
            constructor() { window.isRefused = true; throw new TypeError("Illegal constructor"); }
        })"""
    )
    ada.says(2, "psst once more", "hidden")
    ada.page.wait_for_function("() => window.isRefused")  # as on Android: that is no error
    expect(ada.page.locator("[part=item-last]").first).to_have_text("psst once more")


def test_a_closed_launcher_notifies_where_it_was_allowed(visitor: Callable[..., Visitor]) -> None:
    ada = visitor("ada")
    ada.page.add_init_script(
        """window.shown = [];
        window.Notification = class { static permission = "granted"; constructor(title) { this.title = title; window.shown.push(this); } close() {} };
        document.hasFocus = () => !window.isLeft;
        Object.defineProperty(document, "visibilityState", { get: () => (window.isLeft ? "hidden" : "visible") });"""  # noqa: E501
    )
    ada.opens("small.html")
    ada.says(2, "hello", "closed")
    expect(ada.page.locator("roomcast-badge")).to_be_visible()
    assert not any("views.js" in url for url in ada.loaded)
    ada.page.evaluate("window.isLeft = true; dispatchEvent(new Event('blur'))")
    leads = "() => document.querySelector('roomcast-launcher').session?.snapshot.leads"
    ada.page.wait_for_function(leads)
    ada.says(2, "psst", "closed")
    ada.page.wait_for_function("() => window.shown.length === 1")
    assert ada.page.evaluate("window.shown[0].title") == "Bob"
    ada.page.evaluate("window.shown[0].onclick()")
    expect(ada.page.locator("roomcast-launcher [part=text]").last).to_have_text("psst")


def test_system_messages_buttons_and_listings(visitor: Callable[..., Visitor]) -> None:
    ada, bob = visitor("ada"), visitor("bob")
    room = ada.asks("offer", context="listing:offer")
    for one in (ada, bob):
        one.opens(f"inbox.html?room={room}")
    message = ada.page.locator("[part~=system]")
    expect(message).to_contain_text("Offer: € 220")
    listing = ada.page.locator("[part=header] [part=listing]")
    expect(listing).to_contain_text("City bike")
    expect(listing.locator("[part=listing-price]")).to_have_text("€ 240")
    expect(listing).to_have_attribute("href", "https://shop.example/55")
    expect(ada.page.locator("[part=item][aria-current] [part=item-listing]")).to_contain_text(
        "City bike"
    )
    message.get_by_role("button", name="Accept").click()
    expect(ada.page.get_by_text("Thank you, we tell the seller.")).to_be_visible()
    expect(message).to_contain_text("You: accept")
    expect(message.get_by_role("button", name="Accept")).to_have_count(0)
    expect(bob.page.locator("[part~=system]")).to_contain_text("Ada: accept")


def test_a_frozen_conversation_is_only_read(visitor: Callable[..., Visitor]) -> None:
    ada = visitor("ada")
    room = ada.asks("offer", context="listing:frozen")
    ada.opens(f"inbox.html?room={room}")
    field = ada.page.locator("[part=input]")
    expect(field).to_be_visible()
    ada.asks("freeze", room=room, on="1")
    expect(ada.page.get_by_text("This conversation is read-only.")).to_be_visible()
    expect(field).to_be_hidden()
    ada.asks("freeze", room=room, on="0")
    expect(field).to_be_visible()


def test_a_member_reports_blocks_and_marks_as_unread(visitor: Callable[..., Visitor]) -> None:
    ada = visitor("ada")
    ada.says(2, "Pay me by gift card", "listing:report")
    ada.opens("inbox.html")
    row = ada.page.locator("[part=item]", has_text="gift card")
    row.click()
    message = ada.page.locator("[part~=message]")
    message.hover()
    message.get_by_role("button", name="More").click()
    menu, dialog = ada.page.locator("[part=menu]"), ada.page.locator("[part=dialog]")
    menu.get_by_role("menuitem", name="Report").click()
    dialog.get_by_label("Fraud").check()
    dialog.get_by_role("button", name="Report").click()
    expect(ada.page.get_by_text("Thank you for your report.")).to_be_visible()
    assert json.loads(ada.asks("reports")) == ["fraud"]
    more = ada.page.locator("[part=header]").get_by_role("button", name="More")
    more.click()
    menu.get_by_role("menuitem", name="Block Bob").click()
    dialog.get_by_role("button", name="Block Bob").click()
    expect(ada.page.get_by_text("You blocked Bob.")).to_be_visible()
    expect(ada.page.locator("[part=input]")).to_be_hidden()
    ada.page.get_by_role("button", name="Unblock Bob").click()
    expect(ada.page.locator("[part=input]")).to_be_visible()
    more.click()
    menu.get_by_role("menuitem", name="Mark as unread").click()
    expect(ada.page.get_by_text("Choose a conversation")).to_be_visible()
    expect(row.locator("[part=badge]")).to_be_visible()
    row.click()
    expect(row.locator("[part=badge]")).to_have_count(0)


def test_a_user_erases_what_they_wrote(visitor: Callable[..., Visitor]) -> None:
    eve = visitor("eve")
    eve.opens("inbox.html")
    eve.page.get_by_role("navigation").get_by_role("button", name="More").click()
    eve.page.get_by_role("menuitem", name="Erase my data").click()
    dialog = eve.page.locator("[part=dialog]")
    expect(dialog).to_contain_text("can't be undone")
    with eve.page.expect_response(lambda answer: answer.request.method == "DELETE") as answer:
        dialog.get_by_role("button", name="Erase my data").click()
    assert answer.value.status == 204
    assert answer.value.url.endswith("/chat/me/")


def test_the_public_surface_is_what_is_documented(visitor: Callable[..., Visitor]) -> None:
    """Names that sites build on: they change with a note in the changelog, never by chance."""
    ada = visitor("ada").opens("all.html")
    surface = ada.page.evaluate(
        """async () => {
            const { configure, ...elements } = await import("/chat/ui/roomcast.js");
            const names = (type) => Object.getOwnPropertyNames(type.prototype).filter(name => !name.endsWith("Callback") && name !== "constructor" && !/^_|^..?$/.test(name)); // no internal ones, which a build shortens
            const base = Object.getPrototypeOf(elements.RoomcastInbox);
            return Object.fromEntries(Object.entries(elements).map(([name, type]) =>
                [name, { attributes: [...type.observedAttributes].sort(), members: [...new Set([...names(base), ...names(type)])].sort() }]));
        }"""  # noqa: E501
    )
    documented = (Path(__file__).parents[2] / "docs/elements.md").read_text()
    internal = {"build", "rebuild", "shown", "makeView", "joined", "counted", "root", "property",
                "setProperty", "emit", "language", "ownViews"}  # fmt: skip
    for element in surface.values():
        for name in {*element["attributes"], *element["members"]} - internal:
            assert f"`{name}" in documented, name


class Blank(BaseHTTPRequestHandler):
    """A page of another origin."""

    def do_GET(self) -> None:  # as http.server names it
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.server.text.encode())  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None: ...


def test_a_page_of_another_origin_signs_in_by_token(
    person: Callable[..., Person], server: Server, room: Room
) -> None:
    from threading import Thread

    room.post("bob", "hello")
    with ThreadingHTTPServer(("127.0.0.1", 0), Blank) as site:
        site.text = (  # type: ignore[attr-defined]
            f'<!doctype html><html lang="en"><link rel=icon href="data:,">'
            f'<script type="module">import {{ configure }} from "{server.url}ui/roomcast.js";'
            f'configure({{ getToken: () => "{token_of("ada")}" }});</script>'
            f'<roomcast-chat room="{room.id}"></roomcast-chat>'
        )
        Thread(target=site.serve_forever).start()
        ada = person("ada")
        ada.requests_are_minded = False
        ada.expects_errors = True  # calls over HTTP need server.allowed_origins
        ada.page.goto(f"http://localhost:{site.server_port}/")
        ada.sees("hello")
        site.shutdown()


PHONE = {"viewport": {"width": 390, "height": 700}, "is_mobile": True, "has_touch": True}


def test_a_launcher_on_a_phone_is_modal(visitor: Callable[..., Visitor]) -> None:
    """It covers the page, which is inert then; turned to a larger window it is a popup again."""
    ada = visitor("ada", **PHONE)
    ada.says(2, "hello", "phone")
    ada.opens("behind.html")
    launcher = ada.page.locator("roomcast-launcher")
    button, panel = launcher.locator("[part=launcher]"), launcher.locator("[part=panel]")
    button.tap()
    expect(launcher.locator("[part=item]").first).to_be_visible()
    modal = "panel => panel.matches(':modal')"
    assert panel.evaluate(modal)
    expect(button).to_be_focused()
    for _ in range(30):
        ada.page.keyboard.press("Tab")
        assert ada.page.evaluate("document.activeElement.id") != "behind"
    boxes = panel.bounding_box(), button.bounding_box()
    assert boxes[0] == {"x": 0, "y": 0, "width": 390, "height": 700}
    assert boxes[1] is not None
    assert boxes[1]["y"] < 10
    ada.page.set_viewport_size({"width": 900, "height": 700})
    expect(panel).not_to_have_attribute("aria-modal", "true")
    assert not panel.evaluate(modal)
    ada.page.locator("#behind").click(timeout=5_000)
    ada.page.set_viewport_size({"width": 390, "height": 700})
    expect(panel).to_have_attribute("aria-modal", "true")
    button.tap()
    expect(panel).to_be_hidden()
    expect(button).to_be_focused()
    launcher.evaluate("launcher => launcher.show()")
    expect(panel).to_be_visible()
    panel.evaluate("panel => panel.requestClose()")  # as the way back of a phone does
    expect(launcher).not_to_have_attribute("open", "")


KEYBOARD = """(height) => {
    Object.defineProperty(visualViewport, "height", { get: () => height, configurable: true });
    visualViewport.dispatchEvent(new Event("resize"));
}"""


@pytest.mark.parametrize("page", ["behind.html", "full.html"])
def test_the_keyboard_of_a_phone_covers_no_field(
    visitor: Callable[..., Visitor], page: str
) -> None:
    """As in Safari: the window stays as it is, and less of it is seen."""
    ada = visitor("ada", **PHONE)
    for number in range(10):
        ada.says(1, f"message {number}", "keyboard")
    ada.opens(page)
    if page == "behind.html":
        ada.page.locator("roomcast-launcher [part=launcher]").tap()
        ada.page.locator("roomcast-launcher [part=item]").first.tap()
    field, header = ada.page.locator("[part=input]"), ada.page.locator("[part=header]")
    field.tap()
    last = ada.page.locator("[part=text]").last
    expect(last).to_be_in_viewport()
    bottom = "field => field.getBoundingClientRect().bottom"
    before = field.evaluate(bottom)
    ada.page.evaluate(KEYBOARD, 400)
    assert 380 < field.evaluate(bottom) <= 400
    expect(header).to_be_in_viewport(ratio=1)
    ada.page.wait_for_function(
        "last => last.getBoundingClientRect().bottom < 400", arg=last.element_handle()
    )
    ada.page.evaluate(KEYBOARD, 700)
    assert field.evaluate(bottom) == before
    assert field.evaluate("field => parseFloat(getComputedStyle(field).fontSize)") >= 16


def test_a_key_that_an_input_method_has_taken_sends_nothing(
    visitor: Callable[..., Visitor],
) -> None:
    """Safari has ended composing when the Enter comes that chooses a word."""
    ada = visitor("ada").opens("method.html")
    field = ada.page.locator("[part=input]")
    field.fill("にほん")
    for code in (229, 13):
        key = {"key": "Enter", "keyCode": code, "bubbles": True, "cancelable": True}
        field.dispatch_event("keydown", key)
        expect(ada.page.locator("[part=text]")).to_have_count(int(code == 13))


def test_the_button_that_sends_leaves_the_focus_in_the_field(
    visitor: Callable[..., Visitor],
) -> None:
    """A phone hides its keyboard where the focus goes to a button."""
    ada = visitor("ada", **PHONE).opens("stays.html")
    field = ada.page.locator("[part=input]")
    field.fill("hello")
    ada.page.locator("[part=send]").tap()
    expect(ada.page.locator("[part=text]")).to_have_text("hello")
    expect(field).to_be_focused()
