"""What a server refuses to start on: exit code 2, and one sentence that says what to do."""

import socket
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from ..server import Server

Make = Callable[..., Server]


def assert_one_sentence(ended: subprocess.CompletedProcess[str], *words: str) -> None:
    said = (ended.stdout + ended.stderr).strip()
    assert ended.returncode == 2, said
    assert "Traceback" not in said
    assert 0 < len(said.splitlines()) <= 3, said
    for word in words:
        assert word in said, said


async def test_two_processes_never_share_a_database(own_server: Make, cast: Any) -> None:
    first, second = own_server().start(), own_server()
    second.settings |= first.settings
    ada, bob, _ = cast(first)
    room = await ada.opens(bob)
    assert_one_sentence(second.try_to_start(), "chat.db")
    assert (await ada.posts(room, "the first one goes on"))["version"] == 1
    assert first.stop() == 0
    second.start()
    ada, bob, _ = cast(second)
    assert [m["text"] for m in await ada.reads_all(room)] == ["the first one goes on"]


async def test_a_killed_process_leaves_no_lock_behind(own_server: Make) -> None:
    server = own_server().start()
    server.kill()
    server.start()
    assert server.stop() == 0


async def test_a_port_that_is_taken_is_said(own_server: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_one_sentence(own_server(port=port).try_to_start(), str(port))


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"auth_secret": "short"}, "ROOMCAST_AUTH_SECRET"),
        ({"database_url": "mysql://localhost/chat"}, "ROOMCAST_DATABASE_URL"),
        ({"database_url": "nonsense"}, "ROOMCAST_DATABASE_URL"),
        ({"database_url": "sqlite:////nowhere/at/all/chat.db"}, "/nowhere/at/all"),
        ({"broadcast_url": "pigeon://loft"}, "ROOMCAST_BROADCAST_URL"),
        ({"attachments_url": "ftp://host/files"}, "ROOMCAST_ATTACHMENTS_URL"),
        ({"attachments_url": "file:/proc/attachments"}, "/proc/attachments"),
        ({"limits_max_resume_changes": "many"}, "ROOMCAST_LIMITS_MAX_RESUME_CHANGES"),
        ({"limits_max_text_length": "-1"}, "ROOMCAST_LIMITS_MAX_TEXT_LENGTH"),
        ({"server_workers": "2"}, "workers"),
    ],
)
async def test_a_bad_setting_is_named(own_server: Make, settings: Any, word: str) -> None:
    server = own_server()
    server.settings |= settings
    assert_one_sentence(server.try_to_start(), word)
