"""PostgreSQL's LISTEN and NOTIFY as a broker: two connections a process, and no other server.

All rooms share one channel of PostgreSQL, and each process selects the messages of its own rooms.
So a subscription costs nothing, and messages of many rooms at the same time share a notification. A
message that does not fit into one (about 7,900 bytes) is sent as a GAP: subscribers read the
database.

LISTEN belongs to a session. PgBouncer in transaction mode gives the session to another client, so
no message would be received: then connecting fails. The URL must lead to the server itself.
"""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import count, islice

import asyncpg
import msgspec

from ...store.errors import CannotOpen
from ...store.postgres.address import PostgresAddress, parse_postgres_url
from .backend import OPEN_TIMEOUT, Backend
from .connection import GAP, Failure, Link, OnMessage, Publish, Unreachable, log

NOTIFY_CHANNEL = "roomcast"
SERVER_SETTINGS = {"application_name": "roomcast broker"}
NOTIFY_QUERY = "select pg_notify($1, bundle) from unnest($2::text[]) as bundle"
MAX_NOTIFICATION_SIZE = 7_999  # bytes that a notification may carry
HEAD_SIZE = 32  # bytes of a bundle's head beside its parts
PUBLISHES_PER_STATEMENT = 1_000  # publishes in one statement
LEFT_OUT_LENGTH = -1  # the length that stands for a message that was left out

Head = tuple[int, list[tuple[str, int]]]  # a number, then channel and length of each message

_decode_head = msgspec.json.Decoder(Head).decode
_encode = msgspec.json.encode


class PostgresLink(Link):
    mute = "a NOTIFY does not return; the URL must lead to the server itself, not to a pooler"

    def __init__(self, on_message: OnMessage, address: PostgresAddress, channel: str) -> None:
        super().__init__(on_message)
        self._address = address
        self._channel = channel
        self._connections: list[asyncpg.Connection] = []
        self._is_due = asyncio.Event()
        self._numbers_of_bundles = count()

    async def open(self) -> None:
        await (await self._connect()).add_listener(self._channel, self._notified)
        # A connection of its own: on the listening one, the effect of a pooler would not show.
        publisher = await self._connect()
        self._start(self._publish(await publisher.prepare(NOTIFY_QUERY)))

    def may_pass(self, error: Exception) -> bool:
        return isinstance(error, asyncpg.CannotConnectNowError) or super().may_pass(error)

    async def _connect(self) -> asyncpg.Connection:
        async with asyncio.timeout(OPEN_TIMEOUT):
            connection: asyncpg.Connection = await self._address.connect(
                statement_cache_size=0, server_settings=SERVER_SETTINGS
            )
        self._connections.append(connection)
        connection.add_termination_listener(self._terminated)
        return connection

    async def close(self) -> None:
        # First the connections: cancelling a statement would open another connection.
        for connection in self._connections:
            connection.terminate()
        await super().close()

    def _terminated(self, _: object) -> None:
        self.fail(ConnectionError("the connection was closed"))

    def subscribe(self, channels: Iterable[str]) -> Failure:
        """Return a future that is done: the one channel is subscribed already."""
        done: Failure = self._future()
        done.set_result(self.lost.result() if self.lost.done() else None)
        return done

    def unsubscribe(self, channels: Iterable[str]) -> None: ...

    def _send(self, publish: Publish) -> None:
        self._is_due.set()

    async def _publish(self, notify: asyncpg.prepared_stmt.PreparedStatement) -> None:
        """Publish in batches: what arrives during one statement goes into the next."""
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            while some := list(islice(self.unanswered, PUBLISHES_PER_STATEMENT)):
                bundles = list(bundled(some, self._numbers_of_bundles))
                await notify.fetch(self._channel, bundles)
                self.received += 1
                for _ in some:
                    self._answered()

    def _notified(self, connection: object, pid: int, channel: str, bundle: str) -> None:
        self.received += 1
        try:
            for name, message in unbundled(bundle):
                self._take(name, message)
        except msgspec.DecodeError:
            log.warning("notification of another program ignored: channel=%s", self._channel)


def bundled(publishes: Iterable[Publish], numbers: Iterator[int]) -> Iterator[str]:
    """Yield as few notifications as possible, numbered, since PostgreSQL drops equal ones."""
    parts: list[tuple[str, int]] = []
    messages: list[str] = []
    space = MAX_NOTIFICATION_SIZE - HEAD_SIZE
    for channel, message, *_ in publishes:
        part, text = (channel, len(message)), message
        size = size_of(part, text)
        if size > MAX_NOTIFICATION_SIZE - HEAD_SIZE or "\0" in message:
            part, text = (channel, LEFT_OUT_LENGTH), ""
            size = size_of(part, text)
        if size > space:
            yield bundle_of(next(numbers), parts, messages)
            parts, messages, space = [], [], MAX_NOTIFICATION_SIZE - HEAD_SIZE
        parts.append(part)
        messages.append(text)
        space -= size
    yield bundle_of(next(numbers), parts, messages)


def size_of(part: tuple[str, int], message: str) -> int:
    return len(_encode(part)) + 1 + len(message.encode())


def bundle_of(number: int, parts: list[tuple[str, int]], messages: list[str]) -> str:
    return "\n".join([_encode((number, parts)).decode(), "".join(messages)])


def unbundled(bundle: str) -> Iterator[tuple[str, str]]:
    head, _, messages = bundle.partition("\n")
    at = 0
    for channel, length in _decode_head(head)[1]:
        if length == LEFT_OUT_LENGTH:
            yield channel, GAP
        else:
            yield channel, messages[at : at + length]
            at += length


class PostgresBackend(Backend):
    """Takes the addresses that `database.url` takes. Raises Unreachable for others."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        try:
            self._address = parse_postgres_url(url)
        except CannotOpen as error:
            raise Unreachable(str(error).replace("database.url", "broadcast.url")) from None
        schema = self._address.schema
        self._channel = (
            f"{NOTIFY_CHANNEL}_{schema}" if schema else NOTIFY_CHANNEL
        )  # each schema's own

    def _new_link(self) -> Link:
        return PostgresLink(self._on_message, self._address, self._channel)
