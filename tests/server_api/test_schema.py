"""The server API in OpenAPI: there where there are keys, under a tag of its own."""

import pytest
from openapi_spec_validator import validate
from roomcast.routes import server_api
from roomcast.routes.apidocs.examples import examples_of
from roomcast.routes.apidocs.server_calls import SERVER_CALLS
from roomcast.testing import chat_client

from .conftest import Site


async def test_every_call_is_documented_under_its_tag(site: Site) -> None:
    schema = (await site.get("http://chat.test/api/v1/schema/")).json()
    validate(schema)
    assert schema["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    shown = {
        f"{method.upper()} {path.rstrip('/')}": operation
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if path.startswith("/server/")
    }
    routed = {
        f"{method} {route.path.replace(':path', '')}"
        for route in server_api.API
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert set(shown) == routed == {call.replace(":path", "") for call in SERVER_CALLS}
    for operation in shown.values():
        assert operation["tags"] == ["server"]
        assert operation["security"] == [{"key": []}]
        assert "401" in operation["responses"]
        assert operation["summary"].endswith(".")
    (tag,) = [tag for tag in schema["tags"] if tag["name"] == "server"]
    assert tag["description"]


async def test_without_keys_nothing_is_said_of_it() -> None:
    async with chat_client(1) as ada:
        schema = (await ada.get("/api/v1/schema/")).json()
    assert not [path for path in schema["paths"] if path.startswith("/server/")]
    assert "key" not in schema["components"]["securitySchemes"]


@pytest.mark.parametrize("call", SERVER_CALLS)
def test_every_body_has_an_example(call: str) -> None:
    body = SERVER_CALLS[call].body
    assert body is None or examples_of(body.type.__name__)
