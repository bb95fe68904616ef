"""The rows of the table: what is done, by whom, and which of its numbers are shown."""

from dataclasses import dataclass, replace

from . import world
from .servers import BARE, BY_HAND, FULL, NORMAL, PLAIN, POSTGRES, SOCKETIO, VALKEY, Contestant
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
    """`is_fresh`: each round has a new process; elsewhere a server lives as long as its row."""

    name: str
    title: str
    contestants: tuple[Contestant, ...]
    rooms: list[world.Room]
    measures: tuple[Measure, ...]
    seconds: float
    warm: float = 0.4
    sockets: int = 1
    world: World = world.EMPTY
    is_fresh: bool = False
    overhead: float = 0.6  # seconds beside the measured ones, for the progress bar


TWO = replace(VALKEY, name="roomcast, PostgreSQL + Valkey, two processes", processes=2)
STORING = (FULL, POSTGRES, VALKEY)
PEERS = (BARE, SOCKETIO, BY_HAND)
DELIVERIES = (Measure("rate", "deliveries/s", per_cpu=True),)


def compact(contestant: Contestant) -> Contestant:
    return replace(contestant, wire="compact")


ALL = (
    Row(
        "pair",
        "50 rooms of two, everyone writes, 4 in flight each",
        (NORMAL, *STORING, TWO, PLAIN, *PEERS),
        world.young_rooms(50),
        (Measure("rate", "messages/s, at the other person", per_cpu=True),),
        seconds=1.5,
    ),
    Row(
        "compact",
        "the same with receipts=compact; bare as it is",
        (*map(compact, (NORMAL, *STORING, PLAIN)), BARE),
        world.young_rooms(50),
        (Measure("rate", "messages/s, at the other person", per_cpu=True),),
        seconds=1.5,
    ),
    Row(
        "latency",
        "200 messages/s over 100 rooms, send to the other person's chat_message",
        (*STORING, TWO, *PEERS),
        world.young_rooms(100),
        (
            Measure("p50", "p50, ms", 2),
            Measure("p99", "p99, ms", 2),
            Measure("p999", "p99.9, ms", 1),
        ),
        seconds=4,
    ),
    Row(
        "fanout200",
        "4 of 200 people in one room write, 4 in flight each",
        (*STORING, PLAIN, *PEERS),
        world.hall(200),
        DELIVERIES,
        seconds=1.5,
        overhead=1.0,
    ),
    Row(
        "fanout1000",
        "4 of 250 people in one room write, 4 in flight each; everyone has four sockets",
        (*STORING, PLAIN, *PEERS),
        world.hall(250),
        DELIVERIES,
        seconds=1.5,
        sockets=4,
        overhead=2.5,
    ),
    Row(
        "join",
        "connect, authenticate, last 50 of a room of 10,000 among a million; 16 people at once",
        (*STORING, *PEERS),
        world.old_rooms(),
        (Measure("rate", "joins/s", per_cpu=True), Measure("p99", "p99, ms", 1)),
        seconds=2.5,
        world=world.BIG,
    ),
    Row(
        "idle",
        "5,000 open sockets in rooms of two; 1,000 are cut off and come back at once",
        (*STORING, *PEERS),
        world.young_rooms(2_500),
        (
            Measure("kib", "KiB of server memory each", 1),
            Measure("idle_cpu", "CPU of the idle server, %", 1),
            Measure("connects", "connects/s"),
            Measure("reconnects", "reconnects/s"),
            Measure("reconnect_p99", "until 99 in 100 are back, ms"),
        ),
        seconds=1,
        is_fresh=True,
        overhead=7.0,
    ),
)
