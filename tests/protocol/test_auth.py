"""Who may in: tokens on HTTP calls and on sockets, their end, and their renewal."""

import datetime
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ..client import Person, sign
from ..server import SECRET, Server
from ..shapes import TIME
from .test_http import assert_error

LIST = "/api/v1/chat/recieve/"
HOUR = int(time.time()) + 3600
BAD = {
    "garbage": "garbage",
    "two parts": "a.b",
    "three dots": "...",
    "no base64": "!!.!!.!!",
    "another secret": sign({"sub": "1", "exp": HOUR}, secret="x" * 32),
    "an empty secret": sign({"sub": "1", "exp": HOUR}, secret=""),
    "no algorithm": sign({"sub": "1", "exp": HOUR}, alg="none"),
    "no algorithm, spelled otherwise": sign({"sub": "1", "exp": HOUR}, alg="NoNe"),
    "another algorithm": sign({"sub": "1", "exp": HOUR}, alg="HS512"),
    "expired": sign({"sub": "1", "exp": int(time.time()) - 5}),
    "no expiry": sign({"sub": "1"}),
    "an expiry in words": sign({"sub": "1", "exp": "tomorrow"}),
    "not yet": sign({"sub": "1", "exp": HOUR, "nbf": HOUR - 60}),
    "no user": sign({"exp": HOUR}),
    "an empty user": sign({"sub": "", "exp": HOUR}),
    "a null user": sign({"sub": None, "exp": HOUR}),
    "a true user": sign({"sub": True, "exp": HOUR}),
    "a fractional user": sign({"sub": 1.5, "exp": HOUR}),
    "a list of users": sign({"sub": ["1"], "exp": HOUR}),
    "too long a user": sign({"sub": "x" * 256, "exp": HOUR}),
    "a user with NUL": sign({"sub": "1\x00", "exp": HOUR}),
    "half a character": sign({"sub": "\ud800", "exp": HOUR}),
    "no object": sign([1]),  # type: ignore[arg-type]  # a JWT of something else
}
each_bad_token = pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())


async def test_http_without_a_token_is_told_how(server: Server, http: httpx.AsyncClient) -> None:
    answer = await http.get(server.url + LIST)
    assert_error(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@each_bad_token
async def test_http_refuses_a_bad_token(server: Server, http: httpx.AsyncClient, bad: str) -> None:
    headers = {"Authorization": f"Bearer {bad}"}
    answer = await http.get(server.url + LIST, headers=headers)
    assert_error(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "chat/create/"),
        ("GET", "chat/receive/"),
        ("DELETE", "chat/delete/{room}"),
        ("GET", "chat/rooms/{room}/messages/"),
        ("POST", "chat/rooms/{room}/messages/"),
    ],
)
async def test_every_call_needs_a_token(ada: Person, room: int, method: str, path: str) -> None:
    url = f"{ada.server.url}/uk/api/v1/{path.format(room=room)}"
    assert_error(await ada.http.request(method, url), 401, "unauthenticated")
    assert await ada.reads_all(room) == []


@pytest.mark.parametrize("scheme", ["Basic {}", "{}", "Token {}", "Bearer", "Bearer {} {}"])
async def test_http_takes_a_bearer_and_nothing_else(ada: Person, scheme: str) -> None:
    headers = {"Authorization": scheme.format(ada.token(), ada.token())}
    assert_error(await ada.http.get(ada.server.url + LIST, headers=headers), 401, "unauthenticated")


async def test_the_token_is_never_taken_from_the_query(ada: Person, room: int) -> None:
    for name in ("token", "access_token", "jwt"):
        answer = await ada.http.get(f"{ada.server.url}{LIST}?{name}={ada.token()}")
        assert_error(answer, 401, "unauthenticated")
        async with ada.knocks(f"?room_id={room}&{name}={ada.token()}", offers=[]) as socket:
            assert await socket.closes() == 4001


async def test_the_claim_may_be_an_integer(ada: Person, room: int) -> None:
    bearer = sign({"sub": 1, "exp": HOUR})
    answer = await ada.get(LIST)
    same = await ada.http.get(ada.server.url + LIST, headers={"Authorization": f"Bearer {bearer}"})
    assert same.json() == answer.json()
    async with ada.knocks(f"?room_id={room}", offers=["Bearer", bearer]) as socket:
        assert await socket.next() == []


async def test_claims_that_nobody_asked_about_do_no_harm(ada: Person) -> None:
    ada.claims = {"aud": "somebody", "iss": "elsewhere", "iat": HOUR + 60, "nbf": 1, "email": "x"}
    assert (await ada.get(LIST)).status_code == 200


# --------------------------------------------------------------- sockets


@pytest.mark.parametrize("word", ["Bearer", "bearer", "BEARER", "beArer"])
async def test_a_socket_takes_its_token_as_a_subprotocol(ada: Person, room: int, word: str) -> None:
    async with ada.knocks(f"?room_id={room}", offers=[word, ada.token()]) as socket:
        assert socket.connection.subprotocol == word
        assert await socket.next() == []


async def test_a_socket_may_send_the_header_instead(ada: Person, room: int) -> None:
    headers = {"Authorization": f"Bearer {ada.token()}"}
    async with ada.knocks(f"?room_id={room}", offers=[], headers=headers) as socket:
        assert socket.connection.subprotocol is None
        assert await socket.next() == []


@each_bad_token
async def test_a_socket_with_a_bad_token_is_closed(ada: Person, room: int, bad: str) -> None:
    headers = {"Authorization": f"Bearer {bad}"}
    async with ada.knocks(f"?room_id={room}", offers=[], headers=headers) as socket:
        assert await socket.closes() == 4001
        assert socket.seen == []


