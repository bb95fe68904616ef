"""The tests of the JavaScript client, run by Node: against a server in memory, and a real one."""

import re

import pytest

from .nodes import HERE, run


@pytest.mark.parametrize("file", sorted(path.name for path in HERE.glob("*.test.js")))
def test_the_client(node: str, file: str) -> None:
    major = int(re.sub(r"\D", "", run(node, "--version").partition(".")[0]))
    flags = ["--experimental-websocket"] if major < 22 else []
    printed = run(node, *flags, "--test", "--test-reporter=tap", file)
    passed = re.search(r"^# pass (\d+)$", printed, re.MULTILINE)
    assert passed
    assert int(passed[1]) > 0
    assert re.search(r"^# fail 0$", printed, re.MULTILINE)
