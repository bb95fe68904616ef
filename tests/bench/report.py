"""Medians and ratios of all rounds: the table for people, the JSON for programs."""

from collections.abc import Iterable, Iterator
from statistics import median

from .rows import Measure, Row
from .servers import BARE, SOCKETIO, Contestant

HEAD = ("", "", "median", "of all rounds", "x bare", "per CPU", "CPU us")
LEGEND = """\
x bare: the median of the rounds' own ratios to the bare server, by the clock (growth: to a thousand
messages); of milliseconds less is better. per CPU: what a second of the server's CPU carries, as
the same ratio. CPU us: of the server, for one.
"""
BUSY = 0.85  # of its core
LATE = 10  # milliseconds
WRONGS = ("lost", "doubled", "disordered", "receipts_wrong", "errors")
USERS = ("server_cpu", "engines_cpu", "load_cpu")

Seen = dict[int, float]  # a number by the round it was seen in


def summary(rows: list[Row], rounds: list[dict]) -> list[dict]:
    """One line for each measure and contestant; a ratio is the median of the rounds' own ratios."""
    return [
        _line(row, measure, contestant, rounds)
        for row in rows
        for measure in row.measures
        for contestant in row.contestants
    ]


def _line(row: Row, measure: Measure, contestant: Contestant, rounds: list[dict]) -> dict:
    server, yardstick = contestant.name, row.yardstick(contestant)
    mine = _seen(rounds, row.name, server, measure.key)
    theirs = _seen(rounds, row.name, yardstick, measure.key)
    cpu = _seen(rounds, row.name, server, "cpu_us") if measure.per_cpu else {}
    their_cpu = _seen(rounds, row.name, yardstick, "cpu_us") if measure.per_cpu else {}
    return {
        "row": row.name,
        "measure": measure.label,
        "server": server,
        "median": _median(mine.values()),
        "least": min(mine.values(), default=None),
        "most": max(mine.values(), default=None),
        "digits": measure.digits,
        "x_bare": _median(a / b for a, b in _together(mine, theirs)),
        "x_bare_per_cpu": _median(b / a for a, b in _together(cpu, their_cpu)),
        "cpu_us": _median(cpu.values()),
    }


def _seen(rounds: list[dict], row: str, server: str, key: str) -> Seen:
    mine = (r for r in rounds if r["row"] == row and r["server"] == server)
    return {r["round"]: r["seen"][key] for r in mine if r["seen"].get(key) is not None}


def _together(mine: Seen, theirs: Seen) -> list[tuple[float, float]]:
    """What two saw in the same rounds, where it was something."""
    return [(mine[n], theirs[n]) for n in mine if mine[n] and theirs.get(n)]


def _median(values: Iterable[float]) -> float | None:
    values = list(values)
    return median(values) if values else None


# ---------------------------------------------------------------- the table


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
    yield LEGEND
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


# ---------------------------------------------------------------- what is to be said of it


def verdict(rounds: list[dict]) -> Iterator[str]:
    """Whether every message came, once and in order; each erring round's first complaint."""
    ours, others = of_roomcast(rounds), [r for r in rounds if not _is_roomcast(r)]
    yield f"roomcast: {_counts(ours)}"
    if others:
        yield f"the others: {_counts(others)}"
    for r in rounds:
        if any(r["seen"].get(what) for what in WRONGS):
            first = "; ".join(r["seen"].get("first_errors", ()))
            yield f"  {r['row']}, {r['server']}, round {r['round'] + 1}: {first}"
            if log := r["seen"].get("server_log"):
                yield f"  the server's log ends:\n{log}"
    yield from dict.fromkeys(f"  {r['seen']['missing']}" for r in rounds if "missing" in r["seen"])
    yield from rivals(rounds)
    yield from second_process(rounds)
    yield from noise(rounds)


def of_roomcast(rounds: list[dict]) -> list[dict]:
    return [r for r in rounds if _is_roomcast(r)]


def _is_roomcast(r: dict) -> bool:
    return r["server"].startswith("roomcast")


def wrongs(rounds: list[dict]) -> dict[str, int]:
    return {what: sum(r["seen"].get(what, 0) for r in rounds) for what in WRONGS}


def _counts(rounds: list[dict]) -> str:
    messages = sum(r["seen"].get("all_messages", 0) for r in rounds)
    counts = [f"{count:,} {what.replace('_', ' ')}" for what, count in wrongs(rounds).items()]
    return f"{messages:,} messages: {', '.join(counts)}"


def rivals(rounds: list[dict]) -> Iterator[str]:
    """A p99 is noisy: in how many rounds was it the better one?"""
    theirs = _seen(rounds, "latency", SOCKETIO.name, "p99")
    for server in dict.fromkeys(r["server"] for r in of_roomcast(rounds)):
        both = _together(_seen(rounds, "latency", server, "p99"), theirs)
        if both:
            won = sum(a < b for a, b in both)
            yield f"  latency: {server}, p99 below Socket.IO's in {won} of {len(both)} rounds"


def second_process(rounds: list[dict]) -> Iterator[str]:
    """What a second process brought, and which cores were in use then."""
    for two in dict.fromkeys(r["server"] for r in rounds if "two processes" in r["server"]):
        one = two.removesuffix(", two processes")
        both = _together(*(_seen(rounds, "pair", server, "rate") for server in (two, one)))
        if both:
            times = _number(_median(a / b for a, b in both), 2)
            used = {who: _median(_seen(rounds, "pair", two, who).values()) for who in USERS}
            cores = ", ".join(f"{who[:-4]} {_number(share, 2)}" for who, share in used.items())
            yield f"  pair: two processes carry {times} times what one does; cores in use: {cores}"


def noise(rounds: list[dict]) -> Iterator[str]:
    """What else the machine did meanwhile, as far as the rounds themselves show it."""
    for r in rounds:
        share, late = r["seen"].get("server_cpu"), r["seen"].get("sent_late_ms")
        where = f"  noise: in round {r['round'] + 1} of {r['row']}"
        # The bare server waits for nothing: where it lacks its core, something else had it.
        if r["row"] == "pair" and r["server"] == BARE.name and share and share < BUSY:
            yield f"{where} bare had only {share:.0%} of its core; per CPU says more"
        if late and late > LATE:
            yield f"{where} ({r['server']}) the load itself was {late:.0f} ms late once"
