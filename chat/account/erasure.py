"""Erases a user: everything that they wrote before the request, in all rooms."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from ...protocol.errors import NotFound, Unavailable
from ...store import account
from ...store.account import Erasure
from ...store.messages import Change, DeleteChange, ReactionChange
from ...store.outbox import NewEvent
from ...store.store import Connection, DatabaseUnavailable, Store

log = logging.getLogger("roomcast.erasure")

ROOM_BATCH = 100  # rooms in one query
MESSAGE_BATCH = 500  # messages read in one step
MAX_CHANGES_PER_COMMIT = 10  # few, since other changes wait for that commit
MAX_CONCURRENT_ERASURES = 4  # erasures at a time
REQUEST_TIMEOUT = 0.5  # seconds that a request waits for the end of its erasure
CHECK_INTERVAL = 5.0  # seconds between two searches for unfinished erasures
CLAIM_DURATION = 20.0  # seconds until another process may take over an erasure

Make = Callable[[Change], Awaitable[object]]
TEMPORARY_ERRORS = DatabaseUnavailable, Unavailable
Progress = Callable[[int], None]  # called with the number of messages deleted since the last call


def _now() -> int:
    return time.time_ns() // 1000


class Erasures:
    """Erasures of users. Each is recorded first, so another process completes it after a crash."""

    def __init__(self, store: Store, make: Make, *, single_process: bool) -> None:
        self._store = store
        self._make = make
        self._single_process = single_process
        self._running: dict[str, asyncio.Task[None]] = {}
        self._renew_at: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._done: dict[str, asyncio.Event] = {}

    async def ask(self, user_id: str) -> None:
        """Record the request; it is carried out even if this process ends."""
        await self._store.write(partial(account.ask, user_id=user_id, now=_now()))

    async def erase(self, user_id: str) -> None:
        """Request a user's erasure and wait for its end, at most REQUEST_TIMEOUT seconds."""
        done = self._done.setdefault(user_id, asyncio.Event())
        await self.ask(user_id)
        self._wake.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(REQUEST_TIMEOUT):
                await done.wait()

    async def keep(self) -> None:
        """Run pending erasures until cancelled, a few at a time: a long one delays none."""
        if self._single_process:  # all claims are of a process that has ended
            await self._store.write(account.release_claims)
        try:
            while True:
                self._wake.clear()
                await self._start_due()
                with suppress(TimeoutError):
                    async with asyncio.timeout(CHECK_INTERVAL):
                        await self._wake.wait()
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _start_due(self) -> None:
        try:
            due = await self._store.read(partial(account.asked, now=_now()))
        except DatabaseUnavailable as error:
            log.warning("erasure delayed: %s", error)
            return
        for user_id in due:
            if user_id not in self._running and len(self._running) < MAX_CONCURRENT_ERASURES:
                self._running[user_id] = asyncio.create_task(self._try(user_id))

    async def _try(self, user_id: str) -> None:
        try:
            await self.run(user_id)
            self._done.pop(user_id, asyncio.Event()).set()
        except Exception as error:
            log.warning(
                "erasure delayed: %s", error, exc_info=not isinstance(error, TEMPORARY_ERRORS)
            )
        finally:
            del self._running[user_id]
            self._wake.set()

    async def run(self, user_id: str, progress: Progress = lambda n: None) -> bool:
        """Run one erasure; return False where there is none, or another process runs it."""
        now, until = _now(), _now() + int(CLAIM_DURATION * 1_000_000)
        claim = partial(account.claim, user_id=user_id, now=now, until=until)
        erasure = await self._store.write(claim)
        if erasure is None:
            return False
        await self._messages(erasure, progress)
        await self._reactions(erasure)
        await self._store.write(partial(self._forget, erasure=erasure))
        self._renew_at.pop(user_id, None)
        log.info("erasure finished for a user")
        return True

    async def _forget(self, db: Connection, erasure: Erasure) -> None:
        """Delete the last data of the user, and the record of the erasure."""
        await account.forget(db, erasure)
        await self._store.note(db, NewEvent("user_erased", 0, erasure.user_id))

    async def _messages(self, erasure: Erasure, progress: Progress) -> None:
        above, user_id = 0, erasure.user_id
        while True:
            find = partial(account.places, user_id=user_id, above=above, limit=ROOM_BATCH)
            places = await self._store.read(find)
            for place in places:
                await self._room(erasure, place.room_id, progress)
            if len(places) < ROOM_BATCH:
                return
            above = places[-1].room_id

    async def _room(self, erasure: Erasure, room_id: int, progress: Progress) -> None:
        above: int | None = 0
        user_id = erasure.user_id
        while above is not None:
            find = partial(
                account.own,
                user_id=user_id,
                room_id=room_id,
                above=above,
                window=MESSAGE_BATCH,
                limit=MESSAGE_BATCH,
            )
            found, above = await self._store.read(find)
            ids = [message.id for message in found if message.created_at <= erasure.asked_at]
            await self._all([DeleteChange(room_id, user_id, id_, is_erasure=True) for id_ in ids])
            progress(len(ids))
            await self._renew(user_id)
        await self._client_ids(room_id, user_id)

    async def _client_ids(self, room_id: int, user_id: str) -> None:
        """Remove the client ids of messages that the user had deleted before."""
        find = partial(
            account.named_tombstones, user_id=user_id, room_id=room_id, limit=MESSAGE_BATCH
        )
        while ids := await self._store.read(find):
            await self._store.write(partial(account.forget_client_ids, room_id=room_id, ids=ids))
            await self._renew(user_id)

    async def _reactions(self, erasure: Erasure) -> None:
        user_id, last = erasure.user_id, None
        while True:
            find = partial(account.given, user_id=user_id, after=last, limit=MESSAGE_BATCH)
            found = await self._store.read(find)
            if not found:
                return
            old = [given for given in found if given.created_at <= erasure.asked_at]
            await self._all(
                [
                    ReactionChange(
                        g.room_id, user_id, g.message_id, g.emoji, False, 0, is_erasure=True
                    )
                    for g in old
                ]
            )
            last = found[-1]
            await self._renew(user_id)

    async def _all(self, changes: list[DeleteChange] | list[ReactionChange]) -> None:
        """Make the changes in batches; skip messages that no longer exist."""
        for i in range(0, len(changes), MAX_CHANGES_PER_COMMIT):
            made = (self._make(change) for change in changes[i : i + MAX_CHANGES_PER_COMMIT])
            for outcome in await asyncio.gather(*made, return_exceptions=True):
                if isinstance(outcome, BaseException) and not isinstance(outcome, NotFound):
                    raise outcome
            await self._renew(changes[0].sender_id)

    async def _renew(self, user_id: str) -> None:
        """Extend the claim before it ends."""
        if _now() < self._renew_at.get(user_id, 0):
            return
        self._renew_at[user_id] = _now() + int(CLAIM_DURATION / 4 * 1_000_000)
        until = _now() + int(CLAIM_DURATION * 1_000_000)
        await self._store.write(partial(account.renew, user_id=user_id, until=until))
