"""What only Redis has: databases by number, users with rights, TLS, a log that tells all."""

import logging
from urllib.parse import urlencode

import pytest
from roomcast.realtime.brokers import Unreachable, backend_of

from ..engines.proxy import FaultProxy
from .receiving import gap, gets_through, receives


@pytest.fixture
def server(valkey):
    return valkey


@pytest.fixture(autouse=True)
def only_ours(mortal): ...


async def test_a_database_number_is_a_chat_of_its_own(opened, server):
    async with opened(f"{server.url}/0") as one, opened(f"{server.url}/1") as other:
        for broker in (one, other):
            await broker.subscribe("room:1")
        await one.publish("room:1", "in 0")
        await other.publish("room:1", "in 1")
        assert await receives(one) == ["in 0"]
        assert await receives(other) == ["in 1"]


@pytest.mark.parametrize(
    ("taken", "given"), [("resetchannels", "allchannels"), ("-publish", "+publish")]
)
async def test_rights_that_are_taken_and_given_back_are_a_gap(opened, server, taken, given):
    server.execute("ACL", "SETUSER", "bot", "on", ">p w/1", "+@all", "allchannels")
    login = server.url.partition("://")[2].rpartition("@")[0]
    async with opened(server.url.replace(login, "bot:p%20w%2F1")) as broker:
        await broker.subscribe("room:1")
        server.execute("ACL", "SETUSER", "bot", taken)
        with pytest.raises(Unreachable):
            await broker.publish("room:1", "refused")
        server.execute("ACL", "SETUSER", "bot", given)
        await gap(broker)
        await gets_through(broker, "room:1", "allowed again")
    server.execute("ACL", "DELUSER", "bot")


async def test_a_wrong_password_fails_the_start_and_says_so(server):
    broker = backend_of(server.url.replace("only%2F", "guessed%2F"))
    with pytest.raises(Unreachable, match="invalid username-password pair"):
        await broker.connect()


@pytest.mark.parametrize("query", ["colour=red", "db=zero"])
def test_a_wrong_option_is_refused_at_once(query):
    with pytest.raises(ValueError, match=query.partition("=")[0]):
        backend_of(f"redis://localhost?{query}")


async def test_options_for_a_pool_are_no_mistake(opened, server):
    options = "max_connections=1000&timeout=3&health_check_interval=10&decode_responses=1"
    async with opened(f"{server.url}?{options}") as broker:
        await broker.check()


async def test_tls_is_spoken_with_a_certificate_that_is_checked(opened, server, authority):
    async with FaultProxy(server.port, server.host, tls=authority.context()) as proxy:
        url = proxy.url_of(server.url).replace("redis://", "rediss://")
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            await backend_of(url).connect()
        async with opened(f"{url}?{urlencode({'ssl_ca_certs': authority.path})}") as broker:
            await broker.subscribe("room:1")
            await broker.publish("room:1", "in secret")
            assert await receives(broker) == ["in secret"]
            proxy.cut()
            await gap(broker)


async def test_texts_of_people_are_in_no_log(opened, caplog):
    caplog.set_level(logging.DEBUG)
    async with opened() as broker:
        await broker.subscribe("room:1")
        await broker.publish("room:1", "between us")
        assert await receives(broker) == ["between us"]
    assert "between us" not in caplog.text


async def test_a_flood_ends_in_a_gap(opened, server):
    """The server drops a subscriber that reads too slowly."""
    limit = "CONFIG", "SET", "client-output-buffer-limit"
    server.execute(*limit, "pubsub 1mb 1mb 1")
    try:
        async with opened() as broker:
            await broker.subscribe("room:1")
            # No turn of the event loop: nobody here reads, until the server has no subscriber.
            flood = "PUBLISH", "roomcast:0:room:1", "x" * 10_000
            assert any(server.execute(*flood) == ":0" for _ in range(5_000))
            await gap(broker)
            await gets_through(broker, "room:1", "after the flood")
    finally:
        server.execute(*limit, "pubsub 32mb 8mb 60")
