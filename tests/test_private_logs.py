"""A host that logs everything at DEBUG finds no text, token or key of the chat in its log."""

import base64
import logging

import pytest
from roomcast.testing import chat_client

from .test_hooks import say

API = "/api/v1/chat"
LIBRARIES = ("aiosqlite", "databases")
KEY = "zqkey" * 8


@pytest.fixture
def libraries() -> list[logging.Logger]:
    return [logging.getLogger(name) for name in LIBRARIES]


async def test_no_log_holds_what_people_say(
    database_url: str,
    caplog: pytest.LogCaptureFixture,
    libraries: list[logging.Logger],
) -> None:
    caplog.set_level(logging.DEBUG)
    for logger in libraries:
        assert logger.level == logging.NOTSET
    settings = {"database": {"url": database_url}, "server_api": {"keys": [KEY]}}
    async with chat_client(1, settings) as ada:
        body = {"members": [1, 2, 3], "title": "zqtitle", "context": "zqcontext"}
        room = (await ada.post(f"{API}/create/", json=body)).json()["id"]
        file = {"name": "zqfile.txt", "size": 6, "type": "text/plain"}
        file["data"] = base64.b64encode(b"zqbody").decode()
        sent = {"action": "send", "message": "zqtext", "client_id": "zqid", "data": {"a": "zqdata"}}
        async with ada.socket(room) as socket:
            await socket.receive_json()
            id_ = (await say(socket, **sent))["message"]["message_id"]
            await say(socket, action="edit", message_id=id_, text="zqedit")
            await say(socket, action="send", message="", file=file)
            await say(socket, action="zqwrong")
        await ada.chat.set_user(1, name="zqname", email="zqmail@example.com")
        assert (await ada.get(f"{API}/search/", params={"q": "zqedit"})).json()["results"]
        assert (await ada.get(f"{API}/export/")).is_success
        assert (await ada.delete(f"{API}/me/")).is_success
        token = ada.token
    ours = [entry for entry in caplog.records if entry.name != "httpx"]  # the test's own client
    assert ours
    logged = "\n".join(map(logging.Formatter().format, ours))
    assert "zq" not in logged
    assert token not in logged


async def test_a_host_that_asks_for_statements_gets_them(
    caplog: pytest.LogCaptureFixture, libraries: list[logging.Logger]
) -> None:
    for logger in libraries:
        caplog.set_level(logging.DEBUG, logger.name)
    async with chat_client(1):
        pass
    logged = {entry.name for entry in caplog.records if entry.levelno == logging.DEBUG}
    assert set(LIBRARIES) <= logged
