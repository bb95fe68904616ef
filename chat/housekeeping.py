"""Housekeeping: what is deleted is swept away, and missed revocations are looked up."""

import asyncio
import logging
from contextlib import suppress
from functools import partial

from ..realtime.commits import Commit
from ..store import rooms
from ..store.messages import Deleted
from ..store.store import DatabaseUnavailable, Store
from .attachments.service import Attachments
from .revocations import Cuts

log = logging.getLogger("roomcast.housekeeping")

INTERVAL = 60.0  # seconds between two rounds
SWEEP_BATCH = 500  # messages of deleted rooms in one transaction


class Housekeeping:
    """Runs once a minute, and soon after something was deleted. A commit listener."""

    def __init__(self, store: Store, attachments: Attachments, cuts: Cuts) -> None:
        self._store = store
        self._attachments = attachments
        self._cuts = cuts
        self._requested = asyncio.Event()

    def request(self) -> None:
        """Ask for a round soon."""
        self._requested.set()

    async def on_commit(self, commit: Commit) -> None:
        entries = commit.queued.entries if commit.queued else ()
        if any(isinstance(entry.outcome, Deleted) for entry in entries) or any(
            told.is_gone for told, _ in commit.events.values()
        ):
            self.request()

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self._clean()
            except DatabaseUnavailable as error:
                log.warning("housekeeping skipped, the database is unavailable: %s", error)
            except Exception:
                log.exception("housekeeping failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await self._requested.wait()
            self._requested.clear()

    async def _clean(self) -> None:
        while await self._store.write(partial(rooms.sweep, limit=SWEEP_BATCH)):
            pass
        await self._attachments.unused.sweep()
        await self._cuts.look()
