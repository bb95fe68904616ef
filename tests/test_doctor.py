"""`roomcast doctor`: what is wrong is said with what to do, in time, and without a secret."""

import asyncio
import os
import re
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result
from roomcast.server.cli import main
from roomcast.store.diagnostics import database
from roomcast.store.diagnostics import postgres as checks
from roomcast.store.objects.bucket import bucket_of
from roomcast.store.schema import VERSION
from roomcast.store.store import Store

from .engines.postgres import Postgres
from .engines.proxy import FaultProxy
from .engines.seaweed import Seaweed
from .engines.valkey import Valkey
from .server import SECRET, Server

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in a folder of its own; keywords are settings."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("ROOMCAST_")]:
        monkeypatch.delenv(name)

    def command(**settings: str) -> Result:
        environ = {f"ROOMCAST_{name.upper()}": value for name, value in settings.items()}
        return CliRunner().invoke(main, ["doctor"], env=environ)

    return command


def wrong(result: Result) -> list[str]:
    """What is not ok, each line as it was printed; the exit code says the same."""
    lines = result.stdout.splitlines()
    assert lines, result.output
    assert {line.split()[0] for line in lines} <= {"ok", "WRONG"}
    found = [line for line in lines if line.startswith("WRONG")]
    assert result.exit_code == (1 if found else 0)
    return found


def the_one_wrong(result: Result) -> str:
    found = wrong(result)
    assert len(found) == 1, result.stdout
    return found[0]


def migrated(url: str) -> str:
    async def opened() -> None:
        store = Store(url)
        await store.open()
        await store.aclose()

    asyncio.run(opened())
    return url


