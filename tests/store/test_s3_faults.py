"""A bucket that is slow, silent, gone or no S3 at all: told soon, and over when the fault is."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from roomcast.store.objects import s3, s3_http
from roomcast.store.objects.bucket import UPLOADS, BucketUnavailable, new_key
from roomcast.store.objects.s3 import S3
from urllib3.util import Timeout

from ..engines.fixtures import running
from ..engines.proxy import FaultProxy
from ..engines.seaweed import SECRET, Seaweed
from .conftest import ours
from .test_s3 import opened

AWAY = "The bucket .* can't be used: "


@pytest.fixture
async def proxy(seaweed: Seaweed) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(seaweed.port) as between:
        yield between


@pytest.fixture
async def bucket(seaweed: Seaweed, proxy: FaultProxy) -> AsyncIterator[S3]:
    """Behind the proxy."""
    async with opened(seaweed.url_of("faults", proxy.port)) as made:
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times faster than it is, before a bucket is made."""
    monkeypatch.setattr(s3_http, "CONNECT_TIMEOUT", 0.2)
    monkeypatch.setattr(s3_http, "ANSWER_TIMEOUT", 0.5)
    monkeypatch.setattr(s3, "THREAD_TIMEOUT", 0.5)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> Callable[[S3], None]:
    """Waits long for a free thread and for answers from then on: a busy machine is late."""

    def be_patient(bucket: S3) -> None:
        monkeypatch.setattr(s3, "THREAD_TIMEOUT", 30.0)
        pools = bucket.client.http.pools
        for key in pools.keys():  # noqa: SIM118 # of urllib3, which does not iterate
            pools[key].timeout = Timeout(30.0)

    return be_patient


def everything(bucket: S3) -> dict[str, Callable[[], Awaitable[object]]]:
    """Each way to ask the bucket for something."""
    return {
        "check": bucket.check,
        "put": lambda: bucket.put(new_key(), b"hello"),
        "read": lambda: bucket.read("ab" * 16, 5),
        "stat": lambda: bucket.stat("ab" * 16),
        "move": lambda: bucket.move(new_key(UPLOADS), new_key()),
        "delete": lambda: bucket.delete([new_key()]),
        "sweep": lambda: bucket.sweep(60),
    }


async def under_way() -> None:
    """Tasks that were just made come as far as they can without the bucket."""
    for _ in range(10):
        await asyncio.sleep(0)


# ---------------------------------------------------------------- gone


async def test_a_server_that_is_killed_is_told_and_found_again(impatient: None) -> None:
    for server in running(ours, "seaweed"):
        async with opened(server.url_of("mine")) as bucket:
            await bucket.put("ab" * 16, b"hello")
            server.kill()
            for ask in everything(bucket).values():
                with pytest.raises(BucketUnavailable, match=AWAY + "Failed to establish"):
                    await ask()
            server.start()
            await bucket.check()
            assert await bucket.read("ab" * 16) == b"hello"


async def test_a_server_that_is_away_at_the_start_is_made_ready_when_it_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for server in running(ours, "seaweed"):
        server.kill()
        async with opened(server.url_of("mine")) as bucket:
            assert "can't be used: Failed to establish a new connection" in caplog.text
            assert "Messages with files are refused until it can" in caplog.text
            with pytest.raises(BucketUnavailable, match=AWAY):
                await bucket.put("ab" * 16, b"hello")
            server.start()
            await asyncio.gather(*(bucket.put(new_key(), b"hello") for _ in range(20)))
            assert len(server.keys("mine")) == 20


async def test_a_connection_that_was_cut_is_made_again(bucket: S3, proxy: FaultProxy) -> None:
    await bucket.put("ab" * 16, b"hello")
    for _ in range(3):
        await asyncio.gather(*(bucket.stat("ab" * 16) for _ in range(s3.THREAD_COUNT)))
        proxy.cut()
        assert await bucket.read("ab" * 16) == b"hello"


@pytest.mark.parametrize("count", [70_000, 900_000])
async def test_what_breaks_off_is_never_taken_for_the_whole(
    bucket: S3, proxy: FaultProxy, count: int
) -> None:
    data = bytes(range(256)) * 4_000
    await bucket.put("cd" * 16, data)
    proxy.cut_after(count, "down")
    with pytest.raises(BucketUnavailable, match=AWAY + "Connection broken"):
        await bucket.read("cd" * 16, len(data))
    assert await bucket.read("cd" * 16) == data


@pytest.mark.parametrize("count", [0, 1, 100])
async def test_an_answer_that_does_not_come_is_asked_for_again(
    bucket: S3, proxy: FaultProxy, count: int
) -> None:
    key = new_key()
    proxy.cut_after(count, "down")
    await bucket.put(key, b"hello")
    proxy.cut_after(count, "down")
    assert await bucket.read(key) == b"hello"


@pytest.mark.parametrize("count", [0, 1, 300, 70_000, 900_000])
async def test_an_upload_that_breaks_off_is_sent_again(
    bucket: S3, proxy: FaultProxy, count: int
) -> None:
    key, data = new_key(), bytes(range(256)) * 4_000
    proxy.cut_after(count, "up")
    await bucket.put(key, data)
    assert await bucket.read(key) == data


# ---------------------------------------------------------------- silent


async def test_a_silent_server_is_given_up_within_six_seconds(
    bucket: S3, proxy: FaultProxy
) -> None:
    await bucket.put("ab" * 16, b"hello")
    proxy.blackhole()
    begun = time.monotonic()
    results = await asyncio.gather(
        *(ask() for ask in everything(bucket).values()), return_exceptions=True
    )
    assert time.monotonic() - begun < 6
    assert [type(result) for result in results] == [BucketUnavailable] * len(results)
    await proxy.heal()
    assert await bucket.read("ab" * 16) == b"hello"


