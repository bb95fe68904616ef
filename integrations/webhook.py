"""Webhooks: events POSTed to a server of the site, signed."""

import asyncio
import base64
import hashlib
import hmac
import socket
import time
from ipaddress import ip_address

import httpx
import msgspec

from ..auth.tls import tls_context, unlogged
from ..settings import Webhooks
from .host_events import HostEvent
from .public_address import is_public


class DeliveryFailed(Exception):
    """The webhook's server did not accept an event; the text is the reason."""


class Webhook:
    """POSTs events, signed as the Standard Webhooks specification has it (version 1.0.0)."""

    def __init__(self, options: Webhooks) -> None:
        self._options = options
        self._key = key_of(options.secret)
        self._client: httpx.AsyncClient | None = None

    async def __call__(self, event: HostEvent) -> None:
        """Raises DeliveryFailed, or what httpx raises."""
        body = msgspec.json.encode(event)
        url = httpx.URL(self._options.url)
        headers = {"Host": url.netloc.decode(), "Content-Type": "application/json"}
        headers |= signed(self._key, event.id, int(time.time()), body)
        *others, last = await self.addresses()
        for address in (*others, last):
            request = self._http.build_request(
                "POST",
                url.copy_with(host=address),
                content=body,
                headers=headers,
                extensions={"sni_hostname": url.host},
            )
            try:
                with unlogged():
                    answer = await self._http.send(request, stream=True)
                break
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if address == last:
                    raise
        await answer.aclose()  # its content does not matter, and may be endless
        if not answer.is_success:
            raise DeliveryFailed(f"{_shown(url)} answered {answer.status_code}")

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    @property
    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                timeout=self._options.timeout, trust_env=False, verify=tls_context()
            )
        return self._client

    async def addresses(self) -> list[str]:
        """Resolve the URL's host once and check every address.

        Raises DeliveryFailed for a private one. The addresses are used as they are, because a
        second lookup of the name may return others.
        """
        url = httpx.URL(self._options.url)
        port = url.port or (443 if url.scheme == "https" else 80)
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
        for address in addresses:
            if not (self._options.allow_private or is_public(ip_address(address))):
                raise DeliveryFailed(
                    f"{url.host} is {address}, a private address: webhooks.allow_private lets it be"
                )
        return addresses


def _shown(url: httpx.URL) -> str:
    """Return the address without its query and password, which may be secret."""
    return str(url.copy_with(query=None, fragment=None, username=None, password=None))


def key_of(secret: str) -> bytes:
    """Return the bytes of a secret: `whsec_` and base64, or any text."""
    if secret.startswith("whsec_"):
        return base64.b64decode(secret.removeprefix("whsec_"))
    return secret.encode()


def signed(key: bytes, id_: str, at: int, body: bytes) -> dict[str, str]:
    """Return the headers that prove who sent this body, and when (seconds since 1970)."""
    content = f"{id_}.{at}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{signature}",
    }
