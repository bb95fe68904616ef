"""One round of a row: a load against a server, a broker that dies, a chat that moves."""

import asyncio
import secrets
from functools import partial
from typing import TYPE_CHECKING

import asyncpg
from roomcast.server.commands.transfer import move

from ..engines import Missing
from . import machine
from .load import lost, play, returning
from .load.member import Plan
from .servers import SECRET, Contestant, DidNotStart, Running, running
from .stage import Place, Stage

if TYPE_CHECKING:
    from .rows import Row

# Why there is no server for a contestant; the others go on.
PLACELESS = (Missing, DidNotStart, OSError, asyncpg.PostgresError)
Host = Running | Exception | None  # a server, why there is none, or one for this round alone


def measure(row: "Row", contestant: Contestant, host: Host, stage: Stage) -> dict:
    """A round that is lost does not take the others with it: it says why, and is an error."""
    if isinstance(host, Running):
        found = row.play(row, contestant, host, stage)
        return found | {"server_log": host.said()} if found["errors"] else found
    try:
        if host is not None:
            raise host
        return _once(row, contestant, stage)
    except Missing as why:
        return {"missing": f"{contestant.name} was not measured: {why}", "errors": 0}
    except PLACELESS as why:
        return lost(f"did not start: {why!r}")


def _once(row: "Row", contestant: Contestant, stage: Stage) -> dict:
    with stage.place(contestant, row.world) as place:
        if not contestant.command:
            return moving(place, stage)
        with running(contestant, place.folder, place.urls) as server:
            return measure(row, contestant, server, stage)


def under_load(row: "Row", contestant: Contestant, server: Running, stage: Stage) -> dict:
    assert row.game is not None
    work = partial(row.game, _plan(row, contestant, server, stage))
    return play(work, machine.cores().load)


def broker_returns(row: "Row", contestant: Contestant, server: Running, stage: Stage) -> dict:
    """In this process, which has started Valkey and can start it again."""
    plan, valkey = _plan(row, contestant, server, stage), stage.valkey()
    return asyncio.run(returning.run(plan, valkey.kill, partial(stage.start, valkey)))


def moving(place: Place, stage: Stage) -> dict:
    """`roomcast move` from SQLite to a new PostgreSQL database."""
    server, name = stage.postgres(), f"moved_{secrets.token_hex(4)}"
    server.execute(f'create database "{name}"')
    source = f"sqlite:///{place.folder / 'roomcast.db'}"

    async def work() -> dict:
        moved = await move(source, server.url_of(name))
        return {"rate": moved.copied / moved.seconds, "errors": 0}

    found = play(work, machine.cores().server)
    server.execute(f'drop database "{name}" with (force)')
    return found


def _plan(row: "Row", contestant: Contestant, server: Running, stage: Stage) -> Plan:
    where = server.ports, server.pids, stage.engines, SECRET
    rooms = row.rooms[: contestant.rooms]
    return Plan(contestant.wire, *where, rooms, row.sockets, row.seconds, row.warm)
