"""The HTTP side as an OpenAPI 3.1 document: the routes, the table of calls, the types."""

import inspect
import re
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from itertools import groupby
from typing import Any

from msgspec import Struct
from starlette.routing import Route

from ...protocol.actions import Action
from ...protocol.errors import Refusal
from ...settings import Limits, Settings
from .call import ANY, JSON, PLACES, Answer, Call, Parameter
from .examples import examples_of
from .operations import CALLS
from .schemas import Json, schemas_of
from .server_calls import SERVER_CALLS

ABOUT = """
Rooms and messages by HTTP. Live events of a room are sent on its WebSocket, which `asyncapi/`
documents.

- Every call but the open ones needs a token of the site: **Authorize**, then **Try it out**. The
  command `roomcast token --user 2` prints one for trials.
- A path works with and without its last slash, and `HEAD` works where `GET` does.
- The site chooses the ids of users: a whole number is a number in JSON, any other id is a
  string. In a request `2` and `"2"` are the same user, and ids of rooms and messages may be strings
  too. Fields and parameters that are not listed are ignored.
- Every error has one shape, `{{"detail": …, "code": …}}`. Beside those listed with each call there
  are 404 `not_found` for an unknown path and 405 `method_not_allowed`.
- Limits here: {limits.max_text_length:,} characters a text, {limits.max_title_length} a title or
  context, {limits.max_client_id_length} a `client_id`, {limits.max_members} members a room,
  {files.max_files} files a message, {files.max_size:,} bytes a file, {limits.max_frame_size:,}
  bytes a body. Files may be {types}.
"""

HEADERS: dict[int, Json] = {
    401: {"WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string"}}},
    429: {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}},
}


SITE_TAG = "server"  # of all calls of the server API


class Refused(Struct):
    """The one shape of every error."""

    detail: str
    code: str


def document(
    api: Sequence[Route], apart: Sequence[Route], settings: Settings, here: str, root: str
) -> Json:
    """Return the document; `here` is the path of the API on this host, `root` that of other routes.

    The calls of the server API are included if there are keys for them.
    """
    has_site = bool(settings.server_api.keys)
    calls = CALLS | SERVER_CALLS if has_site else CALLS
    shown, components = schemas_of([*(k for call in calls.values() for k in call.kinds), Refused])
    writer = _Writer(shown, components, settings, calls)
    key = {"key": {"type": "http", "scheme": "bearer"}} if has_site else {}
    paths = writer.paths(api, "/")
    for path, item in writer.paths(apart, "").items():
        paths[path] = {"servers": [_server(root)], **item}
    return {
        "openapi": "3.1.0",
        "info": info(ABOUT, settings),
        "servers": [_server(here)],
        "security": [{"token": []}],
        "tags": _tags([*api, *apart]),
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                **key,
            },
        },
    }


def _server(url: str) -> Json:
    return {"url": url, "description": "this server"}


def info(about: str, settings: Settings) -> Json:
    limits, files = settings.limits, settings.attachments
    text = about.format(
        limits=limits, rate_limit=settings.rate_limit, files=files, types=", ".join(files.types)
    )
    return {
        "title": "roomcast",
        "version": version("roomcast"),
        "description": text.strip(),
        "license": {"name": "MIT"},
    }


def _tags(routes: Iterable[Route]) -> list[Json]:
    """Return a tag for each file of routes, with the first sentence of its docstring."""
    described: dict[str, Json] = {}
    for module in dict.fromkeys(route.endpoint.__module__ for route in routes):
        package = module.rpartition(".")[0] if _tag(module) == SITE_TAG else module
        words = (sys.modules[package].__doc__ or "").strip()
        described.setdefault(_tag(module), {"name": _tag(module), "description": words})
    return list(described.values())


def _tag(module: str) -> str:
    return SITE_TAG if ".server_api." in module else module.rpartition(".")[2]


