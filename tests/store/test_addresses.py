"""The addresses of databases: each is read once, and what is wrong with it says no secret."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest
from roomcast.store import rooms
from roomcast.store.diagnostics.database import diagnose
from roomcast.store.postgres.address import parse_postgres_url
from roomcast.store.store import CannotOpen, Connection, Store
from roomcast.store.transfer.endpoint import opened

from ..engines.postgres import Postgres

SECRET = "p#a?s[s"
HOST = [("db", 5432)]


def files_of(name: str) -> set[str]:
    return {name, f"{name}-wal", f"{name}-shm", f"{name}-lineage"}


def modes(folder: Path) -> dict[str, int]:
    """Of each file, who may read it."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@pytest.mark.parametrize(
    "name", ["my#chat.db", "my%41chat.db", "my chat.db", "a&b=c.db", "ünï.db", "100%.db", ";.db"]
)
async def test_one_file_is_meant_by_an_address(tmp_path: Path, name: str) -> None:
    url = f"sqlite:///{tmp_path}/{name}"

    async def made(db: Connection) -> None:
        await rooms.open_(db, "1", ["1", "2"], "", "", 1)

    store = Store(url)
    await store.open()
    try:
        await store.write(made)
        assert modes(tmp_path) == dict.fromkeys(files_of(name), 0o600)
    finally:
        await store.aclose()
    with sqlite3.connect(tmp_path / name) as db:
        assert db.execute("SELECT count(*) FROM rooms").fetchone() == (1,)
    assert all([finding.ok async for finding in diagnose(url, alone=True)])
    async with opened(url) as end:
        assert end.exists()
        assert await end.meta()
    assert modes(tmp_path).keys() <= files_of(name)


@pytest.mark.parametrize(
    ("url", "places", "account", "database"),
    [
        ("postgresql://db/chat", HOST, (None, None), "chat"),
        ("postgres://me:pw@db:5433/chat", [("db", 5433)], ("me", "pw"), "chat"),
        (f"postgresql://me:{SECRET}@db/chat", HOST, ("me", SECRET), "chat"),
        ("postgresql://me:p%23a%3Fs%5Bs@db/chat", HOST, ("me", SECRET), "chat"),
        ("postgresql://me:p@s@db/chat", HOST, ("me", "p@s"), "chat"),
        ("postgresql://me:a/b@db/chat", HOST, ("me", "a/b"), "chat"),
        ("postgresql://me:100%@db/chat", HOST, ("me", "100%"), "chat"),
        ("postgresql://me@[::1]:5433/chat", [("::1", 5433)], ("me", None), "chat"),
        ("postgresql://a:1,b,c:3/chat", [("a", 1), ("b", 5432), ("c", 3)], (None, None), "chat"),
        ("postgresql:///chat?host=/run/pg", [("/run/pg", 5432)], (None, None), "chat"),
        ("postgresql://me@/chat?host=/run/pg&port=5433", [("/run/pg", 5433)], ("me", None), "chat"),
        ("postgresql://%2Frun%2Fpg/chat", [("/run/pg", 5432)], (None, None), "chat"),
        ("postgresql:///chat?user=me&password=pw&host=db", HOST, ("me", "pw"), "chat"),
        ("postgresql://db/?dbname=chat", HOST, (None, None), "chat"),
        ("postgresql:///chat", [(None, 5432)], (None, None), "chat"),
    ],
)  # fmt: skip
def test_the_forms_of_an_address(
    url: str,
    places: list[tuple[str | None, int]],
    account: tuple[str | None, str | None],
    database: str,
) -> None:
    found = parse_postgres_url(url)
    assert (found.places, (found.user, found.password), found.database) == (
        places,
        account,
        database,
    )


@pytest.mark.parametrize(
    ("query", "options", "server"),
    [
        ("sslmode=require&channel_binding=require", {"ssl": "require"}, {}),
        ("ssl=true", {"ssl": "require"}, {}),
        ("sslnegotiation=direct&sslmode=require", {"ssl": "require", "direct_tls": True}, {}),
        ("statement_cache_size=0", {"statement_cache_size": 0}, {}),
        ("application_name=me", {}, {"application_name": "me"}),
        ("options=-c%20geqo%3Doff", {}, {"options": "-c geqo=off"}),
        ("target_session_attrs=primary", {"target_session_attrs": "primary"}, {}),
        ("target_session_attrs=any&gssencmode=disable&keepalives=1", {}, {}),
    ],
)  # fmt: skip
def test_the_options_of_an_address(
    query: str, options: dict[str, object], server: dict[str, str]
) -> None:
    found = parse_postgres_url(f"postgresql://db/chat?{query}")
    assert (found.options, found.server_settings) == (options, server)


