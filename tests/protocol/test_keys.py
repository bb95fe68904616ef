"""Tokens that another site signs: by its public key, or by the keys it publishes."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ..client import Person, sign
from ..server import Server

LIST = "/api/v1/chat/recieve/"
KEY = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
PUBLIC = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


ISSUER = "https://login.example"


def signed(key: rsa.RSAPrivateKey, kid: str | None = None, alg: str = "RS256") -> str:
    claims = {"sub": "1", "iss": ISSUER, "exp": int(time.time()) + 600}
    return jwt.encode(claims, key, algorithm=alg, headers={"kid": kid} if kid else None)


async def status(person: Person, bearer: str) -> int:
    headers = {"Authorization": f"Bearer {bearer}"}
    return (await person.http.get(person.server.url + LIST, headers=headers)).status_code


async def assert_lets_in(person: Person, bearer: str) -> None:
    """HTTP and sockets alike: the room isn't there, the person is known."""
    assert await status(person, bearer) == 200
    async with person.knocks("?room_id=9007199254740991", offers=["Bearer", bearer]) as socket:
        assert await socket.closes() == 4004


async def assert_keeps_out(person: Person, bearer: str) -> None:
    assert await status(person, bearer) == 401
    async with person.knocks("?room_id=9007199254740991", offers=["Bearer", bearer]) as socket:
        assert await socket.closes() == 4001


# ------------------------------------------------------------ public key


@pytest.fixture
def by_public_key(serve: Callable[..., Server], cast: Any) -> Person:
    settings = {"auth_secret": "", "auth_algorithms": '["RS256"]'}
    ada: Person = cast(serve(auth_public_key=PUBLIC.decode(), **settings))[0]
    return ada


async def test_the_public_key_lets_in_what_its_owner_signed(by_public_key: Person) -> None:
    await assert_lets_in(by_public_key, signed(KEY))


async def test_the_public_key_keeps_others_out(by_public_key: Person) -> None:
    claims = {"sub": "1", "exp": int(time.time()) + 600}
    await assert_keeps_out(by_public_key, signed(OTHER))
    await assert_keeps_out(by_public_key, signed(KEY, alg="RS512"))
    await assert_keeps_out(by_public_key, sign(claims, secret=PUBLIC.decode()))
    await assert_keeps_out(by_public_key, sign(claims, alg="none"))


# ------------------------------------------------------------------ JWKS


def published(kid: str, key: rsa.RSAPrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()

    def number(value: int) -> str:
        data = value.to_bytes((value.bit_length() + 7) // 8)
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    parts = {"n": number(numbers.n), "e": number(numbers.e)}
    return {"kty": "RSA", "kid": kid, "alg": "RS256", "use": "sig", **parts}


class Site:
    """Publishes its keys, and counts how often they are asked for."""

    def __init__(self) -> None:
        self.keys = [published("one", KEY)]
        self.asked = 0

    async def answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        body = json.dumps({"keys": self.keys}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
        writer.write(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def site() -> AsyncIterator[tuple[Site, str]]:
    site = Site()
    async with await asyncio.start_server(site.answers, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        yield site, f"http://127.0.0.1:{port}/jwks.json"


@pytest.fixture
def by_jwks(own_server: Callable[..., Server], cast: Any, site: tuple[Site, str]) -> Person:
    settings = {
        "auth_secret": "",
        "auth_algorithms": '["RS256"]',
        "auth_jwks_url": site[1],
        "auth_issuer": ISSUER,
    }
    ada: Person = cast(own_server(**settings))[0]
    return ada


async def test_published_keys_let_in_and_are_remembered(
    by_jwks: Person, site: tuple[Site, str]
) -> None:
    await asyncio.to_thread(by_jwks.server.start)
    for _ in range(5):
        await assert_lets_in(by_jwks, signed(KEY, "one"))
    assert 1 <= site[0].asked <= 2


async def test_keys_that_nobody_published_keep_out(by_jwks: Person, site: tuple[Site, str]) -> None:
    await asyncio.to_thread(by_jwks.server.start)
    await assert_lets_in(by_jwks, signed(KEY, "one"))
    for bearer in (
        signed(OTHER, "one"),
        signed(OTHER, "two"),
        signed(KEY, "two"),
        sign({"sub": "1", "exp": int(time.time()) + 600}, secret=PUBLIC.decode()),
    ):
        await assert_keeps_out(by_jwks, bearer)
    for number in range(20):
        await assert_keeps_out(by_jwks, signed(OTHER, f"kid {number}"))
    assert site[0].asked <= 4, "every unknown key asks the site anew"


# ------------------------------------------------------- several issuers


PARTNER = {"issuer": "https://partner.example", "public_key": PUBLIC.decode()}


@pytest.fixture
def by_two(serve: Callable[..., Server], cast: Any) -> Person:
    """Ada on a server that takes our own tokens, and a partner's under a prefix."""
    partner = PARTNER | {"user_prefix": "partner:"}
    ada: Person = cast(serve(auth_issuers=json.dumps([partner])))[0]
    return ada


def by_partner(**claims: Any) -> str:
    said = {"sub": "1", "exp": int(time.time()) + 600, "iss": PARTNER["issuer"]}
    return jwt.encode(said | claims, KEY, "RS256")


async def test_a_partners_users_are_others_than_ours(by_two: Person) -> None:
    await assert_lets_in(by_two, by_two.token())
    await assert_lets_in(by_two, by_partner())
    room = (await by_two.post("chat/create/", {"members": [1, "partner:1"]})).json()["id"]
    messages = f"{by_two.server.url}/api/v1/chat/rooms/{room}/messages/"
    headers = {"Authorization": f"Bearer {by_partner()}"}
    sent = await by_two.http.post(messages, json={"message": "Hello"}, headers=headers)
    assert sent.json()["sender_id"] == "partner:1"


async def test_no_issuer_speaks_for_another(by_two: Person) -> None:
    ours = {"sub": "1", "exp": int(time.time()) + 600}
    await assert_keeps_out(by_two, sign(ours | {"iss": PARTNER["issuer"]}))
    await assert_keeps_out(by_two, signed(KEY))
    await assert_keeps_out(by_two, by_partner(iss="https://elsewhere.example"))
    await assert_keeps_out(by_two, by_partner(exp=int(time.time()) - 5))


async def test_a_partner_renews_only_his_own_users_sockets(by_two: Person) -> None:
    room = (await by_two.post("chat/create/", {"members": [1, "partner:1"]})).json()["id"]
    async with by_two.enters(room) as socket:
        error = await socket.is_refused("auth", token=by_partner())
        assert error["code"] == "forbidden"
        await socket.still_works()
    offers = ["Bearer", by_partner()]
    async with by_two.knocks(f"?room_id={room}", offers=offers) as socket:
        await socket.next()
        await socket.does("auth", token=by_partner(exp=int(time.time()) + 900))
        await socket.receives("auth")
