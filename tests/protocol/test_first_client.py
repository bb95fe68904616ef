"""The first React client and the seed's page: every field and frame that they read is there."""

from typing import Any

from ..client import Person, includes

HISTORY = ("text", "message_id", "sender_id", "status", "created_at", "updated_at", "attachments")
NOTICE = (
    "room_id", "counter_by_room", "last_message", "status", "sender_id", "sender_status",
    "created_at", "updated_at",
)  # fmt: skip
PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)


async def test_the_list_asked_with_a_profile_has_both_profiles(ada: Person, bob: Person) -> None:
    room = await ada.opens(bob)
    await bob.posts(room, "to you")
    answer = (await ada.get("chat/recieve/", profile_id=ada.id)).json()
    assert set(answer) == {"count", "next", "previous", "results"}
    found = next(r for r in answer["results"] if r["room_id"] == room)
    profiles = [found["first_user_profile"], found["second_user_profile"]]
    assert [set(p) for p in profiles] == [{"id", "username", "picture"}] * 2
    assert {p["id"] for p in profiles} == {ada.id, bob.id}
    assert [p["id"] for p in profiles] == [m["user_id"] for m in found["members"]]
    last = found["last_message"]
    assert includes(last, {"content": "to you", "from_this_user": False})
    assert last["created_at"]


async def test_no_other_list_has_profiles(ada: Person, bob: Person) -> None:
    room = await ada.opens(bob)
    for params in ({}, {"first_user": ada.id}):
        (found, *_) = (await ada.get("chat/receive/", **params)).json()["results"]
        assert found["room_id"] == room
        assert not {"first_user_profile", "second_user_profile"} & set(found)


async def test_rooms_of_more_than_two_have_no_profiles(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await ada.opens(bob, eve)
    (found, *_) = (await ada.get("chat/receive/", profile_id=ada.id)).json()["results"]
    assert found["room_id"] == room
    assert "first_user_profile" not in found


async def test_notifications_are_nested_unless_asked_otherwise(stranger: Any) -> None:
    carl, dora = stranger(), stranger()
    room = await carl.opens(dora)
    await carl.posts(room, "one")
    async with dora.listens("") as nested, dora.listens("?format=flat") as flat:
        assert set(nested.first) == {"type", "messages"}
        assert nested.first["type"] == "notify"
        assert nested.first["messages"]["counter"] == 1
        (notice,) = nested.first["messages"]["messages"]
        assert set(NOTICE) <= set(notice)
        await carl.posts(room, "two")
        frame = await nested.receives("notify", messages={"counter": 2})
        (notice,) = frame["messages"]["messages"]
        same = await flat.receives("notify", counter=2)
        assert includes(notice, {"room_id": room, "counter_by_room": 2, "last_message": "two"})
        assert same["messages"][0] | {"status": notice["status"]} == notice
    unread = (await dora.get("chat/unread/")).json()
    assert unread["counter"] == 2
    assert isinstance(unread["messages"], list)


async def test_frames_have_what_the_seed_documents(ada: Person, bob: Person) -> None:
    room = await ada.opens(bob)
    async with ada.enters(room) as his, bob.enters(room) as hers:
        assert his.first == []
        await his.sends("Hello, how are you?", file=None)
        sent = await his.receives("chat_message")
        for kind in ("mark_message_as_delivered", "mark_message_as_read"):
            marked = await his.receives(kind)
            assert set(HISTORY) - {"attachments"} <= set(marked["message"])
        assert set(HISTORY) <= set(sent["message"])
        id_ = str(sent["message"]["message_id"])  # the page sends it as a string
        await his.does("edit", message_id=id_, text="new message")
        edited = await hers.receives("message_edited")
        assert includes(edited, {"message_id": int(id_), "text": "new message"})
        file = {"name": "a.png", "size": 70, "type": "image/png", "data": PNG}
        await his.sends("", file=file)
        (shown,) = (await hers.receives("chat_message"))["message"]["attachments"]
        assert {"file_url", "file_name", "content_type"} <= set(shown)
        await his.does("delete", message_id=id_)
        deleted = await hers.receives("message_deleted")
        assert deleted["message_id"] == int(id_)
    async with bob.enters(room) as again:
        assert all(set(HISTORY) <= set(message) for message in again.first)
