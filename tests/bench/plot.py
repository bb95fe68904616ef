"""The table's ratios as an SVG: a bar for each server, in a panel for each row.

Those per CPU: what a second of the server's CPU carries depends least on the rest of the machine.
"""

from collections.abc import Iterator
from html import escape

from .rows import Row

SHOWN = ("pair", "compact", "fanout200", "fanout1000", "join")
WIDTH, LABELS, BAR, GAP = 760, 330, 18, 44
RATIO = "x_bare_per_cpu"
OURS, OTHERS, LINE = "#2f6fde", "#9aa3ad", "#d64545"


def svg(rows: list[Row], lines: list[dict]) -> str:
    """How many times what the bare server carries, which is the red line."""
    panels, at = [], 12
    for row in rows:
        bars = [
            li for li in lines if li["row"] == row.name and li["measure"] == row.measures[0].label
        ]
        if row.name in SHOWN and any(li[RATIO] for li in bars):
            panels += _panel(row, bars, at)
            at += GAP + BAR * len(bars)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{at}"'
        f' viewBox="0 0 {WIDTH} {at}" font-family="sans-serif" font-size="12">'
        '<rect width="100%" height="100%" fill="#fff"/>'
    )
    return "\n".join([head, *panels, "</svg>\n"])


def _panel(row: Row, bars: list[dict], top: int) -> Iterator[str]:
    most = max(li[RATIO] or 0 for li in bars)
    scale = (WIDTH - LABELS - 60) / most
    title = escape(f"{row.name}: {row.title}")
    yield f'<text x="8" y="{top + 12}" font-weight="bold">{title}</text>'
    bare, y1, y2 = LABELS + scale, top + 18, top + 18 + BAR * len(bars)
    yield f'<line x1="{bare:.1f}" x2="{bare:.1f}" y1="{y1}" y2="{y2}" stroke="{LINE}"/>'
    for n, li in enumerate(bars):
        y, times = top + 20 + n * BAR, li[RATIO]
        yield f'<text x="{LABELS - 8}" y="{y + 12}" text-anchor="end">{escape(li["server"])}</text>'
        if times:
            fill = OURS if li["server"].startswith("roomcast") else OTHERS
            wide = f'width="{times * scale:.1f}" height="{BAR - 4}"'
            yield f'<rect x="{LABELS}" y="{y}" {wide} fill="{fill}"/>'
            yield f'<text x="{LABELS + times * scale + 6:.1f}" y="{y + 12}">{times:.2f}</text>'
