"""The `roomcast` command: what it prints, what it leaves behind, and its one-sentence errors."""

import asyncio
import json
import os
import re
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import click
import httpx
import jwt
import pytest
from click.testing import CliRunner, Result
from roomcast.server import secret
from roomcast.server.cli import COMMANDS, main
from roomcast.server.commands import upkeep
from roomcast.store.sqlite.lineage import Lineage

from .client import Person
from .conftest import Cast
from .patience import LONG
from .server import SECRET, Server

OwnServer = Callable[..., Server]
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in a folder of its own; keywords are settings, `auth_secret="…"`."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("ROOMCAST_")]:
        monkeypatch.delenv(name)

    def command(*arguments: str, **settings: str) -> Result:
        environ = {f"ROOMCAST_{name.upper()}": value for name, value in settings.items()}
        return CliRunner().invoke(main, arguments, env=environ, prog_name="roomcast")

    return command


@pytest.fixture
def taken() -> Iterator[str]:
    """A port that somebody else listens on: what must not start would fail there at the latest."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


def test_the_help_is_the_commands_own_and_imports_none_of_them(run: Run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    context = click.Context(main)
    for name, (_, line) in COMMANDS.items():
        command = main.get_command(context, name)
        assert command is not None
        assert (command.name, command.get_short_help_str(99)) == (name, line)
        assert line in result.output
    program = "import sys, roomcast.server.cli; sys.exit('starlette' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def sentence(result: Result) -> str:
    """What a failed command said: one sentence on stderr, exit code 2."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    found = re.fullmatch(r"(?:Database: .+\n)?Error: (.+)\n", result.stderr)
    assert found is not None, result.stderr
    return found[1]


def claims(result: Result, secret: str = SECRET, **options: str) -> dict[str, object]:
    """What the printed token says, once its signature was checked."""
    assert result.exit_code == 0, result.output
    told: dict[str, object] = jwt.decode(result.stdout.strip(), secret, ["HS256"], **options)  # type: ignore[arg-type]
    return told


# ---------------------------------------------------------------- help


def test_the_version_is_that_of_the_package(run: Run) -> None:
    assert re.fullmatch(r"roomcast \d+\.\d+\.\d+\n", run("--version").stdout)


@pytest.mark.parametrize(
    ("command", "example"),
    [
        ((), "roomcast demo"),
        (("serve",), "roomcast serve --host 0.0.0.0 --port 8080"),
        (("token",), "roomcast token --user 2 --name Ada --ttl 7d"),
        (("demo",), "--port"),
        (("migrate",), "--settings"),
        (("verify",), "roomcast verify https://www.example.com/chat --server-key"),
        (("admin",), "roomcast admin rooms --user 7"),
    ],
)
def test_every_command_has_help_with_examples(
    command: tuple[str, ...], example: str, run: Run
) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert example in result.stdout


def test_the_help_of_each_command_has_an_example(run: Run) -> None:
    context = click.Context(main)
    groups = [(name, main.get_command(context, name)) for name in COMMANDS]
    names = [(name,) for name, _ in groups]
    for name, group in groups:
        names += [(name, each) for each in getattr(group, "commands", ())]
    assert ("admin", "reports") in names
    for command in names:
        shown = run(*command, "--help").stdout
        found = re.search(r"Examples?:\n((?:  .+\n)+)", shown)
        assert found is not None, command
        assert f"roomcast {' '.join(command)}" in found[1], command


def test_every_command_is_listed_in_a_whole_line(run: Run) -> None:
    listed = run("--help").stdout.split("Commands:\n")[1].splitlines()
    names = [
        "admin",
        "backup",
        "demo",
        "doctor",
        "erase",
        "export",
        "fsck",
        "migrate",
        "move",
        "prune",
        "restore",
        "serve",
        "token",
        "verify",
    ]
    assert [line.split()[0] for line in listed] == names
    assert not [line for line in listed if line.endswith("...")]


# ---------------------------------------------------------------- token


def test_a_token_is_all_that_is_printed(run: Run) -> None:
    before = int(time.time())
    result = run("token", "--user", "2", auth_secret=SECRET)
    told = claims(result)
    assert set(told) == {"sub", "exp"}
    assert told["sub"] == "2"
    assert before + 3_600 <= int(str(told["exp"])) <= time.time() + 3_600
    assert result.stderr == ""


