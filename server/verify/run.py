"""A whole run: identify the users, run the checks and the storm, clean up, report."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx

from ...client import AsyncChat, ClientError
from . import checks
from .account import Account, BrokenPromise, CannotVerify, Pace
from .report import Report
from .shapes import Fields
from .stage import CHECKS, Check, Deployment, Stage
from .storm import check_storm

assert checks.__all__  # importing them registered them

BURST = 60.0  # actions at once, well below the documented 200
MOST_OF_CHECKS = 180.0  # seconds that a run takes beside the storm
STORM_PROMISE = "nothing_lost"
CONCURRENT_CHECKS = 6  # checks that run side by side

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
    tls = _tls(base, options)
    async with AsyncExitStack() as stack:
        client = httpx.AsyncClient(timeout=options.timeout, verify=True if tls is None else tls)
        http = await stack.enter_async_context(client)
        ada, bob = (
            Account(base, http, token, Pace(options.rate, BURST), report) for token in tokens
        )
        deployment = Deployment(base, ada, bob, report, options.timeout, 3 * options.timeout, tls)
        if key:
            deployment.site_key = key
            deployment.site = await stack.enter_async_context(open_site(base, key, options))
        await _introduce(deployment, options)
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
    await _run_checks(deployment, chosen, progress)
    if only and STORM_PROMISE not in only:
        return
    progress(f"storm: {options.duration:.0f} s of broken connections")
    storm = Stage(deployment, STORM_PROMISE, "storm")
    rate = min(options.rate / 3 or 30.0, 30.0)
    await _guard(storm, check_storm(storm, options.duration, rate, options.seed), None)


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


def open_site(base: str, key: str, options: Options) -> AsyncChat:
    """Open a client of the server API, with the same TLS options."""
    tls = _tls(base, options)
    transport = httpx.AsyncHTTPTransport(verify=True if tls is None else tls)
    return AsyncChat(base, key, timeout=options.timeout, transport=transport)


def _tls(base: str, options: Options) -> ssl.SSLContext | None:
    if not base.startswith("https:"):
        return None
    context = ssl.create_default_context()
    if options.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _introduce(deployment: Deployment, options: Options) -> None:
    try:
        for account in (deployment.ada, deployment.bob):
            await account.identify()
            _check_lifetime(account, options.duration + MOST_OF_CHECKS)
        answer = await deployment.ada.http.get(f"{deployment.base}/api/v1/chat/config/")
        if answer.status_code == 200:
            deployment.config = answer.json()
    except httpx.HTTPError as error:
        raise CannotVerify(
            f"{deployment.base} does not answer: {error or type(error).__name__}"
        ) from error
    except (BrokenPromise, ValueError, KeyError) as error:
        raise CannotVerify(f"{deployment.base} does not say who a token is: {error}") from None
    if deployment.config.get("features", {}).get("open_rooms") is False:
        raise CannotVerify(
            'Only the site opens rooms here: verify needs rooms.open_by = "members".'
        )
    if deployment.ada.user_id == deployment.bob.user_id:
        raise CannotVerify("Both tokens are of the same user; two users are needed.")


def _check_lifetime(account: Account, needed: float) -> None:
    """Raise CannotVerify for a token that expires before the run has ended."""
    if account.expires_at is None:
        return
    left = account.expires_at - time.time()
    if left < needed:
        raise CannotVerify(
            f"The token of user {account.user_id} expires in {left:.0f} s, and a run may take "
            f"{needed:.0f} s."
        )


async def _run_checks(deployment: Deployment, chosen: Sequence[Check], progress: Progress) -> None:
    """Run checks concurrently, then those that must run alone."""
    slots = asyncio.Semaphore(CONCURRENT_CHECKS)

    async def run(check: Check) -> None:
        async with slots:
            progress(f"{check.promise}: {check.name}")
            stage = Stage(deployment, check.promise, check.name)
            await _guard(stage, check.run(stage), check.limit)

    await asyncio.gather(*(run(check) for check in chosen if not check.alone))
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
    except (httpx.HTTPError, ClientError) as error:
        stage.holds(False, f"an HTTP call got no answer: {type(error).__name__} {error}")
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        stage.holds(False, f"an answer can't be read: {type(error).__name__} {error}")


async def _clean_up(deployment: Deployment) -> None:
    """Delete the remaining rooms of this run."""
    for creator, room in deployment.rooms:
        try:
            await creator.pace.wait()
            headers = {"Authorization": f"Bearer {creator.token}"}
            url = f"{deployment.base}/api/v1/chat/delete/{room}"
            await creator.http.delete(url, headers=headers)
        except httpx.HTTPError:
            deployment.report.note("not all rooms of this run could be deleted")
            return
