"""The rows of the table: what is done, by whom, and which of its numbers are shown."""

from dataclasses import dataclass

from . import world
from .servers import BARE, FULL, NORMAL, Contestant


@dataclass(frozen=True)
class Measure:
    """One number of a row; `per_cpu` also compares what a second of the server's CPU gives."""

    key: str
    label: str
    digits: int = 0
    per_cpu: bool = False


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    contestants: tuple[Contestant, ...]
    rooms: list[tuple[int, int, int]]
    measures: tuple[Measure, ...]
    seconds: float
    warm: float = 1.0


ALL = (
    Row(
        "pair",
        "50 rooms of two, everyone writes, 4 in flight each",
        (NORMAL, FULL, BARE),
        world.young_rooms(50),
        (Measure("rate", "messages/s, at the other person", per_cpu=True),),
        seconds=5,
    ),
    Row(
        "latency",
        "200 messages/s over 100 rooms, send to the other person's chat_message",
        (NORMAL, FULL, BARE),
        world.young_rooms(100),
        (
            Measure("p50", "p50, ms", 2),
            Measure("p99", "p99, ms", 2),
            Measure("worst", "slowest, ms", 1),
        ),
        seconds=7,
    ),
    Row(
        "join",
        "connect, authenticate, last 50 of a room of 10,000; 16 people at once",
        (FULL, BARE),
        world.old_rooms(),
        (Measure("rate", "joins/s", per_cpu=True), Measure("p99", "p99, ms", 1)),
        seconds=4,
    ),
    Row(
        "idle",
        "2,000 open sockets in rooms of two",
        (FULL, BARE),
        world.young_rooms(1_000),
        (Measure("kib", "KiB of server memory each", 1),),
        seconds=1,
    ),
)
