"""Every call of the server API: with a key of the site, and with nothing else."""

import pytest
from roomcast.routes import server_api
from roomcast.testing import chat_client
from starlette.routing import Route

from .conftest import KEY, OTHER_KEY, Site, a_site

CALLS = [
    (method, route.path.replace("{user_id:path}", "7").replace("{room_id}", "1"))
    for route in server_api.API
    for method in sorted((route.methods or set()) - {"HEAD"})
]


def paths() -> list[tuple[str, str]]:
    return [
        (method, path.replace("{message_id}", "1").replace("{report_id}", "1"))
        for method, path in CALLS
    ]


@pytest.mark.parametrize("key", [KEY, OTHER_KEY], ids=["first", "second"])
async def test_with_a_key_no_call_is_refused_for_want_of_one(site: Site, key: str) -> None:
    client = Site(site.ada, key)
    for method, path in paths():
        answer = await client.request(method, f"http://chat.test/api/v1{path}")
        assert answer.status_code not in (401, 403, 405, 500), (method, path, answer.text)


@pytest.mark.parametrize("said", ["wrong key", "no key", "user's token", "Basic", "twice"])
async def test_without_a_key_every_call_is_401(site: Site, said: str) -> None:
    headers: list[tuple[str, str]] = {
        "wrong key": [("Authorization", f"Bearer {'x' * 32}")],
        "no key": [],
        "user's token": [("Authorization", f"Bearer {site.ada.token}")],
        "Basic": [("Authorization", f"Basic {KEY}")],
        "twice": [("Authorization", f"Bearer {KEY}"), ("Authorization", f"Bearer {KEY}")],
    }[said]
    client = Site(site.ada, "")
    for prefix in ("/api/v1", "/en/api/v1"):
        for method, path in paths():
            answer = await client.request(
                method, f"http://chat.test{prefix}{path}", headers=headers
            )
            assert answer.status_code == 401, (method, path)
            assert ("server_api.keys" in answer.text) == (said not in ("wrong key", "user's token"))
            assert answer.json()["code"] == "unauthenticated"
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_key_is_no_users_token(site: Site) -> None:
    answer = await site.get("http://chat.test/api/v1/chat/receive/")
    assert answer.status_code == 401


async def test_without_keys_the_paths_do_not_exist() -> None:
    async with chat_client(1) as ada:
        client = Site(ada)
        for method, path in paths():
            answer = await client.request(method, f"http://chat.test/api/v1{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_keys_work_beside_the_hosts_own_login() -> None:
    async def nobody(connection: object) -> None:
        return None

    async with a_site(authenticate=nobody) as site:
        assert (await site.get("rooms/")).status_code == 200
        assert (await site.get("http://chat.test/api/v1/chat/receive/")).status_code == 401


def test_every_route_of_the_table_is_tried() -> None:
    assert all(isinstance(route, Route) for route in server_api.API)
    assert len(CALLS) >= 18
