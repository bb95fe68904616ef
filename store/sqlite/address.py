"""The address of a SQLite file: what stands behind `sqlite:///` is its path, letter by letter."""

from pathlib import Path

SCHEME = "sqlite:///"


def is_sqlite(url: str) -> bool:
    """Whether this address is one of SQLite's."""
    return url.startswith(SCHEME)


def parse_sqlite_url(url: str) -> Path:
    """The path of the file, relative or absolute: `#`, `%41` and spaces stand for themselves."""
    return Path(url.removeprefix(SCHEME))