def test_several_hosts_are_asked_for_the_one_that_can_be_written_to() -> None:
    found = parse_postgres_url("postgresql://a,b/chat?connect_timeout=2")
    assert found.options == {"target_session_attrs": "read-write"}
    assert found.timeout == 4


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"postgresql://me:{SECRET}@db:port/chat", "host or its port"),
        (f"postgresql://me:{SECRET}@db:99999/chat", "port is a number from 1"),
        (f"postgresql://me:{SECRET}@db/chat/more", "host:port/database"),
        (f"postgresql://me:{SECRET}@db/chat?sslmode=yes", "sslmode is one of allow"),
        (f"postgresql://me:{SECRET}@db/chat?sslrootcert=/no/such", "there is no file /no/such"),
        (f"postgresql://me:{SECRET}@db/chat?sslcert=/no/such", "there is no file /no/such"),
        (f"postgresql://me:{SECRET}@db/chat?sslrootcert={__file__}", "sslrootcert can't be used"),
        (f"postgresql://me:{SECRET}@db/chat?connect_timeout=soon", "connect_timeout is a number"),
        (f"postgresql://me:{SECRET}@db/chat?statement_cache_size=-1", "statement_cache_size is"),
        (f"postgresql://me:{SECRET}@db/chat?target_session_attrs=best", "target_session_attrs is"),
        (f"postgresql://me:{SECRET}@db/chat?schema=a%22b", "schema is a name"),
        (f"postgresql://me:{SECRET}@db/chat?colour=red", "unknown option colour"),
        (f"postgresql://me:{SECRET}@db/chat?red", "options are written"),
    ],
)
def test_what_is_wrong_is_a_sentence_without_the_secret(url: str, says: str) -> None:
    with pytest.raises(CannotOpen, match=says) as found:
        Store(url)
    assert str(found.value).endswith(".")
    assert SECRET not in str(found.value)


async def test_a_host_that_is_lost_is_passed_over(postgres: Postgres) -> None:
    url = postgres.create_database()
    account, _, place = url.partition("@")
    store = Store(f"{account}@127.0.0.1:9,{place}")
    await store.open()
    await store.check()
    await store.aclose()


async def test_a_socket_and_a_schema_of_its_own(postgres: Postgres) -> None:
    """Two chats in one database, each alone in its schema; nothing is in the host's own."""
    url = postgres.create_database()
    stores = [Store(f"{url}?schema={name}&application_name=mine") for name in ("chat_a", "chat_b")]
    for store in stores:
        await store.open()

        async def made(db: Connection) -> None:
            await rooms.open_(db, "1", ["1", "2"], "", "", 1)

        await store.write(made)
        await store.check()
    for store in stores:
        await store.aclose()
    tables = "select count(*) from pg_tables where schemaname = %s"
    name = url.rpartition("/")[2]
    assert postgres.execute(tables % "'public'", name) == 0
    assert postgres.execute("select count(*) from chat_a.rooms", name) == 1
    assert [f.ok async for f in diagnose(f"{url}?schema=chat_b", alone=True)].count(False) == 0
    async with opened(f"{url}?schema=chat_b") as end:
        assert (await end.meta())["epoch"] == stores[1].epoch != stores[0].epoch


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_a_database_that_cannot_hold_every_text_is_refused(
    postgres: Postgres, encoding: str
) -> None:
    name = f"chat_{encoding.lower()}_{os.getpid()}"
    postgres.execute(f"create database {name} encoding '{encoding}' locale 'C' template template0")
    with pytest.raises(CannotOpen, match=f"its encoding is {encoding}"):
        await Store(postgres.url_of(name)).open()
    found = {f.name: f async for f in diagnose(postgres.url_of(name), alone=True)}
    assert not found["encoding"].ok
    assert "ENCODING 'UTF8'" in found["encoding"].sentence
