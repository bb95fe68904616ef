"""The documentation of the WebSocket side: every action, event, refusal and close, as they are."""

from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from roomcast.protocol import codec, events
from roomcast.protocol.actions import Action, AnyAction
from roomcast.protocol.errors import Close, Refusal

from ..client import Person
from .conftest import Json, Make, running

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


@pytest.fixture
async def document(ada: Person) -> Json:
    found: Json = (await ada.get("asyncapi/")).json()
    return found


def refs(part: Any) -> Iterator[str]:
    """Every `$ref` below this part of a document."""
    if isinstance(part, dict):
        yield from (value for name, value in part.items() if name == "$ref")
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from refs(inner)


def resolve(document: Json, ref: str) -> Json:
    found = document
    for step in ref.removeprefix("#/").split("/"):
        found = found[step]
    return resolve(document, found["$ref"]) if "$ref" in found else found


def messages_of(document: Json, operation: str) -> dict[str, Json]:
    """By their names on the wire."""
    listed = [resolve(document, m["$ref"]) for m in document["operations"][operation]["messages"]]
    return {message["name"]: message for message in listed}


def check(document: Json, message: Json, payload: Any) -> None:
    """Against the message's schema, strictly: without a field that is not in it."""
    schemas = {
        name: schema | {"additionalProperties": False}
        for name, schema in document["components"]["schemas"].items()
    }
    whole = message["payload"] | {"components": {"schemas": schemas}}
    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(
        payload
    )


# ---------------------------------------------------------------- its form


async def test_the_document_is_asyncapi_3(document: Json) -> None:
    assert document["asyncapi"] == "3.0.0"
    assert set(document) == {
        "asyncapi", "info", "defaultContentType", "servers", "channels", "operations", "components",
    }  # fmt: skip
    assert {"title", "version", "description", "license"} == set(document["info"])
    addresses = {name: channel["address"] for name, channel in document["channels"].items()}
    assert addresses == {"room": "/ws/chat/", "notifications": "/ws/chat/notifications/"}
    assert {o["action"] for o in document["operations"].values()} == {"send", "receive"}


async def test_every_reference_leads_somewhere(document: Json) -> None:
    found = list(refs(document))
    assert len(found) > 50
    for ref in found:
        assert resolve(document, ref)


async def test_operations_speak_of_their_channels_messages_only(document: Json) -> None:
    for operation in document["operations"].values():
        channel = operation["channel"]["$ref"]
        assert resolve(document, channel)
        for message in operation["messages"]:
            assert message["$ref"].startswith(f"{channel}/messages/")


async def test_every_schema_is_a_schema(document: Json) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


# ---------------------------------------------------------------- whole


async def test_every_action_and_event_is_documented(document: Json) -> None:
    actions = {kind.__struct_config__.tag for kind in Action.__subclasses__()}
    received = {kind.__struct_config__.tag for kind in events.Event.__subclasses__()}
    assert actions == {kind.__struct_config__.tag for kind in get_args(AnyAction)}
    assert set(messages_of(document, "act")) == actions
    assert set(messages_of(document, "tell")) == received - {"notify"} | {"first frame"}
    assert set(messages_of(document, "ask")) == {"ping", "auth"}
    assert set(messages_of(document, "notify")) == {"notify", "pong", "auth", "error"}


async def test_every_message_has_words_and_an_example(document: Json) -> None:
    for message in document["components"]["messages"].values():
        assert message["summary"].endswith((".", "?")), message["title"]
        assert message["examples"], message["title"]


async def test_every_field_has_words(document: Json) -> None:
    for name, schema in document["components"]["schemas"].items():
        for field, its in schema["properties"].items():
            is_tag = len(its.get("enum", ())) == 1
            assert is_tag or its.get("description"), f"{name}.{field}"


async def test_every_code_and_every_close_is_documented(document: Json) -> None:
    codes = document["components"]["schemas"]["Error"]["properties"]["code"]["enum"]
    of_http = {"unauthenticated", "method_not_allowed"}
    assert set(codes) == {kind.code for kind in Refusal.__subclasses__()} - of_http
    channel = document["channels"]["room"]
    shown = {(close["code"], close["reason"]) for close in channel["x-close-codes"]}
    assert shown == {close.value for close in Close}
    for close in Close:
        assert f"| {close.code} | {close.reason} |" in channel["description"]


