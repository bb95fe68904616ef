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

    `queued` holds the entries of the commit queue, where the transaction was one of its. `left`
    names the users who stopped being members, by the room that they left.
    """

    events: Mapping[int, RoomEvent]
    queued: Committed | None = None
    left: Mapping[int, Sequence[str]] = {}


class CommitListener(Protocol):
    """Something that acts on what was committed."""

    async def on_commit(self, commit: Commit) -> None:
        """Act on the commit. It cannot be undone any more."""
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
