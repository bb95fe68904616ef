"""The documentation page, alone and under a prefix: read, authorize, try out."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Locator, expect

from .conftest import SERVE, Person, Room, Server, token_of
from .test_mounted import SITE

PAGE, BARE = "en/api/v1/swagger/", "api/v1/swagger"  # the latter without its slash
DOT = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


# Under a prefix what is different is where the calls go: the tests of that run both ways.
both = pytest.mark.parametrize("server", ["alone", "mounted"], indirect=True)


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    if getattr(request, "param", "alone") == "alone":
        running = Server(folder, SERVE, "serve", "--host", "127.0.0.1")
    else:
        running = Server(folder, SITE)
        running.url += "chat/"
    yield running
    running.stop()


def opens(person: Person, page: str = PAGE) -> None:
    person.page.goto(person.server.url + page)
    expect(person.page.locator(".opblock").first).to_be_visible()


def authorizes(person: Person) -> None:
    """As anybody would: the button, a pasted token, done."""
    person.page.get_by_role("button", name="Authorize").first.click()
    asked = person.page.locator(".dialog-ux")
    asked.get_by_role("textbox").fill(token_of(person.name))
    asked.get_by_role("button", name="Apply credentials").click()
    asked.get_by_role("button", name="Close").last.click()
    expect(asked).to_be_hidden()


def unfolds(person: Person, method: str, path: str) -> Locator:
    calls = person.page.locator(f".opblock-{method.lower()}")
    call = calls.filter(has=person.page.locator(f"[data-path='{path}']"))
    call.locator(".opblock-summary-control").click()
    call.get_by_role("button", name="Try it out").click()
    return call


def tries(call: Locator, status: int) -> Locator:
    """Executes it, and the answer."""
    call.get_by_role("button", name="Execute").click()
    answer = call.locator(".live-responses-table .response")
    expect(answer.locator(".response-col_status")).to_contain_text(str(status))
    return answer


@both
def test_all_calls_are_shown(ada: Person) -> None:
    opens(ada)
    schema = ada.server.call("ada", "GET", "schema/").json()
    calls = [m for item in schema["paths"].values() for m in item if m != "servers"]
    expect(ada.page.locator(".opblock")).to_have_count(len(calls))
    expect(ada.page.locator(".errors-wrapper")).to_have_count(0)


def test_a_call_is_refused_without_a_token_and_answered_with_one(ada: Person, room: Room) -> None:
    ada.expects_errors = True  # the browser itself notes the 401 in its console
    opens(ada)
    call = unfolds(ada, "GET", "/chat/recieve/")
    tries(call, 401)
    authorizes(ada)
    expect(tries(call, 200)).to_contain_text(f'"room_id": {room.id}')


@pytest.mark.parametrize("server", ["mounted"], indirect=True)
def test_a_message_is_sent_and_read_by_trying_out(ada: Person, room: Room) -> None:
    opens(ada, BARE)
    authorizes(ada)
    path = "/chat/rooms/{room_id}/messages/"
    for method, status in (("POST", 201), ("GET", 200)):
        call = unfolds(ada, method, path)
        call.locator("[data-param-name=room_id] input").fill(str(room.id))
        expect(tries(call, status)).to_contain_text('"text": "Hello"')
    assert room.texts()[-1] == "Hello"


def test_an_open_call_needs_no_token(ada: Person) -> None:
    opens(ada)
    answer = tries(unfolds(ada, "GET", "/readyz"), 200)
    expect(answer).to_contain_text('"database": "ok"')


def test_a_picture_is_fetched_by_the_parts_of_its_link(ada: Person, room: Room) -> None:
    file = {"name": "a dot.png", "size": 70, "type": "image/png", "data": DOT}
    path = f"chat/rooms/{room.id}/messages/"
    sent = ada.server.call("ada", "POST", path, {"file": file}).json()
    link = httpx.URL(sent["attachments"][0]["file_url"])
    parts = {"path": link.path.partition("/files/")[2], **link.params}
    opens(ada)
    call = unfolds(ada, "GET", "/files/{path}")
    for name, value in parts.items():
        call.locator(f"[data-param-name={name}] input").fill(value)
    picture = tries(call, 200).get_by_role("img")
    expect(picture).to_have_js_property("naturalWidth", 1)
