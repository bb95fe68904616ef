"""Checks files in a thread, one at a time, because several would delay the event loop."""

import asyncio

from ...protocol.actions import File
from ...settings.model import AttachmentSettings as AttachmentSettings
from . import content
from .content import Checked, Policy
from .media_types import ANY


class FileChecks:
    """Checks all incoming files against the settings in force."""

    def __init__(self, settings: AttachmentSettings) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()

    @property
    def policy(self) -> Policy:
        return content.policy_of(self._settings)

    async def unpack(self, file: File, data: str) -> Checked:
        """Return a file whose bytes came in base64, as it is to be stored.

        Raises FileType, FileTooLarge or FileInvalid.
        """
        assert file.size is not None  # File ensures that
        kind = file.type or ANY
        async with self._lock:
            return await asyncio.to_thread(content.unpack, data, kind, file.size, self.policy)

    async def check(self, data: bytes, content_type: str, size: int | None) -> Checked:
        """Return a file as it is to be stored; `size` is the declared size in bytes.

        Raises FileType, FileTooLarge or FileInvalid.
        """
        async with self._lock:
            return await asyncio.to_thread(content.check, data, content_type, size, self.policy)
