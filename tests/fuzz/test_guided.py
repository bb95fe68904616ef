"""The targets of `make fuzz` for seconds: guided by coverage, and every HTTP operation."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from .targets import TARGETS

SECONDS = 4  # for each target, at the same time; CI also runs `make fuzz minutes=2`
EXAMPLES = 5  # made-up requests for each operation
WITHIN = 300.0  # seconds, on a machine with much else to do

needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="NOT FUZZED: there is no atheris for this Python or this system",
)


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A process of tests.fuzz; what it finds is left in the folder."""
    command = [sys.executable, "-m", *arguments]
    root = str(Path(__file__).parents[2])
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=folder, env={"PYTHONPATH": root, "PATH": "/usr/bin:/bin"},
        stdout=pipe, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


@needs_atheris
def test_no_target_fails_while_it_is_fuzzed(tmp_path: Path) -> None:
    running = {name: start(tmp_path, "tests.fuzz", name, str(SECONDS)) for name in TARGETS}
    for name, process in running.items():
        said, _ = process.communicate(timeout=WITHIN)
        assert process.returncode == 0, f"{name}: {said[-8000:]}"
        assert "stat::number_of_executed_units" in said, said[-2000:]


def test_every_operation_answers_as_documented(tmp_path: Path) -> None:
    process = start(tmp_path, "tests.fuzz.api", str(EXAMPLES), "fuzzing")
    said, _ = process.communicate(timeout=WITHIN)
    assert process.returncode == 0, said[-8000:]
    assert "Test cases:" in said
