"""roomcast verify: whatever stands in the way of a run is a sentence, and the exit code is 2."""

import signal
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner
from roomcast.app import create_app
from roomcast.server.cli import main
from roomcast.server.verify.account import Account, CannotVerify, Pace
from roomcast.server.verify.checks.slow_readers import set_receive_buffer
from roomcast.server.verify.introduction import introduce, parse_base, read_config
from roomcast.server.verify.report import Report
from roomcast.server.verify.rooms import OpenedRooms, why_no_room
from roomcast.server.verify.stage import CHECKS, Deployment, Needs

from ..brokers.conftest import Authority
from ..client import token
from ..server import SECRET
from .broken import Mutation, served
from .test_verify import KEY, Breaking, breaking

__all__ = ["breaking"]  # the fixture

BASE = "https://chat.example.com"
CONFIG = {"limits": {}, "attachments": {}, "features": {}}


def answering(answer: httpx.Response | Exception) -> httpx.AsyncClient:
    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.AsyncClient(transport=httpx.MockTransport(handle), timeout=3)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (httpx.Response(200, html="<p>Welcome"), "There is no roomcast at https://chat"),
        (httpx.Response(200, json={"ok": True}), "There is no roomcast at https://chat"),
        (httpx.Response(200, json=[1]), "There is no roomcast at https://chat"),
        (httpx.Response(200, content=b"\xff\xfe"), "There is no roomcast at https://chat"),
        (httpx.Response(404, html="<p>Nothing"), "answers 404, an answer of text/html."),
        (httpx.Response(502, html="<p>nginx"), "answers 502: an answer of text/html."),
        (httpx.Response(503, json={"detail": "Try again."}), "answers 503: Try again."),
        (
            httpx.Response(301, headers={"location": "https://new.example/x/api/v1/chat/config/"}),
            "redirects to https://new.example/x: give the address",
        ),
        (httpx.ReadTimeout(""), "does not answer within 3 s."),
        (httpx.RemoteProtocolError("Bad line"), "does not answer: Bad line"),
    ],
)
async def test_a_url_without_roomcast_is_named(
    answer: httpx.Response | Exception, sentence: str
) -> None:
    async with answering(answer) as http:
        with pytest.raises(CannotVerify) as failure:
            await read_config(BASE, http)
    assert sentence in str(failure.value)


