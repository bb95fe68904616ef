"""The load: a process on the other core that plays all the people of one round."""

import gc
import multiprocessing
import os
import traceback
from multiprocessing.connection import Connection

import uvloop

from .. import machine
from . import fanout, idle, join, latency, pair
from .member import Plan

GAMES = {
    "pair": pair.run,
    "compact": pair.run,
    "latency": latency.run,
    "fanout200": fanout.run,
    "fanout1000": fanout.run,
    "join": join.run,
    "idle": idle.run,
}
PATIENCE = 120.0  # seconds for any round


def play(plan: Plan) -> dict:
    """One round, in a fork of this process: nothing is left of it but what it saw."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    player = context.Process(target=_play, args=(there, plan))
    player.start()
    there.close()
    try:
        if here.poll(PATIENCE):
            return here.recv()
        player.kill()
        return lost(f"the load took more than {PATIENCE:.0f} s")
    except EOFError:
        return lost("the load died")
    finally:
        player.join()
        here.close()


def lost(why: str) -> dict:
    return {"errors": 1, "first_errors": [why]}


def _play(out: Connection, plan: Plan) -> None:
    machine.pin(os.getpid(), machine.cores().load)
    gc.freeze()
    gc.disable()
    try:
        seen = uvloop.run(GAMES[plan.row](plan))
    except Exception:
        seen = lost(traceback.format_exc()[-2_000:])
    out.send(seen)
