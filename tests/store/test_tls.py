"""A PostgreSQL that speaks TLS, as those elsewhere do: asked for, and its certificate checked."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from roomcast.realtime.brokers import backend_of
from roomcast.store.store import CannotOpen, Store

from ..brokers.conftest import Authority, authority
from ..engines import humble
from ..engines.fixtures import running
from ..engines.postgres import FAST, Postgres, binaries

__all__ = ["authority"]  # a fixture

CERTIFIED = "certified"  # the database for which a client needs a certificate
TLS = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"


class Secret(Postgres):
    """It takes connections by TLS alone."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        super().__init__(folder)
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        key.write_bytes(authority.both.read_bytes())
        key.chmod(0o600)
        certificate.write_bytes(authority.path.read_bytes())
        humble(folder)
        files = {"ssl_key_file": str(key), "ssl_cert_file": str(certificate)}
        files["ssl_ca_file"] = str(certificate)  # by which those of clients are checked
        self.settings = FAST | {"ssl": "on"} | files
        rules = self.data / "pg_hba.conf"
        known = f"hostssl {CERTIFIED} all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n"
        rules.write_text(known + rules.read_text().replace("\nhost ", "\nhostssl "))


@pytest.fixture(scope="module")
def secret(authority: Authority) -> Iterator[Postgres]:
    def find(folder: Path) -> Postgres:
        binaries()
        return Secret(folder, authority)

    yield from running(find, "secret")


async def by_tls(url: str) -> bool:
    store = Store(url)
    await store.open()
    try:
        return bool(await store.read(lambda db: db.fetch_val(TLS)))
    finally:
        await store.aclose()


async def test_tls_is_spoken_where_the_url_asks_for_it(secret: Postgres) -> None:
    assert await by_tls(secret.create_database() + "?ssl=require")


async def test_without_tls_nothing_is_said(secret: Postgres) -> None:
    with pytest.raises(CannotOpen, match="no encryption"):
        await by_tls(secret.create_database() + "?ssl=disable")


async def test_a_certificate_is_checked_against_an_authority(
    secret: Postgres, authority: Authority, tmp_path: Path
) -> None:
    url = secret.create_database()

    def checked_by(authority: Authority) -> str:
        return f"{url}?{urlencode({'ssl': 'verify-full', 'sslrootcert': str(authority.path)})}"

    assert await by_tls(checked_by(authority))
    with pytest.raises(CannotOpen, match="certificate verify failed"):
        await by_tls(checked_by(Authority(tmp_path)))


async def test_a_certificate_of_the_client_is_shown(secret: Postgres, authority: Authority) -> None:
    secret.execute(f"create database {CERTIFIED}")
    url = secret.url_of(CERTIFIED)
    files = {"sslcert": str(authority.path), "sslkey": str(authority.both)}
    with pytest.raises(CannotOpen, match="requires a valid client certificate"):
        await by_tls(f"{url}?sslmode=require")
    assert await by_tls(f"{url}?{urlencode({'sslmode': 'require', **files})}")
    checked = {"sslmode": "verify-full", "sslrootcert": str(authority.path), **files}
    broker = backend_of(f"{url}?{urlencode(checked)}")
    await broker.connect()
    await broker.check()
    await broker.disconnect()
