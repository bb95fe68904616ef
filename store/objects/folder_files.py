"""The blocking file operations of a folder of objects, for use in threads."""

import errno
import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from .bucket import KEY, ObjectMissing, too_large

_DRAFTS = ".drafts"


class ObjectDraft:
    """An object that is being written, by one thread at a time.

    Its file is locked, so that another process that opens the folder does not remove it.
    """

    def __init__(self, at: Path) -> None:
        self._at = at
        self._lock = Lock()
        self._file: BinaryIO | None = None
        self._is_over = False

    def write(self, data: bytes) -> None:
        with self._lock:
            if self._is_over:
                return
            if self._file is None:
                self._file = self._begun()
            self._file.write(data)
            self._file.flush()

    def keep(self, target: Path) -> None:
        """Sync the file to the disk, then rename it to the target."""
        with self._lock:
            if self._is_over or self._file is None:
                return
            os.fsync(self._file.fileno())
            self._at = self._at.replace(target)
            self._file.close()
            _sync(target.parent)

    def remove(self) -> None:
        with self._lock:
            self._is_over = True
            if self._file is None:
                return
            try:
                self._file.close()
            finally:
                self._at.unlink()

    def abandon(self) -> None:
        with suppress(OSError):  # the error that led here is raised by the caller
            self.remove()

    def _begun(self) -> BinaryIO:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        while True:
            file = os.fdopen(os.open(self._at, flags, 0o600), "wb")
            with suppress(OSError):  # some network file systems have no locks
                fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(self._at, file):
                return file
            file.close()  # a process that opens the folder removed it before it was locked


class FolderFiles:
    """The files of a folder, in subfolders by the first two characters of their keys."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def new_draft(self) -> ObjectDraft:
        """Return an object without a key; its file is created with the first bytes."""
        return ObjectDraft(self.root / _DRAFTS / secrets.token_hex(16))

    def path_of(self, key: str) -> Path:
        """Return the path of an object. Raises ObjectMissing for a malformed key."""
        if not KEY.fullmatch(key):
            raise ObjectMissing("No object has a key like this.")
        prefix, _, name = key.rpartition("/")
        return self.root / prefix / name[:2] / name

    def open(self) -> None:
        drafts = self.root / _DRAFTS
        self.root.mkdir(0o700, parents=True, exist_ok=True)
        drafts.mkdir(0o700, exist_ok=True)
        for left in drafts.iterdir():
            _remove_unlocked(left)
        _sync(self.root)

    def check_access(self) -> None:
        """Raise OSError if this process may not write to the folder; write nothing."""
        os.stat(self.root / _DRAFTS)
        if not os.access(self.root / _DRAFTS, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def keep(self, draft: "ObjectDraft", target: Path) -> None:
        self._make_folder(target.parent)
        draft.keep(target)

    def read(self, key: str, max_size: int | None) -> bytes:
        try:
            with self.path_of(key).open("rb") as file:
                data = file.read(-1 if max_size is None else max_size + 1)
        except FileNotFoundError:
            raise self._missing() from None
        if max_size is not None and len(data) > max_size:
            raise too_large(max_size)
        return data

    def stat(self, key: str) -> int | None:
        try:
            return self.path_of(key).stat().st_size
        except (FileNotFoundError, ObjectMissing):
            self._missing()
            return None

    def move(self, source: str, target: str) -> None:
        old, new = self.path_of(source), self.path_of(target)
        self._make_folder(new.parent)
        try:
            old.replace(new)
        except FileNotFoundError:
            raise self._missing() from None
        _sync(new.parent)
        _sync(old.parent)

    def delete(self, keys: list[str]) -> None:
        paths = [self.path_of(key) for key in keys if KEY.fullmatch(key)]
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
        """Return the error of a missing object; if the folder itself is missing, raise OSError."""
        os.stat(self.root / _DRAFTS)
        return ObjectMissing("No object has this key.")

    def _make_folder(self, folder: Path) -> None:
        """Create a subfolder durably, but never the folder itself: it may be a lost mount."""
        if folder.is_dir() or folder == self.root:
            return
        self._make_folder(folder.parent)
        folder.mkdir(0o700, exist_ok=True)
        _sync(folder.parent)


def _is_at(path: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _remove_unlocked(left: Path) -> None:
    try:
        with left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()
    except (BlockingIOError, FileNotFoundError):
        return  # another process is writing it, or has just finished


def _sync(folder: Path) -> None:
    """Sync a folder, after which new and changed names survive a power failure."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
