"""Metrics for Prometheus, of this process or of all workers of a server."""

import os
import threading
import time
from collections import Counter as Counted
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import NoneType

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from ..protocol.errors import Close
from ..realtime.commits import Commit
from ..settings import Settings
from ..settings.limit_names import LIMITS, limit_value
from ..store.messages import Acted, Added, Deleted, Edited, Reacted, RefusedChange, Repeated

WRITE_INTERVAL = 5.0  # seconds between two writes of a worker's metrics
LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)  # seconds
OUTCOME_LABELS = {  # the label of each outcome of a change
    Added: "added",
    Repeated: "repeated",
    Edited: "edited",
    Deleted: "deleted",
    Reacted: "reacted",
    Acted: "acted",
    RefusedChange: "refused",
    NoneType: "failed",
}
KNOWN_CLOSE_CODES = {1000, 1001, 1005, 1006} | {
    close.code for close in Close
}  # clients may invent others


class Metrics:
    """The metrics of one chat, so that several in a process are counted apart."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.changes = Counter(
            "roomcast_changes",
            "Changes of messages, committed or refused.",
            ["outcome"],
            registry=registry,
        )
        self.commits = Histogram(
            "roomcast_commit_seconds",
            "How long commits took; a commit holds all changes that came in during the last one.",
            registry=registry,
            buckets=LATENCY_BUCKETS,
        )
        self.joins = Histogram(
            "roomcast_join_seconds",
            "From a socket's handshake to its first frame.",
            registry=registry,
            buckets=LATENCY_BUCKETS,
        )
        self.refusals = Counter(
            "roomcast_refusals", "Actions that were refused.", ["code"], registry=registry
        )
        self.ends = Counter(
            "roomcast_closed_sockets", "Sockets that ended.", ["code"], registry=registry
        )
        self.refused_connections = Counter(
            "roomcast_refused_connections",
            "Connections and requests that were refused before they reached the chat.",
            ["status"],
            registry=registry,
        )
        self.limited_answers = Counter(
            "roomcast_limited_answers",
            "Pages that ended at their limit, and snapshots in the place of too many changes.",
            ["of"],
            registry=registry,
        )
        self.missed = Counter(
            "roomcast_missed_versions",
            "Changes that the broker lost or delayed, loaded from the database.",
            registry=registry,
        )
        self.failed_repairs = Counter(
            "roomcast_failed_gap_repairs",
            "Gap repairs that failed, or were too large.",
            registry=registry,
        )
        self.restarts = Counter(
            "roomcast_restarted_tasks",
            "Background tasks that ended and were started again.",
            ["task"],
            registry=registry,
        )
        self.host_events = Counter(
            "roomcast_host_events",
            "Events delivered to the host.",
            ["listener", "outcome"],
            registry=registry,
        )

    def count_restart(self, task: str) -> None:
        """Count a background task that ended and is started again."""
        self.restarts.labels(task).inc()

    def watch(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """Add a metric whose value is read at each request for the metrics."""
        Gauge(name, meaning, registry=self.registry).set_function(value)

    def watch_limits(self, settings: Settings) -> None:
        """Add a metric for each limit, with its present value."""
        gauge = Gauge(
            "roomcast_limit",
            "The limits of this process, as they are set.",
            ["setting"],
            registry=self.registry,
        )
        for name in LIMITS:
            gauge.labels(name).set_function(partial(limit_value, settings, name))

    async def on_commit(self, commit: Commit) -> None:
        """Count the changes of a commit of the commit queue, and how long it took."""
        if (committed := commit.queued) is None:
            return
        self.commits.observe(committed.took)
        kinds = Counted([type(entry.outcome) for entry in committed.entries])
        for kind, count in kinds.items():
            self.changes.labels(OUTCOME_LABELS[kind]).inc(count)

    def ended(self, code: int) -> None:
        self.ends.labels(code if code in KNOWN_CLOSE_CODES else "other").inc()

    def count_answer(self, of: str, *, has_more: bool) -> None:
        """Count an answer of "history", "rooms", "search" or "resume" that that a limit has cut."""
        if has_more:
            self.limited_answers.labels(of).inc()

    def text(self) -> bytes:
        """Return the metrics in Prometheus's text format, version 0.0.4."""
        return generate_latest(self.registry)


class WorkerMetrics:
    """A folder in which the workers of one server write their metrics for each other."""

    def __init__(self, folder: Path, metrics: Metrics) -> None:
        self._folder = folder
        self._metrics = metrics
        self._own = folder / f"{os.getpid()}.prom"
        self._lock = threading.Lock()
        threading.Thread(target=self._keep, daemon=True, name="roomcast metrics").start()

    def _keep(self) -> None:
        with suppress(FileNotFoundError):  # the folder is deleted when the server ends
            while True:
                self.write()
                time.sleep(WRITE_INTERVAL)

    def write(self) -> None:
        fresh = self._own.with_suffix(".new")
        with self._lock:
            fresh.write_bytes(self._metrics.text())
            fresh.replace(self._own)

    def text(self) -> bytes:
        """Return the metrics of all workers as text; each sample is labelled with its worker."""
        self.write()
        registry = CollectorRegistry()
        registry.register(_Merged(self._folder))
        return generate_latest(registry)


def forget(folder: Path, pid: int) -> None:
    """Remove the metrics of a worker that has ended."""
    (folder / f"{pid}.prom").unlink(missing_ok=True)


class _Merged(Collector):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        found: dict[str, Metric] = {}
        for file in sorted(self._folder.glob("*.prom")):
            for metric in text_string_to_metric_families(file.read_text()):
                merged = found.setdefault(
                    metric.name, Metric(metric.name, metric.documentation, metric.type)
                )
                merged.samples += [
                    sample._replace(labels={**sample.labels, "worker": file.stem})
                    for sample in metric.samples
                ]
        yield from found.values()
