"""The bucket is away: texts go on as ever, files are refused, and both work again afterwards."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ...client import Socket
from ...engines.fixtures import running
from ...engines.proxy import FaultProxy
from ...engines.seaweed import Seaweed, binary
from ...engines.valkey import Valkey
from ...patience import patient
from ...protocol.files import PNG, file
from .cluster import Cluster
from .conftest import Started

REFUSED_WITHIN = 15.0  # seconds
PICTURE = file("a.png", "image/png", PNG)


def mortal_seaweed(folder: Path) -> Seaweed:
    binary()
    return Seaweed(folder)


@pytest.fixture(scope="module")
def seaweed() -> Iterator[Seaweed]:
    yield from running(mortal_seaweed, "seaweed")


async def files_are_refused(cluster: Cluster, a: Socket, b: Socket) -> None:
    """And they hold up nobody else's text."""
    began = time.monotonic()
    await a.sends("look", file=PICTURE, client_id="f1")
    await b.says("a text")
    assert time.monotonic() - began < patient(1)
    await a.hears("a text")
    [error] = a.saw("error") or [await a.receives("error")]
    assert (error["code"], error["client_id"]) == ("storage_unavailable", "f1")
    assert time.monotonic() - began < patient(REFUSED_WITHIN)
    await a.says("a text of the same socket")
    status, said = await cluster.readiness(cluster.ada)
    assert (status, said["database"], said["broker"]) == (200, "ok", "ok")
    assert said["bucket"] != "ok"


async def files_are_kept(cluster: Cluster, a: Socket, b: Socket) -> None:
    message = await a.says("look", file=PICTURE, client_id="f1")
    await b.hears("look")
    assert len(b.saw("chat_message", message={"text": "look"})) == 1
    answer = await cluster.http.get(message["attachments"][0]["file_url"])
    assert answer.content == PNG


@asynccontextmanager
async def two_sockets(cluster: Cluster) -> AsyncIterator[tuple[Socket, Socket]]:
    room = await cluster.ada.opens(cluster.bob)
    async with cluster.ada.enters(room) as a, cluster.bob.enters(room) as b:
        yield a, b


async def test_a_folder_that_is_away(started: Started, valkey: Valkey) -> None:
    async with started(valkey) as cluster, two_sockets(cluster) as (a, b):
        folder = cluster.folder / "attachments"
        folder.rename(cluster.folder / "aside")
        folder.write_text("no folder")
        await files_are_refused(cluster, a, b)
        folder.unlink()
        (cluster.folder / "aside").rename(folder)
        await files_are_kept(cluster, a, b)


@pytest.mark.parametrize("fault", ["refuse", "blackhole"])
async def test_a_bucket_that_is_away(
    started: Started, valkey: Valkey, seaweed: Seaweed, fault: str
) -> None:
    bucket = f"away-by-{fault}"
    seaweed.client().make_bucket(bucket)
    async with FaultProxy(seaweed.port) as proxy:
        url = seaweed.url_of(bucket, proxy.port)
        async with (
            started(valkey, attachments_url=url) as cluster,
            two_sockets(cluster) as (a, b),
        ):
            await away(proxy, fault)
            await files_are_refused(cluster, a, b)
            await proxy.heal()
            await files_are_kept(cluster, a, b)


async def away(proxy: FaultProxy, fault: str) -> None:
    if fault == "refuse":
        await proxy.refuse()
    elif fault == "blackhole":
        proxy.blackhole()
