"""The process around the chat: its sockets, its logs, how it starts and how it ends."""

import asyncio
import errno
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import httpx
import pytest
import uvicorn
from roomcast.chat import presence
from roomcast.server import listen as listening
from roomcast.server import logs, startup, uvicorn_server
from roomcast.server.listen import CannotServe, listen, url_of
from roomcast.server.logs import REPEAT_INTERVAL, Seldom
from roomcast.settings import Settings, load
from websockets.asyncio.client import ClientConnection, connect

from .client import Person
from .patience import LONG, patient
from .server import SECRET, Server, free_port
from .test_direct import served

OwnServer = Callable[..., Server]
Cast = Callable[[Server], tuple[Person, Person, Person]]
Open = Callable[..., list[socket.socket]]


@pytest.fixture
def opened() -> Iterator[Open]:
    """listen(), whose sockets end with the test."""
    with ExitStack() as stack:
        yield lambda *where: [stack.enter_context(one) for one in listen(*where)]


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


# ---------------------------------------------------------------- sockets


def test_a_socket_listens_at_once(opened: Open) -> None:
    (listening,) = opened("127.0.0.1", 0)
    with socket.create_connection(listening.getsockname()) as client:
        assert client.getpeername() == listening.getsockname()


def test_a_socket_is_set_up_for_chat(opened: Open) -> None:
    (listening,) = opened("127.0.0.1", 0)
    assert listening.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
    assert listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert not listening.getblocking()


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="not on this platform")
def test_what_a_socket_accepts_is_given_up_when_nothing_is_read(opened: Open) -> None:
    (listening,) = opened("127.0.0.1", 0)
    with socket.create_connection(listening.getsockname()):
        listening.setblocking(True)
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 8_000


@needs_ipv6
@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_an_ipv6_address_is_a_host(host: str, opened: Open) -> None:
    (listening,) = opened(host, 0)
    address = listening.getsockname()[:2]
    assert listening.family == socket.AF_INET6
    assert url_of(listening) == f"http://[::1]:{address[1]}"
    socket.create_connection(address).close()


@needs_ipv6
def test_every_address_is_ipv4_too(opened: Open) -> None:
    (listening,) = opened("::", 0)
    port = listening.getsockname()[1]
    socket.create_connection(("127.0.0.1", port)).close()
    socket.create_connection(("::1", port)).close()
    assert url_of(listening) == f"http://[::1]:{port}"


def test_all_addresses_of_a_name_are_on_one_port(opened: Open) -> None:
    ports = {one.getsockname()[1] for one in opened("localhost", 0)}
    assert len(ports) == 1
    socket.create_connection(("127.0.0.1", ports.pop())).close()


def named(*addresses: str) -> Callable[..., list[object]]:
    """A resolver that knows one name, with these addresses."""

    def resolve(host: str, port: int, **_: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    return resolve


def test_an_address_that_the_machine_lacks_is_left_out(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", named("192.0.2.1", "127.0.0.1"))
    assert [one.getsockname()[0] for one in opened("here", 0)] == ["127.0.0.1"]


def test_a_taken_port_ends_what_was_opened_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.2", port)):
        monkeypatch.setattr(socket, "getaddrinfo", named("127.0.0.1", "127.0.0.2"))
        with pytest.raises(CannotServe, match=f"Port {port} on here is taken"):
            listen("here", port)
    socket.create_server(("127.0.0.1", port)).close()


def test_every_ipv4_address_is_shown_as_one_that_a_browser_can_open(opened: Open) -> None:
    (listening,) = opened("0.0.0.0", 0)
    assert url_of(listening) == f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_taken_port_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotServe) as caught:
            listen("127.0.0.1", port)
    sentence = f"Port {port} on 127.0.0.1 is taken by another program; choose one with --port."
    assert str(caught.value) == sentence


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "no\0host"])
def test_an_unknown_host_is_a_sentence(host: str) -> None:
    with pytest.raises(CannotServe) as caught:
        listen(host, 0)
    assert str(caught.value) == f"The host {host!r} is unknown; see --host (server.host)."


