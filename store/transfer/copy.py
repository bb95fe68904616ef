"""Copies a whole database into another one, of either engine; an interrupted copy can continue."""

import json
from collections.abc import AsyncIterator

from msgspec import Struct

from .. import schema as meta
from ..epoch import new_epoch
from ..store import Store
from .endpoint import Digest, TransferEndpoint, end_of, opened
from .tables import CannotMove, Table, tables

MOVING_NAME = "moving"  # the name in meta, during a move, of the source's digests at its start
HALF_MOVED_SCHEMA = f"{meta.VERSION} but half moved (roomcast move, again, ends it)"


async def make_ready(source: str, target: str) -> None:
    """Migrate the source and update its epoch; create the tables of the target.

    Raises CannotMove, CannotOpen or DatabaseInUse.
    """
    if not end_of(source).exists():
        raise CannotMove(f"{end_of(source).where}: there is no such database.")
    async with opened(source) as end:
        values = await end.meta()
    if not values or MOVING_NAME in values:
        why = "a move into it is not finished" if values else "there is no chat in it"
        raise CannotMove(f"{end.where}: {why}.")
    if meta.MOVED not in values["schema"]:
        await _begun(source)
    async with opened(target) as end:
        values = await end.meta()
    if MOVING_NAME not in values:
        await _begun(target)


async def _begun(url: str) -> None:
    """Create the tables of a database, as the start of a server does."""
    store = Store(url)
    await store.open()
    await store.aclose()


class Plan(Struct, frozen=True):
    """The state of a move; `digests` are those of the source's tables."""

    digests: dict[str, Digest]
    meta: dict[str, str]
    is_done: bool = False


async def plan(source: TransferEndpoint, target: TransferEndpoint) -> Plan:
    """Mark the target as half moved, so that no server starts on it, unless the move is done."""
    here, there = await source.meta(), await target.meta()
    there.setdefault("epoch", "")
    digests = {table.name: await source.digest(table) for table in tables()}
    fingerprint = json.dumps(digests)
    is_same = here["epoch"] == there["epoch"]
    _, is_moved, where = here["schema"].partition(meta.MOVED)
    if is_moved and where != target.where:
        raise CannotMove(f"{source.where}: {meta.why_moved(here['schema'])}")
    if MOVING_NAME in there:
        if not is_same:
            raise CannotMove(f"{target.where}: half of another chat was moved there.")
        if there[MOVING_NAME] == fingerprint:
            return Plan(digests, here)
        await target.empty()  # the source went on since: what was copied may be old
    else:
        found = {table.name: await target.digest(table) for table in tables()}
        if is_same and found == digests:
            return Plan(digests, here, is_done=True)
        if any(count for count, *_ in found.values()):
            raise CannotMove(f"{target.where}: {_why_not(is_same)}")
    await target.keep(here | {"lineage": "", "schema": HALF_MOVED_SCHEMA, MOVING_NAME: fingerprint})
    return Plan(digests, here)


def _why_not(is_same: bool) -> str:
    if is_same:
        return "this chat was moved there before, and one of the two was in use since."
    return "there is another chat in it. Move into a database that is empty."


async def copy(
    source: TransferEndpoint, target: TransferEndpoint, table: Table
) -> AsyncIterator[tuple[int, bool]]:
    """Copy a table; yield numbers of rows, and whether they were copied by this run."""
    start = await target.last(table)
    if start is not None:
        yield (await target.digest(table))[0], False
    async for rows in source.rows(table, start):
        await target.add(table, rows)
        yield len(rows), True


async def finish(source: TransferEndpoint, target: TransferEndpoint, plan: Plan) -> None:
    """Compare the two databases, and allow servers on the target. Raises CannotMove."""
    for table in tables():
        found, wanted = await target.digest(table), plan.digests[table.name]
        if found != wanted:
            raise CannotMove(
                f"{target.where}: {table.name} came out otherwise: {wanted[0]} rows in the source, "
                f"{found[0]} here. Empty this database, and move again."
            )
        if table.counts:
            await target.count_from(table, await source.counted(table))
    # Without the version of its tokenizer, the start of a server indexes everything again.
    found_anew = {"lineage": "", "schema": str(meta.VERSION), "tokenizer": ""}
    await target.keep(plan.meta | found_anew)


async def retire(source: TransferEndpoint, target: TransferEndpoint) -> None:
    """Mark the source as moved, so that no server and no command opens it."""
    here = await source.meta()
    moved = f"{meta.VERSION}{meta.MOVED}{target.where}"
    await source.keep(here | {"schema": moved})
    await source.thaw()


async def reopen(end: TransferEndpoint) -> None:
    """Remove the mark, with a new epoch: the target may have received messages since."""
    here = await end.meta()
    schema, is_moved, _ = here.get("schema", "").partition(meta.MOVED)
    if not is_moved:
        raise CannotMove(f"{end.where}: no chat was moved away from it.")
    await end.keep(here | {"schema": schema, "epoch": new_epoch()})
