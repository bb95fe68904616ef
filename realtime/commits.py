"""The changes of a commit, and the list of listeners that act on it afterwards."""

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from ..store.commit_queue import Committed
from .events import RoomEvent

log = logging.getLogger("roomcast.commits")


class Commit(Struct):
    """One committed transaction: an event for each room that it changed.

    `queued` holds the entries of the commit queue, if the transaction came from there. `left` names
    the users who are no longer members, by the room that they left.
    """

    events: Mapping[int, RoomEvent]
    queued: Committed | None = None
    left: Mapping[int, Sequence[str]] = {}


class CommitListener(Protocol):
    """A service that acts on each commit."""

    async def on_commit(self, commit: Commit) -> None:
        """Act on the commit, which is final."""
        ...


class CommitListeners:
    """The listeners, in the order in which they are called."""

    def __init__(self, listeners: Sequence[CommitListener]) -> None:
        self._listeners = tuple(listeners)

    async def on_commit(self, commit: Commit) -> None:
        """Call every listener, also after one that fails; then raise its error."""
        failure: Exception | None = None
        for listener in self._listeners:
            try:
                await listener.on_commit(commit)
            except Exception as error:
                if failure is not None:
                    log.exception("commit listener failed: %s", type(listener).__name__)
                failure = failure or error
        if failure is not None:
            raise failure
