"""One round: the plan comes in on standard input, what was seen goes out on standard output."""

import gc
import os
import sys

import msgspec
import uvloop

from .. import machine
from . import idle, join, latency, pair
from .member import Plan

ROWS = {"pair": pair.run, "latency": latency.run, "join": join.run, "idle": idle.run}


def main() -> None:
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    machine.pin(os.getpid(), plan.core)
    gc.freeze()
    gc.disable()
    seen = uvloop.run(ROWS[plan.row](plan))
    sys.stdout.buffer.write(msgspec.json.encode(seen))


if __name__ == "__main__":
    main()
