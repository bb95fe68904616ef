"""Runs Autobahn's cases against each way of `echo.py`; a table, and exit code 1 where we fail.

`python -m tests.autobahn RUNNER`, where RUNNER is the path of kosoku (`make autobahn` installs it).
What uvicorn's own protocol fails too is listed and not counted.
"""

import json
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from ..engines import free_port
from .echo import WAYS

CATEGORIES = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*")
PASSES = {"OK", "NON-STRICT", "INFORMATIONAL"}  # Autobahn's own words
MISSING = """
AUTOBAHN WAS NOT RUN: its runner (kosoku, from PyPI) is not there: %s
Nothing is known of RFC 6455 beyond what tests/test_frame_reader.py says.
"""
Outcomes = dict[str, tuple[str, str]]  # by case: how it behaved, and how it closed


def wait_for(port: int) -> None:
    for _ in range(1200):  # a minute
        with socket.socket() as knocking:
            if knocking.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("The echo server does not listen.")


def outcomes_of(runner: Path, way: str) -> Outcomes:
    port = free_port()
    echo = subprocess.Popen([sys.executable, "-m", "tests.autobahn.echo", way, str(port)])
    try:
        wait_for(port)
        with TemporaryDirectory() as reports:
            chosen = [part for category in CATEGORIES for part in ("-i", category)]
            command = [str(runner), *chosen, "-p", "2", "-o", reports, f"ws://127.0.0.1:{port}"]
            subprocess.run(command, check=False, capture_output=True)
            index = json.loads(Path(reports, "index.json").read_text())
    finally:
        echo.terminate()
        echo.wait(10)
    return {
        case: (found["behavior"], found["behaviorClose"])
        for cases in index.values()
        for case, found in cases.items()
    }


def failures_of(outcomes: Outcomes) -> set[str]:
    return {case for case, words in outcomes.items() if not set(words) <= PASSES}


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(runner: Path) -> int:
    if not runner.exists():
        say(MISSING % runner)
        return 2
    found = {way: outcomes_of(runner, way) for way in reversed(WAYS)}
    for way, outcomes in found.items():
        counted = Counter(behavior for behavior, _ in outcomes.values())
        failed = " ".join(sorted(failures_of(outcomes))) or "none"
        words = ", ".join(f"{number} {word}" for word, number in counted.most_common())
        say(f"{way:<8} {len(outcomes):4} cases: {words}; failed: {failed}")
    ours = failures_of(found["direct"]) | failures_of(found["asgi"])
    return 1 if ours - failures_of(found["uvicorn"]) or not found["direct"] else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
