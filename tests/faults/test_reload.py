"""SIGHUP: limits, the log level and the types of files are taken anew while the server serves."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..client import Person
from ..patience import LONG
from ..protocol.files import file
from ..server import Server

SETTINGS = "[limits]\nmax_text_length = {length}\n[server]\nlanguages = {languages}\n"
LEVEL_AND_TYPES = '[attachments]\ntypes = {types}\n[server]\nlog_level = "{level}"\n'


async def logged(server: Server, words: str) -> None:
    async with asyncio.timeout(LONG):
        while words not in server.said():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_server_takes_its_limits_anew(
    own_server: Callable[..., Server], cast: Any, tmp_path: Path
) -> None:
    path = tmp_path / "chat.toml"
    path.write_text(SETTINGS.format(length=5, languages='["en", "uk"]'))
    server = own_server(settings=path).start()
    ada: Person
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    async with ada.enters(room) as a:
        await a.does("send", message="longer than five")
        await a.receives("error", code="too_long")

        path.write_text(SETTINGS.format(length=50, languages='["de"]'))
        server.process.send_signal(signal.SIGHUP)  # type: ignore[union-attr]
        await logged(server, "settings reloaded: changed=limits.max_text_length")
        await logged(server, "a restart is needed for server.languages")
        await a.does("send", message="longer than five")
        await a.receives("chat_message")

        path.write_text(SETTINGS.format(length=-1, languages='["de"]'))
        server.process.send_signal(signal.SIGHUP)  # type: ignore[union-attr]
        await logged(server, "settings not reloaded: ")
        await a.does("send", message="longer than five")
        await a.receives("chat_message")


async def test_a_server_takes_its_log_level_and_the_types_of_files_anew(
    own_server: Callable[..., Server], cast: Any, tmp_path: Path
) -> None:
    path = tmp_path / "chat.toml"
    path.write_text(LEVEL_AND_TYPES.format(level="error", types='["image/png"]'))
    server = own_server(settings=path).start()
    ada: Person
    ada, bob, _ = cast(server)
    room = await ada.opens(bob)
    text = file("a.txt", "text/plain", b"a text")
    async with ada.enters(room) as a:
        await a.does("send", message="", file=text)
        await a.receives("error", code="file_type")

        path.write_text(LEVEL_AND_TYPES.format(level="info", types='["text/plain"]'))
        async with asyncio.timeout(LONG):  # the first line that is logged is of a second reload
            while "settings reloaded: changed=nothing" not in server.said():
                server.process.send_signal(signal.SIGHUP)  # type: ignore[union-attr]
                await asyncio.sleep(0.05)
        await a.does("send", message="", file=text)
        await a.receives("chat_message")
