"""An S3 server: the one of TEST_S3_ENDPOINT, or SeaweedFS as found on this machine or in the wheel."""

import os
import secrets
import shutil
import sys
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from socket import create_server
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from minio import Minio
from minio.error import MinioException
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from . import Engine, Missing

KEY, SECRET = "the+tests", "only/for+the tests"


class Seaweed(Engine):
    """Its objects survive `stop` and `kill`. Buckets are made by who uses them."""

    is_secure = False

    def __init__(self, folder: Path, *options: str) -> None:
        super().__init__(folder)
        self.key, self.secret = KEY, SECRET
        self._others = free_ports(8)
        self._options = options

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
        names = ["master", "master.port.grpc", "volume", "volume.port.grpc"]
        return [binary(), "-logtostderr", "mini", *self._flags(), *self._options]

    def _flags(self) -> list[str]:
        """All on loopback; it tells nobody of itself, and leaves nothing outside of its folder."""
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        here = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"]
        off = ["-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false"]
        names = ("master", "volume", "filer", "admin")
        wanted = [f"{name}.port{kind}" for name in names for kind in ("", ".grpc")]
        ports = [f"-{name}={port}" for name, port in zip(wanted, self._others, strict=True)]
        ...
