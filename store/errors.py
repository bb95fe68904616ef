"""Errors of a database."""

MAX_ATTEMPTS = 5  # after conflicts with other processes: a deadlock, or the same client_id


class CannotOpen(Exception):
    """The database can't be opened; the message says which and why."""


class NotYetOpen(CannotOpen):
    """Nobody answers at the database's address, or it is starting: a later try may succeed."""


class DatabaseInUse(CannotOpen):
    """Another process uses this database, and neither would receive the other's events."""


class DatabaseUnavailable(Exception):
    """The database did not answer. What was being written may or may not have been stored."""


class DatabaseError(Exception):
    """The database refused a statement; nothing of its transaction is stored."""


class TransactionConflict(DatabaseError):
    """A conflict with another transaction; the same work may be repeated."""
