"""A real server, a real browser, and ada, bob and eve who sit before it."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import jwt
import pytest
from playwright.sync_api import Browser, Locator, Page, Playwright, expect, sync_playwright

SECRET = "a secret of the browser's tests, long enough"
IDS = {"ada": "1", "bob": "2", "eve": "3"}
SELECT = """([room, message]) =>
    document.querySelector("roomcast-inbox").select(room, { message })"""

HTTP = httpx.Client()  # one for all: its TLS context is costly, and not used

expect.set_options(timeout=20_000)  # a machine of two cores may be busy for seconds


def token_of(name: str, lives: float = 3600) -> str:
    claims = {"sub": IDS[name], "name": name.title(), "exp": time.time() + lives}
    return jwt.encode(claims, SECRET)


class Server:
    """`roomcast serve` as a user starts it; it can be killed and come back on the same port."""

    def __init__(self, folder: Path, program: str, *options: str) -> None:
        self.folder, self.program, self.options = folder, program, options
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.log = folder / "server.log"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-c", self.program, *self.options, "--port", str(self.port)]
        chat = {
            "ROOMCAST_DATABASE_URL": f"sqlite:///{self.folder}/chat.db",
            "ROOMCAST_ATTACHMENTS_URL": f"file:{self.folder}/attachments",
            "ROOMCAST_AUTH_SECRET": SECRET,
            "ROOMCAST_RATE_LIMIT_RATE": "0",  # the tests post hundreds of messages at once
        }
        env = {**os.environ, **chat}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=env, stdout=log, stderr=log
            )
        self.until_ready()

    def until_ready(self) -> None:
        deadline = time.monotonic() + 120
        while not self.is_ready():
            said = self.log.read_text()
            assert self.process.poll() is None, f"the server ended: {said}"
            assert time.monotonic() < deadline, f"the server doesn't answer: {said}"
            time.sleep(0.05)

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}healthz").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)

    def call(self, name: str, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token_of(name)}"}
        answer = HTTP.request(method, f"{self.url}en/api/v1/{path}", headers=headers, json=body)
        assert answer.is_success, answer.text
        return answer


@pytest.fixture(scope="session", autouse=True)
def _http() -> Iterator[None]:
    yield
    HTTP.close()


class Room:
    """A room of ada and bob."""

    def __init__(self, server: Server, context: str) -> None:
        self.server, self.context = server, context
        wish = {"second_user": IDS["bob"], "context": context}
        self.id: int = server.call("ada", "POST", "chat/create/", wish).json()["room_id"]

    def post(self, name: str, text: str, **more: object) -> int:
        body = {"message": text, **more}
        answer = self.server.call(name, "POST", f"chat/rooms/{self.id}/messages/", body)
        message_id: int = answer.json()["message_id"]
        return message_id

    def texts(self) -> list[str]:
        """What the server keeps of the room."""
        path = f"chat/rooms/{self.id}/messages/?limit=100"
        return [m["text"] for m in self.server.call("ada", "GET", path).json()["messages"]]


class Person:
    """Somebody before the page: sees messages, writes some, and minds errors in the console."""

    def __init__(self, browser: Browser, name: str, server: Server, **context: object) -> None:
        self.name, self.server = name, server
        self.context = browser.new_context(**context)  # type: ignore[arg-type]  # passed on
        self.page: Page = self.context.new_page()
        self.expects_errors = False
        self.requests_are_minded = True
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def part(self, name: str) -> Locator:
        """The parts of this name, in whatever shadow they stand."""
        return self.page.locator(f'[part~="{name}"]')

    @property
    def messages(self) -> Locator:
        return self.part("message")

    @property
    def texts(self) -> Locator:
        return self.messages.locator("[part=text]")

    @property
    def composer(self) -> Locator:
        return self.part("input")

    @property
    def bubble(self) -> Locator:
        return self.messages.last.locator("[part=bubble]")

    def item(self, room: Room) -> Locator:
        return self.page.locator(f'[part="item"][data-room="{room.id}"]')

    def opens(self, room: Room | None = None, address: str = "", more: str = "") -> "Person":
        part = f"&room={room.id}{more}" if room else ""
        self.page.goto(f"{self.server.url}{address}#token={token_of(self.name)}{part}")
        expect(self.composer if room else self.page.get_by_role("searchbox")).to_be_visible()
        return self

    def chooses(self, message: Locator, name: str) -> None:
        """An entry of a message's menu."""
        message.hover()
        message.get_by_role("button", name="More").click()
        self.part("menu").get_by_role("menuitem", name=name).click()

    def chooses_of_room(self, name: str) -> None:
        """An entry of the conversation's menu."""
        self.part("header").get_by_role("button", name="More").click()
        self.part("menu").get_by_role("menuitem", name=name).click()

    def answers(self, name: str) -> None:
        """A button of the dialog."""
        self.part("dialog").get_by_role("button", name=name).click()

    def picks(self, name: str, kind: str, data: bytes) -> None:
        """A file for the next message."""
        file = {"name": name, "mimeType": kind, "buffer": data}
        picker = self.page.locator("[part=composer] input[type=file]")
        picker.set_input_files(file)  # type: ignore[arg-type]  # a FilePayload

    def says(self, text: str) -> None:
        self.composer.fill(text)
        self.composer.press("Enter")

    def sees(self, *texts: str) -> None:
        expect(self.texts).to_have_text(list(texts))

    def sees_status(self, status: str) -> None:
        last = self.messages.last.locator("[part=meta]").get_by_role("img")
        expect(last).to_have_attribute("aria-label", status)

    def goes(self) -> None:
        ours = (self.server.url, "blob:", "data:")
        foreign = [url for url in self.requests if not url.startswith(ours)]
        self.context.close()
        assert not self.requests_are_minded or foreign == []
        assert self.expects_errors or self.errors == []


