"""Brokers carry events between processes: two backends for broadcaster that report gaps.

After `subscribe` has returned, whatever is published on the channel comes out of it, or `GAP` does.
A publish that raised Unreachable becomes a GAP too, in every process, once the broker is back.

A process follows many users and would pay for a subscriber each: so it subscribes to the backend
for `USER_PREFIX` + user, and with broadcaster once to `USERS_CHANNEL`,
where the events of all users come out. There a `GAP` alone
is about all users, and one that is followed by a user id is about that user.
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
    """The backend of a URL: redis://, redis+sentinel://, redis+cluster:// or postgresql://.

    Raises ValueError for any other, and Unreachable where its library is not installed.
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
