"""Checks a PostgreSQL database for the operator; it changes nothing there and takes no lock."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from statistics import median
from typing import Any

import asyncpg

from .. import schema
from ..errors import CannotOpen
from ..postgres.address import PostgresAddress, parse_postgres_url
from ..postgres.pool import UNAVAILABLE_ERRORS
from ..postgres.session import (
    SERVER_SETTINGS,
    SINGLE_PROCESS_LOCK,
    check_encoding,
    find_lock_holder,
)
from .finding import Finding
from .schema import in_ms, schema_finding

CHECK_TIMEOUT = 4.0  # seconds for each check
MAX_CLOCK_DIFFERENCE = 5.0  # seconds by which the clocks may differ
SLOW_ANSWER_TIME = 0.05  # seconds for an answer, above which messages would be slow
MIN_SERVER_VERSION = 100_000  # PostgreSQL 10: identity columns

POOLED = "A pooler before it gives each transaction another session (PgBouncer, transaction mode)"
UNPREPARED = "set max_prepared_statements there, or add ?statement_cache_size=0 to database.url"

ADVICE: dict[type[Exception], str] = {
    asyncpg.InvalidPasswordError: "correct the user or the password in database.url",
    asyncpg.InvalidAuthorizationSpecificationError: "correct the user in database.url",
    asyncpg.InvalidCatalogNameError: "create it (createdb), or correct its name in database.url",
    asyncpg.TooManyConnectionsError: "raise its max_connections",
    asyncpg.ProtocolViolationError: (
        "a pooler before it may refuse parameters: ignore_startup_parameters = jit in PgBouncer"
    ),
    OSError: "start it, or correct host and port in database.url",
}


async def examine_postgres(url: str, alone: bool) -> AsyncIterator[Finding]:
    try:
        address = parse_postgres_url(url)
    except CannotOpen as error:
        yield Finding("reachable", False, str(error))
        return
    where = str(address)
    connections: list[Any] = []
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            connections.append(await _connect(address))
            connections.append(await _connect(address))
    except (CannotOpen, asyncpg.PostgresError, ValueError, *UNAVAILABLE_ERRORS) as error:
        for connection in connections:
            connection.terminate()
        yield Finding("reachable", False, _why_not(where, error))
        return
    try:
        db, other = connections
        yield await _in_time(where, _answers, db, where)
        for check in (_version, _encoding, _tables, _writable, _clock):
            yield await _in_time(where, check, db)
        if alone:
            key = address.lock_key(SINGLE_PROCESS_LOCK)
            yield await _in_time(where, _holder, db, key)
        needs = alone, "statement_cache_size=0" not in url
        yield await _in_time(where, compare_sessions, db, other, *needs)
    finally:
        for connection in connections:
            connection.terminate()


async def _connect(address: PostgresAddress) -> Any:
    """Connect as the server does, so that a pooler's refusal shows here.

    Prepared statements are not cached, because a pooler would keep them for other clients.
    """
    connection = await address.connect(server_settings=SERVER_SETTINGS, statement_cache_size=0)
    if address.schema:
        await connection.execute(address.search_path)
    return connection


def _why_not(where: str, error: BaseException) -> str:
    advice = next((ADVICE[kind] for kind in ADVICE if isinstance(error, kind)), "look at its log")
    why, *_ = [*str(error).splitlines(), "it does not answer in time"]
    return f"PostgreSQL at {where}: {why.rstrip('.')}; {advice}."


async def _in_time(where: str, check: Callable[..., Awaitable[Finding]], *args: Any) -> Finding:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            return await check(*args)
    except (asyncpg.PostgresError, *UNAVAILABLE_ERRORS) as error:
        return Finding(check.__name__.strip("_"), False, _why_not(where, error))


async def _answers(db: Any, where: str) -> Finding:
    took = []
    for _ in range(9):
        began = time.perf_counter()
        await db.fetchval("SELECT 1")
        took.append(time.perf_counter() - began)
    usual = median(took)
    sentence = f"PostgreSQL at {where} answers in {in_ms(usual)}"
    far = "; every message waits for several answers, run roomcast nearer to it"
    return Finding(
        "reachable",
        usual <= SLOW_ANSWER_TIME,
        f"{sentence}{'' if usual <= SLOW_ANSWER_TIME else far}.",
    )


async def _version(db: Any) -> Finding:
    version = await db.fetchval("SHOW server_version")
    if int(await db.fetchval("SHOW server_version_num")) < MIN_SERVER_VERSION:
        return Finding("version", False, f"It is PostgreSQL {version}: 10 or later is needed.")
    return Finding("version", True, f"It is PostgreSQL {version}.")


async def _encoding(db: Any) -> Finding:
    wrong = await check_encoding(db)
    return Finding("encoding", wrong is None, f"It can't be used: {wrong}." if wrong else "UTF8.")


async def _holder(db: Any, key: int) -> Finding:
    """Report the holder of the lock of a single process: a running or a lost server."""
    holder = await find_lock_holder(db, key)
    if holder is None:
        return Finding("in use", True, "No roomcast process works on it alone.")
    return Finding("in use", True, f"One roomcast process works on it alone: {holder}.")


async def _tables(db: Any) -> Finding:
    if await db.fetchval(schema.HAS_TABLES["postgresql"]):
        return schema_finding(
            True, await db.fetchval("SELECT value FROM meta WHERE name = 'schema'")
        )
    query = "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)"
    if await db.fetchval(query):
        return schema_finding(False, "")
    advice = "GRANT CREATE ON SCHEMA public, or make it the owner of the database"
    return Finding("schema", False, f"It is empty, and this user may make no tables: {advice}.")


async def _writable(db: Any) -> Finding:
    if await db.fetchval("SELECT pg_is_in_recovery()"):
        sentence = "It is a standby, which cannot be written to: name the primary in database.url."
        return Finding("writable", False, sentence)
    transaction = db.transaction()
    await transaction.start()
    try:
        if await db.fetchval(schema.HAS_TABLES["postgresql"]):
            await db.execute("INSERT INTO meta (name, value) VALUES ('doctor', '')")
        else:
            await db.execute("CREATE TEMP TABLE doctor (id integer)")
    except (asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError) as error:
        return Finding("writable", False, f"It cannot be written: {error}.")
    finally:
        await transaction.rollback()
    return Finding("writable", True, "It can be written.")


async def _clock(db: Any) -> Finding:
    before = time.time()
    there = float(await db.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8"))
    apart = there - (before + time.time()) / 2
    ok = abs(apart) <= MAX_CLOCK_DIFFERENCE
    advice = "" if ok else "; set both by NTP"
    return Finding("clock", ok, f"Its clock is {apart:+.2f} s from this machine's{advice}.")


async def compare_sessions(db: Any, other: Any, alone: bool, prepares: bool) -> Finding:
    """Detect a pooler: then two connections of ours share one session of the server."""
    query = "SELECT pg_backend_pid()"
    before = await db.fetchval(query)
    async with other.transaction():
        between = await other.fetchval(query)
        is_shared = between == before or await db.fetchval(query) != before
    if not is_shared:
        return Finding("sessions", True, "Sessions are the server's own: locks and LISTEN hold.")
    if alone:
        advice = "locks don't hold. Use pool_mode = session there, or the server itself"
        return Finding("sessions", False, f"{POOLED}: {advice}.")
    if prepares and not await _keeps(db, other):
        return Finding("sessions", False, f"{POOLED} and loses prepared statements: {UNPREPARED}.")
    return Finding("sessions", True, f"{POOLED}; that works with a broker.")


async def _keeps(db: Any, other: Any) -> bool:
    """Return whether a statement prepared in one session exists in the next."""
    try:
        name = f"doctor_{secrets.token_hex(8)}"  # a name that no other session has
        statement = await db.prepare("SELECT 1", name=name)
        await statement.fetchval()  # the next transaction gets the session that was used last
        async with other.transaction():
            await other.fetchval("SELECT 1")
            await statement.fetchval()
    except asyncpg.InvalidSQLStatementNameError:
        return False
    return True
