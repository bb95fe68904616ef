"""Reactions: everybody sees them, a client that comes back too, and repeating them is safe."""

from typing import Any

import pytest

from ..client import Person, Socket
from ..shapes import Frame


async def reacts(socket: Socket, message: dict[str, Any], emoji: str, **fields: Any) -> Frame:
    await socket.does("react", message_id=message["message_id"], emoji=emoji, **fields)
    return await socket.receives("message_reacted", message_id=message["message_id"])


def shown(reactions: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {reaction["emoji"]: reaction["user_ids"] for reaction in reactions}


async def test_everybody_sees_who_reacted(
    ada: Person, bob: Person, trio: tuple[int, Person]
) -> None:
    room, carl = trio
    async with ada.enters(room) as a, bob.enters(room) as b, carl.enters(room) as c:
        message = await a.says("one")
        for version, (socket, emoji) in enumerate([(b, "👍"), (c, "🎉"), (a, "👍")], start=2):
            await socket.does("react", message_id=message["message_id"], emoji=emoji)
            for other in (a, b, c):
                last = await other.receives("message_reacted", version=version)
        assert shown(last["reactions"]) == {"👍": [bob.id, ada.id], "🎉": [carl.id]}
        assert a.saw("message_reacted") == b.saw("message_reacted") == c.saw("message_reacted")
    [stored] = await bob.reads_all(room)
    assert stored["reactions"] == last["reactions"]
    assert (stored["version"], stored["updated_at"]) == (4, message["updated_at"])


async def test_the_same_again_takes_it_back(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        message = await a.says("one")
        await b.hears("one")
        assert shown((await reacts(b, message, "👍"))["reactions"]) == {"👍": [bob.id]}
        assert shown((await reacts(b, message, "🎉"))["reactions"]) == {
            "👍": [bob.id],
            "🎉": [bob.id],
        }
        assert shown((await reacts(b, message, "👍"))["reactions"]) == {"🎉": [bob.id]}
        assert (await reacts(b, message, "🎉"))["reactions"] == []
    [stored] = await ada.reads_all(room)
    assert "reactions" not in stored
    assert stored["version"] == 5


@pytest.mark.parametrize("on", [True, False])
async def test_saying_which_is_safe_to_repeat(
    ada: Person, bob: Person, room: int, on: bool
) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        message = await a.says("one")
        await b.hears("one")
        await reacts(b, message, "👍", on=True)
        first = await reacts(b, message, "👍", on=on)
        again = await reacts(b, message, "👍", on=on)
        assert again == first
        assert shown(again["reactions"]) == ({"👍": [bob.id]} if on else {})
        last = await a.still_works()
        assert last["version"] == (3 if on else 4)
        assert len(a.saw("message_reacted")) == (1 if on else 2)


async def test_each_is_answered_after_its_change_was_told(ada: Person, room: int) -> None:
    async with ada.enters(room) as a:
        message = await a.says("one")
        for on in (True, True, False, False):
            await a.does("react", message_id=str(message["message_id"]), emoji="👍", on=on)
            await a.sends("between")
        for _ in range(4):
            await a.receives("message_reacted")
        await a.still_works()
        told = [(f["version"], len(f["reactions"])) for f in a.saw("message_reacted")]
        assert sorted(told) == [(2, 1), (2, 1), (5, 0), (5, 0)]
        versions = [f["version"] for f in a.seen[1:] if "version" in f]
        assert list(dict.fromkeys(versions)) == list(range(1, 9))


async def test_who_comes_back_gets_the_message_as_it_is(
    ada: Person, bob: Person, room: int
) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        one, _ = await a.says("one"), await a.says("two")
        await b.hears("two")
        await reacts(a, one, "👍")
        async with bob.enters(room, after=2) as back:
            assert [m["message_id"] for m in back.first["messages"]] == [one["message_id"]]
            assert shown(back.first["messages"][0]["reactions"]) == {"👍": [ada.id]}
            assert back.first["version"] == 3
        async with bob.enters(room) as fresh:
            assert [m.get("reactions") is None for m in fresh.first] == [False, True]
        await b.does("history")
        page = (await b.receives("history"))["messages"]
        assert page == await ada.reads_all(room)
        assert shown(page[0]["reactions"]) == {"👍": [ada.id]}


async def test_later_frames_of_the_message_have_its_reactions(
    ada: Person, bob: Person, room: int
) -> None:
    async with ada.enters(room) as a, bob.enters(room, receipts="manual") as b:
        message = await a.says('"status":"send"', client_id="c1")
        await b.hears('"status":"send"')
        await reacts(b, message, "👍")
        await b.does("read", message_id=message["message_id"])
        read = (await a.receives("mark_message_as_read"))["message"]
        assert shown(read["reactions"]) == {"👍": [bob.id]}
        assert read == (await ada.reads_all(room))[0]
        await a.does("edit", message_id=message["message_id"], text="two")
        edited = (await b.receives("message_edited"))["message"]
        assert shown(edited["reactions"]) == {"👍": [bob.id]}


async def test_a_deleted_message_has_none(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a:
        message = await a.says("one")
        await reacts(a, message, "👍")
        await a.does("delete", message_id=message["message_id"])
        await a.receives("message_deleted")
        error = await a.is_refused("react", message_id=message["message_id"], emoji="👍")
        assert (error["code"], error["message_id"]) == ("not_found", message["message_id"])
        assert (await a.still_works())["version"] == 4


async def test_only_members_react_and_only_in_the_room(ada: Person, bob: Person, room: int) -> None:
    elsewhere = await ada.posts(await ada.opens(bob), "elsewhere")
    async with bob.enters(room) as b:
        error = await b.is_refused("react", message_id=elsewhere["message_id"], emoji="👍")
        assert (error["code"], error["action"]) == ("not_found", "react")
        assert (await b.still_works())["version"] == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"emoji": ""},
        {"emoji": " "},
        {"emoji": "👍" * 33},
        {"emoji": "a\x00"},
        {"emoji": 5},
        {},
        {"emoji": "👍", "on": "yes"},
    ],
)
async def test_a_wrong_emoji_is_refused(ada: Person, room: int, fields: dict[str, Any]) -> None:
    async with ada.enters(room) as a:
        message = await a.says("one")
        error = await a.is_refused("react", message_id=message["message_id"], **fields)
        assert (error["code"], error["message_id"]) == ("invalid_frame", message["message_id"])
        family = "👩🏽\u200d❤️\u200d💋\u200d👨🏿"
        assert shown((await reacts(a, message, family))["reactions"]) == {family: [ada.id]}


