"""Redis or Valkey: one connection a process publishes and listens (RESP3: Redis 6 or later).

`rediss://`, `ssl_ca_certs=` and the other options are redis-py's. The databases of a Redis server
share their channels, so the number of the database is part of a channel's name.
"""

import asyncio
import math
import socket
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from inspect import signature
from typing import Any

from redis import exceptions
from redis.asyncio.connection import AbstractConnection, Connection, DefaultParser, parse_url

from .backend import Backend
from .connection import GAP, Failure, Link, OnMessage, Publish, complete

MAX_MESSAGE_SIZE = 1 << 20  # bytes: a server drops a subscriber with 32 MiB of unread messages
POOL_OPTIONS = ("max_connections", "timeout", "health_check_interval")  # redis-py's, for a pool
# A connection that was given up on may try to send for 10 s, not for the kernel's 15 minutes.
SOCKET_OPTIONS = {socket.TCP_USER_TIMEOUT: 10_000} if hasattr(socket, "TCP_USER_TIMEOUT") else {}


class QuietParser(DefaultParser):  # type: ignore[misc,valid-type]
    """A parser that logs nothing: redis-py's own logs each event, texts included, at debug."""

    async def handle_pubsub_push_response(self, response: object) -> object:
        return response


def is_silent(error: Exception) -> bool:
    """Whether nobody answered, or only that the server is loading; not that it has refused us."""
    is_refusal = isinstance(error, exceptions.AuthenticationError) or "CERTIFICATE" in str(error)
    silent = exceptions.ConnectionError, exceptions.TimeoutError
    return isinstance(error, silent) and not is_refusal


class RedisLink(Link):
    _publish_command = b"PUBLISH"

    def __init__(self, on_message: OnMessage, connection: AbstractConnection, prefix: str) -> None:
        super().__init__(on_message)
        self._connection = connection
        self._prefix = prefix
        self._acknowledging: deque[Failure | None] = deque()  # one for each channel subscribed
        self._out: list[bytes] = []
        self._is_due = asyncio.Event()

    async def open(self) -> None:
        await self._connection.connect()  # type: ignore[no-untyped-call]
        self._start(self._read())
        self._start(self._write())

    def may_pass(self, error: Exception) -> bool:
        return is_silent(error) or super().may_pass(error)

    async def close(self) -> None:
        try:
            await super().close()
        finally:  # after the writer, which would connect again
            await self._connection.disconnect(nowait=True)

    @property
    def is_waiting(self) -> bool:
        return bool(self.unanswered or self._acknowledging)

    def _waiting(self) -> list[Failure]:
        return [*super()._waiting(), *filter(None, self._acknowledging)]

    # ------------------------------------------------------------ out

    def subscribe(self, channels: Iterable[str]) -> Failure:
        done: Failure = self._future()
        names = [self._prefix + channel for channel in channels]
        if self.lost.done():
            done.set_result(self.lost.result())
        else:
            self._acknowledging += [*[None] * (len(names) - 1), done]
            self._send_subscribe(names)
        return done

    def unsubscribe(self, channels: Iterable[str]) -> None:
        if names := [self._prefix + channel for channel in channels]:
            self._send_unsubscribe(names)

    def _send_subscribe(self, names: list[str]) -> None:
        self._command(b"SUBSCRIBE", *names)

    def _send_unsubscribe(self, names: list[str]) -> None:
        self._command(b"UNSUBSCRIBE", *names)

    def _send(self, publish: Publish) -> None:
        message = publish.message.encode()
        body = message if len(message) <= MAX_MESSAGE_SIZE else GAP.encode()
        self._command(self._publish_command, self._prefix + publish.channel, body)

    def _command(self, *words: bytes | str) -> None:
        """Queue a command; all commands of one iteration of the event loop are one write."""
        self._out += self._connection.pack_command(*words)
        self._is_due.set()

    async def _write(self) -> None:
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            out, self._out = self._out, []
            await self._connection.send_packed_command(out, check_health=False)

    # ------------------------------------------------------------ in

    async def _read(self) -> None:
        while True:
            reply = await self._connection.read_response(
                timeout=math.inf, disconnect_on_error=False, push_request=True
            )
            self._count_reply()
            if isinstance(reply, int):
                self._answered()
            else:
                self._push(*reply)

    def _count_reply(self) -> None:
        self.received += 1

    def _push(self, kind: bytes, name: bytes, rest: Any) -> None:
        if kind == b"message":
            self._take(name.decode().removeprefix(self._prefix), rest.decode(errors="replace"))
        elif kind == b"subscribe" and (done := self._acknowledging.popleft()):
            complete(done, None)


class RedisBackend(Backend):
    """A broker on one Redis or Valkey server."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._new_connection = connections_to(url)

    def _new_link(self) -> Link:
        connection = self._new_connection()
        return RedisLink(self._on_message, connection, f"roomcast:{connection.db}:")


# The name of the library is not sent to the server: a round trip. Releases differ in the option.
UNNAMED_LIBRARY: dict[str, None] = (
    {"driver_info": None}
    if "driver_info" in signature(AbstractConnection.__init__).parameters
    else {"lib_name": None, "lib_version": None}
)


def connections_to(url: str) -> Callable[[], AbstractConnection]:
    """Return a function that creates connections to a redis:// or rediss:// URL, not yet open.

    Raises ValueError for an option that redis-py does not know.
    """
    options = options_of(url)
    kind: type[AbstractConnection] = options.pop("connection_class", Connection)
    try:
        kind(**options)
    except TypeError as unknown:
        raise ValueError(f"redis:// has a wrong option: {unknown}") from unknown
    return partial(kind, **options)


def options_of(url: str) -> dict[str, Any]:
    asked: Mapping[str, Any] = parse_url(url)
    ours = {
        "protocol": 3,
        "parser_class": QuietParser,
        "decode_responses": False,
        "socket_timeout": None,
        "socket_keepalive_options": SOCKET_OPTIONS,
    }
    return (
        {"db": 0, "client_name": "roomcast"}
        | UNNAMED_LIBRARY
        | {name: value for name, value in asked.items() if name not in POOL_OPTIONS}
        | ours
    )
