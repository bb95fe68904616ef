"""A Redis or Valkey cluster: sharded publish and subscribe, each channel on the node of its slot.

The URL `redis+cluster://:password@host:6379,other:6379` names any of the nodes. A process has one
connection to each primary. When a connection is lost, or a slot moves, the whole link is replaced
with the new map of slots, and every room of the process is compared with the database.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.crc import key_slot
from redis.exceptions import RedisError

from .backend import Backend
from .connection import Failure, Link, OnMessage, Publish, Unreachable, complete
from .redis import RedisLink, connections_to, is_silent
from .redis_address import HostAndPort, RedisUrl, parse_redis_url
from .redis_sentinel import ask

DEFAULT_PORT = 6_379
SLOT_COUNT = 16_384
CHANNEL_PREFIX = "roomcast:0:"
MESSAGE_KINDS = {b"smessage": b"message", b"ssubscribe": b"subscribe"}
ANSWER_TIMEOUT = 1.0  # seconds for each node that is asked for the map of slots

SlotRange = tuple[
    int, int, HostAndPort
]  # the first and last slot, and the primary that serves them
NewConnection = Callable[[HostAndPort], AbstractConnection]


class ShardLink(RedisLink):
    """A link to one primary of a cluster."""

    _publish_command = b"SPUBLISH"

    def __init__(
        self, on_message: OnMessage, connection: AbstractConnection, on_reply: Callable[[], None]
    ) -> None:
        super().__init__(on_message, connection, CHANNEL_PREFIX)
        self._on_reply = on_reply
        self._leaving: set[str] = set()  # names whose unsubscription is not acknowledged yet

    def choose_pulse_channel(self, serves: Callable[[str], bool]) -> None:
        """Choose a channel for test messages whose slot this node serves."""
        random = secrets.token_hex(8)
        names = (f"\0pulse:{random}:{number}" for number in count())
        self.pulse_channel = next(name for name in names if serves(name))

    def _send_subscribe(self, names: list[str]) -> None:
        for name in names:  # the channels of one command would have to share a slot
            self._command(b"SSUBSCRIBE", name)

    def _send_unsubscribe(self, names: list[str]) -> None:
        self._leaving.update(names)
        for name in names:
            self._command(b"SUNSUBSCRIBE", name)

    def _count_reply(self) -> None:
        super()._count_reply()
        self._on_reply()

    def _push(self, kind: bytes, name: bytes, rest: Any) -> None:
        if kind != b"sunsubscribe":
            super()._push(MESSAGE_KINDS.get(kind, kind), name, rest)
        elif name.decode() in self._leaving:
            self._leaving.discard(name.decode())
        else:
            self.fail(Unreachable("a slot has moved to another node"))


class ClusterLink(Link):
    """Links to all primaries of a cluster; it is lost with the first of them."""

    def __init__(
        self, on_message: OnMessage, places: list[HostAndPort], new_connection: NewConnection
    ) -> None:
        super().__init__(on_message)
        self._places = places  # addresses of nodes; grows with the nodes that they report
        self._new_connection = new_connection
        self._shards: list[ShardLink] = []
        self._shard_of_slot: list[ShardLink | None] = [None] * SLOT_COUNT

    # ------------------------------------------------------------ opening

    async def open(self) -> None:
        """Connect to all primaries. Raises Unreachable if a slot has none that answers."""
        ranges = await self._find_slots()
        shards = {place: self._new_shard(place) for _, _, place in ranges}
        self._shards = list(shards.values())
        for first, last, place in ranges:
            self._shard_of_slot[first : last + 1] = [shards[place]] * (last + 1 - first)
        if any(shard is None for shard in self._shard_of_slot):
            raise Unreachable("the cluster has slots that no node serves")
        await asyncio.gather(*(self._open_shard(shard) for shard in self._shards))

    def may_pass(self, error: Exception) -> bool:
        """Also where some slots have no node: they may be on their way to another."""
        return isinstance(error, Unreachable) or is_silent(error) or super().may_pass(error)

    def _new_shard(self, place: HostAndPort) -> ShardLink:
        shard = ShardLink(self._on_message, self._new_connection(place), self._count_reply)
        shard.lost.add_done_callback(lambda lost: self.fail(lost.result()))
        return shard

    async def _open_shard(self, shard: ShardLink) -> None:
        shard.choose_pulse_channel(lambda name: self._shard_of(name) is shard)
        await shard.open()
        if error := await shard.subscribe([shard.pulse_channel]):
            raise error

    async def _find_slots(self) -> list[SlotRange]:
        """Return the map of slots of the first node that answers. Raises Unreachable."""
        errors: list[str] = []
        for place in list(self._places):
            connection = self._new_connection(place)
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT):
                    await connection.connect()  # type: ignore[no-untyped-call]
                    answer = await ask(connection, "CLUSTER", "SLOTS")
            except (OSError, TimeoutError, RedisError) as error:
                errors.append(str(error) or type(error).__name__)
                continue
            finally:
                await connection.disconnect(nowait=True)
            others = [p for p in _nodes_in(answer, place) if p not in self._places]
            self._places.remove(place)
            self._places += [*others, place]  # another is asked next: this one's map may be old
            return [(first, last, _place(node, place)) for first, last, node, *_ in answer]
        raise Unreachable("; ".join(errors))

    async def close(self) -> None:
        await super().close()
        await asyncio.gather(*(shard.close() for shard in self._shards))

    def fail(self, error: Exception) -> None:
        """Fail the links to all nodes; their unanswered publishes are kept."""
        if self.lost.done():
            return
        super().fail(error)
        for shard in self._shards:
            shard.fail(error)
            self.unanswered += shard.unanswered

    # ------------------------------------------------------------ channels

    @property
    def is_waiting(self) -> bool:
        return any(shard.is_waiting for shard in self._shards)

    def publish(self, channel: str, message: str, *, needs_gap: bool = True) -> Failure:
        """Publish a message; the future is done when the node of its slot has accepted it."""
        if self.lost.done():
            return super().publish(channel, message, needs_gap=needs_gap)
        return self._shard_of(channel).publish(channel, message, needs_gap=needs_gap)

    def subscribe(self, channels: Iterable[str]) -> Failure:
        return self._all(s.subscribe(names) for s, names in self._by_shard(channels))

    def unsubscribe(self, channels: Iterable[str]) -> None:
        for shard, names in self._by_shard(channels):
            shard.unsubscribe(names)

    def pulse(self) -> Failure:
        """Publish a test message on each node; the future is done when all have returned."""
        return self._all(shard.pulse() for shard in self._shards)

    def _send(self, publish: Publish) -> None:
        raise AssertionError("the nodes send what is published")

    def _shard_of(self, channel: str) -> ShardLink:
        shard = self._shard_of_slot[key_slot((CHANNEL_PREFIX + channel).encode())]
        assert shard is not None  # or it would not have opened
        return shard

    def _by_shard(self, channels: Iterable[str]) -> Iterable[tuple[ShardLink, list[str]]]:
        found: dict[ShardLink, list[str]] = {}
        for channel in channels:
            found.setdefault(self._shard_of(channel), []).append(channel)
        return found.items()

    def _all(self, failures: Iterable[Failure]) -> Failure:
        """Return a future that is done when all of them are, with the first error."""
        waiting = list(failures)
        done: Failure = self._future()

        def on_done(failure: Failure) -> None:
            if error := failure.result():
                complete(done, error)
            elif all(each.done() for each in waiting):
                complete(done, None)

        for each in waiting:
            each.add_done_callback(on_done)
        if not waiting:
            complete(done, None)
        return done

    def _count_reply(self) -> None:
        self.received += 1


class ClusterBackend(Backend):
    """A broker on all primaries of a cluster."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._url: RedisUrl = parse_redis_url(url, DEFAULT_PORT)
        if self._url.path not in ("", "0"):
            raise ValueError("redis+cluster:// takes no path: a cluster has one database.")
        self._places = list(self._url.places)
        connections_to(self._url.at(self._places[0]))  # its options are checked

    def _new_link(self) -> Link:
        return ClusterLink(self._on_message, self._places, self._new_connection)

    def _new_connection(self, place: HostAndPort) -> AbstractConnection:
        return connections_to(self._url.at(place))()


def _nodes_in(answer: Any, asked: HostAndPort) -> Iterator[HostAndPort]:
    for _, _, *nodes in answer:
        yield from (_place(node, asked) for node in nodes)


def _place(node: Sequence[Any], asked: HostAndPort) -> HostAndPort:
    """Return the address of a node; a node without an own address has the one that was asked."""
    host = node[0].decode() if isinstance(node[0], bytes) else node[0]
    return (host or asked[0], int(node[1]))
