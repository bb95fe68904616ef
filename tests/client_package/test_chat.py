"""Chat and AsyncChat against a real server, and `roomcast admin` on top of them."""

import asyncio
import json
import shlex
from collections.abc import Callable
from typing import Any

import click
import pytest
from click.testing import CliRunner
from roomcast.client import AsyncChat, Chat, ChatError, LocalFile
from roomcast.server.cli import main
from roomcast.server.commands.admin import admin_group

from ..client import Person
from ..conftest import Cast
from ..server import Server

KEY = "a-key-of-the-tests-alone-32-characters-and-more"


@pytest.fixture
def site(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server whose server API has one key."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return serve(server_api_keys=KEY)


def test_a_site_runs_its_chat(site: Server) -> None:
    with Chat(site.url, KEY) as chat:
        room = chat.open_room(["c1", "c2"], context="order:1", title="Order 1")
        assert chat.open_room(["c2", "c1"], context="order:1").room_id == room.room_id
        assert chat.room(room).title == "Order 1"
        assert chat.update_room(room, title="Order one").title == "Order one"
        assert [r.room_id for r in chat.rooms(user="c1", context="order:1")] == [room.room_id]
        sent = chat.post(
            room, "Hello", sender="c1", client_id="n1", files=[LocalFile("a.txt", b"a")]
        )
        again = chat.post(
            room, "Hello", sender="c1", client_id="n1", files=[LocalFile("a.txt", b"a")]
        )
        assert (again.message_id, sent.status) == (sent.message_id, "send")
        assert sent.attachments[0]["file_name"] == "a.txt"
        other = chat.post(room, "To be deleted", sender="c2")
        assert chat.unread("c1").counter == 1
        assert chat.edit(room, sent, text="Hello!").text == "Hello!"
        chat.delete_message(room, other)
        assert [m.text for m in chat.messages(room)] == ["Hello!"]
        chat.delete_room(room)
        with pytest.raises(ChatError, match="not_found"):
            chat.room(room)


def test_a_site_pages_through_its_rooms_and_messages(site: Server) -> None:
    with Chat(site.url, KEY) as chat:
        room = chat.open_room(["p1", "p2", "p3"])
        ids = [chat.post(room, f"{n}", sender="p1").message_id for n in range(3)]
        page = chat.messages(room, limit=2)
        assert ([m.message_id for m in page], page.has_more) == (ids[1:], True)
        page = chat.messages(room, limit=2, before=ids[1])
        assert ([m.message_id for m in page], page.has_more) == (ids[:1], False)
        chat.add_member(room, "p4")
        chat.remove_member(room, "p3")
        members = {member["user_id"] for member in chat.room(room).members}
        assert members == {"p1", "p2", "p4"}


async def test_a_site_looks_after_its_users(site: Server, cast: Cast) -> None:
    ada, _, _ = cast(site)
    async with AsyncChat(site.url, KEY) as chat:
        shown = await chat.set_user("u/1", name="Ü", email="u@example.com")
        assert (shown.name, (await chat.user("u/1")).email) == ("Ü", "u@example.com")
        made = await chat.create_token("u/1", ttl=60)
        user = Person(site, ada.http, "u/1", "u")
        user.token = lambda **_: made.token  # type: ignore[method-assign]
        room = (await chat.open_room(["u/1", "u2"])).room_id
        async with user.enters(room) as socket:
            await chat.disconnect("u/1")
            assert await socket.closes() == 4005
        async with user.enters(room) as socket:
            await chat.ban("u/1", reason="spam")
            assert await socket.closes() == 4005
        assert (await chat.user("u/1")).banned["reason"] == "spam"
        await chat.unban("u/1")
        assert (await chat.user("u/1")).banned is False
        await chat.post(room, "mine", sender="u/1")
        records = [record async for record in chat.export_user("u/1")]
        assert (records[0]["user_id"], records[-1]["type"]) == ("u/1", "end")
        await chat.erase_user("u/1")
        assert (await chat.stats()).users >= 2


async def test_wrong_keys_and_users_tokens_are_refused(site: Server, cast: Cast) -> None:
    ada, _, _ = cast(site)
    for key in ("x" * 40, ada.token()):
        async with AsyncChat(site.url, key) as chat:
            with pytest.raises(ChatError) as refusal:
                await chat.stats()
            assert (refusal.value.status, refusal.value.code) == (401, "unauthenticated")


# ---------------------------------------------------------------- roomcast admin


def admin(site: Server, *arguments: str, code: int = 0) -> str:
    """What the command prints, with the server's own settings."""
    environment = {f"ROOMCAST_{k.upper()}": str(v) for k, v in site.settings.items()}
    environment |= {"ROOMCAST_SERVER_PORT": str(site.port)}
    done = CliRunner().invoke(main, ["admin", *arguments], env=environment)
    assert done.exit_code == code, done.output
    return done.output if code else done.stdout


def admin_json(site: Server, *arguments: str) -> Any:
    return json.loads(admin(site, *arguments, "--json"))


def test_admin_reads_and_changes_a_running_server(site: Server) -> None:
    with Chat(site.url, KEY) as chat:
        room = chat.open_room(["a1", "a2"], context="order:9", title="Order 9").room_id
    shown = admin_json(site, "rooms", "--user", "a1")
    assert [r["room_id"] for r in shown["results"]] == [room]
    assert admin(site, "rooms", "--user", "a1") == f"{room}  members a1, a2  Order 9  order:9\n"
    assert admin_json(site, "rooms", str(room))["title"] == "Order 9"
    sent = admin_json(site, "post", str(room), "Hello", "--sender", "a1", "--client-id", "n1")
    assert sent["text"] == "Hello"
    assert "a1: Hello" in admin(site, "messages", str(room))
    assert "is deleted" in admin(site, "messages", str(room), "--delete", str(sent["message_id"]))
    assert admin_json(site, "messages", str(room))["results"] == []
    assert admin_json(site, "users", "a1", "--name", "Ada")["name"] == "Ada"
    assert "for good" in admin(site, "ban", "a1", "--reason", "spam")
    assert admin_json(site, "users", "a1")["banned"]["reason"] == "spam"
    assert "banned for good" in admin(site, "users", "a1")
    assert "no longer" in admin(site, "ban", "a1", "--lift")
    assert "closed" in admin(site, "users", "a1", "--disconnect")
    assert "erased" in admin(site, "users", "a1", "--erase")
    assert admin_json(site, "stats")["rooms"] >= 1
    assert "messages" in admin(site, "stats")
    assert admin_json(site, "rooms", str(room), "--delete") == {"ok": True}


def asked_of_admin(site: Server, place: dict[str, str]) -> dict[str, Any]:
    """Every command of `roomcast admin` with each of its options, by `--json`, in this order."""
    asked = [line.format(**place) for line in ADMIN_LINES]
    return {line: admin_json(site, *shlex.split(line)) for line in asked}


ADMIN_LINES = [
    "rooms --user j1", "rooms --context order:json", "rooms --query garden",
    "rooms --query garden --cursor {cursor}", "rooms {room}", "rooms {room} --freeze",
    "rooms {room} --unfreeze", "post {room} Hello", "post {room} Hi --sender j1 --client-id n1",
    "messages {room}", "messages {room} --before {message} --limit 1",
    "messages {room} --after {message}", "messages {room} --delete {message}", "users j1",
    "users j1 --name Jay", "users j1 --disconnect", "ban j1 --until 2090-01-01T00:00:00Z",
    "ban j1 --reason spam", "ban j1 --lift", "reports", "reports --state resolved",
    "reports --cursor {report}", "reports --resolve {report} --note Seen", "stats",
    "users j1 --erase", "rooms {room} --delete",
]  # fmt: skip
COMMON = {"--settings", "--url", "--key", "--json", "--help"}


def test_every_option_of_admin_is_asked_for() -> None:
    """Fails when a command or an option is added without a line."""
    options = {
        (name, option.opts[0])
        for name, command in admin_group.commands.items()
        for option in command.params
        if isinstance(option, click.Option) and option.opts[0] not in COMMON
    }
    asked = {
        (line.split()[0], word)
        for line in ADMIN_LINES
        for word in line.split()
        if word.startswith("--")
    }
    assert options <= asked
    assert {line.split()[0] for line in ADMIN_LINES} == set(admin_group.commands)


async def test_admin_answers_every_call_as_json(site: Server, cast: Cast) -> None:
    ada, _, _ = cast(site)
    with Chat(site.url, KEY) as chat:
        room = chat.open_room(["j1", ada.id], context="order:json", title="Garden").room_id
        message = chat.post(room, "Buy now!", sender="j1").message_id
        page = chat.rooms(query="garden")
    path = f"chat/rooms/{room}/messages/{message}/report/"
    assert (await ada.post(path, {"reason": "spam"})).status_code == 204
    with Chat(site.url, KEY) as chat:
        (report,) = chat.reports()
    assert page.cursor is None
    newest = f"0-0-{room + 1}"
    place = {"room": f"{room}", "message": f"{message}", "report": f"{report.id}", "cursor": newest}
    said = await asyncio.to_thread(asked_of_admin, site, place)
    answers = {line.format(**place): line for line in ADMIN_LINES}
    shown = {answers[line]: answer for line, answer in said.items()}
    for line in ("rooms --user j1", "rooms --context order:json", "rooms --query garden",
                 "rooms --query garden --cursor {cursor}"):  # fmt: skip
        assert [found["room_id"] for found in shown[line]["results"]] == [room], line
    assert shown["rooms {room}"]["title"] == "Garden"
    assert shown["rooms {room} --freeze"]["frozen"] is True
    assert "frozen" not in shown["rooms {room} --unfreeze"]
    assert shown["post {room} Hello"]["kind"] == "system"
    assert shown["post {room} Hi --sender j1 --client-id n1"]["sender_id"] == "j1"
    texts = [found["text"] for found in shown["messages {room}"]["results"]]
    assert texts == ["Buy now!", "Hello", "Hi"]
    assert shown["messages {room} --before {message} --limit 1"]["results"] == []
    assert len(shown["messages {room} --after {message}"]["results"]) == 2
    assert shown["users j1"]["user_id"] == "j1"
    assert shown["users j1 --name Jay"]["name"] == "Jay"
    assert [found["id"] for found in shown["reports"]["results"]] == [report.id]
    assert shown["reports --state resolved"]["results"] == []
    resolved = shown["reports --resolve {report} --note Seen"]
    assert (resolved["state"], resolved["note"]) == ("resolved", "Seen")
    assert shown["stats"]["messages"] >= 2
    for line in ("messages {room} --delete {message}", "users j1 --disconnect", "ban j1 --lift",
                 "ban j1 --until 2090-01-01T00:00:00Z", "ban j1 --reason spam", "users j1 --erase",
                 "rooms {room} --delete"):  # fmt: skip
        assert shown[line] == {"ok": True}, line


def test_admin_says_what_is_wrong(site: Server) -> None:
    for arguments, code, sentence in (
        (["rooms", "999999"], 1, "not_found"),
        (["rooms", "--delete"], 2, "Name the ROOM"),
        (["stats", "--key", "x" * 40], 2, "does not accept the key"),
        (["stats", "--url", "http://127.0.0.1:9", "--key", KEY], 2, "No server answers"),
        (["ban", "a1", "--until", "soon"], 1, "until"),
    ):
        said = admin(site, *arguments, code=code)
        assert sentence in said
        assert "Traceback" not in said


def test_admin_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROOMCAST_SERVER_API_KEYS", raising=False)
    done = CliRunner().invoke(main, ["admin", "stats"])
    assert done.exit_code == 2
    assert "There is no key" in done.output


def test_verify_makes_its_own_users(site: Server) -> None:
    only = [word for name in ("isolation", "authentication") for word in ("--only", name)]
    options = [*only, "--rate", "0", "--quiet", "--json"]
    done = CliRunner().invoke(main, ["verify", site.url, "--server-key", KEY, *options])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["ok"] is True
    with Chat(site.url, KEY) as chat:
        mine = [r for r in chat.rooms() if (r.context or "").startswith("roomcast-verify:")]
    assert mine == []
