"""The token of a connection: finding it, and reading it before its signature is checked."""

import json
import re
from base64 import urlsafe_b64decode
from math import isfinite
from typing import Any

import jwt
from starlette.requests import HTTPConnection
from starlette.types import Scope

from ..protocol.errors import Unauthenticated

MAX_TOKEN_LENGTH = 16_384  # characters

TOKEN_PATTERN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
NO_TOKEN = "This is not a valid token."
_REASONS: dict[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "The token has expired.",
    jwt.ImmatureSignatureError: "The token is not valid yet (nbf).",
    jwt.InvalidAudienceError: "The token is meant for another audience (aud).",
    jwt.InvalidIssuerError: "The token comes from another issuer (iss).",
    jwt.InvalidAlgorithmError: "The token is signed with an algorithm that is not accepted here.",
    jwt.InvalidSignatureError: "The token's signature is wrong.",
}


def subprotocol_of(scope: Scope) -> str | None:
    """Return Bearer as the client spelled it, to echo it without the token."""
    return next((name for name in scope.get("subprotocols", ()) if name.lower() == "bearer"), None)


def token_of(connection: HTTPConnection) -> str:
    """Return the token after Bearer among the subprotocols, else in the Authorization header.

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


def object_of(segment: str) -> dict[str, Any]:
    """Decode a part of a token: a JSON object without repeated names (RFC 7515, 4; RFC 7519, 4)."""
    try:
        text = urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode()
        found = json.loads(
            text, object_pairs_hook=_once, parse_float=_finite, parse_constant=_finite
        )
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unauthenticated(NO_TOKEN)
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


def reason_of(error: jwt.PyJWTError) -> str:
    """Return why a token was refused, as a sentence for its user."""
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"The token lacks the claim {error.claim}."
    return _REASONS.get(type(error), NO_TOKEN)
