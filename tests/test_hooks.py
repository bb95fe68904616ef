"""The host's say: in texts before they are stored, and in how users are called."""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from httpx_ws import AsyncWebSocketSession
from roomcast.integrations import hooks
from roomcast.integrations.hooks import Draft, Profile
from roomcast.protocol.errors import Forbidden
from roomcast.testing import ChatClient, chat_client

NUMBER = re.compile(r"\+?\d[\d ]{6,}\d")


class Host:
    """Masks phone numbers, refuses insults, and writes down what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Draft] = []

    async def __call__(self, draft: Draft) -> str:
        self.asked.append(draft)
        if "fool" in draft.text:
            raise Forbidden("Please be kind.")
        return NUMBER.sub("[number]", draft.text)


async def post(client: ChatClient, room: int, **send: Any) -> Any:
    url = f"/api/v1/chat/rooms/{room}/messages/"
    return (await client.post(url, json=send)).json()


async def say(socket: AsyncWebSocketSession, **action: Any) -> Any:
    """What the socket hears next."""
    await socket.send_json(action)
    return await socket.receive_json()


async def texts(client: ChatClient, room: int) -> list[str]:
    page = await client.get(f"/api/v1/chat/rooms/{room}/messages/")
    return [message["text"] for message in page.json()["messages"]]


# ---------------------------------------------------------------- before_send


async def test_a_text_is_changed_before_anybody_sees_it() -> None:
    host = Host()
    async with chat_client(1, before_send=host) as ada:
        room = (await ada.chat.open_room([1, "bob"])).id
        async with ada.another("bob").socket(room) as at_bobs, ada.socket(room) as at_adas:
            await at_bobs.receive_json()
            await at_adas.receive_json()
            await at_adas.send_json({"action": "send", "message": "Call +380 44 123 45 67"})
            heard = (await at_bobs.receive_json())["message"]
            assert heard["text"] == "Call [number]"
        sent = await post(ada, room, message="or 044 123 45 68")
        assert sent["text"] == "or [number]"
        assert await texts(ada, room) == ["Call [number]", "or [number]"]
    assert host.asked[0] == Draft(room, 1, "Call +380 44 123 45 67")
    assert len(host.asked) == 2


async def test_a_refused_text_is_answered_with_the_hosts_sentence_and_stored_nowhere() -> None:
    async with chat_client(1, before_send=Host()) as ada:
        room = (await ada.chat.open_room([1, 2])).id
        async with ada.socket(room) as socket:
            await socket.receive_json()
            said = await say(socket, action="send", message="You fool", client_id="c1")
            assert said == {
                "type": "error",
                "message": "Please be kind.",
                "code": "forbidden",
                "action": "send",
                "client_id": "c1",
            }
            assert (await say(socket, action="send", message="Hello"))["type"] == "chat_message"
        url = f"/api/v1/chat/rooms/{room}/messages/"
        answer = await ada.post(url, json={"message": "You fool"})
        assert answer.status_code == 403
        assert answer.json() == {"detail": "Please be kind.", "code": "forbidden"}
        assert await texts(ada, room) == ["Hello"]


async def test_of_a_refused_message_no_file_stays(tmp_path: Path) -> None:
    async with chat_client(1, folder=tmp_path, before_send=Host()) as ada:
        room = (await ada.chat.open_room([1, 2])).id
        file = {"name": "a.txt", "size": 2, "type": "text/plain", "data": "aGk="}
        refused = await post(ada, room, message="You fool", file=file)
        assert refused["detail"] == "Please be kind."
        assert [path for path in (tmp_path / "attachments").rglob("*") if path.is_file()] == []
        sent = await post(ada, room, message="044 123 45 67", file=file)
        assert (sent["text"], len(sent["attachments"])) == ("[number]", 1)


async def test_an_edit_is_no_way_around_the_host() -> None:
    host = Host()
    async with chat_client(1, before_send=host) as ada:
        room = (await ada.chat.open_room([1, 2])).id
        async with ada.socket(room) as socket:
            await socket.receive_json()
            id_ = (await say(socket, action="send", message="Hello"))["message"]["message_id"]
            edited = await say(socket, action="edit", message_id=id_, text="044 123 45 67")
            assert (edited["type"], edited["text"]) == ("message_edited", "[number]")
            refused = await say(socket, action="edit", message_id=id_, text="You fool")
            assert (refused["code"], refused["message_id"]) == ("forbidden", id_)
        assert await texts(ada, room) == ["[number]"]
    assert host.asked[1] == Draft(room, 1, "044 123 45 67", id_, "edit")


@pytest.mark.parametrize("by_socket", [True, False])
async def test_an_edit_of_data_is_no_way_around_the_host(by_socket: bool) -> None:
    host = Host()
    async with chat_client(1, before_send=host) as ada:
        room = (await ada.chat.open_room([1, 2])).id
        async with ada.socket(room) as socket:
            await socket.receive_json()
            sent = await say(socket, action="send", message="Hello", data={"note": "044 123 45 60"})
            id_ = sent["message"]["message_id"]
            assert sent["message"]["data"] == {"note": "[number]"}

            async def edit(**fields: Any) -> Any:
                if by_socket:
                    return await say(socket, action="edit", message_id=id_, **fields)
                url = f"/api/v1/chat/rooms/{room}/messages/{id_}/"
                answer = (await ada.patch(url, json=fields)).json()
                return answer if "code" in answer else {"message": answer}

            edited = (await edit(data={"note": "044 123 45 67"}))["message"]
            assert (edited["text"], edited["data"]) == ("Hello", {"note": "[number]"})
            assert (await edit(data={"note": "You fool"}))["code"] == "forbidden"
            assert (await edit(text="You", data={"note": "fool"}))["code"] == "forbidden"
        page = (await ada.get(f"/api/v1/chat/rooms/{room}/messages/")).json()
        (message,) = page["messages"]
        assert (message["text"], message["data"]) == ("Hello", {"note": "[number]"})
    assert host.asked[2] == Draft(room, 1, '{"note":"044 123 45 67"}', id_, "data")


async def test_a_message_sent_again_is_asked_about_once() -> None:
    host = Host()
    async with chat_client(1, before_send=host) as ada:
        room = (await ada.chat.open_room([1, 2])).id
        once = {"message": "Call 044 123 45 67", "client_id": "c1"}
        first, again = [await post(ada, room, **once) for _ in range(2)]
        assert first["message_id"] == again["message_id"]
        async with ada.socket(room) as socket:
            await socket.receive_json()
            assert (await say(socket, action="send", **once))["message"]["text"] == "Call [number]"
        other = await post(ada, room, message="Call [number]", client_id="c1")
        assert other["code"] == "conflict"
        assert await texts(ada, room) == ["Call [number]"]
    assert len(host.asked) == 1


async def test_frames_of_a_socket_keep_their_order_while_the_host_thinks() -> None:
    async def thinks(draft: Draft) -> str:
        for _ in range(20 if draft.text == "first" else 1):
            await asyncio.sleep(0)
        return draft.text

    async with chat_client(1, before_send=thinks) as ada:
        room = (await ada.chat.open_room([1, 2])).id
        async with ada.socket(room) as socket:
            await socket.receive_json()
            for text in ("first", "second", "third"):
                await socket.send_json({"action": "send", "message": text})
            await socket.send_json({"action": "ping"})
            heard = [await socket.receive_json() for _ in range(4)]
    said = [frame["message"]["text"] for frame in heard if frame["type"] == "chat_message"]
    assert said == ["first", "second", "third"]


async def test_the_hosts_own_words_pass_unasked() -> None:
    host = Host()
    async with chat_client(1, before_send=host) as ada:
        room = (await ada.chat.open_room([1, 2])).id
        await ada.chat.post(room, sender=1, text="Our number: 044 123 45 67")
        assert await texts(ada, room) == ["Our number: 044 123 45 67"]
    assert host.asked == []


async def test_the_host_is_not_troubled_with_what_is_refused_anyway() -> None:
    host = Host()
    async with chat_client(1, before_send=host) as ada:
        room = (await ada.chat.open_room([1, 2])).id
        codes = [
            (await post(ada, room, message=""))["code"],
            (await post(ada, room, message="x" * 5_000))["code"],
            (await post(ada.another(3), room, message="Hello"))["code"],
        ]
        assert codes == ["empty_message", "too_long", "not_found"]
        assert host.asked == []
        assert (await post(ada, room, message="Hello"))["text"] == "Hello"
    assert len(host.asked) == 1


async def fails(draft: Draft) -> str:
    raise ZeroDivisionError


async def forgets(draft: Draft) -> Any:
    return None


async def empties(draft: Draft) -> str:
    return " "


async def hangs(draft: Draft) -> str:
    await asyncio.Event().wait()
    raise AssertionError


async def waits_for_what_was_cancelled(draft: Draft) -> str:
    work = asyncio.get_running_loop().create_future()
    work.cancel()
    await work
    raise AssertionError


@pytest.mark.parametrize(
    ("hook", "code"),
    [
        (fails, "internal"),
        (waits_for_what_was_cancelled, "internal"),
        (forgets, "internal"),
        (empties, "empty_message"),
        (hangs, "unavailable"),
    ],
)
async def test_where_the_host_has_no_good_answer_nothing_passes(
    hook: Any, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "APPROVAL_TIMEOUT", 0.05)
    async with chat_client(1, before_send=hook) as ada:
        room = (await ada.chat.open_room([1, 2])).id
        async with ada.socket(room) as socket:
            await socket.receive_json()
            said = await say(socket, action="send", message="Hello", client_id="c1")
            assert (said["type"], said["code"], said["client_id"]) == ("error", code, "c1")
            assert await say(socket, action="ping") == {"type": "pong"}
        assert (await post(ada, room, message="Hello"))["code"] == code
        assert await texts(ada, room) == []


# ---------------------------------------------------------------- describe_users


class People:
    """The site's users; it writes down whom it was asked for."""

    def __init__(self, **faces: Profile) -> None:
        self.faces: dict[int | str, Profile] = {
            int(user) if user.isdigit() else user: face for user, face in faces.items()
        }
        self.asked: list[list[int | str]] = []

    async def __call__(self, users: Sequence[int | str]) -> Mapping[int | str, Profile]:
        self.asked.append(list(users))
        return {user: self.faces[user] for user in users if user in self.faces}