def test_a_token_says_what_was_asked_for(run: Run) -> None:
    result = run("token", "--user", "m/1", "--ttl", "5m", "--name", "Ada", auth_secret=SECRET)
    told = claims(result)
    assert (told["sub"], told["name"]) == ("m/1", "Ada")
    assert int(str(told["exp"])) <= time.time() + 300


def test_a_token_is_what_the_settings_want(run: Run) -> None:
    settings = {"auth_user_claim": "uid", "auth_audience": "chat", "auth_issuer": "site"}
    result = run("token", "--user", "2", auth_secret=SECRET, **settings)
    assert claims(result, audience="chat", issuer="site")["uid"] == "2"


def test_a_token_is_signed_with_the_secret_of_the_file_that_is_named(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "chat.toml").write_text(f'[auth]\nsecret = "{SECRET}"')
    assert claims(run("token", "--user", "2", "--settings", "chat.toml"))["sub"] == "2"
    assert not (tmp_path / "roomcast.secret").exists()


def test_a_token_is_not_signed_where_others_sign(run: Run) -> None:
    keys = {
        "auth_algorithms": '["RS256"]',
        "auth_jwks_url": "https://example.com/keys",
        "auth_audience": "chat",
    }
    assert sentence(run("token", "--user", "2", **keys)) == (
        "Tokens are not checked by auth.secret: sign one with the private key of your site."
    )


def test_a_token_is_for_the_user_as_the_chat_knows_him(run: Run) -> None:
    given = {"auth_secret": SECRET, "auth_user_prefix": "shop:"}
    assert claims(run("token", "--user", "shop:7", **given))["sub"] == "7"


@pytest.mark.parametrize("user", ["", "x" * 256])
def test_a_token_is_for_a_user_who_can_be(user: str, run: Run) -> None:
    refused = run("token", "--user", user, auth_secret=SECRET)
    assert sentence(refused).startswith("--user: ")


@pytest.mark.parametrize(
    "arguments", [("token",), ("token", "--user", "2", "--ttl", "soon"), ("tokens",)]
)
def test_a_command_that_is_not_understood_is_exit_code_2(
    arguments: tuple[str, ...], run: Run
) -> None:
    refused = run(*arguments, auth_secret=SECRET)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "Error: " in refused.stderr


# ---------------------------------------------------------------- the secret


def write_private(path: Path, content: bytes) -> None:
    path.touch(0o600)
    path.write_bytes(content)


@pytest.fixture
def written(run: Run, taken: str, tmp_path: Path) -> Path:
    """The secret that `serve` writes where no setting names one."""
    refused = run("serve", "--port", taken)
    assert "Wrote a new secret to roomcast.secret; auth.secret is not set.\n" in refused.stderr
    return tmp_path / "roomcast.secret"


def test_without_a_secret_serve_writes_one_that_only_its_owner_reads(written: Path) -> None:
    assert stat.S_IMODE(written.stat().st_mode) == 0o600


def test_a_token_is_signed_with_the_secret_that_serve_wrote(written: Path, run: Run) -> None:
    result = run("token", "--user", "2")
    assert claims(result, written.read_text().strip())["sub"] == "2"
    assert result.stderr == ""


def test_a_secret_is_written_once(written: Path, run: Run, taken: str) -> None:
    first = written.read_text()
    assert "Wrote" not in run("serve", "--port", taken).stderr
    assert written.read_text() == first


def test_a_token_is_never_signed_with_a_secret_that_no_server_has(run: Run, tmp_path: Path) -> None:
    said = sentence(run("token", "--user", "2"))
    assert said.startswith("There is no roomcast.secret in this folder, and auth.secret is not set")
    assert not (tmp_path / "roomcast.secret").exists()


def test_a_secret_suits_every_algorithm(written: Path, run: Run) -> None:
    assert written.exists()
    assert run("token", "--user", "2", auth_algorithms='["HS512"]').exit_code == 0


def test_a_secret_file_that_everybody_reads_is_refused(written: Path, run: Run) -> None:
    written.chmod(0o644)
    said = sentence(run("token", "--user", "2"))
    assert said.endswith("can be read by every user of this machine: chmod 600 roomcast.secret.")


def test_settings_of_the_server_are_named_once_for_all_commands(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "chat.toml").write_text(f'\ufeff[auth]\nsecret = "{SECRET}"')
    monkeypatch.setenv("ROOMCAST_SETTINGS", "chat.toml")
    assert claims(run("token", "--user", "2"))["sub"] == "2"


