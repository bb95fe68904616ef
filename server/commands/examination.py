"""Examines the engines of the settings, and says how to correct what is wrong."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import msgspec

from ...auth.authenticator import Authenticator
from ...auth.keys import keys_in
from ...auth.tls import explain_failure
from ...integrations.webhook import DeliveryFailed, Webhook
from ...realtime.brokers import Unreachable, backend_of
from ...settings import AuthSettings, BadSetting, Issuer, Settings
from ...store.diagnostics import objects as place
from ...store.diagnostics.database import diagnose
from ...store.diagnostics.finding import Finding

EXAMINE_TIMEOUT = 5.0  # seconds for each examination
ANSWER_TIMEOUT = 2.0  # seconds, as long as the server waits for the keys of others
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1", "[::1]")

TIMEOUT_FINDINGS = {
    "broker": ": correct broadcast.url, which leads to the server itself, not to a pooler",
    "attachments": ": check the bucket of attachments.url, and the network to it",
    "auth": "",
    "server": "",
    "webhooks": ": check the host name in webhooks.url",
}

Findings = Callable[[Settings], Awaitable[list[Finding]]]


async def examine(settings: Settings, secret_file: Path) -> AsyncIterator[tuple[str, Finding]]:
    """Yield findings, each with its part. No sentence contains a secret."""
    alone = settings.broadcast.url.startswith("memory:")
    async for finding in diagnose(settings.database.url, alone=alone):
        yield "database", finding
    parts: list[tuple[str, Findings]] = [
        ("broker", _of_broker),
        ("attachments", _of_place),
        ("auth", lambda settings: _of_auth(settings.auth, secret_file)),
        ("server", _of_server),
        ("webhooks", _of_webhooks),
    ]
    for part, examine_part in parts:
        for finding in await _in_time(part, examine_part, settings):
            yield part, finding


async def _in_time(part: str, examine_part: Findings, settings: Settings) -> list[Finding]:
    try:
        async with asyncio.timeout(EXAMINE_TIMEOUT):
            return await examine_part(settings)
    except TimeoutError:
        return [
            Finding(
                "late",
                False,
                f"It did not end within {EXAMINE_TIMEOUT:.0f} s{TIMEOUT_FINDINGS[part]}.",
            )
        ]


async def _of_broker(settings: Settings) -> list[Finding]:
    url, workers = settings.broadcast.url, settings.server.workers
    if url.startswith("memory:"):
        if workers == 1:
            return [Finding("memory", True, "One process needs no broker: memory:// is enough.")]
        advice = "set broadcast.url to redis://… or postgresql://…, or server.workers = 1"
        return [Finding("memory", False, f"{workers} processes need a broker: {advice}.")]
    try:
        broker = backend_of(url)
        await broker.connect()
        try:
            began = time.perf_counter()
            await broker.check()
            took = (time.perf_counter() - began) * 1000
        finally:
            await broker.disconnect()
    except Unreachable as error:
        advice = "Start it, or correct broadcast.url."
        return [Finding("reachable", False, f"{error} {advice}")]
    except (ValueError, OSError) as error:  # a wrong option, or a file that an option names
        sentence = f"broadcast.url can't be used ({type(error).__name__}): see its options."
        return [Finding("reachable", False, sentence)]
    return [Finding("reachable", True, f"A published message returns in {took:.2f} ms.")]


async def _of_place(settings: Settings) -> list[Finding]:
    try:
        return await place.examine(settings.attachments.url)
    except ValueError as error:
        return [Finding("url", False, str(error))]


# ---------------------------------------------------------------- authentication


async def _of_auth(auth: AuthSettings, secret_file: Path) -> list[Finding]:
    try:
        auth = await asyncio.to_thread(_with_secret, auth, secret_file)
        if auth.wants_secret:
            return [Finding("keys", True, f"serve will write a secret to {secret_file}.")]
        Authenticator(Settings(auth=auth))
    except BadSetting as error:
        return [Finding("keys", False, str(error))]
    except (OSError, UnicodeDecodeError):
        return [Finding("keys", False, f"{secret_file} can't be read: check its owner and mode.")]
    named = {"auth": auth} | {f"auth.issuers[{n}]": one for n, one in enumerate(auth.issuers)}
    published = [await _published(one, where) for where, one in named.items() if one.jwks_url]
    return published or [Finding("keys", True, "Tokens can be checked.")]


def _with_secret(auth: AuthSettings, file: Path) -> AuthSettings:
    """Return the settings with the secret of the file, which `serve` also reads."""
    if not (auth.wants_secret and file.exists()):
        return auth
    return msgspec.structs.replace(auth, secret=file.read_text("utf-8").strip())


async def _published(issuer: Issuer, where: str) -> Finding:
    host = httpx.URL(issuer.jwks_url).host
    try:
        async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT) as client:
            answer = await client.get(issuer.jwks_url)
        answer.raise_for_status()
        keys = keys_in(answer.content, issuer.algorithms)
    except httpx.HTTPStatusError as error:
        why = f"answers with {error.response.status_code}"
    except httpx.HTTPError as error:
        why = f"can't be reached ({explain_failure(error)})"
    except ValueError as error:
        why = f"has no keys for us ({error})"
    else:
        return Finding("jwks", True, f"{host} has {len(keys)} keys that fit.")
    return Finding("jwks", False, f"{host} {why}: tokens are refused. Correct {where}.jwks_url.")


async def _of_server(settings: Settings) -> list[Finding]:
    server = settings.server
    if server.public_url:
        return [Finding("public", True, f"Links start with {server.public_url}.")]
    sentence = "Links start with the host that each request came to"
    if server.host in LOOPBACK_HOSTS:
        sentence += "; behind a proxy, set server.public_url"
    return [Finding("public", True, f"{sentence}.")]


async def _of_webhooks(settings: Settings) -> list[Finding]:
    if not settings.webhooks.url:
        return []
    try:
        addresses = await Webhook(settings.webhooks).addresses()
    except DeliveryFailed as error:
        return [Finding("address", False, f"{error}.")]
    except OSError as error:
        sentence = f"webhooks.url leads nowhere ({error.strerror}): correct it."
        return [Finding("address", False, sentence)]
    return [Finding("address", True, f"Events go to {addresses[0]}.")]
