"""Revocations: closes the sockets of users whom the site has logged out or banned, everywhere.

Each process receives each revocation, also without sockets of that user, because the site's hook
may have accepted a socket that is still connecting. Lost events are loaded from the database.
"""

import logging
import time
from collections.abc import Callable
from functools import partial

from ..realtime.brokers import Unreachable
from ..realtime.hub import Hub
from ..realtime.user_channels import EVERYBODY, UserEvent
from ..store import revocations
from ..store.store import DatabaseUnavailable, Store

log = logging.getLogger("roomcast.revocations")

LOAD_PERIOD = 900.0  # seconds of revocations that are loaded from the database
RETENTION_PERIOD = 1_200.0  # seconds for which a revocation is stored: longer than a join takes


class Revocations:
    """The revocations that this process has received; it follows the channel of all users."""

    def __init__(
        self, store: Store, hub: Hub, on_changed: Callable[[str], None] = lambda user: None
    ) -> None:
        """`on_changed` is called with each user who is revoked, or whose ban has changed."""
        self._on_changed = on_changed
        self._store = store
        self._hub = hub
        self.applied: dict[tuple[str, int], float] = {}  # by user and time: when it was received
        self._last: dict[str, float] = {}  # by user: when the last one was received
        self._began = 0

    async def open(self) -> None:
        self._began = _now()  # sockets that connect from now on were accepted after earlier ones
        await self._hub.user_channels.follow(EVERYBODY, self)

    async def revoke(self, user_id: str) -> None:
        """Revoke the user's sockets: here at once, then on every other process.

        Raises DatabaseUnavailable if processes that the broker does not reach might miss it.
        """
        event = UserEvent(EVERYBODY, whom=user_id, at=_now())
        self.on_user_event(event)
        try:
            await self._hub.user_channels.publish(event)
        except Unreachable as error:
            log.warning(
                "revocation published locally only, other processes load it later: %s", error
            )
        if self._hub.is_shared:
            await self._store.write(partial(revocations.add, user_id=event.whom, at=event.at))

    async def announce(self, user_id: str) -> None:
        """Publish that the user's ban has changed; this closes no socket."""
        event = UserEvent(EVERYBODY, whom=user_id)
        self.on_user_event(event)
        try:
            await self._hub.user_channels.publish(event)
        except Unreachable as error:
            log.warning("ban not announced, other processes find it later: %s", error)

    def has(self, user_id: str, since: float) -> bool:
        """Return whether the user was revoked after this moment (of time.monotonic)."""
        return self._last.get(user_id, -1.0) >= since

    def on_user_event(self, event: UserEvent) -> None:
        """Apply a revocation once, also if it is received twice: the user may be back by then."""
        self._on_changed(event.whom)
        if event.at and (event.whom, event.at) not in self.applied:
            now = time.monotonic()
            self.applied[event.whom, event.at] = self._last[event.whom] = now
            self._hub.user_channels.dispatch(UserEvent(event.whom, is_revoked=True))

    def on_gap(self, user_id: str) -> None:
        """Load revocations at the next round: the broker may have lost some."""
        self._hub.start(self._load_missed_or_log())

    async def _load_missed_or_log(self) -> None:
        try:
            await self.load_missed()
        except DatabaseUnavailable as error:
            log.warning("revocations not loaded, they are looked for again: %s", error)

    async def load_missed(self) -> None:
        """Load missed revocations and delete old rows. Raises DatabaseUnavailable."""
        if not self._hub.is_shared:
            return self._forget()
        after = max(self._began, _now() - int(LOAD_PERIOD * 1e6))
        for user_id, at in await self._store.read(partial(revocations.since, after=after)):
            self.on_user_event(UserEvent(EVERYBODY, whom=user_id, at=at))
        self._forget()
        old = _now() - int(2 * LOAD_PERIOD * 1e6)
        return await self._store.write(partial(revocations.forget, before=old))

    def _forget(self) -> None:
        long_ago = time.monotonic() - RETENTION_PERIOD
        self.applied = {
            revocation: received_at
            for revocation, received_at in self.applied.items()
            if received_at > long_ago
        }
        self._last = {
            user: received_at for user, received_at in self._last.items() if received_at > long_ago
        }


def _now() -> int:
    return time.time_ns() // 1000