async def names(client: ChatClient) -> dict[Any, Any]:
    """What the room list calls everybody."""
    rooms = (await client.get("/api/v1/chat/receive/")).json()["results"]
    return {m["user_id"]: m["name"] for room in rooms for m in room["members"]}


FACES = {"1": Profile("Ada", "https://shop.example/ada.png"), "bob": Profile("Bob")}


async def test_members_are_called_as_the_host_calls_them() -> None:
    people = People(**FACES)
    async with chat_client(1, claims={"name": "A. L."}, describe_users=people) as ada:
        room = (await ada.chat.open_room([1, "bob"])).id
        (listed,) = (await ada.get("/api/v1/chat/receive/")).json()["results"]
        one = (await ada.get(f"/api/v1/chat/rooms/{room}/")).json()
    for shown in (listed, one):
        told = [(m["user_id"], m["name"], m["picture"]) for m in shown["members"]]
        assert told == [(1, "Ada", "https://shop.example/ada.png"), ("bob", "Bob", None)]
    assert people.asked == [[1, "bob"]]


async def test_of_whom_the_host_says_nothing_the_token_does() -> None:
    async with chat_client(1, claims={"name": "A. L."}, describe_users=People()) as ada:
        await ada.chat.open_room([1, 2])
        assert await names(ada) == {1: "A. L.", 2: None}


