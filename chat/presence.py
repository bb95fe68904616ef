"""Presence of the users with sockets on this process; many changes are one write.

The database stores which processes have sockets of a user, and until when each process counts as
alive (its lease). So a user with sockets on two processes has one presence, and when a process is
killed, another one publishes its users as offline.
"""

import asyncio
import logging
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice

from ..realtime.brokers import Unreachable
from ..realtime.hub import Hub
from ..realtime.user_channels import presence_event
from ..settings import PresenceSettings
from ..store import presence
from ..store.presence import USER_BATCH, Process, Seen
from ..store.store import DatabaseUnavailable, Store

log = logging.getLogger("roomcast.presence")

WRITE_DELAY = 0.1  # seconds in which changes are collected for one write
RETRY_DELAY = 1.0  # seconds, while the database is unavailable
STOP_TIMEOUT = 1.0  # seconds to release the leases of a process that ends
TICKS_PER_LEASE = 8  # renewals of the own lease and checks of others in its time


def microseconds(seconds: float) -> int:
    return int(seconds * 1_000_000)


class Presence:
    """The presence of the users with sockets on this process, however many each has."""

    def __init__(
        self, store: Store, hub: Hub, presence: PresenceSettings, *, is_alone: bool
    ) -> None:
        self._store = store
        self._hub = hub
        self.grace = presence.grace
        self._is_alone = is_alone  # no other process shares the database
        self._tick = presence.lease / TICKS_PER_LEASE
        self._lease = microseconds(presence.lease)
        self._id = secrets.token_hex(8)
        self._here: dict[str, int] = {}  # users with open sockets, and how many
        self.leaving: dict[str, float] = {}  # without sockets; when they are published as offline
        self._changed: set[str] = set()  # users whose presence may have to be written
        self.written: set[str] = set()  # users whom the database has as online on this process
        self._unverified: set[str] = set()  # users of whom events may be lost
        self._is_due = asyncio.Event()
        self._next_tick = 0.0
        self._steady = 0.0  # the time from which on all processes can have renewed their leases

    async def open(self) -> None:
        self._hub.user_channels.add_gap_listener(self._on_gap)
        try:
            await self._reap(all_others=self._is_alone)
        except DatabaseUnavailable as error:
            log.warning("presence cleanup delayed: database unavailable: %s", error)
        self._next_tick = self._now() + self._tick
        self._task = asyncio.create_task(self._run(), name="roomcast presence")

    @property
    def _me(self) -> Process:
        return Process(self._id, self._lease, self._store.dialect)

    async def aclose(self) -> None:
        """Release the leases without publishing: users may reconnect elsewhere."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        retire = partial(presence.retire, me=self._me, grace=microseconds(self.grace))
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await self._store.write(retire)
        except (DatabaseUnavailable, TimeoutError) as error:
            log.warning(
                "presence leases not released, they expire: database unavailable: %s", error
            )

    # ------------------------------------------------------------ sockets

    def enter(self, user_id: str) -> None:
        """Record that a socket of the user was opened."""
        count = self._here.get(user_id, 0)
        self._here[user_id] = count + 1
        if not count and self.leaving.pop(user_id, None) is None:
            self._changed.add(user_id)
            self._is_due.set()

    def leave(self, user_id: str) -> None:
        """Record that a socket of the user was closed."""
        count = self._here.pop(user_id) - 1
        if count:
            self._here[user_id] = count
            return
        if not self.leaving:
            self._is_due.set()
        self.leaving[user_id] = self._now() + self.grace

    def on_database_restored(self) -> None:
        """Write presence again, since the restored database does not have it."""
        self._changed |= self.written
        self.written.clear()
        self._is_due.set()

    def _is_here(self, user_id: str) -> bool:
        return user_id in self._here or user_id in self.leaving

    def _on_gap(self, users: Iterable[str]) -> None:
        """Reload the presence of these users, whose events may be lost."""
        self._unverified.update(users)
        self._is_due.set()

    # ------------------------------------------------------------ one write for many

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _run(self) -> None:
        while True:
            await self._rest()
            try:
                await self._work()
            except DatabaseUnavailable as error:
                log.warning("presence write delayed: database unavailable: %s", error)
                await self._try_again()
            except Exception:
                log.exception("presence not written")
                await self._try_again()

    async def _try_again(self) -> None:
        await asyncio.sleep(RETRY_DELAY)
        self._is_due.set()
        self._steady = self._now() + 2 * self._tick  # the other processes were cut off as well

    async def _rest(self) -> None:
        """Wait until there is a change to write, then WRITE_DELAY seconds for more changes."""
        due = [self._next_tick, *islice(self.leaving.values(), 1)]
        if self._is_alone:
            due.pop(0)
        wait = max(0.0, min(due) - self._now()) if due else None
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._is_due.wait()
        self._is_due.clear()
        await asyncio.sleep(WRITE_DELAY)

    async def _work(self) -> None:
        now = self._now()
        while self.leaving and (first := next(iter(self.leaving.items())))[1] <= now:
            del self.leaving[first[0]]
            self._changed.add(first[0])
        is_tick = now >= self._next_tick and not self._is_alone
        if is_tick and now > self._next_tick + 2 * self._tick:  # the machine was suspended
            self._steady = now + 2 * self._tick
        if self._changed or is_tick:
            await self._write()
        if self._unverified:
            await self._find_expired()
        if is_tick:
            self._next_tick = now + self._tick
            if now >= self._steady:
                await self._reap()

    async def _write(self) -> None:
        """Write the presence changes since the last write, of at most USER_BATCH users."""
        users = set(islice(self._changed, USER_BATCH))
        self._changed -= users
        came = {user for user in users if self._is_here(user)} - self.written
        left = {user for user in users if not self._is_here(user)} & self.written
        change = partial(presence.change, me=self._me, came=came, left=left)
        try:
            is_known, seen = await self._store.write(change)
        except BaseException:
            self._changed |= users
            raise
        if not is_known:  # the lease had expired: another process published them as offline
            self._changed |= self.written - left
            self.written.clear()
        self.written = self.written - left | came
        if self._changed:
            self._is_due.set()
        await self._publish(seen)

    async def _reap(self, *, all_others: bool = False) -> None:
        """Publish the users of processes whose lease has expired as offline."""
        work = partial(presence.reap, me=self._me, all_others=all_others)
        while (seen := await self._store.write(work)) is not None:
            await self._publish(seen)

    async def _publish(self, seen: Sequence[Seen]) -> None:
        events = map(presence_event, seen)
        results = await asyncio.gather(
            *map(self._hub.user_channels.publish, events), return_exceptions=True
        )
        for error in results:
            if isinstance(error, Unreachable):
                log.info("presence published locally only: %s", error)
            elif isinstance(error, BaseException):
                raise error

    async def _find_expired(self) -> None:
        """Read the presence of users whose events may have been lost."""
        channels = self._hub.user_channels
        unverified, self._unverified = self._unverified, set()
        users = [user for user in unverified if user in channels]
        try:
            while users:
                some = users[-USER_BATCH:]
                work = partial(presence.of, dialect=self._store.dialect, users=some)
                for s in await self._store.read(work):
                    channels.dispatch(presence_event(s))
                del users[-USER_BATCH:]
        except BaseException:
            self._unverified.update(users)
            raise