class _Writer:
    def __init__(
        self,
        shown: dict[Any, Json],
        components: dict[str, Json],
        settings: Settings,
        calls: dict[str, Call],
    ) -> None:
        self._calls = calls
        self._shown = shown
        self._limits = settings.limits
        for kind in shown:
            if isinstance(kind, type) and issubclass(kind, Action):
                _without_action(components[kind.__name__])
        bodies = {
            call.body.type.__name__ for call in calls.values() if call.body and call.body.type
        }
        for name in bodies:
            _bound(components[name], settings.limits)

    def paths(self, routes: Iterable[Route], slash: str) -> dict[str, Json]:
        paths: dict[str, Json] = {}
        for route in routes:
            for method in sorted((route.methods or set()) - {"HEAD"}):
                path = re.sub(r":\w+}", "}", route.path) + slash
                call = self._calls[f"{method} {route.path}"]
                paths.setdefault(path, {})[method.lower()] = self._operation(method, route, call)
        return paths

    def _operation(self, method: str, route: Route, call: Call) -> Json:
        summary, _, more = (inspect.getdoc(route.endpoint) or "").partition("\n\n")
        places = [place for place in PLACES if place.name in route.param_convertors]
        operation: Json = {
            "tags": [_tag(route.endpoint.__module__)],
            "operationId": "_".join([method.lower(), *re.findall(r"\w+", route.path)]),
            "summary": summary.replace("\n", " "),
            "parameters": [self._parameter(p) for p in (*places, *call.parameters)],
            "responses": self._responses(call),
        }
        if more:
            operation["description"] = more
        if call.body:
            operation["requestBody"] = self._body(call.body, call.examples)
        if call.is_open:
            operation["security"] = []
        elif _tag(route.endpoint.__module__) == SITE_TAG:
            operation["security"] = [{"key": []}]
        return operation

    def _parameter(self, parameter: Parameter) -> Json:
        default = parameter.default
        if isinstance(default, str):
            default = getattr(self._limits, default)
        schema = self._shown[parameter.type]
        return {
            "name": parameter.name,
            "in": parameter.place,
            "description": parameter.description.format(limits=self._limits),
            "required": parameter.is_required,
            "deprecated": parameter.is_old,
            "schema": schema if default is None else schema | {"default": default},
        }

    def _body(self, body: Answer, names: tuple[str, ...]) -> Json:
        content = self._content(body)
        if body.type:
            given = examples_of(body.type.__name__)
            content[JSON]["examples"] = {
                name: {"value": _as_body(given[name])} for name in names or given
            }
        return {"description": body.description, "content": content, "required": body.is_needed}

    def _answer(self, answer: Answer) -> Json:
        shown: Json = {"description": answer.description}
        return shown | {"content": self._content(answer)} if answer.type or answer.media else shown

    def _content(self, answer: Answer) -> Json:
        if answer.type:
            return {JSON: {"schema": self._shown[answer.type]}}
        form: Json = {"format": "binary"} if answer.media == ANY else {}
        return {answer.media: {"schema": {"type": "string"} | form}}

    def _responses(self, call: Call) -> Json:
        answers = {status: self._answer(answer) for status, answer in call.answers.items()}
        refusals = sorted(call.refusals, key=lambda kind: kind.status)
        for status, kinds in groupby(refusals, key=lambda kind: kind.status):
            answers.setdefault(status, self._refusal(status, list(kinds)))
        return {str(status): answer for status, answer in sorted(answers.items())}

    def _refusal(self, status: int, kinds: list[type[Refusal]]) -> Json:
        schema = {
            "allOf": [self._shown[Refused]],
            "properties": {"code": {"enum": [kind.code for kind in kinds]}},
        }
        examples = {
            kind.code: {"value": {"detail": kind.text, "code": kind.code}} for kind in kinds
        }
        return {
            "description": "\n".join(f"- `{kind.code}`: {kind.text}" for kind in kinds),
            "headers": HEADERS.get(status, {}),
            "content": {JSON: {"schema": schema, "examples": examples}},
        }


def _bound(schema: Json, limits: Limits) -> None:
    """Give the fields of a request body the lengths that the server allows."""
    most = {
        "client_id": limits.max_client_id_length,
        "context": limits.max_title_length,
        "message": limits.max_text_length,
        "text": limits.max_text_length,
        "title": limits.max_title_length,
    }
    for name, field in schema["properties"].items():
        _bound_user(field)
        for part in field.get("anyOf", [field]):
            if part.get("type") == "array":
                _bound_user(part["items"])
            if name == "members":
                part |= {"minItems": 1} if part.get("type") == "array" else {}
        if name in most and "string" in field.get("type", ()):
            field["maxLength"] = most[name]


def _bound_user(schema: Json) -> None:
    """Bound the id of a user, the only kind of value that may be an integer or a string."""
    if {"integer", "string"} <= set(schema.get("type", ())):
        schema |= {"minLength": 1, "maxLength": 255}


def _without_action(schema: Json) -> None:
    """Removes the `action` field from a schema: in an HTTP body the path names the action."""
    del schema["properties"]["action"]
    schema["required"].remove("action")
    schema["examples"] = [_as_body(example) for example in schema["examples"]]


def _as_body(example: Json) -> Json:
    return {name: value for name, value in example.items() if name != "action"}
