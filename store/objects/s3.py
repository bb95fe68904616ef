"""An S3 bucket: the app stores objects there, and clients GET and PUT them at signed URLs."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar
from xml.etree.ElementTree import ParseError

from minio import S3Error
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from .bucket import KEY, BucketUnavailable, ObjectMissing, too_large
from .s3_client import S3Client, in_short, reason_of, unavailable
from .s3_url import place_of

log = logging.getLogger("roomcast.bucket")

THREAD_COUNT = 16
THREAD_TIMEOUT = 5.0  # seconds to wait for a free thread
MIN_LINK_VALIDITY = 3_600.0  # seconds for which a URL is valid, at least
# Seconds for which a URL stays the same, so that browsers can cache it.
LINK_CHANGE_INTERVAL = 900.0
SWEEP_INTERVAL = 3_600.0  # seconds between two sweeps

_ORDERED = ("Content-Type", "Content-Disposition", "Cache-Control")  # headers that a URL can set

Result = TypeVar("Result")


class S3:
    """An S3 bucket. Requests run in threads; signing needs no request.

    A bucket that is unavailable at the start is prepared by the first call that reaches it.
    """

    def __init__(self, url: str) -> None:
        self.place = place_of(url)
        self.client = S3Client(self.place, THREAD_COUNT)
        self._pool = ThreadPoolExecutor(THREAD_COUNT, "bucket")
        self._slots = asyncio.Semaphore(THREAD_COUNT)
        self._preparing: asyncio.Task[None] | None = None
        self._swept_at = -SWEEP_INTERVAL

    async def open(self) -> None:
        """Create the bucket if it is missing; if it is unavailable, log a warning."""
        try:
            await self._prepared()
        except BucketUnavailable as error:
            log.warning("%s Messages with files are refused until it can.", error)

    async def aclose(self) -> None:
        if self._preparing is not None:
            await asyncio.wait([self._preparing])
        await asyncio.to_thread(self._pool.shutdown)
        self.client.http.clear()

    async def check(self) -> None:
        """Check that the bucket answers to this key. Raises BucketUnavailable."""
        await self._do(self.client.check_bucket)

    async def find(self) -> None:
        """Open the bucket without creating or changing anything, for diagnosis."""
        self._preparing = asyncio.create_task(self._run(self.client.find))
        await asyncio.shield(self._preparing)

    async def put(self, key: str, data: bytes) -> None:
        await self._do(self.client.put, key, data)

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], max_size: int) -> int:
        """Store a stream and return its size; on an error, or above `max_size`, store nothing."""
        data = bytearray()
        async for chunk in chunks:
            data += chunk
            if len(data) > max_size:
                raise too_large(max_size)
        await self.put(key, bytes(data))
        return len(data)

    async def read(self, key: str, max_size: int | None = None) -> bytes:
        """Return the bytes of an object. Raises ObjectMissing and ObjectTooLarge."""
        return await self._do(self.client.read, key, max_size)

    async def stat(self, key: str) -> int | None:
        """Return the size of an object in bytes; None if it does not exist."""
        try:
            return await self._do(self.client.stat, key)
        except ObjectMissing:
            return None

    async def path(self, key: str) -> Path | None:
        """Return None: the object is not a file of this machine."""

    async def move(self, source: str, target: str) -> None:
        """Copy an object, then delete the source; safe to repeat."""
        await self._do(self.client.move, source, target)

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; ignore missing ones."""
        await self._do(self.client.delete, [key for key in keys if KEY.fullmatch(key)])

    async def sweep(self, older_than: float) -> None:
        """Delete objects that were PUT after their upload had ended, and so have no row."""
        if time.monotonic() - self._swept_at >= SWEEP_INTERVAL:
            await self._do(self.client.sweep, time.time() - older_than)
            self._swept_at = time.monotonic()

    def get_url(self, method: str, key: str, headers: Mapping[str, str]) -> str:
        """Return a signed URL of the object for about an hour, with headers that S3 can send."""
        query = {f"response-{name.lower()}": headers[name] for name in _ORDERED if name in headers}
        at = time.time() // LINK_CHANGE_INTERVAL * LINK_CHANGE_INTERVAL
        return self.client.outside.url(method, key, MIN_LINK_VALIDITY, query=query, at=at)

    def put_url(self, key: str, size: int, expires_in: float) -> str:
        """Return a signed URL to PUT exactly `size` bytes to, for `expires_in` seconds."""
        return self.client.outside.url("PUT", key, expires_in, size=size)

    async def _do(self, work: Callable[..., Result], *args: object) -> Result:
        await self._prepared()
        return await self._run(work, *args)

    async def _prepared(self) -> None:
        """Prepare the bucket once for all callers; after a failure the next caller repeats it."""
        task = self._preparing
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            self._preparing = task = asyncio.create_task(self._run(self.client.prepare))
        await asyncio.shield(task)

    async def _run(self, work: Callable[..., Result], *args: object) -> Result:
        """Run work in a thread; if the caller is cancelled, the thread still keeps its slot."""
        try:
            async with asyncio.timeout(THREAD_TIMEOUT):
                await self._slots.acquire()
        except TimeoutError:
            raise unavailable(
                self.place, f"{THREAD_COUNT} requests are under way, and none is answered"
            ) from None
        release = partial(asyncio.get_running_loop().call_soon_threadsafe, self._slots.release)
        future = self._pool.submit(self._translate_errors, work, *args)
        future.add_done_callback(lambda _: release())
        return await asyncio.wrap_future(future)

    def _translate_errors(self, work: Callable[..., Result], *args: object) -> Result:
        """Run work in the current thread, and translate the library's errors into ours."""
        try:
            return work(*args)
        except S3Error as error:
            if error.code == "NoSuchKey":
                raise ObjectMissing("No object has this key.") from None
            raise unavailable(self.place, reason_of(error.code, error.message)) from error
        except (HTTPError, MinioException, ParseError, UnicodeDecodeError) as error:
            raise unavailable(self.place, in_short(error)) from error
