"""The report of a run: the checks, the broken promises and the latency of messages."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .promises import PROMISES

MAX_EVIDENCE = 600  # characters
MAX_SHOWN = 10  # findings of one promise in the text


class Deviation(NamedTuple):
    """A broken promise: the place, the expectation, and what happened instead."""

    promise: str
    check: str
    what: str
    evidence: str


class Latency(NamedTuple):
    """Milliseconds from sending a message until it arrived, for a number of messages."""

    messages: int
    p50: float
    p99: float


@dataclass
class Report:
    """Grows while checks run; `broken` decides the exit code."""

    url: str
    findings: list[Deviation] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)  # an ordered set
    checked: Counter[str] = field(default_factory=Counter)
    numbers: dict[str, int] = field(default_factory=dict)
    latencies: dict[str, Latency] = field(default_factory=dict)
    seconds: float = 0.0
    awaited: Sequence[str] = ()  # promises that `has_findings` is about; none: all of them
    has_findings: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def broken(self) -> list[str]:
        """The promises that did not hold, in the order of the documentation."""
        found = {finding.promise for finding in self.findings}
        return [promise for promise in PROMISES if promise in found]

    def find(self, promise: str, check: str, what: str, evidence: object = "") -> None:
        """Add a broken promise; repeated findings are kept once."""
        shown = evidence if isinstance(evidence, str) else json.dumps(evidence, default=str)
        finding = Deviation(promise, check, what, shown[:MAX_EVIDENCE])
        if not any(f.what == what and f.check == check for f in self.findings):
            self.findings.append(finding)
            if not self.awaited or promise in self.awaited:
                self.has_findings.set()

    def note(self, what: str) -> None:
        """Add a remark that is no broken promise."""
        self.notes[what] = None

    def measure(self, name: str, seconds: Iterable[float]) -> None:
        """Keep the median and the 99th percentile of some durations."""
        ordered = sorted(seconds)
        if ordered:
            p50, p99 = (_percentile(ordered, share) * 1000 for share in (0.5, 0.99))
            self.latencies[name] = Latency(len(ordered), round(p50, 1), round(p99, 1))

    # ---------------------------------------------------------------- formats

    def as_json(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "url": self.url,
            "ok": not self.findings,
            "seconds": round(self.seconds, 1),
            "promises": [
                {"promise": name, "holds": name not in self.broken, "checks": self.checked[name]}
                for name in PROMISES
            ],
            "findings": [finding._asdict() for finding in self.findings],
            "notes": list(self.notes),
            "numbers": self.numbers,
            "latency_ms": {name: each._asdict() for name, each in self.latencies.items()},
        }

    def as_text(self) -> str:
        """The report for people."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"roomcast verify {self.url}"
        yield ""
        width = max(map(len, PROMISES))
        for name, sentence in PROMISES.items():
            outcome = "BROKEN" if name in self.broken else "holds" if self.checked[name] else "-"
            yield f"  {outcome:<6}  {name:<{width}}  {sentence}"
        for name in self.broken:
            yield ""
            yield f"{name}: {PROMISES[name]}"
            yield from self._findings_of(name)
        yield ""
        yield from (f"note: {note}" for note in self.notes)
        yield from (f"{name}: {number:,}" for name, number in self.numbers.items())
        for name, each in self.latencies.items():
            yield f"{name}: p50 {each.p50} ms, p99 {each.p99} ms, of {each.messages:,} messages"
        yield self._verdict()

    def _findings_of(self, promise: str) -> Iterator[str]:
        found = [finding for finding in self.findings if finding.promise == promise]
        for finding in found[:MAX_SHOWN]:
            yield f"  {finding.check}: {finding.what}"
            if finding.evidence:
                yield f"    {finding.evidence}"
        if len(found) > MAX_SHOWN:
            yield f"  … and {len(found) - MAX_SHOWN} more; --json has all of them"

    def _verdict(self) -> str:
        total = sum(self.checked.values())
        verdict = f"promises broken: {len(self.broken)}" if self.findings else "all promises hold"
        return f"{total:,} checks in {self.seconds:.0f} s: {verdict}."


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
