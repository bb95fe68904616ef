"""`make cluster`, as somebody starts it who has a fresh machine and no Docker."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from roomcast.server.commands import demo
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from .client import LIMIT, Socket
from .engines import Missing
from .engines.cluster import free_ports
from .engines.fixtures import give_up
from .engines.postgres import binaries
from .engines.seaweed import binary as weed
from .engines.valkey import binary as valkey
from .protocol.files import PNG, file
from .server import free_port

ROOT = Path(__file__).parent.parent
WITHIN = 20.0  # seconds until all has ended
COMMAND = re.findall(
    r"^cluster:.*\n\t@\$\(BIN\)/python (-m [a-z.]+)", (ROOT / "Makefile").read_text(), re.MULTILINE
)

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into /proc")
Cluster = subprocess.Popen[str]


@pytest.fixture
def folder() -> Iterator[Path]:
    """For the temporary files of the cluster, where the users of its servers may go."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o711)
        yield path


@pytest.fixture
def launch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Cluster]]:
    for variable in ("TEST_POSTGRES_URL", "TEST_REDIS_URL", "TEST_S3_ENDPOINT"):
        monkeypatch.delenv(variable, raising=False)
    try:
        assert all((binaries(), valkey(), weed()))
    except Missing as why:
        give_up(why)
    monkeypatch.setenv("TMPDIR", str(folder))
    made: list[Cluster] = []

    def start() -> Cluster:
        (arguments,) = COMMAND
        command = [sys.executable, *arguments.split(), "--port", str(free_port())]
        pipe = subprocess.PIPE
        made.append(subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True))
        return made[-1]

    yield start
    for each in made:
        left = below(each.pid)
        each.kill()
        each.communicate()
        for pid in left:
            subprocess.run(["kill", "-9", str(pid)], check=False, capture_output=True)


def below(pid: int) -> set[int]:
    """All processes that this one has started, and that these have."""
    tasks = Path(f"/proc/{pid}/task")
    own = {int(one) for task in tasks.glob("*/children") for one in task.read_text().split()}
    return own.union(*map(below, own))


def living(pids: set[int]) -> list[str]:
    folders = [Path(f"/proc/{pid}/cmdline") for pid in pids]
    return [found.read_text() for found in folders if found.exists()]


def links(cluster: Cluster) -> list[str]:
    """What it says of Ada and Bob."""
    assert cluster.stdout is not None
    found: list[str] = []
    while len(found) < 2:
        line = cluster.stdout.readline()
        assert line, cluster.communicate()
        found += re.findall(r"^http://\S+$", line.strip())
    return found


@asynccontextmanager
async def entered(link: str) -> AsyncIterator[Socket]:
    """As the page at the link does."""
    parts = urlsplit(link)
    said = parse_qs(parts.fragment)
    offered = [Subprotocol("Bearer"), Subprotocol(said["token"][0])]
    address = f"ws://{parts.netloc}/ws/chat/?room_id={said['room'][0]}"
    async with connect(address, subprotocols=offered, proxy=None, max_size=None) as connection:
        person = Socket(connection, link)
        assert len(await person.next(LIMIT)) == len(demo.PAIR) + 1, "their talk and the offer"
        yield person


async def test_ada_and_bob_talk_from_two_processes_until_ctrl_c(
    launch: Callable[[], Cluster], http: httpx.AsyncClient, folder: Path
) -> None:
    cluster = await asyncio.to_thread(launch)
    ada, bob = await asyncio.to_thread(links, cluster)
    assert urlsplit(ada).netloc != urlsplit(bob).netloc
    assert (await http.get(ada)).status_code == 200
    async with entered(ada) as hers, entered(bob) as his:
        await hers.sends("a picture", file=file("a.png", "image/png", PNG))
        (attachment,) = (await his.hears("a picture"))["attachments"]
        assert (await http.get(attachment["file_url"], follow_redirects=True)).content == PNG
        await his.sends("I see it")
        await hers.hears("I see it")
        started = below(cluster.pid)
        assert len(living(started)) >= 5
        cluster.send_signal(signal.SIGINT)
        assert [await hers.closes(), await his.closes()] == [1012, 1012]
    _, err = await asyncio.to_thread(cluster.communicate, timeout=WITHIN)
    assert (cluster.returncode, err) == (0, "")
    assert living(started) == []
    assert list(folder.iterdir()) == []  # noqa: ASYNC240


def test_ctrl_c_during_the_start_leaves_nothing(
    launch: Callable[[], Cluster], folder: Path
) -> None:
    cluster = launch()
    deadline = time.monotonic() + WITHIN
    while not (started := below(cluster.pid)):
        assert time.monotonic() < deadline
    cluster.send_signal(signal.SIGTERM)
    cluster.send_signal(signal.SIGINT)
    _, err = cluster.communicate(timeout=WITHIN)
    assert (cluster.returncode, err) == (0, "")
    assert living(started) == []
    assert list(folder.iterdir()) == []


def test_a_taken_port_is_left_to_whoever_has_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        first, second = free_ports(taken, 2)
    assert taken < first < second
