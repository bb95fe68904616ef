"""Housekeeping: delete what expired."""

import asyncio
import logging
import time
from contextlib import suppress
from functools import partial

from ..realtime.commits import Commit
from ..store import quotas, rooms
from ..store.maintenance import retention
from ..store.messages import Deleted, Edited
from ..store.store import DatabaseUnavailable, Store
from .attachments.service import Attachments
from .index_cleanup import IndexCleanup

log = logging.getLogger("roomcast.housekeeping")

ROUND_INTERVAL = 60.0  # seconds between two rounds
SWEEP_BATCH = 500  # messages of deleted rooms in one transaction
RETENTION_INTERVAL = 3_600.0  # seconds between two searches for messages that are too old
ROOM_BATCH = 100  # rooms in one query for such messages
REQUEST_TTL = 30 * 86_400_000_000  # microseconds for which idempotency keys are stored


class Housekeeping:
    """Runs once a minute, and soon after something was deleted. A commit listener."""

    def __init__(self, store: Store, attachments: Attachments, max_message_age: float) -> None:
        """`max_message_age` in seconds; 0 keeps messages for ever."""
        self._max_message_age = int(max_message_age * 1_000_000)
        self._pruned_at = -RETENTION_INTERVAL
        self._store = store
        self._attachments = attachments
        self._index = IndexCleanup(store)
        self._requested = asyncio.Event()

    def request(self) -> None:
        """Ask for a round soon."""
        self._requested.set()

    async def on_commit(self, commit: Commit) -> None:
        entries = commit.queued.entries if commit.queued else ()
        if any(isinstance(entry.outcome, Deleted) for entry in entries) or any(
            event.is_deleted for event in commit.events.values()
        ):
            self._index.request()
            self.request()
        elif any(isinstance(entry.outcome, Edited) for entry in entries):
            self._index.request()

    async def run(self) -> None:
        """Clean once a minute, and after each request, until cancelled."""
        while True:
            try:
                await self.clean()
            except DatabaseUnavailable as error:
                log.warning("housekeeping skipped, the database is unavailable: %s", error)
            except Exception:
                log.exception("housekeeping failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(ROUND_INTERVAL):
                    await self._requested.wait()
            self._requested.clear()

    async def clean(self) -> None:
        while await self._store.write(partial(rooms.sweep, limit=SWEEP_BATCH)):
            pass
        await self._attachments.unused.sweep()
        await self._index.run_if_due()
        if time.monotonic() - self._pruned_at >= RETENTION_INTERVAL:
            now = time.time_ns() // 1000
            await self._store.write(partial(quotas.forget_old, now=now, kept=REQUEST_TTL))
            if self._max_message_age:
                await self.prune(now - self._max_message_age)
            self._pruned_at = time.monotonic()

    async def prune(self, before: int) -> None:
        """Delete messages from before a time (microseconds since 1970, UTC), without tombstones."""
        above, count = 0, 0
        find = partial(retention.rooms_with_old, before=before, limit=ROOM_BATCH)
        while room_ids := await self._store.read(partial(find, above=above)):
            for room_id in room_ids:
                take = partial(retention.prune, room_id=room_id, before=before, limit=SWEEP_BATCH)
                while taken := await self._store.write(take):
                    count += taken
            above = room_ids[-1]
        if count:
            log.info("retention: deleted %d messages", count)
