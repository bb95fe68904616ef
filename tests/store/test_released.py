"""Databases that releases have written are opened by this code, with everything in them."""

import gzip
import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from roomcast.testing import ChatClient, chat_client

from ..engines.postgres import Postgres
from .make_released import FOLDER, SECRET

CHANGES = (Path(__file__).parents[2] / "CHANGELOG.md").read_text()
RELEASES = [
    version
    for version in re.findall(r"^## (\d+\.\d+\.\d+)", CHANGES, re.MULTILINE)
    if version != "0.1.0"
]


async def is_whole(ada: ChatClient) -> None:
    """What `make_released.write` wrote is there, and it goes on."""
    page = (await ada.get("/api/v1/chat/receive/")).json()
    rooms = {room["context"] or room["title"]: room for room in page["results"]}
    assert set(rooms) == {"listing:55", "Garden"}
    pair = rooms["listing:55"]
    assert pair["about"]["title"] == "A bicycle"
    assert rooms["Garden"]["data"] == {"plot": 7}
    assert {member["name"] for member in pair["members"]} == {"Ada", "Bob"}
    path = f"/api/v1/chat/rooms/{pair['room_id']}/messages/"
    messages = (await ada.get(path)).json()["messages"]
    assert [message["text"] for message in messages] == ["hello wörld", "edited", "a file"]
    first, second, third = messages
    assert (first["data"], first["client_id"]) == ({"offer": 55}, "n1")
    assert first["reactions"] == [{"emoji": "👍", "count": 1, "user_ids": [2]}]
    assert first["status"] == "read"
    assert second["reply_to"]["message_id"] == first["message_id"]
    assert third["attachments"][0]["file_name"] == "note.txt"
    shown = (await ada.get(f"/api/v1/chat/rooms/{rooms['Garden']['room_id']}/messages/")).json()
    assert shown["messages"][0]["actions"][0]["id"] == "yes"
    found = (await ada.get("/api/v1/chat/search/?q=world")).json()["results"]
    assert [message["message_id"] for message in found] == [first["message_id"]]
    blocks = (await ada.get("/api/v1/chat/blocks/")).json()["results"]
    assert [each["user_id"] for each in blocks] == [9]
    assert [report.message_id for report in await ada.chat.reports()] == [first["message_id"]]
    again = await ada.post(path, json={"message": "hello wörld", "client_id": "n1"})
    assert (again.status_code, again.json()["message_id"]) == (200, first["message_id"])
    new = (await ada.post(path, json={"message": "goes on"})).json()
    assert new["version"] == third["version"] + 1


@pytest.mark.parametrize("version", RELEASES)
async def test_a_file_of_a_release_is_opened(version: str, tmp_path: Path) -> None:
    (tmp_path / "chat.db").write_bytes(gzip.decompress((FOLDER / f"{version}.db.gz").read_bytes()))
    async with chat_client(1, {"auth": {"secret": SECRET}}, folder=tmp_path) as ada:
        await is_whole(ada)


@pytest.mark.parametrize("version", RELEASES)
async def test_a_postgresql_database_of_a_release_is_opened(
    version: str, postgres: Postgres, tmp_path: Path
) -> None:
    url = postgres.create_database()
    connection = await asyncpg.connect(url)
    await connection.execute((FOLDER / f"{version}.postgresql.sql").read_text())
    await connection.close()
    settings: dict[str, dict[str, Any]] = {"auth": {"secret": SECRET}, "database": {"url": url}}
    async with chat_client(1, settings, folder=tmp_path) as ada:
        await is_whole(ada)
