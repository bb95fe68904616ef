"""Sources of a user's token, and the time when it must be renewed."""

import base64
import inspect
import json
import time
from collections.abc import Awaitable, Callable

TokenSource = str | Callable[[], str | Awaitable[str]]

RENEWAL_SHARE = 0.8  # of a token's lifetime, after which it is renewed
MIN_RENEWAL_DELAY = 0.5  # seconds


class Tokens:
    """Gets tokens from a callable, or returns the given one."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source
        self.current = ""

    @property
    def is_renewable(self) -> bool:
        """Whether there can be another token than the current one."""
        return not isinstance(self._source, str)

    async def fetch(self) -> str:
        """Return a token for a connection; a callable is called each time."""
        token = self._source if isinstance(self._source, str) else self._source()
        self.current = await token if inspect.isawaitable(token) else token
        return self.current

    def renewal_delay(self) -> float | None:
        """Return the seconds until the token should be renewed, or None if it has no end."""
        expires_at = _expiry_of(self.current)
        if not self.is_renewable or expires_at is None:
            return None
        return max(MIN_RENEWAL_DELAY, (expires_at - time.time()) * RENEWAL_SHARE)


def _expiry_of(token: str) -> float | None:
    """The `exp` of a JWT in seconds since 1970; its signature is not checked."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, ValueError, KeyError, TypeError):
        return None
