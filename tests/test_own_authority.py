"""SSL_CERT_FILE names the authority of one's own for every outgoing call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import create_server

import httpx
import pytest
import uvicorn
from roomcast.auth.authenticator import Authenticator
from roomcast.integrations.webhook import Webhook
from roomcast.protocol.errors import Unauthenticated
from roomcast.server.commands.examination import examine
from roomcast.settings import AuthSettings, Settings, Webhooks
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from .brokers.conftest import Authority, authority
from .inside import serving
from .test_webhooks import CREATED
from .tokens import P256, jwk, token

__all__ = ["authority"]  # a fixture


@asynccontextmanager
async def site_by_tls(authority: Authority) -> AsyncIterator[tuple[str, list[str]]]:
    """A site with a certificate of this authority: its address, and the types of its events."""
    told: list[str] = []

    async def hook(request: Request) -> JSONResponse:
        told.append((await request.json())["type"])
        return JSONResponse({})

    async def keys(request: Request) -> JSONResponse:
        return JSONResponse({"keys": [jwk(P256)]})

    app = Starlette(routes=[Route("/hook", hook, methods=["POST"]), Route("/keys", keys)])
    config = uvicorn.Config(
        app,
        log_config=None,
        lifespan="off",
        ssl_certfile=str(authority.both),
        ssl_keyfile=str(authority.both),
    )
    listening = create_server(("127.0.0.1", 0))
    async with serving(config, listening):
        yield f"https://127.0.0.1:{listening.getsockname()[1]}", told


@pytest.fixture(params=["named", "unknown"])
def is_trusted(
    request: pytest.FixtureRequest, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> bool:
    if request.param == "named":
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    else:
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    return bool(request.param == "named")


async def test_a_webhook_reaches_a_site_of_ones_own_authority(
    is_trusted: bool, authority: Authority
) -> None:
    async with site_by_tls(authority) as (site, told):
        hook = Webhook(Webhooks(url=f"{site}/hook", secret="s" * 32, allow_private=True))
        try:
            if is_trusted:
                await hook(CREATED)
                assert told == ["room_created"]
            else:
                with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                    await hook(CREATED)
        finally:
            await hook.aclose()


def published(site: str) -> AuthSettings:
    return AuthSettings(jwks_url=f"{site}/keys", algorithms=("ES256",), audience="chat")


async def test_keys_are_fetched_from_an_issuer_of_ones_own_authority(
    is_trusted: bool, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    async with site_by_tls(authority) as (site, _):
        by = Authenticator(Settings(auth=published(site)))
        await by.open()
        signed = token(P256, "ES256", aud="chat")
        if is_trusted:
            assert (await by.verify(signed)).user_id == "2"
        else:
            with pytest.raises(Unauthenticated):
                await by.verify(signed)
            assert "CERTIFICATE_VERIFY_FAILED" in caplog.text
        await by.aclose()


async def test_doctor_trusts_as_the_server_does(
    is_trusted: bool, authority: Authority, tmp_path: Path
) -> None:
    async with site_by_tls(authority) as (site, _):
        settings = Settings(auth=published(site))
        found = [f async for part, f in examine(settings, tmp_path / "secret") if part == "auth"]
    assert [f.ok for f in found] == [is_trusted], found
    assert is_trusted or "CERTIFICATE_VERIFY_FAILED" in found[0].sentence
