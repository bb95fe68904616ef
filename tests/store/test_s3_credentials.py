"""Credentials of a bucket that are not in its URL, and URLs that temporary ones sign."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from minio import Minio
from minio.credentials import Credentials, Provider, StaticProvider
from roomcast.store.objects import s3_credentials
from roomcast.store.objects.bucket import BucketUnavailable
from roomcast.store.objects.s3_credentials import (
    BucketCredentials,
    credentials_of,
    fixed_credentials,
)
from roomcast.store.objects.s3_presign import Signer
from roomcast.store.objects.s3_url import S3Location, place_of

BASE = "https://examplebucket.s3.us-east-1.amazonaws.com/"
SESSION = "a session/token+with=signs"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's own: no variable, no file, and no metadata service."""
    for name in (
        "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY",
        "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/none")


def elsewhere() -> S3Location:
    return place_of("s3://s3.amazonaws.com/examplebucket?region=us-east-1")


def found() -> tuple[str, str, str | None]:
    who = credentials_of(elsewhere()).retrieve()
    return who.access_key, who.secret_key, who.session_token


def test_those_of_the_url_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-the-environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    place = place_of("s3://KEY:S%2FT@host/bucket?session_token=a%2Bb")
    who = credentials_of(place).retrieve()
    assert (who.access_key, who.secret_key, who.session_token) == ("KEY", "S/T", "a+b")


def test_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", SESSION)
    assert found() == ("AKIA", "secret", SESSION)


def test_those_of_a_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = other\naws_secret_access_key = other\n"
        "[chat]\naws_access_key_id = AKIA\naws_secret_access_key = secret\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "chat")
    assert found()[:2] == ("AKIA", "secret")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A container's metadata service, whose credentials are new at each call; the calls."""
    calls: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(self.path)
            ends = datetime.now(UTC) + timedelta(seconds=3_600 if len(calls) > 1 else -1)
            said = {"AccessKeyId": f"ASIA{len(calls)}", "SecretAccessKey": "secret"}
            said |= {"Token": SESSION, "Expiration": f"{ends:%Y-%m-%dT%H:%M:%SZ}"}
            body = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/role"
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", address)
    yield calls
    server.shutdown()
    thread.join()
    server.server_close()


def test_those_of_the_machine_are_fetched_again_when_they_expire(machine: list[str]) -> None:
    credentials = credentials_of(elsewhere())
    keys = [credentials.retrieve().access_key for _ in range(3)]
    assert keys == ["ASIA1", "ASIA2", "ASIA2"]
    assert machine == ["/role", "/role"]


class Service(Provider):
    """It hands out credentials that hold for so long, and only while the test lets it."""

    def __init__(self, *minutes: int) -> None:
        self._minutes = list(minutes)
        self.asked = threading.Semaphore(0)
        self.may_answer = threading.Semaphore(0)
        self.is_broken = False

    def retrieve(self) -> Credentials:
        self.asked.release()
        assert self.may_answer.acquire(timeout=10)
        if self.is_broken:
            raise ValueError
        ends = datetime.now(UTC) + timedelta(minutes=self._minutes.pop(0))
        return Credentials(f"with {len(self._minutes)} to come", "secret", None, ends)


def wait_for_refresh() -> None:
    for thread in threading.enumerate():
        if thread.name == "bucket credentials":
            thread.join(10)


def test_urls_are_signed_while_new_credentials_are_fetched() -> None:
    """The event loop never waits for the service of the machine."""
    service = Service(5, 60)
    service.may_answer.release()
    credentials = BucketCredentials(lambda: service)
    signer = Signer(BASE, credentials, "us-east-1")
    assert credentials.retrieve().access_key == "with 1 to come"
    for _ in range(3):  # the service does not answer, and is asked once
        assert "with%201%20to%20come" in signer.url("GET", "a", 60)
    service.may_answer.release()
    wait_for_refresh()
    assert "with%200%20to%20come" in signer.url("GET", "a", 60)
    assert [service.asked.acquire(blocking=False) for _ in range(3)] == [True, True, False]


def test_without_credentials_a_url_is_refused_at_once_and_there_later() -> None:
    service = Service(60)
    credentials = BucketCredentials(lambda: service)
    signer = Signer(BASE, credentials, "us-east-1")
    for _ in range(2):
        with pytest.raises(BucketUnavailable, match="new ones are fetched"):
            signer.url("GET", "a", 60)
    service.may_answer.release()
    wait_for_refresh()
    assert "X-Amz-Signature" in signer.url("GET", "a", 60)


def test_a_refresh_that_fails_is_logged_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(s3_credentials, "REFRESH_INTERVAL", 0.0)
    service = Service(5, 60)
    service.may_answer.release(2)
    credentials = BucketCredentials(lambda: service)
    assert credentials.retrieve().access_key == "with 1 to come"
    service.is_broken = True
    assert credentials.current().access_key == "with 1 to come"
    wait_for_refresh()
    assert "bucket credentials not refreshed" in caplog.text
    service.is_broken = False
    service.may_answer.release()
    assert credentials.current().access_key == "with 1 to come"
    wait_for_refresh()
    assert credentials.current().access_key == "with 0 to come"


def test_none_at_all_are_a_sentence() -> None:
    with pytest.raises(BucketUnavailable, match="has no KEY:SECRET"):
        found()


@pytest.mark.parametrize("token", [None, SESSION])
def test_a_url_is_signed_as_the_library_signs_it(token: str | None) -> None:
    """Ours also signs the length of a body, which the library cannot."""
    provider = StaticProvider("AKIA", "secret", token)
    client = Minio("s3.amazonaws.com", credentials=provider, region="us-east-1")
    at = datetime(2026, 11, 28, 12, tzinfo=UTC)
    theirs = client.get_presigned_url(
        "GET", "examplebucket", "a/b.png", timedelta(hours=1), request_date=at
    )
    base = theirs.partition("a/b.png")[0]
    signer = Signer(base, fixed_credentials("AKIA", "secret", token), "us-east-1")
    ours = signer.url("GET", "a/b.png", 3_600, at=at.timestamp())
    assert parse_qs(urlsplit(ours).query) == parse_qs(urlsplit(theirs).query)
    put = parse_qs(urlsplit(signer.url("PUT", "a", 60, size=5)).query)
    assert put.get("X-Amz-Security-Token") == (token and [token])
    assert "secret" not in repr(signer)
