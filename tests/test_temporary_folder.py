"""Files are stored, cleaned and served where no folder for temporary files can be written."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from roomcast.server.listen import CannotServe
from roomcast.server.workers import run_workers
from roomcast.settings import ServerSettings, Settings
from roomcast.testing import ChatClient, chat_client

from . import made_files
from .engines.seaweed import Seaweed
from .protocol.files import file

TEXT = b"A long story. " * 40_000
FILES = {
    "a.txt": ("text/plain", TEXT),
    "a.png": ("image/png", made_files.png(before=made_files.chunk(b"tEXt", b"where\0here"))),
    "a.zip": ("application/zip", made_files.archive(**{"a.txt": "x" * 200_000})),
}


@pytest.fixture(params=["folder", "bucket"])
def attachments(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return f"file:{tmp_path}/files"
    seaweed: Seaweed = request.getfixturevalue("seaweed")
    return seaweed.url


def without_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where each candidate of the module is read-only."""
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nowhere")
    with pytest.raises(FileNotFoundError):
        tempfile.mkdtemp()


async def test_files_need_no_temporary_folder(
    attachments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"attachments": {"url": attachments}}
    async with chat_client(1, settings, folder=tmp_path) as ada:
        without_temporary_folder(monkeypatch)
        room = (await ada.chat.open_room([1, 2])).id
        for name, (kind, data) in FILES.items():
            sent = await ada.post(
                f"/api/v1/chat/rooms/{room}/messages/", json={"file": file(name, kind, data)}
            )
            assert sent.status_code == 201, sent.text
            link = sent.json()["attachments"][0]["file_url"]
            assert (await ada.get(link)).status_code == 200
        await uploads(ada, room)
        ready = (await ada.get("/readyz")).json()
        monkeypatch.undo()
    assert ready == {"database": "ok", "broker": "ok", "bucket": "ok"}


async def uploads(client: ChatClient, room: int) -> None:
    """By a signed address, and then part of it back."""
    wish = {"room_id": room, "name": "b.txt", "size": len(TEXT), "type": "text/plain"}
    offer = (await client.post("/api/v1/chat/attachments/", json=wish)).json()
    if offer["presigned_url"].startswith(str(client.base_url)):  # else the bucket takes it
        put = await client.put(offer["presigned_url"], content=TEXT, headers=offer["headers"])
        assert put.status_code == 200
        body = {"files": [{"file_path": offer["file_path"]}]}
        sent = await client.post(f"/api/v1/chat/rooms/{room}/messages/", json=body)
        assert sent.status_code == 201, sent.text
        link = sent.json()["attachments"][0]["file_url"]
        part = await client.get(link, headers={"Range": "bytes=2-5"})
        assert (part.status_code, part.content) == (206, TEXT[2:6])


def test_workers_without_one_are_refused_with_what_to_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They share their metrics in a folder."""
    without_temporary_folder(monkeypatch)
    settings = Settings(server=ServerSettings(workers=2))
    with pytest.raises(CannotServe, match="TMPDIR"):
        asyncio.run(run_workers(settings, [], lambda: None))
