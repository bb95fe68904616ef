"""Tests run on a real Valkey and on a real PostgreSQL, directly or through a faulty network."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import NameOID
from roomcast.realtime.brokers import Backend, Unreachable, backend, backend_of

from ..engines import Engine
from ..engines.proxy import FaultProxy

LOCALHOST = ip_address("127.0.0.1")
Opened = Callable[..., AbstractAsyncContextManager[Backend]]


@pytest.fixture(params=["valkey", "postgres"])
def server(request: pytest.FixtureRequest) -> Engine:
    engine: Engine = request.getfixturevalue(request.param)
    return engine


@pytest.fixture
def mortal(server: Engine) -> Engine:
    """A server that may be killed, and set up as the test likes."""
    if not server.is_ours:
        pytest.skip("this server is not ours to touch")
    return server


class Authority:
    """A certificate for this machine that nobody else trusts."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "authority.pem"
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests of roomcast")])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
        builder = builder.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
        names = x509.SubjectAlternativeName([x509.IPAddress(LOCALHOST)])
        authority = x509.BasicConstraints(ca=True, path_length=None)
        builder = builder.add_extension(names, critical=False)
        builder = builder.add_extension(authority, critical=True)
        self.both = folder / "both.pem"
        certificate = builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.path.write_bytes(certificate)
        self.both.write_bytes(private + certificate)

    def context(self, *protocols: str) -> ssl.SSLContext:
        """For the server's side."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.both)
        context.set_alpn_protocols(list(protocols))
        return context


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def proxy(server: Engine) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(server.port, server.host) as proxy:
        yield proxy


@pytest.fixture
def opened(server: Engine) -> Opened:
    """`async with opened() as broker`: connected, and gone without a trace afterwards."""

    @asynccontextmanager
    async def connected(url: str = server.url) -> AsyncIterator[Backend]:
        is_first = not tasks_of_brokers()
        broker = backend_of(url)
        await broker.connect()
        try:
            yield broker
        finally:
            await broker.disconnect()
        assert not (is_first and tasks_of_brokers())
        with pytest.raises(Unreachable):
            await broker.publish("room:1", "too late")

    return connected


def tasks_of_brokers() -> list[str]:
    folder = str(Path(backend.__file__).parent)
    codes = [task.get_coro().cr_code for task in asyncio.all_tasks()]
    return [code.co_name for code in codes if code.co_filename.startswith(folder)]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is noticed in a tenth of the time."""
    monkeypatch.setattr(backend, "CHECK_INTERVAL", backend.CHECK_INTERVAL / 10)
