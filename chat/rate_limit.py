"""How much one client may do: so many actions a second, so many at once."""

import time

from ..protocol.errors import Close, Closing, RateLimited
from ..settings import RateLimit

WATCHED = 10_000  # users whose HTTP requests this process counts


class Meter:
    """A token bucket: so many actions a second, so many at once."""

    __slots__ = ("_burst", "_last", "_left", "_patience", "_rate", "_refused", "_since")

    def __init__(self, rate_limit: RateLimit) -> None:
        self._rate = rate_limit.rate
        self._burst = rate_limit.burst
        self._patience = rate_limit.grace
        self._left = float(self._burst)
        self._last = time.monotonic()
        self._since = self._refused = 0.0

    def take(self) -> None:
        """Raises RateLimited; after long excess Closing."""
        if not self._rate:
            return
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._last) * self._rate)
        self._last = now
        if self._left < 1:
            self._refuse(now)
        self._left -= 1

    def _refuse(self, now: float) -> None:
        if now - self._refused > 1:  # it had kept to the limit for a while
            self._since = now
        self._refused = now
        if now - self._since >= self._patience:
            raise Closing(Close.RATE_LIMITED)
        raise RateLimited


class Meters:
    """One for each user, for requests that have no socket to count by."""

    def __init__(self, rate_limit: RateLimit) -> None:
        self._rate_limit = rate_limit
        self._meters: dict[str, Meter] = {}

    def take(self, user_id: str) -> None:
        """Raises RateLimited, however long it goes on."""
        meter = self._meters.pop(user_id, None) or Meter(self._rate_limit)
        if len(self._meters) >= WATCHED:
            del self._meters[next(iter(self._meters))]  # the one that was quiet for longest
        self._meters[user_id] = meter
        try:
            meter.take()
        except Closing:
            raise RateLimited from None