@pytest.mark.parametrize("emoji", ["x", "lunch?", "1", "👍👍", "👍 no", "\u200b"])
async def test_a_reaction_is_one_emoji(ada: Person, room: int, emoji: str) -> None:
    async with ada.enters(room) as a:
        message = await a.says("one")
        error = await a.is_refused("react", message_id=message["message_id"], emoji=emoji)
        assert (error["code"], error["message"]) == ("invalid_frame", "emoji: one emoji is needed.")


async def test_a_setting_lets_any_text_be_a_reaction(serve: Any, cast: Any) -> None:
    ada, bob, _ = cast(serve(reactions_any_text=True))
    room = await ada.opens(bob)
    async with ada.enters(room) as a:
        message = await a.says("one")
        assert shown((await reacts(a, message, "x" * 32))["reactions"]) == {"x" * 32: [ada.id]}
        error = await a.is_refused("react", message_id=message["message_id"], emoji="\u200b")
        assert error["code"] == "invalid_frame"


async def test_an_emoji_counts_once_in_all_its_forms(ada: Person, bob: Person, room: int) -> None:
    async with ada.enters(room) as a, bob.enters(room) as b:
        message = await a.says("one")
        await b.hears("one")
        await reacts(a, message, "❤️", on=True)
        await b.receives("message_reacted")
        assert shown((await reacts(b, message, "❤", on=True))["reactions"]) == {
            "❤️": [ada.id, bob.id]
        }
        assert shown((await reacts(b, message, "❤"))["reactions"]) == {"❤️": [ada.id]}
        await a.does("react", message_id=message["message_id"], emoji="❤", on=False)
        assert (await a.receives("message_reacted", version=5))["reactions"] == []


async def test_a_message_has_so_many_emoji_and_no_more(serve: Any, cast: Any) -> None:
    ada, bob, _ = cast(serve(limits_max_reactions_per_message=2))
    room = await ada.opens(bob)
    async with ada.enters(room) as a, bob.enters(room) as b:
        message = await a.says("one")
        await b.hears("one")
        await reacts(a, message, "👍")
        await reacts(a, message, "🎉")
        error = await b.is_refused("react", message_id=message["message_id"], emoji="🙂")
        assert (error["code"], "2" in error["message"]) == ("invalid_frame", True)
        assert shown((await reacts(b, message, "🎉"))["reactions"])["🎉"] == [ada.id, bob.id]
