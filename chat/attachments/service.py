"""Attachments on their way: bytes are looked at, kept in the bucket, and found again by a link."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from ...integrations.hooks import Draft
from ...protocol.actions import File
from ...protocol.errors import (
    FileInvalid,
    FileMissing,
    FileTooLarge,
    FileType,
    Forbidden,
    InvalidFrame,
    NotFound,
    Refusal,
    StorageUnavailable,
)
from ...protocol.ids import is_clean, wire_user
from ...settings import BadSetting, Settings
from ...store import blocks, rooms, uploads
from ...store.messages import Attachment
from ...store.objects.bucket import (
    UPLOADS,
    Bucket,
    BucketUnavailable,
    ObjectMissing,
    ObjectTooLarge,
    bucket_of,
    new_key,
)
from ...store.store import Connection, Store
from ...store.uploads import CLEANING, READY, Upload
from ..serializers import Link
from ..text_policy import TextPolicy
from . import content, links
from .content import Checked, Policy
from .media_types import ANY, find_unknown
from .names import safe_name

log = logging.getLogger("roomcast.attachments")
SWEPT_AT_ONCE = 100


def _away(error: BucketUnavailable) -> StorageUnavailable:
    log.warning("A file was refused: %s", error)
    return StorageUnavailable()


class Attachments:
    """Every object has a row from before its first byte: nothing is left that nobody knows of."""

    def __init__(self, settings: Settings, store: Store, texts: TextPolicy) -> None:
        self._texts = texts
        self._settings = settings.attachments
        limits = settings.attachments
        self._policy = Policy(
            limits.types, limits.max_size, limits.max_pixels, limits.strip_metadata
        )
        self._store = store
        try:
            self.bucket: Bucket = bucket_of(settings.attachments.url)
        except ValueError as error:
            raise BadSetting(str(error)) from None

        for kind in find_unknown(limits.types, content.MAGIC_TYPES):
            log.warning("attachments.types: no file can be sent as %s: its bytes are unknown", kind)

    @property
    def secret(self) -> bytes:
        return self._store.file_key

    def link(self, base: str) -> Link:
        """Makes the signed URLs of attachments that start with `base`."""

        def link(file: Attachment) -> str:
            return links.download_url(
                self.secret, base, file.key, file.name, file.content_type, self.expires_at()
            )

        return link

    def expires_at(self) -> int:
        """When the links expire that are made now."""
        return links.expires_at(time.time(), self._settings.download_url_ttl)

    # ------------------------------------------------------------ bytes inside a frame

    async def keep(self, room_id: int, user_id: str, sent: Sequence[File]) -> list[str]:
        """The keys of these files' objects. All are right and stored, or a Refusal says why not."""
        if len(sent) > self._settings.max_files:
            raise InvalidFrame(f"files: at most {self._settings.max_files} in one message.")
        paths = [f.file_path.removeprefix(UPLOADS) for f in sent if f.file_path is not None]
        if len(set(paths)) < len(paths):
            raise InvalidFrame("files: the same file_path stands there twice.")
        await self._check_sender(room_id, user_id)
        contents = [None if f.data is None else await self._unpack(f, f.data) for f in sent]
        pixels = sum(found.pixels for found in contents if found is not None)
        content.check_pixels(pixels, self._policy)
        fresh: list[str] = []
        keys: list[str] = []
        try:
            for file, found in zip(sent, contents, strict=True):
                if found is not None:
                    fresh.append(await self._put(room_id, user_id, file, found))
                    keys.append(fresh[-1])
                elif file.file_path is not None:
                    upload = await self.finish(room_id, user_id, file.file_path)
                    pixels += (upload.width or 0) * (upload.height or 0)
                    content.check_pixels(pixels, self._policy)
                    keys.append(upload.key)
                else:
                    raise InvalidFrame("files: each needs data, or the file_path of an upload.")
        except Refusal:
            await self.drop(fresh)
            raise
        return keys

    async def _check_sender(self, room_id: int, user_id: str) -> None:
        async def look(db: Connection) -> tuple[bool, bool]:
            is_member = await rooms.has_member(db, room_id, user_id)
            return is_member, await blocks.is_blocked(db, room_id, user_id)

        is_member, is_blocked = await self._store.read(look)
        if not is_member:
            raise NotFound
        if is_blocked:
            raise Forbidden

    async def _unpack(self, file: File, data: str) -> Checked:
        assert file.size is not None  # File sees to it
        return await asyncio.to_thread(
            content.unpack, data, file.type or ANY, file.size, self._policy
        )

    async def _put(self, room_id: int, user_id: str, file: File, found: Checked) -> str:
        name = await self._approve_name(room_id, user_id, file, found.content_type)
        key, size = new_key(), len(found.content)
        upload = Upload(key, room_id, user_id, name, found.content_type, size, READY, self._expiry)
        upload.width, upload.height = found.width, found.height
        await self._note(upload)
        try:
            await self.bucket.put(key, found.content)
        except BucketUnavailable as error:
            raise _away(error) from error
        return key

    async def _approve_name(self, room_id: int, user_id: str, file: File, kind: str) -> str:
        """The name as others will see it: made safe, and as the host wants it."""
        name = safe_name(file.name or "", kind)
        if not self._texts.asks_host:
            return name
        draft = Draft(room_id, wire_user(user_id), name, kind="file_name")
        return safe_name(await self._texts.approve(draft, user_id), kind)

    async def _note(self, upload: Upload) -> None:
        await self._store.write(partial(uploads.add, upload=upload))

    @property
    def _expiry(self) -> int:
        """Microseconds since 1970, UTC: when what is noted now and never sent is swept."""
        return int((time.time() + self._settings.unsent_ttl) * 1_000_000)

    # ------------------------------------------------------------ bytes by a signed URL

    async def offer(self, room_id: int, user_id: str, file: File, base: str) -> tuple[str, str]:
        """The signed URL to PUT the bytes to, and the file_path that names the upload."""
        assert file.size is not None  # File sees to it
        limits = self._settings
        kind = content.check_declared(file.type or ANY, file.size, self._policy)
        await self._check_sender(room_id, user_id)
        key = new_key(UPLOADS)
        name = await self._approve_name(room_id, user_id, file, kind)
        await self._note(Upload(key, room_id, user_id, name, kind, file.size, 0, self._expiry))
        url = self.bucket.put_url(key, file.size, limits.upload_url_ttl)
        if url is None:
            expires = int(time.time() + limits.upload_url_ttl)
            url = links.upload_url(self.secret, base, key, kind, file.size, expires)
        return url, key

    async def finish(self, room_id: int, user_id: str, file_path: str) -> Upload:
        """A finished upload: moved to where nobody can swap it, then looked at.

        Safe to repeat until the message is stored. What is not what was declared is deleted.
        """
        key = file_path.removeprefix(UPLOADS)
        if not is_clean(key):
            raise FileMissing
        upload = await self._claimed(key, room_id, user_id)
        if upload.is_ready != READY:
            await self._make_ready(upload)
        return upload

    async def _make_ready(self, upload: Upload) -> None:
        """Looks at the bytes at their final key, and cleans them there.

        A crash while they are replaced leaves the old bytes or the new ones: both may be looked at
        again.
        """
        data = await self._moved(upload)
        found = await self._checked(upload, data)
        upload.name = safe_name(upload.name, found.content_type)
        upload.content_type, upload.size = found.content_type, len(found.content)
        upload.width, upload.height = found.width, found.height
        if found.content is not data:
            await self._mark(upload, CLEANING)
            try:
                await self.bucket.put(upload.key, found.content)
            except BucketUnavailable as error:
                raise _away(error) from error
        await self._mark(upload, READY)

    async def _mark(self, upload: Upload, state: int) -> None:
        upload.is_ready = state
        if not await self._store.write(partial(uploads.update, upload=upload)):
            raise FileMissing("This upload was sent already.")

    async def _claimed(self, key: str, room_id: int, user_id: str) -> Upload:
        """The upload under its final key: one row, so that one message can take it."""
        upload = await self._find(UPLOADS + key, room_id, user_id)
        if upload is not None:
            if not await self._has(upload.key):
                raise FileMissing
            upload.expires_at = self._expiry
            await self._store.write(partial(uploads.claim, upload=upload, key=key))
        upload = await self._find(key, room_id, user_id)
        if upload is None:
            raise FileMissing
        return upload

    async def _has(self, key: str) -> bool:
        try:
            return await self.bucket.stat(key) is not None
        except BucketUnavailable as error:
            raise _away(error) from error

    async def _find(self, key: str, room_id: int, user_id: str) -> Upload | None:
        now = time.time_ns() // 1000
        return await self._store.read(
            partial(uploads.get, key=key, room_id=room_id, user_id=user_id, now=now)
        )

    async def _checked(self, upload: Upload, data: bytes) -> Checked:
        """What was uploaded, as it is kept. What may not be sent is deleted."""
        size = None if upload.is_ready == CLEANING else upload.size
        check = partial(content.check, data, upload.content_type, size, self._policy)
        try:
            return await asyncio.to_thread(check)
        except (FileInvalid, FileTooLarge, FileType):
            await self.drop([upload.key])
            raise

    async def _moved(self, upload: Upload) -> bytes:
        """The bytes, moved to where nobody but this server writes."""
        key = upload.key
        try:
            with suppress(ObjectMissing):  # an earlier try has moved it
                await self.bucket.move(UPLOADS + key, key)
            return await self.bucket.read(key, self._settings.max_size)
        except BucketUnavailable as error:
            raise _away(error) from error
        except ObjectMissing:
            raise FileMissing from None
        except ObjectTooLarge as error:
            await self.drop([key])
            raise FileTooLarge(str(error)) from None

    # ------------------------------------------------------------ what nobody needs any more

    async def drop(self, keys: Sequence[str]) -> None:
        """Gone at once where the bucket answers, else with a later sweep."""
        if keys:
            await self._store.write(partial(uploads.expire, keys=keys))
            await self._remove(keys)

    async def sweep(self) -> None:
        """Takes every object that no message holds and that is past its time."""
        while True:
            now = time.time_ns() // 1000
            keys = await self._store.read(partial(uploads.expired, now=now, limit=SWEPT_AT_ONCE))
            if not keys or not await self._remove(keys):
                break
        try:
            await self.bucket.sweep(self._settings.unsent_ttl)
        except BucketUnavailable as error:
            log.info("Not swept: %s", error)

    async def _remove(self, keys: Sequence[str]) -> bool:
        """An upload that was claimed may still lie where it was PUT."""
        objects = [*keys, *(UPLOADS + key for key in keys if not key.startswith(UPLOADS))]
        try:
            await self.bucket.delete(objects)
        except BucketUnavailable:
            return False  # their rows stay: the next sweep finds them
        await self._store.write(partial(uploads.forget, keys=keys))
        return True
