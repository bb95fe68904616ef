"""Remove the words of deleted and edited messages from the files of the search index.

Before SQLite 3.42, FTS5 only marks an entry as deleted: its words stay in the file until the parts
of the index are merged. They are merged here, a few pages at a time.
"""

import asyncio
from functools import partial
from time import monotonic

from ..store.store import Store

FIRST_DELAY = 3_600.0  # seconds after the start, for what an earlier process has not merged
MIN_INTERVAL = 60.0  # seconds between two merges
BUSY_SHARE = 0.05  # of the time that merges may take
PAUSE = 0.02  # seconds after each step, for other writers


class IndexCleanup:
    """Merges the index after deletions, at most once a minute; times are of `time.monotonic`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._is_needed = store.finder.KEEPS_DELETED_WORDS
        self._not_before = monotonic() + FIRST_DELAY
        self._earliest = 0.0  # by the share of time that merges may take

    def request(self) -> None:
        """Note that words were deleted."""
        self._is_needed = self._store.finder.KEEPS_DELETED_WORDS
        self._not_before = 0.0

    async def run_if_due(self) -> None:
        """Merge all parts of the index into one if words were deleted since the last time."""
        began = monotonic()
        if not self._is_needed or began < max(self._not_before, self._earliest):
            return
        self._is_needed = False
        try:
            await self._merge()
        except Exception:
            self.request()
            raise
        now = monotonic()
        self._earliest = now + max(MIN_INTERVAL, (now - began) / BUSY_SHARE)

    async def _merge(self) -> None:
        merge = self._store.finder.merge
        has_more = await self._store.write(partial(merge, is_first=True))
        while has_more:
            await asyncio.sleep(PAUSE)
            has_more = await self._store.write(partial(merge, is_first=False))