async def test_a_name_is_asked_for_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    people = People(**FACES)
    async with chat_client(1, describe_users=people) as ada:
        await ada.chat.open_room([1, "bob"])
        assert await names(ada) == {1: "Ada", "bob": "Bob"}
        people.faces["bob"] = Profile("Robert")
        assert await names(ada) == {1: "Ada", "bob": "Bob"}
        monkeypatch.setattr(hooks, "monotonic", lambda: 1e9)
        assert await names(ada) == {1: "Ada", "bob": "Robert"}
    assert len(people.asked) == 2


async def test_only_so_many_names_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "MAX_CACHED_PROFILES", 3)
    monkeypatch.setattr(hooks, "USER_BATCH", 2)
    people = People(**{str(user): Profile(f"User {user}") for user in range(5)})
    faces = hooks.HostProfiles(people)
    everyone = [str(user) for user in range(5)]
    assert len(await faces.of(everyone)) == 5
    assert people.asked == [[0, 1], [2, 3], [4]]
    assert len(faces.cached) == 3
    assert (await faces.of(["4", "0"]))["0"] == Profile("User 0")
    assert people.asked[3:] == [[0]]


async def test_a_host_that_fails_leaves_the_names_as_they_were(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = 1_000.0
    monkeypatch.setattr(hooks, "monotonic", lambda: clock)
    people = People(**FACES)
    faces = hooks.HostProfiles(people)
    assert await faces.of(["1", "bob"]) == {"1": FACES["1"], "bob": FACES["bob"]}

    async def fails(users: Sequence[int | str]) -> Mapping[int | str, Profile]:
        people.asked.append(list(users))
        raise ZeroDivisionError

    faces.describe = fails
    clock += hooks.PROFILE_TTL + 1
    with caplog.at_level(logging.WARNING, "roomcast.hooks"):
        assert await faces.of(["bob", "carl"]) == {"bob": FACES["bob"]}
        assert await faces.of(["carl"]) == {}
    assert people.asked == [[1, "bob"], ["bob", "carl"]]  # not again at once
    assert len(caplog.records) == 1
    clock += hooks.RETRY_DELAY + 1
    faces.describe = people
    people.faces["carl"] = Profile("Carl")
    assert await faces.of(["carl"]) == {"carl": Profile("Carl")}


async def test_a_host_that_hangs_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "DESCRIPTION_TIMEOUT", 0.01)

    async def hangs(users: Sequence[int | str]) -> Mapping[int | str, Profile]:
        await asyncio.Event().wait()
        raise AssertionError

    async with chat_client(1, claims={"name": "Ada"}, describe_users=hangs) as ada:
        await ada.chat.open_room([1, 2])
        assert await names(ada) == {1: "Ada", 2: None}


