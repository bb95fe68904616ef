"""A bucket in a folder: objects are files, named by their keys."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from .bucket import BucketUnavailable, too_large
from .folder_files import FolderFiles, ObjectDraft

PIECE_SIZE = 1 << 18  # bytes of a stream that wait in memory
WRITE_PROOF_TTL = 5.0  # seconds for which a written file proves that there can be others

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
    """A bucket of files, in subfolders by the first two characters of their keys.

    After `put`, the whole object is on the disk; a failed or cancelled put leaves nothing behind.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._files = FolderFiles(self.root)
        self._pool = ThreadPoolExecutor(4, "bucket")
        self._proven_until = 0.0  # time.monotonic

    async def open(self) -> None:
        """Create the folder, and remove incomplete files that a crash has left."""
        await self._run(self._files.open)
        await self.check()

    async def aclose(self) -> None:
        await asyncio.to_thread(self._pool.shutdown)

    async def check(self) -> None:
        """Check that the folder can be written to. Raises BucketUnavailable.

        It writes a file, but not again within WRITE_PROOF_TTL, since anybody may ask for /readyz.
        """
        if time.monotonic() < self._proven_until:
            await self._run(self._files.check_access)
            return
        async with self._draft() as draft:
            await self._run(draft.write, b"\0" * 4096)
            await self._run(draft.remove)
        self._proven_until = time.monotonic() + WRITE_PROOF_TTL

    async def put(self, key: str, data: bytes) -> None:
        target = self._files.path_of(key)
        async with self._draft() as draft:
            await self._run(draft.write, data)
            await self._run(self._files.keep, draft, target)

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], max_size: int) -> int:
        """Store a stream and return its size; on an error, or above `max_size`, store nothing."""
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
        """Return the bytes of an object. Raises ObjectMissing and ObjectTooLarge."""
        return await self._run(self._files.read, key, max_size)

    async def stat(self, key: str) -> int | None:
        """Return the size of an object in bytes; None if it does not exist."""
        return await self._run(self._files.stat, key)

    async def path(self, key: str) -> Path | None:
        """Return the file to serve; None if it does not exist."""
        return None if await self.stat(key) is None else self._files.path_of(key)

    async def move(self, source: str, target: str) -> None:
        """Give an object another key, atomically."""
        await self._run(self._files.move, source, target)

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; ignore missing ones."""
        await self._run(self._files.delete, list(keys))

    async def sweep(self, older_than: float) -> None:
        """Do nothing: every object of a folder has a row in the database."""

    def get_url(self, method: str, key: str, headers: Mapping[str, str]) -> None:
        """Return None: only the app reads the folder."""

    def put_url(self, key: str, size: int, expires_in: float) -> None:
        """Return None: only the app writes into the folder."""

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
