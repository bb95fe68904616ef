"""What only PostgreSQL has: bundles of limited size, poolers that swallow them, and its own TLS."""

import itertools
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roomcast.realtime.brokers import GAP, Unreachable, backend, backend_of, postgres
from roomcast.realtime.brokers.connection import Publish
from roomcast.realtime.brokers.postgres import bundled, unbundled

from ..engines.postgres import execute
from ..engines.proxy import FaultProxy
from .receiving import gap, gets_through, receives


@pytest.fixture
def server(postgres):
    return postgres


@pytest.fixture(autouse=True)
def only_ours(mortal): ...


CHANNELS = st.one_of(st.integers(0, 9).map("room:{}".format), st.text(max_size=255))
MESSAGES = st.one_of(
    st.text(max_size=50),
    st.integers(7_000, 9_000).map("x".__mul__),
    st.integers(1_900, 2_100).map("🙂".__mul__),
    st.just(GAP),
)


@given(st.lists(st.tuples(CHANNELS, MESSAGES), min_size=1, max_size=30))
def test_bundles_carry_all_that_fits_in_order_and_a_gap_for_the_rest(publishes):
    bundles = list(bundled([Publish(*each, None) for each in publishes], itertools.count()))
    assert all(len(bundle.encode()) < 8_000 and "\0" not in bundle for bundle in bundles)
    assert len(set(bundles)) == len(bundles)
    carried = [part for bundle in bundles for part in unbundled(bundle)]
    for (channel, message), (to, came) in zip(publishes, carried, strict=True):
        assert channel == to
        assert came == message or (
            came == GAP and (len(message.encode()) > 5_000 or "\0" in message)
        )


async def test_seven_thousand_nine_hundred_bytes_fit(opened):
    async with opened() as broker:
        await broker.subscribe("room:123456789")
        await broker.publish("room:123456789", "x" * 7_900)
        await broker.publish("room:123456789", "x" * 8_000)
        assert await receives(broker, 2) == ["x" * 7_900, GAP]


async def test_a_database_is_a_chat_of_its_own(opened, server):
    async with opened() as one, opened(server.create_database()) as other:
        for broker in (one, other):
            await broker.subscribe("room:1")
        await one.publish("room:1", "in one")
        await other.publish("room:1", "in the other")
        assert await receives(one) == ["in one"]
        assert await receives(other) == ["in the other"]


async def test_a_pooler_that_swallows_notifications_fails_the_start(server, monkeypatch):
    monkeypatch.setattr(postgres, "NOTIFY_QUERY", "select $1::text from unnest($2::text[])")
    monkeypatch.setattr(backend, "OPEN_TIMEOUT", 0.5)
    with pytest.raises(Unreachable, match="the server itself, not to a pooler"):
        await backend_of(server.url).connect()


async def test_notifications_of_others_are_named_in_the_log_and_dropped(opened, server, caplog):
    async with opened() as broker:
        await broker.subscribe("room:1")
        server.execute("select pg_notify('roomcast', 'no bundle of ours')")
        await broker.check()
        assert "notification of another program ignored: channel=roomcast" in caplog.text


async def test_rights_that_are_taken_and_given_back_are_a_gap(opened, server):
    database = server.create_database()
    server.execute("create role bot login password 'p@ w/1'")
    login = database.partition("://")[2].rpartition("@")[0]
    async with opened(database.replace(login, "bot:p%40%20w%2F1")) as broker:
        await broker.subscribe("room:1")
        await execute(database, "revoke execute on function pg_notify from public")
        with pytest.raises(Unreachable, match="permission denied"):
            await broker.publish("room:1", "refused")
        await execute(database, "grant execute on function pg_notify to public")
        await gap(broker)
        await gets_through(broker, "room:1", "allowed again")


async def test_tls_is_spoken_with_a_certificate_that_is_checked(opened, server, authority):
    async with FaultProxy(server.port, server.host, tls=authority.context("postgresql")) as proxy:
        options = {"sslmode": "verify-full", "sslnegotiation": "direct"}
        url = f"{proxy.url_of(server.url)}?{urlencode(options)}"
        with pytest.raises(Unreachable):
            await backend_of(url).connect()
        async with opened(f"{url}&{urlencode({'sslrootcert': authority.path})}") as broker:
            await broker.subscribe("room:1")
            await broker.publish("room:1", "in secret")
            assert await receives(broker) == ["in secret"]


async def test_the_first_of_several_hosts_that_takes_writes_is_found(opened, server):
    account, _, place = server.url.partition("@")
    async with opened(f"{account}@127.0.0.1:9,{place}") as broker:
        await broker.subscribe("room:1")
        await broker.publish("room:1", "found")
        assert await receives(broker) == ["found"]


async def test_a_standby_is_passed_over(server, monkeypatch):
    """LISTEN fails on a standby: several hosts are asked for the one that takes writes."""
    asked = []

    async def connect(**given):
        asked.append(given["target_session_attrs"])
        raise OSError("refused")

    account, _, place = server.url.partition("@")
    broker = backend_of(f"{account}@{place.replace('/', f',{place}', 1)}")
    monkeypatch.setattr(postgres.asyncpg, "connect", connect)
    with pytest.raises(Unreachable, match="refused"):
        await broker.connect()
    assert set(asked) == {"read-write"}


@pytest.mark.parametrize(
    ("rest", "says"),
    [("@db:port/chat", "host or its port"), ("@db/chat?colour=red", "unknown option colour")],
)
def test_a_wrong_address_is_a_sentence_without_the_password(rest, says):
    with pytest.raises(Unreachable, match=f"^broadcast.url: .*{says}") as wrong:
        backend_of(f"postgresql://me:p#a?s[s{rest}")
    assert "p#a" not in str(wrong.value)


async def test_no_part_of_a_password_is_named_with_the_address():
    with pytest.raises(Unreachable, match=r"broker at 127\.0\.0\.1:9 is unavailable") as why:
        await backend_of("postgresql://me:p#a?s[s@127.0.0.1:9/chat").connect()
    assert "p#a" not in str(why.value)


@pytest.mark.parametrize("schema", ["", "schema=chat"])
async def test_the_options_of_the_databases_url_are_no_mistake(opened, server, schema):
    options = "channel_binding=prefer&connect_timeout=3&gssencmode=disable&keepalives=1"
    whole = "&".join(filter(None, [options, "target_session_attrs=read-write", schema]))
    async with opened(f"{server.url}?{whole}") as broker:
        await broker.check()


async def test_chats_of_two_schemas_do_not_meet(opened, server):
    async with opened(f"{server.url}?schema=one") as one, opened(server.url) as other:
        for broker in (one, other):
            await broker.subscribe("room:1")
        await one.publish("room:1", "in one")
        await other.publish("room:1", "in public")
        assert await receives(one) == ["in one"]
        assert await receives(other) == ["in public"]
