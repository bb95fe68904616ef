"""A bucket that is a folder: objects as files under their keys."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from .bucket import BucketUnavailable, too_large
from .folder_files import FolderFiles, ObjectDraft

PIECE_SIZE = 1 << 18  # bytes of a stream that wait in memory

Result = TypeVar("Result")


def parse_folder(rest: str) -> Path:
    if rest.startswith("//"):
        host, slash, rest = rest[2:].partition("/")
        if host not in ("", "localhost"):
            raise ValueError(
                "attachments.url: write file:./folder, file:/folder or file:///folder."
            )
        rest = slash + rest
    name = unquote(rest)
    if not name or "\0" in name:
        raise ValueError("attachments.url: the folder's name is missing or holds a NUL.")
    return Path(name)


class Folder:
    """Objects as files, in subfolders by the first two characters of their keys.

    What was put is on the disk, whole; a put that fails, or is cancelled, leaves nothing behind.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._files = FolderFiles(self.root)
        self._pool = ThreadPoolExecutor(4, "bucket")

    async def open(self) -> None:
        """Makes the folder, and removes what a crash left half written."""
        await self._run(self._files.open)
        await self.check()

    async def aclose(self) -> None:
        await asyncio.to_thread(self._pool.shutdown)

    async def check(self) -> None:
        """Can something be written here?"""
        async with self._draft() as draft:
            await self._run(draft.write, b"\0" * 4096)
            await self._run(draft.remove)

    async def put(self, key: str, data: bytes) -> None:
        target = self._files.path_of(key)
        async with self._draft() as draft:
            await self._run(draft.write, data)
            await self._run(self._files.keep, draft, target)

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], max_size: int) -> int:
        """Stores what comes, says how much it was; nothing if it is too much or breaks off."""
        target, size, waiting = self._files.path_of(key), 0, bytearray()
        async with self._draft() as draft:
            async for chunk in chunks:
                size += len(chunk)
                if size > max_size:
                    raise too_large(max_size)
                waiting += chunk
                if len(waiting) >= PIECE_SIZE:
                    await self._run(draft.write, bytes(waiting))
                    waiting.clear()
            await self._run(draft.write, bytes(waiting))
            await self._run(self._files.keep, draft, target)
        return size

    async def read(self, key: str, max_size: int | None = None) -> bytes:
        """An object whole, or ObjectTooLarge."""
        return await self._run(self._files.read, key, max_size)

    async def stat(self, key: str) -> int | None:
        """The size of an object; None where there is none."""
        return await self._run(self._files.stat, key)

    async def path(self, key: str) -> Path | None:
        """The file to serve; None where there is none."""
        return None if await self.stat(key) is None else self._files.path_of(key)

    async def move(self, source: str, target: str) -> None:
        """Gives an object another key, at once and for everybody."""
        await self._run(self._files.move, source, target)

    async def delete(self, keys: Iterable[str]) -> None:
        """Removes objects; those that are missing already are fine."""
        await self._run(self._files.delete, list(keys))

    async def sweep(self, older_than: float) -> None:
        """Finds nothing: what the app let in has a row, which tells of it."""

    def get_url(self, method: str, key: str, headers: Mapping[str, str]) -> None:
        """Nobody but the app reads the folder."""

    def put_url(self, key: str, size: int, expires_in: float) -> None:
        """Nobody but the app writes into the folder."""

    async def _run(self, work: Callable[..., Result], *args: object) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)
        except OSError as error:
            why = error.strerror or str(error)
            raise BucketUnavailable(f"The folder {self.root} can't be used: {why}.") from error

    @asynccontextmanager
    async def _draft(self) -> AsyncIterator[ObjectDraft]:
        draft = self._files.new_draft()
        try:
            yield draft
        except BaseException:
            loop = asyncio.get_running_loop()
            await asyncio.shield(loop.run_in_executor(self._pool, draft.abandon))
            raise
