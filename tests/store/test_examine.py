"""What an operator is told of the place where files lie, and that nothing is left there."""

import os
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from roomcast.store.diagnostics import bucket as bucket_checks
from roomcast.store.diagnostics import objects as examining
from roomcast.store.diagnostics.finding import Finding
from roomcast.store.diagnostics.objects import examine
from roomcast.store.objects.s3_presign import Signer

from ..engines.proxy import FaultProxy
from ..engines.seaweed import KEY, Seaweed
from .conftest import of

FINE = ["reachable", "writable", "clock", "private", "links", "uploads", "pages"]


def names(found: list[Finding]) -> list[str]:
    return [finding.name for finding in found]


def wrong(found: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.sentence for finding in found if not finding.ok}


@pytest.fixture
def name(seaweed: Seaweed) -> str:
    """A bucket that is there."""
    bucket = urlsplit(seaweed.url).path.strip("/")
    seaweed.client().make_bucket(bucket)
    return bucket


# ---------------------------------------------------------------- a bucket


async def test_a_good_bucket_is_told_line_by_line(seaweed: Seaweed, name: str) -> None:
    found = await examine(seaweed.url_of(name))
    assert names(found) == FINE
    assert wrong(found) == {}
    assert (
        found[0].sentence
        == f"The bucket {name} at {seaweed.endpoint} answers, in region us-east-1."
    )
    assert all(re.fullmatch(r"[A-Z].*\.", finding.sentence) for finding in found)
    assert seaweed.keys(name) == []


async def test_a_missing_bucket_is_told_and_not_made(seaweed: Seaweed) -> None:
    found = await examine(seaweed.url_of("missing"))
    assert names(found) == ["reachable"]
    assert "there is no such bucket" in wrong(found)["reachable"]
    assert "make the bucket, or correct attachments.url" in wrong(found)["reachable"]
    assert not seaweed.client().bucket_exists("missing")


async def test_a_wrong_secret_is_told(seaweed: Seaweed, name: str) -> None:
    found = await examine(of(seaweed, KEY, "another").url_of(name))
    assert wrong(found).keys() == {"reachable"}
    assert "the secret is wrong" in found[0].sentence


async def test_a_key_that_may_only_read_is_told(sparing: Seaweed) -> None:
    found = await examine(of(sparing, "reader").url_of("theirs"))
    assert wrong(found).keys() == {"writable"}
    assert "must be allowed to list the bucket, and to get, put and delete" in found[-1].sentence


async def test_a_bucket_that_strangers_can_read_is_told(sparing: Seaweed) -> None:
    found = await examine(sparing.url_of("open"))
    assert names(found) == FINE
    assert wrong(found).keys() == {"private"}
    assert "Strangers get at files" in wrong(found)["private"]


async def test_a_bucket_that_takes_no_uploads_from_pages_is_told(strict: Seaweed) -> None:
    strict.client().make_bucket("without-rules")
    found = await examine(strict.url_of("without-rules"))
    assert names(found) == FINE
    assert wrong(found).keys() == {"pages"}
    assert "allow PUT, GET and HEAD from any origin" in wrong(found)["pages"]


async def test_a_public_endpoint_that_leads_to_the_bucket_is_fine(
    seaweed: Seaweed, name: str
) -> None:
    async with FaultProxy(seaweed.port) as outside:
        public = f"http://localhost:{outside.port}"
        found = await examine(seaweed.url_of(name, public_endpoint=public))
        assert wrong(found) == {}
        assert names(found).count("private") == 2
        assert any(f"{public}/{name}/" in finding.sentence for finding in found)
        await outside.refuse()
        found = await examine(seaweed.url_of(name, public_endpoint=public))
        assert wrong(found).keys() == {"public"}
        assert "can't be reached from here" in wrong(found)["public"]


async def test_a_public_endpoint_that_leads_elsewhere_is_told(
    seaweed: Seaweed, strict: Seaweed, name: str
) -> None:
    public = f"http://{strict.endpoint}"
    found = await examine(seaweed.url_of(name, public_endpoint=public))
    assert wrong(found).keys() == {"links", "uploads", "pages"}
    assert "public_endpoint must lead to this bucket" in wrong(found)["links"]


@pytest.mark.parametrize(("apart", "ok"), [(0, True), (-50, True), (90, False), (-90, False)])
async def test_clocks_that_differ_are_told(
    seaweed: Seaweed, name: str, monkeypatch: pytest.MonkeyPatch, apart: float, ok: bool
) -> None:
    clock = SimpleNamespace(time=lambda: time.time() - apart)
    monkeypatch.setattr(bucket_checks, "time", clock)
    found = {finding.name: finding for finding in await examine(seaweed.url_of(name))}
    assert found["clock"].ok == ok
    said = re.search(r"clock is ([+-]\d+) s", found["clock"].sentence)
    assert said is not None
    assert abs(int(said[1]) - apart) <= 2
    assert ("NTP" in found["clock"].sentence) != ok


async def test_a_server_that_ignores_what_was_signed_is_told(
    seaweed: Seaweed, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if it bound no size, and knew no type: both are done without, and said."""
    plain = Signer.url

    def careless(self: Signer, *args: Any, size: int | None = None, **named: Any) -> str:
        named.pop("query", None)
        return plain(self, *args, **named)

    monkeypatch.setattr(Signer, "url", careless)
    found = {finding.name: finding for finding in await examine(seaweed.url_of(name))}
    assert found["uploads"].ok
    assert "a larger one than declared too" in found["uploads"].sentence
    assert not found["links"].ok
    assert "ignores the type" in found["links"].sentence


async def test_a_url_that_names_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"attachments\.url: "):
        await examine("s3:///bucket")


# ---------------------------------------------------------------- a folder


async def test_a_good_folder_is_told(tmp_path: Path) -> None:
    found = await examine(f"file:{tmp_path}")
    assert names(found) == ["writable", "space"]
    assert found[0] == Finding("writable", True, f"The folder {tmp_path} can be written.")
    assert re.fullmatch(r"\d+\.\d GiB are free for files\.", found[1].sentence)
    assert os.listdir(tmp_path) == []


async def test_a_folder_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    found = await examine(f"file:{tmp_path}/a/b")
    assert found[0].ok
    assert "will be made at the start" in found[0].sentence
    assert os.listdir(tmp_path) == []


async def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    found = await examine(f"file:{tmp_path}/file/attachments")
    assert names(found) == ["writable"]
    assert "Not a directory; let the user who runs roomcast write there" in found[0].sentence


async def test_a_disk_that_is_nearly_full_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examining, "LOW_DISK_SPACE", 1 << 60)
    assert wrong(await examine(f"file:{tmp_path}")).keys() == {"space"}
