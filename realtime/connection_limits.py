"""Limits of simultaneous connections: of one address, of one user, in total."""

from collections import Counter

import msgspec


class CountLimit:
    """Counts the open connections of each key; a limit of 0 is no limit."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: Counter[str] = Counter()

    def enter(self, key: str | None) -> bool:
        """Count one more connection, until `leave`; return False if it is above the limit."""
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
    """The limits for connections before they are authenticated; 0 is no limit.

    Addresses in `proxies` are not counted: many clients share each of them.
    """

    most: int
    addresses: CountLimit
    proxies: frozenset[str]

    def enter(self, address: str | None, connections: int) -> str | None:
        """Return why the connection is above a limit, or None and count it until `leave`."""
        if self.most and connections > self.most:
            return "too many connections"
        if address not in self.proxies and not self.addresses.enter(address):
            return "too many connections from this address"
        return None

    def leave(self, address: str | None) -> None:
        if address not in self.proxies:
            self.addresses.leave(address)
