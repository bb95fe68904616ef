"""The tables of schema.sql, and the statements that are the same for each of them."""
# ruff: noqa: S608 # every name in these statements is one of schema.sql

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import cache

from msgspec import Struct

from .. import schema

DERIVED_TABLES = "search", "search_upto", "room_words", "word_changes"  # rebuilt if they are empty
DIGEST_PRIME = 1_000_003  # sums of remainders fit into 64 bits


class CannotMove(Exception):
    """A database can't be moved; the text says why, and what to do about it."""


class Table(Struct, frozen=True):
    """A table of schema.sql; `key` is unique on both engines."""

    name: str
    columns: tuple[str, ...]
    numbers: tuple[str, ...]  # the columns of whole numbers
    key: tuple[str, ...]
    counts: bool  # whether its ids come from a sequence

    @property
    def text(self) -> str:
        return ", ".join(self.columns)

    def digest(self, size: str) -> str:
        """Return the query for the digest; `size` is the expression for the bytes of a text."""
        sums = (
            f"{name} % {DIGEST_PRIME}" if name in self.numbers else size.format(name)
            for name in self.columns
        )
        parts = ["count(*)", *(f"CAST(coalesce(sum({each}), 0) AS bigint)" for each in sums)]
        return f"SELECT {', '.join(parts)} FROM {self.name}"

    def rows(self, start: int | None) -> str:
        where = "" if start is None else f"WHERE {self.key[0]} >= {start:d}"
        return f"SELECT {self.text} FROM {self.name} {where} ORDER BY {', '.join(self.key)}"

    @property
    def last(self) -> str | None:
        """Return the query for the last copied key; None if keys are texts."""
        first = self.key[0]
        return f"SELECT max({first}) FROM {self.name}" if first in self.numbers else None


@cache
def tables() -> tuple[Table, ...]:
    """Return all tables to copy, without meta and derived ones, each after those it refers to."""
    query = """
        SELECT name, sql LIKE :identity FROM sqlite_master
         WHERE type = 'table' AND name NOT GLOB 'search*'
           AND name NOT IN ('meta', 'processes', 'presence', 'revocations', 'sqlite_sequence',
                          'room_words', 'word_changes')
         ORDER BY rowid
    """
    with closing(sqlite3.connect(":memory:")) as db:
        for statement in schema.statements_of(schema.SCHEMA.read_text(), "sqlite"):
            db.execute(statement)
        found = db.execute(query, {"identity": "%autoincrement%"}).fetchall()
        return tuple(_table(db, name, bool(counts)) for name, counts in found)


def _table(db: sqlite3.Connection, name: str, counts: bool) -> Table:
    columns = db.execute("SELECT name, type, pk FROM pragma_table_info(?)", (name,)).fetchall()
    numbers = tuple(column for column, kind, _ in columns if "int" in kind.lower())
    places = sorted((place, column) for column, _, place in columns if place)
    key = tuple(column for _, column in places)
    if counts:
        # An identity column is unique on SQLite, but not necessarily on PostgreSQL.
        key = next((unique for unique in _uniques(db, name) if key[0] in unique), key)
    return Table(name, tuple(column for column, *_ in columns), numbers, key, counts)


def _uniques(db: sqlite3.Connection, name: str) -> Iterator[tuple[str, ...]]:
    query = "SELECT name FROM pragma_index_list(?) WHERE origin = 'u' ORDER BY seq DESC"
    for (index,) in db.execute(query, (name,)).fetchall():
        query = "SELECT name FROM pragma_index_info(?) ORDER BY seqno"
        yield tuple(column for (column,) in db.execute(query, (index,)))
