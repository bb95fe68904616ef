"""What is sent by a signed address is kept like what is sent in a frame: cleaned and measured."""

import base64
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from roomcast.app import create_app
from roomcast.store.objects.bucket import BucketUnavailable
from roomcast.store.objects.folder import Folder
from roomcast.testing import ChatClient, chat_client

from . import made_files as made
from .engines.seaweed import Seaweed
from .test_file_metadata import SECRET, jpeg

PHOTO = jpeg(6)
Way = Callable[[ChatClient, int, dict[str, Any], bytes], Any]


async def in_frame(ada: ChatClient, room: int, file: dict[str, Any], data: bytes) -> Any:
    file = {**file, "data": base64.b64encode(data).decode()}
    return await ada.post(f"/api/v1/chat/rooms/{room}/messages/", json={"file": file})


async def by_address(ada: ChatClient, room: int, file: dict[str, Any], data: bytes) -> Any:
    return await sends(ada, room, await uploads(ada, room, file, data))


async def uploads(ada: ChatClient, room: int, file: dict[str, Any], data: bytes) -> str:
    offered = (await ada.post("/api/v1/chat/attachments/", json={"room_id": room, **file})).json()
    put = await ada.put(offered["presigned_url"], content=data, headers=offered["headers"])
    assert put.status_code == 200, put.text
    path: str = offered["file_path"]
    return path


async def sends(ada: ChatClient, room: int, *paths: str) -> Any:
    send = {"message": "", "files": [{"file_path": path} for path in paths]}
    return await ada.post(f"/api/v1/chat/rooms/{room}/messages/", json=send)


def file(name: str, data: bytes, kind: str) -> dict[str, Any]:
    return {"name": name, "size": len(data), "type": kind}


@pytest.mark.parametrize("way", [in_frame, by_address])
async def test_a_photo_is_kept_without_its_place(way: Way) -> None:
    async with chat_client(1) as ada:
        room = (await ada.chat.open_room([1, 2])).id
        sent = await way(ada, room, file("IMG_1.JPG", PHOTO, "image/jpeg"), PHOTO)
        [photo] = sent.json()["attachments"]
        kept = (await ada.get(photo["file_url"])).content
        assert (photo["width"], photo["height"]) == (3, 4)
        assert photo["size"] == len(kept) < len(PHOTO)
        assert SECRET not in kept
        page = await ada.get(f"/api/v1/chat/rooms/{room}/messages/")
        assert page.json()["messages"][0]["attachments"] == [photo]
        async with ada.another(2).socket(room) as socket:
            assert (await socket.receive_json())[0]["attachments"][0]["width"] == 3
        lines = (await ada.get("/api/v1/chat/export/")).text
        assert '"width":3,"height":4' in lines


async def test_a_photo_in_a_bucket_is_kept_without_its_place(seaweed: Seaweed) -> None:
    settings = {"attachments": {"url": seaweed.url}}
    async with chat_client(1, settings=settings) as ada:
        room = (await ada.chat.open_room([1, 2])).id
        shape = file("IMG_1.JPG", PHOTO, "image/jpeg")
        asked = {"room_id": room, **shape}
        offered = (await ada.post("/api/v1/chat/attachments/", json=asked)).json()
        bucket = ada.chat.state.chat.attachments.bucket
        await bucket.put(offered["file_path"], PHOTO)
        [photo] = (await sends(ada, room, offered["file_path"])).json()["attachments"]
        kept = (await ada.get(photo["file_url"])).content
        assert SECRET not in kept
        assert photo["size"] == len(kept)


async def test_an_upload_that_broke_off_while_it_was_cleaned_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put, broken = Folder.put, [True]

    async def breaks(self: Folder, key: str, data: bytes) -> None:
        if broken:
            raise BucketUnavailable("The disk is full.")
        await put(self, key, data)

    async def breaks_after(self: Folder, key: str, data: bytes) -> None:
        await put(self, key, data)
        await breaks(self, key, data)

    async with chat_client(1) as ada:
        room = (await ada.chat.open_room([1, 2])).id
        for way in (breaks, breaks_after):
            path = await uploads(ada, room, file("a.jpg", PHOTO, "image/jpeg"), PHOTO)
            monkeypatch.setattr(Folder, "put", way)
            assert (await sends(ada, room, path)).status_code == 503
            monkeypatch.setattr(Folder, "put", put)
            [photo] = (await sends(ada, room, path)).json()["attachments"]
            assert SECRET not in (await ada.get(photo["file_url"])).content


@pytest.mark.parametrize("way", [in_frame, by_address])
@pytest.mark.parametrize(
    ("name", "kind", "data", "kept"),
    [
        ("", "", made.png(), "file.png"),
        ("скан", "application/octet-stream", made.png(), "скан.png"),
        ("скан", "", made.heif(), "скан.heic"),
        ("voice", "audio/webm;codecs=opus", made.webm(b"A_OPUS"), "voice.webm"),
        ("setup.bat", "text/plain", b"del *.*", "setup.bat.txt"),
        ("\u202egpj.exe", "image/png", made.png(), "gpj.exe.png"),
    ],
)
async def test_a_name_is_completed_from_the_bytes(
    way: Way, name: str, kind: str, data: bytes, kept: str
) -> None:
    async with chat_client(1) as ada:
        room = (await ada.chat.open_room([1, 2])).id
        sent = await way(ada, room, file(name, data, kind), data)
        assert sent.json()["attachments"][0]["file_name"] == kept


async def test_the_pictures_of_a_message_are_limited_in_sum() -> None:
    async with chat_client(1, settings={"attachments": {"max_pixels": 100}}) as ada:
        room = (await ada.chat.open_room([1, 2])).id
        small, large = made.png(5, 10), made.png(6, 10)
        paths = [
            await uploads(ada, room, file("a.png", data, "image/png"), data)
            for data in (small, small, large)
        ]
        data = base64.b64encode(large).decode()
        two = [{**file("a.png", large, "image/png"), "data": data}] * 2
        answer = await ada.post(f"/api/v1/chat/rooms/{room}/messages/", json={"files": two})
        assert (answer.status_code, answer.json()["code"]) == (400, "file_invalid")
        answer = await sends(ada, room, paths[0], paths[2])
        assert (answer.status_code, answer.json()["code"]) == (400, "file_invalid")
        assert (await sends(ada, room, *paths[:2])).status_code == 201
        assert (await sends(ada, room, paths[2])).status_code == 201


async def test_a_type_that_no_file_can_have_is_named_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    types = ["image/png", "application/x-nobody-knows", "audio/x-m4a"]
    settings = {
        "database": {"url": f"sqlite:///{tmp_path}/a.db"},
        "attachments": {"url": f"file:{tmp_path}/files", "types": types},
        "auth": {"secret": "s" * 32},
    }
    with caplog.at_level(logging.WARNING, "roomcast.attachments"):
        async with create_app(settings).lifespan():
            pass
    [record] = [r for r in caplog.records if "attachments.types" in r.message]
    assert "application/x-nobody-knows" in record.message
