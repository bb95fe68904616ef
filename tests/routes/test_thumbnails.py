"""`size` in a file's link: a thumbnail, by the same right and with the same headers as the file."""

import base64
import io
import re
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from PIL import Image
from roomcast.routes.file_response import etag_of
from roomcast.store.objects.bucket import BucketUnavailable
from roomcast.store.objects.folder import Folder
from roomcast.testing import ChatClient, chat_client

from ..protocol.files import gone
from ..test_thumbnails import AS_THEY_ARE, FORMATS, picture
from .test_file_response import no_path

SEND = "/api/v1/chat/rooms/{}/messages/"


@pytest.fixture
async def ada() -> AsyncIterator[ChatClient]:
    async with chat_client(1) as client:
        yield client


async def send(ada: ChatClient, kind: str, data: bytes, name: str = "a photo.JPG") -> Any:
    """The stored message with this file."""
    room = (await ada.chat.open_room([1, 2])).id
    file = {"name": name, "size": len(data), "type": kind}
    file["data"] = base64.b64encode(data).decode()
    sent = await ada.post(SEND.format(room), json={"file": file})
    assert sent.status_code == 201, sent.text
    return sent.json()


async def link_to(ada: ChatClient, kind: str, data: bytes, name: str = "a photo.JPG") -> str:
    url: str = (await send(ada, kind, data, name))["attachments"][0]["file_url"]
    return url


@pytest.mark.parametrize("is_remote", [False, True])
@pytest.mark.parametrize("kind", FORMATS)
async def test_a_thumbnail_is_answered_like_the_file(
    ada: ChatClient, kind: str, is_remote: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_remote:
        monkeypatch.setattr(Folder, "path", no_path)
    url = await link_to(ada, kind, picture(kind), name="фото 1")
    whole, small = await ada.get(url), await ada.get(url + "&size=360")
    assert small.status_code == 200
    assert len(small.content) < len(whole.content)
    with Image.open(io.BytesIO(small.content)) as made:
        assert (made.size, made.get_format_mimetype()) == (
            (360, 270),
            small.headers["content-type"],
        )
    differing = {"content-length", "content-type", "content-disposition", "etag"}
    assert {n: v for n, v in small.headers.items() if n not in differing} == {
        n: v for n, v in whole.headers.items() if n not in differing
    }
    assert small.headers["content-disposition"].startswith("inline; filename=")
    assert re.search(r"(png\.webp|jpg|webp)$", small.headers["content-disposition"])
    head = await ada.head(url + "&size=360")
    assert (head.status_code, head.content) == (200, b"")
    assert dict(head.headers) == dict(small.headers)


async def test_it_is_not_sent_again_and_has_parts(ada: ChatClient) -> None:
    url = await link_to(ada, "image/jpeg", picture("image/jpeg")) + "&size=360"
    first = await ada.get(url)
    etag = first.headers["etag"]
    same = await ada.get(url, headers={"If-None-Match": etag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert same.headers["cache-control"] == first.headers["cache-control"]
    assert "content-type" not in same.headers
    part = await ada.get(url, headers={"Range": "bytes=0-2", "If-Range": etag})
    assert (part.status_code, part.content) == (206, b"\xff\xd8\xff")
    key = httpx.URL(url).path.split("/")[-2]
    of_the_whole = await ada.get(url, headers={"If-None-Match": etag_of(key)})
    assert of_the_whole.status_code == 200


async def test_another_size_is_refused(ada: ChatClient) -> None:
    sizes = ("", "0", "-360", "361", "0360", "360.0", "3e2", "٣٦٠", "99999", "360,720", "large")
    for kind, data in (("image/png", picture("image/png")), ("text/plain", b"a text")):
        url = await link_to(ada, kind, data)
        for size in sizes:
            answer = await ada.get(f"{url}&size={size}")
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_frame"), size
            assert answer.json()["detail"] == "size: one of 360, 720, 1080."
            assert answer.headers["access-control-allow-origin"] == "*"


async def test_the_right_is_that_to_the_file(ada: ChatClient) -> None:
    """A signature is for the file: `size` opens nothing, and no wrong one is told more."""
    url = httpx.URL(await link_to(ada, "image/png", picture("image/png")) + "&size=360")
    assert (await ada.get(url)).status_code == 200
    changed = [url.copy_set_param(name, "9" + url.params[name]) for name in url.params]
    changed += [url.copy_remove_param(name) for name in ("type", "expires", "signature")]
    changed.append(url.copy_with(path=url.path.replace("photo", "other")))
    changed.append(url.copy_set_param("type", "image/gif"))
    for bad in changed:
        if bad.params["size"] == "360":
            assert (await ada.get(bad)).status_code == 403, bad
            bad_twice = bad.copy_set_param("size", "1")
            assert (await ada.get(bad_twice)).status_code == 403, bad


async def test_a_deleted_message_has_no_thumbnail(ada: ChatClient) -> None:
    message = await send(ada, "image/png", picture("image/png"))
    url = message["attachments"][0]["file_url"] + "&size=360"
    first = await ada.get(url)
    assert first.status_code == 200
    path = f"{SEND.format(message['room_id'])}{message['message_id']}/"
    assert (await ada.delete(path)).status_code == 204
    known = await gone(ada, url)
    for answer in (known, await ada.get(url, headers={"If-None-Match": first.headers["etag"]})):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_what_has_no_thumbnail_is_sent_itself(ada: ChatClient) -> None:
    for why, (kind, make) in AS_THEY_ARE.items():
        url = await link_to(ada, kind, make())
        whole, small = await ada.get(url), await ada.get(url + "&size=360")
        assert (small.content, small.headers) == (whole.content, whole.headers), why


@pytest.mark.parametrize(
    ("kind", "data"), [("image/gif", b"GIF89a"), ("text/plain", b"a text"), ("image/png", b"")]
)
async def test_other_files_are_sent_themselves(ada: ChatClient, kind: str, data: bytes) -> None:
    if kind == "image/gif":
        written = io.BytesIO()
        Image.effect_noise((500, 400), 40).save(written, "GIF")
        data = written.getvalue()
    if kind == "image/png":
        data = picture(kind)[:-2_000]  # it breaks off
    url = await link_to(ada, kind, data)
    whole, small = await ada.get(url), await ada.get(url + "&size=720")
    assert (small.content, small.headers) == (whole.content, whole.headers)


async def test_a_bucket_that_cannot_be_read_is_503(
    ada: ChatClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(self: Folder, key: str, max_size: int | None = None) -> bytes:
        raise BucketUnavailable("for a moment")

    url = await link_to(ada, "image/png", picture("image/png")) + "&size=360"
    with monkeypatch.context() as broken:
        broken.setattr(Folder, "read", refuse)
        answer = await ada.get(url)
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    assert (await ada.get(url)).headers["content-type"] == "image/webp"


@pytest.mark.parametrize("how", ["no Pillow", "setting"])
async def test_a_server_without_thumbnails_sends_the_file(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"attachments": {"thumbnail_cache_size": 0}} if how == "setting" else {}
    data = picture("image/jpeg")
    if how == "no Pillow":
        monkeypatch.setitem(sys.modules, "PIL", None)
    async with chat_client(1, settings) as ada:
        url = await link_to(ada, "image/jpeg", data)
        whole, small = await ada.get(url), await ada.get(url + "&size=360")
        assert (small.content, small.headers) == (whole.content, whole.headers)
        assert (await ada.get(url + "&size=100")).status_code == 400
