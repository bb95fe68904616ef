"""Editing and deleting: one's own messages, in this room, as often as one likes."""

import pytest

from ..client import Person
from ..shapes import Frame


@pytest.mark.parametrize("spell", [int, str])
@pytest.mark.parametrize("action", ["edit", "delete"])
async def test_the_id_may_be_a_number_or_its_text(
    ada: Person, room: int, spell: type, action: str
) -> None:
    async with ada.enters(room) as socket:
        message = await socket.says("one")
        await socket.does(action, message_id=spell(message["message_id"]), text="two")
        frame = await socket.next()
        assert frame["message_id"] == message["message_id"]
        assert frame["type"] == {"edit": "message_edited", "delete": "message_deleted"}[action]


async def test_an_edit_changes_the_text_and_nothing_else(
    ada: Person, bob: Person, room: int
) -> None:
    async with ada.enters(room) as a, bob.enters(room):
        await a.says("one", client_id="n1")
        before = (await a.receives("mark_message_as_read"))["message"]
        await a.does("edit", message_id=before["message_id"], text="two")
        after = (await a.receives("message_edited"))["message"]
    changed = {k for k in before if before[k] != after[k]}
    assert changed == {"text", "updated_at", "version"}
    assert after["updated_at"] > before["updated_at"]
    assert await ada.reads_all(room) == [after]


async def test_an_edit_takes_no_status_back(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a:
        async with bob.enters(room):
            message = await a.says("one")
            await a.receives("mark_message_as_read")
        await a.does("edit", message_id=message["message_id"], text="two")
        assert (await a.receives("message_edited"))["message"]["status"] == "read"
        unread = await a.says("unread")
        await a.does("edit", message_id=unread["message_id"], text="still unread")
        assert (await a.receives("message_edited"))["message"]["status"] == "send"


async def test_a_message_of_another_room_is_not_found(ada: Person, bob: Person, room: int) -> None:
    other = await ada.opens(bob)
    message = await ada.posts(other, "elsewhere")
    async with ada.enters(room) as here, ada.enters(other) as there:
        for action in ("edit", "delete"):
            error = await here.is_refused(action, message_id=message["message_id"], text="x")
            assert error["code"] == "not_found"
        await there.does("edit", message_id=message["message_id"], text="by its own room")
        assert (await there.next())["version"] == 2
    assert [m["text"] for m in await ada.reads_all(other)] == ["by its own room"]


async def test_a_foreign_message_stays_as_it_is(ada: Person, bob: Person, room: int) -> None:
    message = await ada.posts(room, "ada's")
    async with bob.enters(room) as b, ada.enters(room) as a:
        for action in ("edit", "delete"):
            error = await b.is_refused(action, message_id=message["message_id"], text="bob's")
            assert (error["code"], error["message_id"]) == ("forbidden", message["message_id"])
        await a.still_works()
        assert not a.saw("message_edited")
        assert not a.saw("message_deleted")
    assert (await ada.reads_all(room))[0]["text"] == "ada's"


async def test_the_creator_of_a_room_edits_nobody_else(
    ada: Person, bob: Person, trio: tuple[int, Person]
) -> None:
    room, _ = trio
    message = await bob.posts(room, "bob's")
    async with ada.enters(room) as socket:
        for action in ("edit", "delete"):
            error = await socket.is_refused(action, message_id=message["message_id"], text="x")
            assert error["code"] == "forbidden"


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "empty_message"), ("x" * 4001, "too_long"), ("a\x00b", "invalid_frame")],
)
async def test_a_bad_text_changes_nothing(ada: Person, room: int, text: str, code: str) -> None:
    async with ada.enters(room) as socket:
        message = await socket.says("one")
        error = await socket.is_refused("edit", message_id=message["message_id"], text=text)
        assert (error["code"], error["message_id"]) == (code, message["message_id"])
        assert (await socket.still_works())["version"] == 2
    assert (await ada.reads_all(room))[0] == message


async def test_an_edit_of_an_old_message_is_heard(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a:
        first = await a.says("first")
        for n in range(80):
            await a.sends(f"m{n}")
        await a.hears("m79")
        async with bob.enters(room) as b:
            assert first["message_id"] not in [m["message_id"] for m in b.first]
            await a.does("edit", message_id=first["message_id"], text="edited")
            frame = await b.receives("message_edited")
            assert (frame["text"], frame["version"]) == ("edited", 82)


async def test_edits_from_two_tabs_end_with_the_last(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as one, ada.enters(room) as two, bob.enters(room) as b:
        message_id = (await one.says("start"))["message_id"]
        for number in range(25):
            for name, tab in (("one", one), ("two", two)):
                await tab.does("edit", message_id=message_id, text=f"{name} {number}")
        edits: list[Frame] = []
        while len(edits) < 50:
            edits.append(await b.receives("message_edited"))
        assert [e["version"] for e in edits] == list(range(2, 52))
        stamps = [e["message"]["updated_at"] for e in edits]
        assert stamps == sorted(stamps)
    assert [m["text"] for m in await ada.reads_all(room)] == [edits[-1]["text"]]


async def test_deleting_again_is_not_found(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        message = await socket.says("one")
        await socket.does("delete", message_id=message["message_id"])
        await socket.does("delete", message_id=message["message_id"])
        assert (await socket.next())["type"] == "message_deleted"
        error = await socket.next()
        assert (error["code"], error["message_id"]) == ("not_found", message["message_id"])


async def test_message_ids_grow_and_are_never_used_again(ada: Person, room: int) -> None:
    async with ada.enters(room) as socket:
        ids = []
        for n in range(5):
            ids.append((await socket.says(f"m{n}"))["message_id"])
            await socket.does("delete", message_id=ids[-1])
            await socket.receives("message_deleted")
        assert ids == sorted(set(ids))