async def test_the_config_is_read_and_an_older_server_has_none() -> None:
    async with answering(httpx.Response(200, json=CONFIG)) as http:
        assert await read_config(BASE, http) == CONFIG
    refusal = {"detail": "There is nothing here.", "code": "not_found"}
    async with answering(httpx.Response(404, json=refusal)) as http:
        assert await read_config(BASE, http) == {}


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (httpx.Response(401, json={"detail": "The token has expired."}), "refuses the first token"),
        (httpx.Response(403, json={"detail": "You are banned."}), "first token: You are banned."),
        (httpx.Response(200, json=[1]), "does not say whose the first token is: 200"),
        (httpx.Response(404, json={"detail": "Nothing."}), "does not say whose the first token is"),
        (httpx.Response(500), "does not say whose the first token is: 500"),
        (httpx.Response(200, json={"user_id": 1}), "Both tokens are of the same user"),
    ],
)
async def test_a_token_that_is_refused_is_named(answer: httpx.Response, sentence: str) -> None:
    report = Report(BASE)
    async with answering(answer) as http:
        ada, bob = (Account(BASE, http, name, Pace(0, 1), report) for name in ("a", "b"))
        with pytest.raises(CannotVerify) as failure:
            await introduce(Deployment(BASE, ada, bob, report, 1, 1), needed=1)
    assert sentence in str(failure.value)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("chat.example.com", "must start with http"),
        ("http://", "has no host"),
        ("http:///", "has no host"),
        ("http://[::1", "is malformed"),
        ("http://127.0.0.1:99999", "is malformed"),
        ("http://127.0.0.1:x", "is malformed"),
        ("http://chat example", "malformed|has no host, port 0, or a space"),
        ("http://a:b@chat.example.com", "has a query, a fragment or a user"),
        ("http://chat.example.com/?a=1", "has a query, a fragment or a user"),
        ("http://chat.example.com/#top", "has a query, a fragment or a user"),
    ],
)
def test_a_malformed_url_is_named(url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_base(url)
    done = CliRunner().invoke(main, ["verify", url, "--server-key", "k" * 32])
    assert (done.exit_code, "https://chat.example.com" in done.stderr) == (2, True), done.output


def test_a_url_may_have_a_path_and_capitals() -> None:
    assert parse_base("HTTP://Chat.Example:80/a/b/") == "http://Chat.Example:80/a/b"
    assert parse_base("https://[::1]:8000") == "https://[::1]:8000"


@pytest.mark.parametrize(
    ("address", "key", "sentence"),
    [
        (None, "k" * 40, "makes no users: unauthenticated: This is not one of the keys"),
        ("http://127.0.0.1:9", KEY, "http://127.0.0.1:9 does not answer"),
    ],
)
def test_a_key_that_can_not_be_used_is_named(
    breaking: tuple[Breaking, str], address: str | None, key: str, sentence: str
) -> None:
    app, url = breaking
    app.use(Mutation())
    done = CliRunner().invoke(main, ["verify", address or url, "--server-key", key])
    assert (done.exit_code, sentence in done.stderr) == (2, True), done.output


def test_a_certificate_that_nobody_trusts_is_named_or_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --insecure each call of each check accepts it, also those of the server API."""
    settings = {
        "database": {"url": f"sqlite:///{tmp_path / 'chat.db'}"},
        "attachments": {"url": f"file:{tmp_path / 'files'}"},
        "auth": {"secret": SECRET},
        "server_api": {"keys": [KEY]},
    }
    names = "a users token is no key", "sockets need a token"
    chosen = [each for each in CHECKS if each.name in names]
    monkeypatch.setattr("roomcast.server.verify.run.CHECKS", chosen)
    with served(create_app(settings), Authority(tmp_path).both) as url:
        given = ["verify", url, "--server-key", KEY, "--only", "authentication"]
        refused = CliRunner().invoke(main, given)
        accepted = CliRunner().invoke(main, [*given, "--insecure"])
    assert (refused.exit_code, "CERTIFICATE_VERIFY_FAILED" in refused.stderr) == (2, True)
    assert accepted.exit_code == 0, accepted.output


def test_a_socket_that_is_closed_has_no_buffer_to_set() -> None:
    with socket.socket() as closed:
        pass
    for raw in (None, closed):
        set_receive_buffer(raw, 4_096)
    with socket.socket() as there:
        set_receive_buffer(there, 4_096)
        assert there.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < 65_536


def test_the_rooms_of_a_run_are_shared_between_the_users() -> None:
    report = Report(BASE)
    ada, bob = (Account(BASE, httpx.AsyncClient(), name, Pace(0, 1), report) for name in "ab")
    rooms = OpenedRooms()
    for _ in range(6):
        rooms.count(rooms.next_creator(ada, bob))
    rooms.count(ada)
    assert rooms.next_creator(ada, bob) is bob
    assert "limits.rooms_per_day" in why_no_room(ada, "40000", "Go on tomorrow.")
    assert "below --rate" in why_no_room(ada, "2", "Slow down.")


def test_what_a_deployment_does_not_allow_is_named() -> None:
    needs = Needs(("image/png",), (("max_members", 4), ("max_files", 2)))
    files = {"types": ["image/png"], "max_files": 2}
    for config, missing in (
        ({}, ""),
        ({"limits": {"max_members": 4}, "attachments": files}, ""),
        ({"limits": {"max_members": 3}, "attachments": files}, "max_members is 3"),
        ({"attachments": files | {"max_files": 1}}, "max_files is 1"),
        ({"attachments": files | {"types": []}}, "attachments.types has no image/png"),
    ):
        assert needs.missing_in(config) == missing


def rooms_of(app: Breaking) -> list[Any]:
    place = app.app.state.chat.settings.database.url.removeprefix("sqlite:///")
    with sqlite3.connect(Path(place)) as database:
        return database.execute("SELECT id FROM rooms WHERE deleted_at IS NULL").fetchall()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_interrupted_leaves_no_room(
    breaking: tuple[Breaking, str], number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, url = breaking
    app.use(Mutation())
    kept, had = set(rooms_of(app)), []
    echo: Callable[..., None] = click.echo

    def interrupt(line: object, **options: Any) -> None:
        echo(line, **options)
        new = set(rooms_of(app)) - kept
        if new and not had:
            had.extend(new)
            assert signal.getsignal(number) is not signal.SIG_DFL
            signal.raise_signal(number)

    monkeypatch.setattr(click, "echo", interrupt)
    tokens = [word for user in ("1", "bob") for word in ("--token", token(user))]
    done = CliRunner().invoke(main, ["verify", url, *tokens, "--rate", "0"])
    assert (done.exit_code, "Error: interrupted" in done.stderr) == (2, True), done.output
    assert had
    assert set(rooms_of(app)) <= kept