def test_a_secret_file_that_is_empty_is_no_secret(run: Run, tmp_path: Path) -> None:
    write_private(tmp_path / "roomcast.secret", b"\n")
    said = sentence(run("token", "--user", "2"))
    assert said == "roomcast.secret is empty: delete it, and a new secret is written."


def test_a_secret_file_that_is_too_short_is_named(run: Run, tmp_path: Path) -> None:
    write_private(tmp_path / "roomcast.secret", b"short")
    said = sentence(run("token", "--user", "2"))
    assert said == "roomcast.secret: at least 32 bytes are needed"


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "Is a directory"), (b"\xff" * 40, "it is no text")],
)
def test_a_secret_file_that_cannot_be_read_is_named(
    content: bytes | None, said: str, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "roomcast.secret"
    path.mkdir() if content is None else write_private(path, content)
    assert sentence(run("token", "--user", "2")) == f"roomcast.secret cannot be read: {said}."


def test_a_secret_that_cannot_be_written_is_a_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret, "SECRET_FILE", Path("none/roomcast.secret"))
    assert sentence(run("serve")) == (
        "none/roomcast.secret: a secret cannot be written there (No such file or directory);"
        " set ROOMCAST_AUTH_SECRET."
    )


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--settings", "none.toml"), "none.toml cannot be read: No such file or directory"),
        (("--port", "70000"), "server.port: expected a port from 0 to 65535"),
        (("--log-level", "loud"), "server.log_level: expected debug, info, warning, error or cr"),
        (
            ("--workers", "2"),
            "server.workers = 2: the processes would not get each other's events;",
        ),
        (("--host", "192.0.2.1"), "192.0.2.1 is no address of this machine; choose one with"),
    ],
)
def test_an_option_that_cannot_be_is_a_sentence(
    arguments: tuple[str, ...], said: str, run: Run, taken: str
) -> None:
    refused = run("serve", "--port", taken, *arguments, auth_secret=SECRET)
    assert sentence(refused).startswith(said)


@pytest.mark.parametrize(
    "command", [("serve", "--port", "70000"), ("token", "--user", "2"), ("migrate",)]
)
def test_a_wrong_setting_stops_every_command(command: tuple[str, ...], run: Run) -> None:
    Path("settings.toml").write_text("[attachments]\nulr = 'file:x'")
    said = sentence(run(*command))
    assert said == "settings.toml: unknown setting attachments.ulr; did you mean url?"


def test_a_key_that_cannot_check_tokens_stops_the_start(run: Run, taken: str) -> None:
    keys = {"auth_algorithms": '["RS256"]', "auth_public_key": "-----BEGIN nonsense"}
    assert "auth.public_key" in sentence(run("serve", "--port", taken, **keys))


@pytest.mark.parametrize(
    "keys",
    [
        {
            "auth_algorithms": '["RS256"]',
            "auth_jwks_url": "https://127.0.0.1:9/keys",
            "auth_audience": "a",
        },
        {"auth_jwks_url": "https://127.0.0.1:9/keys", "auth_audience": "a"},
        {"auth_issuers": '[{"issuer": "a", "jwks_url": "https://127.0.0.1:9/keys"}]'},
    ],
)
def test_keys_of_others_need_no_secret(
    keys: dict[str, str], run: Run, taken: str, tmp_path: Path
) -> None:
    assert "is taken" in sentence(run("serve", "--port", taken, **keys))
    assert not (tmp_path / "roomcast.secret").exists()


# ---------------------------------------------------------------- migrate


def tables(path: Path) -> set[str]:
    with sqlite3.connect(path) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    database.close()
    return {name for (name,) in names}


def test_migrate_makes_the_tables_and_may_be_repeated(run: Run, tmp_path: Path) -> None:
    first, second = run("migrate"), run("migrate")
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout == "The database has the schema of this version.\n"
    assert first.stderr == f"Database: sqlite:///{tmp_path}/roomcast.db\n"
    assert {"rooms", "members", "messages"} <= tables(tmp_path / "roomcast.db")
    assert not (tmp_path / "roomcast.secret").exists()


def test_migrate_leaves_a_running_server_alone(run: Run, own_server: OwnServer) -> None:
    server = own_server().start()
    assert "in use" in sentence(run("migrate", database_url=f"sqlite:///{server.database}"))
    assert server.stop() == 0


