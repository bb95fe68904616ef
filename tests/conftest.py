"""The cast and their server: ada (owner), bob (member), eve (outsider, there to be refused)."""

import itertools
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from roomcast.store.store import Store

from . import examples
from .client import LIMIT, Person
from .client import token as make_token
from .engines.fixtures import postgres, running, valkey
from .engines.postgres import Postgres
from .engines.seaweed import Seaweed
from .engines.seaweed import seaweed as find_seaweed
from .forks import Forks
from .server import Server
from .stacks import NAMES, Stack, lite, shared

__all__ = ["postgres", "valkey"]  # fixtures

settings.register_profile(
    "roomcast",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    database=DirectoryBasedExampleDatabase(".cache/hypothesis"),
)
settings.load_profile("roomcast")

Serve = Callable[..., Server]
Cast = Callable[[Server], tuple[Person, Person, Person]]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def forks() -> Iterator[None]:
    """Servers are forked from a process that has imported what they need."""
    Server.forks = Forks()
    yield
    Server.forks.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either engine."""
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        return postgres.create_database()
    return f"sqlite:///{tmp_path}/chat.db"


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """A store on either engine."""
    made = Store(database_url)
    await made.open()
    yield made
    await made.aclose()


@pytest.fixture(scope="session")
def seaweed() -> Iterator[Seaweed]:
    yield from running(find_seaweed, "seaweed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--stack", choices=NAMES, default="lite", help="what the servers run on")


def pytest_configure(config: pytest.Config) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # no server is left behind
    if config.getoption("--stack") != "lite":
        examples.share = 5


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that wait long begin first, so that nobody waits for them at the end."""
    long = ("faults/engines/", "test_workers", "browser/", "embedding/", "faults/", "test_packages")
    items.sort(key=lambda item: next((n for n, part in enumerate(long) if part in item.nodeid), 9))


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Stack:
    """Makes servers on the engines that were asked for."""
    name = request.config.getoption("--stack")
    if name == "lite":
        return lite
    engines = request.getfixturevalue("postgres"), request.getfixturevalue("seaweed")
    if name == "notify":
        return shared(*engines, lambda database: database)
    url = request.getfixturevalue("valkey").url
    return shared(*engines, lambda _: url)


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory, stack: Stack) -> Iterator[Serve]:
    """Servers with other settings, `serve(limits_max_members=5)`: a process for each set."""
    running: dict[str, Server] = {}

    def start(**options: Any) -> Server:
        key = repr(sorted(options.items()))
        if key not in running:
            given = {"rate_limit_burst": 2_000, **options}  # tests share users, and hurry
            running[key] = stack(tmp_path_factory.mktemp("server"), **given).start()
        return running[key]

    yield start
    try:
        for server in running.values():
            ends_well(server)
    finally:
        for server in running.values():
            server.end()


def ends_well(server: Server) -> None:
    """What every server must have done by the end of the tests: no traceback, a clean exit."""
    code = server.stop()
    said = server.log.read_text(errors="replace")
    assert "Traceback" not in said, said[-8000:]
    assert code == 0, said[-8000:]


@pytest.fixture(scope="session")
def server(serve: Serve) -> Server:
    return serve()


@pytest.fixture
def own_server(tmp_path: Path, stack: Stack) -> Iterator[Callable[..., Server]]:
    """A server of the test's own, to be stopped and killed as it likes; not started yet."""
    made: list[Server] = []

    def make(**options: Any) -> Server:
        folder = tmp_path / f"server-{len(made)}"
        folder.mkdir()
        made.append(stack(folder, **options))
        return made[-1]

    yield make
    for server in made:
        server.end()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """Plain HTTP, without a token."""
    async with httpx.AsyncClient(timeout=LIMIT, trust_env=False) as client:
        yield client


@pytest.fixture
def cast(http: httpx.AsyncClient) -> Cast:
    """The three on any server."""

    def people(server: Server) -> tuple[Person, Person, Person]:
        ada, bob = Person(server, http, 1, "ada"), Person(server.other, http, 2, "bob")
        return ada, bob, Person(server, http, 3, "eve")

    return people


@pytest.fixture
def unlimited(serve: Serve, cast: Cast) -> tuple[Person, Person]:
    """Ada and bob where nobody counts how fast they act."""
    ada, bob, _ = cast(serve(rate_limit_rate=0))
    return ada, bob


@pytest.fixture
def ada(server: Server, http: httpx.AsyncClient) -> Person:
    return Person(server, http, 1, "ada")


@pytest.fixture
def bob(server: Server, http: httpx.AsyncClient) -> Person:
    return Person(server.other, http, 2, "bob")


@pytest.fixture
def eve(server: Server, http: httpx.AsyncClient) -> Person:
    return Person(server, http, 3, "eve")


_strangers = itertools.count(1000)


@pytest.fixture
def stranger(server: Server, http: httpx.AsyncClient) -> Callable[..., Person]:
    """Somebody new, who is in no room yet; `stranger("carl/42")` with an id of his own."""

    def make(user: int | str | None = None) -> Person:
        return Person(server, http, next(_strangers) if user is None else user, f"user {user}")

    return make


@pytest.fixture
def token() -> Callable[..., str]:
    return make_token


@pytest.fixture
async def room(ada: Person, bob: Person) -> int:
    """A new room of ada and bob."""
    return await ada.opens(bob)


@pytest.fixture
async def trio(ada: Person, bob: Person, stranger: Callable[..., Person]) -> tuple[int, Person]:
    """A new room of ada (who made it), bob and a third, who is returned with it."""
    carl = stranger()
    return await ada.opens(bob, carl), carl
