"""Pages of other origins: which of them may speak for a user."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_ws import WebSocketDisconnect, aconnect_ws
from httpx_ws.transport import ASGIWebSocketTransport
from roomcast.app import create_app
from roomcast.auth.authenticator import Authenticator
from roomcast.auth.claims import Identity
from roomcast.auth.origins import is_foreign
from roomcast.protocol.errors import Forbidden, Unauthenticated
from roomcast.settings import BadSetting, ServerSettings, Settings
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from .tokens import SECRET, authenticator, hooked, request, session_user, token


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://site.example", "site.example"),
        ("http://site.example", "site.example"),
        ("https://site.example", "site.example:443"),
        ("https://site.example:443", "site.example"),
        ("http://site.example:80", "site.example"),
        ("http://site.example", "site.example:80"),
        ("https://SITE.example", "Site.Example"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
        ("https://shop.example", "chat.example"),
        ("https://shop.example:443", "chat.example"),
        ("https://deep.example:8443", "chat.example"),
        ("capacitor://localhost", "chat.example"),
    ],
)
def test_the_same_host_and_the_allowed_origins_pass(origin, host):
    allowed = ("https://shop.example", "https://deep.example:8443/", "capacitor://localhost")
    assert not is_foreign(origin, host, allowed)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://eve.example", "site.example"),
        ("https://site.example.eve.example", "site.example"),
        ("https://evesite.example", "site.example"),
        ("https://chat.site.example", "site.example"),
        ("https://site.example", "chat.site.example"),
        ("https://site.example:8443", "site.example"),
        ("https://site.example", "site.example:8443"),
        ("https://site.example", "site.example:80"),
        ("https://site.example:0", "site.example"),
        ("https://site.example@eve.example", "site.example"),
        ("https://user@site.example", "site.example"),
        ("https://eve.example/site.example", "site.example"),
        ("https://eve.example", "eve.example@site.example"),
        ("https://eve.example", "eve.example/site.example"),
        ("http://shop.example", "site.example"),
        ("https://shop.example:8443", "site.example"),
        ("https://site.example:port", "site.example"),
        ("https://[::1", "[::1"),
        ("site.example", "site.example"),
        ("//site.example", "site.example"),
        ("file://", "site.example"),
        ("capacitor://site.example", "site.example"),
        ("null", "site.example"),
        ("null", "null"),
        ("", "site.example"),
        ("", ""),
        ("*", "site.example"),
        ("https://site.example", ""),
        ("https://", ""),
    ],
)
def test_every_other_origin_is_foreign(origin, host):
    assert is_foreign(origin, host, ("https://shop.example", "null"))


def from_page(*origins: str, host: str = "site.example") -> HTTPConnection:
    headers = (("origin", origin) for origin in origins)
    return request(("host", host), ("cookie", "user=ada"), *headers)


async def may_speak(by: Authenticator, page: HTTPConnection) -> bool:
    (answer,) = await asyncio.gather(by.authenticate(page), return_exceptions=True)
    assert isinstance(answer, Identity | Forbidden)
    return isinstance(answer, Identity)


async def test_where_a_hook_decides_the_page_must_be_of_this_site_or_allowed():
    by = hooked(session_user, "https://shop.example")
    assert await may_speak(by, from_page())
    assert await may_speak(by, from_page("https://site.example"))
    assert await may_speak(by, from_page("https://shop.example"))
    assert not await may_speak(by, from_page("https://eve.example"))
    assert not await may_speak(by, from_page("null"))
    assert not await may_speak(by, from_page(""))
    assert not await may_speak(by, from_page("https://site.example", "https://eve.example"))
    assert not await may_speak(by, from_page("https://site.example", host=""))


async def test_the_address_of_the_site_is_ours_whatever_host_a_proxy_names():
    server = ServerSettings(public_url="https://site.example/chat")
    by = Authenticator(Settings(server=server), session_user)
    assert await may_speak(by, from_page("https://site.example", host="10.0.0.7:8000"))
    assert not await may_speak(by, from_page("http://site.example", host="10.0.0.7:8000"))
    assert not await may_speak(by, from_page("https://eve.example", host="10.0.0.7:8000"))


async def test_a_foreign_page_does_not_learn_whether_somebody_is_signed_in():
    asked = []

    async def hook(connection: HTTPConnection) -> None:
        asked.append(connection)

    by = hooked(hook)
    with pytest.raises(Unauthenticated):
        await by.authenticate(from_page("https://site.example"))
    assert len(asked) == 1
    with pytest.raises(Forbidden):
        await by.authenticate(from_page("https://eve.example"))
    assert len(asked) == 1


@pytest.mark.parametrize("origin", ["https://eve.example", "null", "file://"])
async def test_a_token_proves_itself_from_any_origin(origin):
    assert not await may_speak(hooked(), from_page(origin))
    bearer = ("authorization", f"Bearer {token()}")
    assert (await authenticator().authenticate(request(("origin", origin), bearer))).user_id == "2"


def test_a_login_is_not_for_every_page():
    with pytest.raises(BadSetting, match="allowed_origins"):
        hooked(session_user, "*")


# ---------------------------------------------------------------- what pages may read

SHOP, EVE = "https://shop.example", "https://eve.example"
LIST = "/en/api/v1/chat/receive/"
HEADERS = ("access-control-allow-origin", "access-control-allow-credentials", "vary")
NOTHING = (None, None, None)

Opened = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


async def broken(request: Request) -> Response:
    raise ZeroDivisionError


@pytest.fixture
def opens(tmp_path: Path) -> Opened:
    """A chat with these origins, and somebody who speaks HTTP and WebSocket to it."""

    @asynccontextmanager
    async def open_(
        *origins: str, hook: Any = None, prefix: str = ""
    ) -> AsyncIterator[httpx.AsyncClient]:
        chat = create_app(
            {
                "server": {"allowed_origins": list(origins)},
                "database": {"url": f"sqlite:///{tmp_path}/chat.db"},
                "attachments": {"url": f"file:{tmp_path}/attachments"},
                "auth": {"secret": SECRET},
            },
            authenticate=hook,
        )
        chat.router.routes.append(Route("/broken", broken))
        site = Starlette(routes=[Mount(prefix, app=chat)]) if prefix else chat
        http = ASGIWebSocketTransport(site, raise_app_exceptions=False)
        async with (
            chat.lifespan(),
            httpx.AsyncClient(transport=http, base_url=f"http://site.example{prefix}") as client,
        ):
            client.headers["Authorization"] = f"Bearer {token()}"
            yield client

    return open_


def said(answer: httpx.Response) -> tuple[str | None, ...]:
    return tuple(answer.headers.get(name) for name in HEADERS)


async def preflight(
    client: httpx.AsyncClient, path: str, origin: str, asks: str = "authorization,content-type"
) -> httpx.Response:
    """As a browser asks before it sends: without a login and without a token."""
    headers = {"Origin": origin, "Access-Control-Request-Method": "DELETE"}
    if asks:
        headers["Access-Control-Request-Headers"] = asks
    ask = client.build_request("OPTIONS", path, headers=headers)
    del ask.headers["Authorization"]
    return await client.send(ask)


async def test_no_page_may_read_anything_unless_it_is_configured(opens: Opened) -> None:
    async with opens() as client:
        answer = await client.get(LIST, headers={"Origin": SHOP})
        assert answer.status_code == 200
        assert said(answer) == NOTHING
        refused = await preflight(client, LIST, SHOP)
        assert refused.status_code == 405
        assert said(refused) == NOTHING


@pytest.mark.parametrize(
    ("path", "status"), [(LIST, 200), ("/nowhere", 404), ("/broken", 500), ("/healthz", 200)]
)
async def test_an_allowed_page_may_read_answers_and_errors(
    opens: Opened, path: str, status: int
) -> None:
    async with opens("https://other.example", SHOP) as client:
        answer = await client.get(path, headers={"Origin": SHOP})
        assert answer.status_code == status
        assert said(answer) == (SHOP, "true", "Origin")
        assert answer.headers["access-control-expose-headers"] == "Retry-After"


async def test_an_allowed_page_may_read_that_it_has_no_token(opens: Opened) -> None:
    async with opens(SHOP) as client:
        answer = await client.get(LIST, headers={"Origin": SHOP, "Authorization": "Bearer x"})
        assert answer.status_code == 401
        assert said(answer) == (SHOP, "true", "Origin")


@pytest.mark.parametrize(
    "origins",
    [
        [],
        [EVE],
        ["null"],
        ["http://shop.example"],
        ["https://shop.example:8443"],
        ["https://shop.example.eve.example"],
        ["http://site.example"],
        [SHOP, EVE],
        [SHOP, SHOP],
    ],
)
async def test_other_pages_may_not_and_caches_are_told_that_it_differs(
    opens: Opened, origins: list[str]
) -> None:
    async with opens(SHOP) as client:
        answer = await client.get(LIST, headers=[("Origin", origin) for origin in origins])
        assert answer.status_code == 200
        assert said(answer) == (None, None, "Origin")


@pytest.mark.parametrize("prefix", ["", "/chat"])
async def test_an_allowed_page_is_told_what_it_may_send(opens: Opened, prefix: str) -> None:
    async with opens(SHOP, prefix=prefix) as client:
        asks = "authorization,idempotency-key,traceparent"
        answer = await preflight(client, "/api/v1/chat/delete/5/", SHOP, asks)
        assert (answer.status_code, answer.content) == (204, b"")
        assert said(answer)[:2] == (SHOP, "true")
        assert answer.headers["vary"] == "Origin, Access-Control-Request-Headers"
        assert answer.headers["access-control-allow-headers"] == asks
        methods = set(answer.headers["access-control-allow-methods"].split(", "))
        assert methods == {"GET", "HEAD", "POST", "PATCH", "DELETE"}
        assert answer.headers["access-control-max-age"] == "600"
        bare = await preflight(client, LIST, SHOP, asks="")
        assert "access-control-allow-headers" not in bare.headers


@pytest.mark.parametrize("origin", [EVE, "null"])
async def test_other_pages_are_not_let_past_the_preflight(opens: Opened, origin: str) -> None:
    async with opens(SHOP) as client:
        answer = await preflight(client, LIST, origin)
        assert answer.status_code == 405
        assert said(answer) == (None, None, "Origin")


@pytest.mark.parametrize("origin", [SHOP, EVE, "null"])
async def test_every_page_may_where_tokens_alone_decide(opens: Opened, origin: str) -> None:
    async with opens("*") as client:
        answer = await client.get(LIST, headers={"Origin": origin})
        assert said(answer) == ("*", None, None)
        asked = await preflight(client, LIST, origin)
        assert asked.status_code == 204
        assert said(asked)[:2] == ("*", None)
        assert asked.headers["access-control-allow-headers"] == "authorization,content-type"


@pytest.mark.parametrize("origins", [(), (SHOP,), ("*",)])
@pytest.mark.parametrize("origin", [SHOP, EVE, "null"])
async def test_files_are_for_pages_of_any_origin(
    opens: Opened, origins: tuple[str, ...], origin: str
) -> None:
    async with opens(*origins, prefix="/chat") as client:
        expired = await client.get("/files/a/b.png", headers={"Origin": origin})
        assert expired.status_code == 403
        assert said(expired) == ("*", None, None)
        asked = await preflight(client, "/files/a/b.png", origin)
        assert asked.status_code == 204
        assert said(asked) == ("*", None, None)
        assert "PUT" in asked.headers["access-control-allow-methods"]


# ---------------------------------------------------------------- pages and the site's login


async def cookie(connection: HTTPConnection) -> str | None:
    return connection.cookies.get("user")


@pytest.mark.parametrize("who", ["user=2", ""])
@pytest.mark.parametrize("origin", [EVE, "null"])
async def test_a_foreign_page_is_forbidden_whoever_sits_before_it(
    opens: Opened, origin: str, who: str
) -> None:
    headers = {"Origin": origin, "Cookie": who}
    async with opens(SHOP, hook=cookie) as client:
        answer = await client.get(LIST, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert said(answer) == (None, None, "Origin")
        assert await code(client, headers) == 4003


@pytest.mark.parametrize("origin", [SHOP, "http://site.example", "https://site.example", None])
async def test_the_sites_own_pages_and_allowed_ones_have_its_login(
    opens: Opened, origin: str | None
) -> None:
    headers = {"Cookie": "user=2"} | ({"Origin": origin} if origin else {})
    async with opens(SHOP, hook=cookie) as client:
        assert (await client.get(LIST, headers=headers)).status_code == 200
        assert await code(client, headers) == 4004, "let in, to a room that is not there"
        nobody = headers | {"Cookie": ""}
        assert (await client.get(LIST, headers=nobody)).status_code == 401
        assert await code(client, nobody) == 4001


async def code(client: httpx.AsyncClient, headers: dict[str, str]) -> int:
    """What a socket is closed with; the library would add headers of its own to ours."""
    async with aconnect_ws("/ws/chat/?room_id=1", client, headers=dict(headers)) as socket:
        with pytest.raises(WebSocketDisconnect) as closed:
            await socket.receive()
    return closed.value.code
