"""Guards a database that two releases of roomcast share: the newer waits, the older refuses."""

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

HAS_PROCESS_TABLES = (
    "SELECT to_regclass('meta') IS NOT NULL AND to_regclass('processes') IS NOT NULL"
)
COUNT_ACTIVE = "SELECT count(*) FROM processes WHERE alive_until > NOW"


class VersionGuard:
    """Prevents this process from using a database that another release is using."""

    def __init__(self, address: PostgresAddress, start_timeout: float) -> None:
        """`start_timeout`: the seconds to wait for other processes to end."""
        self._address = address
        self._start_timeout = start_timeout
        self._why_outdated = ""  # a sentence, once a later release has migrated the database

    async def wait(self, begin: Callable[[], Awaitable[None]]) -> None:
        """Call `begin` until no other process is in the way. Raises DatabaseInUse if one stays."""
        await wait_for_others(begin, self._start_timeout)

    async def check_older(self, db: Connection) -> None:
        """Raise DatabaseInUse if older processes use a database that must be migrated."""
        if count := await _count_older_processes(db):
            raise DatabaseInUse(
                f"The database {self._address} has an earlier schema and is in use by an older "
                f"roomcast ({count} of its processes): stop it first. A process that was killed "
                "counts until its lease ends (presence.lease)."
            )

    async def check_newer(self, db: Connection) -> None:
        """Raise DatabaseUnavailable if the database has a schema that this process lacks."""
        why = schema.why_outdated(await get(db, "schema"))
        if why and not self._why_outdated:
            log.error("database refused: %s", why)
        self._why_outdated = why
        self.refuse_if_outdated()

    def refuse_if_outdated(self) -> None:
        """Raise DatabaseUnavailable if the last `check_newer` has found a newer schema."""
        if self._why_outdated:
            raise DatabaseUnavailable(self._why_outdated)


async def _count_older_processes(db: Connection) -> int:
    """Return the number of serving processes with a lease, if the schema is an earlier one.

    With the present schema it is 0: processes of one schema may run beside each other.
    """
    if not await db.fetch_val(HAS_PROCESS_TABLES):
        return 0
    found = await get(db, "schema")
    if not found.isdecimal() or int(found) >= schema.VERSION:
        return 0
    return int(await db.fetch_val(POSTGRESQL.render(COUNT_ACTIVE)))
