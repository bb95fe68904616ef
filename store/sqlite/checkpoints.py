"""Moves committed pages out of the write-ahead log, on a connection beside the writer."""

import asyncio
import logging
import sqlite3
from pathlib import Path

from databases.core import Connection

log = logging.getLogger("roomcast.store")

CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"
CHECKPOINT_DELAY = 0.5  # seconds after a commit until the log is moved into the database


class Checkpoints:
    """Runs checkpoints soon after commits, one at a time, so that no write waits for them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.task: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._has_failed = False  # and it was logged

    def open(self, connection: Connection) -> None:
        """Use this connection, which must have no other user, from now on."""
        self._connection = connection

    def schedule(self) -> None:
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        await asyncio.sleep(CHECKPOINT_DELAY)
        assert self._connection is not None  # open
        try:
            await self._connection.raw_connection.execute_fetchall(CHECKPOINT)
        except sqlite3.Error as error:  # the log keeps its pages; nothing is lost
            if not self._has_failed:
                log.warning("write-ahead log grows: database=%s error=%s", self._path, error)
            self._has_failed = True
        else:
            if self._has_failed:
                log.info("write-ahead log checkpointed again: database=%s", self._path)
            self._has_failed = False

    async def aclose(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
