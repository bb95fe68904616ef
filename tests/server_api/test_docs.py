"""The samples of the documents run against a server."""

import asyncio
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from roomcast.app import Draft, create_app
from roomcast.routes import server_api

from ..inside import served
from ..pages import ROOT, block, blocks
from ..running import in_steps
from .conftest import KEY, a_site

RUNNERS = {
    "js": ("node", "orderWasPlaced(981, 2, 7).then((m) => console.log(JSON.stringify(m)));\n"),
    "php": ("php", "echo json_encode(order_was_placed(981, 2, 7)), PHP_EOL;\n"),
}


@pytest.mark.parametrize("language", RUNNERS)
async def test_the_samples_open_a_room_and_post(language: str, tmp_path: Path) -> None:
    program, call = RUNNERS[language]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    ((_, code),) = blocks((ROOT / "docs/server-api.md").read_text(), language)
    script = tmp_path / f"sample.{language}"
    script.write_text(f"{code}\n{call}")
    chat = create_app(
        {
            "database": {"url": f"sqlite:///{tmp_path}/chat.db"},
            "attachments": {"url": f"file:{tmp_path}/files"},
            "auth": {"secret": "s" * 32},
            "server_api": {"keys": [KEY]},
        }
    )
    async with chat.lifespan(), served(chat) as address:
        sent = []
        for _ in range(2):
            ran = await asyncio.create_subprocess_exec(
                program,
                str(script),
                env={**os.environ, "CHAT_URL": f"http://{address}", "CHAT_KEY": KEY},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            async with asyncio.timeout(60):
                said, errors = await ran.communicate()
            assert errors == b""
            sent.append(json.loads(said))
        (room,) = await chat.rooms(user=2)
        (message,) = await chat.messages(room)
    assert room.context == "order:981"
    assert [one["message_id"] for one in sent] == [message.message_id] * 2
    assert (message.text, message.sender_id) == ("Thank you!", 7)


def test_every_call_is_in_the_table() -> None:
    page = (ROOT / "docs/server-api.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    for route in server_api.API:
        path = re.sub(r"{room_id}|{report_id}", "<id>", route.path.removeprefix("/server/"))
        path = path.replace("members/{user_id:path}", "members/<user>")
        path = path.replace("{user_id:path}", "<id>").replace("{message_id}", "<message>")
        for method in (route.methods or set()) - {"HEAD"}:
            assert any(f"{path}/`" in row and method in row for row in rows), (method, path)


async def test_contact_details_are_masked_as_the_page_says() -> None:
    names: dict[str, Any] = {"settings": {"auth": {"secret": "s" * 32}}}
    await in_steps(block("docs/moderation.md", "python", "mask_contact_details"), names)

    async def masked(text: str) -> str:
        return str(await names["mask_contact_details"](Draft(1, 1, text)))

    assert await masked("Call +380 44 123-45-67 or a.b@example.com") == "Call [phone] or [e-mail]"
    assert await masked("see https://x.example/1 now") == "see [link] now"
    assert await masked("It costs 1500 for 2 nights") == "It costs 1500 for 2 nights"


@pytest.mark.parametrize(("id_", "state"), [("accept", "accepted"), ("decline", "declined")])
async def test_an_offer_is_answered_as_the_page_says(id_: str, state: str) -> None:
    names: dict[str, Any] = {"settings": {"auth": {"secret": "s" * 32}}}
    await in_steps(block("docs/custom-data-and-actions.md", "python", "make_offer"), names)
    hooks = {"on_action": names["on_action"], "on_event": names["on_event"]}
    async with a_site(**hooks) as site:
        names["chat"] = site.ada.chat
        room, buyer, seller = await site.room(), site.ada, site.ada.another(2)
        offer = await names["make_offer"](room, 1, 2, 120)
        url = f"/api/v1/chat/rooms/{room}/messages/"
        act = f"{url}{offer.message_id}/act/"
        refused = await buyer.post(act, json={"id": id_})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        async with buyer.socket(room) as socket:
            await socket.receive_json()
            done = await seller.post(act, json={"id": id_})
            assert done.json()["reply"] == "Done. The buyer will see it."
            assert (await seller.post(act, json={"id": id_})).status_code == 409
            said = ""
            while said != f"The offer of 120 € was {state}.":
                frame = await socket.receive_json()
                said = frame["message"]["text"] if frame["type"] == "chat_message" else ""
        offered, note = (await buyer.get(url)).json()["messages"]
    assert (offered["data"]["state"], offered["chosen"]["id"]) == (state, id_)
    assert (note["kind"], note["sender_id"], "actions" in offered) == ("system", None, False)