def test_a_foreign_address_is_a_sentence() -> None:
    with pytest.raises(CannotServe) as caught:
        listen("192.0.2.1", 0)
    sentence = "192.0.2.1 is no address of this machine; choose one with --host."
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EACCES, "This user may not listen on port 80 of ::; choose one with --port."),
        (errno.ENOBUFS, f"Nothing can listen on port 80 of ::: {os.strerror(errno.ENOBUFS)}."),
    ],
)
def test_whatever_the_system_refuses_is_a_sentence(
    number: int, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> socket.socket:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(listening, "_listening", refused)
    with pytest.raises(CannotServe) as caught:
        listen("::", 80)
    assert str(caught.value) == sentence


# ---------------------------------------------------------------- settings and logs


def test_several_processes_are_refused_with_what_to_set() -> None:
    with pytest.raises(CannotServe) as caught:
        startup.refuse_workers(load({"server": {"workers": 2}}))
    assert str(caught.value) == (
        "server.workers = 2: the processes would not get each other's events; set database.url to"
        " postgresql://… and broadcast.url to redis://… or postgresql://…, or server.workers = 1."
    )


def test_one_process_is_not_refused() -> None:
    startup.refuse_workers(Settings())


@pytest.fixture
def loggers() -> Iterator[None]:
    """The loggers that serving sets up, put back afterwards."""
    root = logging.getLogger()
    kept = [logging.getLogger(name) for name in ("roomcast", "uvicorn", "uvicorn.error")]
    levels, handlers, level = [one.level for one in kept], root.handlers[:], root.level
    root.handlers = []
    yield
    for one, before in zip(kept, levels, strict=True):
        one.setLevel(before)
    kept[-1].removeFilter(logs.without_query)
    root.handlers, root.level = handlers, level


@pytest.mark.usefixtures("loggers")
@pytest.mark.parametrize(
    ("level", "ours", "uvicorns"),
    [("debug", "DEBUG", "INFO"), ("info", "INFO", "WARNING"), ("error", "ERROR", "ERROR")],
)
def test_uvicorn_logs_a_step_less_and_never_the_headers(
    level: str, ours: str, uvicorns: str
) -> None:
    logs.log_to_stderr(level)
    assert logging.getLevelName(logging.getLogger("roomcast").level) == ours
    effective = logging.getLogger("uvicorn.error").getEffectiveLevel()
    assert logging.getLevelName(effective) == uvicorns


@pytest.mark.usefixtures("loggers")
def test_a_query_string_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    logs.log_to_stderr("debug")
    log = logging.getLogger("uvicorn.error")
    log.info('%s - "WebSocket %s" [accepted]', "127.0.0.1:1", "/ws/chat/?token=SECRET")
    log.info("Really?")
    log.info("%(what)s", {"what": "a mapping?"})
    said = capsys.readouterr().err
    assert '"WebSocket /ws/chat/" [accepted]' in said
    assert "SECRET" not in said
    assert "Really?" in said
    assert "a mapping?" in said


# ---------------------------------------------------------------- a process

STUB = """
import asyncio, gc
from contextlib import asynccontextmanager
from roomcast.server.serve import run
from roomcast.settings import load

class Stub:
    settings = load({{}})

    def start_draining(self):
        pass

    @asynccontextmanager
    async def started(self):
        print("started", flush=True)
        yield
        await asyncio.sleep({hang})
        print("ended", flush=True)

    async def __call__(self, scope, receive, send):
        await send({{"type": "http.response.start", "status": 204, "headers": []}})
        await send({{"type": "http.response.body"}})

async def before(chat):
    print("before", flush=True)

def ready(url):
    print(url, gc.get_freeze_count() > 10_000, gc.get_threshold()[0], flush=True)

run(Stub(), load({{"server": {{"port": 0}}}}), before=before, ready=ready)
"""


@pytest.fixture
def stub() -> Iterator[Callable[[float], subprocess.Popen[str]]]:
    """A process that serves next to nothing, and takes its time to end."""
    made: list[subprocess.Popen[str]] = []

    def start(hang: float) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", STUB.format(hang=hang)]
        pipe = subprocess.PIPE
        made.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True))
        return made[-1]

    yield start
    for process in made:
        process.kill()
        process.communicate()


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