async def test_more_than_there_are_threads_are_given_up_too(
    impatient: None, patient: Callable[[S3], None], seaweed: Seaweed, proxy: FaultProxy
) -> None:
    async with opened(seaweed.url_of("faults", proxy.port)) as bucket:
        proxy.blackhole()
        begun = time.monotonic()
        asked = [bucket.stat(new_key()) for _ in range(5 * s3.THREAD_COUNT)]
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert time.monotonic() - begun < 3
        assert {type(result) for result in results} == {BucketUnavailable}
        assert any("16 requests are under way" in str(result) for result in results)
        await proxy.heal()
        patient(bucket)
        await asyncio.gather(*(bucket.stat(new_key()) for _ in range(5 * s3.THREAD_COUNT)))


async def test_callers_who_go_away_leave_no_thread_behind(
    impatient: None, patient: Callable[[S3], None], seaweed: Seaweed, proxy: FaultProxy
) -> None:
    async with opened(seaweed.url_of("faults", proxy.port)) as bucket:
        proxy.blackhole()
        asked = [
            asyncio.create_task(bucket.put(new_key(), b"x")) for _ in range(2 * s3.THREAD_COUNT)
        ]
        await under_way()
        for task in asked:
            task.cancel()
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(result) for result in results} == {asyncio.CancelledError}
        await proxy.heal()
        patient(bucket)
        await asyncio.gather(*(bucket.put(new_key(), b"x") for _ in range(2 * s3.THREAD_COUNT)))


async def test_a_caller_who_goes_away_takes_nobody_with_him(
    seaweed: Seaweed, proxy: FaultProxy
) -> None:
    """The first ones wait together until the bucket is ready."""
    bucket = S3(seaweed.url_of("faults", proxy.port))
    proxy.blackhole()
    leaver, stayer = (asyncio.create_task(bucket.stat(new_key())) for _ in range(2))
    await under_way()
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    await proxy.heal()
    assert await stayer is None
    await bucket.aclose()


async def test_the_loop_goes_on_while_the_bucket_is_slow(bucket: S3, proxy: FaultProxy) -> None:
    proxy.blackhole()
    asked = asyncio.create_task(bucket.put(new_key(), b"x" * 1_000_000))
    longest, before = 0.0, time.monotonic()
    for _ in range(2_000):
        await asyncio.sleep(0)
        longest, before = max(longest, time.monotonic() - before), time.monotonic()
    assert not asked.done()
    assert longest < 0.2
    await proxy.heal()
    await asked


async def test_a_large_upload_takes_the_time_that_its_link_needs(
    monkeypatch: pytest.MonkeyPatch, seaweed: Seaweed, proxy: FaultProxy
) -> None:
    """All of it in one call would have to be sent within the time for connecting."""
    monkeypatch.setattr(s3_http, "CONNECT_TIMEOUT", 0.3)
    async with opened(seaweed.url_of("faults", proxy.port)) as bucket:
        key, data = new_key(), b"x" * (40 << 20)
        proxy.rate = 40e6
        begun = time.monotonic()
        await bucket.put(key, data)
        assert time.monotonic() - begun > 0.9
        assert await bucket.stat(key) == len(data)
        await bucket.delete([key])


# ---------------------------------------------------------------- no S3, and no S3 of ours


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that says these one after another, whatever it is asked; its port, and the asked."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answers[min(len(asked), len(answers)) - 1])
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], asked


def said(status: str, kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body


PAGE = b"<!DOCTYPE html><p>It works!"
LIST = b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>mine</Name>'
EMPTY = said("200 OK", "application/xml", LIST + b"</ListBucketResult>")
BUSY = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (said("200 OK", "text/html", PAGE), "what answers there is no S3"),
        (said("200 OK", "application/xml", b"\xff\xfe\xfd"), "what answers there is no S3"),
        (said("404 Not Found", "text/html", PAGE), "non-XML response from server"),
        (said("404 Not Found", "application/xml", b""), "non-XML response|no S3|NoSuchBucket"),
        (said("301 Moved Permanently", "text/html", PAGE), "non-XML response from server"),
        (said("503 Busy", "application/xml", BUSY), r"Reduce your request rate\. \(SlowDown\)"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "Connection aborted"),
        (b"", "Connection aborted"),
    ],
)
async def test_whatever_answers_is_told_in_a_sentence(answer: bytes, says: str) -> None:
    async with answering(answer) as (port, _):
        url = f"s3://K:{SECRET.replace('/', '%2F')}@127.0.0.1:{port}/mine?secure=false&region=a"
        async with opened(url) as bucket:
            for ask in everything(bucket).values():
                with pytest.raises(BucketUnavailable, match=AWAY + f".*({says})"):
                    await ask()


async def test_an_excuse_is_followed_by_one_more_try() -> None:
    busy = said("503 Busy", "application/xml", BUSY)
    async with answering(busy, EMPTY, busy, busy, EMPTY) as (port, asked):
        bucket = S3(f"s3://K:S@127.0.0.1:{port}/mine?secure=false&region=a")
        await bucket.find()
        assert len(asked) == 2
        with pytest.raises(BucketUnavailable, match="SlowDown"):
            await bucket.find()
        assert len(asked) == 4
        await bucket.aclose()


async def test_no_redirect_is_followed() -> None:
    """It would take a signed request somewhere else."""
    async with answering(EMPTY) as (elsewhere, asked):
        moved = f"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:{elsewhere}/\r\n"
        away = f"{moved}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
        async with answering(away) as (port, _):
            bucket = S3(f"s3://K:S@127.0.0.1:{port}/mine?secure=false&region=a")
            with pytest.raises(BucketUnavailable):
                await bucket.find()
            await bucket.aclose()
        assert asked == []
