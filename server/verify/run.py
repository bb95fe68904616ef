"""A whole run: identify the users, run the checks and the storm, clean up, report."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
from websockets.exceptions import ConnectionClosed

from ...client import ClientError
from . import checks
from .account import Account, BrokenPromise, Pace
from .introduction import introduce, open_site, read_config, tls_of
from .report import Report
from .shapes import Fields
from .stage import CHECKS, CONTEXT, Check, Deployment, Stage
from .storm import check_storm

assert checks.__all__  # importing them registered them

BURST = 60.0  # actions at once, well below the documented 200
MOST_OF_CHECKS = 180.0  # seconds that a run takes beside the storm
STORM_PROMISE = "nothing_lost"
MAX_FAILURES = 3  # rooms that can't be deleted until the remaining ones are left
CONCURRENT_CHECKS = 6  # checks that run side by side

UNREADABLE = (
    KeyError, TypeError, ValueError, IndexError, AttributeError, AssertionError, RecursionError,
    httpx.InvalidURL,
)  # fmt: skip

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """The options of a run: its duration, rate, timeout and seed."""

    duration: float = 60.0  # seconds of the storm
    rate: float = 20.0  # actions a second of each user; 0 is no limit
    timeout: float = 10.0  # seconds for a frame that must come
    seed: int = 1
    insecure: bool = False  # whether any TLS certificate is accepted
    fail_fast: bool = False  # whether the first finding ends the run
    only: Sequence[str] = ()  # promises; none: all of them


async def verify(
    base: str, tokens: Sequence[str], options: Options, progress: Progress, key: str = ""
) -> Report:
    """Test the deployment at `base` with the users of two tokens.

    With a `key` of the server API, the site's own calls are tested too.
    """
    began = time.monotonic()
    report = Report(base, awaited=options.only)
    Fields.unknown.clear()
    tls = tls_of(base, insecure=options.insecure)
    async with AsyncExitStack() as stack:
        client = httpx.AsyncClient(timeout=options.timeout, verify=True if tls is None else tls)
        http = await stack.enter_async_context(client)
        ada, bob = (
            Account(base, http, token, Pace(options.rate, BURST), report) for token in tokens
        )
        deployment = Deployment(base, ada, bob, report, options.timeout, 3 * options.timeout, tls)
        if key:
            deployment.site_key = key
            site = open_site(base, key, options.timeout, tls)
            deployment.site = await stack.enter_async_context(site)
        deployment.config = await read_config(base, http)
        await introduce(deployment, options.duration + MOST_OF_CHECKS)
        try:
            await _until_first_finding(_run_all(deployment, options, progress), report, options)
        finally:
            await _clean_up(deployment)
    for unknown in sorted(Fields.unknown):
        report.note(f"a field that the protocol does not name: {unknown}")
    report.seconds = time.monotonic() - began
    return report


async def _run_all(deployment: Deployment, options: Options, progress: Progress) -> None:
    only = () if "shapes" in options.only else options.only  # the frames of all checks count
    able = [check for check in CHECKS if deployment.site is not None or not check.needs_site]
    chosen = [check for check in able if not only or check.promise in only]
    await _run_checks(deployment, list(_allowed(chosen, deployment)), progress)
    if only and STORM_PROMISE not in only:
        return
    progress(f"storm: {options.duration:.0f} s of broken connections")
    storm = Stage(deployment, STORM_PROMISE, "storm")
    rate = min(options.rate / 3 or 30.0, 30.0)
    await _guard(storm, check_storm(storm, options.duration, rate, options.seed), None)


def _allowed(chosen: Sequence[Check], deployment: Deployment) -> Iterator[Check]:
    """Yield the checks that the settings of the deployment allow, and note the others."""
    for check in chosen:
        if missing := check.needs.missing_in(deployment.config):
            deployment.report.note(f"not checked: {check.name}, since {missing} here")
        else:
            yield check


async def _until_first_finding(
    running: Coroutine[None, None, None], report: Report, options: Options
) -> None:
    """Wait for the whole run, or with `fail_fast` for its first finding."""
    if not options.fail_fast:
        return await running
    everything = asyncio.create_task(running)
    first = asyncio.create_task(report.has_findings.wait())
    await asyncio.wait((everything, first), return_when=asyncio.FIRST_COMPLETED)
    first.cancel()
    everything.cancel()
    for outcome in await asyncio.gather(everything, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
    return None


async def _run_checks(deployment: Deployment, chosen: Sequence[Check], progress: Progress) -> None:
    """Run checks concurrently, then those that must run alone."""
    slots = asyncio.Semaphore(CONCURRENT_CHECKS)

    async def run(check: Check) -> None:
        async with slots:
            progress(f"{check.promise}: {check.name}")
            stage = Stage(deployment, check.promise, check.name)
            await _guard(stage, check.run(stage), check.limit)

    running = [asyncio.create_task(run(check)) for check in chosen if not check.alone]
    try:
        await asyncio.gather(*running)
    finally:  # so that none opens a room after the rooms were deleted
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    for check in chosen:
        if check.alone:
            await run(check)


async def _guard(stage: Stage, running: Awaitable[None], limit: float | None) -> None:
    """Run a check; its errors become findings."""
    try:
        async with asyncio.timeout(limit):
            await running
    except BrokenPromise as broken:
        stage.holds(False, str(broken), broken.evidence)
    except TimeoutError:
        stage.holds(False, f"the check did not end within {limit} s")
    except httpx.HTTPError as error:
        asked = str(error.request.url).partition("?")[0]
        stage.holds(False, f"{asked} gives no answer: {type(error).__name__} {error}")
    except ClientError as error:
        stage.holds(False, f"a call of the server API failed: {type(error).__name__} {error}")
    except ConnectionClosed as error:
        stage.holds(False, f"a socket was closed: {error}")
    except UNREADABLE as error:
        stage.holds(False, f"an answer can't be read: {type(error).__name__} {error}")


async def _clean_up(deployment: Deployment) -> None:
    """Delete the remaining rooms of this run, also one whose answer did not come."""
    failures = 0
    rooms = dict.fromkeys(deployment.rooms)
    for account in (deployment.ada, deployment.bob):
        rooms |= dict.fromkeys((account, room) for room in await _listed_rooms(account))
    for creator, room in rooms:
        try:
            answer = await creator.request("DELETE", f"chat/delete/{room}")
            failures += answer.status_code not in (204, 404)
        except httpx.HTTPError:
            failures += 1
        if failures == MAX_FAILURES:
            break
    if failures:
        deployment.report.note("not all rooms of this run could be deleted")


async def _listed_rooms(account: Account) -> list[int]:
    """Return the rooms in the user's list that a run has opened."""
    try:
        page = await account.json("GET", f"chat/receive/?context_prefix={CONTEXT}&page_size=100")
        found = [room for room in page["results"] if room["context"].startswith(CONTEXT)]
        return [room["room_id"] for room in found]
    except (BrokenPromise, httpx.HTTPError, ValueError, TypeError, KeyError, AttributeError):
        return []  # of a deployment that does not answer as documented, which a check has found
