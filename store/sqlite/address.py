"""The address of a SQLite file: the text after `sqlite:///` is its path, without any decoding."""

from pathlib import Path

SCHEME = "sqlite:///"


def is_sqlite(url: str) -> bool:
    """Return whether this is the address of a SQLite file."""
    return url.startswith(SCHEME)


def parse_sqlite_url(url: str) -> Path:
    """Return the path, relative or absolute; `#`, `%41` and spaces have no special meaning."""
    return Path(url.removeprefix(SCHEME))
