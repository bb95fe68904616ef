"""The keys that check tokens: a secret, a public key, or the published keys of an issuer."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import jwt
from jwt.algorithms import AllowedPublicKeys

from ..protocol.errors import Unauthenticated
from ..settings import MIN_SECRET_SIZES, BadSetting, Issuer
from .tls import explain_failure, tls_context, unlogged

ASYMMETRIC_ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "ES256K", "EdDSA",
)  # fmt: skip
# For a key that does not name one.
DEFAULT_ALGORITHMS = ("RS256", "ES256", "ES384", "ES512", "ES256K", "EdDSA")

FETCH_TIMEOUT = 2.0  # seconds for the whole answer
KEYS_TTL = 300.0  # seconds for which a key that the issuer has removed may still work
FETCH_INTERVAL = 10.0  # seconds between two fetches for unknown key ids
EMPTY_FETCH_INTERVAL = 2.0  # the same without any key, as the issuer may be starting
MAX_ANSWER_SIZE = 1 << 18

NO_SUCH_KEY = "The token is signed with a key that is not known here."
KEYS_UNAVAILABLE = "The keys that check tokens can't be fetched right now; try again."

log = logging.getLogger("roomcast.keys")


@dataclass(frozen=True, slots=True)
class Key:
    """A key that verifies signatures, bound to the algorithms of its kind."""

    material: AllowedPublicKeys | bytes = field(repr=False)
    algorithms: tuple[str, ...]
    id: str | None = None


class Keys:
    """All the keys of one issuer; `where` is the setting that names the issuer."""

    def __init__(
        self,
        issuer: Issuer,
        where: str,
        transport: httpx.AsyncBaseTransport | None,
        on_change: Callable[[], None],
    ) -> None:
        """Raise BadSetting if no token could ever be valid."""
        self._fixed = _fixed(issuer, where)
        self.published: PublishedKeys | None = None
        if issuer.jwks_url:
            self.published = PublishedKeys(issuer, where, transport, on_change)
        if not (self._fixed or self.published):
            raise BadSetting(NO_KEY.format(where=where))

    async def key_of(self, header: dict[str, Any]) -> Key:
        """Return the key that the token's header names; it does not choose the algorithm."""
        algorithm, key_id = header.get("alg"), header.get("kid")
        for key in self._fixed:
            if algorithm in key.algorithms:
                return key
        if self.published is None or algorithm not in self.published.algorithms:
            raise jwt.InvalidAlgorithmError
        return await self.published.key(algorithm, key_id)


NO_KEY = (
    "{where}: there is no key to check tokens with. Set {where}.secret, {where}.public_key or"
    " {where}.jwks_url (and {where}.algorithms to fit), or let the host say who is there"
    " (authenticate=)."
)


def _bind(material: Any, algorithms: Iterable[str], key_id: str | None = None) -> Key | None:
    """Return the key with the algorithms for which it is long enough, or None."""
    ready = {name: key for name in algorithms if (key := _prepared(material, name)) is not None}
    return Key(next(iter(ready.values())), tuple(ready), key_id) if ready else None


def _prepared(material: Any, algorithm: str) -> Any | None:
    method = jwt.get_algorithm_by_name(algorithm)
    try:
        key = method.prepare_key(material)
    except (jwt.InvalidKeyError, ValueError, TypeError):
        return None
    return None if method.check_key_length(key) else key


# ---------------------------------------------------------------- in the settings


def _fixed(issuer: Issuer, where: str) -> tuple[Key, ...]:
    unknown = set(issuer.algorithms).difference(MIN_SECRET_SIZES, ASYMMETRIC_ALGORITHMS)
    if unknown:
        known = ", ".join((*MIN_SECRET_SIZES, *ASYMMETRIC_ALGORITHMS))
        raise BadSetting(f"{where}.algorithms: {min(unknown)!r} is not one of {known}.")
    if issuer.public_key and issuer.jwks_url:
        raise BadSetting(f"{where}.public_key and {where}.jwks_url: set one of the two.")
    keys = (_secret_key(issuer, where), _public_key(issuer, where))
    return tuple(key for key in keys if key)


def _secret_key(issuer: Issuer, where: str) -> Key | None:
    """Return the secret for HS…, or None if no token is checked by it."""
    if not issuer.secret or not issuer.hmac:
        return None
    secret = issuer.secret.encode()
    longest = max(issuer.hmac)
    if len(secret) < MIN_SECRET_SIZES[longest]:
        raise BadSetting(
            f"{where}.secret: {longest} needs at least {MIN_SECRET_SIZES[longest]} bytes."
        )
    key = _bind(secret, issuer.hmac)
    if key is None:
        raise BadSetting(f"{where}.secret: this is a public key or a JWK, not a secret.")
    return key


def _public_key(issuer: Issuer, where: str) -> Key | None:
    if not issuer.public_key:
        return None
    pem = _pem(issuer.public_key, where)
    if "PRIVATE KEY" in pem:
        raise BadSetting(
            f"{where}.public_key: this is a private key; the server needs the public one."
        )
    named = [
        name for name in issuer.algorithms or DEFAULT_ALGORITHMS if name in ASYMMETRIC_ALGORITHMS
    ]
    key = _bind(pem.encode(), named)
    if key is None:
        given = ", ".join(issuer.algorithms or DEFAULT_ALGORITHMS)
        raise BadSetting(f"{where}.public_key: no PEM key that fits {where}.algorithms ({given}).")
    return key


