"""Delays between reconnection attempts."""

import random

FIRST_DELAY = 0.5  # seconds
MAX_DELAY = 30.0  # seconds


class Backoff:
    """Random delays whose upper bound doubles with each try, until `reset`."""

    def __init__(self, first: float = FIRST_DELAY, most: float = MAX_DELAY) -> None:
        self.tries = 0
        self._first = first
        self._most = most

    def next_delay(self, at_least: float = 0.0) -> float:
        """Return the seconds to wait: random, so that many clients do not reconnect at once."""
        bound = min(self._most, self._first * 2.0 ** min(self.tries, 16))
        self.tries += 1
        return at_least + random.uniform(bound / 10, bound)

    def reset(self) -> None:
        """Start over with a short delay: the last try succeeded."""
        self.tries = 0
