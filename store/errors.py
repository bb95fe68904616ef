"""Errors of a database."""

MAX_ATTEMPTS = 5  # of what met another process's work: a deadlock, or the same client_id


class CannotOpen(Exception):
    """The database can't be opened; the message says which and why."""


class NotYetOpen(CannotOpen):
    """Nobody answers at the database's address, or it is starting: a later try may succeed."""


class DatabaseInUse(CannotOpen):
    """Another process uses this database, and events would not reach each other."""


class DatabaseUnavailable(Exception):
    """The database did not answer: nothing was read, nothing was stored."""


class DatabaseError(Exception):
    """The database answered, and refused: a fault of ours, not of the network."""


class TransactionConflict(DatabaseError):
    """A conflict with another transaction: repeat the same work."""
