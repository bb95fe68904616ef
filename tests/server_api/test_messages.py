"""Messages by the server API."""

import base64

from .conftest import Site


async def test_a_member_is_spoken_for(site: Site) -> None:
    room = await site.room(1, 2)
    async with site.ada.socket(room) as ada:
        assert await ada.receive_json() == []
        answer = await site.post(f"rooms/{room}/messages/", json={"text": "Hi", "sender": 2})
        assert answer.status_code == 201
        frame = await ada.receive_json()
        assert frame["type"] == "chat_message"
        assert frame["message"]["message_id"] == answer.json()["message_id"]
        assert answer.json()["sender_id"] == 2


async def test_a_message_sent_again_is_stored_once(site: Site) -> None:
    room = await site.room(1, 2)
    body = {"text": "Hi", "sender": 2, "client_id": "c1"}
    first = await site.post(f"rooms/{room}/messages/", json=body)
    again = await site.post(f"rooms/{room}/messages/", json=body)
    other = await site.post(f"rooms/{room}/messages/", json={**body, "text": "Ho"})
    assert [a.status_code for a in (first, again, other)] == [201, 200, 409]
    assert first.json()["message_id"] == again.json()["message_id"]
    del body["client_id"]
    key = {"Idempotency-Key": "c2"}
    codes = [
        (await site.post(f"rooms/{room}/messages/", json=body, headers=key)).status_code
        for _ in range(2)
    ]
    assert codes == [201, 200]


async def test_a_sender_who_is_no_member_is_not_found(site: Site) -> None:
    room = await site.room(1, 2)
    for path, body, detail in (
        (f"rooms/{room}/messages/", {"sender": 3}, "The sender is no member of this room."),
        ("rooms/99/messages/", {"sender": 1}, "There is nothing here."),
        (f"rooms/{room}/messages/", {"sender": 1, "reply_to": 9}, "There is nothing here."),
    ):
        answer = await site.post(path, json={"text": "Hi", **body})
        assert answer.status_code == 404
        assert answer.json() == {"detail": detail, "code": "not_found"}


async def test_an_empty_message_names_the_fields_of_this_api(site: Site) -> None:
    answer = await site.post(f"rooms/{await site.room(1, 2)}/messages/", json={})
    sentence = "A message needs text in `text` or a file in `files`."
    assert answer.json() == {"detail": sentence, "code": "empty_message"}


async def test_messages_are_paged_both_ways(site: Site) -> None:
    room = await site.room(1, 2)
    path = f"rooms/{room}/messages/"
    ids = [
        (await site.post(path, json={"text": f"{n}", "sender": 1})).json()["message_id"]
        for n in range(5)
    ]
    newest = (await site.get(path, params={"limit": 2})).json()
    assert [m["message_id"] for m in newest["results"]] == ids[3:]
    older = (await site.get(newest["next"])).json()
    assert [m["message_id"] for m in older["results"]] == ids[1:3]
    oldest = (await site.get(older["next"])).json()
    assert [m["message_id"] for m in oldest["results"]] == ids[:1]
    assert oldest["next"] is None
    after = (await site.get(path, params={"after": ids[0], "limit": 2})).json()
    assert [m["message_id"] for m in after["results"]] == ids[1:3]
    rest = (await site.get(after["next"])).json()
    assert [m["message_id"] for m in rest["results"]] == ids[3:]
    assert rest["next"] is None
    assert (await site.get("rooms/99/messages/")).status_code == 404


async def test_files_are_posted(site: Site) -> None:
    room = await site.room(1, 2)
    file = {"name": "a.txt", "type": "text/plain", "size": 2}
    file["data"] = base64.b64encode(b"hi").decode()  # type: ignore[assignment]
    answer = await site.post(f"rooms/{room}/messages/", json={"sender": 1, "files": [file]})
    assert answer.status_code == 201, answer.text
    (attachment,) = answer.json()["attachments"]
    assert (await site.get(attachment["file_url"])).content == b"hi"


async def test_the_site_changes_and_deletes_what_anybody_sent(site: Site) -> None:
    room = await site.room(1, 2)
    bob = site.ada.another(2)
    sent = (await bob.post(f"/api/v1/chat/rooms/{room}/messages/", json={"message": "tpyo"})).json()
    path = f"rooms/{room}/messages/{sent['message_id']}/"
    await bob.post("/api/v1/chat/blocks/1/")
    async with site.ada.socket(room) as ada:
        await ada.receive_json()
        answer = await site.patch(path, json={"text": "typo"})
        assert answer.json()["text"] == "typo"
        frame = await ada.receive_json()
        assert (frame["type"], frame["text"]) == ("message_edited", "typo")
        assert (await site.delete(path)).status_code == 204
        assert (await ada.receive_json())["type"] == "message_deleted"
    for answer in (await site.delete(path), await site.patch(path, json={"text": "x"})):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
