"""Brokers carry events between processes: two backends for broadcaster that tell what they lose.

After `subscribe` has returned, whatever is published on the channel comes out of it, or `GAP` does.
A publish that raised Unreachable becomes a GAP too, in every process, once the broker is back.
"""

from .backend import Backend
from .link import GAP, Unreachable

__all__ = ["GAP", "Backend", "Unreachable", "backend_of"]


def backend_of(url: str) -> Backend:
    """The backend for redis://, rediss://, postgresql:// or postgres://; else ValueError."""
    scheme = url.partition("://")[0]
    if scheme in ("redis", "rediss"):
        from .redis import RedisBackend

        return RedisBackend(url)
    if scheme in ("postgresql", "postgres"):
        from .postgres import PostgresBackend

        return PostgresBackend(url)
    raise ValueError(f"{scheme}:// is no broker: use redis://, rediss:// or postgresql://")
