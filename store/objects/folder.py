"""A bucket that is a folder: objects as files under their keys."""

import asyncio
import fcntl
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import BinaryIO, TypeVar
from urllib.parse import unquote

from .bucket import KEY, BucketUnavailable, ObjectMissing, too_large


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


_DRAFTS = ".drafts"

_PIECE = 1 << 18  # what waits in memory of a stream

Result = TypeVar("Result")


class Folder:
    """Objects as files, in subfolders by the first two characters of their keys.

    What was put is on the disk, whole; a put that fails, or is cancelled, leaves nothing behind.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._pool = ThreadPoolExecutor(4, "bucket")

    async def open(self) -> None:
        """Makes the folder, and removes what a crash left half written."""
        await self._run(self._open)
        await self.check()

    async def aclose(self) -> None:
        await asyncio.to_thread(self._pool.shutdown)

    async def check(self) -> None:
        """Can something be written here?"""
        async with self._draft() as draft:
            await self._run(draft.write, b"\0" * 4096)
            await self._run(draft.remove)

    async def put(self, key: str, data: bytes) -> None:
        target = self._at(key)
        async with self._draft() as draft:
            await self._run(draft.write, data)
            await self._run(self._keep, draft, target)

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], max_size: int) -> int:
        """Stores what comes, says how much it was; nothing if it is too much or breaks off."""
        target, size, waiting = self._at(key), 0, bytearray()
        async with self._draft() as draft:
            async for chunk in chunks:
                size += len(chunk)
                if size > max_size:
                    raise too_large(max_size)
                waiting += chunk
                if len(waiting) >= _PIECE:
                    await self._run(draft.write, bytes(waiting))
                    waiting.clear()
            await self._run(draft.write, bytes(waiting))
            await self._run(self._keep, draft, target)
        return size

    async def read(self, key: str, max_size: int | None = None) -> bytes:
        """An object whole, or ObjectTooLarge."""
        return await self._run(self._read, key, max_size)

    async def stat(self, key: str) -> int | None:
        """The size of an object; None where there is none."""
        return await self._run(self._stat, key)

    async def path(self, key: str) -> Path | None:
        """The file to serve; None where there is none."""
        return None if await self.stat(key) is None else self._at(key)

    async def move(self, source: str, target: str) -> None:
        """Gives an object another key, at once and for everybody."""
        await self._run(self._move, source, target)

    async def delete(self, keys: Iterable[str]) -> None:
        """Removes objects; those that are missing already are fine."""
        await self._run(self._delete, list(keys))

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
    async def _draft(self) -> AsyncIterator["_Draft"]:
        draft = _Draft(self.root / _DRAFTS / secrets.token_hex(16))
        try:
            yield draft
        except BaseException:
            loop = asyncio.get_running_loop()
            await asyncio.shield(loop.run_in_executor(self._pool, draft.abandon))
            raise

    def _at(self, key: str) -> Path:
        """Returns the path of an object; raises ObjectMissing for a malformed key."""
        if not KEY.fullmatch(key):
            raise ObjectMissing("No object has a key like this.")
        prefix, _, name = key.rpartition("/")
        return self.root / prefix / name[:2] / name

    # From here on: what runs in threads.

    def _open(self) -> None:
        drafts = self.root / _DRAFTS
        self.root.mkdir(0o700, parents=True, exist_ok=True)
        drafts.mkdir(0o700, exist_ok=True)
        for left in drafts.iterdir():
            _remove_unlocked(left)
        _sync(self.root)

    def _keep(self, draft: "_Draft", target: Path) -> None:
        self._make(target.parent)
        draft.keep(target)

    def _read(self, key: str, max_size: int | None) -> bytes:
        try:
            with self._at(key).open("rb") as file:
                data = file.read(-1 if max_size is None else max_size + 1)
        except FileNotFoundError:
            raise self._missing() from None
        if max_size is not None and len(data) > max_size:
            raise too_large(max_size)
        return data

    def _stat(self, key: str) -> int | None:
        try:
            return self._at(key).stat().st_size
        except (FileNotFoundError, ObjectMissing):
            self._missing()
            return None

    def _move(self, source: str, target: str) -> None:
        old, new = self._at(source), self._at(target)
        self._make(new.parent)
        try:
            old.replace(new)
        except FileNotFoundError:
            raise self._missing() from None
        _sync(new.parent)
        _sync(old.parent)

    def _delete(self, keys: list[str]) -> None:
        paths = [self._at(key) for key in keys if KEY.fullmatch(key)]
        changed = {path.parent for path in paths if self._removed(path)}
        for folder in changed:
            _sync(folder)

    def _removed(self, path: Path) -> bool:
        try:
            path.unlink()
        except FileNotFoundError:
            self._missing()
            return False
        return True

    def _missing(self) -> ObjectMissing:
        """An object is missing only while the folder is there: a lost mount has lost nothing."""
        os.stat(self.root / _DRAFTS)
        return ObjectMissing("No object has this key.")

    def _make(self, folder: Path) -> None:
        """A subfolder, durably; never the folder itself, which would hide a lost mount."""
        if folder.is_dir() or folder == self.root:
            return
        self._make(folder.parent)
        folder.mkdir(0o700, exist_ok=True)
        _sync(folder.parent)


class _Draft:
    """An object under way, written in threads, one at a time.

    Its file is locked while this process lives: another one that opens the folder leaves it alone.
    """

    def __init__(self, at: Path) -> None:
        self._at = at
        self._turn = Lock()
        self._file: BinaryIO | None = None
        self._is_over = False

    def write(self, data: bytes) -> None:
        with self._turn:
            if self._is_over:
                return
            if self._file is None:
                self._file = self._begun()
            self._file.write(data)
            self._file.flush()

    def keep(self, target: Path) -> None:
        """On the disk first, under its name then."""
        with self._turn:
            if self._is_over or self._file is None:
                return
            os.fsync(self._file.fileno())
            self._at = self._at.replace(target)
            self._file.close()
            _sync(target.parent)

    def remove(self) -> None:
        with self._turn:
            self._is_over = True
            if self._file is None:
                return
            try:
                self._file.close()
            finally:
                self._at.unlink()

    def abandon(self) -> None:
        with suppress(OSError):  # the error that led here is the one to tell
            self.remove()

    def _begun(self) -> BinaryIO:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        file = os.fdopen(os.open(self._at, flags, 0o600), "wb")
        with suppress(OSError):  # some network file systems know no locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return file


def _remove_unlocked(left: Path) -> None:
    try:
        with left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()
    except (BlockingIOError, FileNotFoundError):
        return  # another process is writing it, or has just finished


def _sync(folder: Path) -> None:
    """A new or changed name in a folder survives a power cut only after this."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
