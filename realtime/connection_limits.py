"""Limits of connections at the same time: of one address, of one user, in all."""

from collections import Counter

import msgspec


class CountLimit:
    """Counts what each key has open; 0 is no limit."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: Counter[str] = Counter()

    def enter(self, key: str | None) -> bool:
        """Whether one more is allowed: then it counts until it leaves."""
        if key is None or not self._most:
            return True
        if self._counts[key] >= self._most:
            return False
        self._counts[key] += 1
        return True

    def leave(self, key: str | None) -> None:
        if key is not None and key in self._counts:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]


class ConnectionLimits(msgspec.Struct):
    """For connections of which nothing is known but where they come from; 0 is no limit.

    Addresses in `proxies` are not counted: many clients stand behind each of them.
    """

    most: int
    addresses: CountLimit
    proxies: frozenset[str]

    def enter(self, address: str | None, connections: int) -> str | None:
        """Why the connection is one too many, or None: then it counts until it leaves."""
        if self.most and connections > self.most:
            return "too many connections"
        if address not in self.proxies and not self.addresses.enter(address):
            return "too many connections from this address"
        return None

    def leave(self, address: str | None) -> None:
        if address not in self.proxies:
            self.addresses.leave(address)
