"""The advisory lock of a chat with a single process, and a start that waits for it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ..errors import DatabaseInUse, DatabaseUnavailable
from .address import PostgresAddress
from .session import SINGLE_PROCESS_LOCK, LockHolder, find_lock_holder

log = logging.getLogger("roomcast.store")

START_CHECK_INTERVAL = 1.0  # seconds between two attempts of a start that waits
OWN_SESSION_TIMEOUT = 1.0  # seconds for an old session of this process to end


async def wait_for_others(begin: Callable[[], Awaitable[None]], start_timeout: float) -> None:
    """Call `begin` until no other process uses the database.

    Raises DatabaseInUse if one still does after `start_timeout` seconds.
    """
    deadline = time.monotonic() + start_timeout
    while True:
        try:
            return await begin()
        except DatabaseInUse as error:
            if time.monotonic() >= deadline:
                raise
            log.warning("The start waits. %s", error)
        await asyncio.sleep(START_CHECK_INTERVAL)


class ProcessLock:
    """The lock, held by the committing session; it knows former sessions of this process."""

    def __init__(self, address: PostgresAddress) -> None:
        self._address = address
        self._own: set[LockHolder] = set()

    async def take(self, raw: Any) -> None:
        """Take the lock for this session. Raises DatabaseInUse if another process has it.

        A lost session of this process that still holds it is terminated.
        """
        key = self._address.lock_key(SINGLE_PROCESS_LOCK)
        deadline = time.monotonic() + OWN_SESSION_TIMEOUT
        while not await raw.fetchval("SELECT pg_try_advisory_lock($1)", key):
            if time.monotonic() > deadline:
                raise DatabaseUnavailable("PostgreSQL has not ended an old session of ours yet")
            if holder := await find_lock_holder(raw, key):
                self._refuse_others(holder)
                await raw.execute("SELECT pg_terminate_backend($1)", holder.pid)
            await asyncio.sleep(OWN_SESSION_TIMEOUT / 20)
        if holder := await find_lock_holder(raw, key):
            self._own = {holder}

    def _refuse_others(self, holder: LockHolder) -> None:
        if holder not in self._own:
            raise DatabaseInUse(
                f"The database {self._address} is in use by another roomcast process, and the two "
                "would not get each other's events: set broadcast.url to a Redis or PostgreSQL for "
                "both. "
                f"It is {holder}."
            )
