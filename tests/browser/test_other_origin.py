"""A page of another origin, in a real browser: it reads what it may, and nothing else."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page

from .conftest import SERVE, Server, token_of

CALLS = """async ([url, token]) => {
  const headers = {Authorization: `Bearer ${token}`, "Content-Type": "application/json"};
  const call = async (method, path, body, credentials) => {
    try {
      const answer = await fetch(url + path, {method, headers, body, credentials});
      return [answer.status, answer.status === 204 ? null : await answer.json()];
    } catch (error) { return [error.name, null]; }
  };
  return [
    await call("POST", "chat/create/", '{"second_user": 2}', "include"),
    await call("GET", "chat/receive/", undefined, "include"),
    await call("DELETE", "chat/delete/999999/", undefined, "same-origin"),
  ];
}"""


class Blank(BaseHTTPRequestHandler):
    """A site with one empty page."""

    def do_GET(self) -> None:  # as http.server names it
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><link rel=icon href=data:,><title>shop</title>")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def shop() -> Iterator[int]:
    """The port of the site; 127.0.0.1 and localhost are two origins of it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Blank) as site:
        thread = Thread(target=site.serve_forever)
        thread.start()
        yield site.server_port
        site.shutdown()
        thread.join()


@pytest.fixture
def server(shop: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("other-origin")
    origin = f"http://127.0.0.1:{shop}"
    (folder / "settings.toml").write_text(f'[server]\nallowed_origins = ["{origin}"]\n')
    running = Server(folder, SERVE, "serve")
    yield running
    running.stop()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_a_page_of_an_allowed_origin_reads_answers_and_no_other_does(
    page: Page, server: Server, shop: int
) -> None:
    given = [f"{server.url}en/api/v1/", token_of("ada")]
    page.goto(f"http://127.0.0.1:{shop}/")
    (created, room), (listed, rooms), (deleted, refusal) = page.evaluate(CALLS, given)
    assert (created, listed, deleted) == (201, 200, 404)
    assert rooms["results"][0]["room_id"] == room["room_id"]
    assert refusal["code"] == "not_found"
    page.goto(f"http://localhost:{shop}/")
    assert page.evaluate(CALLS, given) == [["TypeError", None]] * 3
