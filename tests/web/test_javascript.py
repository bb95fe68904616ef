"""The tests of the JavaScript client, run by Node: against a server in memory, and a real one."""

import gzip
import re
import shutil
from pathlib import Path

import pytest
from roomcast.routes.ui_bundle import source_files, source_texts
from roomcast.routes.ui_minify import minified

from .nodes import HERE, JOINED_BUDGETS, WEB, run


@pytest.mark.parametrize("file", sorted(path.name for path in HERE.glob("*.test.js")))
def test_the_client(node: str, file: str) -> None:
    run_tests(node, HERE / file)


def run_tests(node: str, file: Path) -> None:
    major = int(re.sub(r"\D", "", run(node, "--version").partition(".")[0]))
    flags = ["--experimental-websocket"] if major < 22 else []
    printed = run(node, *flags, "--test", "--test-reporter=tap", file.name, cwd=file.parent)
    passed = re.search(r"^# pass (\d+)$", printed, re.MULTILINE)
    assert passed
    assert int(passed[1]) > 0
    assert re.search(r"^# fail 0$", printed, re.MULTILINE)


def test_the_client_as_it_is_served_without_a_bundler(node: str, tmp_path: Path) -> None:
    """Joined and minified by the server, it is small enough and does the same."""
    (tmp_path / "web/sdk").mkdir(parents=True)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copytree(HERE, tmp_path / "tests/web", ignore=shutil.ignore_patterns("*.py", "site"))
    files = minified(source_files(WEB), source_texts(WEB))
    contents = {name: read() for name, read in files if "/" not in name}
    sizes = {name: len(gzip.compress(content, 9)) for name, content in contents.items()}
    assert {n: sizes[n] for n, most in JOINED_BUDGETS.items() if sizes[n] > most} == {}
    for name, content in contents.items():
        target = "index.js" if name == "sdk.js" else name
        (tmp_path / "web/sdk" / target).write_bytes(content)
    for file in tmp_path.glob("web/sdk/*.js"):
        run(node, "--check", str(file))
    run_tests(node, tmp_path / "tests/web/sdk.test.js")
