"""Servers of S3 with little trust and with few rights."""

import json
from collections.abc import Iterator
from copy import copy
from pathlib import Path

import pytest

from ..engines.fixtures import running
from ..engines.seaweed import KEY, SECRET, Seaweed, binary


@pytest.fixture(scope="session")
def strict() -> Iterator[Seaweed]:
    """It lets the pages of one site only, where a bucket has no rules of its own."""
    allowed = "-s3.allowedOrigins=https://only.example"
    yield from running(lambda folder: ours(folder, allowed), "strict")


@pytest.fixture(scope="session")
def sparing() -> Iterator[Seaweed]:
    """Where one key may use one bucket, one may only read it, and strangers may read another."""
    rights = {
        KEY: ["Admin"],
        "few": ["Read:theirs", "Write:theirs", "List:theirs", "Read:none", "List:none"],
        "reader": ["Read:theirs", "List:theirs"],
    }
    who = [
        {"name": key, "credentials": [{"accessKey": key, "secretKey": SECRET}], "actions": may}
        for key, may in rights.items()
    ]
    who.append({"name": "anonymous", "actions": ["Read:open"]})

    def find(folder: Path) -> Seaweed:
        (folder / "identities").write_text(json.dumps({"identities": who}))
        return ours(folder, f"-s3.config={folder / 'identities'}")

    for server in running(find, "sparing"):
        server.client().make_bucket("theirs")
        server.client().make_bucket("open")
        yield server


def ours(folder: Path, *options: str) -> Seaweed:
    """One that may be stopped and arranged, whatever other server the tests use."""
    binary()
    return Seaweed(folder, *options)


def of(server: Seaweed, key: str, secret: str = SECRET) -> Seaweed:
    """The same server, as somebody else sees it."""
    seen = copy(server)
    seen.key, seen.secret = key, secret
    return seen
