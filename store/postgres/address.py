"""The address of a PostgreSQL database: hosts, user, database, and the options that libpq knows.

`postgresql://user:password@host:5432,other:5432/database?sslmode=require&schema=chat`
"""

import asyncio
import re
import zlib
from typing import Any
from urllib.parse import parse_qsl, unquote

import asyncpg
from msgspec import Struct, field

from ..errors import CannotOpen
from .tls import SSL_OPTIONS, context_of

CONNECT_TIMEOUT = 1.5  # seconds for a connection to one host
DEFAULT_PORT = 5432
SCHEME_PATTERN = re.compile(r"postgres(?:ql)?://")
LOCATION_PATTERN = re.compile(r"(?P<hosts>[^@/?#]*)(?:/(?P<database>[^/?#]*))?(?:\?(?P<query>.*))?")
HOST_PATTERN = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^\[\]:]*)(?::(?P<port>[0-9]{1,5}))?")
SCHEMA_NAME_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
SESSION_KINDS = ("any", "primary", "standby", "read-write", "read-only", "prefer-standby")
# Options of libpq that are accepted and ignored.
IGNORED_OPTIONS = {
    "channel_binding", "client_encoding", "fallback_application_name", "gssencmode", "keepalives",
    "keepalives_count", "keepalives_idle", "keepalives_interval", "load_balance_hosts",
    "sslcompression", "sslsni", "tcp_user_timeout",
}  # fmt: skip
NOT_CONNECTED = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the host does not fit target_session_attrs
)
HostAndPort = tuple[str | None, int]


class PostgresAddress(Struct):
    """The address of a PostgreSQL database, and its credentials."""

    places: list[HostAndPort]
    user: str | None = None
    password: str | None = None
    database: str | None = None
    schema: str = ""
    connect_timeout: float = CONNECT_TIMEOUT
    options: dict[str, Any] = field(default_factory=dict)  # the driver's
    server_settings: dict[str, str] = field(default_factory=dict)
    tls: dict[str, str] = field(default_factory=dict)  # as the address has them, by libpq's names

    def __str__(self) -> str:
        """Return hosts and database, without user and password."""
        return f"{','.join(_shown(*place) for place in self.places)}/{self.database or ''}"

    @property
    def timeout(self) -> float:
        """Seconds for a connection to any of the hosts."""
        return self.connect_timeout * len(self.places)

    @property
    def search_path(self) -> str:
        """The statement that selects our schema; empty if the address names none."""
        return f'SET search_path TO "{self.schema}"; ' if self.schema else ""

    def lock_key(self, key: int) -> int:
        """Return the key of an advisory lock, different for each schema."""
        return (zlib.crc32(self.schema.encode()) & 0x7FFFFFFF) << 32 | key if self.schema else key

    async def connect(self, **options: Any) -> Any:
        """Connect to the first host that accepts; the last one that did is tried first."""
        given = {**self.options, **options}
        given["server_settings"] = {**given.get("server_settings", {}), **self.server_settings}
        given.pop("timeout", None)
        errors: list[Exception] = []
        for host, port in list(self.places):
            try:
                async with asyncio.timeout(self.connect_timeout):
                    connection = await asyncpg.connect(
                        host=host, port=port, user=self.user, password=self.password,
                        database=self.database, **given,
                    )  # fmt: skip
            except NOT_CONNECTED as error:
                errors.append(error)
                continue
            self.places.sort(key=lambda place: place != (host, port))
            return connection
        raise errors[0]


def parse_postgres_url(url: str) -> PostgresAddress:
    """Parse a URL. Raises CannotOpen with a sentence that has no secret in it."""
    start = SCHEME_PATTERN.match(url)
    if start is None:
        raise CannotOpen("database.url: postgresql://user:password@host/database is needed.")
    account, place = _split(url[start.end() :])
    query = _query(place["query"] or "")
    user, _, password = account.partition(":")
    address = PostgresAddress(
        _places(query.pop("host", "") or place["hosts"], query.pop("port", "")),
        query.pop("user", "") or unquote(user) or None,
        query.pop("password", "") or unquote(password) or None,
        query.pop("dbname", "") or unquote(place["database"] or "") or None,
    )
    _take_options(address, query)
    return address


def _split(rest: str) -> tuple[str, re.Match[str]]:
    """Split the account from the rest. A password may contain any character, even @ and /."""
    marks = [i for i, character in enumerate(rest) if character == "@"] or [-1]
    for mark in marks:
        if found := LOCATION_PATTERN.fullmatch(rest, mark + 1):
            return rest[: max(mark, 0)], found
    raise CannotOpen(
        "database.url: what follows the password is not host:port/database?option=value. A # in an "
        "option is written %23."
    )


def _query(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)))
    except ValueError:
        raise CannotOpen("database.url: options are written ?name=value&name=value.") from None


def _places(hosts: str, ports: str) -> list[HostAndPort]:
    """Return hosts and ports, in their order; a folder is that of the server's socket."""
    given = ports.split(",")
    places: list[HostAndPort] = []
    for number, each in enumerate(hosts.split(",")):
        host = unquote(each)
        port = given[number] if len(given) > number else given[-1]
        if not host.startswith("/"):
            found = HOST_PATTERN.fullmatch(host)
            if found is None:
                raise CannotOpen("database.url: the host or its port is not one.")
            host, port = found["name"].strip("[]"), found["port"] or port
        places.append((host or None, _integer("port", port or str(DEFAULT_PORT), 1, 65_535)))
    return places


def _take_options(address: PostgresAddress, query: dict[str, str]) -> None:
    options = address.options
    address.tls = {name: query.pop(name) for name in SSL_OPTIONS if name in query}
    options |= context_of(address.tls)
    if (size := query.pop("statement_cache_size", None)) is not None:
        options["statement_cache_size"] = _integer("statement_cache_size", size, 0, 100_000)
    if (seconds := query.pop("connect_timeout", None)) is not None:
        address.connect_timeout = _integer("connect_timeout", seconds, 1, 60)
    for name in ("application_name", "options"):
        if name in query:
            address.server_settings[name] = query.pop(name)
    several = "read-write" if len(address.places) > 1 else "any"
    kind = query.pop("target_session_attrs", several)
    address.schema = query.pop("schema", "")
    _check_names(address, kind, query)
    if kind != "any":
        options["target_session_attrs"] = kind


def _check_names(address: PostgresAddress, kind: str, rest: dict[str, str]) -> None:
    if kind not in SESSION_KINDS:
        raise CannotOpen(
            f"database.url: target_session_attrs is one of {', '.join(SESSION_KINDS)}."
        )
    if address.schema and not SCHEMA_NAME_PATTERN.fullmatch(address.schema):
        raise CannotOpen("database.url: schema is a name of letters, digits and underscores.")
    if unknown := [name for name in rest if name not in IGNORED_OPTIONS]:
        raise CannotOpen(f"database.url: unknown option {unknown[0][:40]}.")


def _integer(name: str, text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdecimal() or not least <= int(text) <= most:
        raise CannotOpen(f"database.url: {name} is a number from {least} to {most:,}.")
    return int(text)


def _shown(host: str | None, port: int) -> str:
    if host is None or host.startswith("/"):
        return host or "the local socket"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
