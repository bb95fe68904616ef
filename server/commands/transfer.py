"""Copies a chat from one engine to another: its database and its files."""

import sys
import time
from contextlib import nullcontext
from itertools import chain
from typing import Any

import click
from msgspec import Struct

from ...store.objects.bucket import Bucket, BucketUnavailable, ObjectMissing, bucket_of
from ...store.objects.folder import Folder
from ...store.transfer.copy import copy, finish, make_ready, plan, retire
from ...store.transfer.copy import reopen as reopen_end
from ...store.transfer.endpoint import opened
from ...store.transfer.tables import CannotMove, tables
from .concurrency import for_each


class TransferResult(Struct, frozen=True):
    """`copied` is the number of messages in this run, `counts` the final rows of each table."""

    counts: dict[str, int]
    copied: int
    seconds: float
    was_there: bool


class ObjectKeys(Struct, frozen=True):
    """Object keys: `held` by messages, and `loose` ones of uploads, which may not exist."""

    held: list[str]
    loose: list[str]


class Objects(Struct):
    moved: int = 0
    present: int = 0
    missing: int = 0


class NoBar:
    """A progress bar that shows nothing."""

    def update(self, steps: int) -> None: ...


def bar(length: int, label: str) -> Any:
    """Show a progress bar on stderr, if it is a terminal."""
    if length and sys.stderr.isatty():
        return click.progressbar(length=length, label=f"{label:12}", file=sys.stderr)
    return nullcontext(NoBar())


async def move(source_url: str, target_url: str) -> TransferResult:
    """Copy a database; an interrupted copy continues.

    Raises CannotMove, CannotOpen or DatabaseInUse; their texts say what to do.
    """
    if source_url == target_url:
        raise CannotMove("The source and the target are the same database.")
    began, copied = time.monotonic(), 0
    await make_ready(source_url, target_url)
    async with opened(source_url) as source, opened(target_url) as target:
        await source.freeze()
        planned = await plan(source, target)
        counts = {name: digest[0] for name, digest in planned.digests.items()}
        if planned.is_done:
            await retire(source, target)
            return TransferResult(counts, 0, 0, True)
        for table in tables():
            with bar(counts[table.name], table.name) as shown:
                async for count, is_new in copy(source, target, table):
                    shown.update(count)
                    copied += count if is_new and table.name == "messages" else 0
        await finish(source, target, planned)
        await retire(source, target)
    return TransferResult(counts, copied, time.monotonic() - began, False)


async def reopen(url: str) -> None:
    """Let servers start again on the source of a move. Raises CannotMove."""
    async with opened(url) as end:
        await reopen_end(end)


async def keys_of(database_url: str) -> ObjectKeys:
    """Return the keys of all objects. Raises CannotMove, CannotOpen or DatabaseInUse."""
    async with opened(database_url) as end:
        return ObjectKeys(*await end.keys())


async def move_objects(source_url: str, target_url: str, keys: ObjectKeys) -> Objects:
    """Copy objects that the target lacks. Raises BucketUnavailable or CannotMove."""
    try:
        source, target = bucket_of(source_url), bucket_of(target_url)
    except ValueError as error:
        raise CannotMove(str(error)) from None
    found = Objects()
    try:
        await _open(source)
        await target.open()
        await target.check()
        with bar(len(keys.held) + len(keys.loose), "attachments") as shown:

            async def carry(item: tuple[str, bool]) -> None:
                key, is_held = item
                await _carry(source, target, key, is_held, found)
                shown.update(1)

            held, loose = ((key, True) for key in keys.held), ((key, False) for key in keys.loose)
            await for_each(chain(held, loose), carry)
    finally:
        await source.aclose()
        await target.aclose()
    return found


async def _open(source: Bucket) -> None:
    """Open a database that exists; create nothing."""
    if isinstance(source, Folder):
        if not source.root.is_dir():
            raise BucketUnavailable(f"The folder {source.root} does not exist.")
        return await source.open()
    from ...store.objects.s3 import S3  # its library takes long to load

    assert isinstance(source, S3)
    return await source.find()


async def _carry(source: Bucket, target: Bucket, key: str, is_held: bool, found: Objects) -> None:
    size = await source.stat(key)
    if size is None:
        found.missing += is_held
    elif await target.stat(key) == size:
        found.present += 1
    else:
        try:
            await target.put(key, await source.read(key))
        except ObjectMissing:  # deleted meanwhile
            found.missing += is_held
        else:
            found.moved += 1
