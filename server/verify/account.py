"""A user of the deployment with a token: HTTP calls, whose answers are checked."""

import asyncio
import time
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from .report import Report
from .shapes import REFUSAL, STATUS_OF_CODE, Fields

MAX_WAIT = 20.0  # seconds for a temporary refusal to pass
MAX_RETRY_AFTER = 600  # seconds; a longer one is a quota of the day


class BrokenPromise(Exception):
    """A failed expectation without which a check can't continue: its text and its evidence."""

    def __init__(self, what: str, evidence: object = "") -> None:
        super().__init__(what)
        self.evidence = evidence


class CannotVerify(Exception):
    """The deployment can't be verified: not reachable, or what verify needs is not allowed."""


class Pace:
    """A token bucket, so that a verification stays below the rate limit of the deployment."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at = time.monotonic()

    async def wait(self, cost: float = 1.0) -> None:
        """Wait until so many actions may be done; a rate of 0 is no limit."""
        if self._rate <= 0:
            return
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - cost
        self._at = now
        if self._left < 0:
            await asyncio.sleep(-self._left / self._rate)


class Account:
    """A user with a token; `pace` is shared by their sockets and calls."""

    def __init__(
        self, base: str, http: httpx.AsyncClient, token: str, pace: Pace, report: Report
    ) -> None:
        self.base = base
        self.http = http
        self.token = token
        self.pace = pace
        self.report = report
        self.user_id: int | str = ""
        self.expires_at: float | None = None  # seconds since 1970; None: as far as is known, never

    def set_identity(self, shown: dict[str, Any]) -> None:
        """Take the user and the expiry of the token from an answer of `chat/me/`."""
        self.user_id = shown["user_id"]
        if shown.get("expires_at"):
            self.expires_at = datetime.fromisoformat(shown["expires_at"]).timestamp()

    @property
    def user_in_path(self) -> str:
        """The user id, encoded for a path."""
        return quote(str(self.user_id), safe="")

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make a call below /api/v1/ (or to a whole URL), repeated after temporary refusals."""
        url = path if path.startswith("http") else f"{self.base}/api/v1/{path}"
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        deadline = time.monotonic() + MAX_WAIT
        while True:
            await self.pace.wait()
            answer = await self.http.request(method, url, headers=headers, **options)
            self._check(method, path, answer)
            delay = answer.headers.get("retry-after", "")
            seconds = int(delay) if delay.isdecimal() else 1
            is_temporary = answer.status_code in (429, 503) and seconds < MAX_RETRY_AFTER
            if not is_temporary or time.monotonic() > deadline:
                return answer
            await asyncio.sleep(min(5.0, seconds))

    def _check(self, method: str, path: str, answer: httpx.Response) -> None:
        call = f"{method} {path.partition('?')[0]}"
        for problem in header_problems(answer):
            self.report.find("http", "headers of answers", f"{call}: {problem}")
        if answer.status_code < 400 or method == "HEAD":
            return
        for problem in refusal_problems(answer):
            self.report.find("http", "refusals over HTTP", f"{call}: {problem}", answer.text)

    async def json(
        self,
        method: str,
        path: str,
        shape: Fields | None = None,
        *,
        status: int = 200,
        **options: Any,
    ) -> Any:
        """Make a call whose answer must have this status and shape; return its body."""
        answer = await self.request(method, path, **options)
        if answer.status_code != status:
            raise BrokenPromise(
                f"{method} {path} answers {answer.status_code}, not {status}", answer.text
            )
        body = answer.json() if answer.content else None
        for problem in shape(body, "answer") if shape is not None else ():
            self.report.find("http", "shapes of answers", f"{method} {path}: {problem}", body)
        return body


def object_of(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON object in the first line of an answer; an empty one for anything else."""
    try:
        shown = httpx.Response(200, content=answer.text.partition("\n")[0]).json()
    except ValueError:
        return {}
    return shown if isinstance(shown, dict) else {}


def detail_of(answer: httpx.Response) -> str:
    """Return the reason that an answer gives, for people."""
    detail = object_of(answer).get("detail")
    kind = answer.headers.get("content-type", "").partition(";")[0] or "no type"
    return str(detail) if detail else f"an answer of {kind}."


def header_problems(answer: httpx.Response) -> list[str]:
    """Return what is missing in the headers of a JSON answer, which is one caller's.

    Answers of another type are those of a proxy.
    """
    if not answer.content or "json" not in answer.headers.get("content-type", ""):
        return []
    wanted = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    found = {name: answer.headers.get(name, "") for name in wanted}
    return [f"{name} is {found[name]!r}" for name, value in wanted.items() if value != found[name]]


def refusal_problems(answer: httpx.Response) -> list[str]:
    """Return the errors in the body, the code and the headers of a refusal."""
    try:
        body = answer.json()
    except ValueError:
        return [f"{answer.status_code} without a JSON body"]
    problems = list(REFUSAL(body, "refusal"))
    if not problems and STATUS_OF_CODE[body["code"]] != answer.status_code:
        problems.append(f"code {body['code']} with status {answer.status_code}")
    if (
        answer.status_code == 401
        and "bearer" not in answer.headers.get("www-authenticate", "").lower()
    ):
        problems.append("401 without WWW-Authenticate: Bearer")
    if answer.status_code == 429 and not answer.headers.get("retry-after", "").isdecimal():
        problems.append("429 without Retry-After in seconds")
    return problems