def lying(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# ---------------------------------------------------------------- what is well


def test_the_defaults_are_well_and_stay_untouched(run: Run, tmp_path: Path) -> None:
    result = run()
    assert wrong(result) == []
    parts = [line.split()[1] for line in result.stdout.splitlines()]
    assert list(dict.fromkeys(parts)) == ["database", "broker", "attachments", "auth", "server"]
    assert "set server.public_url" in result.stdout
    assert lying(tmp_path) == []


def test_it_may_run_beside_a_server(run: Run, own_server: Callable[..., Server]) -> None:
    server = own_server().start()
    files = server.objects()
    assert wrong(run(**{name: str(value) for name, value in server.settings.items()})) == []
    assert server.objects() == files
    assert server.stop() == 0


def test_real_engines_are_well_and_no_secret_is_shown(
    run: Run, postgres: Postgres, valkey: Valkey, seaweed: Seaweed
) -> None:
    urls = postgres.create_database(), valkey.url, seaweed.url

    async def made() -> None:
        bucket = bucket_of(urls[2])
        await bucket.open()
        await bucket.aclose()

    asyncio.run(made())
    result = run(
        database_url=migrated(urls[0]),
        broadcast_url=urls[1],
        attachments_url=urls[2],
        auth_secret=SECRET,
        server_workers="2",
    )
    # What the bucket is found to be is another test's.
    assert [line for line in wrong(result) if " attachments " not in line] == []
    for part in ("answers in", "It is PostgreSQL", "returns in", "region"):
        assert part in result.stdout
    for secret in ("only for", "only%", "only/for", SECRET):
        assert secret not in result.output
    # Nothing was left behind.
    assert postgres_says(urls[0], "SELECT string_agg(name, ',' ORDER BY name) FROM meta") == (
        "epoch,file_key,lineage,schema,tokenizer"
    )


def postgres_says(url: str, query: str) -> Any:
    async def asked() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(asked())


def test_notify_is_a_broker_too(run: Run, postgres: Postgres) -> None:
    url = postgres.create_database()
    assert wrong(run(database_url=url, broadcast_url=url)) == []
    assert postgres_says(url, "SELECT to_regclass('meta')") is None


# ---------------------------------------------------------------- the database


def test_a_database_that_is_not_there(run: Run, postgres: Postgres) -> None:
    url = postgres.create_database()
    said = the_one_wrong(run(database_url=url + "x"))
    assert "does not exist; create it (createdb)" in said
    said = the_one_wrong(run(database_url=url.replace("only%20for", "hunter2")))
    assert "correct the user or the password" in said
    assert "hunter2" not in said
    said = the_one_wrong(run(database_url=url.replace(f":{postgres.port}", ":1")))
    assert "start it, or correct host and port" in said
    assert "unknown option" in the_one_wrong(run(database_url=f"{url}?sll=true"))


async def test_engines_that_are_silent_are_told_of_in_time(
    run: Run, postgres: Postgres, valkey: Valkey
) -> None:
    if not (postgres.is_ours and valkey.is_ours):
        pytest.skip("no proxy before a server that is not ours")
    async with FaultProxy(postgres.port) as one, FaultProxy(valkey.port) as two:
        one.blackhole()
        two.blackhole()
        urls = {
            "database_url": one.url_of(postgres.create_database()),
            "broadcast_url": two.url_of(valkey.url),
        }
        began = monotonic()
        result = await asyncio.to_thread(run, **urls)
        assert monotonic() - began < 12
        assert [line.split()[1] for line in wrong(result)] == ["database", "broker"]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_schema_of_another_version(
    engine: str, run: Run, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    later = "UPDATE meta SET value = '99' WHERE name = 'schema'"
    if engine == "sqlite":
        url = migrated(f"sqlite:///{tmp_path}/a.db")
        with closing(sqlite3.connect(tmp_path / "a.db")) as db, db:
            db.execute(later)
    else:
        url = migrated(request.getfixturevalue("postgres").create_database())
        postgres_says(url, later)
    assert f"Its schema is 99, this roomcast knows {VERSION}: install" in the_one_wrong(
        run(database_url=url)
    )


def test_a_postgresql_that_cannot_be_written(run: Run, postgres: Postgres) -> None:
    url = migrated(postgres.create_database())
    name = url.rpartition("/")[2]
    postgres.execute(f"alter database {name} set default_transaction_read_only = on")
    assert "cannot be written" in the_one_wrong(run(database_url=url))


def test_a_user_who_may_make_no_tables(run: Run, postgres: Postgres) -> None:
    url = postgres.create_database()
    name = url.rpartition("/")[2]
    user = f"weak_{name}"
    postgres.execute(f"create role {user} login password 'weak'")
    postgres_says(url, "revoke create on schema public from public")
    weak = f"postgresql://{user}:weak@{url.rpartition('@')[2]}"
    assert "GRANT CREATE ON SCHEMA public" in the_one_wrong(run(database_url=weak))


def test_clocks_that_differ(run: Run, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgres.create_database()
    assert wrong(run(database_url=url)) == []
    real = checks.time.time
    monkeypatch.setattr(checks.time, "time", lambda: real() + 3_600)
    assert re.search(r"clock is -(3600\.0|3599\.9)", the_one_wrong(run(database_url=url)))


def test_a_file_that_is_no_database_and_a_folder_that_is_not_there(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "a.db").write_text("a letter to my aunt, " * 99)
    said = the_one_wrong(run(database_url=f"sqlite:///{tmp_path}/a.db"))
    assert "file is not a database" in said
    said = the_one_wrong(run(database_url=f"sqlite:///{tmp_path}/none/a.db"))
    assert said.endswith(f"There is no folder {tmp_path}/none: make it.")


def test_little_space(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOW_DISK_SPACE", 1 << 60)
    assert "GiB are free for messages" in the_one_wrong(run())


# ---------------------------------------------------------------- a pooler


class Pooler:
    """Gives two clients, for each transaction, the session that was free last."""

    def __init__(self, sessions: list[Any], keeps: bool) -> None:
        self.free = sessions
        self.keeps = keeps


class Client:
    """What asyncpg's connection is to who looks for a pooler."""

    def __init__(self, pooler: Pooler) -> None:
        self.pooler = pooler
        self.held: Any = None

    async def fetchval(self, query: str) -> Any:
        session = self.held or self.pooler.free.pop()
        try:
            return await session.fetchval(query)
        finally:
            if self.held is None:
                self.pooler.free.append(session)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        self.held = self.pooler.free.pop()
        yield
        self.pooler.free.append(self.held)
        self.held = None

    async def prepare(self, query: str, name: str) -> "Prepared":
        return Prepared(self.pooler, self.pooler.free[-1])


class Prepared:
    def __init__(self, pooler: Pooler, home: Any) -> None:
        self.pooler, self.home = pooler, home

    async def fetchval(self) -> int:
        if self.pooler.free[-1] is not self.home and not self.pooler.keeps:
            raise asyncpg.InvalidSQLStatementNameError("does not exist")
        return 1


@pytest.mark.parametrize(
    ("alone", "prepares", "keeps", "ok", "said"),
    [
        (True, True, True, False, "Use pool_mode = session there"),
        (False, True, False, False, "add ?statement_cache_size=0 to database.url"),
        (False, True, True, True, "that works with a broker"),
        (False, False, False, True, "that works with a broker"),
    ],
)
async def test_a_pooler_in_transaction_mode(
    alone: bool, prepares: bool, keeps: bool, ok: bool, said: str, postgres: Postgres
) -> None:
    url = postgres.create_database()
    sessions = [await asyncpg.connect(url) for _ in range(2)]
    try:
        direct = await checks.compare_sessions(*sessions, alone, prepares)
        assert (direct.ok, direct.sentence.split()[0]) == (True, "Sessions")
        pooler = Pooler(list(sessions), keeps)
        found = await checks.compare_sessions(Client(pooler), Client(pooler), alone, prepares)
        assert found.ok is ok
        assert said in found.sentence
    finally:
        for session in sessions:
            await session.close()


# ---------------------------------------------------------------- broker, files, keys


def test_workers_that_do_not_hear_each_other(run: Run) -> None:
    said = the_one_wrong(run(server_workers="2"))
    assert "2 processes need a broker: set broadcast.url" in said


def test_a_broker_that_is_away_and_one_that_wants_another_password(
    run: Run, valkey: Valkey
) -> None:
    said = the_one_wrong(run(broadcast_url="redis://:hunter2@127.0.0.1:1"))
    assert "The broker at 127.0.0.1:1 is unavailable" in said
    said = the_one_wrong(run(broadcast_url=f"redis://:hunter2@127.0.0.1:{valkey.port}"))
    assert said.endswith("correct broadcast.url.")
    assert "hunter2" not in said


def test_a_bucket_that_is_away(run: Run) -> None:
    said = the_one_wrong(run(attachments_url="s3://hunter1:hunter2@127.0.0.1:1/files?secure=false"))
    assert "hunter" not in said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"auth_algorithms": '["RS256"]', "auth_public_key": "-----BEGIN x"}, "no PEM key"),
        ({"auth_algorithms": '["RS256"]', "auth_public_key": "none.pem"}, "no file to read"),
        (
            {
                "auth_algorithms": '["RS256"]',
                "auth_jwks_url": "http://127.0.0.1:1/?key=hunter2",
                "auth_audience": "a",
            },
            "127.0.0.1 can't be reached (ConnectError: All connection attempts failed)",
        ),
    ],
)
def test_keys_that_check_nothing(settings: dict[str, str], said: str, run: Run) -> None:
    line = the_one_wrong(run(**settings))
    assert said in line
    assert "hunter2" not in line


