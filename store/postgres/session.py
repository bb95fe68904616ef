"""Set-up of PostgreSQL sessions, and the lock of a single process."""

from datetime import datetime
from typing import Any

import asyncpg
from msgspec import Struct

MIGRATION_LOCK, SINGLE_PROCESS_LOCK = 7_276_001, 7_276_002  # keys of advisory locks

# No JIT: compiling our statements takes longer than running them.
SERVER_SETTINGS = {"application_name": "roomcast", "jit": "off"}

# A process that is lost within a transaction must not keep its locks, and a statement that nobody
# waits for any more must not succeed later. A lost machine must not keep its session, with the lock
# of a single process: the session ends after half a minute without an answer. These are not startup
# parameters, because poolers refuse unknown ones.
SESSION_LIMITS = """
    SET idle_in_transaction_session_timeout = '5s'; SET statement_timeout = '2.8s';
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4
"""
# From PostgreSQL 12 on.
LOST_PEER_TIMEOUT = """
    SELECT set_config('tcp_user_timeout', '30s', false)
      FROM pg_settings WHERE name = 'tcp_user_timeout'
"""

# Other statements are planned for the values that they are run with. After five runs PostgreSQL may
# keep a plan for a usual user, which reads all rooms of one who has 10,000.
CUSTOM_PLANS = "SET plan_cache_mode = force_custom_plan"

# The statements of the commit queue and of joins are planned once, and by indexes, even if the
# tables were small then. Otherwise PostgreSQL plans each join and each small batch, which takes
# twice as long as running it.
GENERIC_PLANS = """
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off
"""


class LockHolder(Struct, frozen=True):
    """The session that holds an advisory lock."""

    pid: int
    started_at: datetime | None
    name: str
    address: str

    def __str__(self) -> str:
        since = f" since {self.started_at:%Y-%m-%d %H:%M:%S} UTC" if self.started_at else ""
        return f"{self.name or 'a session'} at {self.address}, process {self.pid} there{since}"


async def find_lock_holder(raw: Any, key: int) -> LockHolder | None:
    """Return the holder of an advisory lock; of other users' sessions little may be visible."""
    query = """
        SELECT l.pid, a.backend_start AT TIME ZONE 'UTC', coalesce(a.application_name, ''),
               coalesce(host(a.client_addr), 'the local socket')
          FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
           AND (l.classid::bigint << 32 | l.objid::bigint) = $1
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    """
    row = await raw.fetchrow(query, key)
    return None if row is None else LockHolder(*row)


async def check_encoding(raw: Any) -> str | None:
    """Return a sentence about a wrong encoding of the database, or None."""
    encoding = await raw.fetchval("SHOW server_encoding")
    if encoding == "UTF8":
        return None
    return (
        f"its encoding is {encoding}, which cannot hold every text: create it again with "
        "ENCODING 'UTF8' TEMPLATE template0"
    )


async def find_lineage(raw: Any) -> str:
    """Return the lineage, which a restore changes: cluster, timeline and database."""
    query = "SELECT oid::text FROM pg_database WHERE datname = current_database()"
    database = await raw.fetchval(query)
    # Not pg_control_checkpoint(): for minutes after a promotion it has the former timeline.
    query = """
        SELECT system_identifier || '-' ||
               ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int
          FROM pg_control_system()
    """
    try:
        async with raw.transaction():
            return f"{await raw.fetchval(query)}-{database}"
    except asyncpg.InsufficientPrivilegeError:
        return str(database)
