"""A PostgreSQL database as one end of a move."""
# ruff: noqa: S608 # every name in these statements is one of schema.sql

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

import asyncpg

from .. import schema as meta
from ..errors import CannotOpen, DatabaseInUse
from ..postgres.address import CONNECT_TIMEOUT, parse_postgres_url
from ..postgres.pool import UNAVAILABLE_ERRORS
from ..postgres.session import SINGLE_PROCESS_LOCK
from .endpoint import ROW_BATCH, Digest, Row, translate_errors
from .tables import DERIVED_TABLES, Table, tables

EXCLUSIVE_TIMEOUT = 3.0  # seconds to wait for other processes to disconnect

_translate_errors = partial(translate_errors, kinds=(asyncpg.PostgresError, *UNAVAILABLE_ERRORS))


class PostgresEnd:
    def __init__(self, url: str) -> None:
        self._address = parse_postgres_url(url)
        self.where = str(self._address)

    def exists(self) -> bool:
        return True

    async def open(self) -> None:
        no_limits = ("idle_in_transaction_session_timeout", "statement_timeout")
        calm = {"application_name": "roomcast move", **dict.fromkeys(no_limits, "0")}
        try:
            self._db: Any = await self._address.connect(server_settings=calm)
            if self._address.schema:
                await self._db.execute(self._address.search_path)
        except (asyncpg.PostgresError, *UNAVAILABLE_ERRORS) as error:
            why = str(error) or type(error).__name__
            raise CannotOpen(f"The database {self.where} can't be opened: {why}.") from error
        try:
            await self._claim()
        except BaseException:
            await self.aclose()
            raise

    async def _claim(self) -> None:
        """Check that no server is connected: one with several processes takes no lock."""
        query = """
            SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()
               AND application_name IN ('roomcast', 'roomcast move')
        """
        try:
            async with asyncio.timeout(EXCLUSIVE_TIMEOUT):
                while await self._db.fetchval(query):  # noqa: ASYNC110 # there is no event for it
                    await asyncio.sleep(EXCLUSIVE_TIMEOUT / 20)
        except TimeoutError:
            found = False
        else:
            found = await self._db.fetchval(
                "SELECT pg_try_advisory_lock($1)", self._address.lock_key(SINGLE_PROCESS_LOCK)
            )
        if not found:
            raise DatabaseInUse(
                f"The database {self.where} is in use by another roomcast process: stop it first. "
                "(A pooler before it may keep connections for some minutes.)"
            )

    async def aclose(self) -> None:
        try:
            await self._db.close(timeout=CONNECT_TIMEOUT)
        except (asyncpg.PostgresError, *UNAVAILABLE_ERRORS):
            self._db.terminate()

    async def freeze(self) -> None:
        """Lock all tables: a server that starts now can read them, but not write."""
        self._frozen = self._db.transaction(isolation="repeatable_read")
        names = ", ".join(["meta", *(table.name for table in tables())])
        with _translate_errors(self.where):
            await self._frozen.start()
            await self._db.execute(f"SET LOCAL lock_timeout = '{EXCLUSIVE_TIMEOUT:.0f}s'")
            await self._db.execute(f"LOCK TABLE {names} IN SHARE MODE")

    async def thaw(self) -> None:
        with _translate_errors(self.where):
            await self._frozen.commit()

    async def meta(self) -> dict[str, str]:
        with _translate_errors(self.where):
            if not await self._db.fetchval(meta.HAS_TABLES["postgresql"]):
                return {}
            return dict(await self._db.fetch("SELECT name, value FROM meta"))

    async def digest(self, table: Table) -> Digest:
        with _translate_errors(self.where):
            return tuple(await self._db.fetchrow(table.digest("octet_length({})")))

    async def rows(self, table: Table, start: int | None) -> AsyncIterator[Sequence[Row]]:
        with _translate_errors(f"{self.where}, {table.name}"):
            found = await self._db.cursor(table.rows(start))
            while rows := await found.fetch(ROW_BATCH):
                yield rows

    async def last(self, table: Table) -> int | None:
        with _translate_errors(self.where):
            value: int | None = await self._db.fetchval(table.last) if table.last else None
            return value

    async def keys(self) -> tuple[list[str], list[str]]:
        with _translate_errors(self.where):
            held = await self._db.fetch("SELECT key FROM attachments")
            loose = await self._db.fetch("SELECT key FROM uploads")
            return [row["key"] for row in held], [row["key"] for row in loose]

    async def add(self, table: Table, rows: Sequence[Row]) -> None:
        with _translate_errors(f"{self.where}, {table.name}"):
            try:
                async with self._db.transaction():
                    await self._copy(rows, table.name, table)
            except asyncpg.UniqueViolationError:  # where an earlier move ended
                async with self._db.transaction():
                    await self._add_new(table, rows)

    async def _add_new(self, table: Table, rows: Sequence[Row]) -> None:
        name = f"incoming_{table.name}"
        await self._db.execute(f"CREATE TEMP TABLE {name} (LIKE {table.name}) ON COMMIT DROP")
        await self._copy(rows, name, table)
        await self._db.execute(
            f"INSERT INTO {table.name} ({table.text}) SELECT {table.text} FROM {name} "
            "ON CONFLICT DO NOTHING"
        )

    async def _copy(self, rows: Sequence[Row], name: str, table: Table) -> None:
        await self._db.copy_records_to_table(name, records=rows, columns=table.columns)

    async def counted(self, table: Table) -> int:
        name = f"pg_get_serial_sequence('{table.name}', 'id')"
        with _translate_errors(self.where):
            sequence = await self._db.fetchval(f"SELECT {name}")
            query = f"""
                SELECT greatest(CASE WHEN is_called THEN last_value ELSE last_value - 1 END,
                                (SELECT max(id) FROM {table.name}))
                  FROM {sequence}
            """
            return int(await self._db.fetchval(query))

    async def count_from(self, table: Table, highest: int) -> None:
        query = "SELECT setval(pg_get_serial_sequence($1, 'id'), greatest($2::bigint, 1), $2 > 0)"
        with _translate_errors(self.where):
            await self._db.execute(query, table.name, highest)

    async def empty(self) -> None:
        names = ", ".join([*DERIVED_TABLES, *(table.name for table in tables())])
        with _translate_errors(self.where):
            await self._db.execute(f"TRUNCATE {names}")

    async def keep(self, values: Mapping[str, str]) -> None:
        with _translate_errors(self.where):
            async with self._db.transaction():
                await self._db.execute("DELETE FROM meta")
                query = "INSERT INTO meta (name, value) VALUES ($1, $2)"
                await self._db.executemany(query, list(values.items()))
