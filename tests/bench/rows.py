"""The rows of the table: what is done, by whom, and which of its numbers are shown."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from . import rounds, world
from .load import fanout, growth, idle, join, latency, mixed, pair, rooms
from .load.member import Plan
from .servers import (
    BARE,
    BY_HAND,
    FULL,
    LAZY,
    NORMAL,
    PLAIN,
    POSTGRES,
    SOCKETIO,
    VALKEY,
    Contestant,
)
from .world import World


@dataclass(frozen=True)
class Measure:
    """One number of a row; `per_cpu` also compares what a second of the server's CPU gives."""

    key: str
    label: str
    digits: int = 0
    per_cpu: bool = False


@dataclass(frozen=True)
class Row:
    """`is_fresh`: each round has a new process and world; elsewhere they last as long as the row.

    It must be so where a server has something left to do: search follows thousands of messages.
    """

    name: str
    title: str
    contestants: tuple[Contestant, ...]
    rooms: list[world.Room]
    measures: tuple[Measure, ...]
    seconds: float
    game: Callable[[Plan], Coroutine[Any, Any, dict]] | None = None
    play: Callable[..., dict] = rounds.under_load
    warm: float = 0.3
    sockets: int = 1  # of each person
    world: World = world.EMPTY
    is_fresh: bool = False
    overhead: float = 0.6  # seconds beside the measured ones, for the progress bar

    def yardstick(self, contestant: Contestant) -> str:
        """Whom it is compared with: the bare server, or itself in a small world."""
        if contestant.world is None:
            return BARE.name
        small = world.FEW_ROOMS if contestant.world.collected else world.SMALL
        return contestant.name.replace(contestant.world.name, small.name)


TWO = replace(VALKEY, name="roomcast, PostgreSQL + Valkey, two processes", processes=2)
STORING = (FULL, POSTGRES, VALKEY)
PEERS = (BARE, SOCKETIO, BY_HAND)
FEWER = replace(BY_HAND, name=f"{BY_HAND.name}, 1,000 sockets", rooms=500)
MOVE = Contestant("roomcast move, SQLite to PostgreSQL", (), store="sqlite")
MESSAGES = (Measure("rate", "messages/s, at the other person", per_cpu=True),)
DELIVERIES = (Measure("rate", "deliveries/s", per_cpu=True),)


def compact(contestant: Contestant) -> Contestant:
    return replace(contestant, wire="compact")


def in_world(contestant: Contestant, of: World) -> Contestant:
    return replace(contestant, name=f"{contestant.name}, {of.name}", world=of)


def in_worlds(*worlds: World) -> tuple[Contestant, ...]:
    """Each engine in each of these worlds."""
    return tuple(in_world(contestant, of) for contestant in (FULL, POSTGRES) for of in worlds)


ALL = (
    Row(
        "pair",
        "50 rooms of two, everyone writes, 4 in flight each",
        (NORMAL, *STORING, TWO, PLAIN, *PEERS),
        world.young_rooms(50),
        MESSAGES,
        seconds=1.0,
        game=pair.run,
        is_fresh=True,
        overhead=1.4,
    ),
    Row(
        "compact",
        "the same with receipts=compact; bare as it is",
        (*map(compact, (NORMAL, FULL, POSTGRES, PLAIN)), BARE),
        world.young_rooms(50),
        MESSAGES,
        seconds=1.0,
        game=pair.run,
        is_fresh=True,
        overhead=1.4,
    ),
    Row(
        "latency",
        "200 messages/s over 100 rooms, send to the other person's chat_message",
        (*STORING, LAZY, *PEERS),
        world.young_rooms(100),
        (
            Measure("p50", "p50, ms", 2),
            Measure("p99", "p99, ms", 2),
            Measure("p999", "p99.9, ms", 1),
        ),
        seconds=2.5,
        game=latency.run,
        warm=0.8,  # what two hundred joins leave behind is over by then
        is_fresh=True,
        overhead=1.4,
    ),
    Row(
        "fanout200",
        "4 of 200 people in one room write, 4 in flight each",
        (*STORING, PLAIN, *PEERS),
        world.hall(200),
        DELIVERIES,
        seconds=1.0,
        game=fanout.run,
        overhead=1.0,
    ),
    Row(
        "fanout1000",
        "4 of 250 people in one room write, 4 in flight each; everyone has four sockets",
        (*STORING, PLAIN, *PEERS),
        world.hall(250),
        DELIVERIES,
        seconds=1.0,
        game=fanout.run,
        sockets=4,
        overhead=2.5,
    ),
    Row(
        "join",
        "connect, authenticate, last 50 of a room of 10,000 among a million; 16 people at once",
        (*STORING, *PEERS),
        world.old_rooms(),
        (Measure("rate", "joins/s", per_cpu=True), Measure("p99", "p99, ms", 1)),
        seconds=1.2,
        game=join.run,
        world=world.BIG,
    ),
    Row(
        "idle",
        "5,000 open sockets in rooms of two; 1,000 are cut off and come back at once",
        (*STORING, BARE, SOCKETIO, FEWER),
        world.young_rooms(2_500),
        (
            Measure("kib", "KiB of server memory each", 1),
            Measure("idle_cpu", "CPU of the idle server, %", 1),
            Measure("connects", "connects/s"),
            Measure("reconnects", "reconnects/s"),
            Measure("reconnect_p99", "until 99 in 100 are back, ms"),
        ),
        seconds=1,
        game=idle.run,
        is_fresh=True,
        overhead=7.0,
    ),
    Row(
        "mixed",
        "2,000 sockets, 200 things a second; p99 of each",
        STORING,
        world.young_rooms(1_000),
        (
            Measure("write", "message at the other, ms", 1),
            Measure("type", "typing at the other, ms", 1),
            Measure("read", "read mark at the sender, ms", 1),
            Measure("edit", "edit at the other, ms", 1),
            Measure("join", "join, ms", 1),
            Measure("list", "list of rooms, ms", 1),
        ),
        seconds=2.0,
        game=mixed.run,
        warm=0.5,
        overhead=3.0,
    ),
    Row(
        "growth",
        "one request after another in a chat of so many messages; ratio to 1 thousand",
        in_worlds(world.SMALL, world.MEDIUM, world.BIG, world.ONE_WRITER, world.DELETED),
        world.listed_rooms(),
        (
            Measure("list", "20 rooms with unread counters, ms", 2),
            Measure("history", "50 messages by HTTP, ms", 2),
            Measure("join", "join, ms", 2),
        ),
        seconds=0.7,
        game=growth.run,
    ),
    Row(
        "rooms",
        "the first 20 rooms of somebody who has so many; ratio to 100 rooms",
        in_worlds(world.FEW_ROOMS, world.MANY_ROOMS),
        [],
        (
            Measure("page", "a page, ms", 2),
            Measure("next", "the next page, ms", 2),
            Measure("unread", "unread=1, ms", 2),
            Measure("word", "q= of many, ms", 2),
            Measure("context", "context= of one, ms", 2),
        ),
        seconds=2.0,
        game=rooms.run,
    ),
    Row(
        "return",
        "Valkey is killed and comes back after a second; ten rooms across two processes",
        (TWO,),
        world.young_rooms(10),
        (
            Measure("first", "until the first delivery, s", 2),
            Measure("last", "until all rooms hear, s", 2),
        ),
        seconds=1,
        play=rounds.broker_returns,
    ),
    Row(
        "move",
        "100 thousand messages",
        (MOVE,),
        [],
        (Measure("rate", "messages/s"),),
        seconds=1,
        world=world.MEDIUM,
        is_fresh=True,
    ),
)
