"""Thumbnails: small versions of pictures, made when they are asked for and kept in memory."""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec

from msgspec import Struct

from ...store.objects.bucket import Bucket, ObjectMissing
from .media_types import JPEG, PNG, WEBP

log = logging.getLogger("roomcast.attachments")

SIZES = (360, 720, 1080)  # pixels of the square that a thumbnail fits into
TYPES = frozenset((JPEG, PNG, WEBP))  # a GIF would lose its animation
MAX_WAITING = 64  # thumbnails that are made or wait for it
MAX_OBJECT_SIZE = 1 << 24  # bytes of a picture that is read for it
ENTRY_OVERHEAD = 500  # bytes of an entry beside its content


class Thumbnail(Struct, frozen=True):
    """A small version of a picture."""

    content: bytes
    content_type: str

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'


Key = tuple[str, int]  # of an object, and the size


class ThumbnailCache:
    """The thumbnails used last, up to a number of bytes. None stands for none that can be made."""

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._size = 0
        self._entries: OrderedDict[Key, Thumbnail | None] = OrderedDict()

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    @property
    def size(self) -> int:
        """The bytes that the entries take."""
        return self._size

    def get(self, key: Key) -> Thumbnail | None:
        self._entries.move_to_end(key)
        return self._entries[key]

    def put(self, key: Key, thumbnail: Thumbnail | None) -> None:
        self.discard(key)
        self._entries[key] = thumbnail
        self._size += _size_of(thumbnail)
        while self._size > self._max_size:
            self.discard(next(iter(self._entries)))

    def discard(self, key: Key) -> None:
        if key in self._entries:
            self._size -= _size_of(self._entries.pop(key))


def _size_of(thumbnail: Thumbnail | None) -> int:
    return ENTRY_OVERHEAD + (len(thumbnail.content) if thumbnail else 0)


class Thumbnails:
    """The thumbnails of this process, made in a thread, one at a time.

    Without Pillow, or with a cache of no bytes, there are none.
    """

    def __init__(self, bucket: Bucket, cache_size: int) -> None:
        self._bucket = bucket
        self._cache = ThumbnailCache(cache_size)
        self._is_possible = cache_size > 0 and find_spec("PIL") is not None
        if cache_size > 0 and not self._is_possible:
            log.info("no thumbnails without Pillow: pip install 'roomcast[thumbnails]'")
        self._lock = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "thumbnails")  # several would keep memory of their own
        self._making: dict[Key, asyncio.Task[Thumbnail | None]] = {}

    async def get(self, key: str, content_type: str, size: int) -> Thumbnail | None:
        """Return the thumbnail of an object; None where the object itself is to be sent.

        Raises ObjectMissing and BucketUnavailable.
        """
        if not self._is_possible or content_type not in TYPES:
            return None
        length = await self._bucket.stat(key)
        if length is None:
            for each in SIZES:
                self._cache.discard((key, each))
            raise ObjectMissing
        if (key, size) in self._cache:
            return self._cache.get((key, size))
        making = self._making.get((key, size))
        if making is None:
            if length > MAX_OBJECT_SIZE or len(self._making) >= MAX_WAITING:
                return None
            making = asyncio.create_task(self._make((key, size), content_type))
            self._making[key, size] = making
            making.add_done_callback(partial(self._forget, (key, size)))
        return await asyncio.shield(making)

    async def aclose(self) -> None:
        """Give up what waits; the one that is being decoded is waited for."""
        making = list(self._making.values())
        for task in making:
            task.cancel()
        await asyncio.gather(*making, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown)

    def _forget(self, key: Key, made: asyncio.Task[Thumbnail | None]) -> None:
        """An error is for those who wait; it was seen also where nobody waits any more."""
        del self._making[key]
        if not made.cancelled():
            made.exception()

    async def _make(self, key: Key, content_type: str) -> Thumbnail | None:
        async with self._lock:
            data = await self._bucket.read(key[0], MAX_OBJECT_SIZE)
            loop = asyncio.get_running_loop()
            work = partial(make_safely, data, content_type, key)
            thumbnail = await loop.run_in_executor(self._thread, work)
            self._cache.put(key, thumbnail)
            return thumbnail


def make_safely(data: bytes, content_type: str, key: Key) -> Thumbnail | None:
    """Run in a thread: the first one imports Pillow, which takes a while."""
    from .resizing import make_thumbnail

    try:
        return make_thumbnail(data, content_type, key[1])
    except Exception as error:  # a decoder raises what it likes for a stranger's bytes
        log.info("thumbnail not made: key=%s error=%r", key[0], error)
        return None