# ---------------------------------------------------------------- serve


def test_the_first_start_writes_a_secret_and_says_so(own_server: OwnServer) -> None:
    server = own_server()
    del server.settings["auth_secret"]
    server.start()
    assert "Wrote a new secret to roomcast.secret; auth.secret is not set." in server.said()
    assert "  secret       from roomcast.secret" in server.said()
    assert (server.folder / "roomcast.secret").is_file()


def test_a_token_opens_the_server_beside_it(
    own_server: OwnServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = own_server()
    del server.settings["auth_secret"]
    server.start()
    monkeypatch.chdir(server.folder)
    token = run("token", "--user", "2").stdout.strip()
    url = f"{server.url}/en/api/v1/chat/recieve/"
    with httpx.Client(trust_env=False) as client:
        assert client.get(url).status_code == 401
        answer = client.get(url, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["count"]) == (200, 0)


def test_an_unknown_variable_is_a_warning_at_the_start(own_server: OwnServer) -> None:
    server = own_server(databse_url="x").start()
    assert "unknown variable ROOMCAST_DATABSE_URL; did you mean ROOMCAST_DATABASE_URL?" in (
        server.said()
    )


# ---------------------------------------------------------------- demo


class Demo(Server):
    """`roomcast demo`, and the links that it printed."""

    @property
    def command(self) -> list[str]:
        return [super().command[0], "demo", "--port", str(self.port)]

    def links(self) -> dict[str, dict[str, str]]:
        found = re.findall(r"^(Ada|Bob|Carl):\n(http://\S+)$", self.said(), re.MULTILINE)
        links = [(name, urlsplit(url)) for name, url in found]
        assert [(link.netloc, link.path, link.query) for _, link in links] == [
            (f"127.0.0.1:{self.port}", "/", "")
        ] * 3
        return {
            name: {key: value for key, (value,) in parse_qs(link.fragment).items()}
            for name, link in links
        }

    def asks(self, name: str, path: str, **rest: object) -> httpx.Response:
        link = self.links()[name]
        url = f"{self.url}/en/api/v1/chat/{path.format(**link)}"
        with httpx.Client(trust_env=False) as client:
            headers = {"Authorization": f"Bearer {link['token']}"}
            return client.request("POST" if rest else "GET", url, headers=headers, **rest)  # type: ignore[arg-type]

    def texts(self, name: str) -> list[str]:
        messages = self.asks(name, "rooms/{room}/messages/").json()["messages"]
        return [message["text"] for message in messages]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Callable[[], Demo]]:
    """A demo in the test's folder, where settings of a real chat lie about."""
    (tmp_path / "settings.toml").write_text('[server]\nlanguages = ["xx"]')
    made: list[Demo] = []

    def start() -> Demo:
        made.append(Demo(tmp_path, auth_secret=SECRET))
        made[-1].log = tmp_path / f"demo-{len(made)}.log"
        made[-1].start()
        return made[-1]

    yield start
    for one in made:
        one.end()


def test_two_people_find_each_other_in_the_demo(demo: Callable[[], Demo]) -> None:
    shown = demo()
    links = shown.links()
    assert links["Ada"]["room"] == links["Bob"]["room"]
    assert links["Ada"]["token"] != links["Bob"]["token"]
    texts = shown.texts("Ada")
    assert len(texts) >= 3
    assert shown.texts("Bob") == texts
    rooms = shown.asks("Bob", "recieve/").json()["results"]
    assert [room["room_id"] for room in rooms] == [
        int(links[name]["room"]) for name in ("Bob", "Carl")
    ]


def test_the_demo_shows_a_group_a_reply_and_a_reaction(demo: Callable[[], Demo]) -> None:
    messages = demo().asks("Carl", "rooms/{room}/messages/").json()["messages"]
    assert {message["sender_id"] for message in messages} == {1, 2, 3}
    assert any("reply_to" in message for message in messages)
    assert any("reactions" in message for message in messages)


def test_the_demo_shows_a_listing_and_an_offer(demo: Callable[[], Demo]) -> None:
    shown = demo()
    assert "audit" not in shown.said()
    room, _ = shown.asks("Bob", "recieve/").json()["results"]
    assert room["about"] == {
        "title": "Oak table with four chairs",
        "price": "€240",
        "status": "Available",
    }
    offer = shown.asks("Ada", "rooms/{room}/messages/").json()["messages"][-1]
    assert (offer["sender_id"], offer["kind"]) == (None, "system")
    assert [button["id"] for button in offer["actions"]] == ["accept", "decline"]


