"""Delivers the events that wait in the outbox to the host's function and its webhook.

At least once, and in the order of each room. Events are stored in the commit of their change, so
neither a restart nor a failing listener loses one. Clients don't wait for their delivery.
"""

import asyncio
import logging
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from ..realtime.commits import Commit
from ..settings import Webhooks
from ..store import listeners, outbox, unread_reminders
from ..store.outbox import Claim, Listeners, StoredEvent
from ..store.store import LISTENER_TTL, Connection, DatabaseUnavailable, Store
from .host_events import HostEvent, Listener, load_events, of_the_host
from .metrics import Metrics
from .webhook import Webhook

log = logging.getLogger("roomcast.outbox")

MAX_CONCURRENT_DELIVERIES = 16  # rooms whose events are delivered at once
CLAIM_DURATION = 90.0  # seconds for which a room is claimed: longer than the next two together
DELIVERY_PERIOD = 30.0  # seconds after which no other event of it is begun
ANSWER_TIMEOUT = 30.0  # seconds that a listener may take for one
SEARCH_INTERVAL = 1.0  # seconds between two searches for events of other processes and for retries
FIRST_RETRY_DELAY, MAX_RETRY_DELAY = 1.0, 600.0  # seconds between attempts
CHECK_BATCH = 100
REGISTER_INTERVAL = 60_000_000  # microseconds between two registrations of our listeners
HOOK_LISTENER, WEBHOOK_LISTENER = "hook", "web"


def listeners_of(options: Webhooks, on_event: Listener | None) -> dict[str, Listener]:
    """Return the listeners that the settings and the hook name, by the names of their outbox."""
    found: dict[str, Listener] = {}
    if on_event is not None:
        found[HOOK_LISTENER] = on_event
    if options.url:
        found[WEBHOOK_LISTENER] = Webhook(options)
    return found


class OutboxRelay:
    """Delivers the events of the outbox to their listeners."""

    def __init__(
        self,
        store: Store,
        options: Webhooks,
        listeners: Mapping[str, Listener],
        metrics: Metrics,
        *,
        alone: bool,
    ) -> None:
        """With `alone`, no other process delivers the events of this database."""
        self._metrics = metrics
        self._store = store
        self._is_alone = alone
        self._options = options
        self._listeners = listeners
        self._own = self.wants(options, listeners)
        self._registered_at = 0
        self._wake = asyncio.Event()
        self._deliveries: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    @staticmethod
    def wants(options: Webhooks, listeners: Mapping[str, Listener]) -> Listeners:
        after = int(options.unread_reminder_after * 1_000_000) if listeners else 0
        return Listeners(tuple(sorted(listeners)), after)

    def open(self) -> None:
        if self._listeners:
            self._task = asyncio.create_task(self._run(), name="roomcast webhooks")

    async def aclose(self) -> None:
        """Stop the relay; undelivered events stay in the outbox for the next start."""
        tasks = [*self._deliveries, *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(webhook := self._listeners.get(WEBHOOK_LISTENER), Webhook):
            await webhook.aclose()

    async def on_commit(self, commit: Commit) -> None:
        """Look for events of this commit."""
        self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._start_deliveries()
            except DatabaseUnavailable as error:
                log.warning("host events delayed: database unavailable: %s", error)
            except Exception:
                log.exception("host events failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(SEARCH_INTERVAL):
                    await self._wake.wait()

    async def _start_deliveries(self) -> None:
        """Claim rooms with due events, up to the limit of deliveries."""
        self._wake.clear()
        if self._is_alone:  # existing claims are of a process that has ended
            await self._store.write(outbox.release)
            self._is_alone = False
        await self._register()
        if self._options.unread_reminder_after:
            await self._store.write(self._note_unread)
        while (free := MAX_CONCURRENT_DELIVERIES - len(self._deliveries)) > 0:
            now = _now()
            until = now + int(CLAIM_DURATION * 1_000_000)
            claim = partial(outbox.claim, dialect=self._store.dialect, names=self._own.names)
            claims = await self._store.write(partial(claim, now=now, until=until, limit=free))
            for claimed in claims:
                task = asyncio.create_task(self._deliver_room(claimed))
                self._deliveries.add(task)
                task.add_done_callback(self._on_task_done)
            if len(claims) < free:
                return

    async def _register(self) -> None:
        """Register our listeners, and load those of other processes."""
        now = _now()
        if now - self._registered_at < REGISTER_INTERVAL:
            return
        await self._store.write(partial(listeners.register, own=self._own, now=now))
        await self._store.write(partial(listeners.forget, before=now - LISTENER_TTL))
        await self._store.learn_listeners()
        self._registered_at = now

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._deliveries.discard(task)
        self._wake.set()

    async def _note_unread(self, db: Connection) -> None:
        after = int(self._options.unread_reminder_after * 1_000_000)
        found = await unread_reminders.claim_unread(db, after, _now(), CHECK_BATCH)
        await self._store.note(db, *found)

    # ------------------------------------------------------------ one room, one listener

    async def _deliver_room(self, claim: Claim) -> None:
        last_delivered, failed = 0, False
        until = time.monotonic() + DELIVERY_PERIOD
        try:
            for noted, event in await self._store.read(partial(load_events, claim=claim)):
                failed = not await self._deliver_event(claim, noted, event)
                last_delivered = last_delivered if failed else noted.id
                if failed or time.monotonic() > until:
                    break
        except DatabaseUnavailable as error:
            log.warning("host events delayed: room=%d error=%s", claim.room_id, error)
        except Exception:
            log.exception("host events failed: room=%d", claim.room_id)
            failed = True
        finally:
            await self._settle(claim, last_delivered, failed=failed)

    async def _deliver_event(self, claim: Claim, noted: StoredEvent, event: HostEvent) -> bool:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                with of_the_host():
                    await self._listeners[claim.listener](event)
        except Exception as error:
            is_over = _now() - noted.at > self._options.max_retry_age * 1_000_000
            outcome = "given up" if is_over else "failed"
            log.warning(
                "event delivery %s: %s id=%s %s", outcome, event.type, event.id, _why(error)
            )
        else:
            is_over, outcome = True, "delivered"
        self._metrics.host_events.labels(claim.listener, outcome).inc()
        return is_over

    async def _settle(self, claim: Claim, last_delivered: int, *, failed: bool) -> None:
        tries = claim.tries + 1 if failed and not last_delivered else int(failed)
        due_at = _now() + (int(_pause(tries) * 1_000_000) if failed else 0)
        settle = partial(
            outbox.settle, claim=claim, last_delivered=last_delivered, tries=tries, due_at=due_at
        )
        try:
            await self._store.write(settle)
        except DatabaseUnavailable as error:  # its claim expires; it may be delivered twice
            log.warning(
                "host events delivered, but not recorded: room=%d error=%s", claim.room_id, error
            )


def _pause(tries: int) -> float:
    """Return a growing, random pause in seconds before the next try."""
    return min(MAX_RETRY_DELAY, FIRST_RETRY_DELAY * 2.0 ** (tries - 1)) * random.uniform(0.5, 1)


def _now() -> int:
    return time.time_ns() // 1000


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
