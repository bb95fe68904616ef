"""How much one client may do: so many actions a second, so many at once."""

import time

from ..protocol.errors import Close, Closing, RateLimited
from ..settings import Limits

WATCHED = 10_000  # users whose HTTP requests this process counts


class Meter:
    """A token bucket: so many actions a second, so many at once."""

    __slots__ = ("_burst", "_last", "_left", "_patience", "_rate", "_refused", "_since")

    def __init__(self, limits: Limits) -> None:
        self._rate = limits.actions_per_second
        self._burst = limits.actions_burst
        self._patience = limits.actions_patience
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

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._meters: dict[str, Meter] = {}

    def take(self, user_id: str) -> None:
        """Raises RateLimited, however long it goes on."""
        meter = self._meters.pop(user_id, None) or Meter(self._limits)
        if len(self._meters) >= WATCHED:
            del self._meters[next(iter(self._meters))]  # the one that was quiet for longest
        self._meters[user_id] = meter
        try:
            meter.take()
        except Closing:
            raise RateLimited from None
