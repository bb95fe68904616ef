"""Pages of other origins over HTTP: what browsers ask, and what they are told (CORS)."""

from collections.abc import Callable
from typing import Any

import pytest

from ..client import Person
from ..server import Server

SHOP, EVE = "https://shop.example", "https://eve.example"
LIST = "/uk/api/v1/chat/recieve/"


@pytest.fixture
def ada(serve: Callable[..., Server], cast: Any) -> Person:
    """On a server that lets pages of the shop call."""
    person: Person = cast(serve(server_allowed_origins=f'["{SHOP}"]'))[0]
    return person


async def test_a_page_of_an_allowed_origin_may_call(ada: Person) -> None:
    asks = {
        "Origin": SHOP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    url = f"{ada.server.url}/api/v1/chat/create/"
    permit = await ada.http.options(url, headers=asks)
    assert "POST" in permit.headers["access-control-allow-methods"]
    assert permit.headers["access-control-allow-headers"] == "authorization,content-type"
    answers = [
        permit,
        await ada.asks("GET", LIST, headers={"Origin": SHOP}),
        await ada.http.get(ada.server.url + LIST, headers={"Origin": SHOP}),
        await ada.asks("GET", "/nowhere", headers={"Origin": SHOP}),
    ]
    assert [answer.status_code for answer in answers] == [204, 200, 401, 404]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == SHOP
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("origin", [EVE, "null", None])
async def test_other_pages_are_told_nothing(ada: Person, origin: str | None) -> None:
    headers = {"Origin": origin} if origin else {}
    answer = await ada.asks("GET", LIST, headers=headers)
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "Origin"


async def test_links_to_files_work_from_pages_of_any_origin(ada: Person) -> None:
    for origin in (SHOP, EVE, "null"):
        answer = await ada.http.get(f"{ada.server.url}/files/a/b.png", headers={"Origin": origin})
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]
        assert "access-control-allow-credentials" not in answer.headers


async def test_by_default_no_page_may_call(server: Server, cast: Any) -> None:
    answer = await cast(server)[0].asks("GET", LIST, headers={"Origin": SHOP})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "vary" not in answer.headers
