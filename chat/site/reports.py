"""The site's calls about reports of messages: it reads and resolves them."""

from msgspec import Struct

from ...integrations import audit
from ...protocol.errors import InvalidFrame, NotFound, TooLong
from ...protocol.ids import MAX_ID, id_of, is_clean, when, wire_user
from ...store import site_reports
from ...store.site_reports import ReportState, StoredReport
from ...store.store import Store
from .records import Page

PAGE_SIZE = 50
MAX_NOTE_LENGTH = 1_000  # characters


class ReportRecord(Struct):
    """A report of a message by a member, with its state and note."""

    id: int
    room_id: int
    message_id: int
    reporter_id: int | str
    reason: str
    text: str
    state: ReportState
    note: str
    at: str


class SiteReports:
    """Calls of the site about reports."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, state: str | None, cursor: str | None) -> Page[ReportRecord]:
        """Return reports in this state, or in any, the newest first. Raises InvalidFrame."""
        wanted = None if state is None else _state_of(state)
        before = MAX_ID if cursor is None else id_of(cursor, "cursor")
        found = await self._store.read(
            lambda db: site_reports.page(db, wanted, before, PAGE_SIZE + 1)
        )
        shown = [_record_of(report) for report in found[:PAGE_SIZE]]
        return Page(shown, str(shown[-1].id) if len(found) > PAGE_SIZE else None)

    async def change(self, report_id: int, state: str | None, note: str | None) -> ReportRecord:
        """Change state or note of a report. Raises NotFound, InvalidFrame and TooLong."""
        wanted = None if state is None else _state_of(state)
        if note is not None and len(note) > MAX_NOTE_LENGTH:
            raise TooLong(f"note: at most {MAX_NOTE_LENGTH} characters.")
        if note is not None and not is_clean(note):
            raise InvalidFrame("note: NUL and lone surrogates are not accepted.")
        found = await self._store.write(lambda db: site_reports.change(db, report_id, wanted, note))
        if found is None:
            raise NotFound
        audit.record("report_changed", report_id=report_id, state=found.state)
        return _record_of(found)


def _state_of(state: str) -> ReportState:
    if state == "open":
        return "open"
    if state == "resolved":
        return "resolved"
    raise InvalidFrame("state: open or resolved is needed.")


def _record_of(report: StoredReport) -> ReportRecord:
    return ReportRecord(
        report.id,
        report.room_id,
        report.message_id,
        wire_user(report.reporter_id),
        report.reason,
        report.text,
        report.state,
        report.note,
        when(report.created_at),
    )
