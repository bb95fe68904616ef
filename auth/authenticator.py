"""Authenticate a connection as a user, by a signed token (JWT) or by the host's hook."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from hashlib import sha256
from time import time

import httpx
import jwt
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from ..protocol.errors import Forbidden, InvalidFrame, Unauthenticated
from ..protocol.ids import user_of
from ..settings import BadSetting, Issuer, Settings
from .claims import Identity, identity_of
from .keys import Keys, PublishedKeys
from .origins import is_foreign, origin_of
from .tokens import MAX_TOKEN_LENGTH, NO_TOKEN, TOKEN_PATTERN, object_of, reason_of, token_of

log = logging.getLogger("roomcast.auth")

MAX_VERIFIED_TOKENS = 4_096  # tokens whose signature is not checked again

Hook = Callable[[HTTPConnection], Awaitable[str | int | None]]


class Trusted:
    """A trusted issuer: the claims that its tokens must have, and the keys that verify them."""

    def __init__(self, issuer: Issuer, keys: Keys) -> None:
        self._issuer = issuer
        self.keys = keys
        self._jwt = jwt.PyJWT(
            {
                "require": ["exp", issuer.user_claim],
                "verify_aud": bool(issuer.audience),
                "verify_iat": False,  # depends on another clock; exp and nbf are checked
                "verify_sub": False,  # an integer is a user id too
                "verify_jti": False,
                "enforce_minimum_key_length": True,
            }
        )

    async def identity(self, token: str) -> Identity:
        """Return the user of a token. Raises Unauthenticated and PyJWTError."""
        key = await self.keys.key_of(jwt.get_unverified_header(token))
        try:
            claims = self._jwt.decode(
                token,
                key.material,
                algorithms=key.algorithms,
                audience=self._issuer.audience or None,
                issuer=self._issuer.issuer or None,
                leeway=self._issuer.leeway,
            )
        except TypeError:  # older releases of PyJWT compute with an exp that is a list
            raise jwt.DecodeError from None
        return identity_of(claims, self._issuer)


class Authenticator:
    """Authenticates connections by the host's hook if there is one, otherwise by tokens."""

    def __init__(
        self,
        settings: Settings,
        hook: Hook | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Raise BadSetting if the settings could never accept a token."""
        server = settings.server
        ours = origin_of(server.public_url)
        self._ours = (*([ours] if ours else []), *server.allowed_origins)
        self._hook = hook
        self._has_refused_foreign = False  # whether a refusal was logged
        self.verified: dict[bytes, Identity] = {}
        self.key_sets: list[PublishedKeys] = []
        self._trusted: dict[str, Trusted] = {}  # by the iss of their tokens; "" is any
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
            keys = Keys(issuer, where, transport, self.verified.clear)
            self._trusted[issuer.issuer] = Trusted(issuer, keys)
        self.key_sets = [t.keys.published for t in self._trusted.values() if t.keys.published]

    @property
    def by_hook(self) -> bool:
        """Whether the host's own login is used instead of tokens."""
        return self._hook is not None

    async def open(self) -> None:
        """Fetch the issuers' keys ahead of the first token; start without them if necessary."""
        await asyncio.gather(*(published.refresh() for published in self.key_sets))

    async def aclose(self) -> None:
        for published in self.key_sets:
            await published.aclose()

    async def authenticate(self, connection: HTTPConnection) -> Identity:
        """Return the user of a connection.

        Raises Unauthenticated, Forbidden to a page of another origin, and errors of the hook."""
        if self._hook is None:
            return await self.verify(token_of(connection))
        # A browser sends cookies from any page, which must not learn whether they are valid.
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
        """Refuse pages of other origins. The log names both hosts: a proxy may replace Host."""
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
        """Return the user of a token. Raises Unauthenticated."""
        if self._hook:
            raise Unauthenticated("The site signs its users in by itself; it takes no tokens here.")
        if len(token) > MAX_TOKEN_LENGTH or not TOKEN_PATTERN.fullmatch(token):
            raise Unauthenticated(NO_TOKEN)
        for published in self.key_sets:
            published.refresh_if_old()
        fingerprint = sha256(token.encode()).digest()
        known = self.verified.get(fingerprint)
        if known and (known.expires_at or 0) > time():
            return known
        try:
            identity = await self._trusted_by(token).identity(token)
        except jwt.PyJWTError as error:
            raise Unauthenticated(reason_of(error)) from None
        self._remember(fingerprint, identity)
        return identity

    def _trusted_by(self, token: str) -> Trusted:
        """Choose the issuer that the unverified token names; its keys then verify the signature."""
        header, claims, _ = token.split(".")
        object_of(header)
        issuer = object_of(claims).get("iss")
        if isinstance(issuer, str) and issuer in self._trusted:
            return self._trusted[issuer]
        if "" not in self._trusted:
            raise jwt.InvalidIssuerError
        return self._trusted[""]

    def _remember(self, fingerprint: bytes, identity: Identity) -> None:
        self.verified.pop(fingerprint, None)
        if len(self.verified) >= MAX_VERIFIED_TOKENS:
            del self.verified[next(iter(self.verified))]
        self.verified[fingerprint] = identity


def _as_refusal(error: HTTPException) -> Exception:
    """Return the Refusal for an HTTPException that a host's hook raised."""
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