def test_who_waits_for_the_server_hears_of_it_when_it_answers(
    stub: Callable[[float], subprocess.Popen[str]],
) -> None:
    process = stub(0)
    started, before, ready = lines(process, 3)
    assert (started, before) == ("started", "before")
    url, *collected = ready.split()
    assert httpx.get(url, trust_env=False).status_code == 204
    assert collected == ["True", "100000"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(
    number: signal.Signals, stub: Callable[[float], subprocess.Popen[str]]
) -> None:
    process = stub(0)
    assert lines(process, 3)[2].startswith("http://")
    process.send_signal(number)
    out, err = process.communicate(timeout=5)
    assert (process.returncode, out, err) == (0, "ended\n", "")


def test_what_hangs_at_the_end_is_cut_off_in_time(
    stub: Callable[[float], subprocess.Popen[str]],
) -> None:
    process = stub(60)
    assert lines(process, 3)[2].startswith("http://")
    sent = time.monotonic()
    process.terminate()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LONG)
    assert time.monotonic() - sent < patient(5)
    assert (process.returncode, out) == (1, "")
    assert "did not end within 4.5 seconds" in err


# ---------------------------------------------------------------- the chat's process


async def test_sigterm_tells_every_socket_1012_and_ends_within_5_seconds(
    own_server: OwnServer, cast: Cast
) -> None:
    server = own_server().start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    async with ada.enters(room) as hers, bob.enters(room) as his:
        await hers.says("hello")
        code = await asyncio.to_thread(server.stop, 5)
        assert [await hers.closes(), await his.closes()] == [1012, 1012]
    assert code == 0
    assert "Traceback" not in server.said()


async def test_a_socket_that_reads_nothing_does_not_hold_up_the_end(
    own_server: OwnServer, cast: Cast
) -> None:
    patient = {
        "limits_send_queue_size": "64MiB",
        "limits_slow_consumer_timeout": "1m",
        "limits_max_pending_writes": 400,
    }
    server = own_server(**patient, rate_limit_rate=0).start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    async with ada.enters(room) as hers, bob.enters(room) as his:
        his.connection.transport.pause_reading()
        for _ in range(400):
            await hers.sends("🐢" * 4_000)
        await hers.says("more than all buffers on the way to bob hold")
        sent = time.monotonic()
        assert await asyncio.to_thread(server.stop, 10) == 0
        took = time.monotonic() - sent
        assert uvicorn_server.CLOSE_TIMEOUT <= took < 5  # waited for in vain, then no longer
        his.cut()


@pytest.mark.parametrize("level", ["info", "debug"])
async def test_no_log_holds_a_token(
    level: str, own_server: OwnServer, cast: Cast, http: httpx.AsyncClient
) -> None:
    server = own_server(server_log_level=level).start()
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    token = ada.token(jti="in-a-log")
    async with ada.knocks(f"?room_id={room}&token={token}", offers=["Bearer", token]) as socket:
        assert await socket.next() == []
    await http.get(f"{server.url}/healthz?token={token}")
    await http.get(f"{server.url}/nothing?token={token}", headers={"authorization": token})
    async with connect(f"{server.sockets_url}/ws/chat/?token={token}", proxy=None) as nobody:
        await nobody.wait_closed()
    assert server.stop(5) == 0
    said = server.log.read_text()
    assert token not in said
    assert token.split(".")[1] not in said
    assert ("WebSocket /ws/chat/" in said) == (level == "debug")


def test_a_second_process_on_the_same_file_is_refused(own_server: OwnServer) -> None:
    server = own_server().start()
    second = Server(server.folder)
    refused = second.try_to_start()
    assert refused.returncode == 2
    assert re.fullmatch(r"Error: The database .*chat\.db is in use by .*\n", refused.stderr)
    assert server.stop() == 0


