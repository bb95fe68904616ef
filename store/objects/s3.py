"""A bucket of S3, whoever makes it: the app keeps objects there, clients GET and PUT them there."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit
from xml.etree.ElementTree import ParseError

from minio import Minio, S3Error
from minio.commonconfig import REPLACE, CopySource
from minio.credentials.providers import Provider
from minio.deleteobjects import DeleteObject
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from .bucket import KEY, UPLOADS, BucketUnavailable, ObjectMissing, too_large
from .s3_cors import allow_pages
from .s3_credentials import credentials_of
from .s3_http import S3Transport
from .s3_presign import Signer
from .s3_url import Place, S3Endpoint, place_of

log = logging.getLogger("roomcast.bucket")

THREADS = 16
FREE_WITHIN = 5.0  # seconds until a thread is
LINKS_LAST = 3_600.0
LINKS_CHANGE = 900.0  # until then a URL stays the same, and browsers know again what they fetched
SWEPT_EVERY = 3_600.0

_ANY_REGION = "us-east-1"
_SMALLEST_PART = 5 << 20
_NO_KEY = UPLOADS + "-"
_NO_TYPE = "application/octet-stream"
_TOLD = ("Content-Type", "Content-Disposition", "Cache-Control")  # headers that a URL can order
_REASONS = {
    "AccessDenied": "this key may not do that",
    "InvalidAccessKeyId": "this key is unknown there",
    "NoSuchBucket": "there is no such bucket",
    "RequestTimeTooSkewed": "the clock of this machine or of that is wrong",
    "SignatureDoesNotMatch": "the secret is wrong",
}

Result = TypeVar("Result")


class S3:
    """An S3 bucket. Requests run in threads; signing needs no request.

    A bucket that is unavailable at the start is prepared by the first call that reaches it.
    """

    def __init__(self, url: str) -> None:
        self.place = place_of(url)
        self.http = _transport(self.place)
        self._credentials = credentials_of(self.place)
        self._client = _client(self.place, self._credentials, self.http)
        self._sign_for(self.place.region or _ANY_REGION)
        self._pool = ThreadPoolExecutor(THREADS, "bucket")
        self._slots = asyncio.Semaphore(THREADS)
        self._preparing: asyncio.Task[None] | None = None
        self._swept_at = -SWEPT_EVERY

    async def open(self) -> None:
        """Creates the bucket if it is missing; if it is unavailable, logs that and goes on."""
        try:
            await self._prepared()
        except BucketUnavailable as error:
            log.warning("%s Until it can, messages have no files.", error)

    async def aclose(self) -> None:
        if self._preparing is not None:
            await asyncio.wait([self._preparing])
        await asyncio.to_thread(self._pool.shutdown)
        self.http.clear()

    async def check(self) -> None:
        """Does it answer, and to this key?"""
        await self._do(self._look)

    async def find(self) -> None:
        """Instead of open, for who only looks: makes nothing."""
        self._preparing = asyncio.create_task(self._run(self._find))
        await asyncio.shield(self._preparing)

    async def put(self, key: str, data: bytes) -> None:
        await self._do(self._put, key, data)

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], max_size: int) -> int:
        """Stores what comes, says how much it was; nothing if it is too much or breaks off."""
        data = bytearray()
        async for chunk in chunks:
            data += chunk
            if len(data) > max_size:
                raise too_large(max_size)
        await self.put(key, bytes(data))
        return len(data)

    async def read(self, key: str, max_size: int | None = None) -> bytes:
        """An object whole, or ObjectTooLarge."""
        return await self._do(self._read, key, max_size)

    async def stat(self, key: str) -> int | None:
        """The size of an object; None where there is none."""
        try:
            return await self._do(self._stat, key)
        except ObjectMissing:
            return None

    async def path(self, key: str) -> Path | None:
        """No file of this machine: get_url leads to the object."""

    async def move(self, source: str, target: str) -> None:
        """Copies, then deletes: done again, it comes to the same."""
        await self._do(self._move, source, target)

    async def delete(self, keys: Iterable[str]) -> None:
        """Removes objects; those that are missing already are fine."""
        await self._do(self._delete, [key for key in keys if KEY.fullmatch(key)])

    async def sweep(self, older_than: float) -> None:
        """Deletes objects that were PUT again after their upload had ended, and have no row."""
        if time.monotonic() - self._swept_at >= SWEPT_EVERY:
            await self._do(self._sweep, time.time() - older_than)
            self._swept_at = time.monotonic()

    def get_url(self, method: str, key: str, headers: Mapping[str, str]) -> str:
        """Returns a signed URL of the object for about an hour, with headers that S3 supports."""
        query = {f"response-{name.lower()}": headers[name] for name in _TOLD if name in headers}
        at = time.time() // LINKS_CHANGE * LINKS_CHANGE
        return self.outside.url(method, key, LINKS_LAST, query=query, at=at)

    def put_url(self, key: str, size: int, expires_in: float) -> str:
        """Returns a signed URL to PUT exactly `size` bytes to."""
        return self.outside.url("PUT", key, expires_in, size=size)

    async def _do(self, work: Callable[..., Result], *args: object) -> Result:
        await self._prepared()
        return await self._run(work, *args)

    async def _prepared(self) -> None:
        """Once, for all who need the bucket; again with the next one where it failed."""
        task = self._preparing
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            self._preparing = task = asyncio.create_task(self._run(self._prepare))
        await asyncio.shield(task)

    async def _run(self, work: Callable[..., Result], *args: object) -> Result:
        """A caller who goes away leaves the thread its slot until it is through."""
        try:
            async with asyncio.timeout(FREE_WITHIN):
                await self._slots.acquire()
        except TimeoutError:
            raise self._unavailable(
                f"{THREADS} requests are under way, and none comes back"
            ) from None
        release = partial(asyncio.get_running_loop().call_soon_threadsafe, self._slots.release)
        future = self._pool.submit(self._translate_errors, work, *args)
        future.add_done_callback(lambda _: release())
        return await asyncio.wrap_future(future)

    def _unavailable(self, why: str) -> BucketUnavailable:
        return BucketUnavailable(f"The {self.place} can't be used: {why}.")

    def _sign_for(self, region: str) -> None:
        self.inside = self._signer(self.place.endpoint, region)
        self.outside = self._signer(self.place.public, region)

    def _signer(self, endpoint: S3Endpoint, region: str) -> Signer:
        """The library knows how a bucket is addressed: by its path, or with Amazon by its host."""
        nobody = Minio(endpoint.host, secure=endpoint.is_secure, region=region)
        base = nobody.get_presigned_url("GET", self.place.bucket, "-").removesuffix("-")
        return Signer(base, self._credentials, region)

    # From here on: what runs in threads.

    def _translate_errors(self, work: Callable[..., Result], *args: object) -> Result:
        """Whatever goes wrong in the library, in our two words."""
        try:
            return work(*args)
        except S3Error as error:
            if error.code == "NoSuchKey":
                raise ObjectMissing("No object has this key.") from None
            raise self._unavailable(_reason_of(error.code, error.message)) from error
        except (HTTPError, MinioException, ParseError, UnicodeDecodeError) as error:
            raise self._unavailable(in_short(error)) from error

    def _prepare(self) -> None:
        try:
            self._find()
        except S3Error as error:
            if error.code != "NoSuchBucket":
                raise
            self._make()
            self._find()
        allow_pages(self.http, self.inside)

    def _find(self) -> None:
        """Is it there, and where? The library asks for its region, once, if that is not given."""
        self._look()
        url = urlsplit(self._client.get_presigned_url("GET", self.place.bucket, _NO_KEY))
        [credential] = parse_qs(url.query)["X-Amz-Credential"]
        self._sign_for(credential.split("/")[-3])

    def _look(self) -> None:
        list(self._client.list_objects(self.place.bucket, _NO_KEY, recursive=True))

    def _make(self) -> None:
        try:
            self._client.make_bucket(self.place.bucket)
        except S3Error as error:
            if error.code != "BucketAlreadyOwnedByYou":  # by another process, just now
                raise self._unavailable(
                    f"there is none, and none can be made ({error.code})"
                ) from error

    def _put(self, key: str, data: bytes) -> None:
        # In one part: the library would cut it into parts of 5 MiB, and start threads for them.
        part = max(len(data), _SMALLEST_PART)
        name = _checked(key)
        self._client.put_object(self.place.bucket, name, BytesIO(data), len(data), part_size=part)

    def _read(self, key: str, max_size: int | None) -> bytes:
        response = self._client.get_object(self.place.bucket, _checked(key))
        try:
            data = response.read(None if max_size is None else max_size + 1)
        finally:
            if response.length_remaining:
                response.close()  # or the next answer of this connection would begin with the rest
            response.release_conn()
        if max_size is not None and len(data) > max_size:
            raise too_large(max_size)
        return data

    def _stat(self, key: str) -> int | None:
        return self._client.stat_object(self.place.bucket, _checked(key)).size

    def _move(self, source: str, target: str) -> None:
        """Copies an object unless the target exists: its uploader can PUT another meanwhile.

        The type that the uploader declared is dropped: only a signed URL says what type an object
        has.
        """
        old, new = _checked(source), _checked(target)
        if not self._has(new):
            self._client.copy_object(
                self.place.bucket,
                new,
                CopySource(self.place.bucket, old),
                metadata={"Content-Type": _NO_TYPE},
                metadata_directive=REPLACE,
            )
        self._client.remove_object(self.place.bucket, old)

    def _has(self, key: str) -> bool:
        try:
            return self._stat(key) is not None
        except S3Error as error:
            if error.code != "NoSuchKey":
                raise
            return False

    def _delete(self, keys: Iterable[str]) -> None:
        wanted = [DeleteObject(key) for key in keys]
        for error in list(self._client.remove_objects(self.place.bucket, wanted)):
            if error.code != "NoSuchKey":
                raise self._unavailable(_reason_of(error.code, error.message))

    def _sweep(self, before: float) -> None:
        found = self._client.list_objects(self.place.bucket, UPLOADS, recursive=True)
        old = (
            o.object_name for o in found if o.last_modified and o.last_modified.timestamp() < before
        )
        self._delete(name for name in old if name and KEY.fullmatch(name))


def _transport(place: Place) -> S3Transport:
    try:
        return S3Transport(THREADS, place.ca)
    except OSError:
        raise ValueError("attachments.url: ca names no file of certificates.") from None


def _client(place: Place, credentials: Provider, http: S3Transport) -> Minio:
    try:
        return Minio(
            place.endpoint.host,
            credentials=credentials,
            secure=place.endpoint.is_secure,
            region=place.region,
            http_client=http,
        )
    except ValueError as error:
        raise ValueError(f"attachments.url: {error}.") from None


def _checked(key: str) -> str:
    if not KEY.fullmatch(key):
        raise ObjectMissing("No object has a key like this.")
    return key


def _reason_of(code: str | None, message: str | None) -> str:
    return f"{_REASONS.get(code or '', message or 'it refuses')} ({code})"


def in_short(error: Exception) -> str:
    if isinstance(error, ParseError | UnicodeDecodeError):
        return "what answers there is no S3"
    said = next((part for part in error.args if isinstance(part, str)), str(error))
    words = " ".join(said.split())
    return re.sub(r"^HTTPS?Connection(Pool)?\(.*?\): ", "", words)[:200].rstrip(".")
