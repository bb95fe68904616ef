"""Medians and ratios of all rounds: the table for people, the JSON for programs."""

from collections.abc import Iterator
from statistics import median

from .rows import Measure, Row

HEAD = ("", "", "median", "of all rounds", "x bare", "per CPU", "CPU us")
BUSY = 0.85  # of its core
LATE = 10  # milliseconds
WRONGS = ("lost", "doubled", "disordered", "receipts_wrong", "errors")


def summary(rows: list[Row], rounds: list[dict]) -> list[dict]:
    """One line for each measure and contestant; a ratio is the median of the rounds' own ratios."""
    return [
        _line(row, measure, contestant.name, rounds)
        for row in rows
        for measure in row.measures
        for contestant in row.contestants
    ]


def _line(row: Row, measure: Measure, server: str, rounds: list[dict]) -> dict:
    mine = _seen(rounds, row, server, measure.key)
    bare = _seen(rounds, row, "bare", measure.key)
    cpu = _seen(rounds, row, server, "cpu_us") if measure.per_cpu else {}
    bare_cpu = _seen(rounds, row, "bare", "cpu_us") if measure.per_cpu else {}
    return {
        "row": row.name,
        "measure": measure.label,
        "server": server,
        "median": _median(mine.values()),
        "least": min(mine.values(), default=None),
        "most": max(mine.values(), default=None),
        "digits": measure.digits,
        "x_bare": _median(mine[n] / bare[n] for n in mine if bare.get(n)),
        "x_bare_per_cpu": _median(bare_cpu[n] / cpu[n] for n in cpu if bare_cpu.get(n)),
        "cpu_us": _median(cpu.values()),
    }


def _seen(rounds: list[dict], row: Row, server: str, key: str) -> dict[int, float]:
    """A number by the round it was seen in."""
    mine = (r for r in rounds if r["row"] == row.name and r["server"] == server)
    return {r["round"]: r["seen"][key] for r in mine if r["seen"].get(key) is not None}


def _median(values) -> float | None:
    values = list(values)
    return median(values) if values else None


def table(rows: list[Row], lines: list[dict], rounds: list[dict]) -> Iterator[str]:
    body = {row.name: [_cells(li) for li in lines if li["row"] == row.name] for row in rows}
    every = [HEAD, *(cells for row in rows for cells in body[row.name])]
    widths = [max(len(cells[i]) for cells in every) for i in range(len(HEAD))]
    yield _row(HEAD, widths)
    for row in rows:
        yield ""
        yield f"{row.name}: {row.title}"
        before = ""
        for label, *cells in body[row.name]:
            yield _row(("" if label == before else label, *cells), widths)
            before = label
    yield ""
    yield from verdict(rounds)


def _cells(line: dict) -> tuple[str, ...]:
    digits = line["digits"]
    least, most = _number(line["least"], digits), _number(line["most"], digits)
    return (
        "  " + line["measure"],
        line["server"],
        _number(line["median"], digits),
        f"{least} to {most}",
        _number(line["x_bare"], 2),
        _number(line["x_bare_per_cpu"], 2),
        _number(line["cpu_us"], 0),
    )


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _row(cells: tuple[str, ...], widths: list[int]) -> str:
    left = [cell.ljust(width) for cell, width in zip(cells[:2], widths[:2], strict=True)]
    right = [cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True)]
    return "  ".join(left + right).rstrip()


def wrongs(rounds: list[dict]) -> dict[str, int]:
    return {what: sum(r["seen"].get(what, 0) for r in rounds) for what in WRONGS}


def verdict(rounds: list[dict]) -> Iterator[str]:
    """Whether every message came, once and in order; each erring round's first complaint."""
    found = wrongs(rounds)
    messages = sum(r["seen"].get("all_messages", 0) for r in rounds)
    counts = ", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in found.items())
    yield f"{messages:,} messages: {counts}"
    for r in rounds:
        if any(r["seen"].get(what) for what in WRONGS):
            first = "; ".join(r["seen"].get("first_errors", ()))
            yield f"  {r['row']}, {r['server']}, round {r['round'] + 1}: {first}"
            if log := r["seen"].get("server_log"):
                yield f"  the server's log ends:\n{log}"
    yield from noise(rounds)


def noise(rounds: list[dict]) -> Iterator[str]:
    """What else the machine did meanwhile, as far as the rounds themselves show it."""
    for r in rounds:
        share, late = r["seen"].get("server_cpu"), r["seen"].get("sent_late_ms")
        where = f"  noise: in round {r['round'] + 1} of {r['row']}"
        # The bare server waits for nothing: where it lacks its core, something else had it.
        if r["row"] == "pair" and r["server"] == "bare" and share and share < BUSY:
            yield f"{where} bare had only {share:.0%} of its core; per CPU says more"
        if late and late > LATE:
            yield f"{where} ({r['server']}) the load itself was {late:.0f} ms late once"