async def test_the_query_of_the_handshake_is_documented(document: Json) -> None:
    query = document["channels"]["room"]["bindings"]["ws"]["query"]
    assert set(query["properties"]) == {"room_id", "after", "epoch", "receipts"}
    assert query["required"] == ["room_id"]


# ---------------------------------------------------------------- true


async def test_every_example_is_what_its_schema_says(document: Json) -> None:
    for message in document["components"]["messages"].values():
        for example in message["examples"]:
            check(document, message, example["payload"])


async def test_every_example_of_an_action_is_one_that_the_server_takes(document: Json) -> None:
    for name, message in messages_of(document, "act").items():
        for example in message["examples"]:
            action = codec.decode(codec.encode(example["payload"]))
            assert action.__struct_config__.tag == name


async def test_what_a_socket_is_told_is_what_is_documented(
    document: Json, ada: Person, stranger: Callable[..., Person]
) -> None:
    told, carl = messages_of(document, "tell"), stranger()  # whom nobody saw online just now
    seen = {kind async for kind in everything(document, told, ada, carl, await ada.opens(carl))}
    assert seen == set(told) - {"acted"}  # buttons are the site's


async def everything(
    document: Json, told: dict[str, Json], ada: Person, bob: Person, room: int
) -> Any:
    """Every kind of frame there is; each is held against the document."""
    async with ada.enters(room) as mine, bob.enters(room, receipts="manual,compact") as his:
        first = await mine.says("Hello", client_id="one")
        await his.does("read", message_id=first["message_id"])
        await mine.receives("mark_message_as_read")
        await his.receives("receipt", read=first["message_id"])
        await his.does("typing")
        await mine.receives("typing")
        presence = await mine.notices(bob.id, online=True)
        dot = {"name": "dot.png", "size": 70, "type": "image/png"}
        await mine.says("A dot", file=dot | {"data": PNG})
        await mine.sends("Later", file=dot)
        await mine.does("history", limit=1)
        await mine.does("edit", message_id=first["message_id"], text="Hello, Bob")
        await his.is_refused("edit", message_id=first["message_id"], text="no")
        await mine.says("Hi", reply_to=first["message_id"])
        await his.does("react", message_id=first["message_id"], emoji="👍")
        await mine.receives("message_reacted")
        await mine.does("auth", token=ada.token())
        await mine.receives("auth")
        await mine.does("delete", message_id=first["message_id"])
        await mine.does("ping")
        await mine.receives("pong")
        await ada.asks("PATCH", f"chat/rooms/{room}/", json={"title": "Garden"})
        await mine.receives("room_changed")
        async with bob.enters(room, after=0) as again:
            assert (await ada.delete(f"chat/delete/{room}")).status_code == 204
            await again.receives("room_deleted")
        await mine.closes()
    for frame in (presence, *mine.seen, *his.seen, *again.seen):
        kind = "first frame" if isinstance(frame, list) else frame["type"]
        check(document, told[kind], frame)
        yield kind


async def test_what_a_listener_is_told_is_what_is_documented(
    document: Json, ada: Person, bob: Person, room: int
) -> None:
    told = messages_of(document, "notify")
    await ada.posts(room, "Hello")
    async with bob.listens() as his:
        await his.does("auth", token=bob.token())
        await his.does("ping")
        await his.receives("pong")
        await his.is_refused("send", message="no")
        if not his.saw("auth"):
            await his.receives("auth")
    assert {frame["type"] for frame in his.seen} == set(told)
    for frame in his.seen:
        check(document, told[frame["type"]], frame)


async def test_the_address_is_the_one_that_was_asked(ada: Person) -> None:
    for headers, protocol in (({}, "ws"), ({"X-Forwarded-Proto": "https"}, "wss")):
        answer = await ada.asks("GET", "asyncapi/", headers=headers | {"Host": "chat.example.com"})
        here = answer.json()["servers"]["here"]
        assert (here["host"], here["pathname"], here["protocol"]) == (
            "chat.example.com",
            "/",
            protocol,
        )


async def test_the_address_is_the_public_url_where_one_is_set(make: Make) -> None:
    async with running(make(server={"public_url": "https://example.com/chat"})) as client:
        document = (await client.get("/api/v1/asyncapi/")).json()
    here = document["servers"]["here"]
    assert (here["host"], here["pathname"], here["protocol"]) == ("example.com", "/chat", "wss")
