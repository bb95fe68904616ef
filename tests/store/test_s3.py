"""A bucket on a real S3 server: the same promises as of the folder, and what becomes of them when
the server is slow, silent, gone, or somebody else's."""

import asyncio
import logging
import re
import ssl
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import md5
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote, urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from roomcast.store.objects import s3
from roomcast.store.objects.bucket import (
    UPLOADS,
    BucketUnavailable,
    ObjectMissing,
    ObjectTooLarge,
    bucket_of,
    new_key,
)
from roomcast.store.objects.s3 import S3, THREAD_COUNT
from roomcast.store.objects.s3_credentials import fixed_credentials
from roomcast.store.objects.s3_presign import MAX_VALIDITY, Signer
from roomcast.store.objects.s3_url import S3Endpoint, place_of

from ..engines import free_port
from ..engines.fixtures import running
from ..engines.proxy import FaultProxy
from ..engines.seaweed import KEY, SECRET, Seaweed
from .conftest import of, ours
from .test_bucket import ESCAPES, stream

ELSEWHERE = {"Origin": "https://elsewhere.example"}
PICTURE = {
    "Content-Type": "image/png",
    "Content-Disposition": "inline; filename=\"_.png\"; filename*=UTF-8''%D1%84%20%26.png",
    "Cache-Control": "private, max-age=3600",
    "X-Content-Type-Options": "nosniff",
}


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[S3]:
    bucket = S3(url)
    await bucket.open()
    yield bucket
    await bucket.aclose()


@pytest.fixture
async def bucket(seaweed: Seaweed) -> AsyncIterator[S3]:
    async with opened(seaweed.url_of("shared")) as made:
        yield made


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with nothing but a URL."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as anyone:
        yield anyone


@pytest.fixture
def keys(seaweed: Seaweed, bucket: S3) -> Callable[[], list[str]]:
    """What the test has put into the bucket."""
    before = set(seaweed.keys(bucket.place.bucket))
    return lambda: sorted({*seaweed.keys(bucket.place.bucket)} - before)


