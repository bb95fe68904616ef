"""A Redis or Valkey primary behind Sentinel: each connection asks the sentinels for its address.

`redis+sentinel://:password@sentinel:26379,other:26379/mymaster/0`; the password is that of the
servers, `sentinel_username` and `sentinel_password` are options. After a planned switchover,
Sentinel disconnects the clients of the former primary only ten seconds later. So the link asks the
sentinels every two seconds, and refuses a server that is not a primary.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from .backend import Backend
from .connection import Link, OnMessage, Unreachable
from .redis import RedisLink, connections_to
from .redis_address import parse_redis_url

SENTINEL_PORT = 26_379
ANSWER_TIMEOUT = 1.0  # seconds for each sentinel
ASK_INTERVAL = 2.0  # seconds between two requests for the address of the primary
PRIMARY_ROLES = (b"master", "master")

NewConnection = Callable[[], AbstractConnection]


class SentinelLink(RedisLink):
    """A link to the server that is the primary when the link is opened."""

    def __init__(
        self, on_message: OnMessage, connection: Any, sentinels: list[NewConnection], service: str
    ) -> None:
        super().__init__(on_message, connection, f"roomcast:{connection.db}:")
        self._sentinels = sentinels
        self._service = service

    async def open(self) -> None:
        """Connect to the primary. Raises Unreachable if no sentinel knows one that answers so."""
        connection: Any = self._connection
        connection.host, connection.port = await self._find_primary()
        await connection.connect()
        role = await ask(connection, "ROLE")
        if role[0] not in PRIMARY_ROLES:
            raise Unreachable(f"{self._service} is being replaced")
        await super().open()
        self._start(self._watch_primary((connection.host, connection.port)))

    def may_pass(self, error: Exception) -> bool:
        """Also where no sentinel knows a primary yet."""
        return isinstance(error, Unreachable) or super().may_pass(error)

    async def _watch_primary(self, taken: tuple[str, int]) -> None:
        """Fail the link when another server is the primary; ignore unreachable sentinels."""
        while True:
            await asyncio.sleep(ASK_INTERVAL)
            with suppress(Unreachable):
                if await self._find_primary() != taken:
                    break
        self.fail(Unreachable(f"{self._service} is another server now"))

    async def _find_primary(self) -> tuple[str, int]:
        """Return the primary's address by the first sentinel that answers, which moves to front."""
        errors: list[str] = []
        for new_connection in list(self._sentinels):
            connection = new_connection()
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT):
                    await connection.connect()  # type: ignore[no-untyped-call]
                    question = "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._service
                    found = await ask(connection, *question)
            except (OSError, TimeoutError, RedisError) as error:
                errors.append(str(error) or type(error).__name__)
                continue
            finally:
                await connection.disconnect(nowait=True)
            if found is None:
                errors.append(f"the sentinel knows no {self._service}")
                continue
            self._sentinels.sort(key=lambda each: each is not new_connection)
            host, port = found
            return _text(host), int(port)
        raise Unreachable("; ".join(errors))


class SentinelBackend(Backend):
    """A broker on the primary that sentinels name."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        parsed = parse_redis_url(url, SENTINEL_PORT)
        self._service, _, database = parsed.path.partition("/")
        if not self._service or not (database or "0").isdecimal():
            raise ValueError(
                "redis+sentinel:// needs the name that the sentinels give to the server, and may "
                "name a database: redis+sentinel://host:26379,host:26379/mymaster/0"
            )
        names = [parsed.query.pop(f"sentinel_{part}", "") for part in ("username", "password")]
        account = f"{':'.join(quote(name, safe='') for name in names)}@" if any(names) else ""
        self._new_connection = connections_to(parsed.at(parsed.places[0], database or "0"))
        self._sentinels = [
            connections_to(parsed.at(place, account=account)) for place in parsed.places
        ]

    def _new_link(self) -> Link:
        return SentinelLink(
            self._on_message, self._new_connection(), self._sentinels, self._service
        )


async def ask(connection: AbstractConnection, *words: str) -> Any:
    """Send one command on a connection without subscriptions. Raises RedisError."""
    await connection.send_command(*words)
    return await connection.read_response()


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
