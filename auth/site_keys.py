"""The keys of the server API, and the tokens that they can sign for users."""

import time
from collections.abc import Sequence
from hashlib import sha256
from hmac import compare_digest

import jwt
from starlette.requests import HTTPConnection

from ..protocol.errors import InvalidFrame, NotFound, Unauthenticated
from ..settings.model import AuthSettings
from .tokens import token_of

FINGERPRINT_LENGTH = 8  # hexadecimal digits of a key's hash that the audit log shows
NO_KEY = "A key of server_api.keys is needed: Authorization: Bearer <key>."
MAX_TTL = 366 * 86_400.0  # seconds


class SiteKeys:
    """The keys by their hashes, which are compared in constant time."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._hashes = [sha256(key.encode()).digest() for key in keys]

    def check(self, connection: HTTPConnection) -> str:
        """Return the fingerprint of the key. Raises Unauthenticated."""
        try:
            given = token_of(connection)
        except Unauthenticated:
            raise Unauthenticated(NO_KEY) from None
        digest = sha256(given.encode("utf-8", "surrogateescape")).digest()
        matches = [compare_digest(digest, known) for known in self._hashes]
        if not any(matches):
            raise Unauthenticated("This is not one of the keys of this server.")
        return digest.hex()[:FINGERPRINT_LENGTH]


def sign_token(auth: AuthSettings, user_id: str, ttl: float) -> tuple[str, int]:
    """Return a token of this user, and when it expires, in seconds since 1970.

    Raises NotFound if tokens are not checked by a secret, and InvalidFrame.
    """
    if not (auth.secret and auth.hmac):
        raise NotFound("This server signs no tokens: auth.secret is not what checks them.")
    if not 1 <= ttl <= MAX_TTL:
        raise InvalidFrame(f"ttl: a number of seconds from 1 to {MAX_TTL:.0f} is needed.")
    if not user_id.startswith(auth.user_prefix):
        raise InvalidFrame(f"user_id: it has to start with {auth.user_prefix}.")
    expires_at = int(time.time() + ttl)
    claims: dict[str, object] = {auth.user_claim: user_id.removeprefix(auth.user_prefix)}
    claims["exp"] = expires_at
    given = {"aud": auth.audience, "iss": auth.issuer}
    claims |= {claim: value for claim, value in given.items() if value}
    return jwt.encode(claims, auth.secret, auth.hmac[0]), expires_at
