"""SIGHUP: limits, the log level and the types of files are taken anew while the server serves."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..client import Person
from ..patience import LONG
from ..server import Server

SETTINGS = "[limits]\nmax_text_length = {length}\n[server]\nlanguages = {languages}\n"


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
