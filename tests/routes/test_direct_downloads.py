"""Links that lead on to the bucket itself, where that is set."""

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from roomcast.app import create_app
from roomcast.store.objects.bucket import BucketUnavailable
from roomcast.store.objects.folder import Folder
from roomcast.testing import chat_client

from ..client import token
from ..engines.seaweed import Seaweed
from ..protocol.files import PNG
from ..server import SECRET
from ..test_thumbnails import picture


async def sent_picture(client: httpx.AsyncClient, picture: bytes = PNG) -> str:
    """The link to a picture that ada sent."""
    headers = {"Authorization": f"Bearer {token(1)}"}
    body: dict[str, Any] = {"second_user": 2}
    room = (await client.post("/api/v1/chat/create/", json=body, headers=headers)).json()["id"]
    data = base64.b64encode(picture).decode()
    body = {"file": {"name": "a b.png", "size": len(picture), "type": "image/png", "data": data}}
    path = f"/api/v1/chat/rooms/{room}/messages/"
    answer = await client.post(path, content=json.dumps(body), headers=headers)
    assert answer.status_code == 201, answer.text
    url: str = answer.json()["attachments"][0]["file_url"]
    return url


@pytest.mark.parametrize("is_direct", [True, False])
async def test_a_link_leads_to_the_bucket_only_where_that_is_set(
    seaweed: Seaweed, tmp_path: Path, is_direct: bool
) -> None:
    app = create_app(
        {
            "database": {"url": f"sqlite:///{tmp_path}/chat.db"},
            "attachments": {"url": seaweed.url, "direct_downloads": is_direct},
            "auth": {"secret": SECRET},
        }
    )
    transport = httpx.ASGITransport(app)
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=transport, base_url="http://chat") as client,
        httpx.AsyncClient(trust_env=False) as browser,
    ):
        answer = await client.get(await sent_picture(client))
        if is_direct:
            assert answer.status_code == 307
            assert answer.headers["location"].startswith(f"http://{seaweed.endpoint}/")
            assert answer.headers["access-control-allow-origin"] == "*"
            answer = await browser.get(answer.headers["location"])
        assert answer.status_code == 200
        assert answer.content == PNG
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["content-disposition"].startswith('inline; filename="a b.png"')
        link = await sent_picture(client, picture("image/png"))
        small = await client.get(link + "&size=360")
        assert (small.status_code, small.headers["content-type"]) == (200, "image/webp")
        without = await client.get(link + "&size=720")
        assert without.status_code == (307 if is_direct else 200)


async def test_without_credentials_of_the_bucket_the_answer_is_503(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any) -> str:
        raise BucketUnavailable("The bucket's credentials have expired; new ones are fetched.")

    settings = {"attachments": {"direct_downloads": True}}
    async with chat_client(1, settings) as ada:
        room = await ada.chat.open_room([1, 2])
        body = {"file": {"name": "a.png", "size": len(PNG), "type": "image/png"}}
        body["file"]["data"] = base64.b64encode(PNG).decode()
        sent = await ada.post(f"/api/v1/chat/rooms/{room.id}/messages/", json=body)
        link = sent.json()["attachments"][0]["file_url"]
        monkeypatch.setattr(Folder, "get_url", refuse)
        monkeypatch.setattr(Folder, "put_url", refuse)
        upload = {"room_id": room.id, "name": "a.png", "size": 9, "type": "image/png"}
        offered = await ada.post("/api/v1/chat/attachments/", json=upload)
        for answer in (await ada.get(link), offered):
            assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
