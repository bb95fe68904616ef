"""The management command and the worker of the Django example, against a chat."""

import asyncio
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from roomcast.app import create_app
from roomcast.testing import chat_client

from ..inside import served
from ..pages import ROOT

SITE = ROOT / "docs/embedding"
KEY = "k" * 32


async def test_a_management_command_posts_for_the_site(tmp_path: Path) -> None:
    chat = create_app(
        {
            "database": {"url": f"sqlite:///{tmp_path}/chat.db"},
            "attachments": {"url": f"file:{tmp_path}/files"},
            "auth": {"secret": "s" * 32},
            "server_api": {"keys": [KEY]},
        }
    )
    async with chat.lifespan(), served(chat) as address:
        room = await chat.open_room([2, 7])
        ran = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "django", "post_notice", "7", "It has shipped",
            "--settings", "django_site.settings", "--pythonpath", str(SITE),
            cwd=tmp_path,
            env={**os.environ, "CHAT_URL": f"http://{address}", "CHAT_KEY": KEY},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(60):
            said, errors = await ran.communicate()
        assert (said, errors) == (b"1 rooms\n", b"")
        (message,) = await chat.messages(room)
    assert (message.text, message.sender_id, message.kind) == ("It has shipped", None, "system")


async def test_a_worker_thread_posts_by_sync() -> None:
    async with chat_client(2) as client:
        package = ModuleType("shop_example")
        package.chat = ModuleType("shop_example.chat")  # type: ignore[attr-defined]
        package.chat.chat = client.chat  # type: ignore[attr-defined]
        sys.modules["shop_example"] = package
        sys.modules["shop_example.chat"] = package.chat  # type: ignore[attr-defined]
        package.__path__ = [str(SITE / "django_site")]
        spec = importlib.util.spec_from_file_location(
            "shop_example.worker", SITE / "django_site/worker.py"
        )
        assert spec is not None
        assert spec.loader is not None
        worker = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(worker)
        worker.order_was_placed(981, 2, 7)
        await asyncio.to_thread(worker.workers.shutdown)
        (room,) = await client.chat.rooms(user=2)
        (message,) = await client.chat.messages(room)
    assert (room.context, message.text, message.sender_id) == ("order:981", "Thank you!", 7)
