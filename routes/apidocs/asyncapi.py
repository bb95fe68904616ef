"""The WebSocket side as an AsyncAPI 3.0 document: every action, event, refusal and close."""

import inspect
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from ...protocol import events
from ...protocol.actions import AnyAction, Auth, Ping
from ...protocol.errors import Close, MethodNotAllowed, Refusal, Unauthenticated
from ...protocol.events import AuthRenewed, Notified, NotifiedNested, Pong
from ...settings import Settings
from .call import JSON, Id, Parameter
from .examples import examples_of
from .openapi import info
from .schemas import Json, schemas_of

ABOUT = """
Live events of a room: a socket for each room, and one for notifications from all of a user's
rooms. Each frame is one JSON object. Rooms are opened, listed and deleted by HTTP, which
`swagger/` documents.

- The handshake is always completed. A user who may not join is then refused by a close code, which
  a browser can read.
- The first frame is an array of the newest {limits.history_page_size} messages, oldest first, or
  with `after` a `sync` with all changes after the cursor. Clients should connect with `after` and
  the highest `version` they have seen: so nothing is lost or comes twice when a connection is
  lost.
- A frame that is refused is answered by an `error` on its socket alone; the socket stays open.
- Limits here: {limits.max_text_length:,} characters a text, {limits.max_client_id_length} a
  `client_id`, {files.max_files} files a message, {files.max_size:,} bytes a file,
  {limits.max_frame_size:,} bytes a frame, {rate_limit.rate:g} actions a second. Files may be
  {types}.
"""

Receipts = Literal["manual", "compact", "manual,compact", "compact,manual"]
QUERY = (
    Parameter("room_id", Id, "The room to join.", is_required=True),
    Parameter("after", Id, "The highest `version` that the client has seen of this room."),
    Parameter("epoch", str, "The `epoch` of the `sync` from which the cursor comes."),
    Parameter(
        "receipts",
        Receipts,
        "`manual`: messages are only marked as read by `read`. `compact`: one "
        "`receipt` frame in place of the two `mark_message_as_…`.",
    ),
)

SECURITY: dict[str, Json] = {
    "subprotocol": {
        "type": "httpApiKey",
        "in": "header",
        "name": "Sec-WebSocket-Protocol",
        "description": "In a browser: `new WebSocket(url, ['Bearer', token])`.",
    },
    "header": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The header `Authorization`, for clients that are no browsers.",
    },
}
HTTP_ONLY = (Unauthenticated, MethodNotAllowed)
FIRST = list[events.Message]
ASKED = (Ping, Auth)
NOTIFIED_ONLY = (NotifiedNested, Notified)
NOTIFIED = (*NOTIFIED_ONLY, Pong, AuthRenewed, events.Error)


def document(settings: Settings, base: str) -> Json:
    """Return the document; `base` is the address of the chat, `https://host/prefix`."""
    return _document(settings) | {"servers": {"here": _server(base)}}


@lru_cache(16)
def _document(settings: Settings) -> Json:
    actions: list[Any] = list(get_args(AnyAction))
    received = [FIRST, *(k for k in events.Event.__subclasses__() if k not in NOTIFIED_ONLY)]
    kinds = [*actions, *received, *NOTIFIED_ONLY]
    shown, schemas = schemas_of([*kinds, *(given.type for given in QUERY)])
    _list_codes(schemas["Error"]["properties"]["code"])
    return {
        "asyncapi": "3.0.0",
        "info": info(ABOUT, settings) | {"license": {"name": "MIT"}},
        "defaultContentType": JSON,
        "channels": {
            "room": _room(shown, [*actions, *received]),
            "notifications": _notifications([*ASKED, *NOTIFIED]),
        },
        "operations": {
            "act": _operation("receive", "room", "Actions of a client.", actions),
            "tell": _operation("send", "room", "Frames for a client.", received),
            "ask": _operation("receive", "notifications", "Frames of a listener.", ASKED),
            "notify": _operation("send", "notifications", "Frames for a listener.", NOTIFIED),
        },
        "components": {
            "messages": {_name(kind): _message(kind, shown) for kind in kinds},
            "schemas": schemas,
            "securitySchemes": SECURITY,
        },
    }


def _server(base: str) -> Json:
    url = urlsplit(base)
    return {
        "host": url.netloc,
        "pathname": url.path or "/",
        "protocol": "wss" if url.scheme == "https" else "ws",
        "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in SECURITY],
    }


def _room(shown: dict[Any, Json], kinds: Iterable[Any]) -> Json:
    query = {
        "type": "object",
        "properties": {p.name: shown[p.type] | {"description": p.description} for p in QUERY},
        "required": [p.name for p in QUERY if p.is_required],
    }
    ws = {"method": "GET", "query": query, "bindingVersion": "0.1.0"}
    channel = _channel("/ws/chat/", "A member's socket into one room", kinds)
    return channel | {"bindings": {"ws": ws}}


def _notifications(kinds: Iterable[Any]) -> Json:
    title = "A user's socket for notifications from all of their rooms"
    flat = {
        "type": "string",
        "enum": ["flat"],
        "description": "The flat shape of `notify`; otherwise the frame is nested.",
    }
    query = {"type": "object", "properties": {"format": flat}}
    ws = {"method": "GET", "query": query, "bindingVersion": "0.1.0"}
    channel = _channel("/ws/chat/notifications/", title, kinds)
    return channel | {"bindings": {"ws": ws}}


def _channel(address: str, title: str, kinds: Iterable[Any]) -> Json:
    closes = "\n".join(f"| {close.code} | {close.reason} |" for close in Close)
    return {
        "address": address,
        "title": title,
        "description": f"It ends with one of these codes:\n\n| code | why |\n|---|---|\n{closes}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in map(_name, kinds)},
        "x-close-codes": [{"code": close.code, "reason": close.reason} for close in Close],
    }


def _operation(
    action: Literal["send", "receive"], where: str, summary: str, kinds: Iterable[Any]
) -> Json:
    messages = [{"$ref": f"#/channels/{where}/messages/{_name(kind)}"} for kind in kinds]
    channel = {"$ref": f"#/channels/{where}"}
    return {"action": action, "channel": channel, "summary": summary, "messages": messages}


def _message(kind: Any, shown: dict[Any, Json]) -> Json:
    if kind is FIRST:
        examples = {"newest": list(examples_of("Message").values())}
        tag, words = "first frame", "Without `after`: the newest messages, oldest first."
    else:
        examples = examples_of(_name(kind))
        tag, words = str(kind.__struct_config__.tag), inspect.getdoc(kind) or ""
    return {
        "name": tag,
        "title": _name(kind),
        "summary": words.partition("\n\n")[0].replace("\n", " "),
        "description": words,
        "payload": shown[kind],
        "examples": [{"name": name, "payload": payload} for name, payload in examples.items()],
    }


def _name(kind: Any) -> str:
    return "NewestMessages" if kind is FIRST else str(kind.__name__)


def _list_codes(schema: Json) -> None:
    refusals = [kind for kind in Refusal.__subclasses__() if kind not in HTTP_ONLY]
    schema["enum"] = [kind.code for kind in refusals]
    schema["description"] = "\n".join(f"- `{kind.code}`: {kind.text}" for kind in refusals)