def test_each_issuer_is_looked_at(run: Run) -> None:
    others = '[{"issuer": "a", "jwks_url": "http://127.0.0.1:1/"}]'
    line = the_one_wrong(run(auth_secret=SECRET, auth_issuers=others))
    assert line.endswith("tokens are refused. Correct auth.issuers[0].jwks_url.")
    line = the_one_wrong(run(auth_issuers='[{"issuer": "a"}]'))
    assert "auth.issuers[0]: there is no key" in line


def test_a_secret_of_the_file_is_looked_at(run: Run, tmp_path: Path) -> None:
    (tmp_path / "roomcast.secret").write_text("short")
    assert "needs at least 32 bytes" in the_one_wrong(run())
    (tmp_path / "roomcast.secret").write_text(SECRET)
    result = run()
    assert wrong(result) == []
    assert SECRET not in result.output


@pytest.mark.parametrize(
    ("status", "said"), [(200, "has no keys for us"), (503, "answers with 503")]
)
def test_published_keys_that_are_none(status: int, said: str, run: Run) -> None:
    class Nothing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # as http.server names it
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b'{"keys": []}')

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Nothing) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/keys"
        line = the_one_wrong(run(auth_algorithms='["RS256"]', auth_jwks_url=url, auth_audience="a"))
        server.shutdown()
        thread.join()
    assert said in line