# ---------------------------------------------------------------- objects


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 10 << 20])
async def test_what_is_put_is_read_again(bucket: S3, size: int) -> None:
    key, data = new_key(), bytes(range(256)) * (size // 256) + b"." * (size % 256)
    await bucket.put(key, data)
    assert await bucket.read(key) == data
    assert await bucket.read(key, size) == data
    assert await bucket.stat(key) == size


async def test_an_object_comes_in_one_piece(bucket: S3, seaweed: Seaweed) -> None:
    """An upload in parts leaves parts behind where it breaks off."""
    key, data = new_key(), b"x" * (10 << 20)
    await bucket.put(key, data)
    found = seaweed.client().stat_object(bucket.place.bucket, key)
    assert found.etag == md5(data, usedforsecurity=False).hexdigest()


async def test_a_stream_is_stored_and_measured(bucket: S3) -> None:
    key = new_key(UPLOADS)
    chunks = [b"a" * 200_000, b"", b"b" * 200_000, b"c"]
    assert await bucket.put_stream(key, stream(*chunks), 400_001) == 400_001
    assert await bucket.read(key) == b"".join(chunks)


async def test_a_stream_that_is_too_long_leaves_nothing(
    bucket: S3, keys: Callable[[], list[str]]
) -> None:
    with pytest.raises(ObjectTooLarge, match="More than 5 bytes"):
        await bucket.put_stream(new_key(), stream(b"abc", b"def"), 5)
    assert keys() == []


async def test_a_second_put_replaces_the_first(bucket: S3) -> None:
    key = new_key(UPLOADS)
    await bucket.put(key, b"first")
    await bucket.put_stream(key, stream(b"second"), 10)
    assert await bucket.read(key) == b"second"


async def test_a_moved_object_is_no_longer_where_it_was(bucket: S3) -> None:
    source, target = new_key(UPLOADS), new_key()
    await bucket.put(source, b"hello")
    await bucket.move(source, target)
    assert await bucket.stat(source) is None
    assert await bucket.read(target) == b"hello"
    await bucket.move(source, target)
    assert await bucket.read(target) == b"hello"


async def test_what_was_moved_is_not_replaced(bucket: S3) -> None:
    """An upload's URL is good for a while after its bytes were looked at."""
    source, target = new_key(UPLOADS), new_key()
    await bucket.put(source, b"hello")
    await bucket.move(source, target)
    await bucket.put(source, b"other")
    await bucket.move(source, target)
    assert await bucket.read(target) == b"hello"
    assert await bucket.stat(source) is None


async def test_a_moved_object_forgets_what_its_uploader_called_it(
    bucket: S3, seaweed: Seaweed, client: httpx.AsyncClient
) -> None:
    source, target = new_key(UPLOADS), new_key()
    page = {"Content-Type": "text/html"}
    answer = await client.put(bucket.put_url(source, 5, 60), content=b"hello", headers=page)
    assert answer.status_code == 200
    theirs = seaweed.client().stat_object(bucket.place.bucket, source)
    assert theirs.content_type == "text/html"
    await bucket.move(source, target)
    ours = seaweed.client().stat_object(bucket.place.bucket, target)
    assert ours.content_type == "application/octet-stream"


async def test_a_thousand_and_a_hundred_objects_are_deleted_at_once(
    bucket: S3, keys: Callable[[], list[str]]
) -> None:
    there = [new_key() for _ in range(1_100)]
    for i in range(0, len(there), THREAD_COUNT):  # who waits for a thread for long is refused
        await asyncio.gather(*(bucket.put(key, b"x") for key in there[i : i + THREAD_COUNT]))
    kept = new_key()
    await bucket.put(kept, b"x")
    assert len(keys()) == 1_101
    await bucket.delete([*there, new_key(), *ESCAPES])
    assert keys() == [kept]


async def test_deleting_again_is_fine(bucket: S3) -> None:
    key = new_key()
    await bucket.put(key, b"x")
    for _ in range(2):
        await bucket.delete([key])
    await bucket.delete([])
    assert await bucket.stat(key) is None


async def test_a_missing_object_is_no_trouble_of_the_bucket(bucket: S3) -> None:
    key = new_key()
    assert await bucket.stat(key) is None
    assert await bucket.path(key) is None
    with pytest.raises(ObjectMissing):
        await bucket.read(key)
    with pytest.raises(ObjectMissing):
        await bucket.move(key, new_key())


@pytest.mark.parametrize("key", ESCAPES)
async def test_no_key_leads_out_of_the_bucket(
    bucket: S3, keys: Callable[[], list[str]], key: str
) -> None:
    good = new_key()
    await bucket.put(good, b"hello")
    assert await bucket.stat(key) is None
    await bucket.delete([key])
    for attempt in (
        bucket.read(key),
        bucket.put(key, b"x"),
        bucket.put_stream(key, stream(b"x"), 5),
        bucket.move(key, new_key()),
        bucket.move(good, key),
    ):
        with pytest.raises(ObjectMissing):
            await attempt
    assert keys() == [good]


async def test_too_much_is_not_read(bucket: S3) -> None:
    large, small = new_key(), new_key()
    await bucket.put(large, b"x" * 1_000_000)
    await bucket.put(small, b"small")
    for _ in range(3):
        with pytest.raises(ObjectTooLarge, match="More than 5 bytes"):
            await bucket.read(large, 5)
        assert await bucket.read(small, 5) == b"small"  # and not the rest of the other


# ---------------------------------------------------------------- signed URLs


async def test_a_signed_url_tells_type_and_name(bucket: S3, client: httpx.AsyncClient) -> None:
    key = new_key()
    await bucket.put(key, b"hello")
    answer = await client.get(bucket.get_url("GET", key, PICTURE), headers=ELSEWHERE)
    assert (answer.status_code, answer.content) == (200, b"hello")
    for name in ("Content-Type", "Content-Disposition", "Cache-Control"):
        assert answer.headers[name] == PICTURE[name]
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", ELSEWHERE["Origin"])


async def test_a_part_may_be_asked_for(bucket: S3, client: httpx.AsyncClient) -> None:
    key = new_key()
    await bucket.put(key, b"hello")
    url = bucket.get_url("GET", key, PICTURE)
    answer = await client.get(url, headers={"Range": "bytes=1-3"})
    assert (answer.status_code, answer.content) == (206, b"ell")
    assert answer.headers["content-range"] == "bytes 1-3/5"


async def test_a_head_has_a_url_of_its_own(bucket: S3, client: httpx.AsyncClient) -> None:
    key = new_key()
    await bucket.put(key, b"hello")
    answer = await client.head(bucket.get_url("HEAD", key, PICTURE))
    assert (answer.status_code, answer.headers["content-length"]) == (200, "5")
    assert answer.headers["content-type"] == "image/png"


async def test_nothing_opens_without_a_signature_or_with_another(
    bucket: S3, client: httpx.AsyncClient
) -> None:
    key, other = new_key(), new_key()
    await bucket.put(key, b"hello")
    await bucket.put(other, b"other")
    url = httpx.URL(bucket.get_url("GET", key, PICTURE))
    assert (await client.get(url)).status_code == 200
    bad = [
        url.copy_with(query=None),
        url.copy_with(path=url.path.replace(key, other)),
        url.copy_with(path=url.path.replace(key, "")),
        url.copy_set_param("X-Amz-Expires", "604800"),
        url.copy_set_param("response-content-type", "text/html"),
        url.copy_set_param("X-Amz-Signature", "0" * 64),
    ]
    for changed in bad:
        answer = await client.get(changed)
        assert answer.status_code == 403, changed
    assert (await client.put(url, content=b"mine!")).status_code == 403
    assert (await client.delete(url)).status_code == 403
    assert await bucket.read(key) == b"hello"


async def test_a_url_expires(
    bucket: S3, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_key()
    await bucket.put(key, b"hello")
    now = time.time()
    for age, status in ((2_600, 200), (4_600, 403)):
        monkeypatch.setattr(s3, "time", SimpleNamespace(time=lambda age=age: now - age))
        answer = await client.get(bucket.get_url("GET", key, PICTURE))
        assert answer.status_code == status


async def test_a_url_stays_the_same_for_a_while(
    bucket: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Browsers show again what they fetched by it, and fetch it by another afterwards."""
    urls = []
    for now in (900_000, 900_899, 900_900):
        monkeypatch.setattr(s3, "time", SimpleNamespace(time=lambda now=now: now))
        urls.append(bucket.get_url("GET", "ab" * 16, PICTURE))
    assert urls[0] == urls[1] != urls[2]


async def test_an_upload_has_the_size_that_was_declared(
    bucket: S3, client: httpx.AsyncClient, keys: Callable[[], list[str]]
) -> None:
    key = new_key(UPLOADS)
    url = bucket.put_url(key, 5, 60)
    for wrong in (b"", b"hell", b"hello!", stream(b"hello"), b"x" * 1_000_000):
        answer = await client.put(url, content=wrong)
        assert answer.status_code in (403, 411)
    assert keys() == []
    for data in (b"hello", b"again"):
        answer = await client.put(url, content=data, headers={"Content-Type": "image/png"})
        assert answer.status_code == 200
        assert await bucket.read(key) == data


async def test_an_upload_url_lets_nothing_else_through(
    bucket: S3, client: httpx.AsyncClient
) -> None:
    key, other = new_key(UPLOADS), new_key()
    await bucket.put(key, b"hello")
    url = httpx.URL(bucket.put_url(key, 5, 60))
    assert (await client.get(url)).status_code == 403
    elsewhere = url.copy_with(path=url.path.replace(key, other))
    assert (await client.put(elsewhere, content=b"hello")).status_code == 403
    assert (await client.put(url, content=b"hello")).status_code == 200


async def test_no_upload_is_offered_for_longer_than_a_server_takes(bucket: S3) -> None:
    assert f"X-Amz-Expires={MAX_VALIDITY}&" in bucket.put_url(
        new_key(UPLOADS), 5, 10 * MAX_VALIDITY
    )
    assert "X-Amz-Expires=1&" in bucket.put_url(new_key(UPLOADS), 5, 0.2)


async def test_clients_use_the_public_endpoint(seaweed: Seaweed, client: httpx.AsyncClient) -> None:
    async with FaultProxy(seaweed.port) as outside:
        public = f"http://localhost:{outside.port}"
        url = seaweed.url_of("outside", public_endpoint=public)
        async with opened(url) as bucket:
            key, upload = new_key(), new_key(UPLOADS)
            await outside.refuse()
            await bucket.put(key, b"hello")  # not through there
            await outside.heal()
            link, offer = bucket.get_url("GET", key, PICTURE), bucket.put_url(upload, 5, 60)
            assert link.startswith(f"{public}/outside/{key}?")
            assert (await client.get(link)).content == b"hello"
            assert offer.startswith(f"{public}/outside/{upload}?")
            assert (await client.put(offer, content=b"hello")).status_code == 200


def test_the_signature_is_that_of_the_specification() -> None:
    """The example in Amazon's own documentation."""
    signer = Signer(
        "https://examplebucket.s3.amazonaws.com/",
        fixed_credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        "us-east-1",
    )
    url = signer.url("GET", "test.txt", 86_400, at=1_369_353_600)
    signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    assert url.endswith(f"&X-Amz-Signature={signature}")


@pytest.mark.parametrize(
    ("host", "region", "base"),
    [
        ("127.0.0.1:9000", None, "http://127.0.0.1:9000/photos/"),
        ("minio.lan:80", None, "http://minio.lan/photos/"),
        ("s3.amazonaws.com", "eu-west-3", "https://photos.s3.eu-west-3.amazonaws.com/"),
        ("a.r2.cloudflarestorage.com", "auto", "https://a.r2.cloudflarestorage.com/photos/"),
    ],
)
async def test_a_bucket_is_addressed_as_its_server_likes(
    host: str, region: str | None, base: str
) -> None:
    secure = str(base.startswith("https")).lower()
    bucket = S3(f"s3://K:S@{host}/photos?secure={secure}" + (f"&region={region}" if region else ""))
    assert bucket.get_url("GET", "ab" * 16, {}).startswith(base + "ab" * 16)
    await bucket.aclose()


# ---------------------------------------------------------------- pages of other origins


async def preflight(client: httpx.AsyncClient, url: str) -> bool:
    """Whether a browser would go on to PUT."""
    asked = {
        **ELSEWHERE,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = await client.options(url, headers=asked)
    said = answer.headers.get("Access-Control-Allow-Origin")
    return answer.status_code in (200, 204) and said in ("*", ELSEWHERE["Origin"])


async def test_a_page_may_upload_and_show(bucket: S3, client: httpx.AsyncClient) -> None:
    key = new_key(UPLOADS)
    url = bucket.put_url(key, 5, 60)
    assert await preflight(client, url)
    kind = {"Content-Type": "image/png"}
    answer = await client.put(url, content=b"hello", headers=ELSEWHERE | kind)
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", ELSEWHERE["Origin"])
    redirected = {"Origin": "null"}  # what a page's fetch says after a redirect from the app
    answer = await client.get(bucket.get_url("GET", key, PICTURE), headers=redirected)
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", "null")


async def test_a_bucket_without_rules_gets_some(strict: Seaweed, client: httpx.AsyncClient) -> None:
    url = strict.url
    name = urlsplit(url).path.strip("/")
    strict.client().make_bucket(name)
    assert not await preflight(client, f"http://{strict.endpoint}/{name}/-")
    async with opened(url) as bucket:
        key = new_key(UPLOADS)
        assert await preflight(client, bucket.put_url(key, 5, 60))
        answer = await client.put(bucket.put_url(key, 5, 60), content=b"hello", headers=ELSEWHERE)
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] in ("*", ELSEWHERE["Origin"])


async def test_an_operator_s_own_rules_are_left_alone(
    strict: Seaweed, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    url = strict.url
    async with opened(url) as bucket:
        address = bucket.client.inside.url("PUT", "", 60, query={"cors": ""})
        rules = (
            b"<CORSConfiguration><CORSRule><AllowedOrigin>https://mine.example</AllowedOrigin>"
            b"<AllowedMethod>PUT</AllowedMethod></CORSRule></CORSConfiguration>"
        )
        assert (await client.put(address, content=rules)).status_code == 200
    assert "Browsers can't upload" not in caplog.text
    async with opened(url) as bucket:
        assert "Browsers can't upload files: allow PUT, GET and HEAD from any" in caplog.text
        kept = await client.get(bucket.client.inside.url("GET", "", 60, query={"cors": ""}))
        assert "https://mine.example" in kept.text


# ---------------------------------------------------------------- who is asked, and how


async def test_a_bucket_that_is_missing_is_made(seaweed: Seaweed) -> None:
    url = seaweed.url
    name = urlsplit(url).path.strip("/")
    assert not seaweed.client().bucket_exists(name)
    async with opened(url) as one, opened(url) as two:
        await one.put("ab" * 16, b"hello")
        assert await two.read("ab" * 16) == b"hello"


async def test_processes_that_start_together_make_one_bucket(seaweed: Seaweed) -> None:
    url = seaweed.url
    buckets = [S3(url) for _ in range(5)]
    await asyncio.gather(*(bucket.open() for bucket in buckets))
    await asyncio.gather(*(bucket.check() for bucket in buckets))
    for bucket in buckets:
        await bucket.aclose()


@pytest.mark.parametrize(
    ("key", "secret", "says"),
    [
        (KEY, "another", "the secret is wrong"),
        ("nobody", SECRET, "this key is unknown there"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"region": "us-east-1"}])
async def test_a_wrong_key_is_told_and_is_no_reason_not_to_start(
    seaweed: Seaweed,
    caplog: pytest.LogCaptureFixture,
    key: str,
    secret: str,
    says: str,
    options: dict[str, str],
) -> None:
    async with opened(of(seaweed, key, secret).url_of("mine", **options)) as bucket:
        assert f"The bucket mine at {seaweed.endpoint} can't be used: {says}" in caplog.text
        for attempt in (
            bucket.check(),
            bucket.put(new_key(), b"x"),
            bucket.read(new_key()),
            bucket.stat(new_key()),
            bucket.move(new_key(), new_key()),
            bucket.delete([new_key()]),
        ):
            with pytest.raises(BucketUnavailable, match=says):
                await attempt


async def test_a_key_needs_no_more_than_to_list_get_put_and_delete(
    sparing: Seaweed, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    few = of(sparing, "few")
    async with opened(few.url_of("theirs")) as bucket:
        upload, key = new_key(UPLOADS), new_key()
        assert (await client.put(bucket.put_url(upload, 5, 60), content=b"hello")).is_success
        await bucket.move(upload, key)
        assert await bucket.read(key) == b"hello"
        assert (await client.get(bucket.get_url("GET", key, PICTURE))).content == b"hello"
        await bucket.delete([key])
        await bucket.sweep(60)
        await bucket.check()
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("name", "says"),
    [("none", "there is none, and none can be made"), ("other", "this key may not do that")],
)
async def test_a_bucket_that_can_not_be_made_is_told(
    sparing: Seaweed, caplog: pytest.LogCaptureFixture, name: str, says: str
) -> None:
    few = of(sparing, "few")
    async with opened(few.url_of(name)) as bucket:
        sentence = f"The bucket {name} at {sparing.endpoint} can't be used: {says} (AccessDenied)."
        assert sentence in caplog.text
        with pytest.raises(BucketUnavailable, match=re.escape(sentence)):
            await bucket.check()
    assert not sparing.client().bucket_exists(name)


async def test_the_secret_is_in_no_log_and_no_error(
    seaweed: Seaweed, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = of(seaweed, KEY, "not-at-all-right")
    said = []
    for server, secret in ((seaweed, SECRET), (wrong, wrong.secret)):
        async with opened(server.url) as bucket:
            said += [
                repr(bucket),
                repr(bucket.place),
                str(bucket.place),
                repr(bucket.client.outside),
            ]
            said += [bucket.put_url(new_key(UPLOADS), 5, 60)]
            try:
                await bucket.put(new_key(), b"hello")
            except BucketUnavailable as error:
                said += ["".join(traceback.format_exception(error))]
        assert "urllib3" in caplog.text
        for form in (secret, quote(secret, safe="")):
            assert form not in caplog.text
            assert form not in "".join(said)
    assert "the secret is wrong" in said[-1]


# ---------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, by nobody but itself; its key is in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    host = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(host, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = signed.public_bytes(Encoding.PEM)
    pem += key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(pem)
    return path


@pytest.fixture(scope="module")
def tls_port(certificate: Path) -> Iterator[int]:
    port = free_port()
    files = [f"-s3.{part}.file={certificate}" for part in ("cert", "key")]
    for _ in running(lambda folder: ours(folder, f"-s3.port.https={port}", *files), "tls"):
        yield port


async def test_a_server_of_one_s_own_authority_is_trusted_when_it_is_named(
    seaweed: Seaweed, tls_port: int, certificate: Path
) -> None:
    us = of(seaweed, KEY, SECRET)
    url = us.url_of("secret", tls_port, secure="true", ca=str(certificate))
    async with opened(url) as bucket:
        await bucket.put("ab" * 16, b"hello")
        assert await bucket.read("ab" * 16) == b"hello"
        trust = ssl.create_default_context(cafile=str(certificate))
        async with httpx.AsyncClient(verify=trust, trust_env=False) as client:
            url = bucket.get_url("GET", "ab" * 16, PICTURE)
            assert url.startswith(f"https://127.0.0.1:{tls_port}/secret/")
            assert (await client.get(url)).content == b"hello"


async def test_it_may_be_named_by_the_variable_that_names_it_for_all(
    seaweed: Seaweed, tls_port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    us = of(seaweed, KEY, SECRET)
    async with opened(us.url_of("secret", tls_port, secure="true")) as bucket:
        await bucket.put("cd" * 16, b"hello")
        assert await bucket.read("cd" * 16) == b"hello"


async def test_a_server_of_an_unknown_authority_is_not_trusted(
    seaweed: Seaweed, tls_port: int
) -> None:
    us = of(seaweed, KEY, SECRET)
    async with opened(us.url_of("secret", tls_port, secure="true")) as bucket:
        with pytest.raises(BucketUnavailable, match="certificate verify failed"):
            await bucket.put("ab" * 16, b"hello")


# ---------------------------------------------------------------- leftovers


async def test_what_was_put_after_its_upload_was_over_is_swept(
    seaweed: Seaweed, client: httpx.AsyncClient, keys: Callable[[], list[str]], bucket: S3
) -> None:
    late, kept = new_key(UPLOADS), new_key()
    await bucket.put(late, b"hello")
    await bucket.put(kept, b"hello")
    name = bucket.place.bucket
    theirs = "uploads/of somebody else"
    seaweed.client().put_object(name, theirs, BytesIO(b"x"), 1)
    await bucket.sweep(60)
    assert keys() == sorted([late, kept, theirs])
    async with opened(seaweed.url_of(name)) as one, opened(seaweed.url_of(name)) as two:
        await asyncio.gather(one.sweep(-60), two.sweep(-60))  # as seen a minute from now
        assert keys() == sorted([kept, theirs])
        await bucket.put(late, b"hello")
        await one.sweep(-60)
        assert late in keys(), "the list is asked for once an hour"


# ---------------------------------------------------------------- by URL


FORM = "a bucket is written s3://KEY:SECRET@host/bucket"


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        ("", FORM),
        ("/bucket", FORM),
        ("//KEY@host/bucket", FORM),
        ("//KEY:@host/bucket", FORM),
        ("//:SECRET@host/bucket", FORM),
        ("//KEY:SEC/RET@host/bucket", FORM),
        ("//KEY:SEC#RET@host/bucket", FORM),
        ("//KEY:SECRET@/bucket", FORM),
        ("//KEY:SECRET@host:port/bucket", FORM),
        ("//KEY:SECRET@ho st/bucket", FORM),
        ("//KEY:SECRET@[::1/bucket", FORM),
        ("//KEY:SECRET@host/bucket#part", FORM),
        ("//KEY:SECRET@host", "the bucket's name is"),
        ("//KEY:SECRET@host/", "the bucket's name is"),
        ("//KEY:SECRET@host/a", "the bucket's name is"),
        ("//KEY:SECRET@host/Bucket", "the bucket's name is"),
        ("//KEY:SECRET@host/bucket/folder", "the bucket's name is"),
        ("//KEY:SEC?RET@host/bucket", FORM),
        ("//KEY:SECRET@host/bucket?SECRET", "after the ? there may be"),
        ("//KEY:SECRET@host/bucket?secret=SECRET", "after the ? there may be"),
        ("//KEY:SECRET@host/bucket?region=a;SECRET", "region is a name"),
        ("//KEY:SECRET@host/bucket?secure=SECRET", "secure is true"),
        ("//KEY:SECRET@host/bucket?region=SECRET/", "region is a name"),
        ("//KEY:SECRET@host/bucket?public_endpoint=SECRET", "public_endpoint is an address"),
        ("//KEY:SECRET@host/bucket?public_endpoint=http://a/SECRET", "public_endpoint is an addr"),
        ("//KEY:SECRET@host/bucket?ca=/SECRET", "ca names no file of certificates"),
    ],
)
def test_a_url_that_names_no_bucket_is_refused_in_a_sentence(rest: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"attachments.url: {says}")) as error:
        bucket_of(f"s3:{rest}")
    told = "".join(traceback.format_exception_only(error.value))
    assert "SEC" not in told.replace("s3://KEY:SECRET@host/bucket", "").replace(
        "KEY and SECRET", ""
    )


def test_what_is_not_said_is_safe() -> None:
    plain = place_of("s3://a%2Fb:c%3Ad%40e@host/photos")
    assert (plain.key, plain.secret) == ("a/b", "c:d@e")
    assert plain.endpoint == plain.public == S3Endpoint("host", True)
    assert (plain.region, plain.ca) == (None, None)
    url = "S3://k:s@[::1]:9000/photos/?secure=false&public_endpoint=https://files.example.com/"
    other = place_of(url + "&region=eu-west-3&ca=/my%20ca.pem")
    assert other.endpoint == S3Endpoint("[::1]:9000", False)
    assert other.public == S3Endpoint("files.example.com", True)
    assert (other.bucket, other.region, other.ca) == ("photos", "eu-west-3", "/my ca.pem")
