"""The service of attachments: checks bytes, stores them in the bucket, and makes links."""

import logging
import time
from collections.abc import Sequence
from functools import partial

from ...integrations.hooks import Draft
from ...protocol.actions import File
from ...protocol.errors import (
    Forbidden,
    InvalidFrame,
    NotFound,
    Refusal,
)
from ...protocol.ids import wire_user
from ...settings import BadSetting, Settings
from ...store import blocks, rooms, uploads
from ...store.messages import AttachmentRow
from ...store.messages.extra import SITE
from ...store.objects.bucket import (
    UPLOADS,
    Bucket,
    BucketUnavailable,
    bucket_of,
    new_key,
)
from ...store.store import Connection, Store
from ...store.uploads import READY, UploadRow
from ..serializers import Link
from ..text_policy import TextPolicy
from . import content, links
from .checks import FileChecks
from .cleanup import UnusedObjects
from .content import Checked
from .media_types import ANY, find_unknown
from .names import safe_name
from .thumbnails import Thumbnails
from .uploads import FinishedUploads, expiry_of, refuse_unavailable

log = logging.getLogger("roomcast.attachments")


class Attachments:
    """The service of attachments. Each object has a row before its first byte is stored."""

    def __init__(self, settings: Settings, store: Store, texts: TextPolicy) -> None:
        self._texts = texts
        self._settings = settings.attachments
        self._store = store
        try:
            self.bucket: Bucket = bucket_of(settings.attachments.url)
        except ValueError as error:
            raise BadSetting(str(error)) from None
        self.unused = UnusedObjects(store, self.bucket, self._settings.unsent_ttl)
        self.thumbnails = Thumbnails(self.bucket, self._settings.thumbnail_cache_size)
        self._checks = FileChecks(self._settings)
        self.uploads = FinishedUploads(
            self._settings, store, self.bucket, self.unused, self._checks
        )
        for kind in find_unknown(self._settings.types, content.MAGIC_TYPES):
            log.warning("attachments.types: no file can be sent as %s: its bytes are unknown", kind)

    @property
    def secret(self) -> bytes:
        return self._store.file_key

    def link(self, base: str) -> Link:
        """Return a function that makes signed URLs of attachments, starting with `base`."""

        def link(file: AttachmentRow) -> str:
            return links.download_url(
                self.secret, base, file.key, file.name, file.content_type, self.expires_at()
            )

        return link

    def expires_at(self) -> int:
        """Return when links made now expire, in seconds since 1970."""
        return links.expires_at(time.time(), self._settings.download_url_ttl)

    # ------------------------------------------------------------ bytes inside a frame

    async def keep(
        self, room_id: int, user_id: str, sent: Sequence[File], *, by_site: bool = False
    ) -> list[str]:
        """Check and store files, and return the keys of their objects. Raises the Refusal."""
        if len(sent) > self._settings.max_files:
            raise InvalidFrame(f"files: at most {self._settings.max_files} in one message.")
        paths = [f.file_path.removeprefix(UPLOADS) for f in sent if f.file_path is not None]
        if len(set(paths)) < len(paths):
            raise InvalidFrame("files: the same file_path stands there twice.")
        await self._check_sender(room_id, user_id, by_site=by_site)
        contents = [None if f.data is None else await self._checks.unpack(f, f.data) for f in sent]
        pixels = sum(found.pixels for found in contents if found is not None)
        content.check_pixels(pixels, self._checks.policy)
        fresh: list[str] = []
        keys: list[str] = []
        try:
            for file, found in zip(sent, contents, strict=True):
                if found is not None:
                    fresh.append(await self._put(room_id, user_id, file, found))
                    keys.append(fresh[-1])
                elif file.file_path is not None:
                    upload = await self.uploads.finish(room_id, user_id, file.file_path)
                    pixels += (upload.width or 0) * (upload.height or 0)
                    content.check_pixels(pixels, self._checks.policy)
                    keys.append(upload.key)
                else:
                    raise InvalidFrame("files: each needs data, or the file_path of an upload.")
        except Refusal:
            await self.unused.remove_refused(fresh)
            raise
        return keys

    async def _check_sender(self, room_id: int, user_id: str, *, by_site: bool = False) -> None:
        """Raise a Refusal if the user may not send files to the room; the site always may."""

        async def load(db: Connection) -> tuple[bool, bool]:
            if user_id == SITE:
                return await rooms.exists(db, room_id), False
            is_member = await rooms.has_member(db, room_id, user_id)
            return is_member, await blocks.is_silenced(db, room_id, user_id)

        is_member, is_silenced = await self._store.read(load)
        if not is_member:
            raise NotFound
        if is_silenced and not by_site:
            raise Forbidden

    async def _put(self, room_id: int, user_id: str, file: File, found: Checked) -> str:
        name = await self._approve_name(room_id, user_id, file, found.content_type)
        key, size = new_key(), len(found.content)
        until = expiry_of(self._settings)
        upload = UploadRow(key, room_id, user_id, name, found.content_type, size, READY, until)
        upload.width, upload.height = found.width, found.height
        await self._note(upload)
        try:
            await self.bucket.put(key, found.content)
        except BucketUnavailable as error:
            raise refuse_unavailable(error) from error
        return key

    async def _approve_name(self, room_id: int, user_id: str, file: File, kind: str) -> str:
        """Return the name that others will see: made safe, and approved by the host."""
        name = safe_name(file.name or "", kind)
        if not self._texts.asks_host:
            return name
        draft = Draft(room_id, wire_user(user_id), name, kind="file_name")
        return safe_name(await self._texts.approve(draft, user_id), kind)

    async def _note(self, upload: UploadRow) -> None:
        await self._store.write(partial(uploads.add, upload=upload))

    # ------------------------------------------------------------ bytes by a signed URL

    async def offer(self, room_id: int, user_id: str, file: File, base: str) -> tuple[str, str]:
        """Return the signed URL to PUT the bytes to, and the file_path that names the upload."""
        assert file.size is not None  # File ensures that
        limits = self._settings
        kind = content.check_declared(file.type or ANY, file.size, self._checks.policy)
        await self._check_sender(room_id, user_id)
        key = new_key(UPLOADS)
        name = await self._approve_name(room_id, user_id, file, kind)
        await self._note(
            UploadRow(key, room_id, user_id, name, kind, file.size, 0, expiry_of(self._settings))
        )
        try:
            url = self.bucket.put_url(key, file.size, limits.upload_url_ttl)
        except BucketUnavailable as error:
            raise refuse_unavailable(error) from error
        if url is None:
            expires = int(time.time() + limits.upload_url_ttl)
            url = links.upload_url(self.secret, base, key, kind, file.size, expires)
        return url, key
