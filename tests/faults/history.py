"""The histories of a test's clients, held against each other by the checker of roomcast verify."""

from collections.abc import Sequence

from roomcast.server.verify.checker import REFUSED_WITHIN, Rules
from roomcast.server.verify.checker import contradictions as find_contradictions
from roomcast.server.verify.history import (
    ClientHistory as History,
)
from roomcast.server.verify.history import (
    ConnectionLog,
    Message,
    Received,
    Replay,
    Sent,
)

from ..patience import patient

__all__ = ["ConnectionLog", "History", "Received", "Replay", "Sent", "check", "contradictions"]


def contradictions(
    histories: Sequence[History],
    stored: Sequence[Message],
    version: int,
    *,
    may_be_stored: bool = False,
) -> list[str]:
    """What can't be, where the clients' clock is the servers' and only engines fail."""
    rules = Rules(may_be_stored=may_be_stored, refused_within=patient(REFUSED_WITHIN))
    return [found.what for found in find_contradictions(histories, stored, version, rules)]


def check(
    histories: Sequence[History],
    stored: Sequence[Message],
    version: int,
    *,
    may_be_stored: bool = False,
) -> None:
    """`stored` is the whole room and `version` its counter, after all is said and done.

    With `may_be_stored` the database's own answer to a commit was cut off: then a message that was
    refused may be stored all the same, and the client that sends it again finds it there.
    """
    wrong = contradictions(histories, stored, version, may_be_stored=may_be_stored)
    assert not wrong, f"{len(wrong)} contradictions:\n" + "\n".join(w[:600] for w in wrong[:20])
