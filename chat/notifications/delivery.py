"""Marks messages as delivered after a notifications socket has shown them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from heapq import nlargest

from ...store import unread
from ...store.store import DatabaseUnavailable, Store

log = logging.getLogger("roomcast.inbox")

ROOMS_PER_COMMIT = 500  # rooms whose messages are marked in one commit

Deliver = Callable[[str, Iterable[tuple[int, int]]], Awaitable[None]]


class Delivery:
    """Marks the messages that one user was shown as delivered, in commits of bounded size."""

    def __init__(self, user_id: str, store: Store, deliver: Deliver) -> None:
        self._user_id = user_id
        self._store = store
        self._deliver = deliver
        self._waiting: dict[int, int] = {}  # rooms, and the newest message shown; 0: load it
        self._task: asyncio.Task[None] | None = None

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    def add(self, newest: Mapping[int, int]) -> None:
        """Add the newest messages, by room, of the frames that are being sent; 0 means all."""
        self._waiting |= newest

    def start(self) -> None:
        """Begin to mark the added messages: the frames have been sent."""
        if self._waiting and self._task is None:
            self._task = asyncio.create_task(self._run(), name="roomcast delivery")

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        """Mark the messages of all rooms, the most recent rooms first."""
        try:
            while self._waiting:
                some = dict(nlargest(ROOMS_PER_COMMIT, self._waiting.items()))
                for room_id in some:
                    del self._waiting[room_id]
                try:
                    await self._deliver_some(some)
                except BaseException:
                    self._waiting = some | self._waiting
                    raise
        except DatabaseUnavailable as error:
            log.warning("delivery receipts delayed: database unavailable: %s", error)
        except Exception:
            log.exception("delivery receipts failed")
        finally:
            self._task = None

    async def _deliver_some(self, newest: Mapping[int, int]) -> None:
        known = [(room_id, message_id) for room_id, message_id in newest.items() if message_id]
        rooms = [room_id for room_id, message_id in newest.items() if not message_id]
        if rooms:
            find = partial(unread.undelivered, user_id=self._user_id, room_ids=rooms)
            known += await self._store.read(find)
        if known:
            await self._deliver(self._user_id, known)