async def test_a_name_alone_will_do() -> None:
    async def describe(users: Sequence[int | str]) -> Any:
        return dict.fromkeys(users, "Ada")

    assert await hooks.HostProfiles(describe).of(["1"]) == {"1": Profile("Ada")}


@pytest.mark.parametrize("told", [("Ada\x00",), (5, 5), ("x" * 300, "javascript:alert(1)"), ()])
async def test_what_is_no_name_and_no_picture_is_none(told: tuple[object, ...]) -> None:
    async def describe(users: Sequence[int | str]) -> Any:
        return {"1": told, 2: ("Bob", "https://shop.example/bob.png")}

    found = await hooks.HostProfiles(describe).of(["1", "2"])
    assert found == {"2": Profile("Bob", "https://shop.example/bob.png")}


async def test_a_picture_that_is_not_shown_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def describe(users: Sequence[int | str]) -> Any:
        known = {1: Profile("Ada", "/ada.png"), 2: Profile("Bob", "https://shop.example/bob.png")}
        return {user: known[int(user)] for user in users}

    profiles = hooks.HostProfiles(describe)
    assert await profiles.of(["1"]) == {"1": Profile("Ada")}
    await profiles.of(["1", "2"])
    (line,) = caplog.messages
    assert line.startswith(
        "describe_users: user=1 users=1 error=picture: an address that starts with http"
    )


async def test_the_host_is_asked_for_every_text_that_others_will_see() -> None:
    host = Host()
    async with chat_client(1, before_send=host) as ada:
        create = {"members": [1, 2, 3], "title": "Call 044 123 45 67", "context": "listing:5"}
        room = (await ada.post("/api/v1/chat/create/", json=create)).json()
        assert room["title"] == "Call [number]"
        id_ = room["id"]
        url = f"/api/v1/chat/rooms/{id_}/"
        assert (await ada.patch(url, json={"title": "fool"})).status_code == 403
        assert (await ada.patch(url, json={"title": "Tea"})).json()["title"] == "Tea"
        file = {"name": "044 123 45 67.txt", "size": 2, "type": "text/plain", "data": "aGk="}
        sent = await post(ada, id_, message="Hi", file=file)
        assert sent["attachments"][0]["file_name"] == "[number].txt"
        wish = {"room_id": id_, "name": "fool.txt", "size": 2, "type": "text/plain"}
        assert (await ada.post("/api/v1/chat/attachments/", json=wish)).status_code == 403
        async with ada.socket(id_) as socket:
            await socket.receive_json()
            on = {"action": "react", "message_id": sent["message_id"], "emoji": "👍"}
            assert (await say(socket, **on))["type"] == "message_reacted"
            assert (await say(socket, **on, on=False))["type"] == "message_reacted"
            edit = {"action": "edit", "message_id": sent["message_id"], "text": "Hello"}
            assert (await say(socket, **edit))["type"] == "message_edited"
    kinds = "context title title title message file_name file_name reaction edit"
    assert [draft.kind for draft in host.asked] == kinds.split()
    assert [draft.room_id for draft in host.asked][:3] == [None, None, id_]
    assert [draft.message_id for draft in host.asked][-2:] == [sent["message_id"]] * 2
