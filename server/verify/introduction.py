"""Before a run: whether there is a roomcast at the URL, and who the tokens are of."""

import ssl
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from ...client import AsyncChat, ClientError
from .account import Account, CannotVerify, detail_of, object_of
from .stage import Deployment

TOKEN_LIFETIME = 3_600  # seconds
PATH_HINT = "If the chat is mounted in a site, URL ends with its path."


def parse_base(url: str) -> str:
    """Return the URL without the slash at its end. Raises ValueError with a sentence."""
    example = f"write it like https://chat.example.com or https://www.example.com/chat, not {url!r}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL) as error:
        raise ValueError(f"URL is malformed ({error}): {example}.") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"URL must start with http:// or https://: {example}.")
    if not host or port == 0 or any(letter.isspace() for letter in url):
        raise ValueError(f"URL has no host, port 0, or a space: {example}.")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(f"URL has a query, a fragment or a user: {example}.")
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def tls_of(base: str, *, insecure: bool) -> ssl.SSLContext | None:
    if not base.startswith("https:"):
        return None
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def open_site(
    base: str, key: str, timeout: float, tls: ssl.SSLContext | None, retries: int = 3
) -> AsyncChat:
    """Open a client of the server API, with the same TLS options."""
    transport = httpx.AsyncHTTPTransport(verify=True if tls is None else tls)
    return AsyncChat(base, key, timeout=timeout, transport=transport, retries=retries)


@asynccontextmanager
async def two_users(
    base: str, key: str, limit: float, tls: ssl.SSLContext | None
) -> AsyncIterator[list[str]]:
    """Yield tokens of two new users, whose data is erased afterwards. Raises CannotVerify."""
    async with httpx.AsyncClient(timeout=limit, verify=True if tls is None else tls) as http:
        await read_config(base, http)
    users = [f"verify-{name}-{uuid.uuid4().hex[:12]}" for name in ("ada", "bob")]
    async with open_site(base, key, limit, tls) as chat:
        try:
            tokens = [(await chat.create_token(user, ttl=TOKEN_LIFETIME)).token for user in users]
        except ClientError as error:
            raise CannotVerify(f"The server API of {base} makes no users: {error}") from None
        try:
            yield tokens
        finally:
            for user in users:
                await chat.erase_user(user)


async def read_config(base: str, http: httpx.AsyncClient) -> dict[str, Any]:
    """Return the public `chat/config/`, or {} of a roomcast that has none. Raises CannotVerify."""
    answer = await _get(base, http, "chat/config/")
    if answer.status_code >= 500:
        raise CannotVerify(f"{base} answers {answer.status_code}: {detail_of(answer)}")
    if answer.is_redirect:
        target = urljoin(str(answer.url), answer.headers.get("location", ""))
        raise CannotVerify(
            f"{base} redirects to {target.partition('/api/v1/')[0]}: give the address that "
            "answers by itself."
        )
    shown = object_of(answer)
    if answer.status_code == 404 and shown.get("code") == "not_found" and "detail" in shown:
        return {}
    if answer.status_code != 200 or not isinstance(shown.get("limits"), dict):
        raise CannotVerify(
            f"There is no roomcast at {base}: GET {answer.url.path} answers "
            f"{answer.status_code}, {detail_of(answer)} {PATH_HINT}"
        )
    return shown


async def introduce(deployment: Deployment, needed: float) -> None:
    """Ask who the two users are. Raises CannotVerify if they can't be used for a run.

    `needed` is how long their tokens must be valid, in seconds.
    """
    for account, which in ((deployment.ada, "first"), (deployment.bob, "second")):
        answer = await _get(deployment.base, account.http, "chat/me/", account.token)
        if answer.status_code in (401, 403):
            detail = detail_of(answer)
            raise CannotVerify(f"{deployment.base} refuses the {which} token: {detail}")
        if answer.status_code == 404:  # a server that has no chat/me/
            answer = await _get(deployment.base, account.http, "chat/export/", account.token)
        shown = object_of(answer)
        if answer.status_code != 200 or "user_id" not in shown:
            raise CannotVerify(
                f"{deployment.base} does not say whose the {which} token is: "
                f"{answer.status_code}, {detail_of(answer)} {PATH_HINT}"
            )
        account.set_identity(shown)
        _check_lifetime(account, needed)
    if deployment.config.get("features", {}).get("open_rooms") is False:
        raise CannotVerify(
            'Only the site opens rooms here: verify needs rooms.open_by = "members".'
        )
    if deployment.ada.user_id == deployment.bob.user_id:
        raise CannotVerify("Both tokens are of the same user; two users are needed.")


async def _get(base: str, http: httpx.AsyncClient, path: str, token: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        return await http.get(f"{base}/api/v1/{path}", headers=headers)
    except httpx.TimeoutException:
        raise CannotVerify(f"{base} does not answer within {http.timeout.read:g} s.") from None
    except httpx.HTTPError as error:
        raise CannotVerify(f"{base} does not answer: {error or type(error).__name__}") from None


def _check_lifetime(account: Account, needed: float) -> None:
    """Raise CannotVerify for a token that expires before the run has ended."""
    if account.expires_at is None:
        return
    left = account.expires_at - time.time()
    if left < needed:
        raise CannotVerify(
            f"The token of user {account.user_id} expires in {left:.0f} s, and a run may take "
            f"{needed:.0f} s."
        )
