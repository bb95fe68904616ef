"""Objects that no message needs.

A sweep after the commit removes those of deleted messages; those of a refused file are removed at
once, where the bucket answers.
"""

import logging
import time
from collections.abc import Sequence
from functools import partial

from ...store import uploads
from ...store.objects.bucket import UPLOADS, Bucket, BucketUnavailable
from ...store.store import Store

log = logging.getLogger("roomcast.attachments")
SWEEP_BATCH = 100


class UnusedObjects:
    """Removes the objects of refused, expired and deleted files, and then their rows."""

    def __init__(self, store: Store, bucket: Bucket, unsent_ttl: float) -> None:
        self._store = store
        self._bucket = bucket
        self._unsent_ttl = unsent_ttl

    async def remove_refused(self, keys: Sequence[str]) -> None:
        """Remove objects at once if the bucket answers, else in a later sweep."""
        if keys:
            await self._store.write(partial(uploads.expire, keys=keys))
            await self._remove(keys)

    async def sweep(self) -> None:
        """Remove every object that belongs to no message and has expired."""
        while True:
            now = time.time_ns() // 1000
            keys = await self._store.read(partial(uploads.expired, now=now, limit=SWEEP_BATCH))
            if not keys or not await self._remove(keys):
                break
        try:
            await self._bucket.sweep(self._unsent_ttl)
        except BucketUnavailable as error:
            log.info("bucket not swept: error=%s", error)

    async def _remove(self, keys: Sequence[str]) -> bool:
        """Remove objects, also from the keys to which they were uploaded; False if that fails."""
        objects = [*keys, *(UPLOADS + key for key in keys if not key.startswith(UPLOADS))]
        try:
            await self._bucket.delete(objects)
        except BucketUnavailable:
            return False  # their rows stay: the next sweep finds them
        await self._store.write(partial(uploads.forget, keys=keys))
        return True
