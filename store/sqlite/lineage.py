"""The file beside the database: the lock of its one process, and which lineage it is of."""

import os
import secrets
from pathlib import Path

from ..errors import CannotOpen, DatabaseInUse

try:
    import fcntl
except ImportError:  # Windows: nothing watches over a second process there
    fcntl = None  # type: ignore[assignment]


class Lineage:
    """The file beside the database that tells two things of it.

    Its lock: one process at a time. Its words, against the database's own: each commit puts a new
    word into the database, and that word and the one before it here, first. So a database that was
    put back from a backup remembers a word that this file has long forgotten.
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
        self.is_known = False  # whether the database remembers our word, and no other
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
        """The word of the last commit, and the one before it or after it."""
        return os.pread(self._file, 200, 0).decode(errors="replace").split()

    def next(self) -> str:
        """The word of the commit that is about to be made."""
        self._coming = secrets.token_hex(8)
        os.pwrite(self._file, f"{self.word} {self._coming}\n".encode(), 0)
        return self._coming

    def turn(self) -> None:
        """Advances the lineage after its commit."""
        self.word = self._coming

    def settle(self) -> None:
        """No commit is under way: the database remembers this word and no other."""
        self.is_known = True
        os.pwrite(self._file, f"{self.word}\n".encode(), 0)
        os.ftruncate(self._file, len(self.word) + 1)

    def release(self) -> None:
        os.close(self._file)
