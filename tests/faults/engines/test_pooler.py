"""A real PgBouncer in transaction mode: two processes talk through it, doctor says what lacks."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ...engines import Missing
from ...engines.bouncer import Bouncer
from ...engines.postgres import Postgres
from ...engines.valkey import Valkey
from ...server import COMMAND, Server
from .cluster import Cluster

Engines = tuple[Postgres, Valkey]


@pytest.fixture
def engines(postgres: Postgres, valkey: Valkey) -> Engines:
    return postgres, valkey


@contextmanager
def bouncing(postgres: Postgres, ignored: str = "jit") -> Iterator[Bouncer]:
    with TemporaryDirectory(prefix="roomcast-tests-bouncer-") as folder:
        try:
            bouncer = Bouncer(Path(folder), postgres, ignored)
        except Missing as why:  # also in CI: not every machine has it
            pytest.skip(str(why))
        bouncer.start()
        try:
            yield bouncer
        finally:
            bouncer.end()


async def test_two_processes_talk_through_it_while_sessions_end(
    engines: Engines, tmp_path: Path
) -> None:
    postgres, valkey = engines
    with bouncing(postgres) as bouncer:
        cluster = Cluster(tmp_path, postgres, valkey)
        cluster.database = bouncer.url_of(cluster.database)
        try:
            await cluster.start(is_proxied=False)
            async with cluster.talking() as talk:
                talk.may_be_stored = True
                await talk.goes_on()
                await asyncio.to_thread(postgres.terminate_backends)
                await talk.goes_on()
                assert talk.connections == [1, 1, 1]
            await cluster.recovers()
            await cluster.stop()
        finally:
            await cluster.end()


@pytest.mark.parametrize(
    ("ignored", "broker", "advice"),
    [
        ("jit", "redis", ""),
        ("extra_float_digits", "redis", "ignore_startup_parameters = jit"),
        ("jit", "memory", "Use pool_mode = session there"),
        ("jit", "pooler", "to the server itself, not to a pooler"),
    ],
)
async def test_doctor_says_what_it_lacks(
    engines: Engines, tmp_path: Path, ignored: str, broker: str, advice: str
) -> None:
    postgres, valkey = engines
    with bouncing(postgres, ignored) as bouncer:
        database = bouncer.url_of(postgres.create_database())
        pooler = database.partition("?")[0]
        brokers = {"redis": valkey.url, "memory": "memory://", "pooler": pooler}
        server = Server(tmp_path, database_url=database, broadcast_url=brokers[broker])
        doctor = await asyncio.to_thread(examined, server)
    assert doctor.returncode == (1 if advice else 0), doctor.stdout
    assert advice in doctor.stdout


def examined(server: Server) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "doctor"],
        env=server.environment,
        cwd=server.folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