def test_the_demo_has_names_before_anybody_came(demo: Callable[[], Demo]) -> None:
    members = demo().asks("Bob", "recieve/").json()["results"][0]["members"]
    assert {member["user_id"]: member["name"] for member in members} == {
        1: "Ada",
        2: "Bob",
    }


def test_the_demo_keeps_what_was_said(demo: Callable[[], Demo]) -> None:
    first = demo()
    before = first.texts("Ada")
    said = first.asks("Ada", "rooms/{room}/messages/", json={"message": "see you"})
    assert said.status_code == 201
    old = first.links()["Ada"]
    assert first.stop() == 0
    second = demo()
    assert second.texts("Bob") == [*before, "see you"]
    assert second.links()["Ada"]["room"] == old["room"]
    assert len(second.asks("Ada", "recieve/").json()["results"]) == 2
    url = f"{second.url}/en/api/v1/chat/rooms/{old['room']}/messages/"
    bearer = {"Authorization": f"Bearer {old['token']}"}
    assert httpx.get(url, headers=bearer, trust_env=False).status_code == 200
    assert second.stop() == 0


def test_the_demo_touches_nothing_of_a_real_chat(demo: Callable[[], Demo], tmp_path: Path) -> None:
    shown = demo()
    secret = (tmp_path / ".demo/roomcast.secret").read_text().strip()
    token = shown.links()["Ada"]["token"]
    assert jwt.decode(token, secret, ["HS256"])["sub"] == "1"
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {".demo", "settings.toml", "demo-1.log"}
    assert (tmp_path / ".demo/.gitignore").read_text() == "*\n"


def test_a_demo_folder_that_cannot_be_is_a_sentence(run: Run) -> None:
    Path("file").write_text("")
    said = sentence(run("demo", "--folder", "file/below"))
    assert said == "The folder file/below cannot be written to: Not a directory."


def test_a_demo_on_a_taken_port_is_a_sentence(run: Run, taken: str) -> None:
    said = sentence(run("demo", "--port", taken))
    assert said == f"Port {taken} on 127.0.0.1 is taken by another program; choose one with --port."


# ---------------------------------------------------------------- one user's data, old messages


@pytest.fixture
def talked(run: Run, tmp_path: Path) -> Path:
    """A database in which user 1 has said ten things, a year and a half ago and today."""
    assert run("migrate").exit_code == 0
    old, new = int((time.time() - 540 * 86_400) * 1e6), int(time.time() * 1e6)
    with sqlite3.connect(tmp_path / "roomcast.db") as db:
        query = "INSERT INTO rooms (id, creator_id, version, created_at, active_at, total)"
        db.execute(f"{query} VALUES (1, '1', 10, 0, 0, 10)")
        db.execute(
            "INSERT INTO members (room_id, user_id, sent, is_behind)"
            " VALUES (1, '1', 10, 0), (1, '2', 0, 1)"
        )
        db.execute("INSERT INTO room_counts (user_id, listed) VALUES ('1', 1), ('2', 1)")
        query = "INSERT INTO messages (room_id, sender_id, text, created_at, updated_at, version)"
        rows = [(f"m{n}", at, at, n + 1) for n, at in enumerate([old] * 4 + [new] * 6)]
        db.executemany(f"{query} VALUES (1, '1', ?, ?, ?, ?)", rows)
    return tmp_path / "roomcast.db"


@pytest.mark.usefixtures("talked")
def test_a_users_data_are_written_as_lines(run: Run) -> None:
    found = run("export", "--user", "1")
    assert found.exit_code == 0, found.output
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    kinds = [line["type"] for line in lines]
    assert kinds == ["user", "room", *["message"] * 10, "end"]
    assert run("export", "--user", "9").stdout.count("\n") == 2
    assert sentence(run("export", "--user", "")).startswith("--user: ")


@pytest.mark.usefixtures("talked")
def test_an_export_whose_reader_has_ended_shows_no_traceback(tmp_path: Path) -> None:
    """As in `roomcast export --user 1 | head -1`."""
    program = "from roomcast.server.main import main; main()"
    command = [sys.executable, "-u", "-c", program, "export", "--user", "1"]
    reads, writes = os.pipe()
    os.close(reads)
    try:
        done = subprocess.run(command, stdout=writes, stderr=subprocess.PIPE, cwd=tmp_path)
    finally:
        os.close(writes)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