def _pem(text_or_path: str, where: str) -> str:
    """Return the text of a PEM key; a variable may spell its line breaks as \\n."""
    if "-----BEGIN" in text_or_path:
        return text_or_path.replace("\\n", "\n")
    try:
        return Path(text_or_path).read_text()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a text"
        raise BadSetting(f"{where}.public_key: no PEM key, no file to read: {reason}.") from None


# ---------------------------------------------------------------- published


class PublishedKeys:
    """The keys at one issuer's jwks_url: one fetch at a time, kept while there is no answer."""

    def __init__(
        self,
        issuer: Issuer,
        where: str,
        transport: httpx.AsyncBaseTransport | None,
        on_change: Callable[[], None],
    ) -> None:
        self.algorithms = tuple(
            n for n in issuer.algorithms or ASYMMETRIC_ALGORITHMS if n in ASYMMETRIC_ALGORITHMS
        )
        if not self.algorithms:
            raise BadSetting(
                f"{where}.jwks_url: set {where}.algorithms to the issuer's, such as RS256."
            )
        self._wanted = issuer.algorithms
        self._url = _url(issuer.jwks_url, where)
        self._transport = transport
        self._on_change = on_change
        self._keys: list[Key] = []
        self._fetched = self._tried = float("-inf")
        self.fetching: asyncio.Task[None] | None = None

    async def key(self, algorithm: str, key_id: str | None) -> Key:
        """Return the key of an id; an unknown one causes a fetch, as the issuer may have a new key.

        Raises Unauthenticated.
        """
        found = self._find(algorithm, key_id)
        if found is None:
            await self.refresh()
            found = self._find(algorithm, key_id)
        if found is None:
            raise Unauthenticated(NO_SUCH_KEY if self._keys else KEYS_UNAVAILABLE)
        return found

    def _find(self, algorithm: str, key_id: str | None) -> Key | None:
        fitting = [key for key in self._keys if algorithm in key.algorithms]
        if key_id is None:
            return fitting[0] if len(fitting) == 1 else None
        return next((key for key in fitting if key.id == key_id), None)

    def refresh_if_old(self) -> None:
        """Fetch the keys in the background if they are old; known keys stay valid meanwhile."""
        if self._keys and monotonic() - self._fetched > KEYS_TTL:
            self._start()

    async def refresh(self) -> None:
        """Join the fetch under way, or start one unless there was one a moment ago."""
        if fetching := self._start():
            # The end of one caller must not cancel the fetch for the others.
            await asyncio.shield(fetching)

    def _start(self) -> asyncio.Task[None] | None:
        pause = FETCH_INTERVAL if self._keys else EMPTY_FETCH_INTERVAL
        if self.fetching is None and monotonic() - self._tried >= pause:
            self._tried = monotonic()
            self.fetching = asyncio.create_task(self._fetch())
        return self.fetching

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_TIMEOUT):
                with unlogged():
                    self._keys = keys_in(await self._download(), self._wanted)
            self._fetched = monotonic()
            self._on_change()
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            reason = str(error) if type(error) is ValueError else explain_failure(error)
            log.warning("jwks_url: no new keys from %s: %s", self._url.host, reason)
        finally:
            self.fetching = None

    async def _download(self) -> bytes:
        body = bytearray()
        async with (
            httpx.AsyncClient(transport=self._transport, verify=tls_context()) as client,
            # Not compressed: the limit is for the bytes in memory.
            client.stream("GET", self._url, headers={"accept-encoding": "identity"}) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise ValueError(f"status {response.status_code}")
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_ANSWER_SIZE:
                    raise ValueError(f"more than {MAX_ANSWER_SIZE} bytes")
        return bytes(body)

    async def aclose(self) -> None:
        if self.fetching:
            self.fetching.cancel()
            await asyncio.wait([self.fetching])


def _url(text: str, where: str) -> httpx.URL:
    tls_context()  # at the start, not while requests wait
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise BadSetting(f"{where}.jwks_url: an absolute http or https URL is needed.")
    return url


def keys_in(document: bytes, algorithms: tuple[str, ...]) -> list[Key]:
    """Return the usable keys of a JWK Set. Raises ValueError if there are none.

    Without algorithms, each key is for the one that it names, or for the usual one of its type.
    """
    try:
        members = json.loads(document)["keys"]
        keys = [key for jwk in members if (key := _published_key(jwk, algorithms))]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValueError("not a JWK Set") from None
    if not keys:
        raise ValueError("no key that fits")
    return keys


def _published_key(jwk: Any, algorithms: tuple[str, ...]) -> Key | None:
    """Return a published key, or None for one that encrypts or should be secret."""
    if not isinstance(jwk, dict) or jwk.get("kty") not in ("RSA", "EC", "OKP") or "d" in jwk:
        return None
    key_id, operations = jwk.get("kid"), jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(key_id, str | None):
        return None
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    known = algorithms or (ASYMMETRIC_ALGORITHMS if "alg" in jwk else DEFAULT_ALGORITHMS)
    own = [name for name in known if name in ASYMMETRIC_ALGORITHMS and jwk.get("alg", name) == name]
    if not own:
        return None
    try:
        return _bind(jwt.PyJWK(jwk).key, own, key_id)
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        return None
