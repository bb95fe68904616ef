"""Reports of messages by members, which the site resolves."""

import time

from ..protocol.errors import NotFound
from ..realtime.commits import Commit, CommitListener
from ..store import messages, reports
from ..store.outbox import NewEvent, message_details
from ..store.reports import NewReport
from ..store.store import Connection, Store
from .text_policy import TextPolicy


class Reports:
    """Stores the reports of members."""

    def __init__(self, store: Store, commits: CommitListener, texts: TextPolicy) -> None:
        self._store = store
        self._commits = commits
        self._texts = texts

    async def add(self, report: NewReport) -> None:
        """Store the first report of a message by each member, with an event for the site.

        Raises NotFound to non-members, TooLong and InvalidFrame for the text.
        """
        self._texts.check_text(report.text, "text")
        now = time.time_ns() // 1000
        where = report.room_id, report.reporter_id, report.message_id

        async def work(db: Connection) -> bool:
            message = await messages.get(db, *where)
            if message is None:
                raise NotFound(message_id=report.message_id)
            is_new = await reports.add(db, report, now)
            if is_new:
                details = message_details(message, {"reason": report.reason, "report": report.text})
                event = NewEvent(
                    "message_reported", report.room_id, report.reporter_id, 0, message.id,
                    message.text, details=details,
                )  # fmt: skip
                await self._store.note(db, event)
            return is_new

        if await self._store.write(work):
            await self._commits.on_commit(Commit({}))
