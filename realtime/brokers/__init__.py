"""Brokers carry events between processes: two backends for broadcaster that report gaps.

After `subscribe` has returned, the subscriber receives each message that is published on the
channel, or `GAP` in its place. A publish that raised Unreachable also becomes a GAP in every
process, once the broker is available again.

A process follows many users, and one subscriber of broadcaster for each would cost too much. So it
subscribes the backend to `USER_PREFIX` + user for each of them, and broadcaster once to
`USERS_CHANNEL`, which delivers the events of all of them. A `GAP` alone on that channel concerns
all users; a `GAP` that is followed by a user id concerns this user.
"""

from .backend import Backend
from .connection import GAP, USER_PREFIX, USERS_CHANNEL, NotYetReachable, Unreachable

__all__ = [
    "GAP",
    "USERS_CHANNEL",
    "USER_PREFIX",
    "Backend",
    "NotYetReachable",
    "Unreachable",
    "backend_of",
]


def backend_of(url: str) -> Backend:
    """Return the backend of a redis://, redis+sentinel://, redis+cluster:// or postgresql:// URL.

    Raises ValueError for any other URL, and Unreachable if the library is not installed.
    """
    scheme = url.partition("://")[0]
    try:
        if scheme in ("redis+sentinel", "rediss+sentinel"):
            from .redis_sentinel import SentinelBackend

            return SentinelBackend(url)
        if scheme in ("redis+cluster", "rediss+cluster"):
            from .redis_cluster import ClusterBackend

            return ClusterBackend(url)
        if scheme in ("redis", "rediss"):
            from .redis import RedisBackend

            return RedisBackend(url)
        if scheme in ("postgresql", "postgres"):
            from .postgres import PostgresBackend

            return PostgresBackend(url)
    except ModuleNotFoundError as error:
        extra = "redis" if scheme.startswith("redis") else "postgres"
        package = str(error.name).partition(".")[0]
        raise Unreachable(
            f"broadcast.url: {scheme}:// needs {package}: pip install 'roomcast[{extra}]'."
        ) from None
    raise ValueError(
        f"{scheme}:// is no broker: use redis://, redis+sentinel://, redis+cluster:// or postgresql://"
    )
