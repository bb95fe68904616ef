"""The interface of the two ends of a move: a database of either engine without other users."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol

from ..sqlite.address import is_sqlite
from .tables import CannotMove, Table

ROW_BATCH = 10_000  # rows in one transaction

Row = Sequence[Any]

Digest = tuple[int, ...]  # the count of rows, then a sum of each column


class TransferEndpoint(Protocol):
    """A database that no other process uses. Each method may raise CannotMove."""

    where: str

    def exists(self) -> bool: ...
    async def open(self) -> None: ...
    async def aclose(self) -> None: ...
    async def freeze(self) -> None:
        """Prevent others from writing to the database from now on."""

    async def thaw(self) -> None:
        """Commit the changes since `freeze`, and let others use the database."""

    async def meta(self) -> dict[str, str]:
        """Return the meta table; it is empty if there are no tables."""
        ...

    async def digest(self, table: Table) -> Digest: ...
    def rows(self, table: Table, start: int | None) -> AsyncIterator[Sequence[Row]]: ...
    async def last(self, table: Table) -> int | None: ...
    async def keys(self) -> tuple[list[str], list[str]]:
        """Return the keys of objects that messages hold, and of those of uploads."""
        ...

    async def add(self, table: Table, rows: Sequence[Row]) -> None:
        """Add the rows that do not exist yet."""

    async def counted(self, table: Table) -> int:
        """Return the highest id that was ever assigned, as far as it is known."""
        ...

    async def count_from(self, table: Table, highest: int) -> None: ...
    async def empty(self) -> None: ...
    async def keep(self, values: Mapping[str, str]) -> None:
        """Set values in the meta table."""


def end_of(url: str) -> TransferEndpoint:
    if is_sqlite(url):
        from .sqlite import SqliteEnd  # both are made of what stands here

        return SqliteEnd(url)
    from .postgres import PostgresEnd  # its driver may not be installed

    return PostgresEnd(url)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[TransferEndpoint]:
    """Open an end of a move. Raises CannotOpen, DatabaseInUse or CannotMove."""
    end = end_of(url)
    await end.open()
    try:
        yield end
    finally:
        await end.aclose()


@contextmanager
def translate_errors(where: str, kinds: tuple[type[Exception], ...]) -> Iterator[None]:
    """Raise CannotMove for an error of these kinds, which are those of the driver."""
    try:
        yield
    except kinds as error:
        why, *_ = [*str(error).splitlines(), type(error).__name__]
        raise CannotMove(f"{where}: {why}. Run the same command again to continue.") from error
