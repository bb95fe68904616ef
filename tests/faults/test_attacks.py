"""Some of the attacks of `attacks.py`, for a moment: `make faults` runs all of them, and longer."""

import sys

import pytest

from .attacks import MIB, Bounds, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

BUSY = Bounds(p99=2.0, peak=180 * MIB, kept=40 * MIB)  # beside other tests, and under coverage


@pytest.mark.parametrize(
    ("name", "with_token"),
    [
        ("empty pings", False),
        ("unfinished 15 MiB frames", False),
        ("headers without an end", False),
        ("hanging handshakes", False),
        ("texts", True),
    ],
)
def test_nobody_notices_an_attack(name: str, *, with_token: bool) -> None:
    outcome = run(name, 8, 1.5, with_token=with_token, core=None)
    assert outcome.broken(BUSY) == [], outcome
