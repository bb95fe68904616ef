"""The server API: the reports of members."""

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...chat.site.reports import ReportRecord
from ...protocol import codec
from ...protocol.errors import InvalidFrame, NotFound
from ...protocol.ids import id_of
from ..requests import Reply, body_of, chat_of
from .requests import next_url, with_key


class SiteReportPatch(Struct):
    """The new state of a report, `open` or `resolved`, and a note for the other moderators."""

    state: str | None = None
    note: str | None = None


class SiteReportPage(Struct):
    """A page of reports, the newest first."""

    results: list[ReportRecord]
    next: str | None


@with_key
async def listed(request: Request) -> Response:
    """Lists open reports, resolved reports or all of them, the newest first."""
    query = request.query_params
    page = await chat_of(request).site_reports.page(query.get("state"), query.get("cursor"))
    return Reply(SiteReportPage(page.results, next_url(request, cursor=page.next or None)))


@with_key
async def change(request: Request) -> Response:
    """Resolves a report, or opens it again."""
    try:
        report_id = id_of(request.path_params["report_id"], "report_id")
    except InvalidFrame:
        raise NotFound from None
    given = codec.decode_as(await body_of(request), SiteReportPatch)
    reports = chat_of(request).site_reports
    return Reply(await reports.change(report_id, given.state, given.note))


# fmt: off
routes = [
    Route("/server/reports",             listed, methods=["GET"]),
    Route("/server/reports/{report_id}", change, methods=["PATCH"]),
]
