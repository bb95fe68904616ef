"""A start waits for engines that do not answer yet, and for nothing that refuses."""

import asyncio
from configparser import ConfigParser
from pathlib import Path

import pytest
from roomcast.app import App, create_app
from roomcast.realtime.brokers import NotYetReachable, Unreachable
from roomcast.server import startup
from roomcast.server.startup import started_when_reachable
from roomcast.settings import Settings
from roomcast.store.store import CannotOpen, NotYetOpen

from .engines.postgres import Postgres
from .engines.proxy import FaultProxy
from .engines.valkey import Valkey
from .pages import block

NOBODY = "127.0.0.1:1"


def chat_on(folder: Path, **urls: str) -> App:
    engines = {"database": f"sqlite:///{folder}/chat.db", "attachments": f"file:{folder}/files"}
    sections = {name: {"url": url} for name, url in (engines | urls).items()}
    return create_app(sections | {"auth": {"secret": "s" * 32}})


@pytest.fixture(params=["database", "broadcast"])
def engine(request: pytest.FixtureRequest) -> tuple[str, Postgres | Valkey, str]:
    """The section of its URL, the engine, and that URL."""
    if request.param == "database":
        postgres: Postgres = request.getfixturevalue("postgres")
        return "database", postgres, postgres.create_database()
    valkey: Valkey = request.getfixturevalue("valkey")
    return "broadcast", valkey, valkey.url


async def until(log: pytest.LogCaptureFixture, words: str, starting: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(20):
        while words not in log.text:
            assert not starting.done(), starting.exception()
            await asyncio.sleep(0.01)


async def test_a_start_waits_for_an_engine_that_comes_up_later(
    engine: tuple[str, Postgres | Valkey, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(startup, "RETRY_INTERVAL", 0.01)
    section, server, url = engine
    async with FaultProxy(server.port, server.host) as proxy:
        chat = chat_on(tmp_path, **{section: proxy.url_of(url)})

        async def start() -> None:
            async with started_when_reachable(chat, 20):
                assert (await chat.open_room([1, 2])).id == 1

        await proxy.refuse()
        starting = asyncio.create_task(start())
        await until(caplog, "start waits: up to", starting)
        await proxy.heal()
        async with asyncio.timeout(20):
            await starting
    assert caplog.text.count("start waits") <= 3, "a line every ten seconds, not one a try"


@pytest.mark.parametrize(
    ("section", "url", "kind"),
    [
        ("database", f"postgresql://me@{NOBODY}/chat", NotYetOpen),
        ("broadcast", f"redis://{NOBODY}", NotYetReachable),
        ("broadcast", f"redis+sentinel://{NOBODY}/main", NotYetReachable),
        ("broadcast", f"redis+cluster://{NOBODY}", NotYetReachable),
        ("broadcast", f"postgresql://me@{NOBODY}/chat", NotYetReachable),
    ],
)
async def test_a_start_without_a_timeout_gives_up_at_once(
    section: str, url: str, kind: type[Exception], tmp_path: Path
) -> None:
    with pytest.raises(kind, match=NOBODY):
        async with started_when_reachable(chat_on(tmp_path, **{section: url}), 0):
            pass


async def test_what_answers_and_refuses_is_not_waited_for(
    postgres: Postgres, valkey: Valkey, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    missing = postgres.create_database().rpartition("/")[0] + "/missing"
    wrong = valkey.url.replace("redis://", "redis://nobody:wrong@")
    refused: list[tuple[App, type[Exception]]] = [
        (chat_on(tmp_path, database=missing), CannotOpen),
        (chat_on(tmp_path, broadcast=missing), Unreachable),
        (chat_on(tmp_path, broadcast=wrong), Unreachable),
    ]
    for chat, kind in refused:
        with pytest.raises(kind):
            async with started_when_reachable(chat, 600):
                pass
    assert "start waits" not in caplog.text


def test_the_documented_unit_restarts_for_good() -> None:
    """An engine may come up later than `serve` waits for it."""
    unit = ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # names as systemd has them
    unit.read_string(block("docs/self-hosting.md", "ini", "[Unit]"))
    assert unit["Unit"]["StartLimitIntervalSec"] == "0", "else it gives up after five starts"
    assert unit["Service"]["Restart"] == "always"
    assert int(unit["Service"]["RestartSec"]) >= 1
    assert unit["Service"]["ExecStart"].endswith("roomcast serve")
    assert Settings().server.start_timeout > 0