@pytest.mark.usefixtures("talked")
def test_a_user_that_nothing_is_known_of_is_not_reported_as_erased(run: Run) -> None:
    """The id may be misspelled, and the database another than the server's."""
    assert sentence(run("erase", "--user", "17")).startswith(
        "This database has nothing of a user '17': nothing was erased."
    )


def test_a_user_is_erased_once(run: Run, talked: Path) -> None:
    first, again = run("erase", "--user", "1"), run("erase", "--user", "1")
    assert first.stdout == "Erased 10 messages, and all other data of the user.\n"
    assert again.stdout == "Erased 0 messages, and all other data of the user.\n"
    with sqlite3.connect(talked) as db:
        assert db.execute("SELECT DISTINCT text FROM messages").fetchall() == [("",)]
        assert db.execute("SELECT count(*) FROM erasures").fetchone() == (0,)


def test_an_erasure_that_was_interrupted_is_ended_by_the_next_start(
    run: Run, talked: Path, own_server: OwnServer
) -> None:
    with sqlite3.connect(talked) as db:
        db.execute("INSERT INTO erasures (user_id, asked_at) VALUES ('1', ?)", (2**60,))
    server = own_server(database_url=f"sqlite:///{talked}").start()
    with sqlite3.connect(f"file:{talked}?mode=ro", uri=True) as db:
        deadline = time.monotonic() + LONG
        while db.execute("SELECT count(*) FROM erasures").fetchone() != (0,):
            assert time.monotonic() < deadline
        assert db.execute("SELECT DISTINCT text FROM messages").fetchall() == [("",)]
    assert server.stop() == 0


def test_pruning_leaves_what_is_younger(run: Run, talked: Path) -> None:
    assert "Deleted 6 messages" not in run("prune", "--older-than", "2y").output
    assert run("prune", "--older-than", "365d").stdout.startswith("Deleted 4 messages.")
    assert run("prune", "--older-than", "365d").stdout.startswith("Deleted 0 messages.")
    with sqlite3.connect(talked) as db:
        assert db.execute("SELECT total, floor FROM rooms").fetchone() == (6, 4)
    assert run("fsck").stdout == "All counters are right.\n"


def test_wrong_counters_are_told_and_mended(run: Run, talked: Path) -> None:
    with sqlite3.connect(talked) as db:
        db.execute("UPDATE rooms SET total = 12")
    looked = run("fsck", "--dry-run")
    assert looked.exit_code == 1
    assert looked.stdout.splitlines()[0] == "room 1: 10 messages, not 12"
    assert run("fsck").stdout.endswith("were wrong, and are corrected.\n")
    assert run("fsck", "--dry-run").exit_code == 0


def test_a_wrong_number_of_rooms_is_reported_and_corrected(run: Run, talked: Path) -> None:
    with sqlite3.connect(talked) as db:
        db.execute("UPDATE room_counts SET listed = 4, archived = 2 WHERE user_id = '2'")
    looked = run("fsck", "--dry-run")
    assert (looked.exit_code, looked.stdout.splitlines()) == (
        1,
        ["user 2: 1 rooms in the list and 0 archived, not 4 and 2",
         "Counters of 1 users are wrong."],
    )  # fmt: skip
    assert run("fsck").stdout.endswith("Counters of 1 users were wrong, and are corrected.\n")
    assert run("fsck", "--dry-run").stdout == "All counters are right.\n"


@pytest.mark.parametrize("wrong", ["listed_at = listed_at + 1", "is_behind = 1 - is_behind"])
def test_a_wrong_place_in_a_list_is_reported_and_corrected(
    run: Run, talked: Path, wrong: str
) -> None:
    with sqlite3.connect(talked) as db:
        db.execute("DELETE FROM list_changes")
        db.execute("""
            UPDATE members SET listed_at = (SELECT active_at FROM rooms WHERE id = room_id),
                   is_behind = (SELECT unread > 0 OR members.marked_unread = 1 FROM member_unread u
                                 WHERE u.room_id = members.room_id AND u.user_id = members.user_id)
        """)
    assert run("fsck", "--dry-run").exit_code == 0
    with sqlite3.connect(talked) as db:
        db.execute(f"UPDATE members SET {wrong} WHERE user_id = '1'")  # noqa: S608 # of this test
    looked = run("fsck", "--dry-run")
    assert looked.exit_code == 1
    assert looked.stdout.splitlines()[0] == "room 1: 10 messages; in 1 lists at a wrong place"
    assert run("fsck").exit_code == 0
    with sqlite3.connect(talked) as db:  # the server carries the room over
        assert db.execute("SELECT room_id FROM list_changes").fetchall() == [(1,)]
    assert run("fsck", "--dry-run").exit_code == 0


