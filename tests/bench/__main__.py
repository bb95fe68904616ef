"""`python -m tests.bench`: all rounds, interleaved, then one table and one JSON file."""

import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from . import machine, plot, report, rows
from .rounds import PLACELESS, Host, measure
from .rows import Row
from .servers import Contestant, running
from .stage import Stage

NAMES = ", ".join(row.name for row in rows.ALL)
RESULTS = machine.ROOT / ".cache" / "bench"


@contextmanager
def hosts(row: Row, stage: Stage) -> Iterator[dict[Contestant, Host]]:
    """The servers of a row live side by side: those with nothing to do take no time."""
    with ExitStack() as stack:
        found: dict[Contestant, Host] = {}
        for contestant in row.contestants if not row.is_fresh else ():
            try:
                place = stack.enter_context(stage.place(contestant, contestant.world or row.world))
                server = running(contestant, place.folder, place.urls)
                found[contestant] = stack.enter_context(server)
            except PLACELESS as why:
                found[contestant] = why
        yield found


def run(chosen: list[Row], rounds: int, seen: list[dict]) -> dict:
    """Row by row; within it round by round, so that a noisy minute hits all contestants alike.

    Adds to `seen`, and returns what the machine was.
    """
    with ExitStack() as stack:
        folder = tempfile.TemporaryDirectory(prefix="roomcast-bench-", ignore_cleanup_errors=True)
        root = Path(stack.enter_context(folder))
        root.chmod(0o711)  # PostgreSQL does not run as root
        stage = Stage(root, stack)
        bar = stack.enter_context(progress(chosen, rounds))
        for row in chosen:
            tell(bar, f"{row.name}: the servers start")
            with hosts(row, stage) as playing:
                for n, contestant in turns(row, rounds):
                    tell(bar, f"{row.name}, round {n + 1} of {rounds}: {contestant.name}")
                    began = time.monotonic()
                    found = measure(row, contestant, playing.get(contestant), stage)
                    found["took"] = time.monotonic() - began
                    seen.append(
                        {"row": row.name, "round": n, "server": contestant.name, "seen": found}
                    )
                    bar.update(duration(row))
        return machine.describe(root)


def turns(row: Row, rounds: int) -> Iterator[tuple[int, Contestant]]:
    """Each round begins with another contestant."""
    for n in range(rounds):
        shift = n % len(row.contestants)
        for contestant in row.contestants[shift:] + row.contestants[:shift]:
            yield n, contestant


def duration(row: Row) -> int:
    """About, in tenths of a second."""
    return round(10 * (row.warm + row.seconds + row.overhead))


def progress(chosen: list[Row], rounds: int) -> Any:
    length = sum(duration(row) * rounds * len(row.contestants) for row in chosen)
    return click.progressbar(length=length, label="bench", file=sys.stderr)


def tell(bar: Any, what: str) -> None:
    bar.label = what.ljust(70)
    bar.render_progress()


def write(described: dict, chosen: list[Row], rounds: list[dict], lines: list[dict]) -> Path:
    """A JSON file, and beside it the plot of what can be compared by CPU."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / time.strftime("%Y%m%d-%H%M%S.json", time.gmtime())
    if any(row.name in plot.SHOWN for row in chosen):
        path.with_suffix(".svg").write_text(plot.svg(chosen, lines), encoding="utf-8")
    all_of_it = {"machine": described, "table": lines, "rounds": rounds}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(all_of_it), indent=1) + b"\n")
    return path


def choose(context: click.Context, option: click.Parameter, value: str) -> list[Row]:
    named = {row.name: row for row in rows.ALL}
    wanted = [name for name in value.replace(",", " ").split() if name]
    if unknown := [name for name in wanted if name not in named]:
        raise click.BadParameter(f"{unknown[0]} is none of {NAMES}")
    return [row for name, row in named.items() if name in wanted] or list(rows.ALL)


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--only", default="", callback=choose, help=f"Of {NAMES}; with commas.")
def main(rounds: int, only: list[Row]) -> None:
    """Measures the server, others beside it in the same run, and prints the ratios."""
    machine.open_many_files()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # no server is left behind
    began, seen, described = time.monotonic(), [], {}
    try:
        described = run(only, rounds, seen)
    except KeyboardInterrupt:
        click.echo("Cut short: this is what was seen so far.")
    lines = report.summary(only, seen)
    click.echo("\n".join(report.table(only, lines, seen)))
    took = time.monotonic() - began
    click.echo(f"{took:.0f} s; written to {write(described, only, seen, lines)}")
    if any(report.wrongs(report.of_roomcast(seen)).values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
