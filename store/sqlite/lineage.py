"""The file beside the database: the lock of its one process, and its lineage words."""

import os
import secrets
from pathlib import Path

from ..errors import CannotOpen, DatabaseInUse

try:
    import fcntl
except ImportError:  # Windows: a second process is not detected there
    fcntl = None  # type: ignore[assignment]


class Lineage:
    """The file beside the database, which has two purposes.

    Its lock allows one process at a time. Its words detect a restored backup: each commit writes a
    new word into the database and, before that, the new and the previous word into this file. A
    database from a backup holds an older word, which this file no longer has.
    """

    def __init__(self, path: Path) -> None:
        self._database = path
        self._path = path.with_name(path.name + "-lineage")
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CannotOpen(f"The database {path} can't be opened: {error.strerror}.") from error
        if fcntl is not None:
            self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.is_known = False  # whether the database holds our word
        self.word = self._coming = (self.words() or [secrets.token_hex(8)])[-1]

    def _lock(self, how: int) -> None:
        try:
            fcntl.flock(self._file, how)
        except OSError:
            os.close(self._file)
            raise DatabaseInUse(
                f"The database {self._database} is in use by another roomcast process. "
                "SQLite serves one process: stop the other one."
            ) from None

    def words(self) -> list[str]:
        """Return the words in the file: one, or two around a commit."""
        return os.pread(self._file, 200, 0).decode(errors="replace").split()

    def next(self) -> str:
        """Write the word of the next commit to the file, and return it."""
        self._coming = secrets.token_hex(8)
        os.pwrite(self._file, f"{self.word} {self._coming}\n".encode(), 0)
        return self._coming

    def advance(self) -> None:
        """Advance to the word of the commit that was just made."""
        self.word = self._coming

    def settle(self) -> None:
        """Write only the present word: no commit is under way, so the database holds it."""
        self.is_known = True
        os.pwrite(self._file, f"{self.word}\n".encode(), 0)
        os.ftruncate(self._file, len(self.word) + 1)

    def release(self) -> None:
        os.close(self._file)
