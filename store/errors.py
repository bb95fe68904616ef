"""Errors of a database."""

MAX_ATTEMPTS = 5  # of what met another process's work: a deadlock, or the same client_id


class CannotOpen(Exception):
    """The database can't be opened; the message says which and why."""


class DatabaseInUse(CannotOpen):
    """Another process works on this database, and the two would not hear each other."""


class DatabaseUnavailable(Exception):
    """The database did not answer: nothing was read, nothing was stored."""


class DatabaseError(Exception):
    """The database answered, and refused: a fault of ours, not of the network."""


class TransactionConflict(DatabaseError):
    """Another transaction was in the way: the same work, done again, may well succeed."""