async def test_an_erasure_beside_a_server_on_sqlite_is_done_by_it(
    run: Run, talked: Path, own_server: OwnServer, cast: Cast
) -> None:
    server = own_server(database_url=f"sqlite:///{talked}").start()
    _, bob, _ = cast(server)
    url = str(server.settings["database_url"])
    async with bob.enters(1, receipts="manual,compact") as socket:
        said = await asyncio.to_thread(run, "erase", "--user", "1", database_url=url)
        assert said.exit_code == 0, said.output
        assert said.stdout == "Erased 10 messages, and all other data of the user.\n"
        await socket.until("message_deleted")
    assert await bob.reads_all(1) == []
    unknown = await asyncio.to_thread(run, "erase", "--user", "17", database_url=url)
    assert sentence(unknown).startswith("This database has nothing of a user")


def test_an_erasure_that_no_server_begins_is_not_waited_for(
    run: Run, talked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process has the file, and is no server of this version."""
    monkeypatch.setattr(upkeep, "PROGRESS_TIMEOUT", 0.5)
    lineage = Lineage(talked)  # holds the lock
    try:
        said = sentence(run("erase", "--user", "1"))
    finally:
        lineage.release()
    assert said.startswith("The server that has this database open does not erase anything")


async def test_maintenance_works_beside_a_server_on_sqlite(
    run: Run, talked: Path, own_server: OwnServer, cast: Cast
) -> None:
    """Messages are sent meanwhile, before and after; nothing of them is lost, nor counted wrong."""
    server = own_server(database_url=f"sqlite:///{talked}", rate_limit_rate=0).start()
    ada, bob, _ = cast(server)
    is_over = asyncio.Event()

    async def write() -> list[int]:
        ids = []
        while not is_over.is_set():
            ids.append((await ada.posts(1, f"beside {len(ids)}"))["message_id"])
        return ids

    async with bob.enters(1, receipts="manual,compact") as socket:
        assert len(socket.first) == 10
        writing = asyncio.create_task(write())
        await socket.hears("beside 0")
        url = f"sqlite:///{talked}"
        commands = (("prune", "--older-than", "365d"), ("fsck",), ("export", "--user", "1"))
        done = [await asyncio.to_thread(run, *each, database_url=url) for each in commands]
        is_over.set()
        ids = await writing
        await socket.still_works()
    assert [each.exit_code for each in done] == [0, 0, 0], [each.output for each in done]
    assert done[0].stdout.startswith("Deleted 4 messages.")
    assert done[1].stdout == "All counters are right.\n"
    assert json.loads(done[2].stdout.splitlines()[-1])["type"] == "end"
    found = [message["message_id"] for message in await bob.reads_all(1)]
    assert (found[:6], found[6:-1]) == ([5, 6, 7, 8, 9, 10], ids)
    async with bob.enters(1, after=2) as resumed:
        assert resumed.first["reset"] is True
    epoch = await epoch_of(bob)
    assert server.stop() == 0
    looked = await asyncio.to_thread(run, "fsck", "--dry-run", database_url=url)
    assert looked.exit_code == 0
    server.start()
    assert await epoch_of(bob) == epoch


async def epoch_of(person: Person) -> str:
    async with person.enters(1, after=0) as socket:
        epoch: str = socket.first["epoch"]
        return epoch


@pytest.mark.parametrize(
    "command",
    [
        ("export", "--user", "1"),
        ("erase", "--user", "1"),
        ("prune", "--older-than", "1d"),
        ("fsck",),
    ],
)
def test_no_database_is_made_where_there_is_none(
    run: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    said = sentence(run(*command))
    assert said.startswith("There is no database ")
    assert not list(tmp_path.glob("*.db"))


@pytest.mark.parametrize("age", ["0", "365", "23h"])
def test_nothing_young_is_pruned(run: Run, talked: Path, age: str) -> None:
    assert "at least" in sentence(run("prune", "--older-than", age))
    assert run("fsck").stdout == "All counters are right.\n"
