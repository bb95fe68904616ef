"""How long a test waits: what is promised in seconds, is for a machine that has time for it."""

import os

LONG = 60.0  # seconds for what must come, however long it takes


def is_starved() -> bool:
    """So much wants to run here that a database may answer too late: then a commit is in doubt."""
    return patient(1) > 3


def patient(seconds: float) -> float:
    """Longer by as much as more work wants to run here than there are processors."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
