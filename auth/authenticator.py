"""A connection → a user id: a signed token (JWT) that proves itself, or the host's hook."""

import asyncio
import json
import logging
import re
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from time import time
from typing import Any

import httpx
import jwt
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import Scope

from ..protocol.errors import Forbidden, InvalidFrame, Unauthenticated
from ..protocol.ids import is_clean, user_of
from ..protocol.text import shows_something
from ..settings import BadSetting, Issuer, Settings
from .keys import Keys, PublishedKeys
from .origins import is_foreign, origin_of, parts_of

MAX_TOKEN = 16_384  # characters
MAX_NAME = 200
MAX_PICTURE = 2_000
log = logging.getLogger("roomcast.auth")

MAX_VERIFIED = 4_096  # tokens whose signature need not be looked at again
END_OF_TIME = 253_370_764_800  # 9999-01-01: what a date can still say, with some leeway

Hook = Callable[[HTTPConnection], Awaitable[str | int | None]]


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated user. `expires_at` is in Unix seconds, leeway included; None from a hook."""

    user_id: str
    expires_at: float | None
    name: str | None
    picture: str | None
    by_hook: bool


class Trusted:
    """A trusted issuer: the claims that its tokens must have, and the keys that verify them."""

    def __init__(self, issuer: Issuer, keys: Keys) -> None:
        self._issuer = issuer
        self.keys = keys
        self._jwt = jwt.PyJWT(
            {
                "require": ["exp", issuer.user_claim],
                "verify_aud": bool(issuer.audience),
                "verify_iat": False,  # another clock's opinion; exp and nbf are what binds
                "verify_sub": False,  # an integer is a user id too
                "verify_jti": False,
                "enforce_minimum_key_length": True,
            }
        )

    async def identity(self, token: str) -> Identity:
        """Whose token this is. Raises Unauthenticated and PyJWTError."""
        key = await self.keys.key_of(jwt.get_unverified_header(token))
        claims = self._jwt.decode(
            token,
            key.material,
            algorithms=key.algorithms,
            audience=self._issuer.audience or None,
            issuer=self._issuer.issuer or None,
            leeway=self._issuer.leeway,
        )
        return _identity(claims, self._issuer)


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
        server = settings.server
        ours = origin_of(server.public_url)
        self._ours = (*([ours] if ours else []), *server.allowed_origins)
        self._hook = hook
        self._has_refused_foreign = False  # and it was logged
        self._verified: dict[bytes, Identity] = {}
        self._published: list[PublishedKeys] = []
        self._trusted: dict[str, Trusted] = {}  # by what their tokens say in iss; "" is anybody
        if hook is None:
            self._trust(settings, transport)
        elif "*" in server.allowed_origins:
            raise BadSetting(
                "server.allowed_origins: every page may use a token, none a login: name the origins"
            )

    def _trust(self, settings: Settings, transport: httpx.AsyncBaseTransport | None) -> None:
        auth = settings.auth
        named = [(f"auth.issuers[{number}]", one) for number, one in enumerate(auth.issuers)]
        if not named or auth.secret or auth.public_key or auth.jwks_url:
            named.insert(0, ("auth", auth))
        for where, issuer in named:
            keys = Keys(issuer, where, transport, self._verified.clear)
            self._trusted[issuer.issuer] = Trusted(issuer, keys)
        self._published = [t.keys.published for t in self._trusted.values() if t.keys.published]

    @property
    def by_hook(self) -> bool:
        """Whether the host's own login decides, not a token."""
        return self._hook is not None

    async def open(self) -> None:
        """Fetches the issuers' keys ahead of the first token; starts without them if need be."""
        await asyncio.gather(*(published.refresh() for published in self._published))

    async def aclose(self) -> None:
        for published in self._published:
            await published.aclose()

    async def __call__(self, connection: HTTPConnection) -> Identity:
        """Raises Unauthenticated, Forbidden to a foreign page, and what else the hook raises."""
        if self._hook is None:
            return await self.verify(token_of(connection))
        # A browser sends cookies from any page; it shall not learn whether there is somebody.
        if self._is_foreign(connection):
            raise self._refuse_foreign(connection)
        try:
            answer = await self._hook(connection)
        except HTTPException as error:
            raise _as_refusal(error) from error
        if answer is None:
            raise Unauthenticated("Nobody is signed in.")
        return Identity(_answered(answer), None, None, None, by_hook=True)

    def _is_foreign(self, connection: HTTPConnection) -> bool:
        origins = connection.headers.getlist("origin")
        host = connection.headers.get("host", "")
        return bool(origins) and (len(origins) > 1 or is_foreign(origins[0], host, self._ours))

    def _refuse_foreign(self, connection: HTTPConnection) -> Forbidden:
        """Names both hosts: a proxy that replaces Host makes a site foreign to itself."""
        origin = ", ".join(connection.headers.getlist("origin"))[:200]
        host = connection.headers.get("host", "")[:200]
        refusal = Forbidden(
            f"This page of {origin!r} may not use your login at {host!r}. If the two are one site, "
            "let its proxy pass on the Host header, or name the page in server.allowed_origins."
        )
        if not self._has_refused_foreign:
            self._has_refused_foreign = True
            log.warning("origin refused: %s", refusal)
        return refusal

    async def verify(self, token: str) -> Identity:
        """Whose token this is; raises Unauthenticated."""
        if self._hook:
            raise Unauthenticated("The site signs its users in by itself; it takes no tokens here.")
        if len(token) > MAX_TOKEN or not _TOKEN.fullmatch(token):
            raise Unauthenticated(_NO_TOKEN)
        for published in self._published:
            published.refresh_if_old()
        fingerprint = sha256(token.encode()).digest()
        known = self._verified.get(fingerprint)
        if known and (known.expires_at or 0) > time():
            return known
        try:
            identity = await self._trusted_by(token).identity(token)
        except jwt.PyJWTError as error:
            raise Unauthenticated(_why(error)) from None
        self._remember(fingerprint, identity)
        return identity

    def _trusted_by(self, token: str) -> Trusted:
        """By what the token says of itself, which its signature has to prove."""
        header, claims, _ = token.split(".")
        _object(header)
        issuer = _object(claims).get("iss")
        if isinstance(issuer, str) and issuer in self._trusted:
            return self._trusted[issuer]
        if "" not in self._trusted:
            raise jwt.InvalidIssuerError
        return self._trusted[""]

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
    """Returns the token after Bearer among the subprotocols, else in the Authorization header.

    Raises Unauthenticated.
    """
    offered = list(connection.scope.get("subprotocols", ()))
    bearer = subprotocol_of(connection.scope)
    if bearer is not None and (after := offered[offered.index(bearer) + 1 :]):
        return str(after[0]).strip()  # httpx-ws leaves the blank after the comma
    headers = connection.headers.getlist("authorization")
    if not headers:
        raise Unauthenticated
    scheme, _, token = headers[0].partition(" ")
    if len(headers) > 1 or scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("One header is needed: Authorization: Bearer <token>.")
    return token.strip()


