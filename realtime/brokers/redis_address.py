"""URLs of several Redis servers: the nodes of a cluster, or the sentinels that know the primary."""

from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

HostAndPort = tuple[str, int]  # host and port


class RedisUrl(NamedTuple):
    """The parts of redis+sentinel:// and redis+cluster:// URLs."""

    places: list[HostAndPort]
    account: str  # user:password@, as it is quoted in the URL, or nothing
    path: str
    query: dict[str, str]
    is_secure: bool

    def at(self, place: HostAndPort, database: str = "0", account: str | None = None) -> str:
        """Return the URL of one server, for redis-py; a number after the slash is its database."""
        host, port = place
        scheme = "rediss" if self.is_secure else "redis"
        shown = f"[{host}]" if ":" in host else host
        query = f"?{urlencode(self.query)}" if self.query else ""
        account = self.account if account is None else account
        return f"{scheme}://{account}{shown}:{port}/{database}{query}"


def parse_redis_url(url: str, default_port: int) -> RedisUrl:
    """Splits `redis+sentinel://user:password@host:port,host:port/path?option=value`.

    Raises ValueError with a sentence that has no secret in it.
    """
    parts = urlsplit(url)
    account, at, hosts = parts.netloc.rpartition("@")
    places = [_place(text, default_port) for text in hosts.split(",")]
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    path = unquote(parts.path.removeprefix("/"))
    return RedisUrl(places, account + at, path, query, parts.scheme.startswith("rediss"))


def _place(text: str, default_port: int) -> HostAndPort:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host:
        raise ValueError("Servers are written host:port,host:port, with a number for each port.")
    return host, port or default_port