def test_a_taken_port_stops_the_start(own_server: OwnServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = own_server(port=port).try_to_start()
    assert refused.returncode == 2
    assert refused.stderr == (
        f"Error: Port {port} on 127.0.0.1 is taken by another program; choose one with --port.\n"
    )


@pytest.mark.parametrize("setting", ["database_url", "attachments_url"])
def test_a_place_that_cannot_be_written_stops_the_start(
    setting: str, own_server: OwnServer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    scheme = {"database_url": "sqlite:///", "attachments_url": "file:"}[setting]
    refused = own_server(**{setting: f"{scheme}{tmp_path}/file/below"}).try_to_start()
    assert refused.returncode == 2
    assert refused.stderr.startswith("Error: ")
    assert refused.stderr.count("\n") == 1
    assert f"{tmp_path}/file/below" in refused.stderr


def test_a_file_that_is_no_database_stops_the_start(own_server: OwnServer) -> None:
    server = own_server()
    server.database.write_text("this is no database " * 100)
    refused = server.try_to_start()
    assert refused.returncode == 2
    assert re.fullmatch(r"Error: .*chat\.db.*\n", refused.stderr)


def test_a_server_says_where_everything_is(own_server: OwnServer) -> None:
    server = own_server().start()
    assert server.said().splitlines() == [
        f"roomcast listens on {server.url}",
        f"  database     sqlite:///{server.database}",
        f"  attachments  file:{server.attachments}",
        "  secret       from ROOMCAST_AUTH_SECRET",
        f"  chat page    {server.url}/ (roomcast token prints a token for it)",
    ]
    assert SECRET not in server.said()


def test_a_server_says_what_it_is_known_as(own_server: OwnServer) -> None:
    server = own_server(server_public_url="https://chat.example.com").start()
    assert f"listens on {server.url}, known as https://chat.example.com\n" in server.said()


async def test_only_a_proxy_on_this_machine_says_what_the_scheme_is(
    own_server: OwnServer, cast: Cast
) -> None:
    server = own_server().start()
    ada, bob, _ = cast(server)
    await ada.opens(bob)
    await ada.opens(bob)
    asked = await ada.asks(
        "GET", "chat/recieve/?page_size=1", headers={"X-Forwarded-Proto": "https"}
    )
    assert asked.json()["next"].startswith(f"https://127.0.0.1:{server.port}/")


def test_a_flood_of_warnings_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    def said(level: int, text: str) -> str | None:
        record = logging.LogRecord("roomcast", level, "", 0, text, ("x",), None)
        return record.getMessage() if seldom.filter(record) else None

    now = 100.0
    monkeypatch.setattr("roomcast.server.logs.time.monotonic", lambda: now)
    seldom = Seldom()
    assert [said(logging.WARNING, "full: %s") for _ in range(3)] == ["full: x", None, None]
    assert said(logging.WARNING, "away: %s") == "away: x"
    assert [said(logging.ERROR, "full: %s") for _ in range(2)] == ["full: x"] * 2
    now += REPEAT_INTERVAL
    assert said(logging.WARNING, "full: %s") == "full: x (2 more like this since the last one)"
    assert said(logging.WARNING, "full: %s") is None


def test_the_stages_of_an_end_leave_time_for_the_commits_under_way() -> None:
    stages = (
        uvicorn_server.STOP_CHECK_INTERVAL,
        uvicorn_server.MAX_DRAIN_GROUPS * uvicorn_server.DRAIN_INTERVAL,
    )
    before_the_engines = sum(stages) + uvicorn_server.CLOSE_TIMEOUT
    assert before_the_engines + presence.STOP_TIMEOUT <= uvicorn_server.STOP_TIMEOUT - 0.5
    assert uvicorn_server.STOP_TIMEOUT <= 4.5  # half a second is left for the machine


class Ending(uvicorn_server.Server):
    """A server in the process of the test, whose collector of garbage stays as it is."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await uvicorn.Server.startup(self, sockets)


async def test_it_is_not_ready_before_its_sockets_are_closed_in_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uvicorn_server, "STOP_TIMEOUT", 600.0)
    async with (
        served(tmp_path, by=lambda made: Ending(made, lambda: None)) as site,
        AsyncExitStack() as stack,
    ):
        server = site.server
        assert isinstance(server, Ending)
        server.on_drain = site.chat.start_draining
        visits = [await stack.enter_async_context(site.visit()) for _ in range(11)]
        for visit in visits:
            await visit.recv()
        ends = [asyncio.create_task(end_of(visit)) for visit in visits]
        server.handle_exit(signal.SIGTERM, None)
        server.deadline.cancel()
        request = b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answer = await site.asks(request)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"draining" in answer
        ended = sorted(await asyncio.gather(*ends))
        assert {code for _, code in ended} == {1012}
        # Three groups, of five at most.
        assert ended[-1][0] - ended[0][0] >= uvicorn_server.DRAIN_INTERVAL


async def end_of(visit: ClientConnection) -> tuple[float, int | None]:
    """When a socket was closed, and with which code."""
    await visit.wait_closed()
    return time.monotonic(), visit.close_code
