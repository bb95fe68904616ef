"""The documentation is served by the app itself, wherever it is mounted."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from roomcast.app import App
from starlette.applications import Starlette
from starlette.routing import Mount

from .conftest import Make, running

TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PAGES = ["/api/v1/swagger", "/en/api/v1/swagger/", "/uk/api/v1/swagger"]


@asynccontextmanager
async def mounted(app: App, prefix: str) -> AsyncIterator[httpx.AsyncClient]:
    site = Starlette(routes=[Mount(prefix, app=app)]) if prefix else app
    async with running(app, site) as client:
        yield client


@pytest.mark.parametrize("prefix", ["", "/site/chat"])
@pytest.mark.parametrize("path", PAGES)
async def test_the_page_and_all_it_is_made_of_come_from_the_app(
    make: Make, prefix: str, path: str
) -> None:
    async with mounted(make(server={"web_client": False}), prefix) as client:
        page = await client.get(prefix + path)
        assert page.headers["content-type"].startswith("text/html")
        links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(links) == page.text.count("src=") + page.text.count("href=") == 4
        for link in links:
            asset = await client.get(urljoin(str(page.url), link))
            assert asset.status_code == 200, link
            assert asset.headers["x-content-type-options"] == "nosniff"
            kind = asset.headers["content-type"].partition(";")[0]
            assert kind == TYPES[Path(link).suffix]


async def test_the_page_runs_no_script_but_its_own(client: httpx.AsyncClient) -> None:
    page = await client.get("/en/api/v1/swagger/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "http" not in policy
    assert re.findall(r"<script[^>]*>(.*?)</script>", page.text, re.DOTALL) == ["", ""]


@pytest.mark.parametrize("name", ["index.html", "swagger-initializer.js", "page.js", "../docs.py"])
async def test_nothing_else_is_served_beside_the_page(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get("/api/v1/swagger/swagger.js")).status_code == 200
    answer = await client.get(f"/api/v1/swagger/{name.replace('/', '%2f')}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("prefix", ["", "/site/chat"])
@pytest.mark.parametrize("path", ["/api/v1/schema", "/en/api/v1/schema/", "/uk/api/v1/schema"])
async def test_the_servers_lead_to_the_calls(make: Make, prefix: str, path: str) -> None:
    async with mounted(make(), prefix) as client:
        answer = await client.get(prefix + path)
        schema = answer.json()
        for name, item in schema["paths"].items():
            [server] = item.get("servers", schema["servers"])
            url = urljoin(str(answer.url), server["url"]).rstrip("/") + name
            method = next(m for m in item if m != "servers")
            places = {"room_id": 1, "message_id": 1, "emoji": "x", "user_id": "a", "path": "a"}
            reached = await client.request(method, url.format(**places))
            assert reached.status_code != 404, url


async def test_the_servers_are_where_the_public_url_says(make: Make) -> None:
    async with running(make(server={"public_url": "https://example.com/chat"})) as client:
        schema = (await client.get("/uk/api/v1/schema/")).json()
    assert schema["servers"][0]["url"] == "/chat/uk/api/v1"
    assert schema["paths"]["/healthz"]["servers"][0]["url"] == "/chat"


@pytest.mark.parametrize("name", ["swagger", "schema", "asyncapi", "swagger/swagger-ui.css"])
async def test_the_documents_answer_head_and_nothing_but_get(
    client: httpx.AsyncClient, name: str
) -> None:
    got = await client.get(f"/en/api/v1/{name}/")
    head = await client.head(f"/en/api/v1/{name}")
    assert (got.status_code, head.status_code) == (200, 200)
    assert head.headers["content-type"] == got.headers["content-type"]
    assert (await client.post(f"/en/api/v1/{name}/")).status_code == 405


async def test_what_the_browser_has_already_is_not_sent_again(client: httpx.AsyncClient) -> None:
    url = "/api/v1/swagger/swagger-ui-bundle.js"
    first = await client.get(url)
    again = await client.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
