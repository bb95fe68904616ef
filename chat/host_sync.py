"""The host's calls for code that is not asynchronous: `chat.sync.post(room, "Hello")`.

They work in any thread except that of the chat's event loop, such as views of Django or Flask.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from .account.export import ExportLine
from .host_api import HostApi
from .site.records import User

P = ParamSpec("P")
T = TypeVar("T")

SAME_LOOP = (
    "chat.sync is for other threads than that of the chat's event loop, which would wait for "
    "itself: await chat.{name} here."
)
NOT_RUNNING = "The chat is not started: chat.sync needs its event loop to run in another thread."


class RunningHost(Protocol):
    """The chat, and the event loop that it was started in."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None: ...


def _blocking(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> "Callable[Concatenate[SyncApi, P], T]":
    """Wrap an async call so that it blocks its thread until the result."""

    @wraps(method)
    def call(self: "SyncApi", *args: P.args, **kwargs: P.kwargs) -> T:
        loop = self.loop_for(method.__name__)
        return asyncio.run_coroutine_threadsafe(method(self.host, *args, **kwargs), loop).result()

    return cast("Callable[Concatenate[SyncApi, P], T]", call)


class SyncApi:
    """The host's calls for other threads than that of the event loop."""

    def __init__(self, host: RunningHost) -> None:
        self.host = host

    def loop_for(self, name: str) -> asyncio.AbstractEventLoop:
        """Return the loop for a call. Raises RuntimeError if the call would wait for ever."""
        loop = self.host.loop
        if loop is None or not loop.is_running():
            raise RuntimeError(NOT_RUNNING)
        try:
            if asyncio.get_running_loop() is loop:
                raise RuntimeError(SAME_LOOP.format(name=name))
        except RuntimeError as error:
            if "no running event loop" not in str(error):
                raise
        return loop

    open_room = _blocking(HostApi.open_room)
    rooms = _blocking(HostApi.rooms)
    room = _blocking(HostApi.room)
    update_room = _blocking(HostApi.update_room)
    add_member = _blocking(HostApi.add_member)
    remove_member = _blocking(HostApi.remove_member)
    delete_room = _blocking(HostApi.delete_room)
    post = _blocking(HostApi.post)
    edit = _blocking(HostApi.edit)
    delete_message = _blocking(HostApi.delete_message)
    messages = _blocking(HostApi.messages)
    react = _blocking(HostApi.react)
    mark_read = _blocking(HostApi.mark_read)
    unread = _blocking(HostApi.unread)
    user = _blocking(HostApi.user)
    set_user = _blocking(HostApi.set_user)
    ban = _blocking(HostApi.ban)
    unban = _blocking(HostApi.unban)
    disconnect = _blocking(HostApi.disconnect)
    block = _blocking(HostApi.block)
    unblock = _blocking(HostApi.unblock)
    erase_user = _blocking(HostApi.erase_user)
    reports = _blocking(HostApi.reports)
    resolve_report = _blocking(HostApi.resolve_report)
    stats = _blocking(HostApi.stats)

    def export_user(self, id: User) -> Iterator[ExportLine]:
        """Yield all data of a user, line by line; the last line is an `end`."""
        loop = self.loop_for("export_user")
        lines: AsyncIterator[ExportLine] = cast(HostApi, self.host).export_user(id)
        while True:
            step = asyncio.run_coroutine_threadsafe(_next(lines), loop)
            if (line := step.result()) is None:
                return
            yield line


async def _next(lines: AsyncIterator[ExportLine]) -> ExportLine | None:
    return await anext(lines, None)
