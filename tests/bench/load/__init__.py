"""The load: a process on the other core that plays all the people of one round."""

import gc
import multiprocessing
import os
import traceback
from collections.abc import Callable, Coroutine
from multiprocessing.connection import Connection
from typing import Any

import uvloop

from .. import machine

Work = Callable[[], Coroutine[Any, Any, dict]]

PATIENCE = 120.0  # seconds for any round


def play(work: Work, cores: frozenset[int]) -> dict:
    """One round, in a fork of this process: nothing is left of it but what it saw."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    player = context.Process(target=_play, args=(there, work, cores))
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


def _play(out: Connection, work: Work, cores: frozenset[int]) -> None:
    machine.pin(os.getpid(), cores)
    gc.freeze()
    gc.disable()
    try:
        seen = uvloop.run(work())
    except Exception:
        seen = lost(traceback.format_exc()[-2_000:])
    out.send(seen)