@pytest.mark.parametrize(
    "offers", [[], ["Bearer"], ["Bearer", "garbage"], ["chat"], ["garbage", "Bearer"]]
)
async def test_a_socket_without_a_good_token_is_closed(
    ada: Person, room: int, offers: list[str]
) -> None:
    async with ada.knocks(f"?room_id={room}", offers=offers) as socket:
        assert await socket.closes() == 4001
        assert socket.seen == []


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://127.0.0.1"])
async def test_a_token_proves_itself_from_any_origin(ada: Person, room: int, origin: str) -> None:
    async with ada.knocks(f"?room_id={room}", origin=origin) as socket:
        assert await socket.next() == []


def soon(seconds: int = 2) -> int:
    return int(time.time()) + seconds


async def test_an_open_socket_ends_with_its_token(ada: Person, room: int) -> None:
    short = ada.token(exp=soon())
    async with ada.knocks(f"?room_id={room}", offers=["Bearer", short]) as socket:
        assert await socket.next() == []
        await socket.still_works()
        assert await socket.closes() == 4001
        assert time.time() >= soon(0)


async def test_a_renewed_socket_outlives_its_first_token(ada: Person, room: int) -> None:
    offers, later = ["Bearer", ada.token(exp=soon())], soon(3600)
    query = f"?room_id={room}"
    async with ada.knocks(query, offers=offers) as kept, ada.knocks(query, offers=offers) as left:
        assert await kept.next() == await left.next() == []
        await kept.does("auth", token=ada.token(exp=later))
        answer = await kept.receives("auth")
        assert TIME.fullmatch(answer["expires_at"])
        assert datetime.datetime.fromisoformat(answer["expires_at"]).timestamp() == later
        assert await left.closes() == 4001
        await kept.still_works()


async def test_a_socket_may_be_given_a_shorter_life(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        await socket.does("auth", token=ada.token(exp=soon()))
        await socket.receives("auth")
        assert await socket.closes() == 4001


async def test_nobody_becomes_somebody_else(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        error = await socket.is_refused("auth", token=bob.token())
        assert (error["code"], error["action"]) == ("forbidden", "auth")
        assert (await socket.still_works())["sender_id"] == 1


@each_bad_token
async def test_a_bad_renewal_changes_nothing(ada: Person, room: int, bad: str) -> None:
    async with ada.enters(room) as socket:
        error = await socket.is_refused("auth", token=bad)
        assert error["code"] in ("forbidden", "invalid_frame")
        assert bad not in error["message"]
        await socket.still_works()


@pytest.mark.parametrize("fields", [{}, {"token": None}, {"token": 5}, {"token": ["x"]}])
async def test_a_renewal_needs_a_token(ada: Person, room: int, fields: dict[str, Any]) -> None:
    async with ada.enters(room) as socket:
        error = await socket.is_refused("auth", **fields)
        assert error["code"] == "invalid_frame"
        assert "token" in error["message"]


# --------------------------------------------------------- configuration


@pytest.fixture
def strict(serve: Callable[..., Server], cast: Any) -> Person:
    """Ada on a server that asks for more than a signature."""
    strict_server = serve(
        auth_user_claim="uid",
        auth_audience="chat",
        auth_issuer="https://site.example",
        auth_algorithms='["HS384"]',
        auth_leeway="30",
    )
    ada: Person = cast(strict_server)[0]
    return ada


GOOD = {"uid": "1", "aud": "chat", "iss": "https://site.example", "exp": HOUR}


@pytest.mark.parametrize(
    ("claims", "alg", "status"),
    [
        (GOOD, "HS384", 200),
        (GOOD | {"aud": ["web", "chat"]}, "HS384", 200),
        (GOOD | {"exp": int(time.time()) - 5}, "HS384", 200),
        (GOOD | {"exp": int(time.time()) - 3600}, "HS384", 401),
        (GOOD | {"aud": "web"}, "HS384", 401),
        (GOOD | {"iss": "https://elsewhere.example"}, "HS384", 401),
        (GOOD, "HS256", 401),
        ({"sub": "1", "aud": "chat", "iss": "https://site.example", "exp": HOUR}, "HS384", 401),
        ({"uid": "1", "iss": "https://site.example", "exp": HOUR}, "HS384", 401),
        ({"uid": "1", "aud": "chat", "exp": HOUR}, "HS384", 401),
    ],
)
async def test_what_is_configured_is_required(
    strict: Person, claims: dict[str, Any], alg: str, status: int
) -> None:
    if claims.get("exp", HOUR) < time.time() and status == 200:
        claims = claims | {"exp": int(time.time()) - 5}
    bearer = sign(claims, alg=alg, secret=SECRET)
    headers = {"Authorization": f"Bearer {bearer}"}
    answer = await strict.http.get(strict.server.url + LIST, headers=headers)
    assert answer.status_code == status, answer.text


async def test_secrets_and_tokens_stay_out_of_the_log(own_server: Any, cast: Any) -> None:
    ada, bob, _ = cast(own_server().start())
    room = await ada.opens(bob)
    async with ada.enters(room) as socket:
        await socket.still_works()
        await socket.does("auth", token=ada.token())
        await socket.receives("auth")
    async with ada.knocks(f"?room_id={room}", offers=["Bearer", ada.token() + "x"]) as socket:
        assert await socket.closes() == 4001
    log = ada.server.said()
    assert SECRET not in log
    assert ada.token().split(".")[0] not in log
