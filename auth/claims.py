"""The claims of a verified token: the user, the time it ends, a name and a picture."""

import re
from dataclasses import dataclass
from typing import Any

from ..protocol.errors import InvalidFrame, Unauthenticated
from ..protocol.ids import is_clean, user_of
from ..protocol.text import shows_something
from ..settings import Issuer
from .origins import parts_of

MAX_NAME_LENGTH = 200
MAX_PICTURE_LENGTH = 2_000
MAX_EXPIRY = 253_370_764_800  # 9999-01-01: the last date that is supported, with some leeway


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated user. `expires_at` is in Unix seconds, leeway included; None from a hook."""

    user_id: str
    expires_at: float | None
    name: str | None
    picture: str | None
    by_hook: bool


def identity_of(claims: dict[str, Any], issuer: Issuer) -> Identity:
    """Return the user of the claims. Raises Unauthenticated."""
    if not _is_number(claims["exp"]) or not _is_number(claims.get("nbf", 0)):
        raise Unauthenticated("The token's exp or nbf is not a number.")
    try:
        user_id = user_of(issuer.user_prefix + user_of(claims[issuer.user_claim]))
    except InvalidFrame:
        raise Unauthenticated(f"The token's claim {issuer.user_claim} is no user id.") from None
    expires_at = min(int(claims["exp"]), MAX_EXPIRY) + float(issuer.leeway)
    name, picture = name_of(claims.get("name")), picture_of(claims.get("picture"))
    return Identity(user_id, expires_at, name, picture, by_hook=False)


def _is_number(value: object) -> bool:
    """PyJWT takes "1700000000" and true for times; RFC 7519 doesn't."""
    return isinstance(value, int | float) and not isinstance(value, bool)


# Line breaks, other controls, and characters that turn the direction of text around a name.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def name_of(claim: object) -> str | None:
    """Return a name that may be shown, or None."""
    if not isinstance(claim, str) or len(claim) > MAX_NAME_LENGTH or not is_clean(claim):
        return None
    name = _CONTROLS.sub("", claim).strip()
    return name if shows_something(name) else None


def picture_of(claim: object) -> str | None:
    """Return the address of a picture, or None."""
    if not isinstance(claim, str) or len(claim) > MAX_PICTURE_LENGTH or not is_clean(claim):
        return None
    return claim if claim.isprintable() and " " not in claim and parts_of(claim) else None
