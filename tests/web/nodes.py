"""Node for tests: how to run it, and what the bundles may weigh."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
WEB = HERE.parent.parent / "web"
WITHIN = 240  # seconds
JOINED_BUDGETS = {"sdk.js": 8_192, "roomcast.js": 6_144}  # bytes, gzip, without a bundler
LANGUAGE_BUDGET = 1_536  # each file
BUDGETS = JOINED_BUDGETS | {"page.js": 30_000}
# Files that are loaded together, and what these may weigh.
TOGETHER = {
    ("roomcast.js", "lazy-unread.js"): 6_000,  # a closed launcher
    # Before the first message, on a page with all four elements.
    ("roomcast.js", "views.js"): 30_000,
    ("lazy-lightbox.js", "lazy-emoji.js"): 12_288,
}


def run(
    *command: str, cwd: Path = HERE, within: float = WITHIN, given: str = "", **more: str
) -> str:
    """What it prints when it is given a text and more variables; the test fails where it fails."""
    ours = {"ROOMCAST_COMMAND": str(Path(sys.executable).with_name("roomcast"))}
    env = os.environ | ours | more
    done = subprocess.run(
        command,
        cwd=cwd,
        env=env,
        input=given,
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-12_000:]
    return done.stdout
