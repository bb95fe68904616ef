"""The documentation of the HTTP side: every call, and all of it true."""

import json
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import jwt
import pytest
from jsonschema import Draft202012Validator, ValidationError
from openapi_spec_validator import validate
from roomcast.app import App
from roomcast.protocol import actions, codec
from roomcast.protocol.actions import Send
from roomcast.protocol.codec import decode_as
from roomcast.protocol.errors import Refusal
from roomcast.routes.apidocs.examples import EXAMPLES
from roomcast.routes.apidocs.operations import CALLS
from roomcast.routes.apidocs.schemas import WORDS
from roomcast.routes.requests import answer_refusal
from roomcast.store.messages.extra import StoredButton
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route

from .conftest import SECRET, SITE, Json, Make, running


def as_user(user: int) -> dict[str, str]:
    token = jwt.encode({"sub": str(user), "exp": time.time() + 600}, SECRET)
    return {"Authorization": f"Bearer {token}"}


def validator(document: Json, schema: Json, *, strict: bool = False) -> Draft202012Validator:
    """Against a schema of the document; strictly: without a field that is not in it."""
    components = json.loads(json.dumps(document["components"]))
    for component in components["schemas"].values() if strict else ():
        component["additionalProperties"] = False
    return Draft202012Validator(
        schema | {"components": components}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def operations(schema: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in schema["paths"].items():
        yield from ((m, path, op) for m, op in item.items() if m != "servers")


def codes_of(answer: Json) -> list[str]:
    """The codes of an error, as it is documented."""
    return list(answer.get("content", {}).get("application/json", {}).get("examples", {}))


# ---------------------------------------------------------------- whole


def calls_of(routes: Sequence[BaseRoute]) -> Iterator[str]:
    """`METHOD /path` of every route that belongs into the documentation."""
    for route in routes:
        if isinstance(route, Mount):
            yield from calls_of(route.routes)
        elif isinstance(route, Route) and route.include_in_schema:
            yield from (f"{m} {route.path}" for m in (route.methods or set()) - {"HEAD"})


async def test_every_route_of_the_app_is_documented_and_no_other(make: Make, schema: Json) -> None:
    routed = set(calls_of(make(server={"web_client": False, "ui": False}).routes))
    assert len(routed) > 10
    assert routed == set(CALLS)
    shown = {(m.upper(), path.rstrip("/")) for m, path, _ in operations(schema)}
    assert shown == {(m, p.replace(":path", "")) for m, p in (call.split() for call in CALLS)}


async def test_the_document_is_valid_openapi(schema: Json) -> None:
    assert schema["openapi"].startswith("3.1")
    validate(schema)


async def test_every_call_says_what_it_does_and_what_goes_wrong(schema: Json) -> None:
    tags = {tag["name"] for tag in schema["tags"] if tag["description"]}
    for method, path, operation in operations(schema):
        assert operation["summary"].endswith("."), (method, path)
        assert set(operation["tags"]) <= tags
        assert "500" in operation["responses"]
        assert ("401" in operation["responses"]) == ("security" not in operation), path
        for parameter in operation["parameters"]:
            assert parameter["description"]


async def test_generators_of_clients_find_a_type_for_everything(schema: Json) -> None:
    """With a default of null a field must be given, a body without a schema is unknown."""
    for name, component in schema["components"]["schemas"].items():
        assert "properties" not in component or "anyOf" not in component, name
        for field, its in component.get("properties", {}).items():
            assert its.get("default", ...) is not None, f"{name}.{field}"
    for method, path, operation in operations(schema):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for kind, content in (pair for body in bodies for pair in body.get("content", {}).items()):
            assert content.get("schema"), f"{method} {path}: {kind}"


async def test_what_a_body_may_not_be_is_not_valid_by_its_schema(schema: Json) -> None:
    """The ids of users, empty lists, and texts that are too long."""
    types = schema["components"]["schemas"]
    check = {
        name: Draft202012Validator({"$ref": f"#/components/schemas/{name}", **schema}).is_valid
        for name in types
    }
    for name, body in (
        ("NewRoom", {"second_user": ""}),
        ("NewRoom", {"second_user": "x" * 256}),
        ("NewRoom", {"members": []}),
        ("NewRoom", {"members": [1, ""]}),
        ("NewRoom", {"second_user": 2, "title": "x" * 201}),
        ("NewRoom", {"second_user": 2, "context": "x" * 201}),
        ("NewMember", {"user_id": ""}),
        ("Send", {"message": "x" * 4001}),
        ("Send", {"message": "x", "client_id": "x" * 65}),
    ):
        assert not check[name](body), (name, body)
    for name, body in (
        ("NewRoom", {"second_user": "x" * 255}),
        ("NewRoom", {"members": [1, "anna"], "title": "x" * 200}),
        ("Send", {"message": "x" * 4000, "client_id": "x" * 64}),
    ):
        assert check[name](body), (name, body)


async def test_every_parameter_of_a_path_is_there(schema: Json) -> None:
    for _, path, operation in operations(schema):
        places = [p["name"] for p in operation["parameters"] if p["in"] == "path"]
        assert places == re.findall(r"{(\w+)}", path)


async def test_every_type_has_words_an_example_and_words_on_its_fields(schema: Json) -> None:
    for name, component in schema["components"]["schemas"].items():
        assert component["description"], name
        assert component["examples"], name
        for field, its in component["properties"].items():
            assert its.get("description"), f"{name}.{field}"


async def test_no_words_and_no_examples_are_of_a_type_that_is_gone(
    client: httpx.AsyncClient, schema: Json
) -> None:
    sockets = (await client.get("/api/v1/asyncapi/")).json()
    types = schema["components"]["schemas"] | sockets["components"]["schemas"]
    fields = {field for its in types.values() for field in its["properties"]}
    assert set(EXAMPLES) <= set(types)
    for word in WORDS:
        name, _, field = word.rpartition(".")
        assert field in (types[name]["properties"] if name else fields), word


async def test_every_code_is_documented_with_a_status_of_its_own(schema: Json) -> None:
    shown = {
        (int(status), code)
        for _, _, operation in operations(schema)
        for status, answer in operation["responses"].items()
        for code in codes_of(answer)
    }
    told_in_words = {(405, "method_not_allowed")}
    assert shown | told_in_words == {(kind.status, kind.code) for kind in Refusal.__subclasses__()}


async def test_numbers_are_those_of_this_servers_settings(make: Make) -> None:
    app = make(limits={"room_page_size": 3, "max_room_page_size": 7, "max_text_length": 1234})
    async with running(app) as client:
        schema = (await client.get("/api/v1/schema/")).json()
    listing = schema["paths"]["/chat/receive/"]["get"]["parameters"]
    size = next(p for p in listing if p["name"] == "page_size")
    assert (size["schema"]["default"], "at most 7" in size["description"]) == (3, True)
    assert "1,234 characters" in schema["info"]["description"]


# ---------------------------------------------------------------- true


async def test_every_example_is_what_its_schema_says(schema: Json) -> None:
    count = 0
    for name, component in schema["components"]["schemas"].items():
        check = validator(schema, {"$ref": f"#/components/schemas/{name}"}, strict=True)
        for example in component["examples"]:
            check.validate(example)
            count += 1
    for _, _, operation in operations(schema):
        for part in (operation.get("requestBody", {}), *operation["responses"].values()):
            for media in part.get("content", {}).values():
                check = validator(schema, media.get("schema", {}), strict=True)
                for example in media.get("examples", {}).values():
                    check.validate(example["value"])
                    count += 1
    assert count > 50


async def test_what_is_wrong_would_be_found(schema: Json) -> None:
    check = validator(schema, {"$ref": "#/components/schemas/Message"}, strict=True)
    good = decode_as(codec.encode(EXAMPLES["Message"]["message"]), dict[str, Any])
    check.validate(good)
    for wrong in ({"created_at": "yesterday"}, {"status": "sent"}, {"sender_id": 1.5}, {"new": 1}):
        with pytest.raises(ValidationError):
            check.validate(good | wrong)


class Caller:
    """Calls, and holds every answer against the document; `seen` are the (call, status)."""

    def __init__(self, app: App, client: httpx.AsyncClient, schema: Json) -> None:
        self.app, self.client, self.schema = app, client, schema
        self.seen: set[tuple[str, str, int]] = set()

    async def __call__(self, user: int, method: str, path: str, **rest: Any) -> httpx.Response:
        places = rest.pop("places", {})
        item = self.schema["paths"][path]
        prefix = "" if "servers" in item else "/en/api/v1"
        headers = (as_user(user) if user else {}) | rest.pop("headers", {})
        url = prefix + path.format(**places)
        answer = await self.client.request(method, url, headers=headers, **rest)
        self.check(item[method.lower()]["responses"], answer)
        self.seen.add((method, path, answer.status_code))
        return answer

    def check(self, responses: Json, answer: httpx.Response) -> None:
        documented = responses[str(answer.status_code)]
        media = answer.headers.get("content-type", "").partition(";")[0]
        content = documented.get("content", {})
        if media == "application/json":
            validator(self.schema, content[media]["schema"], strict=True).validate(answer.json())
        elif content:
            assert media in content or "application/octet-stream" in content
        for name in documented.get("headers", {}):
            assert name in answer.headers


@pytest.fixture
def call(app: App, client: httpx.AsyncClient, schema: Json) -> Caller:
    return Caller(app, client, schema)


MESSAGES = "/chat/rooms/{room_id}/messages/"
MEMBERS = "/chat/rooms/{room_id}/members/"


async def test_every_answer_that_is_documented_comes_as_documented(call: Caller) -> None:
    for path in ("/swagger/", "/schema/", "/asyncapi/", "/healthz", "/readyz", "/metrics"):
        await call(0, "GET", path)
    for _ in range(2):
        room = (await call(2, "POST", "/chat/create/", json={"second_user": 7})).json()["id"]
    where = {"room_id": room}
    message = EXAMPLES["Send"]["file"] | {"client_id": "once"}
    for _ in range(2):
        sent = await call(2, "POST", MESSAGES, places=where, json=message)
    await fetches(call, sent.json()["attachments"][0]["file_url"])
    await uploads(call, room)
    await call(7, "GET", MESSAGES, places=where)
    for path in ("/chat/recieve/", "/chat/receive/"):
        await call(7, "GET", path)
    group = (await call(2, "POST", "/chat/create/", json={"members": [2, 7, 8]})).json()["id"]
    for _ in range(2):
        await call(2, "POST", MEMBERS, places={"room_id": group}, json={"user_id": 9})
    await call(2, "DELETE", MEMBERS + "{user_id}/", places={"room_id": group, "user_id": 9})
    await call(7, "POST", MESSAGES[:-9] + "read/", places=where, json={"message_id": 1})
    await call(7, "POST", "/chat/attachments/", json=EXAMPLES["NewUpload"]["file"] | where)
    for method in ("POST", "DELETE"):
        await call(7, method, "/chat/blocks/{user_id}/", places={"user_id": "a%2Fb"})
    await call(7, "GET", "/chat/blocks/")
    await call(7, "GET", "/chat/me/")
    await call(0, "GET", "/chat/config/")
    await changes(call, room)
    await call(7, "GET", "/chat/search/", params={"q": "dot"})
    await call(7, "GET", "/chat/unread/")
    await call(7, "GET", "/chat/export/")
    await call(7, "DELETE", "/chat/me/")
    await call(7, "GET", "/chat/rooms/{room_id}/", places=where)
    await call(2, "PATCH", "/chat/rooms/{room_id}/", places=where, json={"title": "Garden"})
    await call(2, "DELETE", "/chat/delete/{room_id}/", places=where)
    documented = {
        (method.upper(), path, int(status))
        for method, path, operation in operations(call.schema)
        for status in operation["responses"]
        if status < "4"
    }
    assert {s for s in call.seen if s[2] < 400} == documented


async def changes(call: Caller, room: int) -> None:
    sent = await call(2, "POST", MESSAGES, places={"room_id": room}, json={"message": "one"})
    places = {"room_id": room, "message_id": sent.json()["message_id"], "emoji": "%F0%9F%91%8D"}
    await call(2, "PATCH", MESSAGES + "{message_id}/", places=places, json={"text": "two"})
    for method in ("PUT", "DELETE"):
        await call(7, method, MESSAGES + "{message_id}/reactions/{emoji}/", places=places)
    chat = call.app.state.chat
    send = Send("An offer")
    offer = await chat.messages.post(room, "2", send, "", [StoredButton("Accept", "accept")])
    offered = {"room_id": room, "message_id": offer.message.id}
    spam = {"reason": "spam"}
    await call(7, "POST", MESSAGES + "{message_id}/report/", places=offered, json=spam)
    await call(7, "POST", MESSAGES + "{message_id}/act/", places=offered, json={"id": "accept"})
    await call(2, "DELETE", MESSAGES + "{message_id}/", places=places)


def there(link: str) -> Json:
    url = httpx.URL(link)
    return {"places": {"path": url.path.removeprefix("/files/")}, "params": url.params}


async def fetches(call: Caller, link: str) -> None:
    whole = await call(0, "GET", "/files/{path}", **there(link))
    known = {"If-None-Match": whole.headers["etag"]}
    await call(0, "GET", "/files/{path}", **there(link), headers=known)
    await call(0, "GET", "/files/{path}", **there(link), headers={"Range": "bytes=0-3"})
    await call(0, "GET", "/files/{path}", **there(link), headers={"Range": "bytes=900-"})
    await call(0, "OPTIONS", "/files/{path}", **there(link))


async def uploads(call: Caller, room: int) -> None:
    """A socket hands such links out."""
    wish = Send(file=actions.File("a.txt", 5, "text/plain"))
    offer = await call.app.state.chat.messages.offer_upload(room, "2", wish, SITE)
    await call(0, "PUT", "/files/{path}", **there(offer.presigned_url), content=b"Hello")


@pytest.mark.parametrize(
    ("asked", "rest", "said"),
    [
        ("- GET /chat/receive/", {}, "401 unauthenticated"),
        ("2 GET /chat/receive/", {"params": {"first_user": 7}}, "403 forbidden"),
        ("2 GET /chat/receive/", {"params": {"page": 0}}, "400 invalid_frame"),
        ("2 POST /chat/create/", {"content": "{"}, "400 invalid_json"),
        ("2 POST /chat/create/", {"json": {"members": [7, 8]}}, "403 forbidden"),
        (
            "2 POST /chat/create/",
            {"json": {"second_user": 7, "title": "x" * 201}},
            "400 too_long",
        ),
        ("2 PATCH /chat/rooms/{room_id}/", {"json": {"title": "x" * 201}}, "400 too_long"),
        ("2 DELETE /chat/delete/{room_id}/", {}, "404 not_found"),
        (f"2 GET {MESSAGES}", {}, "404 not_found"),
        (f"2 GET {MESSAGES}", {"params": {"limit": "x"}}, "400 invalid_frame"),
        (f"2 POST {MESSAGES}", {"json": {"message": " "}}, "400 empty_message"),
        (f"2 POST {MESSAGES}", {"json": {"message": "x" * 4001}}, "400 too_long"),
        (f"2 POST {MESSAGES}", {"json": {"message": "x"}}, "404 not_found"),
        ("- GET /files/{path}", {}, "403 forbidden"),
        ("- PUT /files/{path}", {}, "403 forbidden"),
    ],
)
async def test_an_error_comes_as_documented(
    call: Caller, asked: str, rest: Json, said: str
) -> None:
    user, method, path = asked.split()
    places = {"room_id": 9, "path": "uploads/a"}
    answer = await call(int(user.strip("-") or 0), method, path, places=places, **rest)
    assert f"{answer.status_code} {answer.json()['code']}" == said


@pytest.mark.parametrize("kind", Refusal.__subclasses__(), ids=lambda kind: kind.code)
async def test_every_refusal_comes_with_the_headers_that_are_documented(
    call: Caller, kind: type[Refusal]
) -> None:
    given = answer_refusal(Request({"type": "http", "app": Starlette()}), kind())
    answer = httpx.Response(given.status_code, headers=given.raw_headers, content=given.body)
    for _, _, operation in operations(call.schema):
        if kind.code in codes_of(operation["responses"].get(str(kind.status), {})):
            call.check(operation["responses"], answer)


@pytest.mark.parametrize("path", ["/chat/create/", MESSAGES])
async def test_what_is_offered_to_try_out_can_be_done(call: Caller, path: str) -> None:
    room = (await call(2, "POST", "/chat/create/", json={"second_user": 5})).json()["id"]
    body = call.schema["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    for name, example in body["examples"].items():
        answer = await call(2, "POST", path, places={"room_id": room}, json=example["value"])
        expected = 400 if name == "finished upload" else 201  # there is no such upload here
        assert answer.status_code == expected, (name, answer.text)
