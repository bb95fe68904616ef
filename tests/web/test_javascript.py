"""The tests of the JavaScript client, run by Node: against a server in memory, and a real one."""

import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

import jwt
import pytest
from roomcast.routes.ui_bundle import source_files, source_texts
from roomcast.routes.ui_minify import minified, minify

from ..faults.history import ConnectionLog, History, Received, Sent, check
from ..pages import block
from .nodes import HERE, JOINED_BUDGETS, LANGUAGE_BUDGET, WEB, run

FILES = {path.name for path in HERE.glob("*.test.js")} - {"server.test.js"}


@pytest.mark.parametrize("file", sorted(FILES))
def test_the_client(node: str, file: str) -> None:
    run_tests(node, HERE / file)


def test_the_client_and_a_server_that_dies(node: str, tmp_path: Path) -> None:
    """What each tab has sent and received is held to the rules of the fault tests."""
    file = tmp_path / "histories.json"
    run_tests(node, HERE / "server.test.js", HISTORIES=str(file))
    noted = json.loads(file.read_text())
    histories = [
        History(f"tab {number}", one["user_id"], [connection(log) for log in one["connections"]])
        for number, one in enumerate(noted["histories"])
    ]
    assert all(len(history.connections) > 1 for history in histories)
    for history in histories:  # no cursor is known at first: the whole of a room without messages
        first = history.connections[0].received[0].frame
        assert (first["reset"], first["version"]) == (True, 0)
        first["reset"] = False
    check(histories, noted["stored"], noted["version"])


def connection(log: dict[str, Any]) -> ConnectionLog:
    return ConnectionLog(
        log["after"],
        [Sent(at, action) for at, action in log["sent"]],
        [Received(at, frame) for at, frame in log["received"]],
        is_over=True,
    )


def run_tests(node: str, file: Path, **more: str) -> None:
    major = int(re.sub(r"\D", "", run(node, "--version").partition(".")[0]))
    flags = ["--experimental-websocket"] if major < 22 else []
    command = (node, *flags, "--test", "--test-reporter=tap", file.name)
    printed = run(*command, cwd=file.parent, **more)
    passed = re.search(r"^# pass (\d+)$", printed, re.MULTILINE)
    assert passed
    assert int(passed[1]) > 0
    assert re.search(r"^# fail 0$", printed, re.MULTILINE)


def test_a_site_in_node_signs_tokens_as_its_page_says(node: str) -> None:
    secret = "a secret that both know, 32 bytes or more"
    code = block("docs/add-chat-to-another-site.md", "js", "tokenOf")
    ask = f"console.log(tokenOf({{ id: 7, name: 'Бо' }}, {json.dumps(secret)}));"
    token = run(node, "--input-type=module", "-e", code + ask).strip()
    claims = jwt.decode(token, secret, ["HS256"], options={"require": ["exp"]})
    assert (claims["sub"], claims["name"]) == ("7", "Бо")


def test_the_client_as_it_is_served_without_a_bundler(node: str, tmp_path: Path) -> None:
    """Joined and minified by the server, it is small enough and does the same."""
    (tmp_path / "web/sdk").mkdir(parents=True)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copytree(HERE, tmp_path / "tests/web", ignore=shutil.ignore_patterns("*.py", "site"))
    files = minified(source_files(WEB), source_texts(WEB))
    contents = {name: read() for name, read in files}
    sizes = {name: len(gzip.compress(content, 9)) for name, content in contents.items()}
    assert {n: sizes[n] for n, most in JOINED_BUDGETS.items() if sizes[n] > most} == {}
    languages = {name: size for name, size in sizes.items() if name.startswith("lang/")}
    assert {name: size for name, size in languages.items() if size > LANGUAGE_BUDGET} == {}
    for name, content in contents.items():
        if name in languages:
            continue
        target = "index.js" if name == "sdk.js" else name
        (tmp_path / "web/sdk" / target).write_bytes(content)
    for file in tmp_path.glob("web/sdk/*.js"):
        run(node, "--check", str(file))
    run_tests(node, tmp_path / "tests/web/sdk.test.js")


def test_no_style_of_many_rows_asks_what_they_contain() -> None:
    """With `:has()` in one, each change of a row costs a look at all of them (12 ms in a list)."""
    found = {
        selector
        for file in WEB.glob("elements/style-*.js")
        for selector in re.findall(r"(\S+):has\(", file.read_text())
    }
    assert found <= {"[part=header]", "[part=menu]"}  # there is one


SAME = """
const { transformSync } = require(process.argv[1]);
const look = { minify: true, format: "esm", target: "es2022" };
const pairs = JSON.parse(require("fs").readFileSync(0, "utf8"));
// two names of equal use may be swapped, and one may happen to be that of its property
const shape = (code) =>
  transformSync(code, look).code.replace(/[\\w$]+/g, "x").replace(/x:x(?=[,}])/g, "x");
console.log(JSON.stringify(pairs.map(([a, b]) => shape(a) === shape(b))));
"""


def test_short_names_change_no_meaning(node: str) -> None:
    """A real minifier makes the same of a module and of what ours has made of it."""
    sources = [read().decode() for name, read in source_files(WEB) if "/" not in name]
    pairs = [(source, minify(source)) for source in sources]
    assert all(len(small) < len(source) for source, small in pairs)
    command = (node, "-e", SAME, str(WEB / "node_modules/esbuild"))
    printed = run(*command, given=json.dumps(pairs))
    assert json.loads(printed) == [True] * len(pairs)