SERVE = os.environ.get("DEVSERVE") or "from roomcast.server.cli import main; main()"


class Shared:
    """The server and the browser of this folder's tests: started once, ended after the last.

    They do not stay longer: the event loop of the browser would disturb other tests.
    """

    def __init__(self) -> None:
        self.running = ExitStack()
        self.server: Server | None = None
        self.browser: Browser | None = None

    def serve(self, folder: Path) -> Server:
        if self.server is None:
            self.server = Server(folder, SERVE, "serve", "--host", "127.0.0.1")
            self.running.callback(self.server.stop)
        return self.server

    def launch(self) -> Browser:
        if self.browser is None:
            playwright = self.running.enter_context(sync_playwright())
            path = chromium_of(playwright)
            if path is None:
                absent = "no Chromium: set $CHROMIUM, or run `playwright install chromium`"
                pytest.fail(absent) if os.environ.get("CI") == "true" else pytest.skip(absent)
            options = ["--disable-dev-shm-usage"]
            self.browser = playwright.chromium.launch(executable_path=path, args=options)
            self.running.callback(self.browser.close)
        return self.browser

    def end(self) -> None:
        self.running.close()
        self.server = self.browser = None


SHARED = Shared()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    yield
    if nextitem is None or nextitem.path.parent != Path(__file__).parent:
        SHARED.end()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    return SHARED.serve(tmp_path_factory.mktemp("server"))


@pytest.fixture
def room(server: Server, request: pytest.FixtureRequest) -> Room:
    return Room(server, request.node.name)


def chromium_of(playwright: Playwright) -> str | None:
    """$CHROMIUM, what is installed, or what `playwright install chromium` has brought."""
    named = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    found = [os.environ.get("CHROMIUM"), *map(shutil.which, named)]
    own = playwright.chromium.executable_path
    return next((path for path in [*found, own] if path and Path(path).exists()), None)


@pytest.fixture(scope="module")
def browser() -> Browser:
    return SHARED.launch()


@pytest.fixture
def person(browser: Browser, server: Server) -> Iterator[Callable[..., Person]]:
    """Seats a person before a browser of his own."""
    seated: list[Person] = []

    def seat(name: str, server: Server = server, **context: object) -> Person:
        seated.append(Person(browser, name, server, **context))
        return seated[-1]

    yield seat
    for one in seated:
        one.goes()


@pytest.fixture
def ada(person: Callable[..., Person]) -> Person:
    return person("ada")


@pytest.fixture
def bob(person: Callable[..., Person]) -> Person:
    return person("bob")


@pytest.fixture
def eve(person: Callable[..., Person]) -> Person:
    return person("eve")
