"""Files are checked in a thread, one at a time: more would keep the event loop waiting."""

import asyncio

from ...protocol.actions import File
from ...settings.model import AttachmentSettings as AttachmentSettings
from . import content
from .content import Checked, Policy
from .media_types import ANY


class FileChecks:
    """The checks of all files that come in, by what the settings allow at the time."""

    def __init__(self, settings: AttachmentSettings) -> None:
        self._settings = settings
        self._turn = asyncio.Lock()

    @property
    def policy(self) -> Policy:
        return content.policy_of(self._settings)

    async def unpack(self, file: File, data: str) -> Checked:
        """Return a file whose bytes came in base64, as it is kept.

        Raises FileType, FileTooLarge or FileInvalid.
        """
        assert file.size is not None  # File sees to it
        kind = file.type or ANY
        async with self._turn:
            return await asyncio.to_thread(content.unpack, data, kind, file.size, self.policy)

    async def check(self, data: bytes, content_type: str, size: int | None) -> Checked:
        """Return a file as it is kept; `size` is what was declared.

        Raises FileType, FileTooLarge or FileInvalid.
        """
        async with self._turn:
            return await asyncio.to_thread(content.check, data, content_type, size, self.policy)
