"""roomcast verify: a true server passes, and one with any guarantee broken is found out."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from msgspec.structs import force_setattr
from roomcast.app import create_app
from roomcast.server.cli import main
from roomcast.server.verify.command import verify_command
from roomcast.server.verify.promises import PROMISES
from roomcast.server.verify.run import CHECKS

from ..client import token
from ..server import SECRET
from .broken import MOUNT, Breaking, Mutation, served
from .http_mutations import IgnoresRanges
from .mutations import MUTATIONS, Broken
from .site_mutations import LosesData
from .socket_mutations import TypesWithEachKey

ROOT = Path(__file__).parents[2]
KEY = "a-key-of-the-server-API-for-the-tests-alone"
QUICK = ["--rate", "0", "--quiet", "--json"]
SETTINGS = {
    "rate_limit": {"rate": 0},
    "presence": {"grace": 1, "lease": 5},
    "limits": {"slow_consumer_timeout": 1},
    "server_api": {"keys": [KEY]},
}
# Importing them registered them.
assert {LosesData.__name__, IgnoresRanges.__name__, TypesWithEachKey.__name__} <= MUTATIONS.keys()


@pytest.fixture(scope="module")
def breaking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Breaking, str]]:
    """A server in this process, and what stands between it and its clients."""
    folder = tmp_path_factory.mktemp("verify")
    app = Breaking(
        create_app(
            {
                "database": {"url": f"sqlite:///{folder / 'chat.db'}", "synchronous": "NORMAL"},
                "attachments": {"url": f"file:{folder / 'files'}"},
                "auth": {"secret": SECRET},
                **SETTINGS,
            }
        )
    )
    with served(app) as url:
        yield app, url


def run(
    url: str, *options: str, users: tuple[str, str] = ("1", "bob"), with_key: bool = False
) -> tuple[int, Any]:
    """The exit code and the report."""
    tokens = [word for user in users for word in ("--token", token(user))]
    given = ["--server-key", KEY] if with_key else tokens
    done = CliRunner().invoke(main, ["verify", url, *given, *QUICK, *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, json.loads(done.stdout)


def test_a_true_server_passes(breaking: tuple[Breaking, str]) -> None:
    app, url = breaking
    app.use(Mutation())
    code, report = run(url, "--duration", "2")
    assert (code, report["ok"]) == (0, True), report["findings"]
    assert report["findings"] == []
    assert all(promise["checks"] > 0 for promise in report["promises"])
    assert report["numbers"]["connections broken"] > 0
    assert report["latency_ms"]["acknowledged"]["p99"] > 0


def test_a_true_server_passes_with_a_key(breaking: tuple[Breaking, str]) -> None:
    app, url = breaking
    app.use(Mutation())
    only = [word for name in ("http", "messages", "refusals") for word in ("--only", name)]
    code, report = run(url, *only, with_key=True)
    assert code == 0, report["findings"]


def test_a_mounted_server_passes(breaking: tuple[Breaking, str]) -> None:
    app, url = breaking
    app.use(Mutation())
    only = [word for name in ("http", "files", "isolation") for word in ("--only", name)]
    code, report = run(f"{url}{MOUNT}/", *only)
    assert code == 0, report["findings"]


LIMITED = {  # checks whose files, texts, members and pages the settings limit
    "sizes of a picture", "members come and go", "replies quote their room only",
    "files in a frame", "files by upload", "files that are refused", "pieces of a file",
    "pages of a search", "a message by http is as by socket", "errors name what failed",
    "rooms that cannot be", "titles", "limits of reactions", "the room list",
}  # fmt: skip


def test_settings_that_allow_less_break_no_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the settings forbid is not checked, and named; everything else is."""
    app = create_app(
        {
            "database": {"url": f"sqlite:///{tmp_path / 'chat.db'}", "synchronous": "NORMAL"},
            "attachments": {
                "url": f"file:{tmp_path / 'files'}", "types": ["image/png"], "max_size": "20KiB",
            },
            "auth": {"secret": SECRET},
            "server": {"languages": ["de"]},
            **SETTINGS,
            "limits": {
                "max_text_length": 60, "max_title_length": 60, "max_client_id_length": 40,
                "max_frame_size": "64KiB", "max_members": 3, "search_page_size": 2,
                "max_reactions_per_message": 2, "max_data_size": 200,
            },
        }
    )  # fmt: skip
    chosen = [each for each in CHECKS if each.name in LIMITED]
    assert len(chosen) == len(LIMITED)
    monkeypatch.setattr("roomcast.server.verify.run.CHECKS", chosen)
    with served(app) as url:
        only = [word for each in chosen for word in ("--only", each.promise)]
        code, report = run(url, *only)
    assert code == 0, report["findings"]
    assert "not checked: members come and go, since max_members is 3 here" in report["notes"]
    assert sum(note.startswith("not checked: ") for note in report["notes"]) == 3


