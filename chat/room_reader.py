"""Reads the changes that a room of this process has missed from the database."""

import asyncio
from collections.abc import Sequence
from functools import partial

from ..integrations.metrics import Metrics
from ..protocol import codec
from ..protocol.events import MessageDeleted
from ..realtime.events import Change, Kind, OldMessage
from ..realtime.reader import GapTooLarge, MissedChanges, RoomHead
from ..settings import Limits
from ..store import messages, receipts, rooms
from ..store.store import Connection, Store
from .message_encoder import MessageEncoder

MAX_CONCURRENT_READS = 2  # gap repairs at a time, since joins need the readers as well

Marks = dict[str, tuple[int, int]]  # user → delivered and read up to these ids


class DatabaseRoomReader:
    """The RoomReader of the database, for gap repair and for the statuses of old messages."""

    def __init__(
        self, store: Store, encoder: MessageEncoder, metrics: Metrics, limits: Limits
    ) -> None:
        self._store = store
        self._limits = limits
        self._encoder = encoder
        self._metrics = metrics
        self._reads = asyncio.Semaphore(MAX_CONCURRENT_READS)

    async def load_changes_since(
        self, room_id: int, version: int, top: int
    ) -> MissedChanges | None:
        """Return the changes since the version, or None if the room is deleted.

        Messages with ids above `top` are new.

        Raises GapTooLarge if the changes are more than a resuming client is sent.
        """

        async def load(db: Connection) -> tuple[messages.Since | None, Marks]:
            await self._check_size(db, room_id, version)
            since = await messages.since(db, room_id, version)
            return since, await receipts.of_room(db, room_id)

        try:
            async with self._reads:
                since, marks = await self._store.read(load)
        except Exception:
            self._metrics.failed_repairs.inc()
            raise
        if since is None:
            return None
        self._metrics.missed.inc(len(since.messages) + len(since.deleted))
        pairs = self._pairs(since, top)
        changes, frames = [change for change, _ in pairs], [frame for _, frame in pairs]
        return MissedChanges(
            since.version, since.members_version, since.title, changes, frames, marks, since.look
        )

    async def _check_size(self, db: Connection, room_id: int, version: int) -> None:
        most = self._limits.max_resume_changes
        changes, size = await messages.size_since(db, room_id, version, most + 1)
        if changes > most or size > self._limits.max_resume_size:
            raise GapTooLarge(f"{changes} changes, {size} characters")

    def _pairs(self, since: messages.Since, top: int) -> list[tuple[Change, bytes]]:
        """Return each change with its frame, in version order."""
        pairs: list[tuple[Change, bytes]] = []
        for m in since.messages:
            kind: Kind = "sent" if m.id > top else "edited" if m.is_edited else "reacted"
            change = Change(m.version, m.id, m.sender_id, kind)
            pairs.append((change, self._encoder.encode(m, kind)))
        for id_, version, sender in since.deleted:
            line = codec.encode(MessageDeleted(version, id_))
            pairs.append((Change(version, id_, sender, "deleted"), line))
        return sorted(pairs, key=lambda pair: pair[0].version)

    async def find_heads(self, room_ids: Sequence[int]) -> dict[int, RoomHead]:
        """Return the heads of these rooms; deleted rooms are left out."""
        return await self._store.read(partial(rooms.find_heads, room_ids=room_ids))

    async def load_between(
        self, room_id: int, above: int, upto: int, most: int
    ) -> list[OldMessage]:
        """Return the newest messages with above < id <= upto, at most `most`, oldest first."""
        find = partial(messages.between, room_id=room_id, above=above, upto=upto, most=most)
        found = await self._store.read(find)
        return [OldMessage(m.id, m.sender_id, self._encoder.encode(m, "sent")) for m in found]
