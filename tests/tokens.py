"""Tokens good and bad, who signs them, and who checks them."""

import asyncio
import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from time import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import strategies as st
from roomcast.auth.authenticator import Authenticator
from roomcast.protocol.errors import Unauthenticated
from roomcast.settings import AuthSettings, ServerSettings, Settings
from starlette.requests import HTTPConnection

SECRET = "a secret of thirty-two bytes, or more"
ISSUER = "https://issuer.example/keys"


def pem(key: Any) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def private_pem(key: Any) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
WEAK_RSA = rsa.generate_private_key(65537, 1024)
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()


def authenticator(hook: Any = None, transport: Any = None, **given: Any) -> Authenticator:
    given = given or {"secret": SECRET}
    return Authenticator(Settings(auth=AuthSettings(**given)), hook, transport=transport)


def claims(**changed: Any) -> dict[str, Any]:
    whole = {"sub": "2", "exp": int(time()) + 60} | changed
    return {name: value for name, value in whole.items() if value is not None}


def token(key: Any = SECRET, algorithm: str = "HS256", kid: Any = None, **changed: Any) -> str:
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(**changed), key, algorithm, headers)


class Spelled(bytes):
    """JSON as it is to be written, to the letter."""


def by_hand(header: Any, body: Any, key: bytes = SECRET.encode()) -> str:
    """A token that no library would make; signed with HMAC-SHA256 whatever its header says."""

    def part(data: bytes) -> str:
        return urlsafe_b64encode(data).decode().rstrip("=")

    texts = (x if isinstance(x, Spelled) else json.dumps(x).encode() for x in (header, body))
    signed = ".".join(map(part, texts))
    return f"{signed}.{part(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def request(*headers: tuple[str, str], query: str = "") -> HTTPConnection:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return HTTPConnection({"type": "http", "headers": raw, "query_string": query.encode()})


def bearing(value: str) -> HTTPConnection:
    return request(("authorization", value))


def websocket(*offered: str, authorization: str = "") -> HTTPConnection:
    raw = [(b"authorization", authorization.encode())] if authorization else []
    scope = {"type": "websocket", "headers": raw, "subprotocols": list(offered)}
    return HTTPConnection(scope)


async def refusal(by: Authenticator, bad: str) -> str:
    """What is said to this token, after a good one has been let in."""
    with pytest.raises(Unauthenticated) as caught:
        await by.verify(bad)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def jwk(key: Any, kid: str | None = None, **changed: Any) -> dict[str, Any]:
    family = {"R": "RS256", "E": "ES256"}[type(key).__name__[0]]
    method = jwt.get_algorithm_by_name("EdDSA" if key is ED25519 else family)
    return method.to_jwk(key.public_key(), as_dict=True) | ({"kid": kid} if kid else {}) | changed


class Publisher(httpx.AsyncBaseTransport):
    """Publishes keys, and counts who asks."""

    def __init__(self, *keys: Any) -> None:
        self.document: Any = {"keys": list(keys)}
        self.status = 200
        self.headers: dict[str, str] = {}
        self.away = False
        self.asked = 0
        self.free = asyncio.Event()
        self.free.set()
        self.seen = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        self.seen.set()
        await self.free.wait()
        if self.away:
            raise httpx.ConnectError("no route")
        given = self.document
        content = given if isinstance(given, bytes) else json.dumps(given).encode()
        return httpx.Response(self.status, headers=self.headers, stream=httpx.ByteStream(content))


def subscriber(issuer: httpx.AsyncBaseTransport, *algorithms: str) -> Authenticator:
    return authenticator(
        transport=issuer, jwks_url=ISSUER, algorithms=algorithms or ("RS256", "ES256", "EdDSA")
    )


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


async def session_user(connection: HTTPConnection) -> str | int | None:
    return connection.cookies.get("user")


def hooked(hook: Any = session_user, *origins: str) -> Authenticator:
    """No key is needed where the host says who is there."""
    return Authenticator(Settings(server=ServerSettings(allowed_origins=origins)), hook)
