"""Chat and AsyncChat: the server API for sites in Python, management commands and workers."""

import asyncio
import functools
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

import httpx

from . import server_calls as calls
from .backoff import Backoff
from .errors import ChatError, ServerUnreachable
from .records import Record, UserId
from .server_calls import ServerCall

P = ParamSpec("P")
T = TypeVar("T")

REQUEST_TIMEOUT = 10.0  # seconds for one answer
MAX_RETRIES = 3  # attempts after the first one
MAX_RETRY_AFTER = 60.0  # seconds; a refusal that asks for more is raised at once
RETRIED_STATUSES = frozenset({429, 502, 503, 504})


def _blocking(
    build: Callable[P, ServerCall[T]],
) -> "Callable[Concatenate[Chat, P], T]":
    """Return a method of Chat that makes this call and waits for its answer."""

    @functools.wraps(build)
    def method(self: "Chat", *args: P.args, **kwargs: P.kwargs) -> T:
        return self.call(build(*args, **kwargs))

    return cast("Callable[Concatenate[Chat, P], T]", method)


def _awaited(
    build: Callable[P, ServerCall[T]],
) -> "Callable[Concatenate[AsyncChat, P], Coroutine[Any, Any, T]]":
    """Return a method of AsyncChat that makes this call."""

    @functools.wraps(build)
    async def method(self: "AsyncChat", *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.call(build(*args, **kwargs))

    return cast("Callable[Concatenate[AsyncChat, P], Coroutine[Any, Any, T]]", method)


class Chat:
    """The server API: `Chat("https://chat.example.com", key).post(4, "Hello")`.

    `url` is the address of the chat with its mount, `key` one of its `server_api.keys`. A call
    without an answer, or with a temporary refusal, is repeated up to `retries` times, and nothing
    is done twice. Raises ChatError for a refusal and ServerUnreachable without an answer.
    `transport` replaces the network, such as one of httpx for an app in the same process.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = REQUEST_TIMEOUT,
        retries: int = MAX_RETRIES,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(transport=transport, **_options(url, key, timeout))
        self._retries = retries

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the server."""
        self._http.close()

    def call(self, call: ServerCall[T]) -> T:
        """Make one call and read its answer."""
        tries = Tries(call, self._retries)
        while True:
            try:
                answer = self._http.request(**tries.request())
            except httpx.TransportError as error:
                time.sleep(tries.delay_after_error(error))
                continue
            if (delay := tries.delay_after(answer)) is None:
                return call.read(tries.body_of(answer))
            time.sleep(delay)

    def export_user(self, user: UserId) -> Iterator[Record]:
        """Stream all that is a user's, one record after the other; the last one is an `end`."""
        with self._http.stream("GET", calls.export_path(user)) as answer:
            if answer.status_code != 200:
                answer.read()
                raise error_of(answer)
            yield from (Record(json.loads(line)) for line in answer.iter_lines() if line)

    open_room = _blocking(calls.open_room)
    rooms = _blocking(calls.rooms)
    room = _blocking(calls.room)
    update_room = _blocking(calls.update_room)
    delete_room = _blocking(calls.delete_room)
    add_member = _blocking(calls.add_member)
    remove_member = _blocking(calls.remove_member)
    post = _blocking(calls.post)
    edit = _blocking(calls.edit)
    delete_message = _blocking(calls.delete_message)
    messages = _blocking(calls.messages)
    user = _blocking(calls.user)
    set_user = _blocking(calls.set_user)
    erase_user = _blocking(calls.erase_user)
    unread = _blocking(calls.unread)
    create_token = _blocking(calls.create_token)
    disconnect = _blocking(calls.disconnect)
    ban = _blocking(calls.ban)
    unban = _blocking(calls.unban)
    reports = _blocking(calls.reports)
    resolve_report = _blocking(calls.resolve_report)
    stats = _blocking(calls.stats)


class AsyncChat:
    """The asyncio version of Chat: `await AsyncChat(url, key).post(4, "Hello")`."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = REQUEST_TIMEOUT,
        retries: int = MAX_RETRIES,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(transport=transport, **_options(url, key, timeout))
        self._retries = retries

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections to the server."""
        await self._http.aclose()

    async def call(self, call: ServerCall[T]) -> T:
        """Make one call and read its answer."""
        tries = Tries(call, self._retries)
        while True:
            try:
                answer = await self._http.request(**tries.request())
            except httpx.TransportError as error:
                await asyncio.sleep(tries.delay_after_error(error))
                continue
            if (delay := tries.delay_after(answer)) is None:
                return call.read(tries.body_of(answer))
            await asyncio.sleep(delay)

    async def export_user(self, user: UserId) -> AsyncIterator[Record]:
        """Stream all that is a user's, one record after the other; the last one is an `end`."""
        async with self._http.stream("GET", calls.export_path(user)) as answer:
            if answer.status_code != 200:
                await answer.aread()
                raise error_of(answer)
            async for line in answer.aiter_lines():
                if line:
                    yield Record(json.loads(line))

    open_room = _awaited(calls.open_room)
    rooms = _awaited(calls.rooms)
    room = _awaited(calls.room)
    update_room = _awaited(calls.update_room)
    delete_room = _awaited(calls.delete_room)
    add_member = _awaited(calls.add_member)
    remove_member = _awaited(calls.remove_member)
    post = _awaited(calls.post)
    edit = _awaited(calls.edit)
    delete_message = _awaited(calls.delete_message)
    messages = _awaited(calls.messages)
    user = _awaited(calls.user)
    set_user = _awaited(calls.set_user)
    erase_user = _awaited(calls.erase_user)
    unread = _awaited(calls.unread)
    create_token = _awaited(calls.create_token)
    disconnect = _awaited(calls.disconnect)
    ban = _awaited(calls.ban)
    unban = _awaited(calls.unban)
    reports = _awaited(calls.reports)
    resolve_report = _awaited(calls.resolve_report)
    stats = _awaited(calls.stats)


class Tries:
    """The attempts of one call: the request, the delays, and the end."""

    def __init__(self, call: ServerCall[Any], retries: int) -> None:
        self._call = call
        self._left = retries
        self._lost_answer = False  # whether an earlier attempt may have succeeded
        self._backoff = Backoff(first=0.25, most=8.0)

    def request(self) -> dict[str, Any]:
        """Return the arguments for httpx."""
        call = self._call
        headers = {"Idempotency-Key": call.key} if call.key else {}
        request = {"method": call.method, "url": call.path, "headers": headers}
        if call.body is not None:
            request["json"] = call.body
        if call.params:
            request["params"] = call.params
        return request

    def delay_after_error(self, error: httpx.TransportError) -> float:
        """Return the seconds until the next attempt; raise ServerUnreachable after the last."""
        if self._left == 0:
            raise ServerUnreachable(f"{type(error).__name__}: {error}") from error
        self._left -= 1
        self._lost_answer = True
        return self._backoff.next_delay()

    def delay_after(self, answer: httpx.Response) -> float | None:
        """Return the seconds until the next attempt, or None if this answer is the last one."""
        if answer.status_code not in RETRIED_STATUSES or self._left == 0:
            return None
        after = answer.headers.get("retry-after", "")
        at_least = float(after) if after.isdecimal() else 0.0
        if at_least > MAX_RETRY_AFTER:
            return None
        self._left -= 1
        self._lost_answer = self._lost_answer or answer.status_code != 429
        return self._backoff.next_delay(at_least=at_least)

    def body_of(self, answer: httpx.Response) -> Any:
        """Return the JSON of an answer. Raises ChatError for a refusal."""
        if answer.is_success:
            return answer.json() if answer.content else None
        if answer.status_code == 404 and self._call.method == "DELETE" and self._lost_answer:
            return None  # an earlier attempt deleted it, and its answer was lost
        raise error_of(answer)


def error_of(answer: httpx.Response) -> ChatError:
    """Return the error for a refusal, also of a proxy."""
    try:
        body = answer.json()
        return ChatError(body["code"], body["detail"], answer.status_code)
    except (ValueError, KeyError, TypeError):
        text = answer.text[:200].strip()
        return ChatError("internal", f"HTTP {answer.status_code} {text}", answer.status_code)


def _options(url: str, key: str, timeout: float) -> dict[str, Any]:
    return {
        "base_url": f"{url.rstrip('/')}/api/v1/server/",
        "headers": {"Authorization": f"Bearer {key}"},
        "timeout": timeout,
    }