@pytest.mark.parametrize("broken", MUTATIONS.values(), ids=MUTATIONS)
def test_a_broken_guarantee_is_found(
    breaking: tuple[Breaking, str], broken: type[Broken], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, url = breaking
    if broken.check:
        chosen = [each for each in CHECKS if each.name == broken.check]
        assert [each.promise for each in chosen] == [broken.promise]
        monkeypatch.setattr("roomcast.server.verify.run.CHECKS", chosen)
    limit = app.app.state.chat.settings.rate_limit
    for name, value in zip(("rate", "burst", "grace"), broken.limits, strict=True):
        force_setattr(limit, name, value)  # as a reload does it
    app.use(broken())
    users = f"{broken.__name__}-ada", f"{broken.__name__}-bob"
    only = "--only", broken.promise, "--fail-fast"
    code, report = run(
        url, *only, "--duration", "1", "--timeout", str(broken.timeout), users=users,
        with_key=broken.needs_site,
    )  # fmt: skip
    assert code == 1
    assert broken.promise in {finding["promise"] for finding in report["findings"]}


def test_there_are_many_mutations() -> None:
    assert len(MUTATIONS) >= 20
    assert {broken.promise for broken in MUTATIONS.values()} == set(PROMISES)


def test_every_promise_is_documented() -> None:
    page = (ROOT / "docs/guarantees.md").read_text()
    rows = re.findall(r"^\| `(\w+)`: (.*)$", page, re.MULTILINE)
    assert [name for name, _ in rows] == list(PROMISES)
    for name, rest in rows:
        _, faults, shown_by = [cell.strip() for cell in rest.strip("| ").split(" | ")]
        assert faults, name
        links = re.findall(r"\]\(([^)]+)\)", shown_by)
        assert links, name
        for link in links:
            assert re.search(r"def test_|class Person", (ROOT / "docs" / link).read_text()), link


def test_what_can_not_be_verified_is_a_sentence(breaking: tuple[Breaking, str]) -> None:
    app, url = breaking
    app.use(Mutation())
    good = token("1")
    for arguments, sentence in (
        ([url], "--token twice"),
        ([url, "--token", good], "--token twice"),
        (["ftp://x", "--token", good, "--token", good], "must start with http"),
        ([url, "--token", good, "--token", good], "the same user"),
        ([url, "--token", good, "--token", "nonsense"], "refuses the second token: "),
        (["http://127.0.0.1:9", "--token", good, "--token", good], "does not answer"),
        ([url, "--token", good, "--token", token("2"), "--only", "luck"], "luck"),
    ):
        done = CliRunner().invoke(main, ["verify", *arguments])
        assert done.exit_code == 2, done.output
        assert sentence in done.stderr
        assert "Traceback" not in done.output


def test_the_report_reads_well(breaking: tuple[Breaking, str]) -> None:
    app, url = breaking
    app.use(MUTATIONS["ErrorsWithoutCode"]())
    tokens = [word for user in ("1", "bob") for word in ("--token", token(user))]
    done = CliRunner().invoke(main, ["verify", url, *tokens, "--rate", "0", "--only", "http"])
    assert done.exit_code == 1
    assert "BROKEN  http " in done.stdout
    assert "refusals over HTTP: " in done.stdout
    assert "-       files" in done.stdout
    assert "http: the room list" in done.stderr  # the progress
    assert done.stdout.rstrip().endswith("promises broken: 1.")


def test_a_token_that_expires_during_the_run_is_named(breaking: tuple[Breaking, str]) -> None:
    app, url = breaking
    app.use(Mutation())
    short = token("1", exp=int(time.time()) + 100)
    given = ["verify", url, "--token", short, "--token", token("2"), "--duration", "1m"]
    done = CliRunner().invoke(main, given)
    assert (done.exit_code, "The token of user 1 expires in" in done.stderr) == (2, True)


@pytest.mark.parametrize(("given", "wanted"), [("90", 90), ("90s", 90), ("3m", 180), ("1h", 3600)])
def test_a_duration_has_a_unit_or_is_in_seconds(given: str, wanted: float) -> None:
    (option,) = [each for each in verify_command.params if each.name == "duration"]
    context = click.Context(verify_command)
    assert option.type_cast_value(context, given) == wanted
    for wrong in ("0", "2h", "soon", "-1"):
        with pytest.raises(click.BadParameter):
            option.type_cast_value(context, wrong)


@pytest.mark.parametrize("empty", ["", " ", "a\nb", "é"])
def test_a_token_that_no_header_may_hold_is_named_as_such(empty: str) -> None:
    given = ["verify", "http://127.0.0.1:9", "--token", empty, "--token", token(1)]
    done = CliRunner().invoke(main, given)
    assert (done.exit_code, "token or key is empty" in done.stderr) == (2, True)
