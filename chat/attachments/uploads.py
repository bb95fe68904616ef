"""Finishes uploads: moves them to a key that no client can write to, checks and cleans them."""

import logging
import time
from contextlib import suppress
from functools import partial

from ...protocol.errors import (
    FileInvalid,
    FileMissing,
    FileTooLarge,
    FileType,
    StorageUnavailable,
)
from ...protocol.ids import is_clean
from ...settings.model import AttachmentSettings as AttachmentSettings
from ...store import uploads
from ...store.objects.bucket import (
    UPLOADS,
    Bucket,
    BucketUnavailable,
    ObjectMissing,
    ObjectTooLarge,
)
from ...store.store import Store
from ...store.uploads import CLEANING, READY, UploadRow
from .checks import FileChecks
from .cleanup import UnusedObjects
from .content import Checked
from .names import safe_name

log = logging.getLogger("roomcast.attachments")


def refuse_unavailable(error: BucketUnavailable) -> StorageUnavailable:
    """Log why the bucket can't be used, and return the refusal for the client."""
    log.warning("file refused: error=%s", error)
    return StorageUnavailable()


def expiry_of(settings: AttachmentSettings) -> int:
    """Return when a file that is stored now and not sent expires: microseconds since 1970, UTC."""
    return int((time.time() + settings.unsent_ttl) * 1_000_000)


class FinishedUploads:
    """Turns an upload at its signed URL into an object that a message can use."""

    def __init__(
        self,
        settings: AttachmentSettings,
        store: Store,
        bucket: Bucket,
        unused: UnusedObjects,
        checks: FileChecks,
    ) -> None:
        self._settings = settings
        self._store = store
        self._bucket = bucket
        self._unused = unused
        self._checks = checks

    async def finish(self, room_id: int, user_id: str, file_path: str) -> UploadRow:
        """Move a finished upload to a key that no client can write to, and check it.

        It is safe to repeat until the message is stored. A file that is not allowed is deleted.
        """
        key = file_path.removeprefix(UPLOADS)
        if not is_clean(key):
            raise FileMissing
        upload = await self._claimed(key, room_id, user_id)
        if upload.is_ready != READY:
            await self._make_ready(upload)
        return upload

    async def _make_ready(self, upload: UploadRow) -> None:
        """Check the bytes at their final key, and clean them there.

        A crash while they are replaced leaves the old bytes or the new ones: both can be checked
        again.
        """
        data = await self.move_upload(upload)
        found = await self._checked(upload, data)
        upload.name = safe_name(upload.name, found.content_type)
        upload.content_type, upload.size = found.content_type, len(found.content)
        upload.width, upload.height = found.width, found.height
        if found.content is not data:
            await self._mark(upload, CLEANING)
            try:
                await self._bucket.put(upload.key, found.content)
            except BucketUnavailable as error:
                raise refuse_unavailable(error) from error
        await self._mark(upload, READY)

    async def _mark(self, upload: UploadRow, state: int) -> None:
        upload.is_ready = state
        if not await self._store.write(partial(uploads.update, upload=upload)):
            raise FileMissing("This upload was sent already.")

    async def _claimed(self, key: str, room_id: int, user_id: str) -> UploadRow:
        """Return the upload under its final key: one row, so that only one message can use it."""
        upload = await self._find(UPLOADS + key, room_id, user_id)
        if upload is not None:
            if not await self._has(upload.key):
                raise FileMissing
            upload.expires_at = expiry_of(self._settings)
            await self._store.write(partial(uploads.claim, upload=upload, key=key))
        upload = await self._find(key, room_id, user_id)
        if upload is None:
            raise FileMissing
        return upload

    async def _has(self, key: str) -> bool:
        try:
            return await self._bucket.stat(key) is not None
        except BucketUnavailable as error:
            raise refuse_unavailable(error) from error

    async def _find(self, key: str, room_id: int, user_id: str) -> UploadRow | None:
        now = time.time_ns() // 1000
        return await self._store.read(
            partial(uploads.get, key=key, room_id=room_id, user_id=user_id, now=now)
        )

    async def _checked(self, upload: UploadRow, data: bytes) -> Checked:
        """Check an upload and return it as it is to be stored; delete it if it is not allowed."""
        size = None if upload.is_ready == CLEANING else upload.size
        try:
            return await self._checks.check(data, upload.content_type, size)
        except (FileInvalid, FileTooLarge, FileType):
            await self._unused.remove_refused([upload.key])
            raise

    async def move_upload(self, upload: UploadRow) -> bytes:
        """Move the bytes to a key that only this server can write to, and return them."""
        key = upload.key
        try:
            with suppress(ObjectMissing):  # an earlier attempt has moved it
                await self._bucket.move(UPLOADS + key, key)
            return await self._bucket.read(key, self._settings.max_size)
        except BucketUnavailable as error:
            raise refuse_unavailable(error) from error
        except ObjectMissing:
            raise FileMissing from None
        except ObjectTooLarge as error:
            await self._unused.remove_refused([key])
            raise FileTooLarge(str(error)) from None
