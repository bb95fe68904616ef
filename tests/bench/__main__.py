"""`python -m tests.bench`: all rounds, interleaved, then one table and one JSON file."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from . import machine, report, rows, world
from .load.member import Plan
from .rows import Row
from .servers import SECRET, Contestant, DidNotStart, Running, running

RESULTS = machine.ROOT / ".cache" / "bench"
LOG_SHOWN = 2_000  # of its last characters
OVERHEAD = 3.0  # seconds of each round beside the measured ones, for the progress bar

Step = tuple[int, Row, Contestant]


def steps(chosen: list[Row], rounds: int) -> Iterator[Step]:
    """Row by row; within it round by round, so that a noisy minute hits all contestants alike."""
    for row in chosen:
        for n in range(rounds):
            shift = n % len(row.contestants)
            for contestant in row.contestants[shift:] + row.contestants[:shift]:
                yield n, row, contestant


def measure(row: Row, contestant: Contestant, prepared: Path) -> dict:
    """One round: a fresh server over a fresh copy of the world, and a fresh load process.

    A round that is lost does not take the others with it: it says why, and counts as an error.
    """
    with tempfile.TemporaryDirectory(prefix="bench-", dir=prepared.parent) as name:
        folder = Path(name)
        if contestant.stores:
            world.copy(prepared, folder)
        try:
            with running(contestant, folder) as server:
                found = _load(plan_of(row, server))
        except DidNotStart as error:
            found = {"errors": 1, "first_errors": [f"did not start: {error}"]}
        if found["errors"]:
            log = (folder / "server.log").read_text(encoding="utf-8", errors="replace")
            found["server_log"] = log[-LOG_SHOWN:].strip()
    return found


def plan_of(row: Row, server: Running) -> Plan:
    core = machine.cores()[1]
    at = server.port, server.pid, core, SECRET
    return Plan(row.name, *at, row.rooms, row.seconds, row.warm)


def _load(plan: Plan) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        cwd=machine.ROOT,
        input=msgspec.json.encode(plan),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        return {"errors": 1, "first_errors": [done.stderr.decode()[-LOG_SHOWN:].strip()]}
    return msgspec.json.decode(done.stdout)


def run(chosen: list[Row], rounds: int) -> tuple[list[dict], dict]:
    with tempfile.TemporaryDirectory(prefix="roomcast-bench-") as name:
        prepared = Path(name) / "world"
        prepared.mkdir()
        if any(contestant.stores for row in chosen for contestant in row.contestants):
            world.prepare(prepared)
        return _run(chosen, rounds, prepared), machine.describe(prepared)


def _run(chosen: list[Row], rounds: int, prepared: Path) -> list[dict]:
    seen = []
    length = sum(row.seconds + row.warm + OVERHEAD for _, row, _ in steps(chosen, rounds))
    with click.progressbar(length=int(length), label="bench", file=sys.stderr) as bar:
        for n, row, contestant in steps(chosen, rounds):
            bar.label = f"{row.name}, round {n + 1} of {rounds}, {contestant.name}".ljust(50)
            bar.render_progress()
            found = measure(row, contestant, prepared)
            seen.append({"row": row.name, "round": n, "server": contestant.name, "seen": found})
            bar.update(int(row.seconds + row.warm + OVERHEAD))
    return seen


def write(described: dict, rounds: list[dict], lines: list[dict]) -> Path:
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / time.strftime("%Y%m%d-%H%M%S.json", time.gmtime())
    all_of_it = {"machine": described, "table": lines, "rounds": rounds}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(all_of_it), indent=1) + b"\n")
    return path


def choose(context: click.Context, option: click.Parameter, value: str) -> list[Row]:
    named = {row.name: row for row in rows.ALL}
    wanted = [name for name in value.replace(",", " ").split() if name]
    if unknown := [name for name in wanted if name not in named]:
        raise click.BadParameter(f"{unknown[0]} is none of {', '.join(named)}")
    return [row for name, row in named.items() if name in wanted] or list(rows.ALL)


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--only", default="", callback=choose, help="Rows, with commas: pair,join.")
def main(rounds: int, only: list[Row]) -> None:
    """Measures the server, a bare one beside it in the same run, and prints the ratios."""
    machine.open_many_files()
    try:
        seen, described = run(only, rounds)
    except DidNotStart as error:
        raise click.ClickException(f"A server did not start:\n{error}") from None
    lines = report.summary(only, seen)
    click.echo("\n".join(report.table(only, lines, seen)))
    click.echo(f"written to {write(described, seen, lines)}")
    if any(report.wrongs(seen).values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
