"""A page of another site uploads into a bucket and shows what lies there, in a real browser."""

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.sync_api import Browser, Page
from roomcast.store.objects.bucket import UPLOADS, new_key
from roomcast.store.objects.s3 import S3

from ..engines import done
from ..engines.fixtures import running
from ..engines.seaweed import Seaweed, binary
from ..protocol.files import PNG

T = TypeVar("T")

PICTURE = {
    "Content-Type": "image/png",
    "Content-Disposition": "inline; filename=\"_.png\"; filename*=UTF-8''%D1%84.png",
    "Cache-Control": "private, max-age=3600",
}
UPLOAD = """async ([url, bytes]) => {
    const body = new Blob([new Uint8Array(bytes)]);
    const headers = {"Content-Type": "image/png"};
    try {
        return (await fetch(url, {method: "PUT", body, headers})).status;
    } catch (error) {
        return error.name;
    }
}"""
SHOW = """async (url) => {
    const image = new Image();
    image.src = url;
    await image.decode();
    return [image.naturalWidth, image.naturalHeight];
}"""
FETCH = """async (url) => {
    const answer = await fetch(url);
    return [answer.headers.get("Content-Type"), [...new Uint8Array(await answer.arrayBuffer())]];
}"""


@pytest.fixture(scope="module")
def seaweed() -> Iterator[Seaweed]:
    """It lets no page in where a bucket has no rules of its own."""

    def find(folder: Path) -> Seaweed:
        binary()
        return Seaweed(folder, "-s3.allowedOrigins=https://only.example")

    yield from running(find, "browser")


@contextmanager
def site(leads_to: str | None = None) -> Iterator[str]:
    """An origin of its own, with an empty page; or one that leads elsewhere, as the app's links."""
    headers = {"Location": leads_to} if leads_to else {"Content-Type": "text/html"}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(307 if leads_to else 200)
            open_to_all = {"Access-Control-Allow-Origin": "*", "Content-Length": "0"}
            for name, value in (headers | open_to_all).items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Of a site that is neither the app's nor the bucket's."""
    with site() as url:
        context = browser.new_context()
        page = context.new_page()
        page.goto(url)
        yield page
        context.close()


@pytest.fixture
def ask(seaweed: Seaweed) -> Callable[[Callable[[S3], Awaitable[T]]], T]:
    """Does something with the bucket, as the app does."""

    async def asked(work: Callable[[S3], Awaitable[T]]) -> T:
        bucket = S3(seaweed.url_of("pages"))
        await bucket.open()
        try:
            return await work(bucket)
        finally:
            await bucket.aclose()

    return lambda work: done(asked(work))


Ask = Callable[[Callable[[S3], Awaitable[object]]], object]


def test_a_page_uploads_and_shows_what_it_uploaded(page: Page, ask: Ask) -> None:
    upload, key = new_key(UPLOADS), new_key()

    async def offer(bucket: S3) -> str:
        return bucket.put_url(upload, len(PNG), 60)

    async def finish(bucket: S3) -> str:
        await bucket.move(upload, key)
        assert await bucket.read(key, len(PNG)) == PNG
        return bucket.get_url("GET", key, PICTURE)

    url = ask(offer)
    assert page.evaluate(UPLOAD, [url, list(PNG + b"\0")]) in (403, "TypeError")
    assert page.evaluate(UPLOAD, [url, list(PNG)]) == 200
    link = ask(finish)
    assert isinstance(link, str)
    with site(leads_to=link) as app:
        for address in (link, f"{app}files/{key}/dot.png"):
            assert page.evaluate(SHOW, address) == [1, 1]
            assert page.evaluate(FETCH, address) == ["image/png", list(PNG)]
