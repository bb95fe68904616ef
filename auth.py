"""A connection → a user id: a signed token (JWT) that proves itself, or the host's hook."""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import monotonic, time
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx
import jwt
from jwt.algorithms import AllowedPublicKeys
from starlette.requests import HTTPConnection
from starlette.types import Scope

from .errors import InvalidFrame, Unauthenticated
from .frames import is_clean, user_of
from .settings import Auth, BadSetting, Settings

HMAC = ("HS256", "HS384", "HS512")
ASYMMETRIC = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "ES256K", "EdDSA",
)  # fmt: skip

MAX_TOKEN = 16_384  # characters
MAX_NAME = 200
MAX_PICTURE = 2_000
MAX_VERIFIED = 4_096  # tokens whose signature need not be looked at again
END_OF_TIME = 253_370_764_800  # 9999-01-01: what a date can still say, with some leeway

JWKS_TIMEOUT = 2.0  # seconds for the whole answer
JWKS_MAX_AGE = 300.0  # so long a key that the issuer took back may still serve
JWKS_RETRY = 30.0  # between two fetches, whatever key ids the tokens name
JWKS_RETRY_EMPTY = 2.0  # the same while no key is known: the issuer may be starting beside us
JWKS_MAX_BYTES = 1 << 18

Hook = Callable[[HTTPConnection], Awaitable[str | int | None]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is there; `expires_at` (unix seconds, leeway included) is None where a hook said so."""

    user_id: str
    expires_at: float | None
    name: str | None
    picture: str | None
    by_hook: bool


class Authenticator:
    """Asks the host's hook where there is one, otherwise the token."""

    def __init__(
        self,
        settings: Settings,
        hook: Hook | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Raises BadSetting where no token could ever be good."""
        self._auth = settings.auth
        self._origins = settings.server.allowed_origins
        self._hook = hook
        self._verified: dict[bytes, Identity] = {}
        self._keys = () if hook else _fixed_keys(self._auth)
        self._published: PublishedKeys | None = None
        if not hook and self._auth.jwks_url:
            self._published = PublishedKeys(self._auth, transport, self._verified.clear)
        if not (hook or self._keys or self._published):
            raise BadSetting(_NO_KEY)
        self._jwt = _verifier(self._auth)

    async def open(self) -> None:
        """Fetches the issuer's keys ahead of the first token; starts without them if need be."""
        if self._published:
            await self._published.refresh()

    async def aclose(self) -> None:
        if self._published:
            await self._published.aclose()

    async def __call__(self, connection: HTTPConnection) -> Identity:
        """Raises Unauthenticated; what the hook raises goes through."""
        if self._hook is None:
            return await self.verify(token_of(connection))
        answer = await self._hook(connection)
        if answer is None:
            raise Unauthenticated("Nobody is signed in.")
        return Identity(_answered(answer), None, None, None, by_hook=True)

    def foreign_origin(self, connection: HTTPConnection) -> bool:
        """Only a hook reads cookies, which a browser sends from any page; a token proves itself."""
        if self._hook is None:
            return False
        origins = connection.headers.getlist("origin")
        host = connection.headers.get("host", "")
        return bool(origins) and (len(origins) > 1 or is_foreign(origins[0], host, self._origins))

    async def verify(self, token: str) -> Identity:
        """Whose token this is; raises Unauthenticated."""
        if self._hook:
            raise Unauthenticated("The site signs its users in by itself; it takes no tokens here.")
        if not token or len(token) > MAX_TOKEN or not token.isascii():
            raise Unauthenticated(_NO_TOKEN)
        if self._published:
            self._published.refresh_if_old()
        fingerprint = sha256(token.encode()).digest()
        known = self._verified.get(fingerprint)
        if known and (known.expires_at or 0) > time():
            return known
        identity = _identity(await self._claims(token), self._auth)
        self._remember(fingerprint, identity)
        return identity

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            key = await self._key_of(jwt.get_unverified_header(token))
            return self._jwt.decode(
                token,
                key.material,
                algorithms=key.algorithms,
                audience=self._auth.audience or None,
                issuer=self._auth.issuer or None,
                leeway=self._auth.leeway,
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated(_why(error)) from None

    async def _key_of(self, header: dict[str, Any]) -> "Key":
        """The header chooses among our keys; what a key may be used for, it has no say in."""
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._auth.algorithms:
            raise jwt.InvalidAlgorithmError
        for key in self._keys:
            if algorithm in key.algorithms:
                return key
        if self._published is None or algorithm not in ASYMMETRIC:
            raise jwt.InvalidAlgorithmError
        return await self._published.key(algorithm, key_id)

    def _remember(self, fingerprint: bytes, identity: Identity) -> None:
        self._verified.pop(fingerprint, None)
        if len(self._verified) >= MAX_VERIFIED:
            del self._verified[next(iter(self._verified))]
        self._verified[fingerprint] = identity


# ---------------------------------------------------------------- where the token stands


def subprotocol_of(scope: Scope) -> str | None:
    """Bearer as a socket's client spelled it, to be echoed; never the token beside it."""
    return next((name for name in scope.get("subprotocols", ()) if name.lower() == "bearer"), None)


def token_of(connection: HTTPConnection) -> str:
    """What follows Bearer among a socket's subprotocols, else in the Authorization header."""
    offered = list(connection.scope.get("subprotocols", ()))
    bearer = subprotocol_of(connection.scope)
    if bearer is not None and (after := offered[offered.index(bearer) + 1 :]):
        return str(after[0])
    headers = connection.headers.getlist("authorization")
    if not headers:
        raise Unauthenticated
    scheme, _, token = headers[0].partition(" ")
    if len(headers) > 1 or scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("One header is needed: Authorization: Bearer <token>.")
    return token.strip()


# ---------------------------------------------------------------- origins

_PORTS = {"http": 80, "https": 443}


def is_foreign(origin: str, host: str, allowed: Iterable[str]) -> bool:
    """Neither the host that was asked, over http or https, nor one of those allowed."""
    if origin != "null" and origin in allowed:
        return False
    theirs = _origin(origin)
    if theirs is None:
        return True
    # A proxy may have ended TLS: the port that Host leaves out is that of the page's scheme.
    return theirs != _origin(f"{theirs[0]}://{host}") and theirs not in map(_origin, allowed)


def _origin(text: str) -> tuple[str, str, int] | None:
    parts = _split(text)
    if parts is None or parts.username is not None or parts.path not in ("", "/"):
        return None
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    return parts.scheme, parts.hostname or "", port


def _split(url: str) -> SplitResult | None:
    """The parts of an absolute http(s) URL, with a port that can be read."""
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in _PORTS and parts.hostname and (parts.port or 0) >= 0:
            return parts
    return None


# ---------------------------------------------------------------- keys

_NO_KEY = (
    "auth: there is no key to check tokens with. Set auth.secret, auth.public_key or auth.jwks_url"
    " (and auth.algorithms to fit), or let the host say who is there (authenticate=)."
)


@dataclass(frozen=True, slots=True)
class Key:
    """What checks signatures, bound to the algorithms of its kind."""

    material: AllowedPublicKeys | bytes = field(repr=False)
    algorithms: tuple[str, ...]
    id: str | None = None


def _bind(material: Any, algorithms: Iterable[str], key_id: str | None = None) -> Key | None:
    """The key with those of the algorithms that it is made and long enough for, if any."""
    ready = {name: key for name in algorithms if (key := _prepared(material, name)) is not None}
    return Key(next(iter(ready.values())), tuple(ready), key_id) if ready else None


def _prepared(material: Any, algorithm: str) -> Any | None:
    method = jwt.get_algorithm_by_name(algorithm)
    try:
        key = method.prepare_key(material)
    except (jwt.InvalidKeyError, ValueError, TypeError):
        return None
    return None if method.check_key_length(key) else key


def _fixed_keys(auth: Auth) -> tuple[Key, ...]:
    unknown = set(auth.algorithms).difference(HMAC, ASYMMETRIC)
    if unknown:
        known = ", ".join(HMAC + ASYMMETRIC)
        raise BadSetting(f"auth.algorithms: {min(unknown)!r} is not one of {known}.")
    if auth.public_key and auth.jwks_url:
        raise BadSetting("auth.public_key and auth.jwks_url: set one of the two.")
    keys = (_secret_key(auth), _public_key(auth))
    return tuple(key for key in keys if key)


def _secret_key(auth: Auth) -> Key | None:
    """The secret of HS…; None where no token is checked with it."""
    wanted = [name for name in HMAC if name in auth.algorithms]
    if not auth.secret or not wanted:
        return None
    secret = auth.secret.encode()
    needed = int(wanted[-1].removeprefix("HS")) // 8
    if len(secret) < needed:
        raise BadSetting(f"auth.secret: {wanted[-1]} needs at least {needed} bytes.")
    key = _bind(secret, wanted)
    if key is None:
        raise BadSetting("auth.secret: this is a public key or a JWK, not a secret.")
    return key


def _public_key(auth: Auth) -> Key | None:
    if not auth.public_key:
        return None
    pem = _pem(auth.public_key)
    if "PRIVATE KEY" in pem:
        raise BadSetting("auth.public_key: this is a private key; the server needs the public one.")
    key = _bind(pem.encode(), [name for name in ASYMMETRIC if name in auth.algorithms])
    if key is None:
        given = ", ".join(auth.algorithms)
        raise BadSetting(f"auth.public_key: no PEM key that fits auth.algorithms ({given}).")
    return key


def _pem(text_or_path: str) -> str:
    """An environment variable may carry the line breaks of a key as \\n."""
    if "-----BEGIN" in text_or_path:
        return text_or_path.replace("\\n", "\n")
    try:
        return Path(text_or_path).read_text()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a text"
        raise BadSetting(f"auth.public_key: no PEM key, no file to read: {reason}.") from None


class PublishedKeys:
    """The keys at auth.jwks_url: one fetch at a time, kept while there is no answer."""

    def __init__(
        self,
        auth: Auth,
        transport: httpx.AsyncBaseTransport | None,
        on_change: Callable[[], None],
    ) -> None:
        self._algorithms = [name for name in ASYMMETRIC if name in auth.algorithms]
        if not self._algorithms:
            raise BadSetting("auth.jwks_url: set auth.algorithms to the issuer's, such as RS256.")
        self._url = _jwks_url(auth.jwks_url)
        self._tls = httpx.create_ssl_context()
        self._transport = transport
        self._on_change = on_change
        self._keys: list[Key] = []
        self._fetched = self._tried = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, algorithm: str, key_id: str | None) -> Key:
        """An unknown id is reason for another fetch: the issuer may have a new key."""
        found = self._find(algorithm, key_id)
        if found is None:
            await self.refresh()
            found = self._find(algorithm, key_id)
        if found is None:
            raise Unauthenticated(_NO_SUCH_KEY if self._keys else _KEYS_AWAY)
        return found

    def _find(self, algorithm: str, key_id: str | None) -> Key | None:
        fitting = [key for key in self._keys if algorithm in key.algorithms]
        if key_id is None:
            return fitting[0] if len(fitting) == 1 else None
        return next((key for key in fitting if key.id == key_id), None)

    def refresh_if_old(self) -> None:
        """Nobody waits for it: the known keys serve meanwhile."""
        if self._keys and monotonic() - self._fetched > JWKS_MAX_AGE:
            self._start()

    async def refresh(self) -> None:
        """Joins the fetch under way, or starts one unless there was one a moment ago."""
        if fetching := self._start():
            # A caller who goes away must not end what others wait for.
            await asyncio.shield(fetching)

    def _start(self) -> asyncio.Task[None] | None:
        pause = JWKS_RETRY if self._keys else JWKS_RETRY_EMPTY
        if self._fetching is None and monotonic() - self._tried >= pause:
            self._tried = monotonic()
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(JWKS_TIMEOUT):
                self._keys = keys_in(await self._download(), self._algorithms)
            self._fetched = monotonic()
            self._on_change()
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            reason = str(error) if type(error) is ValueError else type(error).__name__
            log.warning("auth.jwks_url: no new keys from %s: %s", self._url.host, reason)
        finally:
            self._fetching = None

    async def _download(self) -> bytes:
        body = bytearray()
        async with (
            httpx.AsyncClient(transport=self._transport, verify=self._tls) as client,
            # Not compressed: the limit holds for what is kept in memory.
            client.stream("GET", self._url, headers={"accept-encoding": "identity"}) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise ValueError(f"status {response.status_code}")
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > JWKS_MAX_BYTES:
                    raise ValueError(f"more than {JWKS_MAX_BYTES} bytes")
        return bytes(body)

    async def aclose(self) -> None:
        if self._fetching:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])


def _jwks_url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in _PORTS or not url.host:
        raise BadSetting("auth.jwks_url: an absolute http or https URL is needed.")
    return url


def keys_in(document: bytes, algorithms: Iterable[str]) -> list[Key]:
    """The usable keys of a JWK Set; raises ValueError where there is none."""
    try:
        members = json.loads(document)["keys"]
        keys = [key for jwk in members if (key := _published_key(jwk, algorithms))]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValueError("not a JWK Set") from None
    if not keys:
        raise ValueError("no key that fits auth.algorithms")
    return keys


def _published_key(jwk: Any, algorithms: Iterable[str]) -> Key | None:
    """None for what checks no signatures, and for secrets: published, they are none."""
    if not isinstance(jwk, dict) or jwk.get("kty") not in ("RSA", "EC", "OKP") or "d" in jwk:
        return None
    key_id, operations = jwk.get("kid"), jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(key_id, str | None):
        return None
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    own = [name for name in algorithms if jwk.get("alg", name) == name]
    if not own:
        return None
    try:
        return _bind(jwt.PyJWK(jwk).key, own, key_id)
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        return None


# ---------------------------------------------------------------- claims

_NO_TOKEN = "This is not a valid token."
_NO_SUCH_KEY = "The token is signed with a key that is not known here."
_KEYS_AWAY = "The keys that check tokens can't be fetched right now; try again."
_REASONS: dict[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "The token has expired.",
    jwt.ImmatureSignatureError: "The token is not valid yet (nbf).",
    jwt.InvalidAudienceError: "The token is meant for another audience (aud).",
    jwt.InvalidIssuerError: "The token comes from another issuer (iss).",
    jwt.InvalidAlgorithmError: "The token is signed with an algorithm that is not accepted here.",
    jwt.InvalidSignatureError: "The token's signature is wrong.",
}


def _why(error: jwt.PyJWTError) -> str:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"The token lacks the claim {error.claim}."
    return _REASONS.get(type(error), _NO_TOKEN)


def _verifier(auth: Auth) -> jwt.PyJWT:
    return jwt.PyJWT(
        {
            "require": ["exp", auth.user_claim],
            "verify_aud": bool(auth.audience),
            "verify_iat": False,  # another clock's opinion; exp and nbf are what binds
            "verify_sub": False,  # an integer is a user id too
            "verify_jti": False,
            "enforce_minimum_key_length": True,
        }
    )


def _identity(claims: dict[str, Any], auth: Auth) -> Identity:
    if not _is_number(claims["exp"]) or not _is_number(claims.get("nbf", 0)):
        raise Unauthenticated("The token's exp or nbf is not a number.")
    try:
        user_id = user_of(claims[auth.user_claim])
    except InvalidFrame:
        raise Unauthenticated(f"The token's claim {auth.user_claim} is no user id.") from None
    expires_at = min(int(claims["exp"]), END_OF_TIME) + float(auth.leeway)
    name, picture = _name(claims.get("name")), _picture(claims.get("picture"))
    return Identity(user_id, expires_at, name, picture, by_hook=False)


def _is_number(value: object) -> bool:
    """PyJWT takes "1700000000" and true for times; RFC 7519 doesn't."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _answered(answer: object) -> str:
    try:
        return user_of(answer)
    except InvalidFrame:
        raise ValueError(
            f"authenticate= answered {type(answer).__name__} that is no user id:"
            " an integer, a string of 1 to 255 characters, or None for nobody."
        ) from None


# Line breaks, other controls, and what turns the direction of the text around a name.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def _name(claim: object) -> str | None:
    if not isinstance(claim, str) or len(claim) > MAX_NAME or not is_clean(claim):
        return None
    return _CONTROLS.sub("", claim).strip() or None


def _picture(claim: object) -> str | None:
    if not isinstance(claim, str) or len(claim) > MAX_PICTURE or not is_clean(claim):
        return None
    return claim if claim.isprintable() and " " not in claim and _split(claim) else None
