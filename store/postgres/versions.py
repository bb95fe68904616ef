"""Two versions of roomcast and one database: a newer process waits, an older one refuses."""

import logging
from collections.abc import Awaitable, Callable

from databases.core import Connection

from .. import schema
from ..dialect import POSTGRESQL
from ..epoch import get
from ..errors import DatabaseInUse, DatabaseUnavailable
from .address import PostgresAddress
from .process_lock import wait_for_others

log = logging.getLogger("roomcast.store")

HAS_PROCESSES = "SELECT to_regclass('meta') IS NOT NULL AND to_regclass('processes') IS NOT NULL"
LIVING = "SELECT count(*) FROM processes WHERE alive_until > NOW"


class VersionGuard:
    """Keeps this process off a database of another version that is in use."""

    def __init__(self, address: PostgresAddress, start_timeout: float) -> None:
        """`start_timeout` in seconds: how long to wait for other processes to end."""
        self._address = address
        self._start_timeout = start_timeout
        self._why_outdated = ""  # a sentence where a later version has migrated the database

    async def wait(self, begin: Callable[[], Awaitable[None]]) -> None:
        """Begin when no other process is in the way. Raises DatabaseInUse after the timeout."""
        await wait_for_others(begin, self._start_timeout)

    async def check_older(self, db: Connection) -> None:
        """Raise DatabaseInUse where older processes work on what is to be migrated."""
        if count := await _count_older_processes(db):
            raise DatabaseInUse(
                f"The database {self._address} has an earlier schema and is in use by an older "
                f"roomcast ({count} of its processes): stop it first. A process that was killed "
                "counts until its lease ends (presence.lease)."
            )

    async def check_newer(self, db: Connection) -> None:
        """Raise DatabaseUnavailable where the database has a schema that this process lacks."""
        why = schema.why_outdated(await get(db, "schema"))
        if why and not self._why_outdated:
            log.error("database refused: %s", why)
        self._why_outdated = why
        self.refuse_if_outdated()

    def refuse_if_outdated(self) -> None:
        """Raise DatabaseUnavailable where `check_newer` has found that last."""
        if self._why_outdated:
            raise DatabaseUnavailable(self._why_outdated)


async def _count_older_processes(db: Connection) -> int:
    """Return how many serving processes have a lease on a database of an earlier schema.

    Those of this schema are not counted: they may work beside each other.
    """
    if not await db.fetch_val(HAS_PROCESSES):
        return 0
    found = await get(db, "schema")
    if not found.isdecimal() or int(found) >= schema.VERSION:
        return 0
    return int(await db.fetch_val(POSTGRESQL.speak(LIVING)))