# ---------------------------------------------------------------- claims

_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_NO_TOKEN = "This is not a valid token."
_REASONS: dict[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "The token has expired.",
    jwt.ImmatureSignatureError: "The token is not valid yet (nbf).",
    jwt.InvalidAudienceError: "The token is meant for another audience (aud).",
    jwt.InvalidIssuerError: "The token comes from another issuer (iss).",
    jwt.InvalidAlgorithmError: "The token is signed with an algorithm that is not accepted here.",
    jwt.InvalidSignatureError: "The token's signature is wrong.",
}


def _object(segment: str) -> dict[str, Any]:
    """A part of a token: a JSON object that says nothing twice (RFC 7515, 4; RFC 7519, 4)."""
    try:
        text = urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode()
        found = json.loads(
            text, object_pairs_hook=_once, parse_float=_finite, parse_constant=_finite
        )
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unauthenticated(_NO_TOKEN)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError
    return number


def _why(error: jwt.PyJWTError) -> str:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"The token lacks the claim {error.claim}."
    return _REASONS.get(type(error), _NO_TOKEN)


def _identity(claims: dict[str, Any], issuer: Issuer) -> Identity:
    if not _is_number(claims["exp"]) or not _is_number(claims.get("nbf", 0)):
        raise Unauthenticated("The token's exp or nbf is not a number.")
    try:
        user_id = user_of(issuer.user_prefix + user_of(claims[issuer.user_claim]))
    except InvalidFrame:
        raise Unauthenticated(f"The token's claim {issuer.user_claim} is no user id.") from None
    expires_at = min(int(claims["exp"]), END_OF_TIME) + float(issuer.leeway)
    name, picture = name_of(claims.get("name")), picture_of(claims.get("picture"))
    return Identity(user_id, expires_at, name, picture, by_hook=False)


def _is_number(value: object) -> bool:
    """PyJWT takes "1700000000" and true for times; RFC 7519 doesn't."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_refusal(error: HTTPException) -> Exception:
    """Frameworks let their hooks say it so."""
    if error.status_code == 401:
        return Unauthenticated("Nobody is signed in.")
    return Forbidden() if error.status_code == 403 else error


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


def name_of(claim: object) -> str | None:
    """A name that may be shown; None for anything else."""
    if not isinstance(claim, str) or len(claim) > MAX_NAME or not is_clean(claim):
        return None
    name = _CONTROLS.sub("", claim).strip()
    return name if shows_something(name) else None


def picture_of(claim: object) -> str | None:
    """The address of a picture; None for anything else."""
    if not isinstance(claim, str) or len(claim) > MAX_PICTURE or not is_clean(claim):
        return None
    return claim if claim.isprintable() and " " not in claim and parts_of(claim) else None
